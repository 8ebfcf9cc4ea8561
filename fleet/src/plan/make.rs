//! From a scenario to its plan, or to all that is wrong with it.
//!
//! What is wrong is noted, and something harmless put in its place, so that one
//! look finds all mistakes; a scenario with one mistake makes no plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use agent::catalogue::{Catalogue, Cohort};
use agent::credentials::{Activations, IdentityKind, KEY_POOL};
use shared::id::NodeId;
use shared::seed::Seed;
use shared::time::Timestamp;

use super::slice::Slice;
use super::{
    Overrides, Plan, PlanError, PlanErrors, PlannedAssociation, arrival, churn, cohort, form, size,
    threshold, timeline,
};
use crate::fault::Board;
use crate::history::mode::Choice;
use crate::scenario::{Scenario, Time};

/// What is wrong so far.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<PlanError>);

impl Mistakes {
    /// Notes a mistake, unless it was found elsewhere already.
    pub(super) fn add(&mut self, mistake: PlanError) {
        if !self.0.contains(&mistake) {
            self.0.push(mistake);
        }
    }

    /// The plan, if nothing is wrong.
    fn or(self, plan: Option<Plan>) -> Result<Plan, PlanErrors> {
        match plan {
            Some(plan) if self.0.is_empty() => Ok(plan),
            _ => Err(PlanErrors(self.0)),
        }
    }

    /// What came, unless that is a mistake.
    pub(super) fn note<T>(&mut self, found: Result<T, PlanError>) -> Option<T> {
        found.map_err(|mistake| self.add(mistake)).ok()
    }
}

impl Plan {
    /// What this scenario means, from `start` on if it names no instant itself.
    pub fn new(scenario: &Scenario, overrides: &Overrides, start: Timestamp) -> Result<Self, PlanErrors> {
        let mut mistakes = Mistakes::default();
        let plan = Self::make(scenario, overrides, start, &mut mistakes);
        mistakes.or(plan)
    }

    /// The same for a run before the embedded plane: what that would refuse though no
    /// refusal is expected is a mistake too, and so are rounds that it would not begin.
    pub fn rehearsed(
        scenario: &Scenario,
        overrides: &Overrides,
        start: Timestamp,
    ) -> Result<Self, PlanErrors> {
        let mut mistakes = Mistakes::default();
        let plan = Self::make(scenario, overrides, start, &mut mistakes);
        form::check_rounds(scenario, &mut mistakes);
        let refused = plan.as_ref().map(|plan| plan.rehearse(scenario)).unwrap_or_default();
        refused.into_iter().for_each(|mistake| mistakes.add(mistake));
        mistakes.or(plan)
    }

    /// The plan, which is to be used only if there is no mistake; none without nodes.
    fn make(
        scenario: &Scenario,
        overrides: &Overrides,
        start: Timestamp,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let duration = overrides.duration.unwrap_or(scenario.duration);
        let sizes = mistakes.note(sizes(scenario, overrides.nodes));
        let mut cohorts = cohorts(scenario, overrides, mistakes);
        form::check(scenario, mistakes);
        let key_pool = key_pool(scenario, mistakes);
        let time_scale = time_scale(scenario, overrides, mistakes);
        let latency_model = mistakes.note(threshold::latency_model(scenario)).flatten();
        let (at_first, sizes) = sizes?;
        for ((cohort, written), size) in cohorts.iter_mut().zip(&scenario.cohorts).zip(&sizes) {
            cohort.identity.key_pool = key_pool;
            let lives = mistakes.note(churn::lives(written, *size, duration)).unwrap_or_default();
            if cohort.identity.kind == IdentityKind::Hybrid {
                cohort.identity.activations = Activations::of_nodes(*size, lives);
            }
        }
        let seed = Seed(overrides.seed.unwrap_or(scenario.seed));
        let mut plan = Self {
            name: scenario.name.clone(),
            labels: scenario.labels.clone(),
            catalogue: Arc::new(Catalogue { seed, cohorts }),
            ends: ends(&sizes),
            sizes,
            at_first,
            start: scenario.start_time.map_or(start, |instant| instant.0),
            ramp: overrides.ramp.unwrap_or(scenario.ramp),
            churn: scenario.cohorts.iter().map(|cohort| cohort.churn.unwrap_or_default()).collect(),
            arrivals: scenario.cohorts.iter().map(|cohort| cohort.arrival).collect(),
            duration,
            time_scale,
            associations: Vec::new(),
            timeline: Vec::new(),
            faults: Arc::default(),
            plane: scenario.plane.settings.clone(),
            guest_of: scenario.plane.guest_of.clone(),
            latency_model,
            thresholds: scenario.thresholds.0.clone(),
            history: Choice::of(None, 0),
            slice: overrides.slice.unwrap_or(Slice::WHOLE),
            beyond: Vec::new(),
            terminated: vec![NodeId::ec2(seed.draw("terminated-node", 0).wide_bits("node-id", 0))],
        };
        mistakes.note(plan.strike(scenario, overrides));
        plan.fault_shares().for_each(|mistake| mistakes.add(mistake));
        plan.declare_instances();
        plan.happen(scenario, overrides, mistakes);
        plan.unknown_labels().into_iter().for_each(|mistake| mistakes.add(mistake));
        plan.end(scenario, overrides, mistakes);
        plan.cut(mistakes);
        Some(plan)
    }

    /// Adds what happens: associations, faults, and the timeline.
    fn happen(&mut self, scenario: &Scenario, overrides: &Overrides, mistakes: &mut Mistakes) {
        let associations = scenario.associations.iter().map(|written| {
            let planned = mistakes.note(self.association(written));
            planned.unwrap_or_else(|| PlannedAssociation::named(written))
        });
        self.associations = associations.collect();
        self.associations.sort_by_key(|association| association.at);
        let (shift, earlier) = (self.ramp - scenario.ramp, scenario.ramp - self.ramp);
        for association in &mut self.associations {
            association.at = association.at + shift - earlier;
        }
        let shifted = |at| self.carried(scenario, at);
        let (faults, wrong) = Board::new(self, &scenario.faults, shifted);
        for (place, name, source) in wrong {
            mistakes.add(PlanError::Fault { place, name, source });
        }
        self.faults = faults.into();
        self.history = Choice::of(overrides.history.or(scenario.history), self.estimated_entries());
        self.lay_out(scenario, mistakes);
    }

    /// Leaves the operator's work to the slice that has the operator.
    fn cut(&mut self, mistakes: &mut Mistakes) {
        if self.slice.of > self.nodes() {
            mistakes.add(PlanError::EmptySlice { slice: self.slice, nodes: self.nodes() });
        }
        if !self.slice.has_operator() {
            self.keep_what_is_of_every_slice();
            self.associations.clear();
            self.thresholds.clear();
        }
    }
}

/// Up to which number, which is none of them, the nodes of each cohort go.
fn ends(sizes: &[u32]) -> Vec<u32> {
    let mut end = 0;
    let ends = sizes.iter().map(|size| {
        end += size;
        end
    });
    ends.collect()
}

/// How many nodes each cohort has at first, as it is written and as it is meant; and at the most.
type Sizes = (Vec<(u32, u32)>, Vec<u32>);

fn sizes(scenario: &Scenario, nodes: Option<u32>) -> Result<Sizes, PlanError> {
    if scenario.cohorts.len() > size::MOST_COHORTS {
        return Err(PlanError::TooManyCohorts(scenario.cohorts.len()));
    }
    let meant = size::sizes(scenario, nodes)?;
    let written = size::written(scenario, nodes)?;
    let at_first: Vec<_> = written.into_iter().map(|size| size as u32).zip(meant).collect();
    let most = timeline::peaks(scenario, &at_first);
    size::admit(most.iter().copied().map(u64::from).sum(), "timeline")?;
    Ok((at_first, most))
}

fn cohorts(scenario: &Scenario, overrides: &Overrides, mistakes: &mut Mistakes) -> Vec<Cohort> {
    let mut cohorts: Vec<Cohort> = Vec::new();
    let mut names = BTreeSet::new();
    for written in &scenario.cohorts {
        if !names.insert(&written.name) {
            mistakes.add(PlanError::DuplicateCohort(written.name.clone()));
        }
        cohorts.push(cohort::cohort(written, overrides.facts, mistakes));
        mistakes.note(arrival::check(written));
    }
    cohorts
}

fn key_pool(scenario: &Scenario, mistakes: &mut Mistakes) -> u32 {
    let key_pool = scenario.key_pool.unwrap_or(KEY_POOL);
    if (2..=1_000).contains(&key_pool) {
        return key_pool;
    }
    mistakes.add(PlanError::KeyPool(key_pool));
    KEY_POOL
}

fn time_scale(scenario: &Scenario, overrides: &Overrides, mistakes: &mut Mistakes) -> f64 {
    let time_scale = overrides.time_scale.unwrap_or(match scenario.time {
        Time::Scale(scale) => scale,
        Time::Real | Time::Virtual => 1.0,
    });
    if !(0.001..=100_000.0).contains(&time_scale) {
        mistakes.add(PlanError::TimeScale(time_scale));
    }
    time_scale
}
