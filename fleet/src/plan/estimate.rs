//! How much will happen, roughly, before it does.

use agent::catalogue::Cohort;
use agent::credentials::IdentityKind;
use shared::time::Period;

use super::Plan;

/// The calls of a run: the document, two reports, compliance.
const CALLS_OF_RUN: u64 = 4;

/// A run begins and ends.
const NOTES_OF_RUN: u64 = 2;

impl Plan {
    /// How many entries a history of all of it would have, if it took its longest:
    /// each call is made and ends, and nodes come online. An upper bound for what
    /// goes well, as each association is counted for each node.
    pub fn estimated_entries(&self) -> u64 {
        let nodes = u64::from(self.nodes());
        let idle: u64 = self
            .catalogue
            .cohorts
            .iter()
            .zip(&self.sizes)
            .map(|(cohort, &size)| u64::from(size) * self.calls_of_idle_node(cohort))
            .sum();
        let rounds: u64 = self.associations.iter().map(|association| u64::from(association.rounds)).sum();
        let runs = nodes * rounds;
        2 * idle + runs * (2 * CALLS_OF_RUN + NOTES_OF_RUN) + nodes
    }

    /// What a node of the cohort calls that nobody wants anything of.
    fn calls_of_idle_node(&self, cohort: &Cohort) -> u64 {
        // Nodes arrive evenly: one is there for all but half of the ramp.
        let lives = self.duration.as_milliseconds().saturating_sub(self.ramp.as_milliseconds() / 2);
        let every = |period: Period| lives / period.as_milliseconds().max(1) + 1;
        let timing = &cohort.timing;
        let renewals = match cohort.identity.kind {
            IdentityKind::Hybrid => every(timing.role_check_every),
            IdentityKind::Ec2 => 0,
        };
        every(timing.health_every) + every(timing.poll_every) + renewals
    }
}

#[cfg(test)]
mod tests {
    use shared::time::Timestamp;

    use crate::plan::{Overrides, Plan};
    use crate::scenario::Scenario;

    #[test]
    fn a_fleet_calls_as_often_as_its_timing_says() {
        let text = "{name: x, seed: 1, duration: 60m, ramp: 20m, cohorts: [\
                    {name: a, platform: debian-12, nodes: 10}, \
                    {name: b, platform: debian-12, nodes: 1, timing: {health: 10m, poll: 20m}}]}";
        let scenario = Scenario::parse("x", text).expect("it is well written");
        let plan = Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0)).unwrap();
        // Fifty minutes each: 11 heartbeats and 6 polls, or 6 and 3.
        assert_eq!(plan.estimated_entries(), 2 * (10 * 17 + 9) + 11);
    }
}
