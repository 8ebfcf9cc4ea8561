//! A connection becomes a WebSocket by a request as the real agent's client spells it.
//!
//! HTTP does not care for the case and order of headers; who compares recordings, or
//! stands between an agent and its service, may. So the request is written here, as
//! Go's client and gorilla/websocket write theirs, and the rest is the library's.
//!
//! Invariant: a connection is handed on only after the service has shown that it
//! knows the key, and no byte that came after its answer is lost.

use std::io;

use ::http::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::sign::Signed;

/// The most bytes of the answer's head.
const HEAD: usize = 16 << 10;

/// Why a connection did not become a WebSocket.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpgradeError {
    /// It broke.
    #[error("the connection broke before it was a WebSocket: {0}")]
    Broken(#[from] io::Error),
    /// What came back has no end, or is no text.
    #[error("the answer to the upgrade is not HTTP/1.1")]
    Protocol,
    /// The service will have none.
    #[error("the upgrade was answered with HTTP status {0}, not 101")]
    Status(u16),
    /// It may be another that answers.
    #[error("the answer to the upgrade does not show that its key was read")]
    Key,
}

/// What asks for the upgrade.
#[derive(Debug)]
pub(super) struct Upgrade<'a> {
    /// Path and query.
    pub(super) target: String,
    pub(super) host: &'a HeaderValue,
    pub(super) user_agent: HeaderValue,
    pub(super) signed: Signed,
}

impl Upgrade<'_> {
    /// Asks for the upgrade over a connection, and hands that on as a WebSocket.
    pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        settings: WebSocketConfig,
    ) -> Result<WebSocketStream<S>, UpgradeError> {
        let key = generate_key();
        stream.write_all(&self.request(&key)).await?;
        stream.flush().await?;
        let (head, rest) = answer(&mut stream).await?;
        check(&head, &key)?;
        Ok(WebSocketStream::from_partially_read(stream, rest, Role::Client, Some(settings)).await)
    }

    /// The request, its headers in the order of the real agent's (Go's: by their names).
    fn request(&self, key: &str) -> Vec<u8> {
        let Self { target, host, user_agent, signed } = self;
        let mut request = format!("GET {target} HTTP/1.1\r\n").into_bytes();
        let text = HeaderValue::from_static;
        let key = HeaderValue::from_str(key).expect("base64 can stand in a header");
        let headers = [
            ("Host", Some(*host)),
            ("User-Agent", Some(user_agent)),
            ("Authorization", signed.authorization.as_ref()),
            ("Connection", Some(&text("Upgrade"))),
            ("Sec-WebSocket-Key", Some(&key)),
            ("Sec-WebSocket-Version", Some(&text("13"))),
            ("Upgrade", Some(&text("websocket"))),
            ("X-Amz-Date", signed.date.as_ref()),
            ("X-Amz-Security-Token", signed.token.as_ref()),
        ];
        for (name, value) in headers {
            let Some(value) = value else { continue };
            request.extend([name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        request
    }
}

/// The head of the answer, and what came behind it.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> Result<(String, Vec<u8>), UpgradeError> {
    const END: &[u8] = b"\r\n\r\n";
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(END.len()).position(|window| window == END) {
            let rest = bytes.split_off(end + END.len());
            let head = String::from_utf8(bytes).map_err(|_| UpgradeError::Protocol)?;
            return Ok((head, rest));
        }
        if bytes.len() > HEAD {
            return Err(UpgradeError::Protocol);
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(UpgradeError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

/// Whether the head of an answer says that the connection is a WebSocket now.
fn check(head: &str, key: &str) -> Result<(), UpgradeError> {
    let (line, headers) = head.split_once("\r\n").ok_or(UpgradeError::Protocol)?;
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status: u16 = status.ok_or(UpgradeError::Protocol)?;
    if status != 101 {
        return Err(UpgradeError::Status(status));
    }
    let headers = headers.split("\r\n").filter_map(|line| line.split_once(':'));
    let proof = headers.filter(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Accept"));
    let is_shown =
        proof.map(|(_, value)| value.trim()).any(|value| value == derive_accept_key(key.as_bytes()));
    if is_shown { Ok(()) } else { Err(UpgradeError::Key) }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio_tungstenite::tungstenite::Message;

    use super::*;

    fn upgrade() -> Upgrade<'static> {
        static HOST: HeaderValue = HeaderValue::from_static("127.0.0.1:18443");
        let signed = Signed {
            authorization: Some(HeaderValue::from_static("AWS4-HMAC-SHA256 any")),
            date: Some(HeaderValue::from_static("20261123T042420Z")),
            token: Some(HeaderValue::from_static("token")),
            content_hash: None,
            asymmetric: None,
        };
        let user_agent = HeaderValue::from_static("Go-http-client/1.1");
        Upgrade { target: "/v1/x?role=subscribe".to_owned(), host: &HOST, user_agent, signed }
    }

    #[test]
    fn the_request_is_spelled_as_it_was_recorded() {
        let request = String::from_utf8(upgrade().request("JTOGDS0YWjil+ru5U+4Ztg==")).unwrap();
        let expected = "GET /v1/x?role=subscribe HTTP/1.1\r\nHost: 127.0.0.1:18443\r\n\
            User-Agent: Go-http-client/1.1\r\nAuthorization: AWS4-HMAC-SHA256 any\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: JTOGDS0YWjil+ru5U+4Ztg==\r\nSec-WebSocket-Version: 13\r\n\
            Upgrade: websocket\r\nX-Amz-Date: 20261123T042420Z\r\nX-Amz-Security-Token: token\r\n\r\n";
        assert_eq!(request, expected);
    }

    /// Answers the upgrade with what is made of its key, and says what came of it.
    async fn asked(
        answer: impl Fn(&str) -> Vec<u8>,
    ) -> Result<WebSocketStream<tokio::io::DuplexStream>, UpgradeError> {
        let (near, mut far) = tokio::io::duplex(64 << 10);
        let upgrade = upgrade();
        let asking = upgrade.ask(near, WebSocketConfig::default());
        let answering = async move {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                far.read_buf(&mut request).await.unwrap();
            }
            let request = String::from_utf8(request).unwrap();
            let (_, rest) = request.split_once("Sec-WebSocket-Key: ").unwrap();
            let (key, _) = rest.split_once("\r\n").unwrap();
            far.write_all(&answer(&derive_accept_key(key.as_bytes()))).await.unwrap();
        };
        let (asked, ()) = tokio::join!(asking, answering);
        asked
    }

    #[tokio::test]
    async fn a_frame_that_comes_with_the_answer_is_not_lost() {
        let answer = |accept: &str| {
            let head = format!("HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: {accept}\r\n\r\n");
            [head.as_bytes(), &[0x81, 2], b"hi"].concat()
        };
        let mut socket = asked(answer).await.expect("it is a WebSocket");
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hi"));
    }

    #[tokio::test]
    async fn what_is_no_upgrade_is_refused_by_name() {
        let cases = [
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "the upgrade was answered with HTTP status 403, not 101"),
            ("HTTP/1.1 200 OK\r\n\r\n", "the upgrade was answered with HTTP status 200, not 101"),
            (
                "HTTP/1.1 101 Switching\r\n\r\n",
                "the answer to the upgrade does not show that its key was read",
            ),
            (
                "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                "the answer to the upgrade does not show that its key was read",
            ),
            ("SSH-2.0\r\n\r\n", "the answer to the upgrade is not HTTP/1.1"),
            ("HTTP/1.1 101", "the connection broke before it was a WebSocket: unexpected end of file"),
        ];
        for (answer, expected) in cases {
            let error = asked(|_| answer.as_bytes().to_vec()).await.expect_err("it is none");
            assert_eq!(error.to_string(), expected, "{answer}");
        }
        let endless = asked(|_| vec![b'a'; HEAD + 1]).await.expect_err("it has no end");
        assert_eq!(endless.to_string(), "the answer to the upgrade is not HTTP/1.1");
    }
}
