//! Section E of the reference: who runs when, and what stops it.

use std::collections::VecDeque;

use serde_json::{Value, json};
use shared::id::{AssociationId, NodeId};
use shared::status::AssociationStatus::{self, Failed, InProgress, Pending, Success, TimedOut};
use shared::status::PlatformType;
use shared::time::Period;

use super::recount::recount;
use super::row;
use crate::config::{AdmissionOrder, DefaultConcurrency, LateNodes, PlaneConfig};
use crate::testing::{RateVector, World};

/// Nodes by their running number, and an association with all of them.
struct Fleet {
    world: World,
    nodes: Vec<NodeId>,
    id: AssociationId,
}

impl Fleet {
    fn new(config: PlaneConfig, targets: usize, more: &Value) -> Self {
        Self::empty(config, targets).associated(more)
    }

    /// Without the association.
    fn empty(config: PlaneConfig, targets: usize) -> Self {
        let world = World::empty(config);
        let mut nodes: Vec<NodeId> = (0..targets as u128).map(NodeId::ec2).collect();
        nodes.sort();
        for node in &nodes {
            world.ping(node.as_str(), PlatformType::Linux);
        }
        Self { world, nodes, id: AssociationId::from_bits(0) }
    }

    fn associated(self, more: &Value) -> Self {
        let all = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
        let mut body =
            json!({"Name": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, "Targets": all});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let id = self.world.associate(&body);
        Self { id, ..self }
    }

    fn limited(targets: usize, limit: &str, errors: &str) -> Self {
        let more = json!({"MaxConcurrency": limit, "MaxErrors": errors});
        Self::new(PlaneConfig::default(), targets, &more)
    }

    /// The state that a node is told.
    fn told(&self, node: usize) -> String {
        self.world.told(self.nodes[node].as_str()).pop().unwrap_or_default()
    }

    /// How many messages are sent to a node over its control channel now.
    fn pushed(&self, node: usize) -> usize {
        self.world.plane.jobs(self.world.now, self.nodes[node]).len()
    }

    /// The nodes that are told to run now.
    fn ordered(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.told(*node) == "Pending").collect()
    }

    fn report(&mut self, node: usize, status: AssociationStatus) {
        self.world.now += Period::seconds(1);
        self.world.report(self.nodes[node].as_str(), self.id, status).unwrap();
        self.world.settle();
        recount(&self.world.plane.state());
    }

    fn counts(&self) -> (String, String) {
        self.world.executions(self.id).remove(0)
    }

    fn details(&self) -> Vec<(String, String)> {
        let executions =
            self.world.post("DescribeAssociationExecutions", &json!({"AssociationId": self.id})).unwrap();
        let execution = &executions["AssociationExecutions"][0]["ExecutionId"];
        let body = json!({"AssociationId": self.id, "ExecutionId": execution});
        let targets = self.world.post("DescribeAssociationExecutionTargets", &body).unwrap();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let rows = targets["AssociationExecutionTargets"].as_array().unwrap().iter();
        rows.map(|row| (text(row, "Status"), text(row, "DetailedStatus"))).collect()
    }
}

#[test]
fn an_association_stands_by_until_the_first_of_its_nodes_begins() {
    let mut fleet = Fleet::limited(6, "2", "6");
    let detailed = |fleet: &Fleet| {
        let overview = fleet.world.describe(fleet.id)["Overview"].clone();
        (overview["DetailedStatus"].clone(), overview["AssociationStatusAggregatedCount"].clone())
    };
    assert_eq!(detailed(&fleet), (json!("Associated"), json!({"Pending": 2, "Queued": 4})));
    let first = fleet.nodes[0];
    fleet.world.run(first.as_str(), fleet.id, Success);
    assert_eq!(detailed(&fleet), (json!("InProgress"), json!({"Pending": 2, "Queued": 3, "Success": 1})));
}

#[test]
fn each_vector_of_the_reference_starts_and_stops_as_it_says() {
    for vector in RateVector::all() {
        let mut fleet = Fleet::limited(vector.targets, &vector.max_concurrency, &vector.max_errors);
        let mut started = vec![false; vector.targets];
        let mut running = VecDeque::new();
        loop {
            for (node, started) in started.iter_mut().enumerate() {
                if !*started && fleet.told(node) == "Pending" {
                    *started = true;
                    running.push_back(node);
                }
            }
            assert!(running.len() <= vector.limit, "{vector:?}");
            let Some(node) = running.pop_front() else { break };
            let end = if vector.fail.contains(&(node + 1)) { Failed } else { Success };
            fleet.report(node, end);
        }
        let mut counts = String::new();
        for (name, count) in
            [("Failed", vector.failed), ("Skipped", vector.never_started), ("Success", vector.success)]
        {
            if count > 0 {
                let comma = if counts.is_empty() { "" } else { ", " };
                counts = format!("{counts}{comma}{name}={count}");
            }
        }
        assert_eq!(started.iter().filter(|started| **started).count(), vector.started, "{vector:?}");
        assert_eq!(fleet.counts(), row("Failed", &format!("{{{counts}}}")), "{vector:?}");
    }
}

#[test]
fn who_was_let_in_and_not_yet_told_is_withdrawn() {
    let mut fleet = Fleet::limited(5, "3", "0");
    assert_eq!(fleet.counts(), row("InProgress", "{Pending=3, Queued=2}"));
    assert_eq!(fleet.told(0), "Pending");
    assert_eq!(fleet.told(3), "Queued", "it waits for a slot");
    fleet.report(0, Failed);
    assert_eq!(fleet.counts(), row("Failed", "{Failed=1, Skipped=4}"));
    let terminated = ("Skipped".to_owned(), "Terminated".to_owned());
    assert_eq!(
        fleet.details()[1..],
        [terminated.clone(), terminated.clone(), terminated.clone(), terminated]
    );
    assert_eq!(fleet.told(1), "Skipped", "never told to run");
}

#[test]
fn a_node_that_asks_before_the_withdrawal_came_by_is_not_told_to_run() {
    let fleet = Fleet::limited(3, "2", "0");
    assert_eq!(fleet.told(0), "Pending");
    fleet.world.report(fleet.nodes[0].as_str(), fleet.id, Failed).unwrap();
    assert_eq!(fleet.told(1), "Skipped");
    fleet.world.settle();
    recount(&fleet.world.plane.state());
}

#[test]
fn ends_at_the_same_instant_are_counted_one_after_the_other() {
    // All of the first five are told to run, and end at one instant.
    for (errors, fail, expected) in [
        ("2", 3, "{Failed=3, Skipped=5, Success=2}"),
        ("2", 2, "{Failed=2, Pending=5, Success=3}"),
        ("1", 5, "{Failed=5, Skipped=5}"),
    ] {
        let fleet = Fleet::limited(10, "5", errors);
        assert_eq!(fleet.ordered(), [0, 1, 2, 3, 4]);
        for node in 0..5 {
            let end = if node < fail { Failed } else { Success };
            fleet.world.report(fleet.nodes[node].as_str(), fleet.id, end).unwrap();
        }
        fleet.world.settle();
        recount(&fleet.world.plane.state());
        assert_eq!(fleet.counts().1, expected, "{errors} {fail}");
    }
}

#[test]
fn without_a_word_the_setting_says_how_many_run_at_once() {
    let config =
        PlaneConfig { default_max_concurrency: DefaultConcurrency::Nodes(50), ..PlaneConfig::default() };
    let fleet = Fleet::new(config.clone(), 60, &json!({}));
    assert_eq!(fleet.counts().1, "{Pending=50, Queued=10}");
    assert!(fleet.world.describe(fleet.id).get("MaxConcurrency").is_none(), "and it is not shown");
    let own = Fleet::new(config, 60, &json!({"MaxConcurrency": "100%"}));
    assert_eq!(own.counts().1, "{Pending=60}");
}

#[test]
fn the_order_of_admission_is_shuffled_by_the_seed_where_that_is_set() {
    let config = PlaneConfig { admission_order: AdmissionOrder::Shuffled, ..PlaneConfig::default() };
    let more = json!({"MaxConcurrency": "5", "ScheduleExpression": "rate(30 minutes)"});
    let mut fleet = Fleet::new(config.clone(), 40, &more);
    let first = fleet.ordered();
    assert_eq!(first.len(), 5);
    assert_ne!(first, [0, 1, 2, 3, 4]);
    assert_eq!(Fleet::new(config, 40, &more).ordered(), first, "the same again");
    for node in first.clone() {
        fleet.report(node, Success);
    }
    fleet.world.now += Period::minutes(30);
    fleet.world.settle();
    recount(&fleet.world.plane.state());
}

#[test]
fn a_late_node_runs_beyond_the_limit_or_waits_for_the_next_interval() {
    let late = NodeId::ec2(1_000);
    for (policy, now, held) in [(LateNodes::Run, 3, 1), (LateNodes::Skip, 2, 0)] {
        let config = PlaneConfig { late_node_policy: policy, ..PlaneConfig::default() };
        let more = json!({"MaxConcurrency": "2", "ScheduleExpression": "rate(30 minutes)"});
        let mut fleet = Fleet::new(config, 10, &more);
        assert_eq!(fleet.ordered(), [0, 1]);
        fleet.world.ping(late.as_str(), PlatformType::Linux);
        fleet.world.settle();
        recount(&fleet.world.plane.state());
        assert_eq!(fleet.counts().1, format!("{{Pending={now}, Queued=8}}"), "{policy:?}");
        assert_eq!(fleet.world.poll(late.as_str()).len(), held, "{policy:?}");
        fleet.report(0, Success);
        assert_eq!(fleet.counts().1, format!("{{Pending={now}, Queued=7, Success=1}}"), "{policy:?}");
        fleet.world.pass(Period::minutes(30));
        recount(&fleet.world.plane.state());
        assert_eq!(fleet.counts().1, "{Pending=2, Queued=9}", "{policy:?}: of eleven, two at once");
    }
}

#[test]
fn a_late_node_takes_a_free_slot_under_either_policy() {
    for policy in [LateNodes::Run, LateNodes::Skip] {
        let config = PlaneConfig { late_node_policy: policy, ..PlaneConfig::default() };
        let mut fleet = Fleet::new(config, 2, &json!({"MaxConcurrency": "1"}));
        fleet.report(0, Success);
        fleet.report(1, Success);
        let late = NodeId::ec2(1_000);
        fleet.world.ping(late.as_str(), PlatformType::Linux);
        fleet.world.settle();
        assert_eq!(fleet.world.told(late.as_str()), ["Pending"], "{policy:?}");
        recount(&fleet.world.plane.state());
    }
}

#[test]
fn after_the_stop_nobody_is_let_in_until_the_next_interval() {
    let more = json!({"MaxConcurrency": "1", "MaxErrors": "0", "ScheduleExpression": "rate(30 minutes)"});
    let mut fleet = Fleet::new(PlaneConfig::default(), 4, &more);
    fleet.report(0, Failed);
    assert_eq!(fleet.counts(), row("Failed", "{Failed=1, Skipped=3}"));
    let late = NodeId::ec2(1_000);
    fleet.world.ping(late.as_str(), PlatformType::Linux);
    fleet.world.settle();
    assert!(fleet.world.poll(late.as_str()).is_empty());
    fleet.world.pass(Period::minutes(30));
    assert_eq!(fleet.counts(), row("InProgress", "{Pending=1, Queued=4}"), "errors are counted anew");
    let summaries = fleet.world.post("ListComplianceSummaries", &json!({})).unwrap();
    let bad = &summaries["ComplianceSummaryItems"][0]["NonCompliantSummary"]["NonCompliantCount"];
    assert_eq!(bad, &json!(1), "who never ran keeps what compliance it had");
}

#[test]
fn a_dead_node_gives_its_slot_back_and_is_no_error() {
    let more = json!({"MaxConcurrency": "1", "MaxErrors": "0", "ScheduleExpression": "rate(12 hours)"});
    let mut fleet = Fleet::new(PlaneConfig::default(), 3, &more);
    assert_eq!(fleet.ordered(), [0]);
    fleet.world.pass(Period::hours(2) - Period::milliseconds(1));
    assert_eq!(fleet.counts().1, "{Pending=1, Queued=2}");
    fleet.world.pass(Period::milliseconds(1));
    assert_eq!(fleet.counts().1, "{Pending=1, Queued=1, TimedOut=1}");
    assert_eq!(fleet.details()[0], ("TimedOut".to_owned(), "DeliveryTimedOut".to_owned()));
    fleet.report(1, Pending);
    fleet.world.pass(Period::hours(1));
    fleet.report(1, InProgress);
    fleet.world.pass(Period::minutes(90));
    assert_eq!(fleet.told(1), "InProgress", "it took the order up");
    fleet.report(1, Success);
    fleet.report(2, TimedOut);
    assert_eq!(fleet.counts().1, "{Success=1, TimedOut=2}");
    let config = PlaneConfig { delivery_timeout: Some(Period::minutes(5)), ..PlaneConfig::default() };
    let mut short = Fleet::new(config, 3, &json!({"MaxConcurrency": "1"}));
    short.world.pass(Period::minutes(5));
    assert_eq!(short.counts().1, "{Pending=1, Queued=1, TimedOut=1}");
    short.world.pass(Period::minutes(10));
    assert_eq!(short.counts(), row("Failed", "{TimedOut=3}"), "each in its turn");
    recount(&short.world.plane.state());
}

#[test]
fn the_next_interval_takes_over_from_one_that_still_drains() {
    let more = json!({"MaxConcurrency": "2", "ScheduleExpression": "rate(30 minutes)"});
    let mut fleet = Fleet::new(PlaneConfig::default(), 5, &more);
    assert_eq!(fleet.ordered(), [0, 1]);
    fleet.report(0, Success);
    assert_eq!(fleet.ordered(), [1, 2]);
    fleet.report(2, InProgress);
    fleet.report(1, InProgress);
    fleet.world.pass(Period::minutes(30));
    recount(&fleet.world.plane.state());
    let both = |fleet: &Fleet| {
        let executions = fleet.world.executions(fleet.id);
        (executions[0].1.clone(), executions[1].1.clone())
    };
    let own = |newest: &str, before: &str| (newest.to_owned(), before.to_owned());
    assert_eq!(
        both(&fleet),
        own("{Pending=2, Queued=3}", "{InProgress=2, Skipped=2, Success=1}"),
        "who is still at it holds the slots"
    );
    assert!(fleet.ordered().is_empty(), "and is not started again");
    fleet.report(2, Success);
    assert_eq!(fleet.ordered(), [0], "its slot is free for the first in order");
    assert_eq!(fleet.told(2), "Queued", "it waits for its turn in the new one");
    fleet.report(1, Failed);
    assert_eq!(fleet.ordered(), [0, 1], "whose turn it is runs again at once");
    fleet.report(0, Success);
    assert_eq!(fleet.ordered(), [1, 2]);
    assert_eq!(both(&fleet).0, "{Pending=2, Queued=2, Success=1}");
    assert_eq!(both(&fleet).1, "{Failed=1, Skipped=2, Success=2}");
}

#[test]
fn runs_longer_than_the_interval_leave_the_slots_to_the_others_too() {
    let config = PlaneConfig { admission_order: AdmissionOrder::Shuffled, ..PlaneConfig::default() };
    let more = json!({"MaxConcurrency": "1", "ScheduleExpression": "rate(30 minutes)"});
    let mut fleet = Fleet::new(config, 4, &more);
    let mut ran = std::collections::BTreeSet::<usize>::new();
    for _ in 0..12 {
        let ordered = fleet.ordered();
        assert_eq!(ordered.len(), 1, "one at a time");
        ran.extend(&ordered);
        fleet.report(ordered[0], InProgress);
        fleet.world.pass(Period::minutes(40));
        fleet.report(ordered[0], Success);
    }
    assert_eq!(ran.len(), 4, "and each has its turn");
}

#[test]
fn who_was_told_by_a_channel_to_run_is_not_withdrawn_and_who_was_not_does_not_hear_of_it() {
    let fleet = Fleet::empty(PlaneConfig::default(), 5);
    for node in &fleet.nodes {
        fleet.world.open_channel(node.as_str());
    }
    let mut fleet = fleet.associated(&json!({"MaxConcurrency": "3", "MaxErrors": "0"}));
    assert_eq!(fleet.pushed(0), 1);
    assert_eq!(fleet.told(0), "Pending");
    assert_eq!(fleet.pushed(1), 1, "and its poll, which follows from this, is still to come");
    fleet.report(0, Failed);
    assert_eq!(fleet.counts(), row("InProgress", "{Failed=1, Pending=1, Skipped=3}"));
    assert_eq!(fleet.pushed(2), 0, "what was called off before it was sent is not sent");
    assert_eq!(fleet.told(1), "Pending");
    for status in [Pending, InProgress, Failed] {
        fleet.report(1, status);
    }
    assert_eq!(fleet.counts(), row("Failed", "{Failed=2, Skipped=3}"), "it counts as on the node");
}

#[test]
fn what_a_node_fetched_by_itself_is_not_pushed_to_it_afterwards() {
    let fleet = Fleet::empty(PlaneConfig::default(), 1);
    fleet.world.open_channel(fleet.nodes[0].as_str());
    let mut fleet = fleet.associated(&json!({}));
    assert_eq!(fleet.told(0), "Pending");
    fleet.report(0, Success);
    assert_eq!(fleet.pushed(0), 0, "it would run once more, and the plane would not count it");
}

#[test]
fn a_fleet_is_let_in_and_withdrawn_in_pieces() {
    let fleet = Fleet::limited(3_500, "2200", "0");
    assert_eq!(fleet.counts().1, "{Pending=2200, Queued=1300}");
    recount(&fleet.world.plane.state());
    assert_eq!(fleet.told(0), "Pending");
    fleet.world.report(fleet.nodes[0].as_str(), fleet.id, Failed).unwrap();
    let mut pieces = 0;
    while fleet.world.plane.run_timer(fleet.world.now) {
        pieces += 1;
    }
    assert_eq!(pieces, 4, "a thousand rows at a time");
    assert_eq!(fleet.counts(), row("Failed", "{Failed=1, Skipped=3499}"));
    recount(&fleet.world.plane.state());
}

#[test]
fn a_snapshot_keeps_who_waits_and_who_was_let_in() {
    let config = PlaneConfig { admission_order: AdmissionOrder::Shuffled, ..PlaneConfig::default() };
    let more = json!({"MaxConcurrency": "2", "MaxErrors": "1", "ScheduleExpression": "rate(12 hours)"});
    let run = |restarts: bool| {
        let mut fleet = Fleet::new(config.clone(), 12, &more);
        let mut told = Vec::new();
        for _ in 0..6 {
            let ordered = fleet.ordered();
            fleet.report(ordered[0], Success);
            if restarts {
                let bytes = fleet.world.plane.snapshot().unwrap();
                fleet.world.plane = crate::service::Service::restore(config.clone(), &bytes).unwrap();
            }
            told.push(ordered);
        }
        fleet.world.pass(Period::hours(3));
        (told, fleet.counts())
    };
    assert_eq!(run(true), run(false));
    assert_eq!(run(true).1.1, "{Pending=2, Queued=2, Success=6, TimedOut=2}", "the dead are given up");
}
