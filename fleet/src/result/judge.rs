//! What came of thresholds, by everything that is known at the end.
//!
//! What was counted is the result's own tables; how long rounds took is reckoned
//! from the plane's dispatches, to the millisecond; ranges and peaks are those
//! that were followed second by second.

use std::collections::BTreeMap;

use super::round::times;
use crate::measure::live::{Asked, AssociationTimes, Live};
use crate::measure::tally::Tally;
use crate::simulation::Finished;
use crate::threshold::Outcome;

/// What came of each threshold of the plan.
pub(super) fn thresholds(finished: &Finished) -> Vec<Outcome> {
    if finished.plan.thresholds.is_empty() {
        return Vec::new();
    }
    let live = live(finished);
    let thresholds = finished.plan.thresholds.iter().enumerate();
    let value =
        |place: usize| finished.broken.filter(|broken| broken.place == place).map(|broken| broken.value);
    thresholds.map(|(place, threshold)| threshold.judge(&live, value(place))).collect()
}

/// What is known at the end.
fn live(finished: &Finished) -> Live {
    let Finished { plan, operator, measures, .. } = finished;
    let name = |id| {
        let made = operator.made.iter().find(|made| made.id == id)?;
        Some(plan.associations[made.planned].name())
    };
    let mut tally = Tally::of(measures);
    tally.name(name);
    let latency = measures.calls.iter().filter_map(|(name, calls)| Some((*name, calls.latency.clone()?)));
    Live {
        at: finished.ended,
        asked: if finished.survey.is_some() { Asked::Said } else { Asked::Silent },
        cohorts: finished.cohorts.clone(),
        tally,
        held: finished.connections.map(|(_, counters)| counters.held_in_total),
        latency: latency.collect(),
        lateness: measures.lateness.clone(),
        associations: associations(finished),
        ..finished.live.clone()
    }
}

/// How long the rounds of each association took, by its name.
fn associations(finished: &Finished) -> BTreeMap<String, AssociationTimes> {
    let mut all: BTreeMap<String, AssociationTimes> = BTreeMap::new();
    let Some(survey) = &finished.survey else { return all };
    for made in &finished.operator.made {
        let Some(executions) = survey.executions.get(&made.id) else { continue };
        let (runs, folded) = (finished.measures.runs_of(made.id), finished.measures.folded_of(made.id));
        let name = finished.plan.associations[made.planned].name();
        all.entry(name.to_owned()).or_default().add(times(
            made.created,
            executions,
            &runs,
            &folded,
            finished.plan.is_part(),
        ));
    }
    all
}
