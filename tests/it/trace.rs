//! A node does what the real agent was seen to do.
//!
//! `traces/` holds calls of the unmodified agent, recorded before a stub: those
//! about health and associations, without headers. Here the plane gives the
//! recorded replies again, and the node's calls must come out as the recorded
//! ones, in their order. What differs is listed, with its reason, in each test.

use std::collections::{BTreeMap, VecDeque};

use agent::call::{Answer, Request};
use agent::catalogue::Behaviour;
use agent::fault::Share;
use serde::Deserialize;
use serde_json::Value;
use shared::error::{ApiError, ErrorCode};
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};
use shared::wire::{
    ListInstanceAssociationsReply, PutComplianceItems, UpdateInstanceAssociationStatus,
    UpdateInstanceInformation,
};

use crate::bench::{Bench, Made, document};

const MANY_ASSOCIATIONS: &str = include_str!("../traces/many-associations.ndjson");
const ONE_ASSOCIATION: &str = include_str!("../traces/one-association.ndjson");
const RETRIES_AND_THROTTLING: &str = include_str!("../traces/retries-and-throttling.ndjson");

/// A recorded call.
#[derive(Debug, Deserialize)]
struct Recorded {
    /// Seconds since the agent's process began.
    t: f64,
    operation: String,
    body: Value,
    status: u16,
    #[serde(default)]
    reply: Value,
    #[serde(default)]
    error: Option<String>,
}

/// A call about associations, without what depends on the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Spoken {
    List,
    Document(String),
    Status {
        association: u64,
        status: AssociationStatus,
        code: String,
        summary: String,
    },
    /// Each item's association, document and status.
    Compliance(Vec<(u64, String, String)>),
}

fn recorded(trace: &str) -> Vec<Recorded> {
    trace.lines().map(|line| serde_json::from_str(line).expect("a line of a trace")).collect()
}

/// The number that ends the recorded associations' ids.
fn number(id: &str) -> u64 {
    let (_, tail) = id.rsplit_once('-').expect("an id has five parts");
    tail.parse().expect("the recorded ids end in decimal digits")
}

fn status(call: &UpdateInstanceAssociationStatus) -> Spoken {
    let result = &call.execution_result;
    Spoken::Status {
        association: number(&call.association_id.to_string()),
        status: result.status,
        code: result.error_code.clone().expect("the agent always sends it"),
        summary: result.execution_summary.clone(),
    }
}

fn compliance(call: &PutComplianceItems) -> Spoken {
    let items = call.items.iter().map(|item| {
        let name = &item.details.as_ref().expect("the agent sends details")["DocumentName"];
        (number(item.id.as_deref().expect("the agent sends ids")), name.to_string(), item.status.clone())
    });
    Spoken::Compliance(items.collect())
}

impl Recorded {
    fn at(&self) -> Period {
        Period::milliseconds((self.t * 1000.0) as u64)
    }

    fn read<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.body.clone()).expect("the recorded body has our wire type")
    }

    /// What it says of associations, if anything.
    fn spoken(&self) -> Option<Spoken> {
        Some(match self.operation.as_str() {
            "ListInstanceAssociations" => Spoken::List,
            "GetDocument" => Spoken::Document(self.body["Name"].as_str().expect("a name").to_owned()),
            "UpdateInstanceAssociationStatus" => status(&self.read()),
            "PutComplianceItems" => compliance(&self.read()),
            _ => return None,
        })
    }

    fn answer(&self) -> Answer {
        if let Some(code) = &self.error {
            let name = self.body["Name"].as_str().unwrap_or_default();
            let message = format!("Document with name {name} does not exist.");
            return Answer::Refused(ApiError::new(ErrorCode::from(code.as_str()), message), self.status);
        }
        match self.operation.as_str() {
            "ListInstanceAssociations" => {
                let reply: ListInstanceAssociationsReply =
                    serde_json::from_value(self.reply.clone()).expect("the recorded reply has our wire type");
                Answer::Associations(reply)
            }
            "GetDocument" => {
                let text = |key: &str| self.reply[key].as_str().expect("a recorded text");
                document(text("Name"), text("Content"))
            }
            _ => Answer::Done,
        }
    }
}

fn spoken(made: &Made) -> Option<Spoken> {
    Some(match &made.request {
        Request::ListAssociations(_) => Spoken::List,
        Request::GetDocument(call) => Spoken::Document(call.name.clone()),
        Request::ReportStatus(call) => status(call),
        Request::PutCompliance(call) => compliance(call),
        _ => return None,
    })
}

/// A plane that gives the recorded replies: to each operation in the recorded
/// order, and a document to whoever asks for it by its name.
struct Replay {
    answers: BTreeMap<String, VecDeque<Answer>>,
    /// When the recorded agent was accepted, on its clock.
    online: Timestamp,
}

impl Replay {
    fn of(trace: &[Recorded]) -> Self {
        let mut answers: BTreeMap<String, VecDeque<Answer>> = BTreeMap::new();
        for call in trace {
            let key = match call.operation.as_str() {
                "GetDocument" => call.body["Name"].to_string(),
                other => other.to_owned(),
            };
            answers.entry(key).or_default().push_back(call.answer());
        }
        // A report's instant and its place in the recording give the recording's begin.
        let report =
            trace.iter().find(|call| call.operation == "PutComplianceItems").expect("one is recorded");
        let sent: PutComplianceItems = report.read();
        let probe = trace.iter().find(|call| call.operation == "UpdateInstanceInformation").expect("a probe");
        let online = sent.execution_summary.execution_time - (report.at() - probe.at());
        Self { answers, online }
    }

    fn answer(&mut self, made: &Made) -> Answer {
        let key = match &made.request {
            Request::GetDocument(call) => Value::from(call.name.as_str()).to_string(),
            other => other.operation().to_owned(),
        };
        match &made.request {
            Request::Register(_) | Request::Heartbeat(_) => Answer::Done,
            _ => self.answers.get_mut(&key).and_then(VecDeque::pop_front).unwrap_or(Answer::Done),
        }
    }

    /// A node that is accepted when the recorded agent was, and its calls until
    /// the recording's end.
    fn run(mut self, trace: &[Recorded], behaviours: Vec<Behaviour>) -> Bench {
        let start_takes = Period::milliseconds(1_020);
        let mut bench = Bench::of(7, behaviours, self.online - start_takes);
        let lasts = trace.last().expect("a trace has calls").at() - trace[0].at();
        bench.run_for(start_takes + lasts + Period::seconds(60), &mut |made| self.answer(made));
        assert_eq!(bench.online_since(), self.online);
        bench
    }
}

fn behaviour(document: &str, takes: Period, fails: Share, exit_code: i32) -> Behaviour {
    Behaviour { document: Some(document.into()), nodes: None, takes: (takes, takes), fails, exit_code }
}

fn assert_same(found: &[Spoken], expected: &[Spoken]) {
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found, expected, "call {place}");
    }
    assert_eq!(found.len(), expected.len(), "{:#?}", found.get(expected.len()).or(expected.get(found.len())));
}

#[test]
fn one_association_goes_as_recorded() {
    let trace = recorded(ONE_ASSOCIATION);
    let bench = Replay::of(&trace).run(&trace, Vec::new());
    let expected: Vec<_> = trace.iter().filter_map(Recorded::spoken).collect();
    assert_eq!(expected.len(), 7);
    assert_same(&bench.calls.iter().filter_map(spoken).take(7).collect::<Vec<_>>(), &expected);
}

#[test]
fn heartbeats_say_the_same_things_as_recorded() {
    let trace = recorded(ONE_ASSOCIATION);
    let bench = Replay::of(&trace).run(&trace, Vec::new());
    let keys = |call: &UpdateInstanceInformation| -> Vec<String> {
        let value = serde_json::to_value(call).expect("a wire type can be written");
        value.as_object().expect("an object").keys().cloned().collect()
    };
    let expected: Vec<UpdateInstanceInformation> = trace
        .iter()
        .filter(|call| call.operation == "UpdateInstanceInformation")
        .map(Recorded::read)
        .collect();
    let found: Vec<_> = bench
        .calls
        .iter()
        .filter_map(|made| match &made.request {
            Request::Heartbeat(call) => Some(call),
            _ => None,
        })
        .collect();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(keys(found), keys(expected));
        assert_eq!(
            (&found.agent_name, &found.agent_version),
            (&expected.agent_name, &expected.agent_version)
        );
        assert_eq!(
            (&found.agent_status, found.platform_type),
            (&expected.agent_status, expected.platform_type)
        );
    }
    assert_eq!(expected[1].ssm_connection_channel, found[1].ssm_connection_channel);
    // Later ones name the message channel, which our node does not have yet.
    assert_eq!(expected[2].ssm_connection_channel.as_deref(), Some("ssmmessages"));
}

/// The recording, but for what our node does otherwise, and why.
fn many_associations_as_we_do_it(trace: &[Recorded]) -> Vec<Spoken> {
    let mut expected: Vec<_> = trace.iter().filter_map(Recorded::spoken).collect();

    // Nothing is executed, so no script writes to its standard error; what is left
    // is the agent's own remark.
    for spoken in &mut expected {
        if let Spoken::Status { summary, .. } = spoken {
            *summary = summary.replace("because err\nfailed", "because failed");
        }
    }

    // Of a run that fails, it is the first step that runs which fails: in Multi the
    // steps `ok1` and `bad` have changed places.
    let is_step = |spoken: &Spoken| {
        matches!(spoken, Spoken::Status { association: 3, status: AssociationStatus::InProgress, summary, .. }
            if summary.starts_with("1 out of 4"))
    };
    let first = expected.iter().position(is_step).expect("Multi is recorded");
    expected.swap(first, first + 1);
    for spoken in &mut expected {
        if let Spoken::Status { association: 3, summary, .. } = spoken {
            *summary = summary.replace("The operation bad failed", "The operation ok1 failed");
        }
    }
    expected
}

#[test]
fn many_associations_go_as_recorded() {
    let trace = recorded(MANY_ASSOCIATIONS);
    let behaviours = vec![
        behaviour("Multi", Period::seconds(1), Share::ALL, 3),
        // `sleep 60`, of which the document allows five seconds.
        behaviour("Slow", Period::seconds(60), Share::NONE, 0),
    ];
    let bench = Replay::of(&trace).run(&trace, behaviours);
    let found: Vec<_> = bench.calls.iter().filter_map(spoken).collect();
    let expected = many_associations_as_we_do_it(&trace);
    assert!(expected.len() > 70, "{}", expected.len());
    assert_same(&found, &expected);
}

#[test]
fn retries_go_as_recorded() {
    let trace = recorded(RETRIES_AND_THROTTLING);
    let bench = Replay::of(&trace).run(&trace, Vec::new());
    let expected: Vec<_> = trace.iter().filter_map(Recorded::spoken).collect();
    let found: Vec<_> =
        bench.calls.iter().filter(|made| spoken(made).is_some()).take(expected.len()).collect();
    assert_same(&found.iter().filter_map(|made| spoken(made)).collect::<Vec<_>>(), &expected);

    let attempts: Vec<_> = found.iter().map(|made| made.attempt).collect();
    assert_eq!(attempts, [0, 0, 1, 0, 1, 2, 0, 0, 0, 0], "500 once, throttled twice; a refusal is final");
    for pair in found.windows(2).filter(|pair| pair[1].attempt > 0) {
        assert_eq!(pair[0].request, pair[1].request, "the instant in the body is that of the first try");
    }
    let reports: Vec<UpdateInstanceAssociationStatus> = trace
        .iter()
        .filter(|call| call.operation == "UpdateInstanceAssociationStatus")
        .map(Recorded::read)
        .collect();
    assert!(reports[..3].iter().all(|report| *report == reports[0]), "as the real agent's was");
}
