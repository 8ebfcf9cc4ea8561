//! The embedded control plane: State Manager as its clients and agents see it.
//!
//! Data flows one way: `wire -> http -> service -> route -> handler -> state`.
//!
//! - [`config`]: what can be chosen, with its defaults
//! - [`service`]: the one door; typed calls, calls in bytes, and the plane's own timers
//! - [`http`]: the same behind a socket
//! - [`state`]: all that the plane knows
//! - [`auth`]: in whose name a call is made, and whether its signature says so rightly
//! - `route`, `validate`: how bytes become a call
//! - `admin`: what AWS keeps in other services, shown and changed
//! - [`fault`]: what is made wrong with the plane on purpose
//! - `handler`: one plain function per operation
//! - `calendar`: change calendars
//! - `engine`: what happens later or in many pieces: dispatch, joining, deletion
//! - [`snapshot`]: the state as bytes, and back
//!
//! Invariant: time and chance come in from outside, so that the same calls at
//! the same instants bring the same answers.

mod admin;
pub mod auth;
mod calendar;
pub mod config;
mod engine;
pub mod fault;
mod handler;
pub mod http;
mod instant;
mod listener;
mod page;
mod route;
pub mod service;
pub mod snapshot;
pub mod state;
#[cfg(test)]
mod testing;
mod validate;
