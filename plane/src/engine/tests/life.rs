//! The events of C.4: updates, versions, runs out of turn, calendars, alarms.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::id::AssociationId;
use shared::status::AssociationStatus::{Failed, InProgress, Success};
use shared::status::PlatformType;
use shared::time::Period;

use super::recount::recount;
use super::{prod, row};
use crate::config::PlaneConfig;
use crate::service::{Service, WorldChange};
use crate::state::world::AlarmState;
use crate::testing::{ONE, THREE, TWO, World};

const NEW: &str = "i-0ddddddddddddddd1";

fn update(world: &World, id: AssociationId, more: &Value) -> Result<Value, ErrorCode> {
    let mut body = json!({"AssociationId": id, "Parameters": {"commands": ["id"]}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reply = world.post("UpdateAssociation", &body).map_err(|(code, _)| code)?;
    Ok(reply["AssociationDescription"].clone())
}

fn settle(world: &World) {
    world.settle();
    recount(&world.plane.state());
}

#[test]
fn an_update_replaces_all_but_document_and_nodes_and_runs_at_once() {
    let mut world = World::new();
    let more = json!({"ScheduleExpression": "rate(1 hour)", "MaxErrors": "3", "AssociationName": "mine"});
    let id = world.associate(&prod(&more));
    world.run(ONE, id, Success);
    world.run(TWO, id, Success);
    let before = world.describe(id);
    world.pass(Period::minutes(10));
    let after = update(&world, id, &json!({"MaxConcurrency": "1"})).unwrap();
    assert_eq!(after["Overview"], json!({"Status": "Pending", "DetailedStatus": "Creating"}), "no counts");
    for kept in ["Name", "Targets", "Date", "LastExecutionDate", "LastSuccessfulExecutionDate"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    for cleared in ["ScheduleExpression", "MaxErrors", "AssociationName"] {
        assert!(after.get(cleared).is_none(), "{cleared}");
    }
    assert_eq!((&after["AssociationVersion"], &after["MaxConcurrency"]), (&json!("2"), &json!("1")));
    assert_eq!(after["LastUpdateAssociationDate"], json!(world.now.seconds() as i64));
    settle(&world);
    assert_eq!(world.executions(id)[0], row("InProgress", "{Pending=1, Queued=1}"), "under the new limit");
    world.pass(Period::days(1));
    assert_eq!(world.executions(id).len(), 2, "the old schedule is gone");
}

#[test]
fn an_update_stops_who_has_not_begun_and_lets_the_others_end() {
    let mut world = World::new();
    let all = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
    let id = world.associate(&World::shell(&all, &json!({"MaxConcurrency": "1"})));
    assert_eq!(world.told(ONE), ["Pending"]);
    world.report(ONE, id, InProgress).unwrap();
    let prod = json!([{"Key": "tag:Env", "Values": ["prod"]}]);
    update(&world, id, &json!({"Targets": prod, "MaxConcurrency": "1"})).unwrap();
    settle(&world);
    assert_eq!(
        world.executions(id),
        [row("InProgress", "{Pending=1, Queued=1}"), row("InProgress", "{InProgress=1, Skipped=2}")]
    );
    assert!(world.poll(THREE).is_empty(), "no longer a target");
    assert_eq!(
        (world.told(ONE), world.told(TWO)),
        (vec!["InProgress".to_owned()], vec!["Queued".to_owned()])
    );
    world.now += Period::seconds(1);
    world.report(ONE, id, Success).unwrap();
    settle(&world);
    assert_eq!(world.told(ONE), ["Pending"], "again, in the new version");
    world.run(ONE, id, Success);
    settle(&world);
    world.run(TWO, id, Success);
    assert_eq!(world.executions(id)[0], row("Success", "{Success=2}"));
}

#[test]
fn an_update_that_waits_for_its_schedule_runs_nobody_before() {
    let mut world = World::new();
    let id = world.associate(&prod(&json!({"MaxConcurrency": "1"})));
    let more = json!({"ScheduleExpression": "cron(30 12 * * ? *)", "ApplyOnlyAtCronInterval": true});
    update(&world, id, &more).unwrap();
    settle(&world);
    assert_eq!(world.executions(id), [row("Skipped", "{Skipped=2}")]);
    assert_eq!(world.told(ONE), ["Skipped"]);
    assert_eq!(world.describe(id)["Overview"]["Status"], json!("Pending"));
    world.pass(Period::minutes(30));
    assert_eq!(world.told(ONE), ["Pending"]);
}

#[test]
fn an_update_is_refused_by_the_services_names() {
    let world = World::new();
    let id = world.associate(&prod(&json!({})));
    let old = world.associate(&json!({"Name": "Old12", "InstanceId": ONE}));
    let target = |key: &str, value: &str| json!({"Targets": [{"Key": key, "Values": [value]}]});
    let unknown = AssociationId::from_bits(1);
    let cases = [
        (unknown, json!({}), AssociationDoesNotExist),
        (id, json!({"AssociationVersion": "2"}), InvalidAssociationVersion),
        (id, json!({"AssociationVersion": "x"}), ValidationException),
        (id, json!({"Name": "No-Such-Doc"}), InvalidDocument),
        (id, json!({"DocumentVersion": "99"}), InvalidDocumentVersion),
        (id, json!({"Parameters": {}}), InvalidParameters),
        (id, json!({"ScheduleExpression": "rate(5 hour)"}), InvalidSchedule),
        (id, json!({"ScheduleOffset": 2}), InvalidSchedule),
        (id, target("ResourceGroup", "x"), InvalidTarget),
        (id, target("InstanceIds", NEW), InvalidTarget),
        (id, json!({"CalendarNames": ["None"]}), InvalidDocument),
        (id, json!({"AlarmConfiguration": {"Alarms": []}}), ValidationException),
        (
            id,
            json!({"OutputLocation": {"S3Location": {"OutputS3BucketName": "Upper"}}}),
            InvalidOutputLocation,
        ),
        (old, json!({"Targets": [{"Key": "InstanceIds", "Values": [ONE]}]}), InvalidUpdate),
    ];
    for (id, more, code) in cases {
        assert_eq!(update(&world, id, &more).unwrap_err(), code, "{more}");
    }
    assert_eq!(world.describe(id)["AssociationVersion"], json!("1"), "nothing was changed by the way");
    assert!(update(&world, id, &json!({"AssociationVersion": "1"})).is_ok());
    assert_eq!(update(&world, id, &json!({})).unwrap_err(), TooManyUpdates, "the last one is being applied");
    world.settle();
    assert!(update(&world, id, &json!({"AssociationVersion": "$LATEST"})).is_ok());
    assert_eq!(
        update(&world, id, &json!({"AssociationVersion": "1"})).unwrap_err(),
        InvalidAssociationVersion,
        "somebody else was faster"
    );
    world.settle();
    for _ in 3..1_000 {
        update(&world, id, &json!({})).unwrap();
        world.settle();
    }
    assert_eq!(update(&world, id, &json!({})).unwrap_err(), AssociationVersionLimitExceeded);
}

#[test]
fn versions_are_listed_and_each_can_be_read() {
    let world = World::new();
    let id = world.associate(&prod(&json!({"MaxErrors": "1"})));
    for errors in ["2", "3"] {
        update(&world, id, &json!({"MaxErrors": errors})).unwrap();
        world.settle();
    }
    let page = |token: Value| {
        let body = json!({"AssociationId": id, "MaxResults": 2, "NextToken": token});
        world.post("ListAssociationVersions", &body).unwrap()
    };
    let first = page(Value::Null);
    let second = page(first["NextToken"].clone());
    assert!(second.get("NextToken").is_none());
    let rows = [&first, &second].map(|page| page["AssociationVersions"].as_array().unwrap().clone()).concat();
    let found: Vec<_> = rows.iter().map(|row| (&row["AssociationVersion"], &row["MaxErrors"])).collect();
    let (one, two, three) = (json!("1"), json!("2"), json!("3"));
    assert_eq!(found, [(&one, &one), (&two, &two), (&three, &three)]);
    let read = |version: &str| {
        let body = json!({"AssociationId": id, "AssociationVersion": version});
        world.post("DescribeAssociation", &body).map_err(|(code, _)| code)
    };
    assert_eq!(read("2").unwrap()["AssociationDescription"]["MaxErrors"], two);
    assert_eq!(read("$LATEST").unwrap()["AssociationDescription"]["AssociationVersion"], three);
    assert_eq!(read("4").unwrap_err(), InvalidAssociationVersion);
    let gone = world.post("ListAssociationVersions", &json!({"AssociationId": AssociationId::from_bits(1)}));
    assert_eq!(gone.unwrap_err().0, AssociationDoesNotExist);
}

#[test]
fn a_run_out_of_turn_does_not_shift_the_schedule() {
    let mut world = World::new();
    let more = json!({"ScheduleExpression": "cron(30 12 * * ? *)", "ApplyOnlyAtCronInterval": true});
    let id = world.associate(&prod(&more));
    world.pass(Period::minutes(10));
    world.post("StartAssociationsOnce", &json!({"AssociationIds": [id]})).unwrap();
    settle(&world);
    assert_eq!(world.told(ONE), ["Pending"], "though it waits for its schedule");
    world.run(ONE, id, Success);
    world.pass(Period::minutes(20));
    assert_eq!(world.told(ONE), ["Pending"], "and the schedule's own instant");
    assert_eq!(world.executions(id).len(), 2);
    let refuse =
        |ids: Value| world.post("StartAssociationsOnce", &json!({"AssociationIds": ids})).unwrap_err().0;
    assert_eq!(refuse(json!([id, AssociationId::from_bits(1)])), AssociationDoesNotExist);
    assert_eq!(refuse(json!(["x"])), ValidationException);
    assert_eq!(refuse(json!([])), ValidationException);
    assert_eq!(refuse(json!(vec![id; 11])), ValidationException);
}

#[test]
fn a_tag_that_is_taken_off_takes_the_association_off() {
    let mut world = World::new();
    let id = world.associate(&prod(&json!({"Tags": [{"Key": "Team", "Value": "a"}]})));
    world.run(TWO, id, Failed);
    let remove = |kind: &str, id: &str, key: &str| {
        let body = json!({"ResourceType": kind, "ResourceId": id, "TagKeys": [key]});
        world.post("RemoveTagsFromResource", &body).err().map(|(code, _)| code)
    };
    assert_eq!(remove("ManagedInstance", TWO, "Env"), None);
    settle(&world);
    assert!(world.poll(TWO).is_empty());
    assert_eq!(world.describe(id)["Overview"]["AssociationStatusAggregatedCount"], json!({"Pending": 1}));
    assert_eq!(remove("ManagedInstance", ONE, "Role"), None, "it has none");
    assert_eq!(remove("Association", &id.to_string(), "Team"), None);
    let tags = json!({"ResourceType": "Association", "ResourceId": id});
    assert_eq!(world.post("ListTagsForResource", &tags).unwrap()["TagList"], json!([]));
    assert_eq!(remove("Document", "None", "k"), Some(InvalidResourceId));
    assert_eq!(remove("Parameter", "p", "k"), Some(InvalidResourceType));
    assert_eq!(remove("Nonsense", "p", "k"), Some(ValidationException));
}

/// A calendar that is closed from 13:00 to 15:00 on the world's first day.
pub(super) fn with_calendar(config: PlaneConfig) -> World {
    let world = World::with(config);
    let content = [
        "BEGIN:VCALENDAR",
        "PRODID:-//AWS//Change Calendar 1.0//EN",
        "VERSION:2.0",
        "X-CALENDAR-TYPE:DEFAULT_OPEN",
        "BEGIN:VEVENT",
        "UID:1",
        "DTSTAMP:20250101T000000Z",
        "DTSTART:20250310T130000Z",
        "DTEND:20250310T150000Z",
        "SUMMARY:freeze",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ];
    let body = json!({
        "Name": "Freeze", "Content": content.join("\r\n"), "DocumentType": "ChangeCalendar", "DocumentFormat": "TEXT",
    });
    world.post("CreateDocument", &body).unwrap();
    world
}

#[test]
fn nothing_runs_while_a_calendar_is_closed() {
    let mut world = with_calendar(World::config());
    let more = json!({"ScheduleExpression": "rate(1 hour)", "CalendarNames": ["Freeze"]});
    let id = world.associate(&prod(&more));
    assert_eq!(world.describe(id)["CalendarNames"], json!(["Freeze"]));
    world.run(ONE, id, Success);
    world.run(TWO, id, Success);
    world.pass(Period::hours(1));
    world.pass(Period::minutes(30));
    let skipped = row("Skipped", "{}");
    assert_eq!(world.executions(id), [skipped.clone(), row("Success", "{Success=2}")], "13:00");
    assert_eq!(world.told(ONE), ["Success"], "no state of a node changes");
    assert_eq!(world.describe(id)["Overview"]["Status"], json!("Success"));
    let once = world.associate(&prod(&json!({"CalendarNames": ["Freeze"]})));
    world.tag(NEW, "Env", "prod");
    world.ping(NEW, PlatformType::Linux);
    settle(&world);
    assert!(world.poll(NEW).is_empty(), "it joined while the calendar is closed");
    let bytes = world.plane.snapshot().unwrap();
    world.plane = Service::restore(World::config(), &bytes).unwrap();
    world.pass(Period::minutes(90));
    recount(&world.plane.state());
    assert_eq!(world.told(NEW), ["Pending", "Pending"], "15:00: it runs as soon as the calendar opens");
    assert_eq!(world.told(ONE), ["Pending"], "by its schedule, for it is 15:00");
    assert_eq!(
        world.executions(once),
        [row("InProgress", "{Pending=1}"), skipped],
        "what was to run once while it was closed does not run later, but on who joined"
    );
    let unknown = prod(&json!({"CalendarNames": ["Shell22"]}));
    assert_eq!(world.post("CreateAssociation", &unknown).unwrap_err().0, InvalidDocument);
}

#[test]
fn who_was_meant_before_a_calendar_closed_has_not_joined() {
    let mut world = with_calendar(World::config());
    world.pass(Period::minutes(90));
    let once = world.associate(&prod(&json!({"CalendarNames": ["Freeze"]})));
    world.tag(ONE, "Shift", "night");
    world.tag(TWO, "Env", "test");
    // Matched before it can be seen that anything has changed.
    let tags = |value: &str| {
        let tags = json!([{"Key": "Env", "Value": value}]);
        let body = json!({"ResourceType": "ManagedInstance", "ResourceId": TWO, "Tags": tags});
        world.post("AddTagsToResource", &body).unwrap();
    };
    tags("prod");
    let bytes = world.plane.snapshot().unwrap();
    let mut world = World { plane: Service::restore(World::config(), &bytes).unwrap(), now: world.now };
    world.tag(TWO, "Shift", "day");
    world.pass(Period::minutes(90));
    assert_eq!(world.told(ONE), [""; 0], "another tag makes it no new target");
    assert_eq!(world.told(TWO), ["Pending"], "it became a target while the calendar was closed");
    assert_eq!(world.executions(once)[0], row("InProgress", "{Pending=1}"));
    recount(&world.plane.state());
}

#[test]
fn who_joined_runs_when_the_calendar_itself_changes() {
    let mut world = with_calendar(World::config());
    let calendar = |kind: &str, events: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\nX-CALENDAR-TYPE:{kind}\r\n{events}END:VCALENDAR\r\n"
        )
    };
    let body = json!({
        "Name": "Shut", "Content": calendar("DEFAULT_CLOSED", ""), "DocumentType": "ChangeCalendar", "DocumentFormat": "TEXT",
    });
    world.post("CreateDocument", &body).unwrap();
    let ids = [0, 1].map(|_| world.associate(&prod(&json!({"CalendarNames": ["Shut"]}))));
    world.tag(NEW, "Env", "prod");
    world.ping(NEW, PlatformType::Linux);
    world.pass(Period::days(1));
    assert_eq!(world.told(NEW), [""; 0], "it never opens by itself");
    update(&world, ids[0], &json!({"CalendarNames": []})).unwrap();
    settle(&world);
    assert_eq!(world.told(NEW), ["Pending"], "of what keeps to no calendar any more");

    let body = json!({
        "Name": "Shut", "Content": calendar("DEFAULT_OPEN", ""), "DocumentVersion": "$LATEST", "DocumentFormat": "TEXT",
    });
    world.post("UpdateDocument", &body).unwrap();
    world.post("UpdateDocumentDefaultVersion", &json!({"Name": "Shut", "DocumentVersion": "2"})).unwrap();
    settle(&world);
    assert_eq!(world.told(NEW), ["Pending", "Pending"], "the calendar is open now");
    assert_eq!(world.told(ONE), ["Pending"], "but not of what it was not new to");
}

#[test]
fn an_alarm_stops_what_has_not_begun() {
    let mut world = World::new();
    let alarm = |world: &World, state: Option<AlarmState>| {
        world.plane.change_world(world.now, WorldChange::Alarm("a1".to_owned(), state)).unwrap();
        settle(world);
    };
    alarm(&world, Some(AlarmState::Ok));
    let all = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
    let more = json!({
        "ScheduleExpression": "rate(1 hour)", "MaxConcurrency": "2", "AlarmConfiguration": {"Alarms": [{"Name": "a1"}]},
    });
    let id = world.associate(&World::shell(&all, &more));
    assert_eq!(world.told(ONE), ["Pending"]);
    world.report(ONE, id, InProgress).unwrap();
    alarm(&world, Some(AlarmState::Alarm));
    assert_eq!(world.executions(id)[0], row("InProgress", "{InProgress=1, Skipped=2}"), "who runs ends");
    let triggered = json!([{"Name": "a1", "State": "ALARM"}]);
    assert_eq!(world.describe(id)["TriggeredAlarms"], triggered);
    world.now += Period::seconds(1);
    world.report(ONE, id, Success).unwrap();
    world.pass(Period::hours(1));
    assert_eq!(world.executions(id)[0], row("Skipped", "{}"), "nor does the next round begin");
    alarm(&world, None);
    world.pass(Period::hours(1));
    assert_eq!(world.describe(id)["TriggeredAlarms"], json!([{"Name": "a1", "State": "UNKNOWN"}]));
    alarm(&world, Some(AlarmState::InsufficientData));
    let bytes = world.plane.snapshot().unwrap();
    world.plane = Service::restore(World::config(), &bytes).unwrap();
    world.pass(Period::hours(1));
    assert_eq!(world.executions(id)[0], row("InProgress", "{Pending=2, Queued=1}"));
    assert!(world.describe(id).get("TriggeredAlarms").is_none());
}

#[test]
fn a_duration_ends_what_still_runs() {
    let mut world = World::new();
    let all = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
    let more = json!({
        "ScheduleExpression": "cron(0 13 * * ? *)", "ApplyOnlyAtCronInterval": true, "Duration": 1, "MaxConcurrency": "2",
    });
    let id = world.associate(&World::shell(&all, &more));
    world.pass(Period::hours(1));
    assert_eq!(world.told(ONE), ["Pending"]);
    world.report(ONE, id, InProgress).unwrap();
    world.pass(Period::hours(1));
    recount(&world.plane.state());
    assert_eq!(world.executions(id), [row("Cancelled", "{Cancelled=2, Skipped=1}")]);
    let ignored = world.associate(&World::shell(&all, &json!({"Duration": 1})));
    world.report(ONE, ignored, InProgress).unwrap();
    world.pass(Period::hours(1));
    assert_eq!(
        world.executions(ignored)[0].0,
        "InProgress",
        "without ApplyOnlyAtCronInterval it means nothing"
    );
    let strict = World::with(PlaneConfig { strict_duration: true, ..World::config() });
    let refusal = strict.post("CreateAssociation", &prod(&json!({"Duration": 1}))).unwrap_err();
    assert_eq!(refusal.0, InvalidSchedule);
}

#[test]
fn a_document_that_changes_runs_again_but_not_what_waits_for_its_schedule() {
    let mut world = World::new();
    let id = world.associate(&prod(&json!({"DocumentVersion": "$LATEST"})));
    let more = json!({
        "DocumentVersion": "$LATEST", "ScheduleExpression": "cron(30 12 * * ? *)", "ApplyOnlyAtCronInterval": true,
    });
    let waits = world.associate(&prod(&more));
    world.run(ONE, id, Success);
    world.run(TWO, id, Success);
    let content = json!({
        "schemaVersion": "2.2", "parameters": {"commands": {"type": "StringList"}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "new", "inputs": {"runCommand": "{{ commands }}"}}],
    });
    let body = json!({"Name": "Shell22", "Content": content.to_string(), "DocumentVersion": "$LATEST"});
    let checksum = world.poll(ONE)[0].checksum.clone();
    world.post("UpdateDocument", &body).unwrap();
    settle(&world);
    assert_eq!(world.executions(id).len(), 2);
    assert_ne!(world.poll(ONE)[0].checksum, checksum);
    assert_eq!(world.executions(waits).len(), 0);
}
