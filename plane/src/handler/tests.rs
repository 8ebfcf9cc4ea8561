//! The smaller operations: nodes, documents, tags, compliance.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::id::{AssociationId, NodeId};
use shared::status::AssociationStatus::{Failed, Success, TimedOut};
use shared::status::PlatformType;
use shared::time::Period;

use crate::config::{PlaneConfig, UnknownNodes};
use crate::testing::{GONE, ONE, THREE, TWO, World};

const NEW: &str = "i-0ddddddddddddddd1";
const HYBRID: &str = "mi-0bbbbbbbbbbbbbbb1";

fn key() -> String {
    format!("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA{}IDAQAB", "B".repeat(342))
}

#[test]
fn a_node_registers_once_and_is_admitted_by_either_way() {
    let world = World::new();
    let register = |fingerprint: &str| {
        world.post("RegisterManagedInstance", &json!({"Fingerprint": fingerprint, "PublicKey": key()}))
    };
    assert_eq!(register(NEW), Ok(json!({"InstanceId": NEW})));
    let activation = json!({"Fingerprint": NEW, "PublicKey": key(), "ActivationId": "a".repeat(36), "ActivationCode": "c".repeat(20)});
    let hybrid = world.post("RegisterManagedInstance", &activation).unwrap_err();
    let cases: [(Result<Value, _>, ErrorCode); 5] = [
        (register(NEW), InstanceAlreadyRegistered),
        (register(GONE), InvalidInstanceId),
        (register(HYBRID), InvalidInstanceId),
        (register("no-id"), InvalidInstanceId),
        (Err(hybrid), InvalidActivationId),
    ];
    for (reply, code) in cases {
        assert_eq!(reply.unwrap_err().0, code);
    }
    let ping = |world: &World, node: &str| {
        world.post("UpdateInstanceInformation", &json!({"InstanceId": node})).err().map(|(code, _)| code)
    };
    assert_eq!(ping(&world, "i-0ddddddddddddddd2"), None, "an unseen instance is admitted");
    assert_eq!(ping(&world, HYBRID), Some(InvalidInstanceId));
    assert_eq!(ping(&world, GONE), Some(InvalidInstanceId));
    let strict = World::empty(PlaneConfig { unknown_nodes: UnknownNodes::Refuse, ..World::config() });
    assert_eq!(ping(&strict, NEW), Some(InvalidInstanceId));
    strict.post("RegisterManagedInstance", &json!({"Fingerprint": NEW, "PublicKey": key()})).unwrap();
    assert_eq!(ping(&strict, NEW), None);
    let unknown = strict.post("ListInstanceAssociations", &json!({"InstanceId": ONE})).unwrap_err();
    assert_eq!(unknown.0, InvalidInstanceId);
}

fn listed(world: &World, body: &Value) -> Result<Vec<String>, ErrorCode> {
    let reply = world.post("DescribeInstanceInformation", body).map_err(|(code, _)| code)?;
    let rows = reply["InstanceInformationList"].as_array().unwrap();
    Ok(rows.iter().map(|row| row["InstanceId"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn nodes_are_listed_with_what_they_told_and_how_they_stand() {
    let mut world = World::new();
    let target = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
    let id = world.associate(&World::shell(&target, &json!({})));
    world.run(ONE, id, Success);
    world.tag(NEW, "Env", "prod");
    let reply = world.post("DescribeInstanceInformation", &json!({})).unwrap();
    let nodes = reply["InstanceInformationList"].as_array().unwrap();
    assert_eq!(nodes.len(), 3, "one that is known by its tags only is not listed");
    let expected = json!({
        "InstanceId": ONE, "PingStatus": "Online", "LastPingDateTime": 1_741_608_000,
        "AgentVersion": "3.3.0.0", "PlatformType": "Linux", "PlatformName": "P", "PlatformVersion": "1",
        "ResourceType": "EC2Instance", "IPAddress": "10.0.0.5", "ComputerName": format!("{ONE}.internal"),
        "AssociationStatus": "Success",
        "LastAssociationExecutionDate": 1_741_608_003, "LastSuccessfulAssociationExecutionDate": 1_741_608_003,
        "AssociationOverview": {
            "DetailedStatus": "Success", "InstanceAssociationStatusAggregatedCount": {"Success": 1}
        },
        "SourceId": ONE, "SourceType": "AWS::EC2::Instance",
    });
    assert_eq!(nodes[0], expected);

    world.pass(Period::minutes(10));
    world.ping(TWO, PlatformType::Linux);
    let filter =
        |key: &str, values: &[&str]| listed(&world, &json!({"Filters": [{"Key": key, "Values": values}]}));
    let own = |nodes: &[&str]| Ok(nodes.iter().map(|node| (*node).to_owned()).collect::<Vec<_>>());
    assert_eq!(filter("PingStatus", &["Online"]), own(&[TWO]));
    assert_eq!(filter("PingStatus", &["ConnectionLost"]), own(&[ONE, THREE]));
    assert_eq!(filter("PlatformTypes", &["Windows"]), own(&[THREE]));
    assert_eq!(filter("InstanceIds", &[THREE, ONE]), own(&[ONE, THREE]));
    assert_eq!(filter("AssociationStatus", &["Success"]), own(&[ONE]));
    assert_eq!(filter("tag:Env", &["prod"]), own(&[ONE, TWO]));
    assert_eq!(filter("tag-key", &["Role"]), own(&[TWO]));
    assert_eq!(filter("AgentVersion", &["1"]), own(&[]));
    assert_eq!(filter("ResourceType", &["ManagedInstance"]), own(&[]));
    assert_eq!(filter("InstanceIds", &[NEW]), Err(InvalidInstanceId));
    assert_eq!(filter("InstanceIds", &[GONE]), Err(InvalidInstanceId));
    assert_eq!(filter("Colour", &["red"]), Err(InvalidFilterKey));
    assert_eq!(filter("PingStatus", &["Asleep"]), Err(InvalidInstanceInformationFilterValue));
    let older = json!({"InstanceInformationFilterList": [{"key": "PlatformTypes", "valueSet": ["Linux"]}]});
    assert_eq!(listed(&world, &older), own(&[ONE, TWO]));
    let mut both = older;
    both["Filters"] = json!([{"Key": "PingStatus", "Values": ["Online"]}]);
    assert_eq!(listed(&world, &both), Err(ValidationException));
    let mixed = json!({"Filters": [{"Key": "PingStatus", "Values": ["Online"]}, {"Key": "tag-key", "Values": ["Env"]}]});
    assert_eq!(listed(&world, &mixed), Err(InvalidFilterKey));
    assert_eq!(listed(&world, &json!({"MaxResults": 4})), Err(ValidationException));
    let many = vec![json!({"Key": "PingStatus", "Values": ["Online"]}); 101];
    assert_eq!(listed(&world, &json!({"Filters": many})), Err(ValidationException));
    assert_eq!(listed(&world, &json!({"Filters": many[..100]})), own(&[TWO]));
}

#[test]
fn pages_bring_each_node_once() {
    let world = World::empty(PlaneConfig::default());
    for number in 0..23 {
        world.ping(NodeId::ec2(number * 31 % 23).as_str(), PlatformType::Linux);
    }
    let mut seen = Vec::new();
    let mut token = Value::Null;
    let mut pages = 0;
    loop {
        let reply = world.post("DescribeInstanceInformation", &json!({"NextToken": token})).unwrap();
        let rows = reply["InstanceInformationList"].as_array().unwrap();
        assert!(rows.len() <= 10, "ten a page if nothing else is said");
        seen.extend(rows.iter().map(|row| row["InstanceId"].as_str().unwrap().to_owned()));
        pages += 1;
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    let all: Vec<String> = (0..23).map(|number| NodeId::ec2(number).to_string()).collect();
    assert_eq!((seen, pages), (all, 3));
    assert_eq!(listed(&world, &json!({"NextToken": "bm90aGluZw.0123456789abcdef"})), Err(InvalidNextToken));
}

#[test]
fn a_poll_has_pages_and_skips_nothing() {
    let world = World::new();
    let target = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
    let ids: Vec<AssociationId> =
        (0..45).map(|_| world.associate(&World::shell(&target, &json!({})))).collect();
    world.post("DeleteAssociation", &json!({"AssociationId": ids[20]})).unwrap();
    let mut seen: Vec<String> = Vec::new();
    let mut token = Value::Null;
    loop {
        let body = json!({"InstanceId": ONE, "MaxResults": 20, "NextToken": token});
        let reply = world.post("ListInstanceAssociations", &body).unwrap();
        let rows = reply["Associations"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["AssociationId"].as_str().unwrap().to_owned()));
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    let expected: Vec<String> = ids.iter().filter(|id| **id != ids[20]).map(ToString::to_string).collect();
    assert_eq!(seen, expected);
}

#[test]
fn documents_are_registered_once_and_handed_out_by_version() {
    let world = World::new();
    let content = json!({"schemaVersion": "2.2", "description": "d", "parameters": {
        "list": {"type": "StringList", "default": ["a"]}, "flag": {"type": "Boolean", "default": true}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["id"]}}]});
    let create = |name: &str, content: &str, more: Value| {
        let mut body = json!({"Name": name, "Content": content});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.post("CreateDocument", &body)
    };
    let reply = create("Mine", &content.to_string(), json!({"Tags": [{"Key": "k", "Value": "v"}]})).unwrap();
    let made = &reply["DocumentDescription"];
    assert_eq!(made["Hash"].as_str().unwrap().len(), 64);
    assert_eq!(made["PlatformTypes"], json!(["Linux", "MacOS"]));
    let parameters = json!([
        {"Name": "flag", "Type": "String", "DefaultValue": "true"},
        {"Name": "list", "Type": "StringList", "DefaultValue": "[\"a\"]"},
    ]);
    assert_eq!(made["Parameters"], parameters);
    assert_eq!((&made["Owner"], &made["SchemaVersion"]), (&json!("111122223333"), &json!("2.2")));

    let large = format!("{{\"schemaVersion\":\"2.2\",\"x\":\"{}\"}}", "y".repeat(64 * 1024));
    let cases = [
        (create("Mine", &content.to_string(), json!({})), DocumentAlreadyExists),
        (create("AWS-Mine", &content.to_string(), json!({})), DocumentAlreadyExists),
        (create("Yaml", "schemaVersion: '2.2", json!({"DocumentFormat": "YAML"})), InvalidDocumentContent),
        (create("Broken", "{", json!({})), InvalidDocumentContent),
        (create("Large", &large, json!({})), MaxDocumentSizeExceeded),
        (create("Odd", r#"{"schemaVersion":"9.9","mainSteps":[]}"#, json!({})), InvalidDocumentSchemaVersion),
        (create("x", &content.to_string(), json!({})), ValidationException),
        (create("Pack", &content.to_string(), json!({"DocumentType": "Package"})), ValidationException),
        (
            create("Runbook", &content.to_string().replace("2.2", "0.3"), json!({})),
            InvalidDocumentSchemaVersion,
        ),
        (create("Shown", &content.to_string(), json!({"DisplayName": "a;b"})), ValidationException),
        (
            create("Aimed", &content.to_string(), json!({"TargetType": "AWS::EC2::Instance"})),
            ValidationException,
        ),
    ];
    for (reply, code) in cases {
        assert_eq!(reply.unwrap_err().0, code);
    }
    let get =
        |version: Value| world.post("GetDocument", &json!({"Name": "Mine", "DocumentVersion": version}));
    for version in [Value::Null, json!("1"), json!("$DEFAULT"), json!("$LATEST")] {
        let reply = get(version).unwrap();
        assert_eq!(
            (reply["Content"].as_str(), &reply["DocumentVersion"]),
            (Some(content.to_string().as_str()), &json!("1"))
        );
    }
    assert_eq!(get(json!("2")).unwrap_err().0, InvalidDocumentVersion);
    assert_eq!(world.post("GetDocument", &json!({"Name": "None"})).unwrap_err().0, InvalidDocument);
}

#[test]
fn tags_go_to_what_there_is() {
    let world = World::new();
    let target = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
    let id = world.associate(&World::shell(&target, &json!({"Tags": [{"Key": "Team", "Value": "a"}]})));
    let add = |kind: &str, id: &str, key: &str| {
        let tags = json!([{"Key": key, "Value": "v"}]);
        let body = json!({"ResourceType": kind, "ResourceId": id, "Tags": tags});
        world.post("AddTagsToResource", &body).err().map(|(code, _)| code)
    };
    let id = id.to_string();
    assert_eq!(add("Association", &id, "More"), None);
    assert_eq!(add("Document", "AWS-RunShellScript", "More"), None);
    assert_eq!(add("ManagedInstance", HYBRID, "k"), Some(InvalidResourceId));
    assert_eq!(add("ManagedInstance", GONE, "k"), Some(InvalidResourceId));
    assert_eq!(add("ManagedInstance", "thing", "k"), Some(InvalidResourceId));
    assert_eq!(add("Document", "None", "k"), Some(InvalidResourceId));
    assert_eq!(add("Parameter", "p", "k"), Some(InvalidResourceType));
    let never = "i-0ddddddddddddddd8";
    assert_eq!(add("ManagedInstance", never, "aws:k"), Some(ValidationException));
    let body = json!({"ResourceType": "ManagedInstance", "ResourceId": never, "Tags": []});
    assert_eq!(world.post("AddTagsToResource", &body), Ok(json!({})));
    let named = World::shell(&json!([{"Key": "InstanceIds", "Values": [never]}]), &json!({}));
    let refusal = world.post("CreateAssociation", &named).unwrap_err();
    assert_eq!(refusal.0, InvalidInstanceId, "a node is not known by tags that it did not get");
    assert_eq!(add("Nonsense", "p", "k"), Some(ValidationException));
    for number in 0..50 {
        assert_eq!(add("ManagedInstance", NEW, &format!("k{number}")), None);
    }
    assert_eq!(add("ManagedInstance", NEW, "one-more"), Some(TooManyTagsError));
    let list = |kind: &str, id: &str| {
        let reply = world.post("ListTagsForResource", &json!({"ResourceType": kind, "ResourceId": id}));
        reply.map(|reply| reply["TagList"].as_array().unwrap().len()).map_err(|(code, _)| code)
    };
    assert_eq!(list("Association", &id), Ok(2));
    assert_eq!(list("Document", "AWS-RunShellScript"), Ok(1));
    assert_eq!(list("ManagedInstance", NEW), Ok(50));
    assert_eq!(list("ManagedInstance", "i-0ddddddddddddddd9"), Err(InvalidResourceId));
}

/// Count and, by severity, what complies and what does not, of one type.
fn summary(world: &World, kind: &str) -> Option<(u64, u64, Value)> {
    let reply = world.post("ListComplianceSummaries", &json!({})).unwrap();
    let row = reply["ComplianceSummaryItems"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["ComplianceType"] == kind)?;
    Some((
        row["CompliantSummary"]["CompliantCount"].as_u64().unwrap(),
        row["NonCompliantSummary"]["NonCompliantCount"].as_u64().unwrap(),
        row["NonCompliantSummary"]["SeveritySummary"].clone(),
    ))
}

#[test]
fn compliance_follows_from_runs_and_uploads_are_merged() {
    let mut world = World::new();
    let all = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
    let id = world.associate(&World::shell(&all, &json!({"ComplianceSeverity": "HIGH"})));
    assert_eq!(summary(&world, "Association"), None, "never run: no item");
    world.run(ONE, id, Success);
    world.run(TWO, id, Failed);
    world.run(THREE, id, TimedOut);
    let (good, bad, severities) = summary(&world, "Association").unwrap();
    assert_eq!((good, bad, severities["HighCount"].as_u64()), (1, 2, Some(2)));
    let items = |body: &Value| world.post("ListComplianceItems", body).unwrap()["ComplianceItems"].clone();
    let item = &items(&json!({"ResourceIds": [ONE], "ResourceTypes": ["ManagedInstance"]}))[0];
    let expected = json!({
        "ComplianceType": "Association", "ResourceType": "ManagedInstance", "ResourceId": ONE, "Id": id, "Title": "",
        "Status": "COMPLIANT", "Severity": "HIGH", "ExecutionSummary": {"ExecutionTime": 1_741_608_003},
        "Details": {"DocumentName": "Shell22", "DocumentVersion": "$DEFAULT"},
    });
    assert_eq!(*item, expected);

    let upload = |id: String, status: &str, time: f64, hash: &str| {
        let entry = json!({"Id": id, "Title": "", "Severity": "UNSPECIFIED", "Status": status});
        let body = json!({
            "ResourceId": ONE, "ResourceType": "ManagedInstance", "ComplianceType": "Association",
            "ExecutionSummary": {"ExecutionTime": time, "ExecutionId": "", "ExecutionType": ""},
            "ItemContentHash": hash, "Items": [entry],
        });
        world.post("PutComplianceItems", &body).unwrap();
        summary(&world, "Association").map(|(good, bad, _)| (good, bad))
    };
    let old = 1_741_608_001.0;
    let new = 1_741_608_900.0;
    assert_eq!(upload(id.to_string(), "NON_COMPLIANT", old, "a"), Some((1, 2)), "an older date loses");
    assert_eq!(upload(id.to_string(), "NON_COMPLIANT", new, "a"), Some((1, 2)), "an equal hash is ignored");
    assert_eq!(upload(id.to_string(), "NON_COMPLIANT", new, "b"), Some((0, 3)));
    let foreign = AssociationId::from_bits(9).to_string();
    assert_eq!(upload(foreign, "COMPLIANT", new, "c"), Some((0, 3)), "not on this node");
}

#[test]
fn compliance_that_others_own_is_replaced_or_changed_by_item() {
    let world = World::new();
    let put = |kind: &str, upload: &str, ids: &[&str], severity: &str| {
        let items: Vec<Value> = ids
            .iter()
            .map(|id| json!({"Id": id, "Severity": severity, "Status": "NON_COMPLIANT", "Details": {"k": "v"}}))
            .collect();
        let body = json!({
            "ResourceId": ONE, "ResourceType": "ManagedInstance", "ComplianceType": kind, "UploadType": upload,
            "ExecutionSummary": {"ExecutionTime": 1_741_608_000}, "Items": items,
        });
        world.post("PutComplianceItems", &body).err().map(|(code, _)| code)
    };
    let count = || summary(&world, "Custom:Aa").map_or(0, |(_, bad, _)| bad);
    assert_eq!((put("Custom:Aa", "COMPLETE", &["a", "b"], "LOW"), count()), (None, 2));
    assert_eq!((put("Custom:Aa", "PARTIAL", &["b", "c"], "CRITICAL"), count()), (None, 3));
    let severities = summary(&world, "Custom:Aa").unwrap().2;
    assert_eq!((severities["LowCount"].as_u64(), severities["CriticalCount"].as_u64()), (Some(1), Some(2)));
    assert_eq!((put("Custom:Aa", "COMPLETE", &["d"], "LOW"), count()), (None, 1));
    assert_eq!(put("Custom:Aa", "COMPLETE", &[""], "LOW"), Some(InvalidItemContentException));
    assert_eq!(put("Custom:Aa", "COMPLETE", &["d"], "DIRE"), Some(ValidationException));
    for number in 1..10 {
        assert_eq!(put(&format!("Custom:T{number}"), "COMPLETE", &["a"], "LOW"), None);
    }
    assert_eq!(
        put("Custom:Last", "COMPLETE", &["a"], "LOW"),
        Some(ComplianceTypeCountLimitExceededException)
    );
    assert_eq!(put("Association", "PARTIAL", &["x"], "LOW"), Some(InvalidItemContentException));

    let list = |filter: Value| {
        let reply = world.post("ListComplianceItems", &json!({"Filters": [filter]}));
        reply.map(|reply| reply["ComplianceItems"].as_array().unwrap().len()).map_err(|(code, _)| code)
    };
    assert_eq!(list(json!({"Key": "ComplianceType", "Values": ["Custom:"], "Type": "BEGIN_WITH"})), Ok(10));
    assert_eq!(list(json!({"Key": "Id", "Values": ["d"]})), Ok(1));
    assert_eq!(list(json!({"Key": "Status", "Values": ["NON_COMPLIANT"], "Type": "NOT_EQUAL"})), Ok(0));
    assert_eq!(
        list(json!({"Key": "ExecutionTime", "Values": ["2025-03-10T13:00:00Z"], "Type": "LESS_THAN"})),
        Ok(10)
    );
    assert_eq!(list(json!({"Key": "Colour", "Values": ["red"]})), Err(InvalidFilter));
    let one = world.post("ListComplianceItems", &json!({"ResourceIds": [NEW]})).unwrap_err();
    assert_eq!(one.0, InvalidResourceId);
    let summaries = |filter: Value| {
        let reply = world.post("ListComplianceSummaries", &json!({"Filters": [filter]})).unwrap();
        reply["ComplianceSummaryItems"].as_array().unwrap().len()
    };
    assert_eq!(summaries(json!({"Key": "ComplianceType", "Values": ["Custom:Aa"]})), 1);
    assert_eq!(summaries(json!({"Key": "Id", "Values": ["a"]})), 9, "asked of the nodes");
    assert_eq!(summaries(json!({"Key": "Severity", "Values": ["HIGH"]})), 0);
}

#[test]
fn a_manual_association_hears_of_uploads_only() {
    let mut world = World::new();
    let target = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
    let id = world.associate(&World::shell(&target, &json!({"SyncCompliance": "MANUAL"})));
    world.run(ONE, id, Failed);
    let put = |summary: Value| {
        let entry = json!({"Id": id, "Severity": "LOW", "Status": "COMPLIANT"});
        let body = json!({
            "ResourceId": ONE, "ResourceType": "ManagedInstance", "ComplianceType": "Association",
            "ExecutionSummary": summary, "Items": [entry],
        });
        world.post("PutComplianceItems", &body).unwrap();
    };
    put(json!({"ExecutionTime": 1_741_608_100, "ExecutionId": "", "ExecutionType": ""}));
    assert_eq!(summary(&world, "Association"), None, "neither runs nor the agent count");
    put(json!({"ExecutionTime": 1_741_608_100, "ExecutionType": "Command"}));
    assert_eq!(summary(&world, "Association").map(|(good, bad, _)| (good, bad)), Some((1, 0)));
    world.post("DeleteAssociation", &json!({"AssociationId": id})).unwrap();
    world.settle();
    assert_eq!(summary(&world, "Association"), None);
}

#[test]
fn items_of_the_fleet_come_in_pages() {
    let mut world = World::new();
    let all = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
    for _ in 0..4 {
        let id = world.associate(&World::shell(&all, &json!({})));
        for node in [ONE, TWO, THREE] {
            world.run(node, id, Success);
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut rows = 0;
    let mut token = Value::Null;
    loop {
        let reply = world.post("ListComplianceItems", &json!({"MaxResults": 5, "NextToken": token})).unwrap();
        for row in reply["ComplianceItems"].as_array().unwrap() {
            rows += 1;
            seen.insert((row["ResourceId"].to_string(), row["Id"].to_string()));
        }
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!((rows, seen.len()), (12, 12));
}
