//! Every list that comes in pages, over HTTP: nothing is lost, nothing comes twice.
//!
//! One world holds several pages of everything. Each operation that has a
//! `NextToken` is walked in pages of several sizes, and offered tokens that are not
//! its own: another operation's, its own under another question, garbled ones.
//!
//! Invariant: an operation of the plane that takes a `NextToken` has a row here.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use plane::config::PlaneConfig;
use serde_json::{Value, json};
use shared::operation::NAMES;
use shared::time::Period;

use crate::binary::root;
use crate::served::{LOST, ONE, Served, TWO, fixture};

/// A list that comes in pages.
#[derive(Debug)]
struct Paged {
    operation: &'static str,
    /// What is asked, but for the page.
    ask: Value,
    /// Another question, of which the same token is none.
    other: Value,
    /// The member that has the rows.
    rows: &'static str,
    /// What tells a row from the others.
    identity: &'static [&'static str],
    /// How many rows there are in all.
    count: usize,
    /// How many a page may have (table A of the reference).
    sizes: RangeInclusive<usize>,
}

impl Paged {
    fn request(&self, ask: &Value, size: Option<usize>, token: &Value) -> Value {
        let mut body = ask.clone();
        body["NextToken"] = token.clone();
        body["MaxResults"] = json!(size);
        body
    }

    /// The rows of each page of this size, and the tokens between them.
    async fn walk(&self, plane: &Served, size: Option<usize>) -> (Vec<Vec<Value>>, Vec<String>) {
        let (mut pages, mut tokens) = (Vec::new(), Vec::new());
        let mut token = Value::Null;
        loop {
            let reply = plane.done(self.operation, &self.request(&self.ask, size, &token)).await;
            pages.push(reply[self.rows].as_array().expect("rows are a list").clone());
            token = reply["NextToken"].clone();
            match &token {
                Value::Null => return (pages, tokens),
                Value::String(text) => tokens.push(text.clone()),
                other => panic!("{}: the token {other} is no text", self.operation),
            }
            assert!(pages.len() <= self.count + 1, "{} does not come to an end", self.operation);
        }
    }

    fn identity_of(&self, row: &Value) -> Vec<String> {
        self.identity.iter().map(|pointer| row.pointer(pointer).unwrap_or(&Value::Null).to_string()).collect()
    }

    /// Walks it in pages of several sizes; answers a token of the smallest.
    async fn check_pages(&self, plane: &Served) -> String {
        let (least, most) = (*self.sizes.start(), *self.sizes.end());
        let name = self.operation;
        let (whole, _) = self.walk(plane, Some(most)).await;
        let whole = whole.concat();
        assert_eq!(whole.len(), self.count, "{name}: {whole:#?}");
        let distinct: BTreeSet<_> = whole.iter().map(|row| self.identity_of(row)).collect();
        assert_eq!(distinct.len(), whole.len(), "{name}: each row once");

        let mut token = None;
        for size in [Some(least), Some((least + 1).min(most)), Some((least + 2).min(most)), None] {
            let (pages, tokens) = self.walk(plane, size).await;
            assert_eq!(pages.concat(), whole, "{name} in pages of {size:?}");
            if let Some(size) = size {
                let (last, full) = pages.split_last().expect("there is a page");
                assert!(full.iter().all(|page| page.len() == size), "{name} in pages of {size}");
                assert!(last.len() <= size, "{name} in pages of {size}");
                let distinct: BTreeSet<_> = tokens.iter().collect();
                assert_eq!(distinct.len(), tokens.len(), "{name}: each page has a token of its own");
            }
            token = token.or(tokens.into_iter().next());
        }
        token.unwrap_or_else(|| panic!("{name} has one page only"))
    }

    /// How long a page may be: one less and one more are refused by the member's name.
    async fn check_sizes(&self, plane: &Served) {
        let (least, most) = (*self.sizes.start(), *self.sizes.end());
        let bounds = [
            (least - 1, format!("greater than or equal to {least}")),
            (most + 1, format!("less than or equal to {most}")),
        ];
        for (size, bound) in bounds {
            let answer = plane.call(self.operation, &self.request(&self.ask, Some(size), &Value::Null)).await;
            let expected = format!(
                "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: \
                 Member must have value {bound}"
            );
            assert_eq!(
                (answer.error(), answer.message()),
                ("ValidationException", &*expected),
                "{}",
                self.operation
            );
        }
    }

    /// That a token which is not of this list is told apart.
    async fn check_foreign(&self, plane: &Served, ask: &Value, token: &str) {
        let body = self.request(ask, Some(*self.sizes.start()), &json!(token));
        let answer = plane.call(self.operation, &body).await;
        assert_eq!(
            (answer.status, answer.error()),
            (400, "InvalidNextToken"),
            "{} {body}: {}",
            self.operation,
            answer.body
        );
    }
}

/// What a token is when it is not whole.
fn garbled(token: &str) -> Vec<String> {
    let first = if token.starts_with('A') { 'B' } else { 'A' };
    let last = if token.ends_with('0') { '1' } else { '0' };
    vec![
        "garbage".to_owned(),
        "AAAA.0123456789abcdef".to_owned(),
        token[1..].to_owned(),
        token[..token.len() - 1].to_owned(),
        format!("{first}{}", &token[1..]),
        format!("{}{last}", &token[..token.len() - 1]),
        format!("{token}0"),
        token.replace('.', ""),
    ]
}

/// What there is to list, by the ids that only the plane knows.
struct Ids {
    association: Value,
    other_association: Value,
    execution: Value,
    other_execution: Value,
    command: Value,
}

/// Fills a world with several pages of everything.
async fn fill(plane: &Served) -> Ids {
    // With the fixture's four, seventeen nodes.
    for number in 0..13 {
        plane.ping(&format!("i-{number:017x}"), "Linux").await;
    }
    let associations = associate(plane).await;
    let executions = run(plane, &associations).await;
    for number in 2..=6 {
        let content = json!({
            "schemaVersion": "2.2", "description": number.to_string(),
            "mainSteps": [{"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["id"]}}],
        });
        let body = json!({"Name": "Win22", "Content": content.to_string(), "DocumentVersion": "$LATEST"});
        plane.done("UpdateDocument", &body).await;
    }
    tell(plane).await;
    let mut command = Value::Null;
    for _ in 0..5 {
        let body = json!({
            "DocumentName": "Shell22", "Parameters": {"commands": ["id"]}, "InstanceIds": [ONE, TWO, LOST],
        });
        command = plane.done("SendCommand", &body).await["Command"]["CommandId"].clone();
    }
    Ids {
        association: associations[0].clone(),
        other_association: associations[1].clone(),
        execution: executions[0].clone(),
        other_execution: executions[1].clone(),
        command,
    }
}

/// Seven associations: the first on all nodes, with six versions, then some on
/// the first node. One is with a runbook, for two nodes.
async fn associate(plane: &Served) -> Vec<Value> {
    let mut ids = Vec::new();
    let shell =
        |targets: Value| json!({"Name": "Shell22", "Parameters": {"commands": ["id"]}, "Targets": [targets]});
    let mut bodies = vec![shell(json!({"Key": "InstanceIds", "Values": ["*"]}))];
    bodies.extend(vec![shell(json!({"Key": "InstanceIds", "Values": [ONE]})); 6]);
    bodies.push(json!({
        "Name": "Auto03", "AutomationTargetParameterName": "InstanceId",
        "Targets": [{"Key": "tag:Env", "Values": ["prod"]}],
    }));
    for body in bodies {
        let made = plane.done("CreateAssociation", &body).await;
        ids.push(made["AssociationDescription"]["AssociationId"].clone());
    }
    for _ in 2..=6 {
        let body = json!({"AssociationId": ids[0], "Parameters": {"commands": ["id"]}});
        plane.done("UpdateAssociation", &body).await;
    }
    ids
}

/// Runs the first association and the runbook's again; the first one's executions, newest first.
async fn run(plane: &Served, associations: &[Value]) -> Vec<Value> {
    for _ in 0..2 {
        plane.pass_to(plane.now() + Period::minutes(1));
        plane
            .done("StartAssociationsOnce", &json!({"AssociationIds": [associations[0], associations[7]]}))
            .await;
    }
    let body = json!({"AssociationId": associations[0]});
    let reply = plane.done("DescribeAssociationExecutions", &body).await;
    let rows = reply["AssociationExecutions"].as_array().expect("a list");
    rows.iter().map(|row| row["ExecutionId"].clone()).collect()
}

/// Compliance of seven types on three nodes, and inventory of the first.
async fn tell(plane: &Served) {
    for number in 0..7 {
        for node in [ONE, TWO, LOST] {
            let items = ["a", "b"].map(|id| json!({"Id": id, "Severity": "LOW", "Status": "COMPLIANT"}));
            let body = json!({
                "ResourceId": node, "ResourceType": "ManagedInstance", "ComplianceType": format!("Custom:T{number}"),
                "ExecutionSummary": {"ExecutionTime": 1_741_608_000}, "Items": items,
            });
            plane.done("PutComplianceItems", &body).await;
        }
    }
    let entries: Vec<Value> =
        (0..7).map(|n| json!({"Name": format!("package{n}"), "Version": "1"})).collect();
    let item = json!({
        "TypeName": "AWS:Application", "SchemaVersion": "1.1", "CaptureTime": "2025-03-10T12:00:00Z",
        "Content": entries,
    });
    plane.done("PutInventory", &json!({"InstanceId": ONE, "Items": [item]})).await;
}

/// The lists of the reference's table A, and the automations.
fn lists(ids: &Ids) -> Vec<Paged> {
    let of_node = || json!({"InstanceId": ONE});
    let of_other = || json!({"InstanceId": TWO});
    let of_type = |name: &str| json!({"Filters": [{"Key": "ComplianceType", "Values": [name]}]});
    let of_association = |id: &Value| json!({"AssociationId": id});
    let of_execution = |id: &Value| json!({"AssociationId": ids.association, "ExecutionId": id});
    let list = |operation, ask, other, rows, identity, count, sizes| Paged {
        operation,
        ask,
        other,
        rows,
        identity,
        count,
        sizes,
    };
    vec![
        list(
            "DescribeAssociationExecutionTargets",
            of_execution(&ids.execution),
            of_execution(&ids.other_execution),
            "AssociationExecutionTargets",
            &["/ResourceId"],
            17,
            1..=50,
        ),
        list(
            "DescribeAssociationExecutions",
            of_association(&ids.association),
            of_association(&ids.other_association),
            "AssociationExecutions",
            &["/ExecutionId"],
            8,
            1..=50,
        ),
        list(
            "DescribeAutomationExecutions",
            json!({}),
            json!({"Filters": [{"Key": "ExecutionStatus", "Values": ["Success"]}]}),
            "AutomationExecutionMetadataList",
            &["/AutomationExecutionId"],
            6,
            1..=50,
        ),
        list(
            "DescribeEffectiveInstanceAssociations",
            of_node(),
            of_other(),
            "Associations",
            &["/AssociationId"],
            7,
            1..=5,
        ),
        list(
            "DescribeInstanceAssociationsStatus",
            of_node(),
            of_other(),
            "InstanceAssociationStatusInfos",
            &["/AssociationId"],
            7,
            1..=50,
        ),
        list(
            "DescribeInstanceInformation",
            json!({}),
            json!({"Filters": [{"Key": "PingStatus", "Values": ["Online"]}]}),
            "InstanceInformationList",
            &["/InstanceId"],
            17,
            5..=50,
        ),
        list(
            "DescribeInstanceProperties",
            json!({}),
            json!({"InstancePropertyFilterList": [{"key": "PingStatus", "valueSet": ["Online"]}]}),
            "InstanceProperties",
            &["/InstanceId"],
            17,
            5..=1000,
        ),
        list(
            "GetInventory",
            json!({}),
            json!({"ResultAttributes": [{"TypeName": "AWS:Application"}]}),
            "Entities",
            &["/Id"],
            17,
            1..=50,
        ),
        list(
            "ListAssociationVersions",
            of_association(&ids.association),
            of_association(&ids.other_association),
            "AssociationVersions",
            &["/AssociationVersion"],
            6,
            1..=50,
        ),
        list(
            "ListAssociations",
            json!({}),
            json!({"AssociationFilterList": [{"key": "Name", "value": "Shell22"}]}),
            "Associations",
            &["/AssociationId"],
            8,
            1..=50,
        ),
        list(
            "ListCommandInvocations",
            json!({}),
            json!({"CommandId": ids.command}),
            "CommandInvocations",
            &["/CommandId", "/InstanceId"],
            15,
            1..=50,
        ),
        list(
            "ListCommands",
            json!({}),
            json!({"CommandId": ids.command}),
            "Commands",
            &["/CommandId"],
            5,
            1..=50,
        ),
        list(
            "ListComplianceItems",
            json!({}),
            of_type("Custom:T1"),
            "ComplianceItems",
            &["/ResourceId", "/ComplianceType", "/Id"],
            42,
            1..=50,
        ),
        list(
            "ListComplianceSummaries",
            json!({}),
            of_type("Custom:T1"),
            "ComplianceSummaryItems",
            &["/ComplianceType"],
            7,
            1..=50,
        ),
        list(
            "ListDocumentVersions",
            json!({"Name": "Win22"}),
            json!({"Name": "Shell22"}),
            "DocumentVersions",
            &["/DocumentVersion"],
            6,
            1..=50,
        ),
        list(
            "ListDocuments",
            json!({}),
            json!({"Filters": [{"Key": "Owner", "Values": ["Self"]}]}),
            "DocumentIdentifiers",
            &["/Name"],
            11,
            1..=50,
        ),
        list(
            "ListInstanceAssociations",
            of_node(),
            of_other(),
            "Associations",
            &["/AssociationId"],
            7,
            1..=50,
        ),
        list(
            "ListInventoryEntries",
            json!({"InstanceId": ONE, "TypeName": "AWS:Application"}),
            json!({"InstanceId": ONE, "TypeName": "AWS:InstanceInformation"}),
            "Entries",
            &["/Name"],
            7,
            1..=50,
        ),
        list(
            "ListResourceComplianceSummaries",
            json!({}),
            of_type("Custom:T1"),
            "ResourceComplianceSummaryItems",
            &["/ResourceId", "/ComplianceType"],
            21,
            1..=50,
        ),
    ]
}

/// The operations of the plane that take a `NextToken`, as its constraints have them.
fn paged_operations() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in ["model", "agent"] {
        let path = root().join(format!("plane/src/validate/{table}.json"));
        let text = std::fs::read_to_string(path).expect("the table is checked in");
        let table: Value = serde_json::from_str(&text).expect("it is JSON");
        for (name, rows) in table["operations"].as_object().expect("operations by name") {
            let is_paged =
                rows.as_array().expect("a row a member").iter().any(|row| row["path"] == "NextToken");
            if is_paged && NAMES.contains(&name.as_str()) {
                found.insert(name.clone());
            }
        }
    }
    found
}

#[tokio::test]
async fn lists_come_in_pages_and_know_their_own_tokens() {
    let plane = fixture(PlaneConfig::default()).await;
    let ids = fill(&plane).await;
    let lists = lists(&ids);
    let listed: BTreeSet<String> = lists.iter().map(|list| list.operation.to_owned()).collect();
    assert_eq!(listed, paged_operations(), "each operation with a NextToken has its row");

    let mut tokens = Vec::new();
    for list in &lists {
        list.check_sizes(&plane).await;
        tokens.push(list.check_pages(&plane).await);
    }
    for (list, own) in lists.iter().zip(&tokens) {
        for foreign in tokens.iter().filter(|token| *token != own) {
            list.check_foreign(&plane, &list.ask, foreign).await;
        }
        for token in garbled(own) {
            list.check_foreign(&plane, &list.ask, &token).await;
        }
        list.check_foreign(&plane, &list.other, own).await;
    }
    plane.end().await;
}
