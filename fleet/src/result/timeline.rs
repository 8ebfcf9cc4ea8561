//! What happened of the timeline, entry by entry.

use serde::Serialize;
use shared::time::{Period, Timestamp};

use super::instant;
use crate::plan::timeline::{PlannedAct, PlannedEntry};
use crate::simulation::Finished;

/// What came of an entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct EntryResult {
    /// Its name.
    pub name: String,
    /// What was to come of the call, if it is one; whether an association is made
    /// is told among the refusals.
    pub expected: Option<String>,
    /// What it told, if that is all it does.
    pub narrated: Option<String>,
    /// How often it happened.
    pub times: u64,
    /// When first, from the start of the run in milliseconds; `None` if it did not happen.
    pub first_milliseconds: Option<u64>,
    /// How often it came out otherwise than expected.
    pub unmet: u64,
    /// The first of these occasions.
    pub differences: Vec<Difference>,
}

/// An occasion on which an entry came out otherwise than expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Difference {
    /// When, ISO 8601 in UTC.
    #[serde(serialize_with = "instant")]
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

impl EntryResult {
    /// When it happened first, from the start of the run.
    pub fn first(&self) -> Option<Period> {
        self.first_milliseconds.map(Period::milliseconds)
    }
}

/// What came of the timeline, in the order in which it is written.
pub(super) fn timeline(finished: &Finished) -> Vec<EntryResult> {
    let planned = finished.plan.timeline.iter().enumerate().filter(|(_, entry)| entry.is_of_timeline);
    planned
        .map(|(place, entry)| {
            let happened = finished.operator.happened.get(&place);
            let told = happened.map(|happened| happened.told.clone()).unwrap_or_default();
            EntryResult {
                name: entry.name.clone(),
                expected: expected(entry),
                narrated: match &entry.act {
                    PlannedAct::Narrate(text) => Some(text.clone()),
                    _ => None,
                },
                times: happened.map_or(0, |happened| happened.times),
                first_milliseconds: happened
                    .map(|happened| happened.first.since(finished.plan.start).as_milliseconds()),
                unmet: happened.map_or(0, |happened| happened.unmet),
                differences: told
                    .into_iter()
                    .map(|unmet| Difference { at: unmet.at, expected: unmet.expected, seen: unmet.seen })
                    .collect(),
            }
        })
        .collect()
}

fn expected(entry: &PlannedEntry) -> Option<String> {
    match entry.act {
        PlannedAct::CreateAssociation(_) if entry.expected.fields.is_empty() => None,
        _ => entry.act.is_call().then(|| entry.expected.phrase()),
    }
}
