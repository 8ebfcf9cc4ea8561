//! The operator's own calls: what of them faults strike, what becomes of names that
//! nobody made, and whom it waits for.

use std::collections::BTreeMap;

use fleet::operator::outcome::Happened;
use fleet::plan::Overrides;
use fleet::result::RunResult;
use fleet::scenario::Scenario;
use fleet::simulation::{Ending, Finished};
use serde_json::Value;
use shared::time::Period;
use ssm_fleet_tests::World;

use crate::live::run_embedded;

/// Ten nodes, an association of whom all have a tag, and what else a test wants.
fn scenario(more: &str) -> String {
    format!(
        r#"
name: operator
seed: 5
duration: 1h
time: {{ scale: 1200 }}
cohorts:
  - {{ name: web, platform: ubuntu-22.04, nodes: 10, tags: {{ Env: prod }}, channel: websocket }}
documents:
  - {{ name: one, content: {{ schemaVersion: "2.2", mainSteps: [{{ action: aws:runShellScript, name: only, inputs: {{ runCommand: ["true"] }} }}] }} }}
associations:
  - {{ name: patch, at: 10m, document: one, targets: [tag: {{ key: Env, values: [prod] }}] }}
{more}
"#
    )
}

/// The same run in virtual time, however the fleet is cut.
fn run(text: &str) -> Finished {
    let scenario = Scenario::parse("test", text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let world = World::new(&scenario, &Overrides::default());
    let (alone, cut) = (world.run(), world.clone().in_shards(3).run());
    let result = |finished: &Finished| {
        let mut result: Value = serde_json::from_str(&RunResult::new(finished).to_json()).unwrap();
        result.as_object_mut().unwrap().remove("spent");
        result
    };
    assert_eq!(result(&alone.finished), result(&cut.finished));
    alone.finished
}

/// What came of the timeline, by the names of its entries.
fn happened(finished: &Finished) -> BTreeMap<&str, &Happened> {
    let all = finished.operator.happened.iter();
    all.map(|(place, happened)| (&*finished.plan.timeline[*place].name, happened)).collect()
}

/// When an entry happened first, in seconds from the start of the run.
fn first(finished: &Finished, name: &str) -> u64 {
    happened(finished)[name].first.since(finished.plan.start).as_milliseconds() / 1_000
}

fn all_is_as_expected(finished: &Finished) {
    let unmet: Vec<_> = happened(finished).into_iter().filter(|(_, happened)| happened.unmet > 0).collect();
    assert!(unmet.is_empty(), "{unmet:?}");
    assert!(finished.operator.troubles.is_empty(), "{:?}", finished.operator.troubles);
    assert_eq!(
        happened(finished).len(),
        finished.plan.timeline.iter().filter(|entry| entry.is_of_timeline).count(),
        "all of it happened"
    );
}

const NEVER_MADE: &str = r#"
timeline:
  - { at: 15m, name: refused, do: { create-association: { name: never, document: no-such, targets: [tag: { key: Env, values: [prod] }], refused: InvalidDocument } } }
  - { at: 16m, name: start, do: { start-association: never }, expect: { error: AssociationDoesNotExist } }
  - { at: 17m, name: change, do: { update-association: { name: never, max_concurrency: "3" } }, expect: { error: AssociationDoesNotExist } }
  - { at: 18m, name: delete, do: { delete-association: never }, expect: { error: AssociationDoesNotExist } }
  - { at: 19m, name: too early, do: { start-association: later }, expect: { error: AssociationDoesNotExist } }
  - { at: 20m, name: later, do: { create-association: { name: later, document: one, targets: [tag: { key: Env, values: [prod] }] } } }
  - { at: 30m, name: gone, do: { delete-association: later } }
  - { at: 31m, name: too late, do: { start-association: later }, expect: { error: AssociationDoesNotExist } }
  - { at: 32m, name: no document, do: { update-document: { name: no-such, content: { schemaVersion: "2.2", mainSteps: [{ action: aws:runShellScript, name: a, inputs: { runCommand: ["true"] } }] } } }, expect: { error: InvalidDocument } }
  - { at: 33m, name: no command, do: { send-command: { document: no-such, targets: [tag: { key: Env, values: [prod] }] } }, expect: { error: InvalidDocument } }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_made_is_asked_of_the_plane_which_says_so() {
    let text = scenario(NEVER_MADE);
    all_is_as_expected(&run(&text));
    all_is_as_expected(&run_embedded(&text).await);
    let told = run(&text.replace(
        "do: { start-association: never }, expect: { error: AssociationDoesNotExist }",
        "do: { start-association: never }",
    ));
    let seen = &happened(&told)["start"].told[0].seen;
    assert!(seen.starts_with("StartAssociationsOnce refused: AssociationDoesNotExist"), "{seen}");
}

const STRUCK: &str = r#"
timeline:
  - { at: 30m, name: start, do: { start-association: patch }, expect: { FIRST } }
  - { at: 30m, name: again, do: { start-association: patch }, expect: { SECOND } }
  - { at: 31m, name: told, do: { narrate: "a minute later" } }
faults:
  - { name: struck, fault: { FAULT }, at: 25m }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_the_plane_strike_what_the_timeline_calls_and_not_the_runs_own_looks() {
    // The fault, what the first and the second call see of it, what the plane lists at the end.
    let error = "error: InternalServerError";
    let cases = [
        ("server-error: {}", error, error, 1),
        ("throttling: { rate: 0.0001 }", "", "error: ThrottlingException", 2),
        ("dropped-writes: {}", "", "", 1),
        ("stale-reads: { by: 20m }", "", "", 3),
        ("plane-latency: { delay: 10m }", "", "", 3),
    ];
    for (fault, first_call, second_call, executions) in cases {
        let text = STRUCK.replace("FAULT", fault).replace("FIRST", first_call).replace("SECOND", second_call);
        let text = scenario(&text);
        for finished in [run(&text), run_embedded(&text).await] {
            all_is_as_expected(&finished);
            let survey = finished.survey.as_ref().unwrap_or_else(|| panic!("{fault}: the plane was asked"));
            assert_eq!(survey.executions[&finished.operator.made[0].id].len(), executions, "{fault}");
            assert_eq!((survey.nodes.nodes, finished.ending), (10, Ending::Complete), "{fault}");
            let is_late = fault.starts_with("plane-latency");
            assert_eq!(first(&finished, "again") >= 40 * 60, is_late, "{fault}");
            assert!(first(&finished, "told") < 40 * 60, "{fault}: nobody waits with it for an answer");
        }
    }
}

#[test]
fn no_answer_of_the_plane_is_waited_for_without_end() {
    let text = STRUCK.replace("FAULT", "plane-latency: { delay: 16m }").replace("FIRST", "");
    let finished = run(&scenario(&text.replace("SECOND", "")));
    assert_eq!(first(&finished, "again"), 45 * 60);
    let seen = &happened(&finished)["start"].told[0].seen;
    assert_eq!(seen, "no reply to StartAssociationsOnce: no answer in time");

    let cut =
        text.replace("SECOND", "").replace("narrate: \"a minute later\"", "restart-plane: { downtime: 1m }");
    let finished = run(&scenario(&cut));
    assert_eq!((first(&finished, "told"), first(&finished, "again")), (31 * 60, 31 * 60));
    let seen = &happened(&finished)["start"].told[0].seen;
    assert_eq!(seen, "no reply to StartAssociationsOnce: the connection was closed");
}

#[test]
fn a_call_that_had_no_good_end_when_the_run_ended_is_told() {
    let fault = "faults: [{ fault: { server-error: { operations: [StartAssociationsOnce] } }, at: 50m }]\n";
    let entry = "timeline: [{ at: 55m, name: start, do: { start-association: patch } }]\n";
    let finished = run(&scenario(&format!("{fault}{entry}")));
    assert_eq!(finished.ending, Ending::OutOfTime);
    let [trouble] = &Vec::from_iter(&finished.operator.troubles)[..] else {
        panic!("{:?}", finished.operator.troubles)
    };
    let (begins, ends) =
        ("StartAssociationsOnce refused: InternalServerError", "it was to be made again when the run ended");
    assert!(trouble.starts_with(begins) && trouble.ends_with(ends), "{trouble}");
}

#[test]
fn nodes_have_their_tags_though_the_plane_fares_badly_as_they_arrive() {
    let operations = "operations: [AddTagsToResource]";
    for fault in ["server-error: {", "dropped-writes: {", "throttling: { rate: 0.001,"] {
        let finished = run(&scenario(&format!("faults: [{{ fault: {{ {fault} {operations} }} }} }}]\n")));
        assert_eq!((finished.operator.tagged, finished.ending), (10, Ending::Complete), "{fault}");
        assert!(finished.operator.troubles.is_empty(), "{:?}", finished.operator.troubles);
        assert_eq!(finished.measures.runs_of(finished.operator.made[0].id).len(), 10, "{fault}");
    }
}

#[test]
fn an_association_that_the_plane_lost_is_told_and_not_waited_for() {
    let fault = "dropped-writes: { operations: [CreateAssociation] }";
    let finished = run(&scenario(&format!("faults: [{{ fault: {{ {fault} }}, at: 9m }}]\n")));
    let troubles: Vec<_> = finished.operator.troubles.iter().collect();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert!(
        troubles[0].starts_with("association patch (") && troubles[0].contains("no longer"),
        "{troubles:?}"
    );
    assert!(finished.survey.is_some());
    assert!(finished.ended < finished.plan.start + Period::minutes(11));
}

const TAGS: &str = r#"
timeline:
  - { at: 15m, name: valid, do: { tag: { on: { nodes: [VALID] }, tags: { Role: canary } } } }
  - { at: 16m, name: unexpected, do: { tag: { on: { cohort: web }, tags: { Ring: a } } } }
  - { at: 17m, name: expected, do: { tag: { on: { cohort: web }, tags: { Ring: b } } }, expect: { error: InvalidResourceId } }
  - { at: 18m, name: untag, do: { untag: { on: { cohort: web }, keys: [Role] } }, expect: { error: InvalidResourceId } }
  - { at: 19m, name: in vain, do: { untag: { on: { nodes: [VALID] }, keys: [Role] } }, expect: { error: InvalidResourceId } }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_never_registered_cannot_be_tagged_and_others_can() {
    let text = scenario(TAGS).replace("channel: websocket", "faults: [invalid-instance: 20%]");
    let plan = Scenario::parse("test", &text.replace("VALID", "0")).unwrap();
    let plan = World::new(&plan, &Overrides::default()).plan;
    let is_valid = |number: &u32| plan.catalogue.cohorts[0].faults.of(plan.catalogue.seed, *number).is_none();
    let valid = (0..10).find(is_valid).expect("most are").to_string();
    let invalid = (0..10).filter(|number| !is_valid(number)).count();
    assert!(invalid > 1, "of another seed");
    let text = text.replace("VALID", &valid);
    for finished in [run(&text), run_embedded(&text).await] {
        let happened = happened(&finished);
        let unmet: Vec<_> = happened.iter().filter(|(_, happened)| happened.unmet > 0).collect();
        assert_eq!(unmet.iter().map(|(name, _)| **name).collect::<Vec<_>>(), ["in vain", "unexpected"]);
        let seen = &happened["unexpected"].told[0].seen;
        assert!(seen.starts_with("AddTagsToResource refused: InvalidResourceId: "), "{seen}");
        assert!(seen.ends_with(&format!("({invalid} of 10 nodes refused)")), "{seen}");
        assert_eq!(happened["in vain"].told[0].seen, "not refused");
    }
}

const CHURN: &str = r#"
name: churn
seed: 4
duration: 6h
cohorts:
  - { name: till, platform: debian-12, nodes: 40, churn: 60, identity: hybrid, tags: { Env: prod } }
documents:
  - { name: one, content: { schemaVersion: "2.2", mainSteps: [{ action: aws:runShellScript, name: only, inputs: { runCommand: ["true"] } }] } }
associations:
  - { name: once, at: 30m, document: one, targets: [tag: { key: Env, values: [prod] }] }
"#;

#[test]
fn nobody_waits_for_nodes_that_ended_for_good() {
    let finished = run(CHURN);
    assert_eq!(finished.ending, Ending::Complete, "the plane never hears that hybrid nodes ended");
    let survey = finished.survey.as_ref().expect("the plane was asked");
    let round = &survey.executions[&finished.operator.made[0].id][0];
    assert!(round.replaced > 0 && round.status != "Success", "{round:?}");
    assert!(finished.ended < finished.plan.start + Period::hours(2));
}

/// What came of an association that ends before the run does, by this entry of the
/// timeline: its rounds at 10 m and 40 m are over by then, and the one at 70 m is not.
fn rounds_of_one_that_goes(at: &str, act: &str) -> RunResult {
    let finished = run(&scenario(&format!("timeline:\n  - {{ at: {at}, do: {act} }}\n"))
        .replace("duration: 1h", "duration: 3h\nramp: 8m")
        .replace("channel: websocket", "channel: none")
        .replace(
            "targets: [tag: { key: Env, values: [prod] }] }",
            "targets: [tag: { key: Env, values: [prod] }], schedule: rate(30 minutes), rounds: 3 }",
        ));
    assert_eq!(finished.operator.troubles, std::collections::BTreeSet::new());
    RunResult::new(&finished)
}

#[test]
fn rounds_are_told_of_an_association_that_is_gone_at_the_end() {
    for act in ["{ restart-plane: { loses: state } }", "{ delete-association: patch }"] {
        let result = rounds_of_one_that_goes("74m", act);
        let rounds = &result.associations[0].rounds;
        let over: Vec<_> = rounds.iter().map(|round| (round.is_over(), round.agrees)).collect();
        assert_eq!(over, [(true, Some(true)), (true, Some(true)), (false, None)], "{act}");
        for round in &rounds[..2] {
            assert_eq!((round.nodes, round.runs["Success"], round.missing), (10, 10, 0), "{act}");
            assert!(round.t100.expect("all were through") < Period::minutes(12), "{act}");
        }
        let last = &rounds[2];
        assert_eq!(last.nodes, 10, "{act}");
        assert!(last.missing > 0, "{act}: not all heard of it before it went");
    }
}
