//! The recorded stub's side of a control channel: it makes and opens one as it did
//! then, writes down each frame that comes, confirms replies and pushes jobs.

use std::sync::Arc;

use agent::client::Clock;
use futures_util::{SinkExt, StreamExt};
use shared::frame::{AGENT_JOB_REPLY_ACK, Frame, MessageId};
use shared::wire::{AgentJobReply, AgentJobReplyAck};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::frame::{self, Opcode};
use super::super::json::Json;
use super::super::recording::Call;
use super::stub::Stub;

/// What the making of a channel is answered, as it was granted or denied; the
/// recorded token was eight characters long.
pub(super) fn made(status: u16) -> &'static str {
    match status {
        201 => {
            "<CreateControlChannelResponse><MessageSchemaVersion>1.0</MessageSchemaVersion>\
             <TokenValue>eightlet</TokenValue></CreateControlChannelResponse>"
        }
        _ => "<AccessDeniedException><Message>denied</Message></AccessDeniedException>",
    }
}

/// Makes the connection a channel, and serves it to its end.
pub(super) async fn serve(stub: Arc<Stub>, mut stream: TcpStream, opening: Call, jobs: Jobs) {
    let connection = opening.connection;
    let key = opening.header("Sec-WebSocket-Key").unwrap_or_default().to_owned();
    stub.write_down(opening);
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    if stream.write_all(answer.as_bytes()).await.is_err() {
        return;
    }
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    talk(&stub, socket, connection, jobs).await;
}

/// Where the jobs come from that are to be pushed.
pub(super) type Jobs = mpsc::UnboundedReceiver<Frame>;

async fn talk(stub: &Stub, mut socket: WebSocketStream<TcpStream>, connection: u64, mut jobs: Jobs) {
    loop {
        let said = tokio::select! {
            Some(job) = jobs.recv() => Some(job),
            message = socket.next() => {
                let Some(Ok(message)) = message else { return };
                let (opcode, bytes) = match &message {
                    Message::Text(text) => (Opcode::Text, text.as_bytes()),
                    Message::Binary(bytes) => (Opcode::Binary, bytes.as_ref()),
                    // It is answered by the library.
                    Message::Ping(bytes) => (Opcode::Ping, bytes.as_ref()),
                    Message::Pong(_) | Message::Close(_) | Message::Frame(_) => continue,
                };
                stub.write_down(heard(stub, opcode, bytes, connection));
                confirmation(opcode, bytes)
            }
        };
        if let Some(frame) = said
            && socket.send(Message::binary(frame.encode())).await.is_err()
        {
            return;
        }
    }
}

/// A frame as a recording tells of it.
fn heard(stub: &Stub, opcode: Opcode, bytes: &[u8], connection: u64) -> Call {
    let frame::Said { operation, headers, body } = frame::read(opcode, bytes);
    let at = stub.clock().wall().as_secs_f64();
    Call {
        at,
        operation,
        headers,
        body,
        status: 0,
        error: None,
        reply: Json::Null,
        is_held: false,
        connection,
    }
}

/// The word that the service has a reply.
fn confirmation(opcode: Opcode, bytes: &[u8]) -> Option<Frame> {
    let frame = (opcode == Opcode::Binary).then(|| Frame::decode(bytes).ok()).flatten()?;
    let reply: AgentJobReply = serde_json::from_slice(&frame.payload).ok()?;
    let ack = AgentJobReplyAck { job_id: reply.job_id, acknowledged_message_id: frame.id };
    let payload = serde_json::to_vec(&ack).expect("texts can be written");
    Some(Frame::new(AGENT_JOB_REPLY_ACK, frame.created, MessageId::from_bits(1), payload))
}
