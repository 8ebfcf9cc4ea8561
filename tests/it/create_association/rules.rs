//! Rules (B.3) that no case of the reference has, and the order of the checks (B.2).

use plane::config::{PlaneConfig, UnknownTargets};
use serde_json::{Value, json};

use super::{Case, and, made, old, on_one, refused, runbook, shell, target};
use crate::served::{DECLARED, GONE, LOST, ONE, STRANGE, THREE, TWO};

/// In the order of their numbers.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = old_form();
    cases.extend(kinds_of_target());
    cases.extend(nodes_and_groups());
    cases.extend(schedules());
    cases.extend(runbooks());
    cases.extend(parameters());
    cases.extend(what_else_is_named());
    cases.extend(order());
    cases
}

/// R1 to R4.
fn old_form() -> Vec<Case> {
    let beside = |member: &str, value: Value, reason| {
        refused("R2", old(json!({ member: value })), "InvalidParameters", reason)
    };
    let either = "Only one of InstanceId and Targets can be specified";
    let location = json!({"S3Location": {"OutputS3BucketName": "logs"}});
    vec![
        refused(
            "R1",
            json!({"Name": "Auto03", "InstanceId": ONE}),
            "InvalidDocument",
            "Document schema version, 0.3, is not supported by association that is created with instance id",
        ),
        beside(
            "AssociationName",
            json!("name"),
            "AssociationName is not supported for associations created with",
        ),
        beside(
            "DocumentVersion",
            json!("1"),
            "DocumentVersion is not supported for associations created with",
        ),
        beside("MaxErrors", json!("1"), "MaxErrors is not supported for associations created with"),
        beside("MaxConcurrency", json!("1"), "MaxConcurrency is not supported for associations created with"),
        beside("OutputLocation", location, "OutputLocation is not supported for associations created with"),
        refused("R3", old(json!({"Targets": target("InstanceIds", &[ONE])})), "ValidationException", either),
        refused("R3", old(json!({"TargetMaps": [{"a": ["b"]}]})), "ValidationException", either),
        refused(
            "R4",
            json!({"Name": "Shell22", "Parameters": {"commands": ["id"]}}),
            "InvalidTarget",
            "Instance ID or targets must be specified",
        ),
        refused(
            "R4",
            and(shell(&json!([])), json!({})),
            "InvalidTarget",
            "Instance ID or targets must be specified",
        ),
    ]
}

/// R6 to R10.
fn kinds_of_target() -> Vec<Case> {
    let no_target =
        |numbers, targets: &Value, reason| refused(numbers, shell(targets), "InvalidTarget", reason);
    let invalid = "The target is not valid";
    let each = |key: &str, values: &[&str]| {
        runbook(json!({"Targets": target(key, values), "AutomationTargetParameterName": "InstanceId"}))
    };
    vec![
        refused(
            "R6",
            json!({"Name": "Shell22", "Parameters": {"commands": ["id"]}, "TargetMaps": [{"a": ["b"]}]}),
            "InvalidTargetMaps",
            "TargetMaps is for Automation runbooks, not for a Command document",
        ),
        refused(
            "R6",
            json!({"Name": "Auto03", "TargetMaps": [{"Nothing": ["b"]}]}),
            "InvalidTargetMaps",
            "Parameter \"Nothing\" is not defined in the document.",
        ),
        made("R6", json!({"Name": "Auto03", "TargetMaps": [{"InstanceId": [ONE]}, {"InstanceId": [TWO]}]}))
            .shows(json!({"TargetMaps": [{"InstanceId": [ONE]}, {"InstanceId": [TWO]}]}))
            .lacks(&["Targets"]),
        refused(
            "R6",
            json!({"Name": "Auto03", "TargetMaps": [{"InstanceId": ONE}]}),
            "SerializationException",
            "'targetMaps.1.member'",
        ),
        no_target("R7", &target("colour", &["red"]), "Unsupported Target Type"),
        no_target("R7", &json!([{"Values": [ONE]}]), "Unsupported Target Type"),
        no_target("R7", &target("tag:", &["red"]), "Unsupported Target Type"),
        no_target("R7", &target("AWS::EC2::Instance", &["*"]), "Unsupported Target Type"),
        made("R8", shell(&target("resource-groups:Name", &["web"]))).reaches(&[TWO]),
        made("R8", shell(&target("resource-groups:ResourceTypeFilters", &["AWS::EC2::Instance"])))
            .reaches(&[ONE, TWO, THREE, LOST]),
        made("R8", each("ParameterValues", &["a", "b"])).reaches(&["a", "b"]),
        made("R8", each("AWS::EC2::Instance", &["*"])).reaches(&[ONE, TWO, THREE, LOST]),
        made("R8", each("ResourceGroup", &["web"])).reaches(&[TWO]),
        made("R8", each("resource-groups:Name", &["web"])).reaches(&[TWO]),
        made("R8", each("aws:other", &["x"])).reaches(&[]),
        refused("R8", each("AWS::EC2::Instance", &[ONE]), "InvalidTarget", invalid),
        no_target("R9", &target("InstanceIds", &["*", ONE]), invalid),
        no_target("R9", &target("InstanceIds", &[]), invalid),
        no_target("R9", &target("tag:Env", &[]), invalid),
        no_target("R9", &json!([{"Key": "InstanceIds"}]), invalid),
        no_target("R10", &target("InstanceIds", &["i-123"]), invalid),
    ]
}

/// R11 and R12.
fn nodes_and_groups() -> Vec<Case> {
    let named = |id: &str| shell(&target("InstanceIds", &[id]));
    let two = json!([
        {"Key": "resource-groups:Name", "Values": ["web"]}, {"Key": "resource-groups:Name", "Values": ["vast"]},
    ]);
    vec![
        refused("R11", named(GONE), "InvalidInstanceId", GONE),
        refused("R11", named(STRANGE), "InvalidInstanceId", STRANGE),
        made("R11", named(STRANGE))
            .with(PlaneConfig { unknown_target_instance: UnknownTargets::Accept, ..PlaneConfig::default() })
            .reaches(&[]),
        refused("R11", old(json!({"InstanceId": STRANGE})), "InvalidInstanceId", STRANGE),
        // Declared, and not registered yet.
        made("R11", named(DECLARED)).reaches(&[]),
        refused("R11", old(json!({"InstanceId": DECLARED})), "InvalidInstanceId", DECLARED),
        refused("R12", shell(&two), "InvalidTarget", "The target is not valid"),
        refused(
            "R12",
            shell(&target("resource-groups:Name", &["web", "vast"])),
            "InvalidTarget",
            "The target is not valid",
        ),
        refused("R12", shell(&target("resource-groups:Name", &["none"])), "InvalidTarget", "group none"),
        // One of six tag keys is taken, and fails as it runs.
        made("R12", shell(&target("resource-groups:Name", &["vast"]))).reaches(&[]).overview(json!({
            "Status": "Failed", "DetailedStatus": "InvalidTarget", "AssociationStatusAggregatedCount": {},
        })),
    ]
}

/// R15, R17, R32.
fn schedules() -> Vec<Case> {
    let offset = |more: Value| {
        let body = and(on_one(json!({"ApplyOnlyAtCronInterval": true, "ScheduleOffset": 2})), more);
        refused("R15", body, "InvalidSchedule", "")
    };
    vec![
        offset(json!({"ScheduleExpression": "rate(1 day)"})),
        offset(json!({"ScheduleExpression": "at(2025-03-11T15:55:00)"})),
        offset(json!({})),
        made("R17", on_one(json!({"ApplyOnlyAtCronInterval": true})))
            .shows(json!({"ApplyOnlyAtCronInterval": true}))
            .reaches(&[])
            .runs(&[], "2025-05-01T00:00:00Z"),
        made("R32", on_one(json!({"Duration": 2}))).shows(json!({"Duration": 2})).reaches(&[ONE]),
        refused("R32", on_one(json!({"Duration": 2})), "InvalidSchedule", "Duration requires")
            .with(PlaneConfig { strict_duration: true, ..PlaneConfig::default() }),
    ]
}

/// R20 to R22, R33.
fn runbooks() -> Vec<Case> {
    let location = |more: Value| {
        let location =
            json!({"Accounts": ["111122223333"], "Regions": ["us-east-1"], "ExecutionRoleName": "r"});
        json!({"TargetLocations": [and(location, more)]})
    };
    let by_parameter = json!({"AutomationTargetParameterName": "InstanceId"});
    vec![
        refused(
            "R20",
            json!({"Name": "Auto03", "AutomationTargetParameterName": "InstanceId"}),
            "ValidationException",
            "Must specify both Automation Target Parameter Name and Targets",
        ),
        refused("R21", on_one(by_parameter.clone()), "InvalidParameters", "AutomationTargetParameterName"),
        refused(
            "R22",
            runbook(json!({"AutomationTargetParameterName": "Nothing"})),
            "InvalidParameters",
            "Parameter \"Nothing\" is not defined in the document.",
        ),
        refused(
            "R33",
            on_one(location(json!({}))),
            "InvalidTarget",
            "TargetLocations is for Automation runbooks",
        ),
        refused(
            "R33",
            runbook(and(by_parameter.clone(), location(json!({"IncludeChildOrganizationUnits": true})))),
            "InvalidTarget",
            "IncludeChildOrganizationUnits is not supported by State Manager",
        ),
        made("R33", runbook(and(by_parameter, location(json!({}))))).shows(location(json!({}))),
    ]
}

/// R25.
fn parameters() -> Vec<Case> {
    let given = |name: &str, values: &[&str], reason| {
        let body = on_one(json!({"Parameters": {"commands": ["id"], name: values}}));
        refused("R25", body, "InvalidParameters", reason)
    };
    vec![
        given("mode", &["medium"], "Parameter \"mode\" has value \"medium\" not found in [fast, slow]."),
        given("mode", &["fast", "slow"], "Parameter \"mode\" takes one value"),
        given("count", &["many"], "Parameter \"count\" has a value that is no Integer."),
        given("name", &["ABC"], "Parameter \"name\" has a value that does not match [a-z]+."),
        given("name", &["a"], "Parameter \"name\" has a value of a length"),
        given("name", &["abcde"], "Parameter \"name\" has a value of a length"),
        made("R25", on_one(json!({"Parameters": {"commands": ["id"], "mode": ["slow"], "count": ["2"]}})))
            .reaches(&[ONE]),
    ]
}

/// R27, R28, R30, R31, R34, R35.
fn what_else_is_named() -> Vec<Case> {
    let own = "arn:aws:ssm:us-east-1:111122223333:document/Shell22";
    let foreign = "arn:aws:ssm:us-east-1:999999999999:document/Shell22";
    let alarms = |names: &[&str]| {
        let alarms: Vec<Value> = names.iter().map(|name| json!({"Name": name})).collect();
        on_one(json!({"AlarmConfiguration": {"Alarms": alarms}}))
    };
    let bucket = |name: &str| on_one(json!({"OutputLocation": {"S3Location": {"OutputS3BucketName": name}}}));
    let tags = |tags: Value| on_one(json!({"Tags": tags}));
    vec![
        refused("R27", on_one(json!({"Name": foreign})), "InvalidDocument", foreign),
        refused("R27", on_one(json!({"Name": "Shared-Doc"})), "InvalidDocument", "Shared-Doc"),
        made("R28", on_one(json!({"Name": own}))).shows(json!({"Name": own})).reaches(&[ONE]),
        made("R30", on_one(json!({"CalendarNames": []}))).lacks(&["CalendarNames"]).reaches(&[ONE]),
        refused("R30", on_one(json!({"CalendarNames": ["Cal1", "Cal2"]})), "InvalidDocument", "Cal2"),
        refused("R30", on_one(json!({"CalendarNames": ["Shell22"]})), "InvalidDocument", "Shell22"),
        refused(
            "R31",
            alarms(&[]),
            "ValidationException",
            "at 'alarmConfiguration.alarms' failed to satisfy constraint: \
             Member must have length greater than or equal to 1",
        ),
        refused(
            "R31",
            alarms(&["a1", "a2"]),
            "ValidationException",
            "at 'alarmConfiguration.alarms' failed to satisfy constraint: Member must have length less than or equal to 1",
        ),
        refused("R34", tags(json!([{"Key": "aws:k", "Value": "v"}])), "InvalidTag", "aws:k"),
        refused(
            "R34",
            tags(json!([{"Key": "k"}])),
            "ValidationException",
            "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null",
        ),
        made("R35", bucket("logs"))
            .shows(json!({"OutputLocation": {"S3Location": {"OutputS3BucketName": "logs"}}})),
        refused("R35", bucket("nowhere"), "InvalidOutputLocation", "nowhere"),
        refused("R35", bucket("Upper"), "InvalidOutputLocation", "Upper"),
        refused("R35", bucket("two..dots"), "InvalidOutputLocation", "two..dots"),
    ]
}

/// Requests that are wrong twice, in two checks that follow each other.
fn order() -> Vec<Case> {
    let nowhere = json!({"OutputLocation": {"S3Location": {"OutputS3BucketName": "nowhere"}}});
    let bad_tag = json!({"Tags": [{"Key": "aws:k", "Value": "v"}]});
    let strange = target("InstanceIds", &[STRANGE]);
    let strange_and_odd =
        json!([{"Key": "InstanceIds", "Values": [STRANGE]}, {"Key": "colour", "Values": ["red"]}]);
    let wrong_twice = |body, name| refused("B.2", body, name, "");
    vec![
        wrong_twice(
            on_one(json!({"AssociationName": "ab", "TargetMaps": [{"a": ["b"]}]})),
            "ValidationException",
        ),
        wrong_twice(on_one(json!({"Name": "None", "TargetMaps": [{"a": ["b"]}]})), "InvalidTargetMaps"),
        wrong_twice(old(json!({"Name": "None", "MaxErrors": "1"})), "InvalidParameters"),
        wrong_twice(on_one(json!({"DocumentVersion": "99", "Parameters": {}})), "InvalidDocumentVersion"),
        wrong_twice(json!({"Name": "Shell22", "TargetMaps": [{"a": ["b"]}]}), "InvalidTargetMaps"),
        wrong_twice(
            and(shell(&target("colour", &["red"])), json!({"ScheduleExpression": "cron(bad)"})),
            "InvalidSchedule",
        ),
        wrong_twice(shell(&strange_and_odd), "InvalidTarget"),
        wrong_twice(and(shell(&strange), json!({"Name": "Win22"})), "InvalidInstanceId"),
        wrong_twice(and(shell(&strange), nowhere.clone()), "InvalidInstanceId"),
        wrong_twice(on_one(and(nowhere, bad_tag.clone())), "InvalidOutputLocation"),
        wrong_twice(old(bad_tag), "InvalidTag").after(vec![old(json!({}))]),
        wrong_twice(old(json!({})), "AssociationAlreadyExists")
            .with(PlaneConfig { association_limit: 1, ..PlaneConfig::default() })
            .after(vec![old(json!({}))]),
    ]
}
