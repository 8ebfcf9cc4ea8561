//! Calls, as somebody sees them who looks at the wire.
//!
//! A fleet counts its calls; one node alone can be watched. Whoever watches gets
//! each call when it has come to its end, with the bytes of both ways.

use std::time::Duration;

use agent::client::CallError;
use bytes::Bytes;
use shared::time::Timestamp;
use tokio::sync::mpsc;

use crate::cause::chain;

/// Where calls are told.
pub type Witness = mpsc::UnboundedSender<Witnessed>;

/// A call that came to its end.
#[derive(Debug, Clone)]
pub struct Witnessed {
    /// When it was made.
    pub at: Timestamp,
    /// The operation's name.
    pub operation: &'static str,
    /// How often it was tried before.
    pub attempt: u8,
    /// What was asked.
    pub body: Bytes,
    /// What came back.
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
}
