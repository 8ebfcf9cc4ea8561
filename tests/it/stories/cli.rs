//! The story as the AWS CLI tells it.

use serde_json::{Value, json};

use super::{EACH_HOUR, HELLO};
use crate::clients::{Cli, items, text};

/// Tells it, from the document to the deletion.
pub(super) fn tell(endpoint: String) {
    let cli = Cli { endpoint };
    create_document(&cli);
    let nodes = tag_nodes(&cli);
    let id = associate(&cli);
    watch_the_first(&cli, &id, &nodes);
    change(&cli, &id, &nodes);
    versions(&cli, &id);
    start_once(&cli, &id, &nodes);
    complies(&cli, &id, &nodes);
    delete(&cli, &id);
}

fn create_document(cli: &Cli) {
    let words = ["create-document", "--name", "cli-hello", "--document-type", "Command", "--content", HELLO];
    let made = cli.ssm(&words)["DocumentDescription"].clone();
    let shown = ["Name", "DocumentVersion", "SchemaVersion", "DocumentType", "DocumentFormat"]
        .map(|key| text(&made, key));
    assert_eq!(shown, ["cli-hello", "1", "2.2", "Command", "JSON"]);
    assert_eq!(made["PlatformTypes"], json!(["Linux", "MacOS"]));
    let parameters = json!([{"Name": "greeting", "Type": "String", "DefaultValue": "hello"}]);
    assert_eq!(made["Parameters"], parameters);
}

/// The ids of the nodes with this tag that are online.
fn online(cli: &Cli, filter: &str) -> Vec<String> {
    let reply = cli.ssm(&["describe-instance-information", "--filters", filter]);
    let nodes = items(&reply, "InstanceInformationList").iter();
    let online = nodes.filter(|node| node["PingStatus"] == "Online");
    online.map(|node| text(node, "InstanceId").to_owned()).collect()
}

/// Tags the four nodes that are meant for this client.
fn tag_nodes(cli: &Cli) -> Vec<String> {
    let nodes = wait_for("the fleet", || {
        let nodes = online(cli, "Key=tag:For,Values=cli");
        (nodes.len() == 4).then_some(nodes)
    });
    for node in &nodes {
        let of_node = ["--resource-type", "ManagedInstance", "--resource-id", node];
        cli.ssm_silent(
            &[&["add-tags-to-resource"], &of_node[..], &["--tags", "Key=Team,Value=cli"]].concat(),
        );
    }
    let words = ["list-tags-for-resource", "--resource-type", "ManagedInstance", "--resource-id", &nodes[0]];
    let expected = json!([{"Key": "For", "Value": "cli"}, {"Key": "Team", "Value": "cli"}]);
    assert_eq!(cli.ssm(&words)["TagList"], expected);
    assert_eq!(online(cli, "Key=tag:Team,Values=cli"), nodes);
    nodes
}

fn associate(cli: &Cli) -> String {
    let words = [
        "create-association",
        "--name",
        "cli-hello",
        "--association-name",
        "cli-hourly",
        "--targets",
        "Key=tag:Team,Values=cli",
        "--parameters",
        "greeting=morning",
        "--schedule-expression",
        EACH_HOUR,
        "--apply-only-at-cron-interval",
        "--max-concurrency",
        "2",
        "--max-errors",
        "25%",
        "--compliance-severity",
        "HIGH",
    ];
    let made = cli.ssm(&words)["AssociationDescription"].clone();
    assert_eq!(made["Overview"], json!({"Status": "Pending", "DetailedStatus": "Creating"}));
    assert_eq!(made["Targets"], json!([{"Key": "tag:Team", "Values": ["cli"]}]));
    assert_eq!(made["Parameters"], json!({"greeting": ["morning"]}));
    let shown = [
        "AssociationVersion",
        "DocumentVersion",
        "ScheduleExpression",
        "MaxConcurrency",
        "MaxErrors",
        "ComplianceSeverity",
    ];
    let shown = shown.map(|key| text(&made, key));
    assert_eq!(shown, ["1", "$DEFAULT", EACH_HOUR, "2", "25%", "HIGH"]);
    assert!(made.get("InstanceId").is_none() && made.get("Status").is_none(), "{made}");
    text(&made, "AssociationId").to_owned()
}

/// Executions of this version, the newest first.
fn executions(cli: &Cli, id: &str, version: &str) -> Vec<Value> {
    let reply = cli.ssm(&["describe-association-executions", "--association-id", id]);
    let all = items(&reply, "AssociationExecutions").iter();
    all.filter(|execution| execution["AssociationVersion"] == version).cloned().collect()
}

/// The nodes of an execution by their status.
fn with_status(cli: &Cli, id: &str, execution: &Value, statuses: &[&str]) -> Vec<String> {
    let words = [
        "describe-association-execution-targets",
        "--association-id",
        id,
        "--execution-id",
        text(execution, "ExecutionId"),
    ];
    let reply = cli.ssm(&words);
    let rows = items(&reply, "AssociationExecutionTargets").iter();
    let meant = rows.filter(|row| statuses.contains(&text(row, "Status")));
    let mut found: Vec<String> = meant.map(|row| text(row, "ResourceId").to_owned()).collect();
    found.sort_unstable();
    found
}

/// The first execution comes at a full hour; two nodes at a time run it.
fn watch_the_first(cli: &Cli, id: &str, nodes: &[String]) {
    let first = wait_for("the first execution's end", || {
        let first = executions(cli, id, "1").pop()?;
        let admitted = with_status(cli, id, &first, &["Pending", "InProgress"]);
        assert!(admitted.len() <= 2, "two at a time, not {admitted:?}");
        (first["Status"] != "InProgress" && first["Status"] != "Pending").then_some(first)
    });
    assert_eq!((text(&first, "Status"), text(&first, "ResourceCountByStatus")), ("Success", "{Success=4}"));
    let created = first["CreatedTime"].as_f64().expect("the CLI shows instants as numbers");
    // The plane is late by what the machine is, three hundred times over.
    assert!(created % 3600.0 < 600.0, "at a full hour, not {created}");
    assert_eq!(with_status(cli, id, &first, &["Success"]), nodes);
}

/// What is left out of an update is cleared, but for document and nodes; it runs at once.
fn change(cli: &Cli, id: &str, nodes: &[String]) {
    let words = [
        "update-association",
        "--association-id",
        id,
        "--association-version",
        "1",
        "--association-name",
        "cli-monthly",
        "--parameters",
        "greeting=evening",
        "--schedule-expression",
        "rate(30 days)",
    ];
    let changed = cli.ssm(&words)["AssociationDescription"].clone();
    let shown = ["AssociationVersion", "Name", "AssociationName", "ScheduleExpression"]
        .map(|key| text(&changed, key));
    assert_eq!(shown, ["2", "cli-hello", "cli-monthly", "rate(30 days)"]);
    assert_eq!(changed["Targets"], json!([{"Key": "tag:Team", "Values": ["cli"]}]));
    assert_eq!(changed["Overview"], json!({"Status": "Pending", "DetailedStatus": "Creating"}));
    assert!(changed.get("MaxConcurrency").is_none() && changed.get("MaxErrors").is_none(), "{changed}");
    runs(cli, id, 1, nodes);
    // What was changed meanwhile is not changed again by accident.
    let error = cli.refused(&words);
    assert!(error.contains("(InvalidAssociationVersion)"), "{error}");
}

/// The second version comes to its so many'th end, on all nodes.
fn runs(cli: &Cli, id: &str, count: usize, nodes: &[String]) {
    let newest = wait_for("the second version's run", || {
        let executions = executions(cli, id, "2");
        assert!(executions.len() <= count, "no more than {count}: {executions:?}");
        let newest = executions.first()?.clone();
        (executions.len() == count && newest["Status"] == "Success").then_some(newest)
    });
    assert_eq!(with_status(cli, id, &newest, &["Success"]), nodes);
}

fn versions(cli: &Cli, id: &str) {
    let reply = cli.ssm(&["list-association-versions", "--association-id", id]);
    let versions = items(&reply, "AssociationVersions");
    let shown = |key: &str| versions.iter().map(|version| version[key].clone()).collect::<Vec<_>>();
    assert_eq!(shown("AssociationVersion"), ["1", "2"]);
    assert_eq!(shown("ScheduleExpression"), [EACH_HOUR, "rate(30 days)"]);
    assert_eq!(shown("MaxConcurrency"), [json!("2"), Value::Null]);
    assert_eq!(shown("Parameters"), [json!({"greeting": ["morning"]}), json!({"greeting": ["evening"]})]);
}

fn start_once(cli: &Cli, id: &str, nodes: &[String]) {
    cli.ssm_silent(&["start-associations-once", "--association-ids", id]);
    runs(cli, id, 2, nodes);
    let shown = cli.ssm(&["describe-association", "--association-id", id])["AssociationDescription"].clone();
    let overview = json!({
        "Status": "Success", "DetailedStatus": "Success", "AssociationStatusAggregatedCount": {"Success": 4},
    });
    assert_eq!(shown["Overview"], overview);
    assert!(shown["LastSuccessfulExecutionDate"].is_number(), "{shown}");
}

/// Each node that ran it complies.
fn complies(cli: &Cli, id: &str, nodes: &[String]) {
    for node in nodes {
        let words = ["list-compliance-items", "--resource-types", "ManagedInstance", "--resource-ids", node];
        let reply = cli.ssm(&words);
        let item = items(&reply, "ComplianceItems").iter().find(|item| item["Id"] == id).cloned();
        let item = item.unwrap_or_else(|| panic!("{node} has an item: {reply}"));
        let shown = ["ComplianceType", "Status", "Severity"].map(|key| text(&item, key));
        assert_eq!(shown, ["Association", "COMPLIANT", "UNSPECIFIED"]);
    }
}

fn delete(cli: &Cli, id: &str) {
    cli.ssm_silent(&["delete-association", "--association-id", id]);
    let error = cli.refused(&["describe-association", "--association-id", id]);
    assert!(error.contains("(AssociationDoesNotExist)"), "{error}");
    let left = cli.ssm(&["list-associations", "--association-filter-list", "key=Name,value=cli-hello"]);
    assert_eq!(left["Associations"], json!([]));
    cli.ssm_silent(&["delete-document", "--name", "cli-hello"]);
    let error = cli.refused(&["get-document", "--name", "cli-hello"]);
    assert!(error.contains("(InvalidDocument)"), "{error}");
}

/// Asks again and again until there is something. Each question takes the CLI
/// long enough that there is no need to wait in between.
fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..100 {
        if let Some(found) = ask() {
            return found;
        }
    }
    panic!("waited in vain for {what}");
}
