//! Behaviour across crates.

mod bench;
mod binary;
mod clients;
mod conformance;
mod create_association;
mod determinism;
mod errors;
mod foreign;
mod golden;
mod live;
mod node;
mod pages;
mod replay;
mod rough;
#[cfg(feature = "aws-sdk")]
mod sdk;
mod served;
mod slow;
mod stories;
mod trace;
mod world;
