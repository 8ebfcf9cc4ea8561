//! Faults on real sockets, seen from the plane's end and from the node's.

use std::io::ErrorKind;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::faulty::{Conditions, Faulty};
use super::plane::{Plane, Wire};
use super::*;
use crate::fault::passage::{Meddling, Passage, Stated};

/// Waits shorter than this are those of faults; the call itself ends after 60 s.
const FAULTS_END: Duration = Duration::from_secs(50);

fn read<T: serde::de::DeserializeOwned>(parameters: Value) -> T {
    serde_json::from_value(parameters).unwrap()
}

/// What meets the fault of this name.
fn passage(fault: &str, parameters: Value) -> Passage {
    let draw = shared::seed::Seed(1).draw("test", 0);
    let mut passage = Passage::default();
    match fault {
        "latency" => passage.delay(&read(parameters), draw),
        "bandwidth" => passage.narrow(&read(parameters)),
        "timeout" => passage.swallow(&read(parameters)),
        "reset-peer" => passage.reset(&read(parameters)),
        "limit-data" => passage.limit(&read(parameters)),
        "slicer" => passage.slice(&read(parameters), draw),
        "partition" => passage.cut(&read(parameters)),
        other => panic!("{other}"),
    }
    passage
}

fn conditions(passage: &Passage) -> Conditions {
    Conditions::new(passage, |period| Duration::from_millis(period.as_milliseconds()))
}

/// A call that meets this.
fn under(passage: &Passage, body: &str) -> Outgoing {
    let obstacles = Obstacles { conditions: conditions(passage), meddling: passage.meddling.clone() };
    Outgoing { obstacles: Some(obstacles), ..call(body, 0) }
}

struct Stage {
    plane: Plane,
    clock: TestClock,
    client: Client<TestClock>,
}

impl Stage {
    async fn new() -> Self {
        let (plane, clock) = (Plane::new().await, TestClock::new());
        let client = client(&plane.url(), &clock, Limits::of_connections(2));
        Self { plane, clock, client }
    }

    /// Lets time pass from wait to wait, until the call has ended.
    async fn play(&self, call: JoinHandle<Sent>) -> Sent {
        while !call.is_finished() {
            until(|| call.is_finished() || self.clock.next_wait(FAULTS_END).is_some()).await;
            if let Some(wait) = self.clock.next_wait(FAULTS_END) {
                self.clock.pass_to(wait);
            }
        }
        call.await.unwrap()
    }

    /// The call is answered with its own body; how long it took.
    async fn echoed(&self, passage: &Passage, body: &str) -> Duration {
        let began = self.clock.wall();
        let call = start(&self.client, under(passage, body));
        let serve = async { self.plane.accept().await.echo().await };
        let (sent, heard) = tokio::join!(self.play(call), serve);
        assert_eq!((&*sent.outcome.unwrap(), &*heard), (body.as_bytes(), body));
        assert_eq!(self.clock.wall() - began, sent.latency);
        sent.latency
    }

    /// The fleet recovers: a call without faults goes as ever, over another connection.
    async fn recovers(&self) {
        let serve = async { self.plane.accept().await.echo().await };
        let (sent, _) = tokio::join!(self.client.send(call("{}", 0)), serve);
        assert_eq!(sent.outcome.unwrap(), "{}");
    }
}

fn broken(sent: Sent) -> TransportError {
    match sent.outcome {
        Err(CallError::Unreachable { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_slows_a_call_is_seen_in_its_latency() {
    let body = "x".repeat(1_000);
    let answer = 1_000.0 + 40.0; // the head of an echo
    let cases = [
        ("latency", json!({"delay": "2s"}), 2.0, 2.0),
        ("latency", json!({"delay": "2s", "jitter": "500ms"}), 1.5, 2.5),
        ("latency", json!({"delay": "2s", "direction": "both"}), 4.0, 4.0),
        ("bandwidth", json!({"bytes_per_second": 500}), answer / 500.0, answer / 500.0 + 0.1),
        ("bandwidth", json!({"bytes_per_second": 500, "direction": "up"}), 2.5, 4.0),
        ("slicer", json!({"average_size": 100, "delay": "1s"}), 9.0, 10.0),
        ("slicer", json!({"average_size": 100, "size_variation": 50, "delay": "1s"}), 7.0, 13.0),
        ("slicer", json!({"average_size": 100, "delay": "1s", "direction": "up"}), 13.0, 18.0),
    ];
    let stage = Stage::new().await;
    for (fault, parameters, least, most) in cases {
        let took = stage.echoed(&passage(fault, parameters.clone()), &body).await.as_secs_f64();
        assert!((least - 0.001..=most + 0.001).contains(&took), "{fault} {parameters}: {took} s");
        stage.clock.pass_to(Duration::ZERO);
        stage.clock.1.lock().unwrap().clear();
    }
    stage.recovers().await;
}

#[tokio::test]
async fn a_delayed_request_reaches_the_plane_later() {
    let stage = Stage::new().await;
    let call =
        start(&stage.client, under(&passage("latency", json!({"delay": "2s", "direction": "up"})), "{}"));
    let mut wire = stage.plane.accept().await;
    until(|| stage.clock.next_wait(FAULTS_END).is_some()).await;
    assert!(wire.is_silent());
    stage.clock.pass(2);
    wire.echo().await;
    assert_eq!(call.await.unwrap().latency, Duration::from_secs(2));
}

#[tokio::test]
async fn a_black_hole_takes_everything_or_the_answer_only() {
    let stage = Stage::new().await;
    let call = start(&stage.client, under(&passage("timeout", json!({})), "{}"));
    let wire = stage.plane.accept().await;
    stage.clock.pass(59);
    assert!(wire.is_silent() && !call.is_finished());
    stage.clock.pass(1);
    assert!(matches!(broken(call.await.unwrap()), TransportError::TimedOut));
    assert_eq!(wire.until_the_end().await.0, 0, "no byte got through");

    let call = start(&stage.client, under(&passage("timeout", json!({"direction": "down"})), "acted"));
    let mut wire = stage.plane.accept().await;
    assert_eq!(wire.echo().await, "acted");
    stage.clock.pass(60);
    assert!(matches!(broken(call.await.unwrap()), TransportError::TimedOut));

    let stage = Stage::new().await;
    let call = start(&stage.client, under(&passage("timeout", json!({"after": "5s"})), "{}"));
    let wire = stage.plane.accept().await;
    let sent = stage.play(call).await;
    assert_eq!(sent.latency, Duration::from_secs(5));
    assert!(matches!(broken(sent), TransportError::Broken(_)));
    assert_eq!(wire.until_the_end().await.0, 0);
    stage.recovers().await;
}

#[tokio::test]
async fn a_reset_is_one_at_both_ends() {
    for after in ["0s", "3s"] {
        let stage = Stage::new().await;
        let call = start(&stage.client, under(&passage("reset-peer", json!({"after": after})), "{}"));
        let wire = stage.plane.accept().await;
        let sent = stage.play(call).await;
        assert!(matches!(broken(sent), TransportError::Broken(_)));
        assert_eq!(wire.until_the_end().await.1.unwrap_err().kind(), ErrorKind::ConnectionReset);
        stage.recovers().await;
    }
}

#[tokio::test]
async fn a_limit_on_data_cuts_what_is_longer() {
    let stage = Stage::new().await;
    let call =
        start(&stage.client, under(&passage("limit-data", json!({"bytes": 100, "direction": "up"})), "{}"));
    let wire = stage.plane.accept().await;
    assert_eq!(wire.until_the_end().await.0, 100);
    assert!(matches!(broken(call.await.unwrap()), TransportError::Broken(_)));

    let body = "x".repeat(200);
    let serve = async { stage.plane.accept().await.echo().await };
    let (sent, _) =
        tokio::join!(stage.client.send(under(&passage("limit-data", json!({"bytes": 200})), &body)), serve);
    assert!(matches!(broken(sent), TransportError::Broken(_)), "the body was cut");
    let serve = async { stage.plane.accept().await.echo().await };
    let (sent, _) =
        tokio::join!(stage.client.send(under(&passage("limit-data", json!({"bytes": 2_000})), &body)), serve);
    assert_eq!(sent.outcome.unwrap(), body);
    stage.recovers().await;
}

#[tokio::test]
async fn a_partition_lets_no_connection_open_or_no_answer_through() {
    for direction in ["up", "both"] {
        let stage = Stage::new().await;
        let call = start(&stage.client, under(&passage("partition", json!({"direction": direction})), "{}"));
        let sent = stage.play(call).await;
        assert_eq!(sent.latency, Duration::from_secs(30), "as Go gives up dialling");
        assert!(matches!(broken(sent), TransportError::Connect(_)));
        // The first connection that the plane sees is the next call's.
        stage.recovers().await;
    }
    let stage = Stage::new().await;
    let call = start(&stage.client, under(&passage("partition", json!({"direction": "down"})), "acted"));
    assert_eq!(stage.plane.accept().await.echo().await, "acted");
    stage.clock.pass(60);
    assert!(matches!(broken(call.await.unwrap()), TransportError::TimedOut));
}

fn meddled(meddling: Meddling) -> Passage {
    Passage { meddling, ..Passage::default() }
}

#[tokio::test]
async fn a_call_is_cut_off_answered_or_robbed_of_its_answer() {
    let stage = Stage::new().await;
    let lost = meddled(Meddling::LosesAnswer);
    let serve = async { stage.plane.accept().await.echo().await };
    let (sent, heard) = tokio::join!(stage.client.send(under(&lost, "acted")), serve);
    assert_eq!(heard, "acted", "the plane did it");
    assert!(matches!(broken(sent), TransportError::Broken(_)), "and the node does not know");

    let serve = async { stage.plane.accept().await.until_the_end().await.0 };
    let (sent, heard) = tokio::join!(stage.client.send(under(&meddled(Meddling::Aborts), "{}")), serve);
    assert_eq!(heard, 0);
    assert!(matches!(broken(sent), TransportError::Broken(_)));

    let throttled = || Stated { status: 400, code: Some(ErrorCode::ThrottlingException) };
    let serve = async { stage.plane.accept().await.echo().await };
    let replaced = under(&meddled(Meddling::Replaces(throttled())), "acted");
    let (sent, heard) = tokio::join!(stage.client.send(replaced), serve);
    assert_eq!(heard, "acted");
    let Err(CallError::Refused { code: ErrorCode::ThrottlingException, status: 400, .. }) = sent.outcome
    else {
        panic!("{:?}", sent.outcome);
    };

    let stated = Stated { status: 503, code: None };
    let sent = stage.client.send(under(&meddled(Meddling::Answers(stated)), "{}")).await;
    assert!(matches!(sent.outcome, Err(CallError::Unreadable { status: 503, .. })), "{:?}", sent.outcome);
    stage.recovers().await;
}

#[tokio::test]
async fn what_a_hole_holds_goes_on_when_it_is_lifted() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let hole = conditions(&passage("timeout", json!({})));
    let (tell, told) = watch::channel(Conditions::default());
    let socket = TcpStream::connect(("127.0.0.1", plane.port())).await.unwrap();
    let mut faulty = Faulty::new(socket, told, clock.clone());
    let mut wire = plane.accept().await;
    faulty.write_all(b"one").await.unwrap();
    wire.say("1").await;
    assert_eq!(faulty.read_u8().await.unwrap(), b'1');

    tell.send_replace(hole);
    faulty.write_all(b"two").await.unwrap();
    wire.say("2").await;
    let mut stream = Wire::into_stream(wire);
    let mut heard = [0; 3];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"one");
    let reading = tokio::spawn(async move { (faulty.read_u8().await.unwrap(), faulty) });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!reading.is_finished() && stream.try_read(&mut heard).is_err(), "nothing gets through");

    tell.send_replace(Conditions::default());
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!((&heard, reading.await.unwrap().0), (b"two", b'2'));
}

#[tokio::test]
async fn faults_lie_below_tls() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = answers::tls_client(&format!("https://localhost:{}", plane.port()), &clock);
    let stage = Stage { plane, clock, client };
    let slow = passage("latency", json!({"delay": "2s"}));
    let call = start(&stage.client, under(&slow, "{}"));
    let serve = async {
        let tls = answers::tls_plane().accept(stage.plane.accept().await.into_stream()).await.unwrap();
        Wire::new(tls).echo().await
    };
    let (sent, heard) = tokio::join!(stage.play(call), serve);
    assert_eq!((&*sent.outcome.unwrap(), &*heard), (&b"{}"[..], "{}"));
    // The plane's part of the handshake is late as well.
    assert!(sent.latency >= Duration::from_secs(4), "{:?}", sent.latency);

    let cut = passage("limit-data", json!({"bytes": 100}));
    let call = start(&stage.client, under(&cut, "{}"));
    let serve = async { answers::tls_plane().accept(stage.plane.accept().await.into_stream()).await.is_ok() };
    let (sent, _) = tokio::join!(stage.play(call), serve);
    assert!(matches!(broken(sent), TransportError::Tls(_)));
}
