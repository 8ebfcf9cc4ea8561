//! Calls, as somebody sees them who looks at the wire.
//!
//! A fleet counts its calls; one node alone can be watched. Whoever watches gets
//! each call when it has come to its end, with the bytes of both ways, and each
//! frame of a control channel, whichever way it went.

use std::time::Duration;

use agent::channel::call::Incoming;
use agent::client::CallError;
use agent::client::channel::OpenError;
use bytes::Bytes;
use serde_json::json;
use shared::frame::AGENT_JOB;
use shared::time::Timestamp;
use tokio::sync::mpsc;

use crate::cause::chain;

/// Where calls are told.
pub type Witness = mpsc::UnboundedSender<Witnessed>;

/// A call that came to its end, or a frame.
#[derive(Debug, Clone)]
pub struct Witnessed {
    /// When it was made.
    pub at: Timestamp,
    /// The operation's name.
    pub operation: &'static str,
    /// How often it was tried before.
    pub attempt: u8,
    /// What was asked; of a frame that the node sent, its payload.
    pub body: Bytes,
    /// What came back, or came by itself.
    pub answer: Heard,
    /// How long that took, in wall time.
    pub took: Duration,
}

/// What came back from a plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// What was asked for.
    Reply(Bytes),
    /// No.
    Refusal {
        /// The HTTP status.
        status: u16,
        /// The reason's name.
        code: String,
        /// The reason in words; may be empty.
        message: String,
    },
    /// Nothing that can be read, and why.
    Nothing(String),
    /// The control channel is open.
    Opened,
    /// The frame went out, and the service has said that it has it, where that is waited for.
    Sent,
    /// Nothing was asked: a frame with this payload came in.
    Pushed(Bytes),
}

impl Heard {
    pub(crate) fn of(outcome: &Result<Bytes, CallError>) -> Self {
        match outcome {
            Ok(body) => Self::Reply(body.clone()),
            Err(CallError::Refused { code, status, message, .. }) => {
                Self::Refusal { status: *status, code: code.to_string(), message: message.clone() }
            }
            Err(error) => Self::Nothing(chain(error)),
        }
    }

    /// What became of the opening of a control channel.
    pub(crate) fn of_opening<T>(outcome: &Result<T, OpenError>) -> Self {
        match outcome {
            Ok(_) => Self::Opened,
            Err(OpenError::Refused(error, status)) => {
                let (code, message) = (error.code.to_string(), error.message.clone());
                Self::Refusal { status: *status, code, message }
            }
            Err(OpenError::Unreachable(reason)) => Self::Nothing(reason.clone()),
        }
    }

    /// What became of a frame.
    pub(crate) fn of_frame(is_sent: bool) -> Self {
        if is_sent { Self::Sent } else { Self::Nothing("the service has not confirmed it".to_owned()) }
    }
}

impl Witnessed {
    /// A job that came over the control channel.
    pub(crate) fn job(at: Timestamp, incoming: &Incoming) -> Self {
        let Incoming { message, topic, payload, .. } = incoming;
        let payload = json!({ "JobId": **message, "Topic": **topic, "Content": **payload });
        Self {
            at,
            operation: AGENT_JOB,
            attempt: 0,
            body: Bytes::new(),
            answer: Heard::Pushed(payload.to_string().into()),
            took: Duration::ZERO,
        }
    }
}
