//! How connections are used: kept, added, waited for, given up.

use super::plane::{Plane, Wire};
use super::pool::Module;
use super::*;

/// A client with one answered call behind it, and the plane's end of its connection.
async fn used(plane: &Plane, clock: &TestClock, bound: usize) -> (Client<TestClock>, Wire) {
    let client = client(&plane.url(), clock, Limits::of_connections(bound));
    let serve = async {
        let mut wire = plane.accept().await;
        wire.echo().await;
        wire
    };
    let (sent, wire) = tokio::join!(client.send(call("{}", 0)), serve);
    assert_eq!(sent.outcome.unwrap(), "{}");
    (client, wire)
}

#[tokio::test]
async fn one_connection_serves_call_after_call() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let (client, mut wire) = used(&plane, &clock, 4).await;
    for _ in 0..3 {
        let (sent, _) = tokio::join!(client.send(call("{}", 0)), wire.echo());
        assert_eq!(sent.outcome.unwrap(), "{}");
    }
    let counters = Counters { open: 1, most_open: 1, opened: 1, ..Counters::default() };
    assert_eq!(client.counters(), counters);
}

#[tokio::test]
async fn calls_under_way_have_a_connection_each() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(8));
    let calls: Vec<_> = (0..8).map(|_| start(&client, call("{}", 0))).collect();

    let mut wires = Vec::new();
    for _ in 0..8 {
        let mut wire = plane.accept().await;
        wire.request().await;
        wires.push(wire);
    }
    clock.pass(5); // the plane thinks, and nobody waits for anybody
    for wire in &mut wires {
        wire.answer("200 OK", "{}").await;
    }
    for call in calls {
        let sent = call.await.unwrap();
        assert!(sent.outcome.is_ok());
        assert_eq!((sent.latency, sent.held), (Duration::from_secs(5), Duration::ZERO));
    }
    let counters = Counters { open: 8, most_open: 8, opened: 8, ..Counters::default() };
    assert_eq!(client.counters(), counters);
}

#[tokio::test]
async fn the_connection_given_back_last_is_used_first() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(4));
    let (one, other) = (start(&client, call("1", 0)), start(&client, call("2", 0)));
    let (mut first, mut last) = (plane.accept().await, plane.accept().await);
    let (_, first_body) = first.request().await;
    last.request().await;
    first.answer("200 OK", "{}").await;
    let (first_call, last_call) = if first_body == "1" { (one, other) } else { (other, one) };
    first_call.await.unwrap().outcome.unwrap();
    last.answer("200 OK", "{}").await;
    last_call.await.unwrap().outcome.unwrap();

    let (sent, body) = tokio::join!(client.send(call("3", 0)), last.echo());
    assert_eq!((sent.outcome.unwrap(), body), ("3".into(), "3".into()));
}

#[tokio::test]
async fn at_the_bound_calls_wait_in_the_order_of_their_instants() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(1));
    let under_way = start(&client, call("0", 0));
    let mut wire = plane.accept().await;
    wire.request().await;

    let mut waiting = Vec::new();
    for (number, (body, due)) in [("d", 30), ("a", 10), ("c", 20), ("b", 10)].into_iter().enumerate() {
        waiting.push(start(&client, call(body, due)));
        until(|| client.counters().held == number + 1).await;
    }
    clock.pass(3);
    wire.answer("200 OK", "{}").await;
    assert_eq!(under_way.await.unwrap().held, Duration::ZERO);
    for expected in ["a", "b", "c", "d"] {
        let (_, body) = wire.request().await;
        assert_eq!(body, expected);
        clock.pass(1);
        wire.answer("200 OK", &body).await;
    }

    let mut told = Vec::new();
    for call in waiting {
        let sent = call.await.unwrap();
        told.push((sent.outcome.unwrap(), sent.held.as_secs(), sent.latency.as_secs()));
    }
    assert_eq!(told, [("d".into(), 6, 1), ("a".into(), 3, 1), ("c".into(), 5, 1), ("b".into(), 4, 1)]);
    let counters = Counters {
        open: 1,
        most_open: 1,
        opened: 1,
        held_in_total: 4,
        longest_held: Duration::from_secs(6),
        ..Counters::default()
    };
    assert_eq!(client.counters(), counters);
}

#[tokio::test]
async fn who_waits_too_long_gives_up_and_leaves_the_turn_to_the_next() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(1));
    let under_way = start(&client, Outgoing { timeout: Duration::from_secs(600), ..call("0", 0) });
    let mut wire = plane.accept().await;
    wire.request().await;
    let hasty = start(&client, call("1", 1));
    until(|| client.counters().held == 1).await;
    let patient = start(&client, Outgoing { timeout: Duration::from_secs(600), ..call("2", 2) });
    until(|| client.counters().held == 2).await;

    clock.pass(60);
    let sent = hasty.await.unwrap();
    let error = sent.outcome.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { source: TransportError::HeldTooLong, .. }), "{error:?}");
    assert_eq!((sent.held, sent.latency), (Duration::from_secs(60), Duration::ZERO));
    assert_eq!(client.counters().held, 1);

    wire.answer("200 OK", "{}").await;
    assert_eq!(wire.echo().await, "2");
    assert!(under_way.await.unwrap().outcome.is_ok() && patient.await.unwrap().outcome.is_ok());
}

#[tokio::test]
async fn the_end_of_a_connection_lets_a_waiting_call_open_another() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(1));
    let unlucky = start(&client, call("1", 0));
    let mut wire = plane.accept().await;
    wire.request().await;
    let next = start(&client, call("2", 0));
    until(|| client.counters().held == 1).await;

    wire.reset();
    assert!(unlucky.await.unwrap().outcome.is_err());
    assert_eq!(plane.accept().await.echo().await, "2");
    assert!(next.await.unwrap().outcome.is_ok());
    let counters = client.counters();
    assert_eq!((counters.most_open, counters.opened, counters.held_in_total), (1, 2, 1));
}

/// Another module of the same node calls, and the plane answers at a new connection.
async fn opened_by(client: &Client<TestClock>, plane: &Plane, owner: Owner) -> Wire {
    let serve = async {
        let mut wire = plane.accept().await;
        wire.echo().await;
        wire
    };
    let (sent, wire) = tokio::join!(client.send(Outgoing { owner, ..call("{}", 0) }), serve);
    assert!(sent.outcome.is_ok());
    wire
}

#[tokio::test]
async fn each_module_of_each_node_keeps_connections_of_its_own() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(16));
    let owners = [
        Owner::module(0, Module::Health),
        Owner::module(0, Module::Associations),
        Owner::module(1, Module::Health),
        Owner::ANYONE,
    ];
    let mut wires = Vec::new();
    for owner in owners {
        wires.push(opened_by(&client, &plane, owner).await);
    }
    for (owner, wire) in owners.into_iter().zip(&mut wires) {
        let again = Outgoing { owner, ..call("again", 0) };
        let (sent, body) = tokio::join!(client.send(again), wire.echo());
        assert_eq!((sent.outcome.unwrap(), body), ("again".into(), "again".into()), "{owner:?}");
    }
    assert_eq!((client.counters().opened, client.counters().open), (4, 4));
}

#[tokio::test]
async fn the_setup_program_leaves_no_connection() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(16));
    for _ in 0..2 {
        opened_by(&client, &plane, Owner::module(0, Module::Setup)).await.closed().await;
    }
    until(|| client.counters().open == 0).await;
    assert_eq!(client.counters().opened, 2);
}

#[tokio::test]
async fn an_owner_keeps_two_idle_connections() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(16));
    let owner = Owner::module(0, Module::Health);
    let calls: Vec<_> = (0..3).map(|_| start(&client, Outgoing { owner, ..call("{}", 0) })).collect();
    let mut wires = Vec::new();
    for _ in 0..3 {
        let mut wire = plane.accept().await;
        wire.request().await;
        wires.push(wire);
    }
    for wire in &mut wires {
        wire.answer("200 OK", "{}").await;
    }
    for call in calls {
        assert!(call.await.unwrap().outcome.is_ok());
    }
    until(|| client.counters().open == 2).await;
}

#[tokio::test]
async fn at_the_bound_an_idle_connection_of_another_makes_room() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(2));
    let of = |node| Owner::module(node, Module::Health);
    let first = opened_by(&client, &plane, of(1)).await;
    let mut second = opened_by(&client, &plane, of(2)).await;
    opened_by(&client, &plane, of(3)).await;
    first.closed().await;
    let again = Outgoing { owner: of(2), ..call("{}", 0) };
    let (sent, _) = tokio::join!(client.send(again), second.echo());
    assert!(sent.outcome.is_ok(), "the one idle for longest had to go, not this one");
    assert_eq!((client.counters().most_open, client.counters().opened), (2, 3));
}

#[tokio::test]
async fn who_waits_does_not_get_the_connection_of_another() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(1));
    let of = |node| Owner::module(node, Module::Health);
    let under_way = start(&client, Outgoing { owner: of(1), ..call("1", 0) });
    let mut wire = plane.accept().await;
    wire.request().await;
    let waiting = start(&client, Outgoing { owner: of(2), ..call("2", 0) });
    until(|| client.counters().held == 1).await;
    wire.answer("200 OK", "{}").await;
    assert!(under_way.await.unwrap().outcome.is_ok());
    assert_eq!(plane.accept().await.echo().await, "2");
    assert!(waiting.await.unwrap().outcome.is_ok());
    wire.closed().await;
}

#[tokio::test]
async fn a_connection_idle_for_too_long_is_closed() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let (client, mut wire) = used(&plane, &clock, 4).await;
    clock.pass(90);
    let (sent, _) = tokio::join!(client.send(call("{}", 0)), wire.echo());
    assert!(sent.outcome.is_ok());

    clock.pass(91);
    let serve = async { plane.accept().await.echo().await };
    let (sent, _, ()) = tokio::join!(client.send(call("{}", 0)), serve, wire.closed());
    assert!(sent.outcome.is_ok());
    assert_eq!((client.counters().opened, client.counters().replaced), (2, 0));
}

#[tokio::test]
async fn a_connection_that_the_plane_closed_while_idle_is_replaced() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let (client, wire) = used(&plane, &clock, 4).await;
    drop(wire);
    until(|| client.counters().open == 0).await;

    let serve = async { plane.accept().await.echo().await };
    let (sent, _) = tokio::join!(client.send(call("{}", 0)), serve);
    assert!(sent.outcome.is_ok());
    assert_eq!((client.counters().opened, client.counters().replaced), (2, 1));
}

#[tokio::test]
async fn a_plane_that_closes_after_each_answer_gets_a_connection_for_each() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(1));
    let serve = async {
        for _ in 0..20 {
            let mut wire = plane.accept().await;
            wire.request().await;
            wire.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}").await;
        }
    };
    let calls = async {
        for _ in 0..20 {
            assert_eq!(client.send(call("{}", 0)).await.outcome.unwrap(), "{}");
        }
    };
    tokio::join!(calls, serve);
    assert_eq!((client.counters().opened, client.counters().most_open), (20, 1));
}

#[tokio::test]
async fn a_lost_acknowledgement_is_told_and_nothing_is_sent_twice() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let (client, mut wire) = used(&plane, &clock, 4).await;
    let lose = async {
        wire.request().await;
        drop(wire); // the plane did it, and the node never learns
    };
    let (sent, ()) = tokio::join!(client.send(call("{}", 0)), lose);
    let error = sent.outcome.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { source: TransportError::Broken(_), .. }), "{error:?}");
    assert_eq!((client.counters().opened, client.counters().replaced), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_on_few_connections_is_served_to_the_last() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(3));
    let calls: Vec<_> =
        (0..300).map(|number| start(&client, call(&number.to_string(), number % 7))).collect();
    let serve = tokio::spawn(async move {
        loop {
            let mut wire = plane.accept().await;
            tokio::spawn(async move {
                // Every third answer is the connection's last.
                wire.echo().await;
                wire.echo().await;
                wire.request().await;
                wire.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast").await;
            });
        }
    });
    for (number, call) in calls.into_iter().enumerate() {
        let body = call.await.unwrap().outcome.unwrap();
        assert!(body == number.to_string() || body == "last", "{number}: {body:?}");
    }
    serve.abort();
    let counters = client.counters();
    assert!(counters.most_open <= 3 && counters.held == 0 && counters.opened >= 100, "{counters:?}");
}
