//! Behaviour across crates.

mod bench;
mod binary;
mod channel;
mod clients;
mod conformance;
mod determinism;
mod foreign;
mod golden;
mod legacy;
mod live;
mod message;
mod message_trace;
mod node;
mod replay;
mod rough;
#[cfg(feature = "aws-sdk")]
mod sdk;
mod slow;
mod steering;
mod trace;
mod world;
