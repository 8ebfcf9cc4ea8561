//! Behaviour across crates.

mod bench;
mod binary;
mod clients;
mod conformance;
mod day;
mod determinism;
mod foreign;
mod golden;
mod legacy;
mod likeness;
mod live;
mod node;
mod replay;
mod rough;
#[cfg(feature = "aws-sdk")]
mod sdk;
mod slow;
mod steering;
mod trace;
mod world;
