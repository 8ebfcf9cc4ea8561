//! How a control channel is made and opened, as bytes.

use futures_util::StreamExt;
use shared::id::NodeId;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::answers::packed;
use super::plane::{Plane, Wire};
use super::*;
use crate::channel::call::OpenChannel;
use crate::client::channel::{OpenError, OpenedChannel, Tempo};
use crate::credentials::SignedBy;

const MADE: &str =
    "<CreateControlChannelResponse><TokenValue>shown</TokenValue></CreateControlChannelResponse>";
const DENIED: &str = "<AccessDeniedException><Message>not you</Message></AccessDeniedException>";

async fn open(plane: &Plane, clock: &TestClock) -> Result<OpenedChannel, OpenError> {
    let client = client(&plane.url(), clock, Limits::of_connections(4));
    let minute = Duration::from_secs(60);
    let tempo = Tempo {
        open_within: minute,
        ping_every: minute,
        first_word_within: minute,
        word_within: minute,
        ack_within: minute,
    };
    let open = OpenChannel {
        node: NodeId::ec2(1),
        request_id: "first".to_owned(),
        first_frame_id: "second".to_owned(),
        agent_version: "3.3.0.0".to_owned(),
        platform: "linux".to_owned(),
    };
    client.open_channel(&open, &SignedBy::Account, Timestamp::from_seconds(1_795_407_870), tempo).await
}

/// Answers the making of a channel, packed as agents say that they take it.
async fn make(plane: &Plane, status: &str, body: &str) -> (String, String) {
    let mut wire = plane.accept().await;
    let request = wire.request().await;
    let body = packed(body);
    let length = body.len();
    wire.say(&format!("HTTP/1.1 {status}\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"))
        .await;
    wire.write(&body).await;
    request
}

/// What was before and behind the signature of a head.
fn around_signature(head: &str) -> (&str, &str) {
    let (before, signature) = head.split_once("Signature=").expect("the request is signed");
    (before, &signature[64..])
}

#[tokio::test]
async fn a_channel_is_made_and_opened_as_the_real_agents() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let serve = async {
        let made = make(&plane, "201 Created", MADE).await;
        let mut wire = plane.accept().await;
        let head = wire.head().await;
        let (_, rest) = head.split_once("Sec-WebSocket-Key: ").expect("the upgrade has a key");
        let (key, _) = rest.split_once("\r\n").expect("a line ends");
        let accept = derive_accept_key(key.as_bytes());
        wire.say(&format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"))
            .await;
        let mut socket = WebSocketStream::from_raw_socket(wire.into_stream(), Role::Server, None).await;
        let first = socket.next().await.expect("a frame comes").expect("it is one");
        (made, head.replace(key, "KEY"), first)
    };
    let (opened, ((head, body), upgrade, first)) = tokio::join!(open(&plane, &clock), serve);
    opened.expect("the channel is open");

    let host = format!("127.0.0.1:{}", plane.port());
    let path = format!("/v1/control-channel/{}", NodeId::ec2(1));
    let signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-east-1/ssmmessages/aws4_request";
    let (before, behind) = around_signature(&head);
    assert_eq!(
        before,
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 50\r\n\
             Authorization: {signed}, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
        )
    );
    assert_eq!(
        behind,
        "\r\nContent-Type: application/json\r\nX-Amz-Date: 20261123T042430Z\r\n\
         X-Amz-Security-Token: token\r\nAccept-Encoding: gzip\r\n\r\n"
    );
    assert_eq!(body, r#"{"MessageSchemaVersion":"1.0","RequestId":"first"}"#);

    let (before, behind) = around_signature(&upgrade);
    assert_eq!(
        before,
        format!(
            "GET {path}?role=subscribe&stream=input HTTP/1.1\r\nHost: {host}\r\n\
             User-Agent: Go-http-client/1.1\r\n\
             Authorization: {signed}, SignedHeaders=host;x-amz-date;x-amz-security-token, "
        )
    );
    assert_eq!(
        behind,
        "\r\nConnection: Upgrade\r\nSec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\n\
         Upgrade: websocket\r\nX-Amz-Date: 20261123T042430Z\r\nX-Amz-Security-Token: token\r\n\r\n"
    );
    let expected = r#"{"Cookie":null,"MessageSchemaVersion":"1.0","RequestId":"second","TokenValue":"shown","AgentVersion":"3.3.0.0","PlatformType":"linux"}"#;
    assert_eq!(first, Message::text(expected));
}

#[tokio::test]
async fn a_channel_that_is_denied_is_told_from_one_that_fails() {
    let (plane, clock) = (Plane::new().await, TestClock::new());
    let (denied, _) = tokio::join!(open(&plane, &clock), make(&plane, "403 Forbidden", DENIED));
    match denied.expect_err("it is denied") {
        OpenError::Refused(error, 403) => assert_eq!(error.to_string(), "AccessDeniedException: not you"),
        other => panic!("{other:?}"),
    }

    let fail = async {
        make(&plane, "201 Created", MADE).await;
        let mut wire: Wire = plane.accept().await;
        wire.head().await;
        wire.answer("503 Service Unavailable", "").await;
    };
    let (failed, ()) = tokio::join!(open(&plane, &clock), fail);
    assert_eq!(
        failed.expect_err("it fails").to_string(),
        "no control channel: the upgrade was answered with HTTP status 503, not 101"
    );
}
