//! The events of an association's life (C.4), seen from the nodes and from the plane.
//!
//! Nodes come at the start, so they poll at the tens of minutes and up to 30 s
//! after: what is ordered at minute 2 begins in minute 10. What comes to targets,
//! documents, stored parameters and absent nodes, what keeps nodes from beginning,
//! and what agents and plane make of a restart, have files of their own; here is what people do to an association, and what it does by itself.

mod absence;
mod document;
mod gate;
mod parameter;
mod restart;
mod target;

use std::collections::BTreeSet;

use fleet::measure::Ran;
use fleet::scenario::Scenario;
use plane::config::PlaneConfig;
use plane::config::choice::SecondAssociation;
use serde_json::json;
use shared::status::AssociationStatus::Success;
use shared::time::Period;

use crate::stage::{Network, Stage, fleet_of, takes};

/// Three nodes of Env=prod and two of Env=test; the document *slow* takes 15 minutes, *hello* a moment.
fn five() -> Scenario {
    let mut scenario = fleet_of(&[("prod", 3), ("test", 2)], "0s");
    for cohort in &mut scenario.cohorts {
        cohort.behaviours.push(takes("slow", 15));
        cohort.behaviours.push(takes("longer", 45));
    }
    scenario
}

fn play(act: impl FnOnce(&mut Stage<'_>, &Network)) {
    Stage::play(&five(), |stage, network| {
        for name in ["hello", "slow", "longer"] {
            stage.create_document(name, 1);
        }
        stage.until(2);
        act(stage, network);
    });
}

fn row(status: &str, counts: &str) -> (String, String) {
    (status.to_owned(), counts.to_owned())
}

fn pair(status: &str, detail: &str) -> Option<(String, String)> {
    Some(row(status, detail))
}

#[test]
fn created_it_runs_at_once_and_then_by_its_schedule() {
    play(|stage, _| {
        let cron = json!({"ScheduleExpression": "cron(0/30 * * * ? *)"});
        let id = stage.associate("hello", "prod", &cron);
        let waits = json!({"ScheduleExpression": "cron(0/30 * * * ? *)", "ApplyOnlyAtCronInterval": true});
        let waits = stage.associate("hello", "prod", &waits);
        assert_eq!(stage.executions(id), [row("InProgress", "{Pending=3}")]);
        assert_eq!(stage.executions(waits), []);
        assert_eq!(stage.overview(waits).0, "Pending");
        stage.until(65);
        for node in stage.nodes("prod") {
            assert_eq!(stage.began(node, id), [10, 30, 60]);
            assert_eq!(stage.began(node, waits), [30, 60]);
        }
        for node in stage.nodes("test") {
            assert_eq!(stage.began(node, id), [0; 0]);
        }
        let round = row("Success", "{Success=3}");
        assert_eq!(stage.executions(id), [round.clone(), round.clone(), round.clone()]);
        assert_eq!(stage.executions(waits), [round.clone(), round]);
        assert_eq!(stage.overview(id), row("Success", "Success"));
    });
}

#[test]
fn updated_while_it_runs_it_lets_those_end_and_runs_all_again_under_the_new_limit() {
    play(|stage, _| {
        let id = stage.associate("slow", "prod", &json!({"MaxConcurrency": "1"}));
        let prod = stage.nodes("prod");
        stage.until(12);
        assert_eq!(stage.running(id), BTreeSet::from([prod[0]]));
        stage.update(id, &json!({"MaxConcurrency": "2"}));
        assert_eq!(
            stage.executions(id),
            [row("InProgress", "{Pending=2, Queued=1}"), row("InProgress", "{InProgress=1, Skipped=2}")]
        );
        assert_eq!(stage.overview(id), row("Pending", "Associated"), "nobody of the new one has begun");
        stage.until(22);
        assert_eq!(stage.running(id), BTreeSet::from([prod[0], prod[1]]), "one of the old, one of the new");
        stage.until(32);
        assert_eq!(stage.running(id), BTreeSet::from([prod[0], prod[1]]), "who ended runs again");
        stage.until(60);
        assert_eq!(stage.began(prod[0], id), [10, 30]);
        assert_eq!(stage.began(prod[1], id), [20]);
        assert_eq!(stage.began(prod[2], id), [40], "the first end of the new gave it its slot");
        assert_eq!(
            stage.executions(id),
            [row("Success", "{Success=3}"), row("Success", "{Skipped=2, Success=1}")]
        );
        assert_eq!(stage.describe(id)["AssociationVersion"], json!("2"));
    });
}

#[test]
fn updated_to_wait_for_its_schedule_it_runs_nobody_before() {
    play(|stage, _| {
        let id = stage.associate("slow", "prod", &json!({"MaxConcurrency": "1"}));
        stage.until(12);
        stage
            .update(id, &json!({"ScheduleExpression": "cron(0 1 * * ? *)", "ApplyOnlyAtCronInterval": true}));
        assert_eq!(stage.executions(id), [row("InProgress", "{InProgress=1, Skipped=2}")]);
        stage.until(80);
        let began: Vec<_> = stage.nodes("prod").into_iter().map(|node| stage.began(node, id)).collect();
        assert_eq!(began, [vec![10, 60], vec![60], vec![60]]);
    });
}

#[test]
fn whatever_is_edited_runs_on_all_nodes_again() {
    play(|stage, _| {
        let id = stage.associate("hello", "prod", &json!({}));
        stage.until(12);
        let edits = [
            json!({"Parameters": {"word": ["uptime"]}}),
            json!({"ScheduleExpression": "cron(0 20 * * ? *)"}),
            json!({"DocumentVersion": "1"}),
            json!({"OutputLocation": {"S3Location": {"OutputS3BucketName": "logs"}}}),
            json!({"AssociationName": "another"}),
            json!({"ComplianceSeverity": "HIGH"}),
            json!({"MaxErrors": "2"}),
            json!({}),
        ];
        let mut expected = vec![10];
        for (edit, round) in edits.iter().zip(1..) {
            stage.update(id, edit);
            assert_eq!(stage.executions(id)[0], row("InProgress", "{Pending=3}"), "{edit}");
            stage.until(12 + 10 * round);
            expected.push(10 + 10 * round);
            for node in stage.nodes("prod") {
                assert_eq!(stage.began(node, id), expected, "{edit}");
            }
            assert_eq!(stage.executions(id)[0], row("Success", "{Success=3}"), "{edit}");
        }
    });
}

#[test]
fn deleted_while_it_runs_it_ends_on_the_nodes_and_is_gone_otherwise() {
    play(|stage, network| {
        let id = stage.associate("slow", "prod", &json!({"ScheduleExpression": "rate(30 minutes)"}));
        let kept = stage.associate("hello", "prod", &json!({}));
        stage.until(35);
        assert_eq!(stage.compliance(0).len(), 2);
        stage.until(42);
        assert_eq!(stage.running(id).len(), 3, "in the second round");
        stage.ask("DeleteAssociation", &json!({"AssociationId": id}));
        assert_eq!(stage.compliance(0), [row(&kept.to_string(), "COMPLIANT")]);
        stage.until(120);
        for node in stage.nodes("prod") {
            assert_eq!(stage.began(node, id), [10, 40], "none after that");
            assert_eq!(stage.standing(node, id), None);
            assert_eq!(stage.compliance(node), [row(&kept.to_string(), "COMPLIANT")]);
        }
        let endings = network.endings(id);
        let refusals: Vec<_> = endings.iter().map(|ending| ending.refusal.as_deref()).collect();
        let gone = Some("AssociationDoesNotExist");
        assert_eq!(refusals, [None, None, None, gone, gone, gone], "the run is not broken off");
        assert!(stage.runs(id).iter().all(|run| run.status == Success));
    });
}

#[test]
fn a_second_association_waits_for_the_first() {
    play(|stage, _| {
        let first = stage.associate("slow", "prod", &json!({}));
        let second = stage.associate("slow", "prod", &json!({}));
        stage.until(12);
        assert_eq!((stage.running(first).len(), stage.running(second).len()), (3, 0));
        stage.until(45);
        let (first, second) = (stage.runs(first), stage.runs(second));
        for node in stage.nodes("prod") {
            let of = |runs: &[Ran]| *runs.iter().find(|run| run.node == node).unwrap();
            let (first, second) = (of(&first), of(&second));
            assert!(second.started >= first.ended && second.started.since(first.ended) < Period::seconds(2));
            assert_eq!((first.status, second.status), (Success, Success));
        }
    });
}

#[test]
fn a_second_association_times_the_first_out_where_that_is_set() {
    let network = Network::default();
    let set = |config: &mut PlaneConfig| config.second_association = SecondAssociation::TimesOutTheFirst;
    Stage::play_through(&five(), &network, set, |stage| {
        for name in ["hello", "longer"] {
            stage.create_document(name, 1);
        }
        stage.until(2);
        let first = stage.associate("longer", "prod", &json!({}));
        stage.until(12);
        let second = stage.associate("hello", "prod", &json!({}));
        assert_eq!(stage.executions(first), [row("InProgress", "{InProgress=3}")], "nobody has taken it up");
        stage.until(22);
        let prod = stage.nodes("prod");
        assert_eq!(stage.running(first).len(), 3, "the agents end it first");
        assert_eq!(stage.standing(prod[0], first), pair("TimedOut", "TimedOut"));
        assert_eq!(stage.executions(first), [row("Failed", "{TimedOut=3}")]);
        assert_eq!(stage.executions(second), [row("InProgress", "{Pending=3}")]);
        stage.until(60);
        assert_eq!(stage.executions(first), [row("Failed", "{TimedOut=3}")], "their word comes too late");
        assert_eq!(stage.executions(second), [row("Success", "{Success=3}")]);
        for node in prod {
            assert_eq!((stage.began(node, first), stage.began(node, second)), (vec![10], vec![55]));
        }
    });
}

#[test]
fn a_run_that_outlasts_its_interval_is_not_begun_again() {
    play(|stage, _| {
        let id = stage.associate("longer", "prod", &json!({"ScheduleExpression": "rate(30 minutes)"}));
        stage.until(40);
        assert_eq!(
            stage.executions(id),
            [row("InProgress", "{Pending=3}"), row("InProgress", "{InProgress=3}")],
            "minute 32 orders what comes after"
        );
        stage.until(170);
        for node in stage.nodes("prod") {
            assert_eq!(stage.began(node, id), [10, 60, 110]);
        }
        let runs = stage.runs(id);
        assert!(runs.iter().all(|run| run.ended.since(run.started) >= Period::minutes(45)));
    });
}

#[test]
fn a_run_out_of_turn_runs_all_nodes_once_and_shifts_no_schedule() {
    play(|stage, _| {
        let waits = json!({"ScheduleExpression": "cron(0 1 * * ? *)", "ApplyOnlyAtCronInterval": true});
        let waits = stage.associate("hello", "prod", &waits);
        let once = stage.associate("hello", "prod", &json!({}));
        stage.until(15);
        stage.ask("StartAssociationsOnce", &json!({"AssociationIds": [waits, once]}));
        stage.until(75);
        for node in stage.nodes("prod") {
            assert_eq!(stage.began(node, waits), [20, 60]);
            assert_eq!(stage.began(node, once), [10, 20]);
        }
    });
}

/// E.2 item 8.
#[test]
fn the_next_interval_takes_over_from_a_rollout_that_still_drains() {
    let mut scenario = fleet_of(&[("prod", 5)], "0s");
    scenario.cohorts[0].behaviours.push(takes("slow", 15));
    Stage::play(&scenario, |stage, _| {
        stage.create_document("slow", 1);
        stage.until(2);
        let more = json!({"MaxConcurrency": "1", "ScheduleExpression": "rate(1 hour)"});
        let id = stage.associate("slow", "prod", &more);
        let prod = stage.nodes("prod");
        stage.until(63);
        assert_eq!(stage.running(id), BTreeSet::from([prod[2]]));
        assert_eq!(
            stage.executions(id),
            [
                row("InProgress", "{Pending=1, Queued=4}"),
                row("InProgress", "{InProgress=1, Skipped=2, Success=2}"),
            ],
            "who runs holds the slot of the new one, and who has not begun begins there"
        );
        stage.until(110);
        assert_eq!(stage.executions(id)[1], row("Success", "{Skipped=2, Success=3}"));
        let began: Vec<_> = prod.iter().map(|node| stage.began(*node, id)).collect();
        assert_eq!(began, [vec![10, 70], vec![30, 90], vec![50], vec![], vec![]]);
    });
}
