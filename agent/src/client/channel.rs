//! A control channel behind a socket: made by a call, opened as a WebSocket.
//!
//! The call brings a token, the first frame shows it. From then on the channel is
//! a task: it sends what it is handed, pings, hands on what comes in, and ends
//! when either side closes or nothing was heard for too long. Whether and when
//! another is opened is the node's to decide.
//!
//! The real agent goes to its control channel under TLS only. Here the scheme is
//! the endpoint's own, so that a plane without a certificate can be had as well.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, USER_AGENT,
};
use ::http::{HeaderMap, HeaderValue, Method, Request};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use shared::error::{ApiError, ErrorCode};
use shared::frame::{AGENT_JOB, AGENT_JOB_REPLY_ACK, Frame, MessageId};
use shared::time::Timestamp;
use shared::wire::{AgentJobReplyAck, CreateControlChannel};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tracing::debug;

use super::faulty::Conditions;
use super::http::{self, GZIP};
use super::sign::Signed;
use super::transport::Stream;
use super::upgrade::Upgrade;
use super::{Client, Clock, Elapsed, Shared};
use crate::channel::call::{Incoming, OpenChannel, OutboundFrame};
use crate::credentials::SignedBy;

/// The client of the control channel names no agent (Go's own).
const GO: HeaderValue = HeaderValue::from_static("Go-http-client/1.1");
/// What a channel is opened for.
const QUERY: &str = "role=subscribe&stream=input";
/// The most bytes of the answer that brings the token.
const ANSWER: usize = 64 << 10;

/// How long things take on a control channel, in wall time.
#[derive(Debug, Clone, Copy)]
pub struct Tempo {
    /// To make and open it (the agent: 15 s).
    pub open_within: Duration,
    /// Between pings (54 s).
    pub ping_every: Duration,
    /// Without a word for so long after it was opened it is lost (114 s),
    pub first_word_within: Duration,
    /// and so long after a pong (60 s).
    pub word_within: Duration,
    /// For the service's word on a reply (1 s).
    pub ack_within: Duration,
}

/// Why a control channel was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The service said no.
    #[error("no control channel: {0}")]
    Refused(ApiError, u16),
    /// Nothing sensible came back.
    #[error("no control channel: {0}")]
    Unreachable(String),
}

/// A channel that is open and not yet driven.
#[derive(Debug)]
pub struct OpenedChannel {
    socket: WebSocketStream<Stream>,
    tempo: Tempo,
}

/// The hand through which frames go out. The channel ends with the last of them.
#[derive(Debug, Clone)]
pub struct ChannelHand {
    frames: mpsc::UnboundedSender<(OutboundFrame, oneshot::Sender<()>)>,
    ack_within: Duration,
}

impl ChannelHand {
    /// Sends a frame. Answers whether it went out, or, where that is waited for,
    /// whether the service has it.
    pub async fn send(&self, clock: &impl Clock, frame: OutboundFrame) -> bool {
        let (done, is_done) = oneshot::channel();
        if self.frames.send((frame, done)).is_err() {
            return false;
        }
        matches!(clock.timeout(self.ack_within, is_done).await, Ok(Ok(())))
    }
}

impl<C: Clock> Client<C> {
    /// Makes a control channel and opens it, over sockets that follow these
    /// conditions, if any are given.
    pub async fn open_channel(
        &self,
        open: &OpenChannel,
        by: &SignedBy,
        now: Timestamp,
        tempo: Tempo,
        conditions: Option<watch::Receiver<Conditions>>,
    ) -> Result<OpenedChannel, OpenError> {
        let opening = self.open_socket(open, by, now, conditions);
        match self.shared.clock.timeout(tempo.open_within, opening).await {
            Ok(socket) => Ok(OpenedChannel { socket: socket?, tempo }),
            Err(Elapsed) => Err(OpenError::Unreachable("timed out".to_owned())),
        }
    }

    async fn open_socket(
        &self,
        open: &OpenChannel,
        by: &SignedBy,
        now: Timestamp,
        conditions: Option<watch::Receiver<Conditions>>,
    ) -> Result<WebSocketStream<Stream>, OpenError> {
        let path = format!("/v1/control-channel/{}", open.node);
        let stream = self.connect(conditions.clone()).await?;
        let token = self.create_channel(&path, open, by, now, stream).await?;
        let stream = self.connect(conditions).await?;
        let opened = self.upgrade(&path, by, now).ask(stream, small_buffers()).await;
        let mut socket = opened.map_err(unreachable)?;
        socket.send(Message::text(open.first_frame(token))).await.map_err(unreachable)?;
        Ok(socket)
    }

    async fn connect(&self, conditions: Option<watch::Receiver<Conditions>>) -> Result<Stream, OpenError> {
        let Shared { transport, clock, .. } = &*self.shared;
        let connected = match conditions {
            None => transport.connect().await,
            Some(conditions) => transport.connect_under(conditions, clock.clone()).await,
        };
        connected.map_err(unreachable)
    }

    /// Makes a channel; answers its token.
    async fn create_channel(
        &self,
        path: &str,
        open: &OpenChannel,
        by: &SignedBy,
        now: Timestamp,
        stream: Stream,
    ) -> Result<String, OpenError> {
        let question = CreateControlChannel {
            message_schema_version: "1.0".to_owned(),
            request_id: open.request_id.clone(),
        };
        let body = serde_json::to_vec(&question).expect("texts can be written");
        let host = self.shared.endpoint.authority();
        let content_type = "application/json";
        let signer = &self.shared.channel_signer;
        let signed = signer.sign_channel(by, ("POST", path, ""), host, Some(content_type), &body, now);
        let headers = headers(host, signed, body.len(), content_type);
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().expect("a node's id can stand in a path");
        *request.headers_mut() = headers;

        let (mut sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(unreachable)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(unreachable)?;
            let status = response.status().as_u16();
            let is_packed = http::is_packed(response.headers());
            let body = Limited::new(response.into_body(), ANSWER).collect().await;
            let body = body.map_err(unreachable)?.to_bytes();
            let body = if is_packed { http::unpack(&body, ANSWER).map_err(unreachable)? } else { body };
            read_token(status, &String::from_utf8_lossy(&body))
        };
        tokio::pin!(exchange);
        tokio::select! {
            token = &mut exchange => token,
            // The answer may have come with the connection's end, or none will.
            _ = connection => exchange.await,
        }
    }

    fn upgrade(&self, path: &str, by: &SignedBy, now: Timestamp) -> Upgrade<'_> {
        let host = self.shared.endpoint.authority();
        let signer = &self.shared.channel_signer;
        let signed = signer.sign_channel(by, ("GET", path, QUERY), host, None, b"", now);
        Upgrade { target: format!("{path}?{QUERY}"), host, user_agent: GO, signed }
    }
}

/// Many channels are open and little is said over each: the usual buffers would
/// hold a hundred times what a fleet's nodes do.
fn small_buffers() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(0)
}

/// The headers of the making of a channel, in the order of the real agent's (Go's).
fn headers(host: &HeaderValue, signed: Signed, length: usize, content_type: &'static str) -> HeaderMap {
    let all = [
        (HOST, Some(host.clone())),
        (USER_AGENT, Some(GO)),
        (CONTENT_LENGTH, Some(HeaderValue::from(length))),
        (AUTHORIZATION, signed.authorization),
        (CONTENT_TYPE, Some(HeaderValue::from_static(content_type))),
        (HeaderName::from_static("x-amz-date"), signed.date),
        (HeaderName::from_static("x-amz-security-token"), signed.token),
        (ACCEPT_ENCODING, Some(HeaderValue::from_static(GZIP))),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn unreachable(error: impl std::fmt::Display) -> OpenError {
    OpenError::Unreachable(error.to_string())
}

/// What the answer to the making of a channel says. Agents look for the token's
/// element, whatever is around it, and for one refusal's.
fn read_token(status: u16, body: &str) -> Result<String, OpenError> {
    let element = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    if status == 201
        && let Some(token) = element("TokenValue").filter(|token| !token.is_empty())
    {
        return Ok(token);
    }
    if body.contains("<AccessDeniedException>") {
        let error = ApiError::new(ErrorCode::AccessDeniedException, element("Message").unwrap_or_default());
        return Err(OpenError::Refused(error, status));
    }
    Err(OpenError::Unreachable(format!("HTTP status {status} without a token")))
}

impl OpenedChannel {
    /// The channel in two parts: the hand that frames go out by, and the work of
    /// driving it until it ends, which hands jobs on.
    pub fn split<C: Clock>(
        self,
        clock: C,
        push: impl Fn(Incoming) + Send + 'static,
    ) -> (ChannelHand, impl Future<Output = ()> + Send) {
        let (frames, outgoing) = mpsc::unbounded_channel();
        let hand = ChannelHand { frames, ack_within: self.tempo.ack_within };
        (hand, drive(self.socket, self.tempo, clock, outgoing, push))
    }
}

/// Drives a channel until it ends.
async fn drive<C: Clock>(
    mut socket: WebSocketStream<Stream>,
    tempo: Tempo,
    clock: C,
    mut outgoing: mpsc::UnboundedReceiver<(OutboundFrame, oneshot::Sender<()>)>,
    push: impl Fn(Incoming) + Send + 'static,
) {
    let mut awaited: HashMap<MessageId, oneshot::Sender<()>> = HashMap::new();
    let mut ping_at = clock.wall() + tempo.ping_every;
    let mut lost_at = clock.wall() + tempo.first_word_within;
    loop {
        let now = clock.wall();
        if now >= lost_at {
            debug!("control channel: nothing was heard for too long");
            return;
        }
        if now >= ping_at {
            ping_at = now + tempo.ping_every;
            if socket.send(Message::Ping(Bytes::from_static(b"keepalive"))).await.is_err() {
                return;
            }
        }
        let pause = clock.timeout(ping_at.min(lost_at).saturating_sub(now), std::future::pending::<()>());
        tokio::select! {
            frame = outgoing.recv() => {
                let Some((outbound, done)) = frame else {
                    // Nobody needs the channel any more.
                    _ = socket.close(None).await;
                    return;
                };
                if socket.send(Message::binary(outbound.frame.encode())).await.is_err() {
                    return;
                }
                if outbound.is_awaited {
                    awaited.retain(|_, done| !done.is_closed());
                    awaited.insert(outbound.frame.id, done);
                } else {
                    // Whoever sent it may have gone.
                    _ = done.send(());
                }
            }
            received = socket.next() => match received {
                Some(Ok(Message::Binary(bytes))) => take(&bytes, &mut awaited, &push),
                Some(Ok(Message::Pong(_))) => lost_at = clock.wall() + tempo.word_within,
                Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            _ = pause => {}
        }
    }
}

/// Takes a frame in: a job, or the service's word on a reply.
fn take(bytes: &[u8], awaited: &mut HashMap<MessageId, oneshot::Sender<()>>, push: &impl Fn(Incoming)) {
    let frame = match Frame::decode(bytes) {
        Ok(frame) => frame,
        Err(error) => return debug!(%error, "control channel: no frame"),
    };
    match frame.message_type.as_str() {
        AGENT_JOB => match Incoming::of_frame(&frame) {
            Some(incoming) => push(incoming),
            None => debug!("control channel: a job that cannot be read"),
        },
        AGENT_JOB_REPLY_ACK => {
            let ack = serde_json::from_slice::<AgentJobReplyAck>(&frame.payload).ok();
            if let Some(done) = ack.and_then(|ack| awaited.remove(&ack.acknowledged_message_id)) {
                // Its second may be over.
                _ = done.send(());
            }
        }
        other => debug!(message_type = other, "control channel: a message that is nothing to us"),
    }
}

/// Open channels, by the node's number: what is sent finds its way by it.
#[derive(Debug, Default)]
pub struct ChannelTable {
    open: std::sync::Mutex<HashMap<u32, (u64, ChannelHand)>>,
    next: std::sync::atomic::AtomicU64,
}

impl ChannelTable {
    /// Notes a node's channel, in place of one that it had; answers the entry's number.
    pub fn insert(self: &Arc<Self>, node: u32, hand: ChannelHand) -> u64 {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.lock().insert(node, (number, hand));
        number
    }

    /// Forgets a channel that has ended, unless another took its place. Answers
    /// whether it was the node's own.
    pub fn remove(&self, node: u32, number: u64) -> bool {
        let mut open = self.lock();
        let is_current = open.get(&node).is_some_and(|(current, _)| *current == number);
        if is_current {
            open.remove(&node);
        }
        is_current
    }

    /// A node's channel, if one is open.
    pub fn get(&self, node: u32) -> Option<ChannelHand> {
        self.lock().get(&node).map(|(_, hand)| hand.clone())
    }

    /// Closes a node's channel, if one is open.
    pub fn close(&self, node: u32) {
        self.lock().remove(&node);
    }

    /// Closes all channels.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u32, (u64, ChannelHand)>> {
        self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_says_of_a_channel() {
        let whole =
            "<CreateControlChannelResponse><TokenValue>abc</TokenValue></CreateControlChannelResponse>";
        assert_eq!(read_token(201, whole).unwrap(), "abc");
        assert_eq!(read_token(201, "<Any><TokenValue>abc</TokenValue></Any>").unwrap(), "abc");
        let denied = "<AccessDeniedException><Message>no</Message></AccessDeniedException>";
        // Status, body, whether it is a refusal by name.
        let cases = [
            (200, whole, false),
            (201, "<TokenValue></TokenValue>", false),
            (201, "{}", false),
            (403, denied, true),
            (400, denied, true),
            (403, "no", false),
        ];
        for (status, body, is_named) in cases {
            let error = read_token(status, body).unwrap_err();
            assert_eq!(matches!(error, OpenError::Refused(..)), is_named, "{status} {body}: {error}");
        }
    }
}
