//! What comes back from one call: the result, a refusal, garbage, or nothing.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use shared::id::NodeId;
use shared::signature::body_hash;
use tokio_rustls::TlsAcceptor;

use super::plane::{Plane, Wire};
use super::*;
use crate::client::key::KeyPool;

#[tokio::test]
async fn calls_for_credentials_look_as_the_real_agents() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(4));
    let client = client.with_keys(KeyPool::generate(1).unwrap());
    let host = format!("127.0.0.1:{}", plane.port());
    let node = NodeId::hybrid(1);
    let body = "{\"Fingerprint\":\"x\"}";
    let serve = async {
        let mut wire = plane.accept().await;
        let request = wire.chunked_request().await;
        wire.answer("200 OK", "{}").await;
        request
    };
    let signed = Outgoing { by: SignedBy::Key(node, 0), ..call(body, 0) };
    let (sent, (head, chunks)) = tokio::join!(client.send(signed), serve);
    sent.outcome.unwrap();
    let (shown, signature) = head.split_once("Signature=").unwrap();
    assert_eq!(
        shown,
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\nTransfer-Encoding: chunked\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={node}/20261123/us-east-1/ssm/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
        )
    );
    assert_eq!(
        &signature[344..],
        format!(
            "\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Content-Sha256: {}\r\n\
             X-Amz-Date: 20261123T042430Z\r\nX-Amz-Target: AmazonSSM.GetDocument\r\n\
             Accept-Encoding: gzip",
            body_hash(body.as_bytes()).as_str()
        )
    );
    assert_eq!(chunks, format!("{:X}\r\n{body}\r\n0\r\n\r\n", body.len()));

    let serve = async {
        let mut wire = plane.accept().await;
        let request = wire.request().await;
        wire.answer("200 OK", "{}").await;
        request
    };
    // A client of its own, for the connection of the one above is still open.
    let other = super::client(&plane.url(), &clock, Limits::of_connections(4));
    let unsigned = Outgoing { by: SignedBy::Nobody, ..call("{}", 0) };
    let (sent, (head, _)) = tokio::join!(other.send(unsigned), serve);
    sent.outcome.unwrap();
    let expected = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\nContent-Length: 2\r\n\
         Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AmazonSSM.GetDocument\r\n\
         Accept-Encoding: gzip\r\n\r\n"
    );
    assert_eq!(head, expected);
    let without_a_key = other.send(Outgoing { by: SignedBy::Key(node, 0), ..call("{}", 0) }).await;
    let error = without_a_key.outcome.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { source: TransportError::NoKey, .. }), "{error:?}");
}

/// Makes one call to a plane that takes the request and says `words` before it closes.
async fn told(words: &str) -> CallError {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let limits = Limits { answer_bytes: 64, ..Limits::of_connections(4) };
    let client = client(&plane.url(), &clock, limits);
    let speak = async {
        let mut wire = plane.accept().await;
        wire.request().await;
        wire.say(words).await;
    };
    let (sent, ()) = tokio::join!(client.send(call("{}", 0)), speak);
    until(|| client.counters().open == 0).await;
    sent.outcome.unwrap_err()
}

#[tokio::test]
async fn a_request_looks_as_the_real_agents() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(4));
    let serve = async {
        let mut wire = plane.accept().await;
        let request = wire.request().await;
        wire.answer("200 OK", "{\"a\":1}").await;
        request
    };
    let (sent, (head, body)) = tokio::join!(client.send(call("{\"Name\":\"x\"}", 0)), serve);
    assert_eq!(sent.outcome.unwrap(), "{\"a\":1}");

    let (shown, signature) = head.split_once("Signature=").unwrap();
    let host = format!("127.0.0.1:{}", plane.port());
    let names = "content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    assert_eq!(
        shown,
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\nContent-Length: 12\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-east-1/ssm/aws4_request, \
             SignedHeaders={names}, "
        )
    );
    assert_eq!(
        &signature[64..],
        "\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Date: 20261123T042430Z\r\n\
         X-Amz-Security-Token: token\r\nX-Amz-Target: AmazonSSM.GetDocument\r\n\
         Accept-Encoding: gzip\r\n\r\n"
    );
    assert_eq!(body, "{\"Name\":\"x\"}");
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_in_use() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(4));
    let serve = async {
        let mut wire = plane.accept().await;
        wire.request().await;
        wire.answer("400 Bad Request", r#"{"__type":"InvalidDocument","message":"what?"}"#).await;
        wire.request().await;
        wire.answer("503 Service Unavailable", "<html>busy</html>").await;
        wire.echo().await
    };
    let calls = async {
        let refused = client.send(call("{}", 0)).await.outcome.unwrap_err();
        let busy = client.send(call("{}", 0)).await.outcome.unwrap_err();
        (refused, busy, client.send(call("{}", 0)).await.outcome)
    };
    let ((refused, busy, fine), _) = tokio::join!(calls, serve);

    assert_eq!(refused.to_string(), "AmazonSSM.GetDocument refused: InvalidDocument");
    assert!(matches!(&refused, CallError::Refused { status: 400, message, .. } if message == "what?"));
    assert!(matches!(&busy, CallError::Unreadable { status: 503, .. }), "{busy:?}");
    assert_eq!(fine.unwrap(), "{}");
    assert_eq!(client.counters().opened, 1);
}

/// What a plane that packs its answers makes of this text.
pub(super) fn packed(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

/// Makes one call to a plane that answers these bytes under `Content-Encoding: gzip`.
async fn told_packed(status: &str, body: &[u8]) -> Result<Bytes, CallError> {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let limits = Limits { answer_bytes: 64, ..Limits::of_connections(4) };
    let client = client(&plane.url(), &clock, limits);
    let speak = async {
        let mut wire = plane.accept().await;
        wire.request().await;
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Encoding: GZip\r\nContent-Length: {}\r\n\r\n", body.len());
        wire.write(&[head.as_bytes(), body].concat()).await;
    };
    let (sent, ()) = tokio::join!(client.send(call("{}", 0)), speak);
    sent.outcome
}

#[tokio::test]
async fn an_answer_may_be_packed() {
    let answer = told_packed("200 OK", &packed("{\"a\":1}")).await;
    assert_eq!(answer.unwrap(), "{\"a\":1}");
    let refusal = told_packed("400 Bad Request", &packed(r#"{"__type":"InvalidDocument"}"#)).await;
    assert_eq!(refusal.unwrap_err().to_string(), "AmazonSSM.GetDocument refused: InvalidDocument");

    let unreadable = async |body: &[u8]| match told_packed("200 OK", body).await.unwrap_err() {
        CallError::Unreadable { status: 200, source, .. } => source.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(unreadable(b"{}").await, "its body is not the gzip that its Content-Encoding says");
    let half = packed("{\"a\":1}");
    assert_eq!(
        unreadable(&half[..half.len() - 9]).await,
        "its body is not the gzip that its Content-Encoding says"
    );
    // A few bytes that grow to many.
    assert_eq!(unreadable(&packed(&"x".repeat(65))).await, "its body is longer than 64 bytes");
}

#[tokio::test]
async fn an_answer_that_ends_early_is_no_answer() {
    for words in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"half\":",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":",
    ] {
        let error = told(words).await;
        assert!(
            matches!(error, CallError::Unreachable { source: TransportError::Broken(_), .. }),
            "{words:?}: {error:?}"
        );
        assert_eq!(error.to_string(), "no reply to AmazonSSM.GetDocument");
    }
}

#[tokio::test]
async fn what_is_no_http_or_too_long_is_unreadable() {
    let garbage = told("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n").await;
    assert!(matches!(garbage, CallError::Unreadable { status: 0, source: AnswerError::Protocol(_), .. }));

    let body = "x".repeat(65);
    for words in [
        format!("HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n{body}"),
        format!("HTTP/1.1 200 OK\r\n\r\n{body}"),
    ] {
        let long = told(&words).await;
        assert!(
            matches!(
                long,
                CallError::Unreadable { status: 200, source: AnswerError::TooLong { limit: 64 }, .. }
            ),
            "{long:?}"
        );
    }
}

#[tokio::test]
async fn a_reset_is_no_answer() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(4));
    let serve = async {
        let mut wire = plane.accept().await;
        wire.request().await;
        wire.reset();
    };
    let (sent, ()) = tokio::join!(client.send(call("{}", 0)), serve);
    let error = sent.outcome.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { source: TransportError::Broken(_), .. }), "{error:?}");
}

#[tokio::test]
async fn a_plane_that_is_not_there_cannot_be_connected_to() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(4));
    drop(plane);
    let error = client.send(call("{}", 0)).await.outcome.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { source: TransportError::Connect(_), .. }), "{error:?}");
    assert_eq!(error.source().unwrap().to_string(), "cannot connect");
    assert_eq!((client.counters().open, client.counters().opened), (0, 0));
}

#[tokio::test]
async fn a_silent_plane_is_given_up_with_its_connection() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = client(&plane.url(), &clock, Limits::of_connections(4));
    let silent = async {
        let mut wire = plane.accept().await;
        wire.request().await;
        clock.pass(59);
        clock.pass(1);
        wire.closed().await;
    };
    let (sent, ()) = tokio::join!(client.send(call("{}", 0)), silent);
    let error = sent.outcome.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { source: TransportError::TimedOut, .. }), "{error:?}");
    assert_eq!((sent.latency, sent.held), (Duration::from_secs(60), Duration::ZERO));
    until(|| client.counters().open == 0).await;
}

fn beside_this_file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "src/client/tests", name].iter().collect()
}

pub(super) fn tls_plane() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(beside_this_file("plane.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(beside_this_file("plane.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

pub(super) fn tls_client(url: &str, clock: &TestClock) -> Client<TestClock> {
    let endpoint: Endpoint = url.parse().unwrap();
    let transport = Transport::trusting(&endpoint, beside_this_file("plane.pem")).unwrap();
    Client::over(transport, endpoint, signer(), clock.clone(), Limits::of_connections(4))
}

#[tokio::test]
async fn a_call_travels_under_tls_to_the_host_that_the_certificate_names() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = tls_client(&format!("https://localhost:{}", plane.port()), &clock);
    let serve = async {
        let tls = tls_plane().accept(plane.accept().await.into_stream()).await.unwrap();
        let mut wire = Wire::new(tls);
        (wire.echo().await, wire.echo().await)
    };
    let calls = async {
        (client.send(call("{\"n\":1}", 0)).await.outcome, client.send(call("{\"n\":2}", 0)).await.outcome)
    };
    let ((first, second), _) = tokio::join!(calls, serve);
    assert_eq!((first.unwrap(), second.unwrap()), ("{\"n\":1}".into(), "{\"n\":2}".into()));
    assert_eq!(client.counters().opened, 1);
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_accepted() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let client = tls_client(&plane.url().replace("http:", "https:"), &clock);
    let serve = async { tls_plane().accept(plane.accept().await.into_stream()).await.is_ok() };
    let (sent, is_agreed) = tokio::join!(client.send(call("{}", 0)), serve);
    let error = sent.outcome.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { source: TransportError::Tls(_), .. }), "{error:?}");
    assert!(!is_agreed);
}

#[test]
fn roots_that_cannot_be_read_are_named_before_any_call() {
    let endpoint: Endpoint = "https://localhost".parse().unwrap();
    let error = Transport::trusting(&endpoint, "/no/such/file".into()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the trusted roots in /no/such/file");
    let error = Transport::trusting(&endpoint, beside_this_file("plane.key")).unwrap_err();
    assert!(error.to_string().starts_with("no trusted roots in "), "{error}");
}
