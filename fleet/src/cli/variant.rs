//! The flags that change what a scenario says, the same for whoever reads one.
//!
//! `run` does what they say, `plan` tells what `run` would do, and `check` whether
//! it would do it; so all three have all of them.

use agent::fault::Share;
use clap::Args;
use shared::time::{Period, Timestamp};

use super::failure::{Failure, UsageError};
use super::value;
use crate::history::mode::HistoryMode;
use crate::plan::slice::Slice;
use crate::plan::{Overrides, Plan};
use crate::run::VIRTUAL_START;
use crate::scenario::{Loaded, Scenario, Time};

/// What a scenario is changed into
#[derive(Debug, Args)]
pub struct Variant {
    /// A value of the scenario by its path, such as cohorts.web.nodes=500; may be
    /// given again
    #[arg(long, value_name = "PATH=VALUE", help_heading = "Fleet")]
    set: Vec<String>,
    /// Number of nodes, over all cohorts, such as 500, 10k or 1m
    #[arg(long, value_name = "COUNT", value_parser = value::nodes, allow_hyphen_values = true, help_heading = "Fleet")]
    nodes: Option<u32>,
    /// The number that the whole run follows from
    #[arg(long, value_name = "NUMBER", value_parser = value::seed, allow_hyphen_values = true, help_heading = "Fleet")]
    seed: Option<u64>,
    /// Time over which the nodes arrive, such as 90s or 2m (simulated)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = "Fleet")]
    ramp: Option<Period>,
    /// Share of nodes whose id the plane does not accept, such as 1%
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true, help_heading = "Fleet")]
    invalid_instance: Option<Share>,
    /// Share of nodes whose platform cannot run what they are told to
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true, help_heading = "Fleet")]
    unsupported_platform: Option<Share>,
    /// Host one of several equal parts of the fleet, such as 3/8; the first one has
    /// the operator
    #[arg(long, value_name = "I/N", allow_hyphen_values = true, help_heading = "Fleet")]
    pub(super) slice: Option<Slice>,
    /// What nodes tell of themselves [default: as their cohort says, else template]
    #[arg(long, value_name = "CHOICE", value_enum, help_heading = "Fleet")]
    facts: Option<value::Facts>,

    /// Simulated seconds in a second, such as 60
    #[arg(long, value_name = "FACTOR", value_parser = value::time_scale, allow_hyphen_values = true, help_heading = "Time")]
    time_scale: Option<f64>,
    /// Jump from what is due to what is due next, without waiting
    #[arg(long = "virtual", help_heading = "Time")]
    is_virtual: bool,
    /// End after this time at the latest, such as 5m or 2h (simulated)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = "Time")]
    pub(super) duration: Option<Period>,

    /// What of the run history.jsonl.zst has [default: all of up to 10 million
    /// entries, by the plan's estimate, else changes]
    #[arg(long, value_name = "CHOICE", value_enum, help_heading = "Output")]
    history: Option<HistoryMode>,
}

/// What a run would be, to whoever looks at it beforehand.
#[derive(Debug)]
pub struct Foreseen {
    /// The scenario, as it was read.
    pub loaded: Loaded,
    /// What it means.
    pub plan: Plan,
    /// What is worth a note before the run, in words.
    pub notes: Vec<String>,
}

impl Variant {
    /// What the scenario of this name would be as a run. What cannot be done before the
    /// endpoint that it names is refused.
    pub fn foresee(&self, name: &str) -> Result<Foreseen, Failure> {
        let loaded = self.load(name)?;
        let is_guest = loaded.scenario.plane.guest_of.is_some();
        self.check(&loaded.scenario, is_guest)?;
        let plan = self.plan(&loaded, VIRTUAL_START, is_guest)?;
        if is_guest {
            plan.admit_told_causes()?;
            // Whether it may aim at all nodes, a flag of `run` says.
            plan.admit_guest(true)?;
        }
        let notes = self.notes(&loaded.scenario, &plan, is_guest);
        Ok(Foreseen { loaded, plan, notes })
    }

    /// Reads the scenario of this name, with what is set in it.
    pub fn load(&self, name: &str) -> Result<Loaded, Failure> {
        Ok(Scenario::load_with(name, &self.set)?)
    }

    /// Refuses what contradicts itself; a flag goes before the scenario. `is_guest` is
    /// whether the plane is somebody else's.
    pub fn check(&self, scenario: &Scenario, is_guest: bool) -> Result<(), UsageError> {
        match self {
            Self { is_virtual: true, time_scale: Some(_), .. } => Err(UsageError::VirtualScale),
            _ if self.is_virtual(scenario) && is_guest => Err(UsageError::VirtualEndpoint),
            _ if is_guest && scenario.start_time.is_some() => Err(UsageError::StartTimeEndpoint),
            _ => Ok(()),
        }
    }

    /// Whether time jumps from what is due to what is due next.
    pub fn is_virtual(&self, scenario: &Scenario) -> bool {
        self.is_virtual || (scenario.time == Time::Virtual && self.time_scale.is_none())
    }

    /// What the scenario means, from `start` on if it names no instant itself. What a
    /// plane would refuse is known of the embedded one alone.
    pub fn plan(&self, loaded: &Loaded, start: Timestamp, is_guest: bool) -> Result<Plan, Failure> {
        let make = if is_guest { Plan::new } else { Plan::rehearsed };
        let plan = make(&loaded.scenario, &self.overrides(), start);
        plan.map_err(|error| Failure::of_plan(loaded, error))
    }

    /// What is worth a note before the run, in words.
    fn notes(&self, scenario: &Scenario, plan: &Plan, is_guest: bool) -> Vec<String> {
        let mut notes = self.left_open(scenario, plan);
        notes.extend(
            plan.beyond.iter().map(|what| format!("{what} is beyond --duration and will not happen")),
        );
        if self.duration.is_none() {
            notes.extend(plan.cut_off(scenario));
        }
        if is_guest {
            notes.extend(plan.admit_guest(false).err().map(|error| error.to_string()));
            let doubts = plan.rehearse(scenario);
            notes.extend(doubts.iter().map(|doubt| format!("by the embedded plane's rules, {doubt}")));
        }
        notes
    }

    /// What of its thresholds and conditions such a run will leave open, in words.
    pub fn left_open(&self, scenario: &Scenario, plan: &Plan) -> Vec<String> {
        if self.is_virtual(scenario) { plan.left_open_in_virtual_time() } else { Vec::new() }
    }

    fn overrides(&self) -> Overrides {
        Overrides {
            nodes: self.nodes,
            seed: self.seed,
            time_scale: self.time_scale,
            duration: self.duration,
            ramp: self.ramp,
            invalid_instance: self.invalid_instance,
            unsupported_platform: self.unsupported_platform,
            facts: self.facts.map(Into::into),
            history: self.history,
            slice: self.slice,
        }
    }
}
