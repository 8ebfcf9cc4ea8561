//! The story as the AWS SDK for Rust tells it.

use aws_sdk_ssm::types::{
    AssociationComplianceSeverity, AssociationExecution, AssociationFilter, AssociationFilterKey,
    ComplianceStatus, DocumentType, ResourceTypeForTagging, Tag, Target,
};
use fleet::clock::Clock;

use super::{EACH_HOUR, HELLO};
use crate::sdk::{User, client};

/// Tells it, from the document to the deletion.
pub(super) async fn tell(endpoint: &str, clock: Clock) {
    let user = User { ssm: client(endpoint), clock };
    let nodes = user
        .wait_for("the fleet", async || {
            let nodes = user.nodes("tag:For", "sdk").await;
            (nodes.len() == 4).then_some(nodes)
        })
        .await;
    let story = Story { user, nodes };
    story.create_document().await;
    story.tag_nodes().await;
    let id = story.associate().await;
    story.watch_the_first(&id).await;
    story.change(&id).await;
    story.versions(&id).await;
    story.start_once(&id).await;
    story.complies(&id).await;
    story.delete(&id).await;
}

/// Who tells it, and the nodes that are meant for them.
struct Story {
    user: User,
    nodes: Vec<String>,
}

fn greeting(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

impl Story {
    async fn create_document(&self) {
        let call = self.user.ssm.create_document().name("sdk-story").content(HELLO);
        let made = call.document_type(DocumentType::Command).send().await.expect("it is a document");
        let made = made.document_description().expect("it is described");
        assert_eq!((made.name(), made.document_version()), (Some("sdk-story"), Some("1")));
        assert_eq!(made.schema_version(), Some("2.2"));
        let parameters: Vec<_> =
            made.parameters().iter().map(|one| (one.name(), one.default_value())).collect();
        assert_eq!(parameters, [(Some("greeting"), Some("hello"))]);
    }

    async fn tag_nodes(&self) {
        let tag = Tag::builder().key("Team").value("sdk").build().expect("it is whole");
        for node in &self.nodes {
            let kind = ResourceTypeForTagging::ManagedInstance;
            let call = self.user.ssm.add_tags_to_resource().resource_type(kind.clone()).resource_id(node);
            call.tags(tag.clone()).send().await.expect("a known node can be tagged");
            let tags = self.user.ssm.list_tags_for_resource().resource_type(kind).resource_id(node);
            let tags = tags.send().await.expect("a known node has tags");
            let tags: Vec<_> = tags.tag_list().iter().map(|tag| (tag.key(), tag.value())).collect();
            assert_eq!(tags, [("For", "sdk"), ("Team", "sdk")]);
        }
        assert_eq!(self.user.nodes("tag:Team", "sdk").await, self.nodes);
    }

    async fn associate(&self) -> String {
        let target = Target::builder().key("tag:Team").values("sdk").build();
        let call = self.user.ssm.create_association().name("sdk-story").association_name("sdk-hourly");
        let call = call.targets(target.clone()).parameters("greeting", greeting("morning"));
        let call = call.schedule_expression(EACH_HOUR).apply_only_at_cron_interval(true);
        let call = call.max_concurrency("2").max_errors("25%");
        let made = call.compliance_severity(AssociationComplianceSeverity::High).send().await;
        let made = made.expect("it is made");
        let made = made.association_description().expect("it is described");
        let overview = made.overview().expect("it stands somewhere");
        assert_eq!((overview.status(), overview.detailed_status()), (Some("Pending"), Some("Creating")));
        assert_eq!((made.targets(), made.schedule_expression()), (&[target][..], Some(EACH_HOUR)));
        assert_eq!((made.max_concurrency(), made.max_errors()), (Some("2"), Some("25%")));
        assert_eq!((made.association_version(), made.document_version()), (Some("1"), Some("$DEFAULT")));
        assert_eq!(made.compliance_severity(), Some(&AssociationComplianceSeverity::High));
        assert_eq!((made.instance_id(), made.status()), (None, None));
        made.association_id().expect("it has an id").to_owned()
    }

    /// Executions of this version, the newest first.
    async fn executions(&self, id: &str, version: &str) -> Vec<AssociationExecution> {
        let call = self.user.ssm.describe_association_executions().association_id(id);
        let reply = call.send().await.expect("the association is known");
        let all = reply.association_executions().iter();
        all.filter(|one| one.association_version() == Some(version)).cloned().collect()
    }

    /// The nodes of an execution that have one of these statuses.
    async fn with_status(
        &self,
        id: &str,
        execution: &AssociationExecution,
        statuses: &[&str],
    ) -> Vec<String> {
        let call = self.user.ssm.describe_association_execution_targets().association_id(id);
        let call = call.execution_id(execution.execution_id().expect("it has an id"));
        let mut targets = call.into_paginator().page_size(3).items().send();
        let mut found = Vec::new();
        while let Some(target) = targets.next().await {
            let target = target.expect("a page comes");
            if target.status().is_some_and(|status| statuses.contains(&status)) {
                found.push(target.resource_id().expect("a target is a node").to_owned());
            }
        }
        found.sort_unstable();
        found
    }

    /// The first execution comes at a full hour; two nodes at a time run it.
    async fn watch_the_first(&self, id: &str) {
        let first = self.user.wait_for("the first execution's end", async || {
            let first = self.executions(id, "1").await.pop()?;
            let admitted = self.with_status(id, &first, &["Pending", "InProgress"]).await;
            assert!(admitted.len() <= 2, "two at a time, not {admitted:?}");
            (!matches!(first.status(), Some("Pending" | "InProgress"))).then_some(first)
        });
        let first = first.await;
        assert_eq!(
            (first.status(), first.resource_count_by_status()),
            (Some("Success"), Some("{Success=4}"))
        );
        let created = first.created_time().expect("it began").secs();
        // The plane is late by what the machine is, three hundred times over.
        assert!(created % 3600 < 600, "at a full hour, not {created}");
        assert_eq!(self.with_status(id, &first, &["Success"]).await, self.nodes);
    }

    /// What is left out of an update is cleared, but for document and nodes; it runs at once.
    async fn change(&self, id: &str) {
        let call = self.user.ssm.update_association().association_id(id).association_version("1");
        let call = call.association_name("sdk-monthly").parameters("greeting", greeting("evening"));
        let call = call.schedule_expression("rate(30 days)");
        let changed = call.clone().send().await.expect("it is changed");
        let changed = changed.association_description().expect("it is described");
        assert_eq!((changed.association_version(), changed.name()), (Some("2"), Some("sdk-story")));
        assert_eq!((changed.max_concurrency(), changed.max_errors()), (None, None));
        assert_eq!(changed.targets().iter().map(Target::key).collect::<Vec<_>>(), [Some("tag:Team")]);
        self.runs(id, 1).await;
        let again = call.send().await.expect_err("it was changed meanwhile").into_service_error();
        assert!(again.is_invalid_association_version(), "{again:?}");
    }

    /// The second version comes to its so many'th end, on all nodes.
    async fn runs(&self, id: &str, count: usize) {
        let newest = self.user.wait_for("the second version's run", async || {
            let executions = self.executions(id, "2").await;
            assert!(executions.len() <= count, "no more than {count}: {executions:?}");
            let newest = executions.first()?.clone();
            (executions.len() == count && newest.status() == Some("Success")).then_some(newest)
        });
        let newest = newest.await;
        assert_eq!(self.with_status(id, &newest, &["Success"]).await, self.nodes);
    }

    async fn versions(&self, id: &str) {
        let call = self.user.ssm.list_association_versions().association_id(id);
        let mut pages = call.into_paginator().page_size(1).send();
        let mut shown = Vec::new();
        while let Some(page) = pages.next().await {
            for version in page.expect("a page comes").association_versions() {
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                shown.push([
                    text(version.association_version()),
                    text(version.schedule_expression()),
                    text(version.max_concurrency()),
                    version.parameters().expect("both have some")["greeting"].concat(),
                ]);
            }
        }
        assert_eq!(shown, [["1", EACH_HOUR, "2", "morning"], ["2", "rate(30 days)", "", "evening"]]);
    }

    async fn start_once(&self, id: &str) {
        let call = self.user.ssm.start_associations_once().association_ids(id);
        call.send().await.expect("it can run");
        self.runs(id, 2).await;
        let shown = self.user.ssm.describe_association().association_id(id).send().await;
        let shown = shown.expect("it is there");
        let shown = shown.association_description().expect("it is described");
        let overview = shown.overview().expect("it stands somewhere");
        assert_eq!(overview.status(), Some("Success"));
        let counts = overview.association_status_aggregated_count().expect("it ran");
        assert_eq!((counts.len(), counts.get("Success")), (1, Some(&4)));
        assert!(shown.last_successful_execution_date().is_some());
    }

    /// Each node that ran it complies.
    async fn complies(&self, id: &str) {
        for node in &self.nodes {
            let call = self.user.ssm.list_compliance_items().resource_ids(node);
            let mut found = call.resource_types("ManagedInstance").into_paginator().items().send();
            let mut status = None;
            while let Some(item) = found.next().await {
                let item = item.expect("a page comes");
                if item.id() == Some(id) {
                    status = item.status().cloned();
                }
            }
            assert_eq!(status, Some(ComplianceStatus::Compliant), "{node}");
        }
    }

    async fn delete(&self, id: &str) {
        let ssm = &self.user.ssm;
        ssm.delete_association().association_id(id).send().await.expect("it is there");
        let gone = ssm.describe_association().association_id(id).send().await;
        let gone = gone.expect_err("it is gone").into_service_error();
        assert!(gone.is_association_does_not_exist(), "{gone:?}");
        let by_name = AssociationFilter::builder().key(AssociationFilterKey::Name).value("sdk-story").build();
        let left =
            ssm.list_associations().association_filter_list(by_name.expect("it is whole")).send().await;
        assert_eq!(left.expect("a list comes").associations(), []);
        ssm.delete_document().name("sdk-story").send().await.expect("nobody uses it");
        let gone = ssm.get_document().name("sdk-story").send().await;
        let gone = gone.expect_err("it is gone").into_service_error();
        assert!(gone.is_invalid_document(), "{gone:?}");
    }
}
