//! Requests and replies of the SSM API, as AWS JSON 1.1 spells them.
//!
//! One module per family; everything is exported here, so that a request is
//! `wire::GetDocument`. Requests of the agent name their fields in the order of
//! the real agent's JSON (alphabetical). Unknown keys are tolerated both ways.

mod activation;
mod association;
mod automation;
mod batch;
mod channel;
mod command;
mod compliance;
mod document;
mod instance;
mod inventory;
mod legacy;
mod message;
mod node;
mod package;
mod parameter;
mod tag;
mod token;

pub use activation::*;
pub use association::*;
pub use automation::*;
pub use batch::*;
pub use channel::*;
pub use command::*;
pub use compliance::*;
pub use document::*;
pub use instance::*;
pub use inventory::*;
pub use legacy::*;
pub use message::*;
pub use node::*;
pub use package::*;
pub use parameter::*;
pub use tag::*;
pub use token::*;

use serde::{Deserialize, Serialize};

/// The reply of an operation that has nothing to say: `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Empty {}
