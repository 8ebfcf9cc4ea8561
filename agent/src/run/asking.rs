//! What a document takes from the Parameter Store, and whether it may be run.
//!
//! Before a document is begun the agent asks for what its parameters refer to,
//! checks their values, and then asks anew for each step's inputs, at most ten
//! names in a call (agent/framework/docparser: `getValidatedParameters`).
//! Anything wrong keeps the whole document from beginning.
//!
//! Invariant: no document begins before all that it refers to has a value.

use std::sync::Arc;

use serde_json::Value;
use shared::document::argument::Arguments;
use shared::document::store::{self, NAMES_IN_A_CALL, Store};
use shared::document::{Document, Inputs};
use shared::status::PlatformType;
use shared::wire::ParameterValue;

use crate::call::{Call, Outcome};
use crate::execution::constraint;
use crate::node::{Node, Turn};
use crate::poll::why;

use super::Run;

/// How far the questions have come.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// What is asked for: the parameters first, then each step in turn.
    place: usize,
    /// The references there.
    references: Vec<String>,
    /// The names that are still to be asked for.
    names: Vec<String>,
    parameters: Vec<ParameterValue>,
    invalid: Vec<String>,
}

/// What comes next.
enum Next {
    Ask(Arc<[String]>),
    Begin,
    Refuse(String),
}

impl Node {
    /// Asks the next question, or begins the document, or says why it cannot.
    pub(super) fn ask(&mut self, turn: &mut Turn<'_>) {
        let platform = self.platform(turn.catalogue).kind;
        let Some(run) = &mut self.run else { return };
        match run.next_question(platform) {
            Next::Ask(names) => {
                run.call = Some(Call::GetParameters(names));
                self.report_next(turn);
            }
            Next::Begin => {
                run.asking = None;
                if run.passes.len() == 1 { self.begin_document(turn) } else { self.begin_steps(turn) }
            }
            Next::Refuse(reason) => {
                run.asking = None;
                if run.passes.len() == 1 {
                    self.cannot_begin(true, &reason, turn);
                } else {
                    run.passes.pop();
                    self.cannot_prepare(&reason, turn);
                }
            }
        }
    }

    pub(super) fn parameters_came(&mut self, outcome: &Outcome, turn: &mut Turn<'_>) {
        let Some(asking) = self.run.as_mut().and_then(|run| run.asking.as_mut()) else { return };
        if let Outcome::Parameters(reply) = outcome {
            asking.parameters.extend(reply.parameters.iter().cloned());
            asking.invalid.extend(reply.invalid_parameters.iter().cloned());
        } else {
            // What was asked for has no value then; the reason is the call's.
            asking.names = Vec::new();
            asking.references = vec![why(outcome)];
            asking.place = FAILED;
        }
        self.ask(turn);
    }
}

/// The place of questions that came to nothing.
const FAILED: usize = usize::MAX;

impl Run {
    fn next_question(&mut self, platform: PlatformType) -> Next {
        let Some(mut asking) = self.asking.take() else { return Next::Begin };
        let association = self.association.clone();
        let pass = self.passes.last_mut().expect("a run has the association's document");
        let fetched = pass.document.clone();
        let Ok(document) = &fetched.document else { return Next::Begin };
        if asking.place == FAILED {
            return Next::Refuse(asking.references.concat());
        }
        loop {
            if !asking.names.is_empty() {
                let count = asking.names.len().min(NAMES_IN_A_CALL);
                let names = asking.names.drain(..count).collect();
                self.asking = Some(asking);
                return Next::Ask(names);
            }
            let context = pass.context(&association, platform);
            let arguments = context.arguments(document);
            let subject = subject(document, &arguments, asking.place);
            if asking.references.is_empty() {
                asking.references = store::references(&subject);
                asking.names = store::names(&asking.references);
                if !asking.names.is_empty() {
                    continue;
                }
            } else {
                match asking.answer(&subject) {
                    Ok(found) => pass.store.get_or_insert_default().extend(found),
                    Err(reason) => return Next::Refuse(reason),
                }
            }
            if asking.place == 0 {
                let context = pass.context(&association, platform);
                let is_run_by_another = pass.given.is_some();
                if let Err(reason) = constraint::check(&fetched, document, &context, is_run_by_another) {
                    return Next::Refuse(reason);
                }
                if !fetched.may_ask && !may_ask(&subject) {
                    return Next::Begin;
                }
            }
            if asking.place == document.steps.len() {
                return Next::Begin;
            }
            asking.place += 1;
        }
    }
}

impl Asking {
    /// What all answers of this place come to; there is nothing left to ask here.
    fn answer(&mut self, subject: &Value) -> Result<Store, String> {
        let references = std::mem::take(&mut self.references);
        let parameters = std::mem::take(&mut self.parameters);
        let invalid = std::mem::take(&mut self.invalid);
        let found = Store::of(&references, &parameters, &invalid).map_err(|error| error.to_string())?;
        found.fill(subject).map_err(|error| error.to_string())?;
        Ok(found)
    }
}

/// Whether parameters refer to the Parameter Store, so that steps may do so too.
fn may_ask(parameters: &Value) -> bool {
    !store::references(parameters).is_empty()
}

/// What is looked at in this place: the parameters, or the inputs of the step before it.
fn subject(document: &Document, arguments: &Arguments<'_>, place: usize) -> Value {
    if place == 0 {
        let values = arguments.values().map(|(name, value)| (name.to_owned(), value.clone()));
        return Value::Object(values.collect());
    }
    let sets = match &document.steps[place - 1].inputs {
        Inputs::One(set) => std::slice::from_ref(set),
        Inputs::Many(sets) => sets,
    };
    sets.iter().map(|set| arguments.fill_declared(&Value::Object(set.clone()))).collect()
}
