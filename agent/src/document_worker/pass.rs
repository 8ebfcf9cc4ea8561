//! A document and how far it has come: that of an order, or one that a step runs.

use std::sync::Arc;

use serde_json::{Map, Value};
use shared::document::store::Store;

use crate::catalogue::Fetched;
use crate::execution::StepResult;

/// A document and how far it has come.
#[derive(Debug)]
pub(super) struct Pass {
    /// The document's name.
    pub(super) name: Arc<str>,
    /// The document.
    pub(super) document: Arc<Fetched>,
    /// What it was given, where another document runs it.
    pub(super) given: Option<Map<String, Value>>,
    /// What the Parameter Store gave, if it was asked.
    pub(super) store: Option<Box<Store>>,
    /// What its steps came to so far.
    pub(super) results: Vec<StepResult>,
    /// How many of them were run.
    pub(super) ran: usize,
    /// How often the step that comes next was begun before: a reboot came between.
    pub(super) begun: u32,
}

impl Pass {
    /// A document of which nothing is done yet.
    pub(super) fn new(name: Arc<str>, document: Arc<Fetched>, given: Option<Map<String, Value>>) -> Self {
        Self { name, document, given, store: None, results: Vec::new(), ran: 0, begun: 0 }
    }
}
