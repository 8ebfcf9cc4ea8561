//! Behaviour across crates.

mod alone;
mod bench;
mod binary;
mod clients;
mod conformance;
mod create_association;
mod day;
mod determinism;
mod document;
mod errors;
mod foreign;
mod golden;
mod identity;
mod inventory;
mod legacy;
mod life_cycle;
mod likeness;
mod live;
mod node;
mod other_services;
mod pages;
mod property;
mod rate_control;
mod replay;
mod rough;
#[cfg(feature = "aws-sdk")]
mod sdk;
mod served;
mod signed;
mod slow;
mod stage;
mod steering;
mod stories;
mod trace;
mod world;
