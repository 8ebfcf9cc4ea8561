//! Agents that are started anew in a run, and a plane that is in a rollout.

use agent::fault::Share;
use fleet::scenario::Behaviour;
use serde_json::json;
use shared::time::Period;

use super::{five, pair, play, row};
use crate::stage::{Stage, takes};

#[test]
fn a_node_that_is_rebooted_by_a_step_takes_it_up_again() {
    let mut scenario = five();
    let reboots = Behaviour {
        fails: Share::ALL,
        exit_code: Some(194),
        reboot: Some(Period::minutes(5)),
        ..takes("slow", 15)
    };
    scenario.cohorts[0].behaviours.insert(0, reboots);
    Stage::play(&scenario, |stage, network| {
        stage.create_document("slow", 1);
        stage.until(2);
        let id = stage.associate("slow", "prod", &json!({}));
        let prod = stage.nodes("prod");
        stage.until(27);
        assert_eq!(stage.reboots(), 3);
        let calls = stage.calls().len();
        stage.until(29);
        let late = stage.calls()[calls..].iter().filter(|entry| prod.contains(&entry.node)).count();
        assert_eq!(late, 0, "who is away calls nobody");
        for minute in [29, 32, 40] {
            stage.until(minute);
            assert_eq!(stage.executions(id), [row("InProgress", "{InProgress=3}")], "minute {minute}");
            assert_eq!(stage.standing(prod[0], id), pair("InProgress", "InProgress"));
            assert_eq!(stage.compliance(prod[0]), []);
            assert_eq!(network.endings(id).len(), 0);
        }
        stage.until(70);
        assert_eq!(stage.executions(id), [row("Success", "{Success=3}")]);
        assert_eq!(stage.overview(id), row("Success", "Success"));
        assert_eq!(network.endings(id).len(), 3);
        for node in prod {
            assert_eq!(stage.began(node, id), [10], "it is one run");
            assert_eq!(stage.compliance(node), [row(&id.to_string(), "COMPLIANT")]);
        }
        let away = Period::minutes(5);
        assert!(stage.runs(id).iter().all(|run| run.ended.since(run.started) > away + Period::minutes(15)));
    });
}

#[test]
fn a_worker_that_dies_in_a_run_tells_its_end_when_it_is_back() {
    play(|stage, network| {
        let id = stage.associate("slow", "prod", &json!({"ScheduleExpression": "rate(1 hour)"}));
        let prod = stage.nodes("prod");
        stage.until(15);
        network.kill_worker(prod[0]);
        stage.until(23);
        assert_eq!(stage.workers_died(), 1, "at the poll of minute 20");
        assert_eq!(stage.executions(id), [row("InProgress", "{InProgress=3}")]);
        assert_eq!(stage.standing(prod[0], id), pair("InProgress", "InProgress"));
        stage.until(30);
        assert_eq!(stage.executions(id), [row("Success", "{Success=3}")]);
        assert_eq!(network.endings(id).len(), 3);
        stage.until(95);
        let began: Vec<_> = prod.iter().map(|node| stage.began(*node, id)).collect();
        assert_eq!(began, [[10, 71], [10, 70], [10, 70]], "its polls go by its new worker's start");
        assert_eq!(stage.executions(id)[0], row("Success", "{Success=3}"));
    });
}

#[test]
fn a_plane_that_is_started_anew_in_a_rollout_counts_on_exactly() {
    let mut began = Vec::new();
    for restarts in [false, true] {
        play(|stage, _| {
            let more = json!({
                "MaxConcurrency": "1", "MaxErrors": "1", "ScheduleExpression": "rate(2 hours)",
            });
            let id = stage.associate("slow", "prod", &more);
            let steps = [
                (3, "{Pending=1, Queued=2}"),
                (12, "{InProgress=1, Queued=2}"),
                (27, "{Pending=1, Queued=1, Success=1}"),
                (35, "{InProgress=1, Queued=1, Success=1}"),
                (52, "{InProgress=1, Success=2}"),
                (66, "{Success=3}"),
            ];
            for (minute, counts) in steps {
                stage.until(minute);
                let status = if minute == 66 { "Success" } else { "InProgress" };
                assert_eq!(stage.executions(id), [row(status, counts)], "minute {minute}");
                let before = stage.describe(id);
                if restarts {
                    stage.restart();
                }
                assert_eq!(stage.executions(id), [row(status, counts)], "minute {minute}");
                assert_eq!(stage.describe(id), before);
                assert!(stage.running(id).len() <= 1);
            }
            stage.until(150);
            let prod = stage.nodes("prod");
            began.push(prod.iter().map(|node| stage.began(*node, id)).collect::<Vec<_>>());
        });
    }
    assert_eq!(began[0], [vec![10, 130], vec![30], vec![50]]);
    assert_eq!(began[0], began[1], "nobody notices");
}
