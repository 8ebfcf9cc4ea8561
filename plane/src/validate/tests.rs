//! The reference's cases of validation, in bytes, and the words of each rule.

use serde_json::{Value, json};
use shared::error::ErrorCode;

use crate::testing::{ONE, World};

const TARGET_KEY: &str =
    r"^[\p{L}\p{Z}\p{N}_.:/=\-@]*$|resource-groups:ResourceTypeFilters|resource-groups:Name";

/// What is said of a request, after the number of violations.
fn said(world: &World, operation: &str, request: &Value) -> String {
    match world.post(operation, request) {
        Ok(_) => String::new(),
        Err((ErrorCode::ValidationException, message)) => message,
        Err((code, _)) => format!("{code}"),
    }
}

fn violation(value: &str, path: &str, rule: &str) -> String {
    format!("1 validation error detected: Value {value} at '{path}' failed to satisfy constraint: {rule}")
}

fn pattern(value: &str, path: &str, pattern: &str) -> String {
    violation(
        &format!("'{value}'"),
        path,
        &format!("Member must satisfy regular expression pattern: {pattern}"),
    )
}

/// An association on all nodes, with further members.
fn association(more: &Value) -> Value {
    World::shell(&json!([{"Key": "InstanceIds", "Values": ["*"]}]), more)
}

#[test]
fn the_references_cases_of_create_association_are_refused_in_its_words() {
    let world = World::new();
    let max_errors = "^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$";
    let name = r"^[a-zA-Z0-9_\-.]{3,128}$";
    let many: Vec<String> = (0..51).map(|number| format!("v{number}")).collect();
    let six = json!({"Targets": vec![json!({"Key": "tag:a", "Values": ["b"]}); 6]});
    let shown = "[{key=tag:a, values=[b]}, ".repeat(6).replace(", [{", ", {");
    let shown = format!("'{}]'", shown.trim_end_matches(", "));
    let alarms = |count: usize| {
        let alarms = vec![json!({"Name": "a"}); count];
        json!({"AlarmConfiguration": {"Alarms": alarms}})
    };
    let cases = [
        ("25", json!({}), violation("null", "name", "Member must not be null")),
        ("26", json!({"Name": "x!"}), pattern("x!", "name", r"^[a-zA-Z0-9_\-.:/]{3,128}$")),
        ("27", association(&json!({"AssociationName": "ab"})), pattern("ab", "associationName", name)),
        ("28", association(&json!({"MaxErrors": "101%"})), pattern("101%", "maxErrors", max_errors)),
        (
            "29",
            association(&json!({"MaxConcurrency": "0"})),
            pattern("0", "maxConcurrency", "^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$"),
        ),
        (
            "30",
            association(&json!({"MaxErrors": "12345678"})),
            violation("'12345678'", "maxErrors", "Member must have length less than or equal to 7"),
        ),
        (
            "31",
            association(&json!({"ComplianceSeverity": "INFORMATIONAL"})),
            violation(
                "'INFORMATIONAL'",
                "complianceSeverity",
                "Member must satisfy enum value set: [CRITICAL, HIGH, MEDIUM, LOW, UNSPECIFIED]",
            ),
        ),
        (
            "32",
            association(&json!({"ScheduleOffset": 7})),
            violation("'7'", "scheduleOffset", "Member must have value less than or equal to 6"),
        ),
        (
            "33",
            association(&six),
            violation(&shown, "targets", "Member must have length less than or equal to 5"),
        ),
        (
            "35",
            association(&json!({"AssociationName": "ab", "MaxErrors": "101%"})),
            format!(
                "2 validation errors detected: Value 'ab' at 'associationName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: {name}; \
                 Value '101%' at 'maxErrors' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: {max_errors}"
            ),
        ),
        (
            "52",
            json!({"Name": "Old12", "InstanceId": "i-123"}),
            pattern("i-123", "instanceId", r"(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)"),
        ),
        (
            "55",
            association(&json!({"Tags": [{"Key": "k", "Value": ""}, {"Key": "k".repeat(129), "Value": ""}]})),
            violation(
                &format!("'{}'", "k".repeat(129)),
                "tags.2.member.key",
                "Member must have length less than or equal to 128",
            ),
        ),
        ("58", association(&json!({"ScheduleOffset": "two"})), "SerializationException".to_owned()),
        (
            "R31, none",
            association(&alarms(0)),
            violation(
                "'[]'",
                "alarmConfiguration.alarms",
                "Member must have length greater than or equal to 1",
            ),
        ),
        (
            "R31, two",
            association(&alarms(2)),
            violation(
                "'[{name=a}, {name=a}]'",
                "alarmConfiguration.alarms",
                "Member must have length less than or equal to 1",
            ),
        ),
        (
            "a tag without its value",
            association(&json!({"Tags": [{"Key": "k"}]})),
            violation("null", "tags.1.member.value", "Member must not be null"),
        ),
        (
            "a target key",
            World::shell(&json!([{"Key": "tag;x", "Values": ["b"]}]), &json!({})),
            pattern("tag;x", "targets.1.member.key", TARGET_KEY),
        ),
    ];
    for (case, request, expected) in cases {
        assert_eq!(said(&world, "CreateAssociation", &request), expected, "case {case}");
    }
    let targets = json!([{"Key": "tag:a", "Values": many}]);
    let message = said(&world, "CreateAssociation", &World::shell(&targets, &json!({})));
    assert!(message.starts_with("1 validation error detected: Value '[v0, v1, "), "case 34: {message}");
    let end = "at 'targets.1.member.values' failed to satisfy constraint: \
               Member must have length less than or equal to 50";
    assert!(message.ends_with(end), "case 34: {message}");
    let misspelled = world.post("CreateAssociatio", &json!({})).unwrap_err();
    assert_eq!(misspelled.0, ErrorCode::UnknownOperationException, "case 57");
}

#[test]
fn the_references_cases_that_keep_to_the_limits_pass() {
    let world = World::new();
    for more in [
        json!({"MaxErrors": "0", "MaxConcurrency": "1"}),
        json!({"MaxErrors": "100%", "MaxConcurrency": "100%"}),
        json!({"SyncCompliance": "MANUAL", "ComplianceSeverity": "HIGH"}),
        json!({"Tags": [{"Key": "Größe", "Value": ""}]}),
        json!({"DocumentVersion": "$LATEST"}),
        json!({"AssociationName": null, "Unheard": 1}),
    ] {
        let message = said(&world, "CreateAssociation", &association(&more));
        assert!(!message.contains("failed to satisfy constraint"), "{more}: {message}");
    }
}

#[test]
fn filters_are_few() {
    let world = World::new();
    let filters = vec![json!({"Key": "PingStatus", "Values": ["Online"]}); 101];
    let message = said(&world, "DescribeInstanceInformation", &json!({"Filters": filters}));
    assert!(message.ends_with("Member must have length less than or equal to 100"), "{message}");
    assert_eq!(said(&world, "DescribeInstanceInformation", &json!({"Filters": filters[..100]})), "");
}

#[test]
fn what_holds_others_answers_for_those_that_have_no_members() {
    let world = World::new();
    let item = |details: Value| {
        json!({
            "ResourceId": ONE, "ResourceType": "ManagedInstance", "ComplianceType": "Custom:Aa",
            "ExecutionSummary": {"ExecutionTime": 1_741_608_000},
            "Items": [{"Severity": "LOW", "Status": "COMPLIANT", "Id": "x", "Details": details}],
        })
    };
    let list = json!({"Filters": [{"Key": "tag-key", "Values": ["a", ""]}]});
    let maps = json!({"TargetMaps": [{"InstanceId": ["i-1", "v".repeat(51)]}]});
    let long = format!("'[{{InstanceId=[i-1, {}]}}]'", "v".repeat(51));
    let cases = [
        (
            "DescribeInstanceInformation",
            list,
            violation(
                "'[a, ]'",
                "filters.1.member.values",
                "Member must satisfy constraint: [Member must have length greater than or equal to 1]",
            ),
        ),
        (
            "PutComplianceItems",
            item(json!({"": "v"})),
            violation(
                "'{=v}'",
                "items.1.member.details",
                "Map keys must satisfy constraint: [Member must have length less than or equal to 64, \
                 Member must have length greater than or equal to 1]",
            ),
        ),
        (
            "CreateAssociation",
            association(&maps),
            violation(
                &long.replace("'[{", "'{").replace("}]'", "}'"),
                "targetMaps.1.member",
                "Map value must satisfy constraint: [Member must have length less than or equal to 25, \
                 Member must have length greater than or equal to 0, \
                 Member must satisfy constraint: [Member must have length less than or equal to 50, \
                 Member must have length greater than or equal to 1]]",
            ),
        ),
    ];
    for (operation, request, expected) in cases {
        assert_eq!(said(&world, operation, &request), expected, "{request}");
    }
    let message = said(&world, "PutComplianceItems", &item(json!({"k": "v".repeat(4097)})));
    assert!(message.contains("Map value must satisfy constraint: ["), "{message}");
    assert!(message.len() < 600, "a long value is cut: {message}");
}

#[test]
fn a_wrong_type_is_no_violation_but_no_request_at_all() {
    let world = World::new();
    let cases = [
        json!([]),
        json!("text"),
        json!({"Name": 1}),
        json!({"Name": "!", "ScheduleOffset": "two"}),
        association(&json!({"ScheduleOffset": 1.5})),
        association(&json!({"ApplyOnlyAtCronInterval": "yes"})),
        association(&json!({"Targets": {}})),
        association(&json!({"Targets": ["x"]})),
        association(&json!({"Targets": [{"Key": "tag:a", "Values": [7]}]})),
        association(&json!({"Parameters": {"secret": "word"}})),
        association(&json!({"Parameters": [["word"]]})),
        association(&json!({"OutputLocation": []})),
    ];
    for request in cases {
        let (code, message) = world.post("CreateAssociation", &request).unwrap_err();
        assert_eq!(code, ErrorCode::SerializationException, "{request}");
        assert!(!message.contains("word"), "{message}");
    }
}

#[test]
fn secrets_are_not_printed_and_long_lists_end() {
    let world = World::new();
    let code = json!({"Fingerprint": "f", "PublicKey": "k".repeat(392), "ActivationCode": "a-secret"});
    let expected = "1 validation error detected: Value at 'activationCode' failed to satisfy constraint: \
                    Member must have length greater than or equal to 20";
    assert_eq!(said(&world, "RegisterManagedInstance", &code), expected);

    let tags: Vec<Value> = (0..1000).map(|_| json!({"Key": "!", "Value": "v"})).collect();
    let message = said(&world, "CreateAssociation", &association(&json!({"Tags": tags})));
    assert!(message.starts_with("1000 validation errors detected: "), "{message}");
    assert_eq!(message.matches("failed to satisfy").count(), 20, "all are counted, not all are listed");
}

#[test]
fn what_is_not_carried_out_is_refused_by_name() {
    let world = World::new();
    let body = json!({"Name": "Fresh", "Content": "{}", "DocumentType": "Session"});
    let message = "DocumentType Session is not supported by this version of ssm-fleet";
    assert_eq!(said(&world, "CreateDocument", &body), message);
    let role = json!({"AssociationDispatchAssumeRole": "arn:aws:iam::111122223333:role/r"});
    assert_eq!(said(&world, "CreateAssociation", &association(&role)), "", "it is kept");
    assert_eq!(said(&world, "CreateAssociation", &association(&json!({"CalendarNames": []}))), "");
}
