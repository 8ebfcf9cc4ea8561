//! The program: a fleet of simulated SSM Agents, and the control plane beside it.
//!
//! Data flows one way: [`scenario`] -> [`plan`] -> [`simulation`] -> [`shard`]
//! -> `agent::node`, and what was seen flows to [`measure`] -> [`report`].
//!
//! - [`outline`]: what a plan comes to, without doing it
//! - [`agenda`], [`shard`]: a piece of the fleet, and when its nodes are due
//! - [`churn`]: nodes that end for good, and others that take their places
//! - [`coordinator`], [`in_process`]: virtual time, in windows
//! - [`live`], [`clock`]: real time, over sockets
//! - [`connections`], [`credentials`]: whose connection a call takes, and in whose name
//! - [`host`], [`machine`]: what this machine allows a run, and what it tells of itself
//! - [`solo`], [`witness`]: one node alone, watched call by call
//! - [`operator`]: who makes the associations, through the public API
//! - [`fault`]: what is wrong when and with whom
//! - [`history`], [`measure`]: what was seen
//! - [`metric`], [`condition`], [`threshold`]: what of it can be asked for, and what must come of it
//! - [`story`]: what one node went through
//! - [`schema`]: the form of scenarios and results
//! - [`cli`]: the words on the command line

pub mod agenda;
mod cause;
pub mod churn;
pub mod cli;
pub mod clock;
pub mod condition;
pub mod connections;
pub mod coordinator;
pub mod credentials;
pub mod embedded;
pub mod fault;
pub mod guard;
pub mod history;
pub mod host;
pub mod in_process;
pub mod live;
pub mod machine;
pub mod measure;
pub mod metric;
pub mod operator;
pub mod outline;
pub mod plan;
pub mod progress;
pub mod report;
pub mod result;
pub mod run;
pub mod scenario;
pub mod schema;
pub mod shard;
pub mod signal;
pub mod simulation;
pub mod socket_desk;
pub mod solo;
pub mod story;
pub mod survey;
pub mod threshold;
pub mod witness;
