//! Faults that strike the same nodes at the same time.

use super::*;

/// The world in which the first fault lasts from the 30th minute to the 60th, and the
/// second one begins in the 40th and is over after ten minutes.
fn strike_twice(first: &str, second: &str, on: &str) -> Struck {
    let text = format!(
        "{FLEET}faults:\n  - {{ fault: {first}, on: {on}, at: 30m, for: 30m }}\n  \
         - {{ fault: {second}, on: {on}, at: 40m, for: 10m }}\n"
    );
    let world = World::new(&Scenario::parse("x", &text).unwrap(), &Overrides::default());
    let listening = Listening::default();
    let outcome = world.run_through(&listening);
    Struck { world, outcome, heard: listening.0.into_inner() }
}

#[test]
fn what_is_down_stays_down_whatever_else_strikes_it() {
    const DOWN: [&str; 3] =
        ["{ crash: {} }", "{ invalid-instance: { cause: terminated } }", "{ crash: { down: 30m } }"];
    const ELSE: [&str; 6] = [
        "{ crash: { down: 3m } }",
        "{ crash: { loses: disk } }",
        "{ unsupported-platform: {} }",
        "{ invalid-instance: {} }",
        "{ clone-id: { of: 5 } }",
        "id-reuse",
    ];
    for first in DOWN {
        for second in ELSE {
            let struck = strike_twice(first, second, "{ cohort: web, index: { to: 2 } }");
            for node in 0..3 {
                let seen = struck.operations(node, 31..60);
                assert!(seen.is_empty(), "{first}, then {second}: node {node} called {seen:?}");
                let last = struck.runs_of(node, 95..108);
                assert_eq!(last.len(), 1, "{first}, then {second}: node {node} works again");
            }
        }
    }
}

#[test]
fn a_node_keeps_what_is_its_own_under_several_ids() {
    let stranger = "{ invalid-instance: {} }";
    for (first, second, on) in [
        (stranger, stranger, "{ cohort: till, index: { to: 2 } }"),
        (stranger, stranger, "{ cohort: web, index: { to: 2 } }"),
        ("{ clone-id: { of: 5 } }", stranger, "{ cohort: web, index: { to: 2 } }"),
        (stranger, "{ crash: { loses: disk } }", "{ cohort: till, index: { to: 2 } }"),
    ] {
        let struck = strike_twice(first, second, on);
        let first_node = if on.contains("till") { 12 } else { 0 };
        for node in first_node..first_node + 3 {
            let answers = struck.calls(node, 51..60);
            let accepted = answers
                .iter()
                .filter(|one| matches!(one.request, Request::Heartbeat(_)) && refusal(&one.answer).is_none());
            let is_let_in = accepted.count() > 0;
            assert_eq!(is_let_in, first != stranger, "{first} outlasts {second}: node {node}");
            let last = struck.runs_of(node, 95..108);
            let is_well = |run: &Ran| run.status == AssociationStatus::Success && run.is_reported;
            assert!(last.len() == 1 && last.iter().all(is_well), "{first}, {second}: {node} ran {last:?}");
        }
    }
}
