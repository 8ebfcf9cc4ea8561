//! Behaviour across crates.

mod bench;
mod binary;
mod clients;
mod conformance;
mod determinism;
mod foreign;
mod golden;
mod live;
mod node;
mod other_services;
mod replay;
mod rough;
#[cfg(feature = "aws-sdk")]
mod sdk;
mod slow;
mod trace;
mod world;
