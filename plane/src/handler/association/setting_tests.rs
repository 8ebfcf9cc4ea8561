//! What the settings change in what a request for an association is answered.

use serde_json::{Value, json};
use shared::error::ErrorCode;

use crate::config::PlaneConfig;
use crate::config::choice::{CronHours, LegacyUniqueness, OmittedInUpdate, Undocumented};
use crate::testing::{ONE, World};

/// What a request is answered by the settings that change: its error, if any.
fn answers(config: PlaneConfig, body: &Value) -> Option<ErrorCode> {
    World::with(config).post("CreateAssociation", body).err().map(|(code, _)| code)
}

fn on_one(more: &Value) -> Value {
    World::shell(&json!([{"Key": "InstanceIds", "Values": [ONE]}]), more)
}

#[test]
fn the_names_of_errors_that_nobody_documents_are_settings() {
    use ErrorCode::{InvalidInstanceId, InvalidSchedule, InvalidTarget, ValidationException};
    type Change = fn(&mut PlaneConfig);
    let legacy = json!({"Name": "Old12", "InstanceId": ONE});
    let with = |body: &Value, more: Value| {
        let mut body = body.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let target = |key: &str, value: &str| World::shell(&json!([{"Key": key, "Values": [value]}]), &json!({}));
    let cases: Vec<(Value, Option<ErrorCode>, Change, Option<ErrorCode>)> = vec![
        (
            with(&legacy, json!({"MaxErrors": "1"})),
            Some(ErrorCode::InvalidParameters),
            |config| config.legacy_member_error = ValidationException,
            Some(ValidationException),
        ),
        (
            with(&legacy, json!({"Targets": [{"Key": "tag:A", "Values": ["b"]}]})),
            Some(ValidationException),
            |config| config.legacy_targets_error = InvalidTarget,
            Some(InvalidTarget),
        ),
        (
            target("InstanceIds", "i-123"),
            Some(InvalidTarget),
            |config| config.malformed_target_error = InvalidInstanceId,
            Some(InvalidInstanceId),
        ),
        (
            on_one(&json!({"CalendarNames": ["None"]})),
            Some(ErrorCode::InvalidDocument),
            |config| config.calendar_error = ErrorCode::InvalidDocumentType,
            Some(ErrorCode::InvalidDocumentType),
        ),
        (
            on_one(&json!({"TargetLocations": [{"Regions": ["us-east-1"]}]})),
            Some(InvalidTarget),
            |config| config.target_locations_error = ValidationException,
            Some(ValidationException),
        ),
        (
            on_one(&json!({"AutomationTargetParameterName": "x"})),
            Some(ErrorCode::InvalidParameters),
            |config| config.target_parameter_error = InvalidTarget,
            Some(InvalidTarget),
        ),
        (
            target("resource-groups:ResourceTypeFilters", "AWS::EC2::Instance"),
            None,
            |config| config.resource_type_filters = Undocumented::Refuse,
            Some(InvalidTarget),
        ),
        (
            on_one(&json!({"ApplyOnlyAtCronInterval": true})),
            None,
            |config| config.unscheduled_apply_only = Undocumented::Refuse,
            Some(InvalidSchedule),
        ),
        (
            on_one(&json!({"ScheduleExpression": "cron(0 10 * * ?)"})),
            Some(InvalidSchedule),
            |config| config.cron_five_fields = true,
            None,
        ),
        (
            on_one(&json!({"ScheduleExpression": "cron(0 0/6 * * ? *)"})),
            None,
            |config| config.cron_hours = CronHours::Documented,
            Some(InvalidSchedule),
        ),
        (
            on_one(&json!({"Duration": 2})),
            None,
            |config| config.strict_duration = true,
            Some(InvalidSchedule),
        ),
    ];
    for (body, usual, change, otherwise) in cases {
        let mut config = World::config();
        assert_eq!(answers(config.clone(), &body), usual, "{body}");
        change(&mut config);
        assert_eq!(answers(config, &body), otherwise, "{body}");
    }
}

#[test]
fn an_update_keeps_or_clears_what_it_leaves_out() {
    let body = |id: &Value| json!({"AssociationId": id, "Parameters": {"commands": ["id"]}});
    for (omitted_in_update, expected) in
        [(OmittedInUpdate::Keep, None), (OmittedInUpdate::Clear, Some(ErrorCode::ValidationException))]
    {
        let world = World::with(PlaneConfig { omitted_in_update, ..World::config() });
        let id = json!(world.associate(&on_one(&json!({}))));
        assert_eq!(world.post("UpdateAssociation", &body(&id)).err().map(|(code, _)| code), expected);
        let mut named = body(&id);
        named["Name"] = json!("Shell22");
        world.settle();
        let outcome = world.post("UpdateAssociation", &named).err().map(|(code, _)| code);
        assert_eq!(
            outcome,
            expected.as_ref().map(|_| ErrorCode::InvalidTarget),
            "Targets are missing as well"
        );
    }
}

#[test]
fn an_update_that_names_nobody_has_the_error_that_is_set() {
    let error = ErrorCode::InvalidInstanceId;
    for (unknown_update_target_error, expected) in
        [(ErrorCode::InvalidTarget, ErrorCode::InvalidTarget), (error.clone(), error)]
    {
        let world = World::with(PlaneConfig { unknown_update_target_error, ..World::config() });
        let id = world.associate(&on_one(&json!({})));
        let targets = json!([{"Key": "InstanceIds", "Values": ["i-0eeeeeeeeeeeeeee1"]}]);
        let body = json!({"AssociationId": id, "Parameters": {"commands": ["id"]}, "Targets": targets});
        assert_eq!(world.post("UpdateAssociation", &body).unwrap_err().0, expected);
    }
}

#[test]
fn a_document_is_the_same_by_its_name_and_by_its_arn() {
    let arn = "arn:aws:ssm:us-east-1:111122223333:document/Old12";
    let legacy = |name: &str| json!({"Name": name, "InstanceId": ONE});
    let world = World::new();
    world.associate(&legacy(arn));
    let twice = world.post("CreateAssociation", &legacy("Old12")).unwrap_err();
    assert_eq!(twice.0, ErrorCode::AssociationAlreadyExists);
    let read = world.post("DescribeAssociation", &legacy("Old12")).unwrap();
    assert_eq!(read["AssociationDescription"]["Name"], arn, "as it was given");
    world.post("DeleteAssociation", &legacy("Old12")).unwrap();
    world.settle();
    world.associate(&legacy("Old12"));
    assert!(world.post("DescribeAssociation", &legacy(arn)).is_ok());
}

#[test]
fn whether_a_node_may_have_several_documents_in_the_old_form_is_a_setting() {
    let legacy = |name: &str| json!({"Name": name, "InstanceId": ONE});
    for (legacy_uniqueness, expected) in [
        (LegacyUniqueness::DocumentAndNode, None),
        (LegacyUniqueness::Node, Some(ErrorCode::AssociationAlreadyExists)),
    ] {
        let world = World::with(PlaneConfig { legacy_uniqueness, ..World::config() });
        world.associate(&legacy("Old12"));
        let second = world.post("CreateAssociation", &legacy("AWS-UpdateSSMAgent"));
        assert_eq!(second.err().map(|(code, _)| code), expected);
    }
}

#[test]
fn tags_of_instances_are_taken_in_place_of_ec2_unless_that_is_set() {
    let world = World::new();
    let body =
        json!({"ResourceType": "ManagedInstance", "ResourceId": ONE, "Tags": [{"Key": "a", "Value": "b"}]});
    world.post("AddTagsToResource", &body).unwrap();
    let strict = World::empty(PlaneConfig { instance_tags: Undocumented::Refuse, ..World::config() });
    strict.ping(ONE, shared::status::PlatformType::Linux);
    let refusal = strict.post("AddTagsToResource", &body).unwrap_err();
    assert_eq!(refusal.0, ErrorCode::InvalidResourceId);
}
