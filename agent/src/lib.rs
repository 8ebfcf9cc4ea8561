//! One managed node: what it decides, and how it calls.
//!
//! Deciding is pure: [`node::Node::on`] follows one event at one instant, with
//! the draws handed in, and answers with actions. Doing is in [`client`]: one
//! call, one answer.
//!
//! - [`catalogue`]: what nodes share: cohorts, behaviours, interned documents
//! - [`identity`], [`fault`]: who a node is, and what is wrong with it; `struck`: what it does meanwhile
//! - [`mix`], [`tags`]: what differs from node to node of a cohort
//! - [`node`]: the row of a node and its lanes; [`lane`], [`call`]
//! - [`credentials`]: registration, keys, and what calls are signed with
//! - [`lifecycle`]: start probe, heartbeats, hibernation
//! - [`poll`], [`association`], [`schedule`]: what is associated, and when it is due
//! - `legacy`: the way of old agents, gone when a poll fails; `worker`: what is lost when it dies
//! - [`run`], [`execution`], [`plugin`]: a document's run, step by step
//! - [`compliance`]: what is said after a run; [`inventory`], [`facts`]: what is told of the node itself
//! - [`performance`], [`script`], [`distribution`]: how a simulated step goes
//! - [`channel`], `command`: messages to the node, and the commands that they bring
//! - [`compliance`]: what is said after a run
//! - [`retry`]: which failed call is tried again, and when
//! - [`client`]: the calls themselves

pub mod association;
pub mod call;
pub mod catalogue;
pub mod channel;
pub mod client;
mod command;
pub mod compliance;
pub mod credentials;
pub mod distribution;
pub mod execution;
pub mod facts;
pub mod fault;
mod health;
pub mod identity;
pub mod inventory;
pub mod lane;
mod legacy;
pub mod lifecycle;
pub mod mix;
pub mod node;
mod output;
pub mod performance;
pub mod plugin;
pub mod poll;
pub mod retry;
pub mod run;
pub mod schedule;
pub mod script;
mod struck;
pub mod tags;
mod worker;
