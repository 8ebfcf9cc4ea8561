//! Requests that the plane refuses, each with the name of its refusal.

use serde_json::{Value, json};

use super::{Ids, NO_ASSOCIATION, Row};
use crate::binary::root;
use crate::served::{GONE, ONE, STRANGE, THREE, TWO, and};

/// A hybrid node that never registered.
const HYBRID: &str = "mi-0bbbbbbbbbbbbbbb1";

/// Refusals of associations (F.1, and the family's).
pub(super) fn of_associations(ids: &Ids) -> Vec<Row> {
    let create = |name, more| (name, "CreateAssociation", and(on_one(), more));
    let by_id = |id: &Value| json!({"AssociationId": id});
    let none = || json!({"AssociationId": NO_ASSOCIATION});
    let report = json!({
        "AssociationId": ids.association, "InstanceId": ONE, "AssociationVersion": "7",
        "ExecutionResult": {"Status": "Success", "ExecutionDate": 1_741_608_000, "ExecutionSummary": "1 out of 1"},
    });
    let mut of_long_code = report.clone();
    of_long_code["ExecutionResult"]["ErrorCode"] = json!("x".repeat(65));
    let status = json!({"Name": "Success", "Message": "done", "Date": 1_741_608_000});
    let entry = old();
    let id = || json!({"Parameters": {"commands": ["id"]}});
    let ninth = and(by_id(&ids.association), json!({"AssociationVersion": "9"}));
    vec![
        create("InvalidInstanceId", json!({"Targets": targets("InstanceIds", GONE)})),
        create("InvalidInstanceId", json!({"Targets": targets("InstanceIds", THREE)})),
        create("UnsupportedPlatformType", json!({"Name": "Win22"})),
        create("InvalidTarget", json!({"Targets": targets("ResourceGroup", "x")})),
        create("InvalidDocument", json!({"Name": "None"})),
        create("InvalidDocumentVersion", json!({"DocumentVersion": "99"})),
        create("InvalidParameters", json!({"Parameters": {}})),
        create("InvalidSchedule", json!({"ScheduleExpression": "cron(bad)"})),
        create("InvalidTag", json!({"Tags": [{"Key": "aws:k", "Value": "v"}]})),
        create("InvalidTargetMaps", json!({"TargetMaps": [{"a": ["b"]}]})),
        create(
            "InvalidOutputLocation",
            json!({"OutputLocation": {"S3Location": {"OutputS3BucketName": "none"}}}),
        ),
        create("AssociationLimitExceeded", json!({})),
        ("AssociationAlreadyExists", "CreateAssociation", old()),
        ("DuplicateInstanceId", "CreateAssociationBatch", json!({"Entries": [entry, entry]})),
        ("AssociationDoesNotExist", "DescribeAssociation", none()),
        ("AssociationDoesNotExist", "UpdateAssociation", none()),
        ("AssociationDoesNotExist", "DeleteAssociation", none()),
        ("AssociationDoesNotExist", "StartAssociationsOnce", json!({"AssociationIds": [NO_ASSOCIATION]})),
        ("AssociationDoesNotExist", "ListAssociationVersions", none()),
        ("AssociationDoesNotExist", "DescribeAssociationExecutions", none()),
        (
            "AssociationDoesNotExist",
            "UpdateInstanceAssociationStatus",
            and(report.clone(), json!({"AssociationId": NO_ASSOCIATION})),
        ),
        ("InvalidAssociationVersion", "UpdateInstanceAssociationStatus", report.clone()),
        ("ValidationException", "UpdateInstanceAssociationStatus", of_long_code),
        ("InvalidAssociationVersion", "UpdateAssociation", ninth.clone()),
        ("InvalidAssociationVersion", "DescribeAssociation", ninth),
        ("AssociationVersionLimitExceeded", "UpdateAssociation", and(by_id(&ids.worn), id())),
        (
            "InvalidUpdate",
            "UpdateAssociation",
            and(by_id(&ids.old), json!({"Targets": targets("InstanceIds", ONE)})),
        ),
        // The model gives an update no InvalidInstanceId.
        (
            "InvalidTarget",
            "UpdateAssociation",
            and(and(by_id(&ids.association), id()), json!({"Targets": targets("InstanceIds", STRANGE)})),
        ),
        ("StatusUnchanged", "UpdateAssociationStatus", and(old(), json!({"AssociationStatus": status}))),
        ("InvalidAssociation", "StartAssociationsOnce", json!({"AssociationIds": [ids.orphan]})),
        (
            "AssociationExecutionDoesNotExist",
            "DescribeAssociationExecutionTargets",
            and(by_id(&ids.association), json!({"ExecutionId": NO_ASSOCIATION})),
        ),
        ("InvalidNextToken", "ListAssociations", json!({"NextToken": "foreign"})),
        ("ValidationException", "ListAssociations", json!({"MaxResults": 51})),
        ("SerializationException", "ListAssociations", json!({"MaxResults": "five"})),
    ]
}

/// Refusals of nodes and what they upload.
pub(super) fn of_nodes(ids: &Ids) -> Vec<Row> {
    let node = |id: &str| json!({"InstanceId": id});
    let filter = |key: &str, value: &str| json!({"Filters": [{"Key": key, "Values": [value]}]});
    let with_context = and(item("AWS:File", "a"), json!({"Context": {"a": "b"}}));
    let newer = and(item("AWS:File", "a"), json!({"SchemaVersion": "7.0"}));
    let digest_only = |hash: Value| {
        json!({
            "TypeName": "AWS:File", "SchemaVersion": "1.0", "CaptureTime": "2025-03-10T12:00:00Z", "ContentHash": hash,
        })
    };
    let put = |name, items: &[Value]| (name, "PutInventory", inventory(items));
    let of_thing = and(compliance("Custom:T1", ONE), json!({"ResourceType": "Thing"}));
    let long = "x".repeat(30);
    let register = |name, activation: &Value| (name, "RegisterManagedInstance", hybrid(activation));
    let strange = json!({"ActivationId": NO_ASSOCIATION, "ActivationCode": "0".repeat(20)});
    let of_no_key = and(hybrid(&strange), json!({"PublicKey": "A".repeat(392)}));
    let other_code = and(ids.used.clone(), json!({"ActivationCode": "0".repeat(20)}));
    vec![
        ("InvalidInstanceId", "DescribeEffectiveInstanceAssociations", node(STRANGE)),
        ("InvalidInstanceId", "DescribeInstanceAssociationsStatus", node(STRANGE)),
        ("InvalidInstanceId", "DescribeInstanceAssociationsStatus", node(THREE)),
        ("InvalidInstanceId", "ListInstanceAssociations", node(STRANGE)),
        ("InvalidInstanceId", "UpdateInstanceInformation", node(HYBRID)),
        ("InvalidInstanceId", "UpdateInstanceInformation", node(GONE)),
        ("InvalidInstanceId", "RegisterManagedInstance", registration(GONE)),
        ("InvalidInstanceId", "DeregisterManagedInstance", node(HYBRID)),
        ("InvalidInstanceId", "DescribeInstanceInformation", filter("InstanceIds", STRANGE)),
        ("InvalidInstanceId", "PutInventory", and(inventory(&[item("AWS:File", "a")]), node(STRANGE))),
        ("InstanceAlreadyRegistered", "RegisterManagedInstance", registration(ONE)),
        register("InvalidActivationId", &strange),
        register("InvalidActivation", &other_code),
        register("InvalidActivation", &ids.deleted),
        register("ActivationExpired", &ids.expired),
        register("RegistrationLimitExceeded", &ids.used),
        ("InvalidPublicKey", "RegisterManagedInstance", of_no_key),
        ("InvalidActivationId", "DeleteActivation", json!({"ActivationId": NO_ASSOCIATION})),
        ("InvalidFilterKey", "DescribeInstanceInformation", filter("Colour", "red")),
        (
            "InvalidInstanceInformationFilterValue",
            "DescribeInstanceInformation",
            filter("PingStatus", "Asleep"),
        ),
        (
            "InvalidInstancePropertyFilterValue",
            "DescribeInstanceProperties",
            json!({"InstancePropertyFilterList": [{"key": "PingStatus", "valueSet": ["Asleep"]}]}),
        ),
        put("UnsupportedInventoryItemContextException", &[with_context]),
        put("UnsupportedInventorySchemaVersionException", &[newer]),
        put("InvalidTypeNameException", &[item("AWS:Thing", "a")]),
        put("InvalidItemContentException", &[digest_only(json!(""))]),
        put("ItemContentMismatchException", &[digest_only(json!("other"))]),
        put("ItemSizeLimitExceededException", &[item("AWS:File", &"x".repeat(50))]),
        put("TotalSizeLimitExceededException", &[item("AWS:File", &long), item("AWS:Network", &long)]),
        put("CustomSchemaCountLimitExceededException", &[item("Custom:Two", "a")]),
        (
            "InvalidResultAttributeException",
            "GetInventory",
            json!({"ResultAttributes": [{"TypeName": "AWS:Thing"}]}),
        ),
        ("InvalidFilter", "GetInventory", filter("Colour", "red")),
        ("ComplianceTypeCountLimitExceededException", "PutComplianceItems", compliance("Custom:Last", ONE)),
        ("InvalidResourceType", "PutComplianceItems", of_thing),
        ("InvalidResourceId", "PutComplianceItems", compliance("Custom:T1", STRANGE)),
        ("InvalidFilter", "ListComplianceItems", filter("Colour", "red")),
    ]
}

/// Refusals of documents, tags, commands and automations.
pub(super) fn of_the_rest(ids: &Ids) -> Vec<Row> {
    let create = |name, body: Value| {
        (name, "CreateDocument", and(json!({"Name": "Fresh", "Content": content("fresh")}), body))
    };
    let update =
        |name, body: Value| (name, "UpdateDocument", and(json!({"DocumentVersion": "$LATEST"}), body));
    let tag = |name, kind: &str, id: &str| {
        let tags = json!([{"Key": "one-more", "Value": "v"}]);
        (name, "AddTagsToResource", json!({"ResourceType": kind, "ResourceId": id, "Tags": tags}))
    };
    let send = |name, more| (name, "SendCommand", command(more));
    let invocation = |id: &Value| json!({"CommandId": id, "InstanceId": ONE});
    vec![
        create("DocumentAlreadyExists", json!({"Name": "Shell22"})),
        create("InvalidDocumentContent", json!({"Content": "{"})),
        create(
            "InvalidDocumentSchemaVersion",
            json!({"Content": r#"{"schemaVersion":"9.9","mainSteps":[]}"#}),
        ),
        create("MaxDocumentSizeExceeded", json!({"Content": content(&"x".repeat(64 << 10))})),
        update("DocumentVersionLimitExceeded", json!({"Name": "Twice", "Content": content("third")})),
        update("DuplicateDocumentContent", json!({"Name": "Named", "Content": content("named")})),
        update(
            "DuplicateDocumentVersionName",
            json!({"Name": "Named", "Content": content("other"), "VersionName": "one"}),
        ),
        ("InvalidDocument", "GetDocument", json!({"Name": "None"})),
        ("InvalidDocumentVersion", "GetDocument", json!({"Name": "Shell22", "DocumentVersion": "9"})),
        ("InvalidDocumentOperation", "DeleteDocument", json!({"Name": "Twice", "DocumentVersion": "1"})),
        ("AssociatedInstances", "DeleteDocument", json!({"Name": "Shell22"})),
        ("InvalidDocumentType", "GetCalendarState", json!({"CalendarNames": ["Shell22"]})),
        tag("InvalidResourceType", "Parameter", "p"),
        tag("InvalidResourceId", "Document", "None"),
        tag("TooManyTagsError", "ManagedInstance", TWO),
        send("InvalidInstanceId", json!({"InstanceIds": [STRANGE]})),
        send("DuplicateInstanceId", json!({"InstanceIds": [ONE, ONE]})),
        send("InvalidOutputFolder", json!({"OutputS3BucketName": "none"})),
        send("InvalidParameters", json!({"Parameters": {}})),
        send("UnsupportedPlatformType", json!({"DocumentName": "Win22"})),
        ("InvalidCommandId", "ListCommands", json!({"CommandId": NO_ASSOCIATION})),
        ("InvocationDoesNotExist", "GetCommandInvocation", invocation(&json!(NO_ASSOCIATION))),
        (
            "InvalidPluginName",
            "GetCommandInvocation",
            and(invocation(&ids.command), json!({"PluginName": "other"})),
        ),
        (
            "AutomationExecutionNotFoundException",
            "GetAutomationExecution",
            json!({"AutomationExecutionId": NO_ASSOCIATION}),
        ),
        (
            "InvalidFilterValue",
            "DescribeAutomationExecutions",
            json!({"Filters": [{"Key": "StartTimeAfter", "Values": ["noon"]}]}),
        ),
        ("UnknownOperationException", "CreateAssociatio", json!({})),
    ]
}

pub(super) fn targets(key: &str, value: &str) -> Value {
    json!([{"Key": key, "Values": [value]}])
}

pub(super) fn on_one() -> Value {
    json!({"Name": "Shell22", "Parameters": {"commands": ["id"]}, "Targets": targets("InstanceIds", ONE)})
}

pub(super) fn old() -> Value {
    json!({"Name": "AWS-UpdateSSMAgent", "InstanceId": ONE})
}

pub(super) fn command(more: Value) -> Value {
    and(json!({"DocumentName": "Shell22", "Parameters": {"commands": ["id"]}, "InstanceIds": [ONE]}), more)
}

/// A document of one step.
pub(super) fn content(command: &str) -> String {
    let step = json!({"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": [command]}});
    json!({"schemaVersion": "2.2", "mainSteps": [step]}).to_string()
}

/// The registration of the golden bodies, of this instance.
pub(super) fn registration(id: &str) -> Value {
    let path = root().join("tests/golden/RegisterManagedInstance.request.json");
    let text = std::fs::read_to_string(path).expect("the body is checked in");
    and(serde_json::from_str(&text).expect("it is JSON"), json!({"Fingerprint": id}))
}

/// The registration of a machine by this activation.
pub(super) fn hybrid(activation: &Value) -> Value {
    and(registration("57c76b12-b73e-41bc-aaf9-3fffb51e7fbc"), activation.clone())
}

pub(super) fn compliance(kind: &str, node: &str) -> Value {
    json!({
        "ResourceId": node, "ResourceType": "ManagedInstance", "ComplianceType": kind,
        "ExecutionSummary": {"ExecutionTime": 1_741_608_000},
        "Items": [{"Id": "a", "Severity": "LOW", "Status": "COMPLIANT"}],
    })
}

pub(super) fn item(kind: &str, name: &str) -> Value {
    json!({
        "TypeName": kind, "SchemaVersion": "1.0", "CaptureTime": "2025-03-10T12:00:00Z",
        "Content": [{"Name": name}],
    })
}

pub(super) fn inventory(items: &[Value]) -> Value {
    json!({"InstanceId": ONE, "Items": items})
}
