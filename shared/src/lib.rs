//! The words that nodes and control plane agree on: values only, no I/O, no
//! clock, no HTTP.
//!
//! - [`id`], [`status`], [`time`], [`seed`], [`error`]: the vocabulary
//! - [`operation`], [`wire`]: what is said on the wire, AWS JSON 1.1
//! - [`frame`]: the binary frame of the control channel
//! - [`signature`]: Signature Version 4, without a clock
//! - [`document`]: SSM documents, parsed
//! - [`nearest`]: what somebody may have meant
//! - [`share`]: how many of all
//! - [`schedule`]: when an association is due, in the service's dialect
//! - [`target`]: which nodes an association means
//! - `schema`: the form of such words, for whoever edits a file

pub mod document;
pub mod error;
pub mod frame;
pub mod id;
pub mod nearest;
pub mod operation;
pub mod schedule;
mod schema;
pub mod seed;
pub mod share;
pub mod signature;
pub mod status;
pub mod target;
pub mod time;
pub mod wire;
