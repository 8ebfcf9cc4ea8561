//! Compliance per node and type, and uploads of all and of some.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::status::AssociationStatus::{Failed, Success};

use crate::config::PlaneConfig;
use crate::testing::{ONE, THREE, TWO, World};

fn put(world: &World, kind: &str, upload: Option<&str>, items: &[(&str, &str, &str)]) -> Option<ErrorCode> {
    let items: Vec<Value> = items
        .iter()
        .map(|(id, severity, status)| json!({"Id": id, "Severity": severity, "Status": status}))
        .collect();
    let mut body = json!({
        "ResourceId": ONE, "ResourceType": "ManagedInstance", "ComplianceType": kind,
        "ExecutionSummary": {"ExecutionTime": 1_741_608_100, "ExecutionType": "Command"}, "Items": items,
    });
    if let Some(upload) = upload {
        body["UploadType"] = json!(upload);
    }
    world.post("PutComplianceItems", &body).err().map(|(code, _)| code)
}

/// Node, type, status, worst severity, and how many comply and do not.
type Row = (String, String, String, String, u64, u64);

fn rows(world: &World, filters: &Value) -> Result<Vec<Row>, ErrorCode> {
    let reply = world.post("ListResourceComplianceSummaries", &json!({"Filters": filters}));
    let reply = reply.map_err(|(code, _)| code)?;
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let read = |row: &Value| {
        (
            text(row, "ResourceId"),
            text(row, "ComplianceType"),
            text(row, "Status"),
            text(row, "OverallSeverity"),
            row["CompliantSummary"]["CompliantCount"].as_u64().unwrap(),
            row["NonCompliantSummary"]["NonCompliantCount"].as_u64().unwrap(),
        )
    };
    Ok(reply["ResourceComplianceSummaryItems"].as_array().unwrap().iter().map(read).collect())
}

fn row(node: &str, kind: &str, status: &str, severity: &str, good: u64, bad: u64) -> Row {
    (node.to_owned(), kind.to_owned(), status.to_owned(), severity.to_owned(), good, bad)
}

#[test]
fn each_node_has_a_row_per_type_as_bad_as_its_worst() {
    let mut world = World::new();
    let all = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
    let high = world.associate(&World::shell(&all, &json!({"ComplianceSeverity": "HIGH"})));
    let low = world.associate(&World::shell(&all, &json!({"ComplianceSeverity": "LOW"})));
    world.run(ONE, high, Success);
    world.run(ONE, low, Failed);
    world.run(TWO, high, Failed);
    world.run(TWO, low, Failed);
    assert_eq!(put(&world, "Custom:Audit", None, &[("a", "CRITICAL", "COMPLIANT")]), None);
    let one = row(ONE, "Association", "NON_COMPLIANT", "LOW", 1, 1);
    let two = row(TWO, "Association", "NON_COMPLIANT", "HIGH", 0, 2);
    let custom = row(ONE, "Custom:Audit", "COMPLIANT", "UNSPECIFIED", 1, 0);
    assert_eq!(rows(&world, &json!([])), Ok(vec![one.clone(), custom.clone(), two.clone()]));
    let filter = |key: &str, kind: &str, value: &str| {
        rows(&world, &json!([{"Key": key, "Type": kind, "Values": [value]}]))
    };
    assert_eq!(filter("Status", "EQUAL", "COMPLIANT"), Ok(vec![custom.clone()]));
    assert_eq!(filter("Status", "NOT_EQUAL", "COMPLIANT"), Ok(vec![one.clone(), two.clone()]));
    assert_eq!(filter("OverallSeverity", "EQUAL", "HIGH"), Ok(vec![two.clone()]));
    assert_eq!(filter("ComplianceType", "BEGIN_WITH", "Custom"), Ok(vec![custom.clone()]));
    assert_eq!(filter("InstanceId", "EQUAL", TWO), Ok(vec![two.clone()]));
    assert_eq!(filter("Id", "EQUAL", &high.to_string()), Ok(vec![one.clone(), two.clone()]));
    assert_eq!(filter("InstanceId", "EQUAL", THREE), Ok(vec![]), "never run: no row");
    assert_eq!(filter("ExecutionTime", "GREATER_THAN", "2025-03-10T12:01:00Z"), Ok(vec![custom]));
    assert_eq!(filter("Colour", "EQUAL", "red"), Err(InvalidFilter));
    assert_eq!(filter("Status", "LIKE", "x"), Err(ValidationException));

    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let body = json!({"MaxResults": 1, "NextToken": token});
        let reply = world.post("ListResourceComplianceSummaries", &body).unwrap();
        let page = reply["ResourceComplianceSummaryItems"].as_array().unwrap();
        assert!(page.len() <= 1);
        seen.extend(page.iter().map(|row| (row["ResourceId"].clone(), row["ComplianceType"].clone())));
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    let expected = [(ONE, "Association"), (ONE, "Custom:Audit"), (TWO, "Association")];
    assert_eq!(seen, expected.map(|(node, kind)| (json!(node), json!(kind))));
    let foreign = world.post("ListResourceComplianceSummaries", &json!({"NextToken": "x"})).unwrap_err();
    assert_eq!(foreign.0, InvalidNextToken);
}

#[test]
fn complete_replaces_all_of_a_type_and_partial_what_it_names() {
    let world = World::new();
    let target = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
    let manual = [(); 2]
        .map(|()| world.associate(&World::shell(&target, &json!({"SyncCompliance": "MANUAL"}))).to_string());
    let automatic = world.associate(&World::shell(&target, &json!({}))).to_string();
    let [first, second] = [manual[0].as_str(), manual[1].as_str()];
    let count = |kind: &str| {
        let kind = json!([{"Key": "ComplianceType", "Values": [kind]}]);
        rows(&world, &kind).unwrap().first().map(|row| (row.4, row.5))
    };
    let (good, bad) = ("COMPLIANT", "NON_COMPLIANT");
    assert_eq!(put(&world, "Association", None, &[(first, "LOW", good), (second, "LOW", good)]), None);
    assert_eq!(put(&world, "Association", Some("PARTIAL"), &[(second, "LOW", bad)]), None);
    assert_eq!(count("Association"), Some((1, 1)));
    let refused = put(&world, "Association", Some("PARTIAL"), &[(automatic.as_str(), "LOW", bad)]);
    assert_eq!(refused, Some(InvalidItemContentException));
    assert_eq!(put(&world, "Association", Some("COMPLETE"), &[(first, "LOW", bad)]), None);
    assert_eq!(count("Association"), Some((0, 1)));

    assert_eq!(put(&world, "Custom:Audit", None, &[("a", "LOW", good), ("b", "LOW", good)]), None);
    assert_eq!(put(&world, "Custom:Audit", None, &[("b", "LOW", bad)]), None);
    assert_eq!(count("Custom:Audit"), Some((0, 1)));
}

/// Uploads so many items of a type for a node.
fn fill(world: &World, node: &str, kind: &str, count: usize) {
    let item = |index: usize| json!({"Id": index.to_string(), "Severity": "LOW", "Status": "COMPLIANT"});
    let body = json!({
        "ResourceId": node, "ResourceType": "ManagedInstance", "ComplianceType": kind,
        "ExecutionSummary": {"ExecutionTime": 1_741_608_100}, "Items": (0..count).map(item).collect::<Vec<_>>(),
    });
    world.post("PutComplianceItems", &body).unwrap();
}

/// All pages of a summary: type and how many comply, and how many pages there were.
fn summaries(world: &World, filters: &Value, most: u64) -> (Vec<(String, u64)>, usize) {
    let (mut rows, mut pages, mut token) = (Vec::new(), 0, Value::Null);
    loop {
        let body = json!({"Filters": filters, "MaxResults": most, "NextToken": token});
        let reply = world.post("ListComplianceSummaries", &body).unwrap();
        let page = reply["ComplianceSummaryItems"].as_array().unwrap().clone();
        assert!(page.len() as u64 <= most);
        rows.extend(page.iter().map(|row| {
            let kind = row["ComplianceType"].as_str().unwrap().to_owned();
            (kind, row["CompliantSummary"]["CompliantCount"].as_u64().unwrap())
        }));
        pages += 1;
        token = reply["NextToken"].clone();
        if token.is_null() {
            return (rows, pages);
        }
    }
}

#[test]
fn a_summary_looks_at_so_many_items_a_call() {
    let world = World::new();
    for node in [ONE, TWO, THREE] {
        fill(&world, node, "Custom:One", 6_000);
    }
    fill(&world, THREE, "Custom:Two", 1);
    let filter =
        |key: &str, kind: &str, values: &[&str]| json!([{"Key": key, "Type": kind, "Values": values}]);
    let rows =
        |pairs: &[(&str, u64)]| pairs.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    let both: Vec<_> = rows(&[("Custom:One", 18_000), ("Custom:Two", 1)]);
    let any = filter("Id", "NOT_EQUAL", &["none"]);
    assert_eq!(summaries(&world, &any, 50), (both.clone(), 2), "an empty page after two nodes");
    assert_eq!(summaries(&world, &any, 1), (both.clone(), 3));
    assert_eq!(summaries(&world, &json!([]), 1), (both, 2), "what is counted is not searched");
    let one = filter("InstanceId", "EQUAL", &[THREE, "i-0ddddddddddddddd1", "no id"]);
    assert_eq!(summaries(&world, &one, 50), (rows(&[("Custom:One", 6_000), ("Custom:Two", 1)]), 1));
    let linux = filter("AWS:InstanceInformation.PlatformType", "EQUAL", &["Windows"]);
    assert_eq!(summaries(&world, &linux, 50), (rows(&[("Custom:One", 6_000), ("Custom:Two", 1)]), 1));
    let before = filter("ExecutionTime", "LESS_THAN", &["2025-03-10T12:00:00Z"]);
    assert_eq!(summaries(&world, &before, 50), (vec![], 2));

    let body = json!({"Filters": any});
    let token = world.post("ListComplianceSummaries", &body).unwrap()["NextToken"].clone();
    let foreign = json!({"Filters": linux, "NextToken": token});
    assert_eq!(world.post("ListComplianceSummaries", &foreign).unwrap_err().0, InvalidNextToken);
    let reply = world.post("ListResourceComplianceSummaries", &body).unwrap();
    let ids: Vec<&Value> = reply["ResourceComplianceSummaryItems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["ResourceId"])
        .collect();
    assert_eq!(ids, [ONE, TWO], "a short page");
    assert!(reply["NextToken"].is_string());
}

#[test]
fn what_is_uploaded_of_a_node_has_an_end() {
    let limits = PlaneConfig { inventory_item_limit: 100, inventory_node_limit: 150, ..World::config() };
    let world = World::with(limits);
    let long = |letter: &str, length: usize| letter.repeat(length);
    let put = |kind: &str, upload: Option<&str>, ids: &[String]| {
        let items: Vec<_> = ids.iter().map(|id| (id.as_str(), "LOW", "COMPLIANT")).collect();
        put(&world, kind, upload, &items)
    };
    let (item, total) = (Some(ItemSizeLimitExceededException), Some(TotalSizeLimitExceededException));
    let partial = Some("PARTIAL");
    assert_eq!(put("Custom:One", None, &[long("a", 101)]), item);
    assert_eq!(put("Custom:One", None, &[long("a", 60), long("b", 41)]), item);
    assert_eq!(put("Custom:One", None, &[long("a", 60), long("b", 40)]), None);
    assert_eq!(put("Custom:One", partial, &["c".to_owned()]), item);
    assert_eq!(put("Custom:One", partial, &[long("a", 60)]), None, "what is replaced does not count");
    assert_eq!(put("Custom:Two", None, &[long("a", 51)]), total);
    assert_eq!(put("Custom:One", None, &[long("c", 99)]), None, "nor what was there before");
    assert_eq!(put("Custom:Two", None, &[long("a", 51)]), None);
    let rows = rows(&world, &json!([])).unwrap();
    assert_eq!(rows.iter().map(|row| row.4).sum::<u64>(), 2, "nothing of a refused call is kept");
}
