//! The control channel behind a socket: `/v1/control-channel/{id}`.
//!
//! Both requests are signed as calls are. `POST` makes a channel and answers 201 with its token, in XML. `GET` is
//! upgraded to a WebSocket; its first frame, text, must show the token. Then jobs
//! go out as binary frames as soon as there are any, and whatever comes in is
//! taken in at once. A ping is answered by the WebSocket itself. A channel whose
//! frames cannot be read is closed, and its agent opens another.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use shared::error::{ApiError, ErrorCode};
use shared::frame::Frame;
use shared::id::NodeId;
use shared::wire::CreateControlChannel;
use tokio::sync::watch;
use tracing::debug;

use super::{Clock, told};
use crate::auth::{Place, Signed};
use crate::service::Service;

/// Where control channels are.
const PREFIX: &str = "/v1/control-channel/";

/// How long an opened socket may keep its first frame to itself, in wall time.
const FIRST_FRAME_WITHIN: Duration = Duration::from_secs(15);

/// The most bytes of a message; a reply with its outputs is a tenth of it.
const MESSAGE: usize = 1 << 20;

/// The most bytes of the question for a channel.
const QUESTION: usize = 4 << 10;

/// The node whose control channel is at this path.
pub(super) fn node_at(path: &str) -> Option<&str> {
    path.strip_prefix(PREFIX).filter(|id| !id.is_empty() && !id.contains('/'))
}

/// Answers a request to the control channel of a node.
pub(super) async fn answer<C: Clock>(
    service: Arc<Service>,
    clock: C,
    stopped: watch::Receiver<bool>,
    node: &str,
    mut head: Parts,
    body: Body,
) -> Response {
    let question = to_bytes(body, QUESTION).await.unwrap_or_default();
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    let place = Place { method: head.method.as_str(), path, query };
    let request = Signed { place, headers: &head.headers, body: &question };
    if let Err(refusal) = service.caller_of(clock.now(), request) {
        return refused(&refusal);
    }
    match head.method {
        Method::POST => {
            let created = match serde_json::from_slice::<CreateControlChannel>(&question) {
                Ok(_) => service.create_control_channel(node),
                Err(error) => Err(ApiError::new(
                    ErrorCode::ValidationException,
                    format!("the body must have MessageSchemaVersion and RequestId: {error}"),
                )),
            };
            created.map_or_else(|refusal| refused(&refusal), |token| created_channel(&token))
        }
        Method::GET => {
            let node: NodeId = match node.parse() {
                Ok(node) => node,
                Err(error) => {
                    return refused(&ApiError::new(ErrorCode::ValidationException, format!("{error}")));
                }
            };
            match WebSocketUpgrade::from_request_parts(&mut head, &()).await {
                Ok(upgrade) => {
                    small(upgrade).on_upgrade(move |socket| serve(service, clock, stopped, node, socket))
                }
                Err(_) => refused(&ApiError::new(
                    ErrorCode::ValidationException,
                    "a control channel is a WebSocket: ask for the upgrade",
                )),
            }
        }
        _ => {
            let mut response = refused(&ApiError::new(
                ErrorCode::UnknownOperationException,
                "a control channel is made by POST and opened by GET",
            ));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
            response
        }
    }
}

/// Channels are many and say little: their buffers are small.
fn small(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.read_buffer_size(4 << 10).write_buffer_size(0).max_message_size(MESSAGE).max_frame_size(MESSAGE)
}

fn created_channel(token: &str) -> Response {
    xml(
        StatusCode::CREATED,
        format!(
            "<CreateControlChannelResponse><MessageSchemaVersion>1.0</MessageSchemaVersion>\
             <TokenValue>{token}</TokenValue></CreateControlChannelResponse>"
        ),
    )
}

/// A refusal; agents look for the element of its name.
fn refused(refusal: &ApiError) -> Response {
    let status = match refusal.code {
        ErrorCode::AccessDeniedException => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    let message = refusal.message.replace('&', "&amp;").replace('<', "&lt;");
    let code = refusal.code.as_str();
    xml(status, format!("<{code}><Message>{message}</Message></{code}>"))
}

fn xml(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// Serves a channel from its first frame until either side closes it.
async fn serve<C: Clock>(
    service: Arc<Service>,
    clock: C,
    stopped: watch::Receiver<bool>,
    node: NodeId,
    mut socket: WebSocket,
) {
    let first = tokio::select! {
        first = socket.recv() => first,
        () = clock.sleep_wall(FIRST_FRAME_WITHIN) => None,
        () = told(stopped.clone()) => None,
    };
    let opened = match first {
        Some(Ok(Message::Text(text))) => service.open_control_channel(node, &text),
        Some(Ok(_)) => Err("the first frame must be text".to_owned()),
        Some(Err(_)) | None => return,
    };
    match opened {
        Ok(number) => {
            debug!(%node, "control channel opened");
            let reason = converse(&service, &clock, stopped, node, &mut socket).await;
            service.close_control_channel(node, number);
            debug!(%node, reason, "control channel closed");
        }
        Err(reason) => {
            debug!(%node, reason, "control channel refused");
            close(&mut socket, close_code::POLICY, &reason).await;
        }
    }
}

/// Sends jobs and takes in what comes. Answers why it ended.
async fn converse<C: Clock>(
    service: &Service,
    clock: &C,
    stopped: watch::Receiver<bool>,
    node: NodeId,
    socket: &mut WebSocket,
) -> &'static str {
    let listening = service.listen(node);
    let mut end = std::pin::pin!(told(stopped));
    loop {
        // They come some at a time.
        loop {
            let jobs = service.jobs(clock.now(), node);
            if jobs.is_empty() {
                break;
            }
            for job in jobs {
                if socket.send(Message::Binary(job.encode().into())).await.is_err() {
                    return "nothing can be sent";
                }
            }
        }
        let visible = async {
            match service.next_visible(node) {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(Message::Binary(bytes))) => match Frame::decode(&bytes) {
                    Ok(frame) => {
                        if let Some(answer) = service.receive(clock.now(), node, &frame)
                            && socket.send(Message::Binary(answer.encode().into())).await.is_err()
                        {
                            return "nothing can be sent";
                        }
                    }
                    Err(error) => {
                        close(socket, close_code::INVALID, &error.to_string()).await;
                        return "a frame cannot be read";
                    }
                },
                // Text after the first frame means nothing; pings are answered below.
                Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_))) => (),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return "the agent is gone",
            },
            () = listening.told() => (),
            () = visible => (),
            () = &mut end => {
                close(socket, close_code::AWAY, "the plane ends").await;
                return "the plane ends";
            }
        }
    }
}

async fn close(socket: &mut WebSocket, code: u16, reason: &str) {
    // A close frame holds at most 123 bytes of reason.
    let reason = &reason[..reason.floor_char_boundary(123)];
    let frame = CloseFrame { code, reason: reason.into() };
    // Whoever is gone already needs no telling.
    _ = socket.send(Message::Close(Some(frame))).await;
}
