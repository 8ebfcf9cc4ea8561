//! The operator's place, with everything that is called there written down.

use std::sync::atomic::{AtomicU32, Ordering};

use plane::service::Handle;
use serde_json::Value;
use shared::time::Timestamp;

use super::record::{By, Call, Event, Heard, Made, OperatorSubject, Record, Subject, Told};
use super::recorder::Recorder;
use crate::operator::{Desk, DeskError, Wake};

/// A place before a plane whose calls are recorded.
#[derive(Debug)]
pub struct RecordedDesk<'a, D> {
    desk: &'a D,
    recorder: Option<Recorder>,
    number: AtomicU32,
}

impl<'a, D: Desk> RecordedDesk<'a, D> {
    /// This place, recorded if there is something to record with.
    pub fn new(desk: &'a D, recorder: Option<Recorder>) -> Self {
        Self { desk, recorder, number: AtomicU32::new(0) }
    }
}

impl<D: Desk> Desk for RecordedDesk<'_, D> {
    fn now(&self) -> Timestamp {
        self.desk.now()
    }

    async fn call<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
        let Some(recorder) = &self.recorder else { return self.desk.call(operation).await };
        let asked = serde_json::to_value(&operation).unwrap_or_default();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let call = Call { lane: None, number, attempt: 0, operation: O::NAME, subject: subject(&asked) };
        let invoked = self.desk.now();
        let record = |at, event| recorder.record(Record { at, by: By::Operator, event });
        record(invoked, Event::Invoke(call.clone()));
        let outcome = self.desk.call(operation).await;
        let heard = match &outcome {
            Ok(reply) => Heard::Ok(told(&serde_json::to_value(reply).unwrap_or_default())),
            Err(DeskError::Refused { error, .. }) => {
                Heard::Refused(error.code.clone(), error.message.as_str().into())
            }
            Err(DeskError::Failed { reason, .. }) => Heard::Unknown(Some(reason.as_str().into())),
        };
        record(self.desk.now(), Event::End { call, invoked, learnt: None, heard });
        outcome
    }

    async fn wake(&self, due: Timestamp) -> Wake {
        self.desk.wake(due).await
    }
}

/// What a call of the operator is about: the members by which the API names things.
fn subject(asked: &Value) -> Subject {
    let text = |key: &str| asked[key].as_str();
    let of_operator = OperatorSubject {
        name: text("AssociationName").map(str::to_owned),
        execution: text("ExecutionId").and_then(|id| id.parse().ok()),
        target: text("InstanceId").or_else(|| text("ResourceId")).map(str::to_owned),
    };
    let document = text("Name").or_else(|| text("DocumentName"));
    Subject {
        association: text("AssociationId").and_then(|id| id.parse().ok()),
        status: None,
        document: document.map(Into::into),
        command: text("CommandId").map(Into::into),
        of_operator: (of_operator != OperatorSubject::default()).then(|| Box::new(of_operator)),
    }
}

fn told(reply: &Value) -> Told {
    let association = reply["AssociationDescription"]["AssociationId"].as_str();
    let command = reply["Command"]["CommandId"].as_str();
    let made =
        Made { association: association.and_then(|id| id.parse().ok()), command: command.map(str::to_owned) };
    let is_made = made.association.is_some() || made.command.is_some();
    Told { made: is_made.then(|| Box::new(made)), ..Told::default() }
}
