//! What keeps nodes from beginning: alarms, calendars, a Duration that is over, too many errors.

use std::collections::BTreeSet;

use agent::fault::Share;
use fleet::scenario::Behaviour;
use plane::service::WorldChange;
use plane::state::world::AlarmState;
use serde_json::json;

use super::{five, pair, play, row};
use crate::stage::Stage;

fn alarm(stage: &Stage<'_>, state: Option<AlarmState>) {
    stage.change(WorldChange::Alarm("cpu".to_owned(), state));
}

#[test]
fn an_alarm_lets_those_end_who_run_and_nobody_begin() {
    play(|stage, _| {
        alarm(stage, Some(AlarmState::Ok));
        let more = json!({
            "ScheduleExpression": "rate(1 hour)", "MaxConcurrency": "2",
            "AlarmConfiguration": {"Alarms": [{"Name": "cpu"}]},
        });
        let id = stage.associate("slow", "prod", &more);
        stage.until(12);
        alarm(stage, Some(AlarmState::InsufficientData));
        assert_eq!(
            stage.executions(id),
            [row("InProgress", "{InProgress=2, Queued=1}")],
            "that stops nothing"
        );
        alarm(stage, Some(AlarmState::Alarm));
        stage.until(50);
        let prod = stage.nodes("prod");
        let began: Vec<_> = prod.iter().map(|node| stage.began(*node, id)).collect();
        assert_eq!(began, [vec![10], vec![10], vec![]]);
        assert_eq!(stage.executions(id), [row("Success", "{Skipped=1, Success=2}")]);
        let triggered = json!([{"Name": "cpu", "State": "ALARM"}]);
        assert_eq!(stage.describe(id)["TriggeredAlarms"], triggered);
        let reply = stage.ask("DescribeAssociationExecutions", &json!({"AssociationId": id}));
        assert_eq!(reply["AssociationExecutions"][0]["TriggeredAlarms"], triggered);
        stage.until(110);
        assert_eq!(stage.executions(id)[0], row("Skipped", "{}"), "minute 62");
        alarm(stage, Some(AlarmState::Ok));
        stage.until(150);
        assert_eq!(stage.began(prod[0], id), [10, 130], "minute 122");
        assert!(stage.describe(id).get("TriggeredAlarms").is_none());
    });
}

#[test]
fn an_alarm_that_cannot_be_read_counts_as_raised_unless_told_otherwise() {
    for (ignore, began) in [(false, vec![]), (true, vec![10])] {
        play(|stage, _| {
            let configuration = json!({"Alarms": [{"Name": "cpu"}], "IgnorePollAlarmFailure": ignore});
            let id = stage.associate("hello", "prod", &json!({"AlarmConfiguration": configuration}));
            stage.until(32);
            for node in stage.nodes("prod") {
                assert_eq!(stage.began(node, id), began);
            }
            let triggered = stage.describe(id).get("TriggeredAlarms").cloned();
            let unknown = json!([{"Name": "cpu", "State": "UNKNOWN"}]);
            assert_eq!(triggered, (!ignore).then_some(unknown));
        });
    }
}

/// Makes a calendar that is closed from 00:25 to 01:45 of the first day.
pub(super) fn create_calendar(stage: &Stage<'_>) {
    let lines = [
        "BEGIN:VCALENDAR",
        "PRODID:-//AWS//Change Calendar 1.0//EN",
        "VERSION:2.0",
        "X-CALENDAR-TYPE:DEFAULT_OPEN",
        "BEGIN:VEVENT",
        "UID:1",
        "DTSTAMP:20250101T000000Z",
        "DTSTART:20250101T002500Z",
        "DTEND:20250101T014500Z",
        "SUMMARY:freeze",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ];
    let body = json!({
        "Name": "Freeze", "Content": lines.join("\r\n"), "DocumentType": "ChangeCalendar", "DocumentFormat": "TEXT",
    });
    stage.ask("CreateDocument", &body);
}

#[test]
fn while_a_calendar_is_closed_no_interval_runs_but_who_joined_runs_when_it_opens() {
    play(|stage, _| {
        create_calendar(stage);
        let more = json!({"ScheduleExpression": "cron(0/30 * * * ? *)", "CalendarNames": ["Freeze"]});
        let id = stage.associate("hello", "prod", &more);
        stage.until(35);
        let once = stage.associate("hello", "prod", &json!({"CalendarNames": ["Freeze"]}));
        let new = stage.nodes("test")[0];
        stage.until(50);
        stage.tag(new, "Env", "prod");
        stage.until(104);
        let skipped = row("Skipped", "{}");
        let first = row("Success", "{Success=3}");
        assert_eq!(stage.executions(id), [skipped.clone(), skipped.clone(), skipped.clone(), first]);
        assert_eq!(stage.executions(once), [skipped]);
        assert_eq!(stage.standing(stage.nodes("prod")[0], id), pair("Success", "Success"), "as before");
        stage.until(118);
        assert_eq!((stage.began(new, id), stage.began(new, once)), (vec![110], vec![110]));
        for node in stage.nodes("prod") {
            assert_eq!((stage.began(node, id), stage.began(node, once)), (vec![10], vec![]));
        }
        stage.until(150);
        for node in stage.nodes("prod") {
            assert_eq!(stage.began(node, id), [10, 120], "the next instant");
            assert_eq!(stage.began(node, once), [0; 0], "what was to run once does not run later");
        }
    });
}

#[test]
fn a_duration_that_is_over_cancels_who_is_at_it_and_begins_nobody() {
    play(|stage, network| {
        let more = json!({
            "ScheduleExpression": "cron(30 0 * * ? *)", "ApplyOnlyAtCronInterval": true, "Duration": 1,
            "MaxConcurrency": "1",
        });
        let id = stage.associate("longer", "prod", &more);
        let prod = stage.nodes("prod");
        stage.until(89);
        assert_eq!(stage.running(id), BTreeSet::from([prod[1]]));
        stage.until(91);
        let ended = || row("Cancelled", "{Cancelled=1, Skipped=1, Success=1}");
        assert_eq!(stage.executions(id), [ended()]);
        assert_eq!(stage.overview(id), row("Failed", "Cancelled"));
        assert_eq!(stage.standing(prod[1], id), pair("Cancelled", "Cancelled"));
        stage.until(180);
        let began: Vec<_> = prod.iter().map(|node| stage.began(*node, id)).collect();
        assert_eq!(began, [vec![30], vec![80], vec![]]);
        assert_eq!(
            stage.executions(id),
            [ended()],
            "no agent can be told to break off: its word comes too late"
        );
        assert_eq!(network.endings(id).len(), 2);
    });
}

#[test]
fn after_too_many_errors_only_a_run_out_of_turn_or_an_update_runs_the_rest() {
    let mut scenario = five();
    scenario.cohorts[0].behaviours.insert(
        0,
        Behaviour {
            document: Some("hello".to_owned()),
            fails: Share::ALL,
            exit_code: Some(3),
            ..Behaviour::default()
        },
    );
    Stage::play(&scenario, |stage, _| {
        stage.create_document("hello", 1);
        let id = stage.associate("hello", "prod", &json!({"MaxConcurrency": "1", "MaxErrors": "0"}));
        let prod = stage.nodes("prod");
        stage.until(60);
        let stopped = || row("Failed", "{Failed=1, Skipped=2}");
        assert_eq!(stage.executions(id), [stopped()]);
        assert_eq!(stage.standing(prod[1], id), pair("Skipped", "Terminated"));
        assert_eq!(stage.compliance(prod[1]), [], "it never ran");
        stage.ask("StartAssociationsOnce", &json!({"AssociationIds": [id]}));
        stage.until(80);
        assert_eq!(stage.executions(id), [stopped(), stopped()]);
        stage.update(id, &json!({"MaxConcurrency": "1", "MaxErrors": "1"}));
        stage.until(120);
        assert_eq!(stage.executions(id)[0], row("Failed", "{Failed=2, Skipped=1}"));
        assert_eq!(stage.began(prod[0], id).len(), 3);
        assert_eq!(stage.began(prod[1], id).len(), 1);
    });
}
