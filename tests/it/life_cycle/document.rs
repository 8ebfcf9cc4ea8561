//! Documents that change under an association: another `$LATEST`, another `$DEFAULT`, none.

use std::collections::BTreeSet;

use serde_json::json;
use shared::id::AssociationId;
use shared::status::AssociationStatus::Failed;

use super::{play, row};
use crate::stage::{Network, Reported, Stage, document};

/// The documents' versions 2 have two steps. Answers the association bound to
/// `bound`, and the same one that waits for its schedule at 01:00.
fn bound_to(stage: &Stage<'_>, bound: &str) -> (AssociationId, AssociationId) {
    let waits = json!({
        "DocumentVersion": bound, "ScheduleExpression": "cron(0 1 * * ? *)", "ApplyOnlyAtCronInterval": true,
    });
    let id = stage.associate("hello", "prod", &json!({"DocumentVersion": bound}));
    (id, stage.associate("hello", "prod", &waits))
}

fn new_version(stage: &Stage<'_>) {
    let content = document(2).to_string();
    stage.ask("UpdateDocument", &json!({"Name": "hello", "Content": content, "DocumentVersion": "$LATEST"}));
}

/// The beginnings of the summaries of the final reports, in their order.
fn summaries(network: &Network, id: AssociationId) -> Vec<String> {
    let endings = network.endings(id);
    let summary = |ending: &Reported| {
        ending.report.execution_result.execution_summary.split(" plugin").next().unwrap().to_owned()
    };
    endings.iter().map(summary).collect()
}

#[test]
fn a_new_latest_version_runs_what_is_bound_to_it() {
    play(|stage, network| {
        let (latest, waits) = bound_to(stage, "$LATEST");
        let (default, _) = bound_to(stage, "$DEFAULT");
        stage.until(15);
        let checked = stage.describe(latest);
        new_version(stage);
        assert_eq!(stage.executions(latest)[0], row("InProgress", "{Pending=3}"));
        stage.until(70);
        let (one, two) = ("1 out of 1", "2 out of 2");
        assert_eq!(summaries(network, latest), [one, one, one, two, two, two], "the agents fetched it anew");
        assert_eq!(summaries(network, waits), [two, two, two]);
        assert_eq!(summaries(network, default), [one, one, one]);
        let node = stage.nodes("prod")[0];
        assert_eq!((stage.began(node, latest), stage.began(node, waits)), (vec![10, 20], vec![60]));
        assert_eq!(stage.describe(latest)["AssociationVersion"], checked["AssociationVersion"]);
    });
}

#[test]
fn a_moved_default_version_runs_what_is_bound_to_it() {
    play(|stage, network| {
        let (default, waits) = bound_to(stage, "$DEFAULT");
        let (first, _) = bound_to(stage, "1");
        stage.until(15);
        new_version(stage);
        stage.until(25);
        stage.ask("UpdateDocumentDefaultVersion", &json!({"Name": "hello", "DocumentVersion": "2"}));
        stage.until(70);
        let (one, two) = ("1 out of 1", "2 out of 2");
        assert_eq!(summaries(network, default), [one, one, one, two, two, two]);
        assert_eq!(summaries(network, waits), [two, two, two]);
        assert_eq!(summaries(network, first), [one, one, one]);
        let node = stage.nodes("prod")[0];
        assert_eq!((stage.began(node, default), stage.began(node, waits)), (vec![10, 30], vec![60]));
    });
}

#[test]
fn a_deleted_document_fails_the_run_that_this_brings_about() {
    play(|stage, network| {
        let (id, waits) = bound_to(stage, "$DEFAULT");
        stage.until(15);
        let refusal = stage.try_ask("DeleteDocument", &json!({"Name": "hello"})).unwrap_err();
        assert!(refusal.contains("AssociatedInstances"), "{refusal}");
        stage.ask("DeleteDocument", &json!({"Name": "hello", "Force": true}));
        stage.until(32);
        for node in stage.nodes("prod") {
            assert_eq!(stage.began(node, id), [10], "there is nothing to run");
            assert_eq!(stage.standing(node, id).unwrap().0, "Failed");
            let status = stage.compliance(node).into_iter().find(|(of, _)| *of == id.to_string());
            assert_eq!(status.unwrap().1, "NON_COMPLIANT");
        }
        assert_eq!(stage.executions(id), [row("Failed", "{Failed=3}"), row("Success", "{Success=3}")]);
        assert_eq!(stage.executions(waits), []);
        let codes: BTreeSet<_> = network
            .endings(id)
            .into_iter()
            .filter(|ending| ending.report.execution_result.status == Failed)
            .map(|ending| ending.report.execution_result.error_code)
            .collect();
        assert_eq!(codes, BTreeSet::from([Some("ListAssocError".to_owned())]));
    });
}
