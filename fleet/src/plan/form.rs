//! What a scenario says that no type refuses, and that could not be meant all the same.

use super::make::Mistakes;
use super::{Plan, PlanError};
use crate::scenario::timeline::Act;
use crate::scenario::{Association, Scenario};

/// Refuses names that are none, and numbers of nothing.
pub(super) fn check(scenario: &Scenario, mistakes: &mut Mistakes) {
    let names = scenario
        .cohorts
        .iter()
        .map(|cohort| ("cohort", &cohort.name, way(["cohorts", &cohort.name, "name"])));
    for (what, name, way) in [("scenario", &scenario.name, way(["name"]))].into_iter().chain(names) {
        if name.trim().is_empty() || name.contains(char::is_control) {
            mistakes.add(PlanError::Nameless { what, name: name.clone(), way });
        }
    }
    if let Some(nodes) = scenario.nodes
        && scenario.cohorts.iter().all(|cohort| cohort.share.is_none())
        && !scenario.cohorts.is_empty()
    {
        mistakes.add(PlanError::NodesOfNobody(nodes));
    }
}

/// Refuses rounds that a run would wait for in vain.
pub(super) fn check_rounds(scenario: &Scenario, mistakes: &mut Mistakes) {
    // Any of these may have an association run again.
    let runs_again = scenario.timeline.iter().any(|entry| {
        matches!(entry.act, Act::StartAssociation(_) | Act::UpdateAssociation(_) | Act::UpdateDocument(_))
    });
    if runs_again {
        return;
    }
    let listed = scenario
        .associations
        .iter()
        .map(|association| (association, way(["associations", &association.name, "rounds"])));
    let made = scenario.timeline.iter().enumerate().filter_map(|(place, entry)| match &entry.act {
        Act::CreateAssociation(association) => Some((association, way(["timeline", &place.to_string()]))),
        _ => None,
    });
    for (Association { name, rounds, schedule, .. }, way) in listed.chain(made) {
        if let Some(rounds @ 2..) = *rounds
            && schedule.is_none()
        {
            mistakes.add(PlanError::Rounds { association: name.clone(), rounds, way });
        }
    }
}

fn way<const STEPS: usize>(steps: [&str; STEPS]) -> Vec<String> {
    steps.map(str::to_owned).into()
}

impl Plan {
    /// Cohorts of which more than all nodes have something wrong with them, as it is
    /// written or as a flag has it.
    pub(super) fn fault_shares(&self) -> impl Iterator<Item = PlanError> {
        self.catalogue.cohorts.iter().filter_map(|cohort| {
            let faults = &cohort.faults;
            let shares = [
                faults.invalid_instance,
                faults.unsupported_platform,
                faults.fingerprint_mismatch,
                faults.unknown_platform,
            ];
            let all = shares.into_iter().chain(faults.other_causes);
            let percent: f64 = all.map(|share| share.fraction() * 100.0).sum();
            // What is over by no more than the sum's rounding is meant as the whole.
            let is_too_much = percent > 100.000_1;
            is_too_much.then(|| PlanError::FaultShares { cohort: cohort.name.clone(), percent })
        })
    }
}

#[cfg(test)]
mod tests {
    use shared::time::Timestamp;

    use crate::plan::{Overrides, Plan};
    use crate::scenario::Scenario;

    fn mistake(name: &str, cohort: &str, rest: &str, overrides: &Overrides) -> String {
        let text = format!(
            "name: {name}\nseed: 1\nduration: 1h\ncohorts:\n  - {{ platform: debian-12, {cohort} }}\n{rest}"
        );
        let scenario = Scenario::parse("x", &text).expect(&text);
        let plan = Plan::rehearsed(&scenario, overrides, Timestamp::from_seconds(0));
        plan.map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn what_no_type_refuses_is_refused() {
        let rounds = |more: &str| {
            format!(
                "associations: [{{ name: abc, document: AWS-RunShellScript, parameters: {{ commands: [id] }}, targets: [all], {more} }}]\n"
            )
        };
        let again =
            format!("{}timeline: [{{ at: 5m, do: {{ start-association: abc }} }}]\n", rounds("rounds: 5"));
        let web = "name: web, nodes: 10";
        let cases = [
            ("x", web, "", ""),
            ("\"\"", web, "", "a scenario cannot have the name ``"),
            ("\"a\\0b\"", web, "", "a scenario cannot have the name `a\\0b`"),
            ("x", "name: \"\", nodes: 10", "", "a cohort cannot have the name ``"),
            ("x", "name: \"a\\nb\", nodes: 10", "", "a cohort cannot have the name `a\\nb`"),
            ("x", web, "nodes: 100\n", "no cohort has one: take it out; --nodes 100 "),
            ("x", web, &rounds("rounds: 5"), "association abc: it waits for 5 rounds, and runs once"),
            ("x", web, &rounds("rounds: 1"), ""),
            ("x", web, &rounds("rounds: 5, schedule: rate(30 minutes)"), ""),
            ("x", web, &again, ""),
            (
                "x",
                "name: web, nodes: 10, faults: [invalid-instance: 60%, unsupported-platform: 60%]",
                "",
                "cohort web: what is wrong with its nodes adds up to 120%: expected at most 100%",
            ),
            ("x", "name: web, nodes: 10, faults: [invalid-instance: 60%, unsupported-platform: 40%]", "", ""),
        ];
        for (name, cohort, rest, expected) in cases {
            let found = mistake(name, cohort, rest, &Overrides::default());
            assert!(
                found.contains(expected) && found.is_empty() == expected.is_empty(),
                "{cohort} {rest}: {found}"
            );
        }
        let half = "name: web, nodes: 10, faults: [unsupported-platform: 50%]";
        let overrides = Overrides { invalid_instance: "60%".parse().ok(), ..Overrides::default() };
        assert!(mistake("x", half, "", &overrides).contains("adds up to 110%"));
    }
}
