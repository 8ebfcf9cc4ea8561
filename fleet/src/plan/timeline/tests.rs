//! What entries of a timeline mean, and what is no entry.

use shared::time::Timestamp;

use super::*;
use crate::plan::PlanErrors;
use crate::plan::{GuestError, Overrides};

fn scenario(timeline: &str) -> Scenario {
    let text = format!(
        r"
name: x
seed: 1
ramp: 10m
duration: 3h
cohorts:
  - {{ name: web, platform: ubuntu-22.04, nodes: 10, tags: {{ Env: prod }} }}
  - {{ name: till, platform: ubuntu-22.04, nodes: 10, identity: hybrid, tags: {{ Env: prod }} }}
documents:
  - {{ name: one, content: {{ schemaVersion: '2.2', mainSteps: [] }} }}
associations:
  - {{ name: patch, at: 20m, document: one, targets: [tag: {{ key: Env, values: [prod] }}], max_errors: '5' }}
faults:
  - {{ name: slow, fault: {{ latency: {{ delay: 1s }} }}, at: 5m }}
timeline:
{timeline}
"
    );
    Scenario::parse("x", &text).unwrap_or_else(|error| panic!("{timeline}: {error}"))
}

fn plan_of(scenario: &Scenario, overrides: &Overrides) -> Result<Plan, PlanErrors> {
    Plan::new(scenario, overrides, Timestamp::from_seconds(0))
}

fn plan(timeline: &str) -> Result<Plan, PlanErrors> {
    plan_of(&scenario(timeline), &Overrides::default())
}

#[test]
fn documents_and_associations_begin_the_plan_and_the_ramp_carries_all_along() {
    let written = scenario(
        "  - { at: 30m, do: { start-association: patch } }\n  - { every: 1h, from: 10m, until: 2h, do: { narrate: tick } }\n",
    );
    let overrides = Overrides { ramp: Some(Period::minutes(15)), ..Overrides::default() };
    let plan = plan_of(&written, &overrides).unwrap();
    let entries: Vec<_> =
        plan.timeline.iter().map(|entry| (entry.name.as_str(), entry.occasion.clone())).collect();
    let minutes = Period::minutes;
    let expected = [
        ("one", Occasion::At(minutes(25))),
        ("patch", Occasion::At(minutes(25))),
        ("start-association patch", Occasion::At(minutes(35))),
        ("narrate", Occasion::Every { every: minutes(60), from: minutes(15), until: Some(minutes(125)) }),
    ];
    assert_eq!(entries, expected);
}

#[test]
fn a_change_of_an_association_keeps_what_it_does_not_name() {
    let plan = plan(
        "  - { at: 30m, do: { update-association: { name: patch, max_concurrency: '3' } } }\n  - { at: 40m, do: { update-association: { name: patch, max_errors: '7' } } }\n",
    );
    let plan = plan.unwrap();
    let changes: Vec<_> = plan
        .timeline
        .iter()
        .filter_map(|entry| match &entry.act {
            PlannedAct::UpdateAssociation(_, wanted) => {
                Some((wanted.max_concurrency.as_deref(), wanted.max_errors.as_deref()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(changes, [(Some("3"), Some("5")), (Some("3"), Some("7"))]);
}

#[test]
fn nodes_that_come_later_are_planned_from_the_start() {
    let written = scenario(
        "  - { at: 30m, do: { scale: { cohort: web, to: 25, over: 5m } } }\n  - { at: 60m, do: { scale: { cohort: web, to: 5 } } }\n",
    );
    let plan = plan_of(&written, &Overrides::default()).unwrap();
    assert_eq!((plan.sizes.clone(), plan.nodes()), (vec![25, 10], 35));
    let come = (0..35).filter(|&number| plan.arrival(number) != Timestamp::NEVER).count();
    assert_eq!(come, 20);
    let twice = plan_of(&written, &Overrides { nodes: Some(40), ..Overrides::default() }).unwrap();
    assert_eq!(twice.sizes, [50, 20]);
    let id = |plan: &Plan, cohort: u16, index: u32| {
        let number = (0..plan.nodes()).find(|&number| {
            let identity = plan.identity(number);
            (identity.cohort, identity.index) == (cohort, index)
        });
        plan.node_id(number.unwrap())
    };
    let plain = self::plan("  []\n").unwrap();
    assert_eq!(id(&plan, 0, 3), id(&plain, 0, 3), "who a node is follows from cohort and index alone");
}

#[test]
fn what_means_nothing_is_refused_with_its_name_and_the_reason() {
    let cases = [
        ("do: { narrate: x }", "timeline: narrate: it says not when"),
        ("at: 1m, every: 2m, do: { narrate: x }", "it says twice when"),
        ("at: 1m, when: 'online > 1', do: { narrate: x }", "it says twice when"),
        ("at: 1m, until: 2m, do: { narrate: x }", "`until` goes with `every`"),
        ("every: 0s, do: { narrate: x }", "`every: 0s` would never come to an end"),
        ("every: 1m, from: 5m, until: 4m, do: { narrate: x }", "it is to begin at 5m00s and to end at 4m00s"),
        ("at: 1m, do: { narrate: x }, expect: { error: InvalidTarget }", "`expect` is for calls"),
        ("at: 1m, name: mine, do: { start-association: patsch }", "timeline: mine: no association `patsch`"),
        (
            "at: 1m, do: { update-association: { name: 5a39b4a8-0f3e-4d2c-9c0e-0c5d3b8a2f11 } }",
            "is changed by its name in this scenario",
        ),
        ("at: 1m, do: { lift: fast }", "no fault `fast` to lift; there are slow"),
        (
            "at: 1m, do: { inject: { fault: { latency: { delay: 1s } }, on: { cohort: wep } } }",
            "no cohort `wep`",
        ),
        ("at: 1m, do: { inject: { fault: { stale-reads: { by: 0s } } } }", "stale-reads by 0s"),
        (
            "at: 1m, do: { inject: { fault: { throttling: { rate: 1 } }, on: { cohort: till } } }",
            "the hybrid cohort till",
        ),
        ("at: 1m, do: { tag: { on: {}, tags: { A: b } } }", "the hybrid cohort till get their ids"),
        ("at: 1m, do: { scale: { cohort: wep, to: 5 } }", "no cohort `wep`; there are web, till"),
        ("when: 'online{cohort=wep} > 1', do: { narrate: x }", "no cohort is called `wep`"),
    ];
    for (entry, expected) in cases {
        let error = plan(&format!("  - {{ {entry} }}\n")).unwrap_err().to_string();
        assert!(error.contains(expected), "{entry}: {error}");
    }
}

#[test]
fn a_guest_neither_aims_at_all_nodes_nor_meddles_with_the_plane() {
    let all = "document: one, targets: [all]";
    let cases = [
        ("start-association: patch".to_owned(), None),
        ("inject: { fault: { latency: { delay: 1s } } }".to_owned(), None),
        (format!("create-association: {{ name: every, {all} }}"), Some("--allow-all-nodes")),
        (format!("send-command: {{ {all} }}"), Some("--allow-all-nodes")),
        ("update-association: { name: patch, targets: [all] }".to_owned(), Some("--allow-all-nodes")),
        ("restart-plane: {}".to_owned(), Some("only the embedded plane can be started anew")),
        ("raise-alarm: cpu".to_owned(), Some("alarms can be set")),
        ("inject: { fault: { throttling: { rate: 1 } } }".to_owned(), Some("carries this fault out")),
    ];
    for (act, expected) in cases {
        let plan = plan(&format!("  - {{ at: 1m, do: {{ {act} }} }}\n")).unwrap();
        let error = plan.admit_guest(false).err().map(|error| error.to_string());
        let is_as_expected = match (&error, expected) {
            (Some(error), Some(expected)) => error.contains(expected),
            (error, expected) => error.is_none() && expected.is_none(),
        };
        assert!(is_as_expected, "{act}: {error:?}");
        let allowed = plan.admit_guest(true);
        assert_eq!(allowed.is_ok(), expected.is_none_or(|text| text.starts_with("--")), "{act}");
    }
    let mut written = scenario("  []\n");
    written.faults = serde_saphyr::from_str("[{ name: t, fault: { throttling: { rate: 1 } } }]").unwrap();
    let plan = plan_of(&written, &Overrides::default()).unwrap();
    assert!(matches!(plan.admit_guest(true), Err(GuestError::Embedded { name, .. }) if name == "fault t"));
}

/// Circumstances change wherever there are nodes; the operator is in the first slice alone.
#[test]
fn each_slice_has_of_the_timeline_what_is_no_call_and_waits_for_nothing() {
    let written = scenario(
        "  - { at: 30m, do: { narrate: now } }
  - { at: 30m, do: { start-association: patch } }
  - { at: 31m, do: { inject: { name: gone, fault: pause, for: 2m } } }
  - { when: online > 1, do: { inject: { name: perhaps, fault: pause } } }
  - { every: 1h, do: { scale: { cohort: web, to: 5 } } }
  - { at: 40m, do: { lift: slow } }
  - { at: 41m, do: { lift: gone } }
  - { at: 42m, do: { lift: perhaps } }
",
    );
    let slice = |number| {
        let slice = Some(crate::plan::slice::Slice { number, of: 2 });
        plan_of(&written, &Overrides { slice, ..Overrides::default() }).unwrap()
    };
    let names = |plan: &Plan| -> Vec<String> {
        let told = plan.timeline.iter().filter(|entry| entry.is_of_timeline);
        told.map(|entry| entry.name.clone()).collect()
    };
    assert_eq!(names(&slice(1)).len(), 8);
    let second = slice(2);
    let expected = ["narrate", "inject gone", "scale web to 5", "lift slow", "lift gone"];
    assert_eq!(names(&second), expected);
    assert!(second.timeline.iter().all(|entry| entry.is_of_timeline) && second.associations.is_empty());
}
