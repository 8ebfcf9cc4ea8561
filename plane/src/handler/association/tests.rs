//! The reference's cases of CreateAssociation (B.6) that concern what exists.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};

use crate::config::{PlaneConfig, UnknownTargets};
use crate::testing::{GONE, ONE, TWO, World};

fn targets(key: &str, values: &[&str]) -> Value {
    json!([{"Key": key, "Values": values}])
}

fn on_one(more: &Value) -> Value {
    World::shell(&targets("InstanceIds", &[ONE]), more)
}

#[test]
fn what_is_accepted_runs_on_the_nodes_that_are_meant() {
    let prod = || targets("tag:Env", &["prod"]);
    let cases: Vec<(Value, &[&str])> = vec![
        (World::shell(&targets("instanceids", &[ONE]), &json!({})), &[ONE]),
        (World::shell(&prod(), &json!({"ScheduleExpression": "rate(30 minutes)"})), &[ONE, TWO]),
        (
            World::shell(
                &json!([{"Key": "tag:Env", "Values": ["prod"]}, {"Key": "tag:Role", "Values": ["web"]}]),
                &json!({}),
            ),
            &[TWO],
        ),
        (
            World::shell(&targets("tag:Env", &["prod", "test"]), &json!({})),
            &[ONE, TWO, crate::testing::THREE],
        ),
        (World::shell(&targets("tag:Env", &["nobody"]), &json!({})), &[]),
        (World::shell(&targets("InstanceIds", &["*"]), &json!({})), &[ONE, TWO, crate::testing::THREE]),
        (World::shell(&targets("tag-key", &["Env"]), &json!({})), &[ONE, TWO, crate::testing::THREE]),
        (on_one(&json!({"MaxErrors": "100%", "MaxConcurrency": "100%"})), &[ONE]),
        (on_one(&json!({"MaxErrors": "0", "MaxConcurrency": "1"})), &[ONE]),
        (World::shell(&prod(), &json!({"ScheduleExpression": "cron(0/30 * * * ? *)"})), &[ONE, TWO]),
        (
            on_one(&json!({
                "ScheduleExpression": "cron(0 2 ? * SUN#2 *)", "ApplyOnlyAtCronInterval": true, "ScheduleOffset": 2,
            })),
            &[],
        ),
        (on_one(&json!({"SyncCompliance": "MANUAL", "ComplianceSeverity": "HIGH"})), &[ONE]),
        (on_one(&json!({"DocumentVersion": "1"})), &[ONE]),
        (on_one(&json!({"ApplyOnlyAtCronInterval": false, "CalendarNames": []})), &[ONE]),
    ];
    for (body, expected) in cases {
        let world = World::new();
        let id = world.associate(&body);
        let described = world.describe(id);
        for member in [
            "Targets",
            "MaxErrors",
            "MaxConcurrency",
            "SyncCompliance",
            "ComplianceSeverity",
            "ScheduleExpression",
            "ScheduleOffset",
        ] {
            assert_eq!(described.get(member), body.get(member), "{member} comes back as it was sent");
        }
        let reached: Vec<&str> = [ONE, TWO, crate::testing::THREE]
            .into_iter()
            .filter(|node| !world.poll(node).is_empty())
            .collect();
        assert_eq!(reached, expected, "{body}");
    }
}

#[test]
fn a_new_association_is_described_as_the_service_does() {
    let world = World::new();
    let reply = world.post("CreateAssociation", &on_one(&json!({}))).unwrap();
    let made = &reply["AssociationDescription"];
    assert_eq!(made["Overview"], json!({"Status": "Pending", "DetailedStatus": "Creating"}));
    assert_eq!((&made["AssociationVersion"], &made["DocumentVersion"]), (&json!("1"), &json!("$DEFAULT")));
    assert_eq!((&made["Date"], &made["ApplyOnlyAtCronInterval"]), (&json!(1_741_608_000), &json!(false)));
    assert_eq!(made["Date"], made["LastUpdateAssociationDate"]);
    for absent in
        ["Status", "InstanceId", "MaxConcurrency", "Tags", "LastExecutionDate", "ScheduleExpression"]
    {
        assert!(made.get(absent).is_none(), "{absent}");
    }
    world.settle();
    let overview = json!({
        "Status": "Pending", "DetailedStatus": "Associated", "AssociationStatusAggregatedCount": {"Pending": 1}
    });
    let id = made["AssociationId"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.describe(id)["Overview"], overview);

    let nobody = world.associate(&World::shell(&targets("tag:Env", &["nobody"]), &json!({})));
    let overview =
        json!({"Status": "Success", "DetailedStatus": "Success", "AssociationStatusAggregatedCount": {}});
    assert_eq!(world.describe(nobody)["Overview"], overview, "there is nothing to wait for");
}

#[test]
fn the_old_form_has_a_root_status_and_is_made_once() {
    let world = World::new();
    let body = json!({"Name": "Old12", "InstanceId": ONE});
    let made = world.post("CreateAssociation", &body).unwrap()["AssociationDescription"].clone();
    assert_eq!(made["InstanceId"], json!(ONE));
    assert_eq!(made["Status"]["Name"], json!("Associated"));
    assert_eq!(made["Status"]["Message"], json!("Associated with Old12"));
    assert_eq!(made["Targets"], targets("InstanceIds", &[ONE]));
    assert_eq!(world.post("CreateAssociation", &body).unwrap_err().0, AssociationAlreadyExists);
    let found = world.post("DescribeAssociation", &body).unwrap();
    assert_eq!(found["AssociationDescription"]["AssociationId"], made["AssociationId"]);
    let listed = |node: &str| {
        let filters =
            json!({"AssociationFilterList": [{"key": "InstanceId", "value": node}], "MaxResults": 1});
        world.post("ListAssociations", &filters).unwrap()["Associations"].as_array().unwrap().len()
    };
    world.associate(&on_one(&json!({})));
    assert_eq!((listed(ONE), listed(TWO)), (1, 0), "the old form only");
    world.post("DeleteAssociation", &body).unwrap();
    assert_eq!(listed(ONE), 0);
}

#[test]
fn what_is_wrong_is_refused_by_the_services_names() {
    let many = |count: usize| (0..count).map(|n| format!("v{n}")).collect::<Vec<_>>();
    let six: Vec<Value> = (0..6).map(|n| json!({"Key": format!("tag:k{n}"), "Values": ["v"]})).collect();
    let tag = |key: &str| json!({"Key": key, "Value": "v"});
    let old = |more: Value| {
        let mut body = json!({"Name": "Old12", "InstanceId": ONE});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let cases: Vec<(Value, ErrorCode, &str)> = vec![
        (
            json!({}),
            ValidationException,
            "Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        (
            json!({"Name": "x!"}),
            ValidationException,
            "at 'name' failed to satisfy constraint: Member must satisfy regular",
        ),
        (on_one(&json!({"AssociationName": "ab"})), ValidationException, "'associationName'"),
        (on_one(&json!({"MaxErrors": "101%"})), ValidationException, "at 'maxErrors'"),
        (on_one(&json!({"MaxConcurrency": "0"})), ValidationException, "at 'maxConcurrency'"),
        (
            on_one(&json!({"MaxErrors": "12345678"})),
            ValidationException,
            "1 validation error detected: Value '12345678' at 'maxErrors' failed to satisfy constraint: Member must have length less than or equal to 7",
        ),
        (
            on_one(&json!({"ComplianceSeverity": "INFORMATIONAL"})),
            ValidationException,
            "enum value set: [CRITICAL, HIGH, MEDIUM, LOW, UNSPECIFIED]",
        ),
        (on_one(&json!({"ScheduleOffset": 7})), ValidationException, "less than or equal to 6"),
        (
            World::shell(&json!(six), &json!({})),
            ValidationException,
            "at 'targets' failed to satisfy constraint: Member must have length less than or equal to 5",
        ),
        (
            World::shell(&json!([{"Key": "tag:Env", "Values": many(51)}]), &json!({})),
            ValidationException,
            "at 'targets.1.member.values'",
        ),
        (
            on_one(&json!({"AssociationName": "ab", "MaxErrors": "101%"})),
            ValidationException,
            "2 validation errors detected: ",
        ),
        (json!({"Name": "No-Such-Doc"}), InvalidDocument, ""),
        (on_one(&json!({"DocumentVersion": "99"})), InvalidDocumentVersion, ""),
        (on_one(&json!({"Parameters": {}})), InvalidParameters, "Parameter \"commands\" requires a value."),
        (on_one(&json!({"Parameters": {"commands": ["id"], "foo": ["x"]}})), InvalidParameters, "\"foo\""),
        (on_one(&json!({"Parameters": {}, "ScheduleExpression": "cron(bad)"})), InvalidParameters, ""),
        (on_one(&json!({"ScheduleExpression": "cron(0 21 ? * MON*)"})), InvalidSchedule, "expected 6 fields"),
        (on_one(&json!({"ScheduleExpression": "cron(0/10 * * * ? *)"})), InvalidSchedule, "too often"),
        (on_one(&json!({"ScheduleExpression": "cron(0 10 1 JAN ? *)"})), InvalidSchedule, ""),
        (on_one(&json!({"ScheduleExpression": "rate(5 hour)"})), InvalidSchedule, "rate(5 hours)"),
        (on_one(&json!({"ScheduleExpression": "rate(1 hours)"})), InvalidSchedule, ""),
        (on_one(&json!({"ScheduleExpression": "rate(29 minutes)"})), InvalidSchedule, ""),
        (on_one(&json!({"ScheduleExpression": "rate(31 days)"})), InvalidSchedule, ""),
        (
            World::shell(&targets("ResourceGroup", &["xyz"]), &json!({})),
            InvalidTarget,
            "Unsupported Target Type",
        ),
        (
            json!({"Name": "Shell22", "Parameters": {"commands": ["id"]}}),
            InvalidTarget,
            "Instance ID or targets must be specified",
        ),
        (
            json!({"Name": "Shell22", "InstanceId": ONE}),
            InvalidDocument,
            "Document schema version, 2.2, is not supported by association that is created with instance id",
        ),
        (
            old(json!({"ScheduleExpression": "rate(1 hour)"})),
            InvalidParameters,
            "ScheduleExpression is not supported for associations created with InstanceId",
        ),
        (old(json!({"InstanceId": GONE})), InvalidInstanceId, ""),
        (old(json!({"InstanceId": "i-0ddddddddddddddd1"})), InvalidInstanceId, ""),
        (old(json!({"InstanceId": "i-123"})), ValidationException, "at 'instanceId'"),
        (
            old(json!({"Targets": targets("InstanceIds", &[ONE])})),
            ValidationException,
            "Only one of InstanceId and Targets",
        ),
        (World::shell(&targets("InstanceIds", &[GONE]), &json!({})), InvalidInstanceId, GONE),
        (World::shell(&targets("InstanceIds", &["i-0ddddddddddddddd1"]), &json!({})), InvalidInstanceId, ""),
        (
            json!({"Name": "Win22", "Parameters": {"commands": ["id"]}, "Targets": targets("InstanceIds", &[ONE])}),
            UnsupportedPlatformType,
            "",
        ),
        (on_one(&json!({"Tags": [tag(&"k".repeat(129))]})), ValidationException, "at 'tags.1.member.key'"),
        (
            on_one(&json!({"Tags": [{"Key": "k"}]})),
            ValidationException,
            "Value null at 'tags.1.member.value'",
        ),
        (on_one(&json!({"Tags": [tag("k"), tag("k")]})), InvalidTag, ""),
        (on_one(&json!({"Tags": [tag("aws:k")]})), InvalidTag, ""),
        (
            on_one(&json!({"OutputLocation": {"S3Location": {"OutputS3BucketName": "Upper"}}})),
            InvalidOutputLocation,
            "",
        ),
        (on_one(&json!({"ScheduleOffset": "two"})), SerializationException, ""),
        (
            on_one(&json!({"ScheduleOffset": 2})),
            InvalidSchedule,
            "ScheduleOffset requires ApplyOnlyAtCronInterval",
        ),
        (
            on_one(&json!({"ScheduleOffset": 2, "ApplyOnlyAtCronInterval": true})),
            InvalidSchedule,
            "ScheduleOffset is supported for cron expressions only",
        ),
        (
            on_one(&json!({"ScheduleExpression": "rate(1 hour)", "ApplyOnlyAtCronInterval": true})),
            InvalidSchedule,
            "ApplyOnlyAtCronInterval is not supported for rate expressions",
        ),
        (old(json!({"MaxErrors": "1"})), InvalidParameters, "MaxErrors is not supported for associations"),
        (
            old(json!({"TargetMaps": [{"a": ["b"]}]})),
            ValidationException,
            "Only one of InstanceId and Targets",
        ),
        (
            json!({"Name": "arn:aws:ssm:us-east-1:999999999999:document/Shell22", "Parameters": {"commands": ["id"]}, "Targets": targets("InstanceIds", &[ONE])}),
            InvalidDocument,
            "does not exist",
        ),
        (on_one(&json!({"CalendarNames": ["c"]})), InvalidDocument, ""),
        (
            on_one(&json!({"AlarmConfiguration": {"Alarms": []}})),
            ValidationException,
            "at 'alarmConfiguration.alarms' failed to satisfy constraint: Member must have length greater",
        ),
        (
            on_one(&json!({"TargetMaps": [{"a": ["b"]}]})),
            InvalidTargetMaps,
            "Targets and TargetMaps cannot be specified together",
        ),
        (
            json!({"Name": "Shell22", "TargetMaps": [{"a": ["b"]}]}),
            InvalidTargetMaps,
            "TargetMaps is for Automation runbooks, not for a Command document",
        ),
        (on_one(&json!({"TargetMaps": [{"a": "b"}]})), SerializationException, "'targetMaps.1.member'"),
        (on_one(&json!({"TargetLocations": [{}]})), InvalidTarget, "TargetLocations is for Automation"),
        (
            on_one(&json!({"AutomationTargetParameterName": "x"})),
            InvalidParameters,
            "AutomationTargetParameterName is for Automation runbooks",
        ),
        (
            World::shell(&targets("resource-groups:Name", &["g"]), &json!({})),
            InvalidTarget,
            "resource group g does not exist",
        ),
        (
            World::shell(&targets("resource-groups:Name", &["g", "h"]), &json!({})),
            InvalidTarget,
            "The target is not valid",
        ),
    ];
    let world = World::new();
    for (body, code, fragment) in cases {
        let (refusal, message) = world.post("CreateAssociation", &body).expect_err(&body.to_string());
        assert_eq!(refusal, code, "{body}: {message}");
        assert!(message.contains(fragment), "{body}: {message}");
    }
    let listed = world.post("ListAssociations", &json!({})).unwrap();
    assert_eq!(listed, json!({"Associations": []}), "nothing was made by the way");
}

#[test]
fn the_quota_counts_living_associations() {
    let config = PlaneConfig { association_limit: 3, ..World::config() };
    let world = World::with(config);
    let ids: Vec<_> = (0..3).map(|_| world.associate(&on_one(&json!({"AssociationName": "same"})))).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "duplicates with targets are allowed");
    let refusal = world.post("CreateAssociation", &on_one(&json!({}))).unwrap_err();
    assert_eq!(refusal.0, AssociationLimitExceeded);
    world.post("DeleteAssociation", &json!({"AssociationId": ids[0]})).unwrap();
    world.associate(&on_one(&json!({})));
}

#[test]
fn unknown_nodes_may_be_named_where_that_is_set() {
    let world =
        World::with(PlaneConfig { unknown_target_instance: UnknownTargets::Accept, ..World::config() });
    let later = "i-0ddddddddddddddd1";
    let id = world.associate(&World::shell(&targets("InstanceIds", &[later]), &json!({})));
    assert_eq!(world.describe(id)["Overview"]["Status"], json!("Success"), "no target yet");
    world.ping(later, shared::status::PlatformType::Linux);
    assert_eq!(world.told(later), ["Pending"]);
}

#[test]
fn associations_are_listed_by_filters_and_in_pages() {
    let mut world = World::new();
    let ids: Vec<_> = (0..7)
        .map(|n| world.associate(&on_one(&json!({"AssociationName": format!("name{}", n % 2)}))))
        .collect();
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let reply = world.post("ListAssociations", &json!({"MaxResults": 3, "NextToken": token})).unwrap();
        let page = reply["Associations"].as_array().unwrap().clone();
        seen.extend(page.into_iter().map(|row| row["AssociationId"].as_str().unwrap().to_owned()));
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, ids.iter().map(ToString::to_string).collect::<Vec<_>>());

    world.run(ONE, ids[4], shared::status::AssociationStatus::Failed);
    let count = |key: &str, value: &str| {
        let filters = json!({"AssociationFilterList": [{"key": key, "value": value}]});
        world.post("ListAssociations", &filters).map(|reply| reply["Associations"].as_array().unwrap().len())
    };
    assert_eq!(count("AssociationName", "name0"), Ok(4));
    assert_eq!(count("AssociationStatusName", "Failed"), Ok(1));
    assert_eq!(count("AssociationStatusName", "Pending"), Ok(6));
    assert_eq!(count("AssociationId", &ids[2].to_string()), Ok(1));
    assert_eq!(count("Name", "Shell22"), Ok(7));
    assert_eq!(count("LastExecutedAfter", "2025-03-10T00:00:00Z"), Ok(1));
    assert_eq!(count("LastExecutedBefore", "2025-03-10T00:00:00Z"), Ok(0));
    assert_eq!(count("ResourceGroupName", "any"), Ok(0));
    assert_eq!(count("LastExecutedBefore", "noon").unwrap_err().0, ValidationException);
    assert_eq!(count("Colour", "red").unwrap_err().0, ValidationException);
    let foreign = world.post("ListAssociations", &json!({"NextToken": "foreign"}));
    assert_eq!(foreign.unwrap_err().0, InvalidNextToken);
}
