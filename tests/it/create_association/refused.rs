//! The cases that are refused (B.6, 2 and 25 to 58).

use plane::config::PlaneConfig;
use serde_json::{Value, json};

use super::{Case, and, old, on_one, refused, runbook, shell, target};
use crate::served::{GONE, ONE};

/// In the order of their numbers.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = constraints();
    cases.extend(document_and_schedule());
    cases.extend(targets_and_nodes());
    cases.extend(runbooks());
    cases.extend(the_rest());
    cases
}

/// What breaks a constraint is told before anything is looked at.
fn constraints() -> Vec<Case> {
    let wrong = |numbers, body, reason| refused(numbers, body, "ValidationException", reason);
    let six: Vec<Value> = (0..6).map(|n| json!({"Key": format!("tag:k{n}"), "Values": ["v"]})).collect();
    let many: Vec<String> = (0..51).map(|n| format!("v{n}")).collect();
    vec![
        wrong(
            "25",
            json!({}),
            "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        wrong(
            "26",
            json!({"Name": "x!"}),
            "1 validation error detected: Value 'x!' at 'name' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: ^[a-zA-Z0-9_\\-.:/]{3,128}$",
        ),
        wrong(
            "27",
            on_one(json!({"AssociationName": "ab"})),
            "Value 'ab' at 'associationName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: ^[a-zA-Z0-9_\\-.]{3,128}$",
        ),
        wrong(
            "28",
            on_one(json!({"MaxErrors": "101%"})),
            "Value '101%' at 'maxErrors' failed to satisfy constraint: Member must satisfy regular expression pattern",
        ),
        wrong(
            "29",
            on_one(json!({"MaxConcurrency": "0"})),
            "Value '0' at 'maxConcurrency' failed to satisfy constraint: Member must satisfy regular expression pattern",
        ),
        wrong(
            "30",
            on_one(json!({"MaxErrors": "12345678"})),
            "1 validation error detected: Value '12345678' at 'maxErrors' failed to satisfy constraint: \
             Member must have length less than or equal to 7",
        ),
        wrong(
            "31",
            on_one(json!({"ComplianceSeverity": "INFORMATIONAL"})),
            "at 'complianceSeverity' failed to satisfy constraint: \
             Member must satisfy enum value set: [CRITICAL, HIGH, MEDIUM, LOW, UNSPECIFIED]",
        ),
        wrong(
            "32",
            on_one(json!({"ScheduleOffset": 7})),
            "at 'scheduleOffset' failed to satisfy constraint: Member must have value less than or equal to 6",
        ),
        wrong(
            "33",
            shell(&json!(six)),
            "at 'targets' failed to satisfy constraint: Member must have length less than or equal to 5",
        ),
        wrong(
            "34",
            shell(&json!([{"Key": "tag:Env", "Values": many}])),
            "at 'targets.1.member.values' failed to satisfy constraint: \
             Member must have length less than or equal to 50",
        ),
        wrong(
            "35",
            on_one(json!({"AssociationName": "ab", "MaxErrors": "101%"})),
            "2 validation errors detected: Value ",
        ),
        wrong("35", on_one(json!({"AssociationName": "ab", "MaxErrors": "101%"})), "; Value '"),
    ]
}

fn document_and_schedule() -> Vec<Case> {
    let schedule = |numbers, expression: &str, reason| {
        refused(numbers, on_one(json!({"ScheduleExpression": expression})), "InvalidSchedule", reason)
    };
    vec![
        refused("2 R37", old(json!({})), "AssociationAlreadyExists", "").after(vec![old(json!({}))]),
        refused("36", json!({"Name": "No-Such-Doc"}), "InvalidDocument", "No-Such-Doc"),
        refused("37", on_one(json!({"DocumentVersion": "99"})), "InvalidDocumentVersion", "99"),
        refused(
            "38 R23",
            on_one(json!({"Parameters": {}})),
            "InvalidParameters",
            "Parameter \"commands\" requires a value.",
        ),
        refused(
            "39 R24",
            on_one(json!({"Parameters": {"commands": ["id"], "foo": ["x"]}})),
            "InvalidParameters",
            "Parameter \"foo\" is not defined in the document.",
        ),
        refused(
            "40",
            on_one(json!({"Parameters": {}, "ScheduleExpression": "cron(bad)"})),
            "InvalidParameters",
            "Parameter \"commands\" requires a value.",
        ),
        schedule("41 R19", "cron(0 21 ? * MON*)", "MON*"),
        schedule("42", "cron(0/10 * * * ? *)", "at least 30m"),
        schedule("43", "cron(0 10 1 JAN ? *)", "month"),
        schedule("44", "rate(5 hour)", "rate(5 hours)"),
        schedule("44", "rate(1 hours)", "rate(1 hour)"),
        schedule("44", "rate(29 minutes)", "at least 30m"),
        schedule("44", "rate(31 days)", "31 days"),
        refused(
            "45 R16",
            on_one(json!({"ScheduleExpression": "rate(1 hour)", "ApplyOnlyAtCronInterval": true})),
            "InvalidSchedule",
            "ApplyOnlyAtCronInterval is not supported for rate expressions",
        ),
        refused(
            "46 R14",
            on_one(json!({"ScheduleExpression": "cron(0 2 ? * SUN#2 *)", "ScheduleOffset": 2})),
            "InvalidSchedule",
            "ScheduleOffset requires ApplyOnlyAtCronInterval",
        ),
    ]
}

fn targets_and_nodes() -> Vec<Case> {
    vec![
        refused(
            "47 R7",
            shell(&target("ResourceGroup", &["xyz"])),
            "InvalidTarget",
            "Unsupported Target Type",
        ),
        refused(
            "48 R5",
            on_one(json!({"TargetMaps": [{"a": ["b"]}]})),
            "InvalidTargetMaps",
            "Targets and TargetMaps cannot be specified together",
        ),
        refused(
            "49 R1",
            json!({"Name": "Shell22", "InstanceId": ONE}),
            "InvalidDocument",
            "Document schema version, 2.2, is not supported by association that is created with instance id",
        ),
        refused(
            "50 R2",
            old(json!({"ScheduleExpression": "rate(1 hour)"})),
            "InvalidParameters",
            "ScheduleExpression is not supported for associations created with InstanceId",
        ),
        refused("51 R11", old(json!({"InstanceId": GONE})), "InvalidInstanceId", GONE),
        refused(
            "52",
            old(json!({"InstanceId": "i-123"})),
            "ValidationException",
            "Value 'i-123' at 'instanceId' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: (^i-(\\w{8}|\\w{17})$)|(^mi-\\w{17}$)",
        ),
        refused("53 R39", on_one(json!({"Name": "Win22"})), "UnsupportedPlatformType", ONE),
    ]
}

fn runbooks() -> Vec<Case> {
    let once = json!({
        "Name": "Auto03", "Parameters": {"InstanceId": [ONE]},
        "Targets": target("aws:NoOpAutomationTag", &["AWS-NoOpAutomationTarget-Value"]),
    });
    let both = "Must specify both Automation Target Parameter Name and Targets";
    vec![
        refused("54a", runbook(json!({})), "InvalidParameters", "Parameter \"InstanceId\" requires a value."),
        refused(
            "54b R20",
            runbook(json!({"Parameters": {"InstanceId": [ONE]}})),
            "ValidationException",
            both,
        ),
        refused("54d", runbook(json!({})), "ValidationException", both)
            .after(vec![once])
            .to("UpdateAssociation"),
    ]
}

fn the_rest() -> Vec<Case> {
    let tag = |key: &str| json!({"Key": key, "Value": "v"});
    vec![
        refused(
            "55",
            on_one(json!({"Tags": [tag(&"k".repeat(129))]})),
            "ValidationException",
            "at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128",
        ),
        refused("55", on_one(json!({"Tags": [tag("k"), tag("k")]})), "InvalidTag", "k"),
        // The quota is a setting: three stand for the service's 2,000.
        refused("56 R36", on_one(json!({})), "AssociationLimitExceeded", "3 associations")
            .with(PlaneConfig { association_limit: 3, ..PlaneConfig::default() })
            .after(vec![on_one(json!({})); 3]),
        refused("57", on_one(json!({})), "UnknownOperationException", "").to("CreateAssociatio"),
        refused(
            "58",
            and(on_one(json!({})), json!({"ScheduleOffset": "two"})),
            "SerializationException",
            "scheduleOffset",
        ),
    ]
}
