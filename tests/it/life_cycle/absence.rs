//! Nodes that the plane does not hear of: offline when they are due, off for long, silent in a run.

use plane::config::{PlaneConfig, Steering};
use serde_json::json;

use super::{five, pair, play, row};
use crate::stage::{Network, Stage};

#[test]
fn a_node_that_is_offline_when_it_is_due_runs_once_when_it_is_back() {
    play(|stage, network| {
        let id = stage.associate("hello", "prod", &json!({"ScheduleExpression": "rate(30 minutes)"}));
        let prod = stage.nodes("prod");
        stage.until(15);
        network.cut(prod[0]);
        stage.until(95);
        assert_eq!(stage.standing(prod[0], id).unwrap().0, "Pending", "as long as it is away");
        let behind = row("Success", "{Skipped=1, Success=2}");
        let newest = row("InProgress", "{Pending=1, Success=2}");
        let first = row("Success", "{Success=3}");
        stage.until(102);
        assert_eq!(stage.executions(id), [newest, behind.clone(), behind.clone(), first.clone()]);
        network.mend(prod[0]);
        stage.until(115);
        assert_eq!(stage.began(prod[0], id), [10, 110], "those it missed do not pile up");
        assert_eq!(stage.executions(id), [first.clone(), behind.clone(), behind, first]);
        assert_eq!(stage.began(prod[1], id), [10, 40, 70, 100]);
    });
}

#[test]
fn a_node_that_was_off_for_a_month_runs_once_when_it_is_back() {
    play(|stage, network| {
        let id = stage.associate("hello", "prod", &json!({"ScheduleExpression": "rate(5 days)"}));
        let prod = stage.nodes("prod");
        stage.until(15);
        network.cut(prod[0]);
        let day = 24 * 60;
        stage.until(32 * day);
        network.mend(prod[0]);
        stage.until(32 * day + 30);
        let began = stage.began(prod[0], id);
        assert_eq!((began.len(), began[0]), (2, 10));
        assert!(began[1] < 32 * day + 12, "{began:?}");
        assert_eq!(stage.began(prod[1], id).len(), 7);
    });
}

#[test]
fn an_agent_that_keeps_its_schedule_by_itself_runs_offline_too() {
    let network = Network::default();
    let set = |config: &mut PlaneConfig| config.steering = Steering::Agent;
    Stage::play_through(&five(), &network, set, |stage| {
        stage.create_document("slow", 1);
        stage.until(2);
        let id = stage.associate("slow", "prod", &json!({"ScheduleExpression": "rate(30 minutes)"}));
        let prod = stage.nodes("prod");
        stage.until(27);
        network.cut(prod[0]);
        stage.until(110);
        network.mend(prod[0]);
        stage.until(150);
        for node in &prod {
            assert_eq!(stage.began(*node, id), [10, 55, 100], "half an hour after each end");
        }
        let reached = network.endings(id).iter().filter(|ending| ending.node == prod[0]).count();
        assert_eq!(reached, 2, "nobody heard of the end in minute 70");
    });
}

#[test]
fn a_node_that_falls_silent_in_a_run_is_ended_by_the_service() {
    play(|stage, network| {
        let id = stage.associate("slow", "prod", &json!({"ScheduleExpression": "rate(4 hours)"}));
        let prod = stage.nodes("prod");
        stage.until(12);
        network.cut(prod[0]);
        stage.until(128);
        assert_eq!(stage.standing(prod[0], id), pair("InProgress", "InProgress"));
        stage.until(132);
        assert_eq!(stage.standing(prod[0], id), pair("Failed", "StuckAtInProgress"));
        assert_eq!(stage.executions(id), [row("Failed", "{Failed=1, Success=2}")]);
        network.mend(prod[0]);
        stage.until(280);
        assert_eq!(stage.began(prod[0], id), [10, 250], "the next round is as any other");
        assert_eq!(stage.executions(id)[0], row("Success", "{Success=3}"));
    });
}

#[test]
fn a_dead_node_under_rate_control_gives_its_slot_back_and_is_no_error() {
    play(|stage, network| {
        let id = stage.associate("slow", "prod", &json!({"MaxConcurrency": "1", "MaxErrors": "0"}));
        let prod = stage.nodes("prod");
        network.cut(prod[0]);
        stage.until(121);
        assert_eq!(stage.executions(id), [row("InProgress", "{Pending=1, Queued=2}")]);
        stage.until(135);
        assert_eq!(stage.standing(prod[0], id), pair("TimedOut", "DeliveryTimedOut"));
        assert_eq!(stage.compliance(prod[0]), [], "it never ran");
        network.mend(prod[0]);
        stage.until(170);
        let began: Vec<_> = prod.iter().map(|node| stage.began(*node, id)).collect();
        assert_eq!(began, [vec![], vec![130], vec![150]]);
        assert_eq!(stage.executions(id), [row("Failed", "{Success=2, TimedOut=1}")]);
    });
}
