//! Behaviour across crates.

mod bench;
mod binary;
mod clients;
mod conformance;
mod determinism;
mod foreign;
mod golden;
mod identity;
mod live;
mod node;
mod replay;
mod rough;
#[cfg(feature = "aws-sdk")]
mod sdk;
mod signed;
mod slow;
mod trace;
mod world;
