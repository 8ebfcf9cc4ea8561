//! The operator's place, with everything that is called there written down.

use std::sync::atomic::{AtomicU32, Ordering};

use plane::service::Handle;
use serde_json::Value;
use shared::time::Timestamp;

use super::record::{Act, By, Call, Event, Heard, Made, OperatorSubject, Record, Subject, Told};
use super::recorder::Recorder;
use crate::operator::{Desk, DeskError, Order, OrderError, Wake};

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

impl<D: Desk> RecordedDesk<'_, D> {
    /// Writes down a call as it sets out, and what comes of it.
    async fn record<O: Handle>(
        &self,
        asked: Value,
        outcome: impl Future<Output = Result<O::Reply, DeskError>>,
    ) -> Result<O::Reply, DeskError> {
        let Some(recorder) = &self.recorder else { return outcome.await };
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let call = Call { lane: None, number, attempt: 0, operation: O::NAME, subject: subject(&asked) };
        let invoked = self.desk.now();
        let record = |at, event| recorder.record(Record { at, by: By::Operator, event });
        record(invoked, Event::Invoke(call.clone()));
        let outcome = outcome.await;
        let heard = match &outcome {
            Ok(reply) => Heard::Ok(told(&serde_json::to_value(reply).unwrap_or_default())),
            Err(DeskError::Refused { error, .. }) => {
                Heard::Refused(error.code.clone(), error.message.as_str().into())
            }
            Err(DeskError::Odd { look, .. }) => Heard::Unknown(Some(look.as_str().into())),
            Err(DeskError::Failed { reason, .. }) => Heard::Unknown(Some(reason.as_str().into())),
        };
        record(self.desk.now(), Event::End { call, invoked, learnt: None, heard });
        outcome
    }

    /// What is asked, where somebody writes it down.
    fn asked(&self, operation: &impl serde::Serialize) -> Value {
        self.recorder
            .as_ref()
            .map(|_| serde_json::to_value(operation).unwrap_or_default())
            .unwrap_or_default()
    }
}

impl<D: Desk> Desk for RecordedDesk<'_, D> {
    fn now(&self) -> Timestamp {
        self.desk.now()
    }

    async fn call<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
        self.record::<O>(self.asked(&operation), self.desk.call(operation)).await
    }

    async fn attend<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
        self.record::<O>(self.asked(&operation), self.desk.attend(operation)).await
    }

    fn instant_of(&self, date: Timestamp) -> Timestamp {
        self.desk.instant_of(date)
    }

    async fn order(&self, order: Order) -> Result<(), OrderError> {
        self.desk.order(order).await
    }

    async fn wake(&self, due: Timestamp) -> Wake {
        self.desk.wake(due).await
    }

    fn tell(&self, act: Act) {
        if let Some(recorder) = &self.recorder {
            let event = Event::Act(Box::new(act));
            recorder.record(Record { at: self.now(), by: By::Operator, event });
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plane::config::PlaneConfig;
    use plane::service::Service;
    use shared::time::Period;
    use shared::wire::{CreateAssociation, Tag};

    use super::*;
    use crate::history::line::Header;
    use crate::history::mode::HistoryMode;
    use crate::history::names::Names;
    use crate::history::read::Reading;
    use crate::operator::VirtualDesk;
    use crate::plan::{Overrides, Plan};
    use crate::scenario::Scenario;
    use crate::simulation::Pace;

    #[tokio::test]
    async fn what_the_operator_calls_and_does_is_written_down() {
        let start = Timestamp::from_seconds(1_735_689_600);
        let text = "{name: x, seed: 1, duration: 5m, cohorts: [{name: a, platform: debian-12, nodes: 1}]}";
        let scenario = Scenario::parse("x", text).unwrap();
        let plan = Arc::new(Plan::new(&scenario, &Overrides::default(), start).unwrap());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history");
        let header = Header::of(&plan, Pace::Virtual);
        let recorder = Recorder::start(&path, HistoryMode::All, &header, Names::new(plan)).unwrap();
        let service = Service::new(PlaneConfig::default());
        let desk = VirtualDesk::new(&service, start);
        let desk = RecordedDesk::new(&desk, Some(recorder.clone()));

        let tags = Some(vec![Tag { key: "a".into(), value: "b".into() }]);
        let name = Some("greet".to_owned());
        let refused = CreateAssociation {
            name: "none".into(),
            association_name: name,
            tags,
            ..CreateAssociation::default()
        };
        desk.call(refused).await.unwrap_err();
        let text = "the second wave".to_owned();
        desk.tell(Act { act: "narrate", name: None, text });
        recorder.finish(start + Period::seconds(1), "complete").unwrap();

        let mut lines = Vec::new();
        Reading::open(&path).unwrap().scan(|line| lines.push(line.to_owned()));
        let expected = [
            r#""kind":"invoke","by":"operator","call":0,"attempt":1,"operation":"CreateAssociation","document":"none","name":"greet"}"#,
            r#""kind":"fail","by":"operator","call":0,"attempt":1,"operation":"CreateAssociation","document":"none","name":"greet","error":""#,
            r#""kind":"act","by":"operator","reason":"the second wave","act":"narrate"}"#,
        ];
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.starts_with(&format!("{{\"at\":\"2025-01-01T00:00:00.000Z\",{expected}")), "{line}");
        }
    }
}
