//! What a document takes from the Parameter Store, and whether it may be run.
//!
//! Before a document is begun the agent asks for what its parameters refer to,
//! checks their values, and then asks anew for each step's settings and for its
//! inputs, at most ten names in a call (agent/framework/docparser: `getValidatedParameters`).
//! Anything wrong keeps the whole document from beginning.
//!
//! Invariant: no document begins before all that it refers to has a value.

use std::sync::Arc;

use serde_json::Value;
use shared::document::argument::Arguments;
use shared::document::store::{self, NAMES_IN_A_CALL, Store};
use shared::document::{Document, Inputs};
use shared::wire::ParameterValue;

use crate::call::{Call, Outcome};
use crate::execution::constraint;
use crate::poll::why;

use super::{DocumentWorker, Progress, Site};

/// How far the questions have come.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// What is asked for: the parameters first, then of each step in turn its
    /// settings and its inputs.
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

impl DocumentWorker {
    /// Asks for all that the document refers to, before it is begun.
    pub(crate) fn prepare(&mut self, site: &mut Site<'_>) -> Progress {
        self.asking = Some(Box::default());
        self.ask(site)
    }

    /// Asks the next question, or begins the document, or says why it cannot.
    pub(super) fn ask(&mut self, site: &mut Site<'_>) -> Progress {
        match self.next_question(site) {
            Next::Ask(names) => {
                self.call = Some(Call::GetParameters(names));
                Progress::Waits
            }
            Next::Begin => {
                self.asking = None;
                if self.passes.len() == 1 { Progress::Ready } else { self.begin_steps(site) }
            }
            Next::Refuse(reason) => {
                self.asking = None;
                if self.passes.len() == 1 {
                    return Progress::Unfit(reason);
                }
                self.passes.pop();
                self.cannot_prepare(&reason, site)
            }
        }
    }

    pub(super) fn parameters_came(&mut self, outcome: &Outcome, site: &mut Site<'_>) -> Progress {
        let Some(asking) = self.asking.as_mut() else { return Progress::Waits };
        if let Outcome::Parameters(reply) = outcome {
            asking.parameters.extend(reply.parameters.iter().cloned());
            asking.invalid.extend(reply.invalid_parameters.iter().cloned());
        } else {
            // What was asked for has no value then; the reason is the call's.
            asking.names = Vec::new();
            asking.references = vec![why(outcome)];
            asking.place = FAILED;
        }
        self.ask(site)
    }
}

/// The place of questions that came to nothing.
const FAILED: usize = usize::MAX;

impl DocumentWorker {
    fn next_question(&mut self, site: &Site<'_>) -> Next {
        let Some(mut asking) = self.asking.take() else { return Next::Begin };
        let fetched = self.pass().document.clone();
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
            let context = self.context(site);
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
                    Ok(found) => self.pass().store.get_or_insert_default().extend(found),
                    Err(reason) => return Next::Refuse(reason),
                }
            }
            if asking.place == 0 {
                let is_run_by_another = self.pass().given.is_some();
                let context = self.context(site);
                if let Err(reason) = constraint::check(&fetched, document, &context, is_run_by_another) {
                    return Next::Refuse(reason);
                }
                if !fetched.may_ask && !may_ask(&subject) {
                    return Next::Begin;
                }
            }
            if asking.place == 2 * document.steps.len() {
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

/// What is looked at in this place: the parameters, or the settings or inputs of a step.
fn subject(document: &Document, arguments: &Arguments<'_>, place: usize) -> Value {
    if place == 0 {
        let values = arguments.values().map(|(name, value)| (name.to_owned(), value.clone()));
        return Value::Object(values.collect());
    }
    let step = &document.steps[(place - 1) / 2];
    if place % 2 == 1 {
        return step.settings.as_ref().map_or(Value::Null, |settings| arguments.fill_declared(settings));
    }
    let sets = match &step.inputs {
        Inputs::One(set) => std::slice::from_ref(set),
        Inputs::Many(sets) => sets,
    };
    sets.iter().map(|set| arguments.fill_declared(&Value::Object(set.clone()))).collect()
}
