//! The plane over a real socket on loopback.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use tokio::sync::oneshot;

mod channel;

use super::*;
use crate::config::PlaneConfig;

/// A clock that stands at noon: nothing in these tests waits for it.
#[derive(Clone)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_741_608_000)
    }

    async fn sleep_until(&self, at: Timestamp) {
        if at > self.now() {
            std::future::pending::<()>().await;
        }
    }

    async fn sleep_wall(&self, _wall: Duration) {
        std::future::pending::<()>().await;
    }
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<Result<(), ServeError>>,
}

async fn start(service: Arc<Service>, state_file: Option<PathBuf>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let end = async move { _ = stopped.await };
    Server { address, stop, served: tokio::spawn(serve(listener, None, service, Still, state_file, end)) }
}

fn config() -> PlaneConfig {
    PlaneConfig { max_body: 1000, ..PlaneConfig::default() }
}

/// Sends bytes, reads to the end of the connection.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let request = request.to_owned();
    let exchange = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

fn post(target: &str, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nhost: plane\r\nconnection: close\r\nx-amz-target: {target}\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn an_answer_is_as_late_as_a_fault_says_and_its_effect_is_not() {
    let service = Arc::new(Service::new(config()));
    let injection = serde_json::json!({"fault": {"plane-latency": {"delay": "1m"}}});
    let injection = serde_json::from_value(injection).unwrap();
    service.inject_fault(Still.now(), "late", injection).unwrap();
    let server = start(Arc::clone(&service), None).await;
    let node = r#"{"InstanceId":"i-0123456789abcdef0"}"#;
    let mut waiting = TcpStream::connect(server.address).unwrap();
    waiting.write_all(post("AmazonSSM.UpdateInstanceInformation", node).as_bytes()).unwrap();
    // The clock stands still: the answer never comes.
    let is_known = || service.state().nodes.number("i-0123456789abcdef0".parse().unwrap()).is_some();
    while !is_known() {
        tokio::task::yield_now().await;
    }
    waiting.set_nonblocking(true).unwrap();
    assert_eq!(waiting.read(&mut [0; 16]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let attended = post("AmazonSSM.ListAssociations", "{}").replacen(
        "\r\n",
        &format!("\r\n{}: 1\r\n", auth::ATTENDANT),
        1,
    );
    let answer = exchange(server.address, &attended).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "an attendant does not wait: {answer}");
    service.lift_fault("late");
    let answer = exchange(server.address, &post("AmazonSSM.UpdateInstanceInformation", node)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.served.abort();
}

#[tokio::test]
async fn calls_are_answered_with_status_and_headers() {
    let server = start(Arc::new(Service::new(config())), None).await;
    let node = r#"{"InstanceId":"i-0123456789abcdef0"}"#;
    let chunked = format!(
        "POST / HTTP/1.1\r\nhost: plane\r\nconnection: close\r\nx-amz-target: AmazonSSM.ListInstanceAssociations\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{node}\r\n0\r\n\r\n",
        node.len()
    );
    let unending = format!(
        "POST / HTTP/1.1\r\nhost: plane\r\nconnection: close\r\nx-amz-target: AmazonSSM.GetDocument\r\ntransfer-encoding: chunked\r\n\r\n800\r\n{}\r\n",
        "x".repeat(0x800)
    );
    let large =
        "POST / HTTP/1.1\r\nhost: plane\r\nconnection: close\r\ncontent-length: 1099511627776\r\n\r\n{"
            .to_owned();
    let cases = [
        (post("AmazonSSM.UpdateInstanceInformation", node), "200", "\r\n\r\n{}"),
        (chunked, "200", r#"{"Associations":[]}"#),
        (post("AmazonSSM.Nothing", node), "400", r#""__type":"UnknownOperationException""#),
        (post("AmazonSSM.GetDocument", "no json"), "400", r#""__type":"SerializationException""#),
        (post("AmazonSSM.GetDocument", &"x".repeat(1001)), "413", r#""__type":"ValidationException""#),
        (post("AmazonSSM.GetDocument", &"x".repeat(8_000_000)), "413", "larger than 1000 bytes"),
        (large, "413", "larger than 1000 bytes"),
        (unending, "413", "larger than 1000 bytes"),
        ("GET / HTTP/1.1\r\nhost: plane\r\nconnection: close\r\n\r\n".to_owned(), "405", "allow: POST"),
        (
            "POST /x HTTP/1.1\r\nhost: plane\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "404",
            "",
        ),
    ];
    for (request, status, fragment) in cases {
        let answer = exchange(server.address, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(answer.contains(fragment), "{request}: {answer}");
        assert!(answer.contains("content-type: application/x-amz-json-1.1\r\n"), "{answer}");
        assert!(answer.contains("x-amzn-requestid: "), "{answer}");
    }
    assert!(exchange(server.address, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    server.stop.send(()).unwrap();
    server.served.await.unwrap().unwrap();
}

fn admin(method: &str, path: &str, more: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: plane\r\nconnection: close\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn the_admin_api_answers_this_machine_but_no_web_page() {
    let server = start(Arc::new(Service::new(config())), None).await;
    let page = "origin: https://example.com\r\n";
    let cases = [
        (admin("PUT", "/_fleet/alarms/cpu", "", "\"ALARM\""), "200", "\r\n\r\n{}"),
        (admin("GET", "/_fleet/alarms/cpu", "", ""), "200", "\"ALARM\""),
        (admin("GET", "/_fleet/alarms/cpu?x=y", "", ""), "200", "\"ALARM\""),
        (admin("PUT", "/_fleet/alarms/cpu", page, "\"OK\""), "403", "web pages"),
        (admin("DELETE", "/_fleet/alarms/none", "", ""), "200", "{}"),
        (admin("GET", "/_fleet/alarms/none", "", ""), "404", "\"error\":\"there is no none among alarms\""),
        (admin("PUT", "/_fleet/buckets", "", &"x".repeat(1001)), "413", "larger than 1000 bytes"),
        (admin("DELETE", "/_fleet/world", "", ""), "405", "allow: GET\r\n"),
        (admin("PATCH", "/_fleet/alarms/cpu", "", ""), "405", "allow: GET, PUT, POST, DELETE\r\n"),
        (admin("GET", "/_fleeting", "", ""), "404", "the API is POST /"),
    ];
    for (request, status, fragment) in cases {
        let answer = exchange(server.address, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(answer.contains(fragment), "{request}: {answer}");
        assert!(answer.contains("x-amzn-requestid: "), "{request}: {answer}");
    }
    server.stop.send(()).unwrap();
    server.served.await.unwrap().unwrap();
}

#[test]
fn other_machines_may_use_the_admin_api_only_where_that_is_set() {
    use crate::config::AdminAccess::{Anyone, Loopback};
    let cases = [
        ("127.0.0.1:1", Loopback, true),
        ("[::1]:1", Loopback, true),
        ("[::ffff:127.0.0.1]:1", Loopback, true),
        ("192.168.1.7:1", Loopback, false),
        ("[::ffff:192.168.1.7]:1", Loopback, false),
        ("192.168.1.7:1", Anyone, true),
    ];
    for (peer, access, is_let_in) in cases {
        assert_eq!(may_administer(peer.parse().unwrap(), access), is_let_in, "{peer} {access:?}");
    }
}

#[tokio::test]
async fn the_planes_own_work_is_done_and_the_state_kept_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plane.state");
    let service = Arc::new(Service::new(config()));
    let server = start(Arc::clone(&service), Some(file.clone())).await;
    exchange(server.address, &post("AmazonSSM.UpdateInstanceInformation", r#"{"InstanceId":"i-01234567"}"#))
        .await;
    let create = r#"{"Name":"AWS-RunShellScript","Parameters":{"commands":["id"]},"Targets":[{"Key":"InstanceIds","Values":["*"]}]}"#;
    exchange(server.address, &post("AmazonSSM.CreateAssociation", create)).await;
    let poll = post("AmazonSSM.ListInstanceAssociations", r#"{"InstanceId":"i-01234567"}"#);
    while !exchange(server.address, &poll).await.contains(r#""DetailedStatus":"Pending""#) {
        tokio::task::yield_now().await;
    }
    server.stop.send(()).unwrap();
    server.served.await.unwrap().unwrap();
    let kept = std::fs::read(&file).unwrap();
    let restored = Service::restore(config(), &kept).unwrap();
    assert!(restored.snapshot().unwrap() == service.snapshot().unwrap());
}

#[tokio::test]
async fn an_association_is_kept_without_waiting_for_the_next_turn() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plane.state");
    let server = start(Arc::new(Service::new(config())), Some(file.clone())).await;
    let create = r#"{"Name":"AWS-RunShellScript","Parameters":{"commands":["id"]},"Targets":[{"Key":"InstanceIds","Values":["*"]}]}"#;
    exchange(server.address, &post("AmazonSSM.CreateAssociation", create)).await;
    // The clock stands: the ten seconds never pass.
    while !file.exists() {
        tokio::task::yield_now().await;
    }
    let restored = Service::restore(config(), &std::fs::read(&file).unwrap()).unwrap();
    let listed = restored.respond(Still.now(), "AmazonSSM.ListAssociations", b"{}").body;
    assert!(String::from_utf8(listed).unwrap().contains("AWS-RunShellScript"));
    server.stop.send(()).unwrap();
    server.served.await.unwrap().unwrap();
}
