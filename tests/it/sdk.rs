//! The AWS SDK for Rust before an embedded plane and a fleet of twenty.
//!
//! Its models are AWS's own: what it reads is spelled as the service spells it,
//! and a refusal arrives as the error that the model has for it.

use std::time::Duration;

use aws_sdk_ssm::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ssm::operation::create_association::CreateAssociationError;
use aws_sdk_ssm::types::{
    ComplianceSummaryItem, DocumentType, InstanceInformationStringFilter, PingStatus, ResourceTypeForTagging,
    Target,
};
use aws_sdk_ssm::{Client, Config};
use fleet::clock::Clock;
use fleet::embedded::Embedded;
use fleet::run::VIRTUAL_START;
use fleet::simulation::Finished;
use plane::config::PlaneConfig;
use tokio::sync::oneshot;

use crate::live::LiveFleet;

const SCENARIO: &str = "{name: sdk, seed: 1, time: {scale: 120}, ramp: 1m, duration: 10h, cohorts: [\
     {name: web, platform: amazon-linux-2023, nodes: 12, tags: {Env: prod}},\
     {name: database, platform: ubuntu-22.04, nodes: 5, tags: {Env: staging}},\
     {name: desktop, platform: windows-2022, nodes: 3, tags: {Env: staging}}]}";

const HELLO: &str = r#"{"schemaVersion": "2.2", "description": "Says hello",
    "parameters": {"greeting": {"type": "String", "default": "hello"}},
    "mainSteps": [{"action": "aws:runShellScript", "name": "hello",
                   "inputs": {"runCommand": ["echo {{ greeting }}"]}}]}"#;

const WINDOWS: &str = r#"{"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runPowerShellScript",
    "name": "hello", "inputs": {"runCommand": ["Write-Output hello"]}}]}"#;

pub(crate) fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("AKIAIOSFODNN7EXAMPLE", "example", None, None, "example"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

fn by_tag(values: &str) -> Target {
    Target::builder().key("tag:Env").values(values).build()
}

fn by_id(id: &str) -> Target {
    Target::builder().key("InstanceIds").values(id).build()
}

/// A client, and the patience to wait for what a fleet does.
pub(crate) struct User {
    pub(crate) ssm: Client,
    pub(crate) clock: Clock,
}

impl User {
    /// Asks again and again until there is something.
    pub(crate) async fn wait_for<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        let since = self.clock.wall();
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            assert!(self.clock.wall() - since < Duration::from_secs(60), "waited in vain for {what}");
            self.clock.sleep_wall(Duration::from_millis(100)).await;
        }
    }

    /// The ids of the nodes that are online and pass this filter, over all pages.
    pub(crate) async fn nodes(&self, key: &str, value: &str) -> Vec<String> {
        let filter = InstanceInformationStringFilter::builder().key(key).values(value).build();
        let call = self.ssm.describe_instance_information().filters(filter.expect("it is whole"));
        let mut items = call.into_paginator().page_size(5).items().send();
        let mut ids = Vec::new();
        while let Some(node) = items.next().await {
            let node = node.expect("a page comes");
            // One that registered, and was not heard of since, is not online yet.
            if node.ping_status() == Some(&PingStatus::Online) {
                ids.push(node.instance_id().expect("a node has an id").to_owned());
            }
        }
        ids.sort_unstable();
        ids
    }

    /// The fleet once all of it is there, and tagged.
    async fn fleet(&self) {
        self.wait_for("the nodes' tags", async || {
            let staging = self.nodes("tag:Env", "staging").await;
            let prod = self.nodes("tag:Env", "prod").await;
            (prod.len() == 12 && staging.len() == 8).then_some(())
        })
        .await;
        let tags = self.ssm.list_tags_for_resource().resource_type(ResourceTypeForTagging::ManagedInstance);
        let windows = self.nodes("PlatformTypes", "Windows").await;
        assert_eq!(windows.len(), 3);
        let tags = tags.resource_id(&windows[0]).send().await.expect("a known node has tags");
        assert_eq!(
            tags.tag_list().iter().map(|tag| (tag.key(), tag.value())).collect::<Vec<_>>(),
            [("Env", "staging")]
        );
    }

    async fn create_document(&self, name: &str, content: &str) {
        let call = self.ssm.create_document().name(name).content(content);
        let made = call.document_type(DocumentType::Command).send().await.expect("it is a document");
        let description = made.document_description().expect("it is described");
        assert_eq!((description.name(), description.document_version()), (Some(name), Some("1")));
    }

    /// A document by tag reaches the nodes with the tag, and no others.
    async fn apply_by_tag(&self) -> String {
        let call = self.ssm.create_association().name("sdk-hello").association_name("hello");
        let call = call.targets(by_tag("prod")).parameters("greeting", vec!["good morning".into()]);
        let made = call.send().await.expect("it is made");
        let description = made.association_description().expect("it is described");
        assert_eq!(description.overview().and_then(|overview| overview.status()), Some("Pending"));
        let id = description.association_id().expect("it has an id");

        let execution = self.wait_for("the execution's end", async || {
            let call = self.ssm.describe_association_executions().association_id(id);
            let reply = call.send().await.expect("the association is known");
            let newest = reply.association_executions().first()?.clone();
            (newest.status() == Some("Success")).then(|| newest.execution_id().expect("an id").to_owned())
        });
        let execution = execution.await;
        let call =
            self.ssm.describe_association_execution_targets().association_id(id).execution_id(execution);
        let mut targets = call.into_paginator().page_size(5).items().send();
        let mut reached = Vec::new();
        while let Some(target) = targets.next().await {
            let target = target.expect("a page comes");
            assert_eq!(target.status(), Some("Success"));
            reached.push(target.resource_id().expect("a target is a node").to_owned());
        }
        reached.sort_unstable();
        assert_eq!(reached, self.nodes("tag:Env", "prod").await);
        id.to_owned()
    }

    /// Each node that ran it complies.
    async fn compliance(&self) {
        self.wait_for("compliance of twelve nodes", async || {
            let reply = self.ssm.list_compliance_summaries().send().await.expect("there are summaries");
            let of_associations =
                |item: &&ComplianceSummaryItem| item.compliance_type() == Some("Association");
            let item = reply.compliance_summary_items().iter().find(of_associations)?;
            let compliant = item.compliant_summary()?.compliant_count();
            let not = item.non_compliant_summary()?.non_compliant_count();
            assert_eq!(not, 0);
            (compliant == 12).then_some(())
        })
        .await;
    }

    /// The error that the model has for what is wrong with an association.
    async fn refusal(&self, document: &str, target: Target) -> CreateAssociationError {
        let call = self.ssm.create_association().name(document).targets(target);
        call.send().await.expect_err("it is refused").into_service_error()
    }

    async fn refusals(&self) {
        let linux = &self.nodes("PlatformTypes", "Linux").await[0];
        let error = self.refusal("sdk-windows", by_id(linux)).await;
        assert!(error.is_unsupported_platform_type(), "{error:?}");
        let error = self.refusal("sdk-hello", by_id("i-0123456789abcdef0")).await;
        assert!(error.is_invalid_instance_id(), "{error:?}");
        let error = self.refusal("no-such-document", by_tag("prod")).await;
        assert!(error.is_invalid_document(), "{error:?}");
        let call = self.ssm.create_document().name("sdk-broken").content("{").send().await;
        let error = call.expect_err("it is no document").into_service_error();
        assert!(error.is_invalid_document_content(), "{error:?}");
    }

    async fn delete(&self, association: &str) {
        self.ssm.delete_association().association_id(association).send().await.expect("it is there");
        let again = self.ssm.describe_association().association_id(association).send().await;
        let error = again.expect_err("it is gone").into_service_error();
        assert!(error.is_association_does_not_exist(), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_for_rust_finds_what_it_knows() {
    let clock = Clock::starting(VIRTUAL_START, 120.0);
    let any = "127.0.0.1:0".parse().expect("an address");
    let plane = Embedded::start(PlaneConfig::default(), clock, Some(any), None).expect("it can listen");
    let endpoint = plane.url();
    let (done, is_done) = oneshot::channel::<()>();
    let user = User { ssm: client(&endpoint), clock };
    let story = async {
        user.fleet().await;
        user.create_document("sdk-hello", HELLO).await;
        user.create_document("sdk-windows", WINDOWS).await;
        let association = user.apply_by_tag().await;
        user.compliance().await;
        user.refusals().await;
        user.delete(&association).await;
        done.send(()).expect("the fleet runs");
    };
    let fleet = LiveFleet { scenario: SCENARIO, endpoint: &endpoint, connections: 100 };
    let stop = async { is_done.await.expect("the story comes to its end") };
    let (finished, ()): (Finished, ()) = tokio::join!(fleet.run(stop), story);
    assert_eq!(finished.measures.came_online, 20);
    assert_eq!(finished.measures.lost_reports, 0);
    plane.stop().await.expect("it ends in good order");
}
