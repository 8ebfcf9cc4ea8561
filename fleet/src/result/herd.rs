//! How the nodes' calls were spread over simulated time, as a result has it.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use shared::time::{Period, Timestamp};

use crate::measure::live::Live;

/// How calls were spread.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Herd {
    /// Of all calls; `None` if there was none.
    pub all: Option<Peak>,
    /// When the busiest second began, ISO 8601 in UTC.
    #[serde(serialize_with = "instant")]
    pub peak_at: Option<Timestamp>,
    /// By operation.
    pub by_operation: BTreeMap<String, Peak>,
}

/// The busiest simulated second.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Peak {
    /// How many calls nodes made in it.
    pub calls: u64,
    /// How many times the calls of a mean second that is.
    pub factor: f64,
}

impl Herd {
    /// What was known of it at the end.
    pub(super) fn of(live: &Live) -> Self {
        let over: Period = live.at.since(live.started);
        let peak = |operation: Option<&str>, calls: u64| {
            Some(Peak { calls, factor: live.herd.factor(operation, over)? })
        };
        let all = peak(None, live.herd.peak);
        let operations = live.herd.by_operation.iter();
        Self {
            all,
            peak_at: all.map(|_| live.herd.peak_at),
            by_operation: operations
                .filter_map(|(name, (calls, _))| Some(((*name).to_owned(), peak(Some(name), *calls)?)))
                .collect(),
        }
    }
}

fn instant<S: Serializer>(instant: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match instant {
        Some(instant) => super::instant(instant, serializer),
        None => serializer.serialize_none(),
    }
}
