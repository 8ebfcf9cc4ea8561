//! Behaviour across crates.

mod bench;
mod binary;
mod clients;
mod conformance;
mod determinism;
mod foreign;
mod golden;
mod legacy;
mod life_cycle;
mod live;
mod node;
mod property;
mod rate_control;
mod replay;
mod rough;
#[cfg(feature = "aws-sdk")]
mod sdk;
mod slow;
mod stage;
mod steering;
mod trace;
mod world;
