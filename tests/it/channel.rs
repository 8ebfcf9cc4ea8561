//! Channels of messages between nodes and plane: over sockets, and in virtual time.

use std::sync::{Arc, OnceLock};

use agent::call::{Answer, Request};
use agent::credentials::Signing;
use fleet::clock::Clock;
use fleet::embedded::Embedded;
use fleet::history::{Ending, Entry};
use fleet::in_process::{Carry, InProcess};
use fleet::plan::Overrides;
use fleet::run::VIRTUAL_START;
use fleet::scenario::Scenario;
use fleet::shard::Caller;
use plane::config::{ControlChannel, PlaneConfig, PushRefresh};
use plane::service::Service;
use shared::error::ErrorCode;
use shared::id::NodeId;
use shared::time::{Period, Timestamp};
use shared::wire::{
    DescribeInstanceInformation, GetCommandInvocation, GetCommandInvocationReply, GetConnectionStatus,
    SendCommand,
};
use ssm_fleet_tests::{Outcome, World};
use tokio::sync::oneshot;

use crate::live::LiveFleet;

const LIVE: &str = "{name: channels, seed: 1, time: {scale: 60}, ramp: 10s, duration: 10h, cohorts: [\
     {name: web, platform: amazon-linux-2023, nodes: 3, channel: websocket},\
     {name: poll, platform: ubuntu-22.04, nodes: 2, channel: long-poll},\
     {name: deaf, platform: ubuntu-22.04, nodes: 1}]}";

fn send(service: &Service, now: Timestamp, nodes: &[NodeId]) -> String {
    let command = SendCommand {
        instance_ids: Some(nodes.to_vec()),
        document_name: "AWS-RunShellScript".into(),
        parameters: Some([("commands".to_owned(), vec!["echo uid=0".to_owned()])].into_iter().collect()),
        ..SendCommand::default()
    };
    service.call(now, command).expect("it can be sent").command.command_id
}

fn part(service: &Service, now: Timestamp, command: &str, node: NodeId) -> GetCommandInvocationReply {
    let call = GetCommandInvocation { command_id: command.into(), instance_id: node, plugin_name: None };
    service.call(now, call).expect("it goes to this node")
}

fn is_connected(service: &Service, now: Timestamp, node: NodeId) -> bool {
    let reply = service.call(now, GetConnectionStatus { target: node.to_string() });
    reply.expect("there is always an answer").status.as_deref() == Some("connected")
}

/// The plane and its clock, and the patience to wait for what a fleet does.
struct Watcher {
    service: Arc<Service>,
    clock: Clock,
}

impl Watcher {
    async fn until(&self, what: &str, is_so: impl Fn(&Service, Timestamp) -> bool) {
        while !is_so(&self.service, self.clock.now()) {
            assert!(self.clock.now() < VIRTUAL_START + Period::hours(3), "still waiting: {what}");
            tokio::task::yield_now().await;
            self.clock.sleep_until(self.clock.now() + Period::seconds(1)).await;
        }
    }

    /// Sends a command; waits until these nodes have told of its end.
    async fn runs_on(&self, nodes: &[NodeId], all: &[NodeId]) -> String {
        let command = send(&self.service, self.clock.now(), all);
        self.until("the command's end", |service, now| {
            nodes.iter().all(|node| part(service, now, &command, *node).status == "Success")
        })
        .await;
        command
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_reach_nodes_over_sockets_and_their_output_comes_back() {
    let scenario = Scenario::parse("test", LIVE).unwrap();
    let world = World::new(&scenario, &Overrides::default());
    let id = |number| world.plan.node_id(number);
    let (web, within_reach, deaf) = ([id(0), id(1), id(2)], [id(0), id(1), id(2), id(3), id(4)], id(5));
    let all: Vec<NodeId> = (0..6).map(id).collect();

    let clock = Clock::starting(VIRTUAL_START, 60.0);
    let service = Arc::new(Service::new(PlaneConfig::default()));
    let any = "127.0.0.1:0".parse().expect("an address");
    let plane = Embedded::serve(service.clone(), clock, Some(any), None, None).expect("it can listen");
    let endpoint = plane.url();
    let (done, is_done) = oneshot::channel::<()>();
    let watcher = Watcher { service, clock };
    let story = async {
        watcher
            .until("all are online", |service, now| {
                let call = DescribeInstanceInformation::default();
                service.call(now, call).unwrap().instance_information_list.len() == 6
            })
            .await;
        watcher
            .until("control channels", |service, now| {
                web.iter().all(|node| is_connected(service, now, *node))
            })
            .await;
        let command = watcher.runs_on(&within_reach, &all).await;
        for node in within_reach {
            let part = part(&watcher.service, clock.now(), &command, node);
            let output = part.standard_output_content.unwrap_or_default();
            assert_eq!(output, "uid=0\n", "{node} told what it wrote");
            assert_eq!(part.response_code, 0);
        }
        assert_eq!(part(&watcher.service, clock.now(), &command, deaf).status, "Pending");

        // The plane is started again at its place: nodes come back by themselves.
        let place = endpoint.trim_start_matches("http://").parse().expect("its own address");
        plane.stop().await.expect("it ends in good order");
        watcher
            .until("no channel is open", |service, now| {
                !web.iter().any(|node| is_connected(service, now, *node))
            })
            .await;
        let again = Embedded::serve(watcher.service.clone(), clock, Some(place), None, None);
        let again = again.expect("its port is free");
        watcher
            .until("channels again", |service, now| web.iter().all(|node| is_connected(service, now, *node)))
            .await;
        watcher.runs_on(&within_reach, &within_reach).await;
        done.send(()).expect("the fleet runs");
        again
    };
    let fleet = LiveFleet { scenario: LIVE, endpoint: &endpoint, connections: 100 };
    let stop = async { is_done.await.expect("the story comes to its end") };
    let (finished, plane) = tokio::join!(fleet.run(stop), story);
    assert_eq!(finished.measures.came_online, 6);
    plane.stop().await.expect("it ends in good order");
}

const VIRTUAL: &str = "{name: channels, seed: 1, ramp: 1m, duration: 2h, cohorts: [\
     {name: web, platform: amazon-linux-2023, nodes: 60, channel: websocket},\
     {name: poll, platform: ubuntu-22.04, nodes: 30, channel: long-poll},\
     {name: deaf, platform: ubuntu-22.04, nodes: 10}],\
     associations: [{name: hello, at: 23m, document: AWS-RunShellScript, parameters: {commands: [id]}, targets: [all]}]}";

fn world(yaml: &str) -> World {
    World::new(&Scenario::parse("test", yaml).unwrap(), &Overrides::default())
}

/// A way to the plane on which somebody sends a command at ten minutes past the start.
struct Sender {
    nodes: Vec<NodeId>,
    sent: OnceLock<Timestamp>,
}

impl Sender {
    fn to(world: &World) -> Self {
        let nodes = (55..100).map(|number| world.plan.node_id(number)).collect();
        Self { nodes, sent: OnceLock::new() }
    }
}

impl Carry for Sender {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        signing: &Signing,
        request: Request,
    ) -> Answer {
        if now >= VIRTUAL_START + Period::minutes(10) && self.sent.set(now).is_ok() {
            send(service, now, &self.nodes);
        }
        InProcess::Typed.carry(service, now, caller, signing, request)
    }
}

/// How long after the association was made each node began to run it.
fn waits(world: &World, outcome: &Outcome, numbers: std::ops::Range<u32>) -> Vec<Period> {
    let made = &outcome.finished.operator.made[0];
    let runs = outcome.finished.measures.runs_of(made.id);
    let created = world.plan.start + Period::minutes(23);
    runs.iter().filter(|run| numbers.contains(&run.node)).map(|run| run.started.since(created)).collect()
}

#[test]
fn a_push_brings_an_association_to_whoever_is_within_reach() {
    let yaml = VIRTUAL;
    let world = world(yaml);
    let outcome = world.run();
    let (reached, deaf) = (waits(&world, &outcome, 0..90), waits(&world, &outcome, 90..100));
    assert_eq!((reached.len(), deaf.len()), (90, 10));
    assert!(reached.iter().all(|wait| *wait < Period::seconds(10)), "{reached:?}");
    assert!(deaf.iter().any(|wait| *wait > Period::minutes(1)), "they wait for their poll: {deaf:?}");

    let mut silent = world.clone();
    silent.plane.push_refresh = PushRefresh::Off;
    let outcome = silent.run();
    let reached = waits(&silent, &outcome, 0..90);
    assert!(reached.iter().any(|wait| *wait > Period::minutes(5)), "nobody is told");
}

#[test]
fn a_command_in_virtual_time_is_run_once_by_each_node_and_the_shards_do_not_show() {
    let world = world(VIRTUAL);
    let alone = world.run_through(&Sender::to(&world));
    let now = VIRTUAL_START + Period::minutes(40);
    let commands = serde_json::json!({});
    let listed = alone.service.respond(now, "AmazonSSM.ListCommands", commands.to_string().as_bytes());
    let listed: serde_json::Value = serde_json::from_slice(&listed.body).unwrap();
    assert_eq!(listed["Commands"].as_array().unwrap().len(), 1, "{listed}");
    let command = listed["Commands"][0]["CommandId"].as_str().unwrap();
    for number in 55..100 {
        let part = part(&alone.service, now, command, world.plan.node_id(number));
        let expected = if number < 90 { "Success" } else { "Pending" };
        assert_eq!(part.status, expected, "node {number}");
    }
    for shards in [2, 3, 7] {
        let cut = world.clone().in_shards(shards).run_through(&Sender::to(&world));
        assert_eq!(alone.history.entries(), cut.history.entries(), "{shards} shards");
    }
    let bytes = World { transport: InProcess::Bytes, ..world.clone() };
    assert_eq!(world.run().history.entries(), bytes.run().history.entries());
}

#[test]
fn a_command_is_acknowledged_within_a_second_by_whoever_is_connected() {
    let world = world(VIRTUAL);
    let sender = Sender::to(&world);
    let outcome = world.run_through(&sender);
    let sent = *sender.sent.get().expect("it was sent");
    let soon = sent..sent + Period::seconds(1);
    for (operation, nodes) in [("agent_job_ack", 55..60), ("AcknowledgeMessage", 60..90)] {
        for node in nodes {
            let is_so = |entry: &&Entry| {
                entry.node == node && entry.operation == operation && soon.contains(&entry.arrived)
            };
            let found = outcome.history.entries().iter().filter(is_so).count();
            assert_eq!(found, 1, "{operation} of node {node}");
        }
    }
}

#[test]
fn a_node_that_may_not_open_its_channel_polls_on() {
    let mut world = world(VIRTUAL);
    world.plane.control_channel = ControlChannel::Deny;
    let outcome = world.run();
    let calls = &outcome.finished.measures.calls;
    let opened = &calls["CreateControlChannel"];
    assert_eq!(opened.refused[&ErrorCode::AccessDeniedException], opened.made, "each attempt");
    assert!(opened.made > 60 * 3, "again and again: {}", opened.made);
    assert!(calls["GetMessages"].made > 90 * 60, "{} questions", calls["GetMessages"].made);
    let open = world_with_channels().run();
    let calls = &open.finished.measures.calls;
    assert_eq!(calls["CreateControlChannel"].made, 60, "once each");
}

fn world_with_channels() -> World {
    world(VIRTUAL)
}

#[test]
fn a_node_that_waits_less_long_than_the_plane_gives_up_and_asks_anew() {
    let yaml = "{name: waits, seed: 1, duration: 20m, cohorts: [\
         {name: usual, platform: ubuntu-22.04, nodes: 5, channel: long-poll},\
         {name: brief, platform: ubuntu-22.04, nodes: 5, channel: long-poll, timing: {message_wait: 10s}}]}";
    let outcome = world(yaml).run();
    let questions = outcome.history.entries().iter().filter(|entry| entry.operation == "GetMessages");
    let of = |brief: bool| questions.clone().filter(move |entry| (entry.node >= 5) == brief);
    assert!(of(false).all(|entry| entry.ending == Ending::Ok && entry.attempt == 0));
    // The plane holds each for 18 s, a node of the second cohort waits 10 s.
    assert_eq!(of(false).count() / 5, 66);
    let given_up: Vec<_> = of(true).filter(|entry| entry.ending == Ending::Unknown).collect();
    assert_eq!(given_up.len(), of(true).count(), "each is given up");
    let first: Vec<_> = given_up.iter().filter(|entry| entry.node == 5).take(5).collect();
    assert_eq!(first.iter().map(|entry| entry.attempt).collect::<Vec<_>>(), [0, 1, 2, 3, 0]);
    let waits: Vec<_> =
        first.windows(2).map(|pair| pair[1].arrived.since(pair[0].arrived).as_milliseconds()).collect();
    // A tenth of a second between tries; after the last a new question follows at once.
    assert_eq!(waits[..3], [10_100; 3], "{waits:?}");
}
