//! A document being worked off, by a process of its own: for an association or for a command.
//!
//! The real agent begins a process for each document (`ssm-document-worker`),
//! which takes up its steps one after another and tells the agent what each came
//! to. It makes calls of its own: for documents that steps run, for packages, for
//! inventory; and before it begins, the agent asks for what the document refers
//! to. Whether a step runs and what it came to are `execution`'s decisions.
//!
//! A [`DocumentWorker`] is such a document as a value. Each of its methods takes
//! it as far as it goes without waiting, and answers with a [`Progress`]; making
//! its calls, waking it when it is due, and telling anybody of its steps is left to
//! whoever has it: `run` for associations, `command` for commands.
//!
//! Invariant: it waits for one thing at a time, a step's time or a call's answer.

mod asking;
mod cancel;
mod inventory;
mod nested;
mod package;
mod pass;
mod step;

use std::sync::Arc;

use serde_json::{Map, Value};
use shared::document::Document;
use shared::id::AssociationId;
use shared::seed::Draw;
use shared::time::{Period, Timestamp};
use shared::wire::Parameters;

use crate::association::Known;
use crate::call::{Call, Outcome};
use crate::catalogue::{Cohort, Fetched, Platform};
use crate::execution::{self, Given, StepResult};
use crate::inventory::Taken;
use crate::plugin::{self, Work};
use crate::struck::Struck;

use self::asking::Asking;
use self::inventory::Upload;
use self::package::Package;
use self::pass::Pass;
use self::step::StepUnderWay;

/// A document to be worked off.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The document's name.
    pub(crate) name: Arc<str>,
    /// The document.
    pub(crate) document: Arc<Fetched>,
    /// What it is given.
    pub(crate) parameters: Option<Arc<Parameters>>,
    /// For which association; for none, if it is a command's.
    pub(crate) association: Option<AssociationId>,
    /// Whether its output is to be stored.
    pub(crate) stores_output: bool,
    /// What its draws follow from, on its node.
    pub(crate) number: u64,
}

/// A document being worked off.
#[derive(Debug)]
pub(crate) struct DocumentWorker {
    order: Order,
    /// The document of the order, and each that a step of the one before runs.
    passes: Vec<Pass>,
    /// What the document that is to be begun refers to in the Parameter Store.
    asking: Option<Box<Asking>>,
    /// How many steps the platform could not run.
    foreign_steps: usize,
    /// The step under way, and how it will have gone.
    step: Option<StepUnderWay>,
    /// When it ends.
    pub(crate) due: Timestamp,
    /// The work on a package, if that is what the step under way is.
    package: Option<Box<Package>>,
    /// What an inventory step has uploaded, until it is answered.
    upload: Option<Box<Upload>>,
    /// A call that is to be made for it.
    pub(crate) call: Option<Call>,
    /// Which associations the step under way wants to be run at once; an empty list means all.
    pub(crate) refreshes: Option<Vec<AssociationId>>,
    /// Whether the plane took the inventory of the step that ended last.
    pub(crate) has_gathered: bool,
    /// When its process began.
    since: Timestamp,
    /// When the step under way was taken up first, and when those before began and ended.
    began: Option<Timestamp>,
    times: Vec<(Timestamp, Timestamp)>,
}

/// The node on which a document is worked off, at one instant.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub(crate) cohort: &'a Cohort,
    pub(crate) platform: Platform,
    /// The node's index in its cohort.
    pub(crate) index: u32,
    /// What it knows of its associations.
    pub(crate) known: &'a [Known],
    /// What the plane took last of its inventory.
    pub(crate) taken: &'a mut Taken,
    /// What strikes it, if anything does.
    pub(crate) struck: Option<&'a Struck>,
    /// The draws of the machine that it is.
    pub(crate) machine: Draw,
    pub(crate) draw: Draw,
    pub(crate) now: Timestamp,
}

/// How far a document has come.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It waits for a step's time, or for the answer to a call.
    Waits,
    /// All that it refers to is known: it may begin.
    Ready,
    /// It cannot be begun, in the agent's words.
    Unfit(String),
    /// A step came to this and wants the node rebooted, which is then away for so long.
    Reboots(Box<StepResult>, Period),
    /// Every step has a result.
    Over,
    /// It took longer than any document may.
    Stopped,
}

impl DocumentWorker {
    /// One of which nothing is done yet.
    pub(crate) fn new(order: Order, now: Timestamp) -> Self {
        let pass = Pass::new(order.name.clone(), order.document.clone(), None);
        Self {
            order,
            passes: vec![pass],
            asking: None,
            foreign_steps: 0,
            step: None,
            due: Timestamp::NEVER,
            package: None,
            upload: None,
            call: None,
            refreshes: None,
            has_gathered: false,
            since: now,
            began: None,
            times: Vec::new(),
        }
    }

    /// The document, as it was fetched.
    pub(crate) fn fetched(&self) -> &Arc<Fetched> {
        &self.order.document
    }

    /// The results of its steps so far.
    pub(crate) fn results(&self) -> &[StepResult] {
        &self.passes[0].results
    }

    /// When the step of this index began and ended, if it has a result; else when
    /// it began, and now.
    pub(crate) fn times(&self, index: usize, now: Timestamp) -> (Timestamp, Timestamp) {
        self.times.get(index).copied().unwrap_or((self.began.unwrap_or(now), now))
    }

    /// Whether the platform could run none of its steps, of which there is at least one.
    pub(crate) fn is_foreign(&self) -> bool {
        self.foreign_steps > 0 && self.foreign_steps == self.results().len()
    }

    /// Its process begins, or begins anew after a reboot: takes up its steps.
    pub(crate) fn begin(&mut self, site: &mut Site<'_>) -> Progress {
        self.since = site.now;
        self.begin_steps(site)
    }

    /// Takes in the answer to its call.
    pub(crate) fn answered(&mut self, call: &Call, outcome: &Outcome, site: &mut Site<'_>) -> Progress {
        match call {
            Call::GetParameters(_) => self.parameters_came(outcome, site),
            Call::GetNamedDocument(_) => self.named_document_came(outcome, site),
            Call::GetManifest(_) => self.manifest_came(outcome, site),
            Call::PutPackageResult(_) => self.package_result_told(outcome, site),
            Call::PutInventory(_) => self.inventory_answered(outcome, site),
            _ => Progress::Waits,
        }
    }

    /// Whether this is a call of a document's, and not of the agent's about it.
    pub(crate) fn makes(call: &Call) -> bool {
        matches!(
            call,
            Call::GetParameters(_)
                | Call::GetNamedDocument(_)
                | Call::GetManifest(_)
                | Call::PutPackageResult(_)
                | Call::PutInventory(_)
        )
    }

    /// The node goes down. A document that a step runs does not outlive that: its
    /// step begins anew, as any step does that was under way.
    pub(crate) fn interrupt(&mut self) {
        self.passes.truncate(1);
        self.asking = None;
        self.package = None;
        self.upload = None;
        self.call = None;
        self.step = None;
        self.due = Timestamp::NEVER;
        self.passes[0].begun += 1;
    }

    /// The document that is being worked off: the last one begun.
    fn pass(&mut self) -> &mut Pass {
        self.passes.last_mut().expect("there is the document of the order")
    }

    /// A step has its result. Nobody hears of the steps of documents that steps run.
    fn step_came_to_end(&mut self, result: StepResult, now: Timestamp) {
        if self.passes.len() == 1 {
            self.times.push((self.began.take().unwrap_or(now), now));
        }
        let pass = self.pass();
        pass.begun = 0;
        pass.results.push(result);
    }

    /// What the plugin of the next step does.
    fn work(&mut self) -> Work {
        let pass = self.pass();
        let step =
            pass.document.document.as_ref().ok().and_then(|document| document.steps.get(pass.results.len()));
        step.map_or(Work::Plain, |step| plugin::work(&step.action))
    }

    /// Where and with what the next step is run.
    fn context(&self, site: &Site<'_>) -> execution::Context<'_> {
        let pass = self.passes.last().expect("there is the document of the order");
        let given = match (&pass.given, &self.order.parameters) {
            (Some(values), _) => Given::Values(values),
            (None, Some(parameters)) => Given::Parameters(parameters),
            (None, None) => Given::Nothing,
        };
        let has_exited = pass.results.iter().any(|result| result.exits);
        execution::Context { platform: site.platform.kind, given, store: pass.store.as_deref(), has_exited }
    }

    /// The inputs of the next step, with all in its place.
    fn inputs(&self, document: &Document, site: &Site<'_>) -> Vec<Map<String, Value>> {
        let context = self.context(site);
        let arguments = context.arguments(document);
        let index = self.passes.last().map_or(0, |pass| pass.results.len());
        let sets = document.steps[index].inputs.sets().iter();
        sets.map(|set| set.iter().map(|(key, value)| (key.clone(), arguments.fill(value))).collect())
            .collect()
    }

    /// The draws of the document that is being worked off: of this order, and of
    /// each step that runs another document.
    fn draw(&self, node: Draw) -> Draw {
        let outer = self.passes.iter().rev().skip(1).rev();
        outer.fold(node.part(self.order.number), |draw, pass| draw.part(1_000 + pass.results.len() as u64))
    }
}
