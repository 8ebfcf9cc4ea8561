//! A stage: a fleet before the plane in virtual time, where a test acts between
//! any two instants and looks at both sides.
//!
//! The operator tags nodes as they register; all else is the test's to do, by
//! the public API and the admin API. Nodes can be cut off from the plane, and
//! the plane started anew.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

use agent::call::{Answer, Request};
use agent::credentials::Signing;
use agent::distribution::Distribution;
use agent::node::Node;
use fleet::coordinator::Coordinator;
use fleet::history::{Entry, History};
use fleet::in_process::{Carry, InProcess};
use fleet::measure::Ran;
use fleet::operator::{Operator, VirtualDesk};
use fleet::plan::{Overrides, Plan};
use fleet::run::{VIRTUAL_START, plane_config};
use fleet::scenario::takes::Takes;
use fleet::scenario::{Behaviour, Scenario};
use fleet::shard::Caller;
use plane::config::PlaneConfig;
use plane::service::{Service, WorldChange};
use serde_json::{Value, json};
use shared::id::{AssociationId, NodeId};
use shared::time::{Period, Timestamp};
use shared::wire::UpdateInstanceAssociationStatus;

/// A fleet and a plane, at an instant.
pub(crate) struct Stage<'a> {
    pub(crate) plan: Arc<Plan>,
    pub(crate) service: &'a Service,
    config: PlaneConfig,
    coordinator: Coordinator<'a>,
    desk: &'a VirtualDesk<'a>,
    operator: Pin<Box<dyn Future<Output = ()> + 'a>>,
}

/// The way to the plane: it can be cut for a node, and remembers the reports.
#[derive(Default)]
pub(crate) struct Network {
    cut: RefCell<BTreeSet<u32>>,
    deadly: RefCell<BTreeSet<u32>>,
    reports: RefCell<Vec<Reported>>,
    /// The ids by which nodes poll.
    names: RefCell<BTreeMap<u32, NodeId>>,
}

/// A report on a run that reached the plane.
#[derive(Debug, Clone)]
pub(crate) struct Reported {
    pub(crate) node: u32,
    pub(crate) report: UpdateInstanceAssociationStatus,
    /// The plane's refusal, by name.
    pub(crate) refusal: Option<String>,
}

impl Network {
    /// From here on nothing of this node reaches the plane.
    pub(crate) fn cut(&self, node: u32) {
        self.cut.borrow_mut().insert(node);
    }

    /// From here on it does again.
    pub(crate) fn mend(&self, node: u32) {
        self.cut.borrow_mut().remove(&node);
    }

    /// The next answer to this node's poll is one that its worker dies of.
    pub(crate) fn kill_worker(&self, node: u32) {
        self.deadly.borrow_mut().insert(node);
    }

    /// The id by which a node polls: of a hybrid one only the plane decides it.
    pub(crate) fn name(&self, node: u32) -> Option<NodeId> {
        self.names.borrow().get(&node).copied()
    }

    /// The final reports on runs of this association.
    pub(crate) fn endings(&self, id: AssociationId) -> Vec<Reported> {
        let reports = self.reports.borrow();
        let is_ending = |one: &&Reported| {
            one.report.association_id == id && one.report.execution_result.status.is_terminal()
        };
        reports.iter().filter(is_ending).cloned().collect()
    }
}

impl Carry for Network {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        by: &Signing,
        request: Request,
    ) -> Answer {
        if self.cut.borrow().contains(&caller.node) {
            return Answer::Unreachable;
        }
        if let Request::ListAssociations(poll) = &request {
            self.names.borrow_mut().insert(caller.node, poll.instance_id);
            if self.deadly.borrow_mut().remove(&caller.node) {
                return Answer::Fatal("Checksum");
            }
        }
        let report = match &request {
            Request::ReportStatus(report) => Some(report.clone()),
            _ => None,
        };
        let answer = InProcess::Typed.carry(service, now, caller, by, request);
        if let Some(report) = report {
            let refusal = match &answer {
                Answer::Refused(error, _) => Some(error.code.as_str().to_owned()),
                _ => None,
            };
            self.reports.borrow_mut().push(Reported { node: caller.node, report, refusal });
        }
        answer
    }
}

/// Nodes by cohort, with a tag `Env` each, which all come in this time.
pub(crate) fn fleet_of(cohorts: &[(&str, u32)], ramp: &str) -> Scenario {
    let cohorts: Vec<String> = cohorts
        .iter()
        .map(|(name, nodes)| {
            format!("  - {{ name: {name}, platform: ubuntu-22.04, nodes: {nodes}, tags: {{ Env: {name} }} }}")
        })
        .collect();
    let text =
        format!("name: stage\nseed: 11\nramp: {ramp}\nduration: 1h\ncohorts:\n{}\n", cohorts.join("\n"));
    Scenario::parse("stage", &text).expect("the scenario can be read")
}

/// Each step of this document takes so long.
pub(crate) fn takes(document: &str, minutes: u64) -> Behaviour {
    Behaviour {
        document: Some(document.to_owned()),
        takes: Some(Takes(Distribution::Constant(Period::minutes(minutes)))),
        ..Behaviour::default()
    }
}

/// A document of so many steps, each of which may take a day.
pub(crate) fn document(steps: usize) -> Value {
    let step = |number| {
        json!({
            "action": "aws:runShellScript", "name": format!("step{number}"),
            "inputs": {"runCommand": ["{{ word }}"], "timeoutSeconds": 86_400},
        })
    };
    json!({
        "schemaVersion": "2.2",
        "parameters": {"word": {"type": "String", "default": "true"}},
        "mainSteps": (0..steps).map(step).collect::<Vec<_>>(),
    })
}

impl Stage<'_> {
    /// Raises the curtain on this scenario; nodes reach the plane through a network.
    pub(crate) fn play(scenario: &Scenario, act: impl FnOnce(&mut Stage<'_>, &Network)) {
        let network = Network::default();
        Stage::play_through(scenario, &network, |_| {}, |stage| act(stage, &network));
    }

    /// The same, with the plane's settings as `set` has them, nodes reaching it by this carrier.
    pub(crate) fn play_through(
        scenario: &Scenario,
        carrier: &dyn Carry,
        set: impl FnOnce(&mut PlaneConfig),
        act: impl FnOnce(&mut Stage<'_>),
    ) {
        let plan = Plan::new(scenario, &Overrides::default(), VIRTUAL_START).expect("it makes a plan");
        let plan = Arc::new(plan);
        let mut config = plane_config(&plan);
        set(&mut config);
        let service = Service::new(config.clone());
        let desk = VirtualDesk::new(&service, plan.start);
        let mut operator = Operator::new(plan.clone());
        let history = History::keeping();
        let coordinator = Coordinator::new(&service, carrier, plan.shards(1), history, plan.start);
        let desk = &desk;
        let operator = Box::pin(async move { operator.run(desk).await });
        act(&mut Stage { plan, service: &service, config, coordinator, desk, operator });
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        self.coordinator.now()
    }

    /// An instant, in minutes from the start.
    pub(crate) fn minute(&self, minute: u64) -> Timestamp {
        self.plan.start + Period::minutes(minute)
    }

    /// How many minutes after the start this is, rounded down.
    pub(crate) fn minute_of(&self, instant: Timestamp) -> u64 {
        instant.since(self.plan.start).as_milliseconds() / 60_000
    }

    /// Lets time pass until so many minutes from the start.
    pub(crate) fn until(&mut self, minute: u64) {
        let until = self.minute(minute);
        assert!(until >= self.now(), "time does not go backwards");
        self.coordinator.run(self.operator.as_mut(), self.desk, until);
    }

    /// Shuts the plane down, and starts it anew with what it kept.
    pub(crate) fn restart(&mut self) {
        let kept = self.service.snapshot().expect("a plane can be kept");
        let service = Service::restore(self.config.clone(), &kept).expect("what was kept can be read");
        // A plane of a test is there as long as the test.
        let service: &'static Service = Box::leak(Box::new(service));
        self.service = service;
        self.coordinator.move_to(service);
        self.desk.move_to(service);
    }

    /// How many workers died so far.
    pub(crate) fn workers_died(&mut self) -> u64 {
        self.coordinator.shards_mut().flat_map(|shard| shard.measures.workers_died.values()).sum()
    }

    /// How often nodes were rebooted so far.
    pub(crate) fn reboots(&mut self) -> u64 {
        self.coordinator.shards_mut().map(|shard| shard.measures.reboots).sum()
    }

    /// Does the plane's work that is due now.
    pub(crate) fn settle(&self) {
        self.service.run_timers(self.now());
    }

    /// Asks the plane; a refusal is its name.
    pub(crate) fn try_ask(&self, operation: &str, body: &Value) -> Result<Value, String> {
        let body = serde_json::to_vec(body).expect("JSON can be written");
        let response = self.service.respond(self.now(), &format!("AmazonSSM.{operation}"), &body);
        self.settle();
        let reply: Value = serde_json::from_slice(&response.body).expect("the plane answers in JSON");
        if response.status == 200 { Ok(reply) } else { Err(reply["__type"].to_string()) }
    }

    /// Asks the plane, which must not refuse.
    pub(crate) fn ask(&self, operation: &str, body: &Value) -> Value {
        self.try_ask(operation, body).unwrap_or_else(|refusal| panic!("{operation} {body}: {refusal}"))
    }

    /// Changes what other services know.
    pub(crate) fn change(&self, change: WorldChange) {
        self.service.change_world(self.now(), change).expect("such a world can be");
        self.settle();
    }

    /// Makes a document of so many steps.
    pub(crate) fn create_document(&self, name: &str, steps: usize) {
        let content = document(steps).to_string();
        self.ask("CreateDocument", &json!({"Name": name, "Content": content, "DocumentType": "Command"}));
    }

    /// Makes an association of a document with the nodes of this `Env`.
    pub(crate) fn associate(&self, document: &str, env: &str, more: &Value) -> AssociationId {
        let mut body = json!({"Name": document, "Targets": [{"Key": "tag:Env", "Values": [env]}]});
        extend(&mut body, more);
        let reply = self.ask("CreateAssociation", &body);
        let id = reply["AssociationDescription"]["AssociationId"].as_str().expect("it has an id");
        id.parse().expect("it is one")
    }

    /// Updates an association; what is not said is cleared, but for document and targets.
    pub(crate) fn update(&self, id: AssociationId, more: &Value) {
        let mut body = json!({"AssociationId": id});
        extend(&mut body, more);
        self.ask("UpdateAssociation", &body);
    }

    /// The association, as it is described.
    pub(crate) fn describe(&self, id: AssociationId) -> Value {
        self.ask("DescribeAssociation", &json!({"AssociationId": id}))["AssociationDescription"].clone()
    }

    /// The executions, newest first: status and counts.
    pub(crate) fn executions(&self, id: AssociationId) -> Vec<(String, String)> {
        let reply = self.ask("DescribeAssociationExecutions", &json!({"AssociationId": id}));
        let rows = reply["AssociationExecutions"].as_array().expect("a list").iter();
        rows.map(|row| (text(row, "Status"), text(row, "ResourceCountByStatus"))).collect()
    }

    /// How the association stands in all: status and detailed status.
    pub(crate) fn overview(&self, id: AssociationId) -> (String, String) {
        let overview = &self.describe(id)["Overview"];
        (text(overview, "Status"), text(overview, "DetailedStatus"))
    }

    /// How the association stands on a node: status and detailed status; none where it is not on it.
    pub(crate) fn standing(&self, node: u32, id: AssociationId) -> Option<(String, String)> {
        let body = json!({"InstanceId": self.id(node)});
        let reply = self.ask("DescribeInstanceAssociationsStatus", &body);
        let rows = reply["InstanceAssociationStatusInfos"].as_array().expect("a list").clone();
        let row = rows.iter().find(|row| row["AssociationId"] == json!(id))?;
        Some((text(row, "Status"), text(row, "DetailedStatus")))
    }

    /// The ids of what a node has of compliance with associations, and how it stands.
    pub(crate) fn compliance(&self, node: u32) -> Vec<(String, String)> {
        let body = json!({"ResourceIds": [self.id(node)], "ResourceTypes": ["ManagedInstance"]});
        let reply = self.ask("ListComplianceItems", &body);
        let rows = reply["ComplianceItems"].as_array().expect("a list").iter();
        rows.map(|row| (text(row, "Id"), text(row, "Status"))).collect()
    }

    /// The id of a node.
    pub(crate) fn id(&self, node: u32) -> NodeId {
        self.plan.node_id(node)
    }

    /// The nodes of a cohort, in the order of their ids.
    pub(crate) fn nodes(&self, cohort: &str) -> Vec<u32> {
        let is_of = |node: &u32| self.plan.identity(*node).cohort(&self.plan.catalogue).name == cohort;
        let mut nodes: Vec<u32> = (0..self.plan.nodes()).filter(is_of).collect();
        nodes.sort_by_key(|node| self.id(*node));
        nodes
    }

    /// Whether a node has this tag.
    pub(crate) fn has_tag(&self, id: NodeId, key: &str, value: &str) -> bool {
        let reply =
            self.ask("ListTagsForResource", &json!({"ResourceType": "ManagedInstance", "ResourceId": id}));
        let mut tags = reply["TagList"].as_array().expect("a list").iter();
        tags.any(|tag| tag["Key"] == key && tag["Value"] == value)
    }

    /// Whether the plane has heard of a node.
    pub(crate) fn is_known(&self, node: u32) -> bool {
        self.try_ask("DescribeInstanceAssociationsStatus", &json!({"InstanceId": self.id(node)})).is_ok()
    }

    /// Gives a node a tag.
    pub(crate) fn tag(&self, node: u32, key: &str, value: &str) {
        let tags = json!([{"Key": key, "Value": value}]);
        let body = json!({"ResourceType": "ManagedInstance", "ResourceId": self.id(node), "Tags": tags});
        self.ask("AddTagsToResource", &body);
    }

    /// Takes a tag off a node.
    pub(crate) fn untag(&self, node: u32, key: &str) {
        let body = json!({"ResourceType": "ManagedInstance", "ResourceId": self.id(node), "TagKeys": [key]});
        self.ask("RemoveTagsFromResource", &body);
    }

    /// The runs of an association that ended, seen from the nodes.
    pub(crate) fn runs(&mut self, id: AssociationId) -> Vec<Ran> {
        let mut runs: Vec<Ran> =
            self.coordinator.shards_mut().flat_map(|shard| shard.measures.runs_of(id)).collect();
        runs.sort_unstable();
        runs
    }

    /// The minutes at which an association's runs began on a node.
    pub(crate) fn began(&mut self, node: u32, id: AssociationId) -> Vec<u64> {
        let runs = self.runs(id);
        runs.iter().filter(|run| run.node == node).map(|run| self.minute_of(run.started)).collect()
    }

    /// The nodes that are at an association now.
    pub(crate) fn running(&mut self, id: AssociationId) -> BTreeSet<u32> {
        let nodes = self.coordinator.shards_mut().flat_map(|shard| shard.nodes());
        let is_at_it = |node: &&Node| node.running().is_some_and(|(of, _)| of == id);
        nodes.filter(is_at_it).map(|node| node.identity.number).collect()
    }

    /// When each run of an association began and ended, seen from the nodes; one under way has no end.
    pub(crate) fn spans(&mut self, id: AssociationId) -> Vec<(Timestamp, Timestamp)> {
        let ended = self.runs(id).into_iter().map(|run| (run.started, run.ended)).collect::<Vec<_>>();
        let running = self.coordinator.shards_mut().flat_map(|shard| shard.nodes()).filter_map(Node::running);
        let under_way = running.filter(|(of, _)| *of == id).map(|(_, since)| (since, Timestamp::NEVER));
        ended.into_iter().chain(under_way).collect()
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> &[Entry] {
        self.coordinator.history.entries()
    }
}

fn extend(body: &mut Value, more: &Value) {
    let more = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(more);
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}
