//! How MaxConcurrency and MaxErrors hold a command's nodes back: section E of the
//! reference, with Run Command's defaults and words.

use std::collections::VecDeque;

use serde_json::{Value, json};
use shared::frame::{AGENT_JOB_ACK, AGENT_JOB_REPLY, Frame, MessageId};
use shared::id::NodeId;
use shared::status::PlatformType;
use shared::time::Period;

use crate::config::{AdmissionOrder, CommandConcurrency, PlaneConfig};
use crate::service::Service;
use crate::testing::{RateVector, World};

/// Nodes by their running number, and a command to all of them.
struct Fleet {
    world: World,
    nodes: Vec<NodeId>,
    id: String,
}

impl Fleet {
    fn new(config: PlaneConfig, targets: usize, more: &Value) -> Self {
        let world = World::empty(config);
        let mut nodes: Vec<NodeId> = (0..targets as u128).map(NodeId::ec2).collect();
        nodes.sort();
        for node in &nodes {
            world.ping(node.as_str(), PlatformType::Linux);
        }
        let mut body = json!({
            "DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["id"]},
            "Targets": [{"Key": "InstanceIds", "Values": ["*"]}],
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let sent = world.post("SendCommand", &body).unwrap();
        world.settle();
        Self { world, nodes, id: sent["Command"]["CommandId"].as_str().unwrap().to_owned() }
    }

    fn limited(targets: usize, limit: &str, errors: &str) -> Self {
        let more = json!({"MaxConcurrency": limit, "MaxErrors": errors});
        Self::new(PlaneConfig::default(), targets, &more)
    }

    /// The jobs that a node fetches now.
    fn fetch(&self, node: usize) -> usize {
        self.world.plane.jobs(self.world.now, self.nodes[node]).len()
    }

    fn receive(&self, node: usize, message_type: &str, payload: &Value) {
        let bytes = payload.to_string().into_bytes();
        let frame = Frame::new(message_type, self.world.now, MessageId::from_bits(9), bytes);
        self.world.plane.receive(self.world.now, self.nodes[node], &frame);
    }

    fn job(&self, node: usize) -> String {
        format!("aws.ssm.{}.{}", self.id, self.nodes[node])
    }

    fn acknowledge(&self, node: usize) {
        let payload = json!({
            "jobId": self.job(node), "acknowledgedMessageId": "f3317a59-e1be-42e9-b1e0-f9fc9aadc27d",
            "createdDate": "2026-11-23T04:26:29.967Z", "statusCode": "200", "errorMessage": "",
        });
        self.receive(node, AGENT_JOB_ACK, &payload);
    }

    fn ends(&self, node: usize, status: &str) {
        let agent = json!({"lang": "en-US", "name": "amazon-ssm-agent", "os": "linux", "osver": "1", "ver": "3.3.0.0"});
        let content = json!({
            "additionalInfo": {"agent": agent, "dateTime": "2026-11-23T04:26:30.012Z", "runId": "", "runtimeStatusCounts": {}},
            "documentStatus": status, "documentTraceOutput": "", "runtimeStatus": {},
        });
        let payload = json!({
            "schemaVersion": 1, "jobId": self.job(node), "content": content.to_string(), "topic": "aws.ssm.sendCommand",
        });
        self.receive(node, AGENT_JOB_REPLY, &payload);
        self.world.settle();
        self.world.plane.commands_waiting(self.nodes[node]);
    }

    /// Status, details, and the counts of targets, ended and failed ones.
    fn standing(&self) -> (String, String, [u64; 3]) {
        let reply = self.world.post("ListCommands", &json!({"CommandId": self.id})).unwrap();
        let command = &reply["Commands"][0];
        let text = |key: &str| command[key].as_str().unwrap().to_owned();
        let counts = ["TargetCount", "CompletedCount", "ErrorCount"];
        (text("Status"), text("StatusDetails"), counts.map(|key| command[key].as_u64().unwrap()))
    }

    /// How many of its parts stand so.
    fn parts(&self, details: &str) -> usize {
        let mut found = 0;
        let mut body = json!({"CommandId": self.id});
        loop {
            let reply = self.world.post("ListCommandInvocations", &body).unwrap();
            let rows = reply["CommandInvocations"].as_array().unwrap();
            found += rows.iter().filter(|row| row["StatusDetails"] == details).count();
            match reply["NextToken"].as_str() {
                Some(token) => body["NextToken"] = token.into(),
                None => return found,
            }
        }
    }

    /// The nodes that get the command now.
    fn let_in(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.fetch(*node) > 0).collect()
    }
}

#[test]
fn each_vector_of_the_reference_starts_and_stops_as_it_says() {
    for vector in RateVector::all() {
        let fleet = Fleet::limited(vector.targets, &vector.max_concurrency, &vector.max_errors);
        let mut started = vec![false; vector.targets];
        let mut running = VecDeque::new();
        loop {
            for (node, started) in started.iter_mut().enumerate() {
                if !*started && fleet.fetch(node) > 0 {
                    *started = true;
                    fleet.acknowledge(node);
                    running.push_back(node);
                }
            }
            assert!(running.len() <= vector.limit, "{vector:?}");
            let Some(node) = running.pop_front() else { break };
            fleet.ends(node, if vector.fail.contains(&(node + 1)) { "Failed" } else { "Success" });
        }
        let RateVector { targets, failed, success, never_started, .. } = vector;
        assert_eq!(started.iter().filter(|started| **started).count(), vector.started);
        assert_eq!(
            ["Failed", "Success", "Terminated"].map(|details| fleet.parts(details)),
            [failed, success, never_started]
        );
        let [targets, failed] = [targets as u64, failed as u64];
        let details =
            if never_started > 0 || fleet.standing().1 == "Failed" { "Failed" } else { "Incomplete" };
        assert_eq!(fleet.standing(), ("Failed".to_owned(), details.to_owned(), [targets, targets, failed]));
    }
}

#[test]
fn fifty_nodes_get_a_command_at_once_and_the_first_error_stops_it_unless_it_says_otherwise() {
    let fleet = Fleet::new(PlaneConfig::default(), 60, &json!({}));
    assert_eq!(fleet.let_in().len(), 50);
    (0..50).for_each(|node| fleet.acknowledge(node));
    fleet.ends(0, "Success");
    assert_eq!(fleet.let_in(), [50], "an end lets in the next");
    fleet.ends(1, "TimedOut");
    assert_eq!(fleet.let_in(), [] as [usize; 0]);
    assert_eq!(fleet.parts("Terminated"), 9, "whoever has it goes on");
    (2..=50).for_each(|node| fleet.ends(node, "Success"));
    assert_eq!(fleet.standing(), ("Failed".to_owned(), "Failed".to_owned(), [60, 60, 1]));

    let config =
        PlaneConfig { default_command_concurrency: CommandConcurrency::All, ..PlaneConfig::default() };
    assert_eq!(Fleet::new(config, 60, &json!({})).let_in().len(), 60);
    // A word of its own goes before the setting.
    let config =
        PlaneConfig { default_command_concurrency: CommandConcurrency::Nodes(3), ..PlaneConfig::default() };
    assert_eq!(Fleet::new(config.clone(), 60, &json!({})).let_in().len(), 3);
    assert_eq!(Fleet::new(config, 60, &json!({"MaxConcurrency": "25%"})).let_in().len(), 15);
}

#[test]
fn who_has_not_fetched_a_stopped_command_does_not_get_it() {
    let fleet = Fleet::limited(4, "3", "0");
    assert_eq!(fleet.fetch(0), 1);
    assert_eq!(fleet.fetch(3), 0, "it waits for its turn");
    // The second has fetched it and not said so yet; the third has not.
    assert_eq!(fleet.fetch(1), 1);
    fleet.ends(0, "Failed");
    assert_eq!([fleet.fetch(2), fleet.fetch(3)], [0, 0]);
    fleet.acknowledge(1);
    fleet.ends(1, "Success");
    assert_eq!(["Failed", "Success", "Terminated"].map(|details| fleet.parts(details)), [1, 1, 2]);
}

#[test]
fn nodes_that_never_answer_hold_their_places_until_the_time_is_up() {
    let mut fleet = Fleet::limited(3, "1", "0");
    assert_eq!(fleet.let_in(), [0]);
    fleet.world.pass(Period::minutes(59));
    assert_eq!(fleet.let_in(), [0], "it is sent again, and to nobody else");
    assert_eq!(fleet.standing(), ("Pending".to_owned(), "Pending".to_owned(), [3, 0, 0]));
    fleet.world.pass(Period::minutes(1));
    assert_eq!(fleet.parts("DeliveryTimedOut"), 3, "what was not delivered is no error");
    assert_eq!(fleet.standing(), ("TimedOut".to_owned(), "DeliveryTimedOut".to_owned(), [3, 3, 0]));
}

#[test]
fn what_is_held_back_can_be_cancelled_and_is_restored() {
    let mut fleet = Fleet::limited(4, "1", "4");
    fleet.world.plane =
        Service::restore(PlaneConfig::default(), &fleet.world.plane.snapshot().unwrap()).unwrap();
    assert_eq!(fleet.let_in(), [0]);
    let cancel = |body: &Value| fleet.world.post("CancelCommand", body).unwrap();
    cancel(&json!({"CommandId": fleet.id, "InstanceIds": [fleet.nodes[1]]}));
    fleet.acknowledge(0);
    fleet.ends(0, "Failed");
    assert_eq!(fleet.let_in(), [2], "the second is cancelled");
    cancel(&json!({"CommandId": fleet.id}));
    fleet.world.settle();
    fleet.acknowledge(2);
    fleet.ends(2, "Cancelled");
    assert_eq!(["Failed", "Cancelled"].map(|details| fleet.parts(details)), [1, 3]);

    // One that was stopped stays so.
    let mut fleet = Fleet::limited(1_500, "1", "0");
    fleet.fetch(0);
    let frame_comes = fleet.job(0);
    assert!(frame_comes.ends_with(fleet.nodes[0].as_str()));
    fleet.ends(0, "Failed");
    fleet.world.plane =
        Service::restore(PlaneConfig::default(), &fleet.world.plane.snapshot().unwrap()).unwrap();
    assert_eq!(fleet.let_in(), [] as [usize; 0]);
    assert_eq!(fleet.parts("Terminated"), 1_499);
}

#[test]
fn the_order_is_that_of_ids_or_shuffled_by_the_seed() {
    let shuffled = PlaneConfig { admission_order: AdmissionOrder::Shuffled, ..PlaneConfig::default() };
    let order = |config: &PlaneConfig| {
        let fleet = Fleet::new(config.clone(), 8, &json!({"MaxConcurrency": "1"}));
        let mut order = Vec::new();
        while let [node] = fleet.let_in()[..] {
            order.push(node);
            fleet.acknowledge(node);
            fleet.ends(node, "Success");
        }
        order
    };
    assert_eq!(order(&PlaneConfig::default()), [0, 1, 2, 3, 4, 5, 6, 7]);
    let first = order(&shuffled);
    assert_ne!(first, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!((first.len(), order(&shuffled)), (8, first), "the same seed, the same order");
}
