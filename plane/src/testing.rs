//! A small world for tests: a plane, a clock, and words for what happens there.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::error::{ApiError, ErrorBody, ErrorCode};
use shared::id::{AssociationId, NodeId};
use shared::seed::Seed;
use shared::status::{AssociationStatus, PlatformType};
use shared::time::{Period, Timestamp};
use shared::wire::{self, InstanceAssociationExecutionResult, InstanceAssociationSummary};

use crate::config::PlaneConfig;
use crate::service::{Handle, Service};

/// The nodes of the reference's test cases.
pub(crate) const ONE: &str = "i-0aaaaaaaaaaaaaaa1";
pub(crate) const TWO: &str = "i-0aaaaaaaaaaaaaaa2";
pub(crate) const THREE: &str = "i-0aaaaaaaaaaaaaaa3";
pub(crate) const GONE: &str = "i-0cccccccccccccccc";

/// A vector of E.3, as the reference has it: how many of so many targets run at
/// once and in all, where some of them, counted from 1, fail.
#[derive(Debug, Deserialize)]
pub(crate) struct RateVector {
    pub(crate) targets: usize,
    #[serde(rename = "MaxConcurrency")]
    pub(crate) max_concurrency: String,
    #[serde(rename = "MaxErrors")]
    pub(crate) max_errors: String,
    pub(crate) fail: Vec<usize>,
    pub(crate) limit: usize,
    pub(crate) started: usize,
    pub(crate) success: usize,
    pub(crate) failed: usize,
    pub(crate) never_started: usize,
}

impl RateVector {
    /// Those of the reference.
    pub(crate) fn all() -> Vec<Self> {
        let vectors: Vec<Self> =
            serde_json::from_str(include_str!("engine/tests/rate-control.json")).unwrap();
        assert_eq!(vectors.len(), 16);
        vectors
    }
}

/// A plane and the time there.
pub(crate) struct World {
    pub(crate) plane: Service,
    pub(crate) now: Timestamp,
}

impl World {
    /// No nodes, no documents but the plane's own; 2025-03-10T12:00:00Z.
    pub(crate) fn empty(config: PlaneConfig) -> Self {
        Self { plane: Service::new(config), now: Timestamp::from_seconds(1_741_608_000) }
    }

    /// The settings of the reference's test cases.
    pub(crate) fn config() -> PlaneConfig {
        let terminated = BTreeSet::from([GONE.parse().unwrap()]);
        PlaneConfig { seed: Seed(7), terminated, ..PlaneConfig::default() }
    }

    /// Two Linux nodes (Env=prod, the second Role=web) and a Windows node
    /// (Env=test), with documents for both and one of schema 1.2.
    pub(crate) fn new() -> Self {
        Self::with(Self::config())
    }

    pub(crate) fn with(config: PlaneConfig) -> Self {
        let world = Self::empty(config);
        world.ping(ONE, PlatformType::Linux);
        world.ping(TWO, PlatformType::Linux);
        world.ping(THREE, PlatformType::Windows);
        world.tag(ONE, "Env", "prod");
        world.tag(TWO, "Env", "prod");
        world.tag(TWO, "Role", "web");
        world.tag(THREE, "Env", "test");
        let parameters = json!({"commands": {"type": "StringList"}});
        for (name, action) in [("Shell22", "aws:runShellScript"), ("Win22", "aws:runPowerShellScript")] {
            let content = json!({
                "schemaVersion": "2.2",
                "parameters": parameters,
                "mainSteps": [{"action": action, "name": "run", "inputs": {"runCommand": "{{ commands }}"}}],
            });
            world.document(name, &content);
        }
        let old = json!({
            "schemaVersion": "1.2",
            "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["id"]}]}},
        });
        world.document("Old12", &old);
        world.settle();
        world
    }

    fn document(&self, name: &str, content: &Value) {
        let body = json!({"Name": name, "Content": content.to_string(), "DocumentType": "Command"});
        self.post("CreateDocument", &body).unwrap();
    }

    /// A call by its type.
    pub(crate) fn call<O: Handle>(&self, operation: O) -> Result<O::Reply, ApiError> {
        self.plane.call(self.now, operation)
    }

    /// A call in bytes; the name and message of a refusal.
    pub(crate) fn post(&self, operation: &str, body: &Value) -> Result<Value, (ErrorCode, String)> {
        let is_message = shared::operation::MESSAGE_NAMES.contains(&operation);
        let service = if is_message { "EC2WindowsMessageDeliveryService" } else { "AmazonSSM" };
        let target = format!("{service}.{operation}");
        let response = self.plane.respond(self.now, &target, body.to_string().as_bytes());
        let reply: Value = serde_json::from_slice(&response.body).unwrap();
        if response.status == 200 {
            return Ok(reply);
        }
        assert_eq!(response.status, 400, "{reply}");
        let ErrorBody { code, message } = serde_json::from_value(reply).unwrap();
        Err((code, message))
    }

    /// An association by its request; what came back of it.
    pub(crate) fn associate(&self, body: &Value) -> AssociationId {
        let reply = self.post("CreateAssociation", body).unwrap();
        self.settle();
        reply["AssociationDescription"]["AssociationId"].as_str().unwrap().parse().unwrap()
    }

    /// The newest execution of an association.
    pub(crate) fn newest(&self, id: AssociationId) -> Value {
        let reply = self.post("DescribeAssociationExecutions", &json!({"AssociationId": id})).unwrap();
        reply["AssociationExecutions"][0].clone()
    }

    /// A shell command on these targets, with further members.
    pub(crate) fn shell(targets: &Value, more: &Value) -> Value {
        let mut body = json!({"Name": "Shell22", "Parameters": {"commands": ["id"]}, "Targets": targets});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    /// Does what is due now.
    pub(crate) fn settle(&self) {
        self.plane.run_timers(self.now);
    }

    /// Lets time pass; what falls due is done at its instant.
    pub(crate) fn pass(&mut self, period: Period) {
        let end = self.now + period;
        while let Some(due) = self.plane.next_timer().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.plane.run_timers(self.now);
        }
        self.now = end;
    }

    /// A node's heartbeat.
    pub(crate) fn ping(&self, node: &str, platform: PlatformType) {
        let body = json!({
            "InstanceId": node, "AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0",
            "PlatformType": platform.as_str(), "PlatformName": "P", "PlatformVersion": "1",
            "ComputerName": format!("{node}.internal"), "IPAddress": "10.0.0.5", "AgentStatus": "Active",
        });
        self.post("UpdateInstanceInformation", &body).unwrap();
        self.settle();
    }

    /// Opens a node's control channel; its number.
    pub(crate) fn open_channel(&self, node: &str) -> u64 {
        let token = self.plane.create_control_channel(node).unwrap();
        let first = json!({
            "Cookie": null, "MessageSchemaVersion": "1.0", "TokenValue": token,
            "RequestId": "5eda97b6-e4ef-4375-a313-84c2e272d557", "AgentVersion": "3.3.0.0", "PlatformType": "linux",
        });
        self.plane.open_control_channel(node.parse().unwrap(), &first.to_string()).unwrap()
    }

    pub(crate) fn tag(&self, node: &str, key: &str, value: &str) {
        let tags = json!([{"Key": key, "Value": value}]);
        let body = json!({"ResourceType": "ManagedInstance", "ResourceId": node, "Tags": tags});
        self.post("AddTagsToResource", &body).unwrap();
        self.settle();
    }

    /// What a node is told.
    pub(crate) fn poll(&self, node: &str) -> Vec<InstanceAssociationSummary> {
        let instance_id: NodeId = node.parse().unwrap();
        let call = wire::ListInstanceAssociations { instance_id, max_results: Some(20), next_token: None };
        self.call(call).unwrap().associations
    }

    /// The detailed states that a node is told, in its order.
    pub(crate) fn told(&self, node: &str) -> Vec<String> {
        let told = self.poll(node);
        told.iter().map(|summary| summary.detailed_status.as_deref().unwrap().to_owned()).collect()
    }

    /// A node's report, dated now.
    pub(crate) fn report(
        &self,
        node: &str,
        association: AssociationId,
        status: AssociationStatus,
    ) -> Result<(), ApiError> {
        self.report_at(node, association, status, self.now)
    }

    pub(crate) fn report_at(
        &self,
        node: &str,
        association_id: AssociationId,
        status: AssociationStatus,
        execution_date: Timestamp,
    ) -> Result<(), ApiError> {
        let execution_result = InstanceAssociationExecutionResult {
            error_code: Some(String::new()),
            execution_date,
            execution_summary: "1 out of 1 plugin processed".to_owned(),
            output_url: None,
            status,
        };
        let instance_id = node.parse().unwrap();
        let call = wire::UpdateInstanceAssociationStatus {
            association_id,
            association_version: None,
            execution_result,
            instance_id,
        };
        self.call(call).map(|_| ())
    }

    /// A node runs an association from order to end.
    pub(crate) fn run(&mut self, node: &str, association: AssociationId, end: AssociationStatus) {
        for status in [AssociationStatus::Pending, AssociationStatus::InProgress, end] {
            self.now += Period::seconds(1);
            self.report(node, association, status).unwrap();
        }
    }

    /// An association as clients see it.
    pub(crate) fn describe(&self, association: AssociationId) -> Value {
        let body = json!({"AssociationId": association});
        self.post("DescribeAssociation", &body).unwrap()["AssociationDescription"].clone()
    }

    /// Counts by status of each execution, newest first.
    pub(crate) fn executions(&self, association: AssociationId) -> Vec<(String, String)> {
        let body = json!({"AssociationId": association});
        let reply = self.post("DescribeAssociationExecutions", &body).unwrap();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let rows = reply["AssociationExecutions"].as_array().unwrap().iter();
        rows.map(|row| (text(row, "Status"), text(row, "ResourceCountByStatus"))).collect()
    }
}
