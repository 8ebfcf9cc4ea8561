//! What the settings change in what runs when, each beside its default.

use serde_json::{Value, json};
use shared::error::ErrorCode::{InvalidAssociationVersion, TooManyUpdates};
use shared::id::AssociationId;
use shared::status::AssociationStatus::{Failed, InProgress, Success};
use shared::time::Period;

use super::life::with_calendar;
use super::recount::recount;
use super::{prod, row};
use crate::config::PlaneConfig;
use crate::config::choice::{CalendarHistory, OverlappingIntervals, SecondAssociation, StoppedTargets};
use crate::service::Service;
use crate::testing::{ONE, TWO, World};

fn targets(world: &World, id: AssociationId) -> Vec<(Value, Value)> {
    let body = json!({"AssociationId": id, "ExecutionId": world.newest(id)["ExecutionId"]});
    let reply = world.post("DescribeAssociationExecutionTargets", &body).unwrap();
    let rows = reply["AssociationExecutionTargets"].as_array().unwrap().iter();
    rows.map(|row| (row["Status"].clone(), row["DetailedStatus"].clone())).collect()
}

#[test]
fn how_targets_stand_that_errors_stopped_is_a_setting() {
    for (stopped_targets, word) in
        [(StoppedTargets::Skipped, "Skipped"), (StoppedTargets::Cancelled, "Cancelled")]
    {
        let mut world = World::with(PlaneConfig { stopped_targets, ..World::config() });
        let id = world.associate(&prod(&json!({"MaxConcurrency": "1", "MaxErrors": "0"})));
        world.run(ONE, id, Failed);
        world.settle();
        let expected = [(json!("Failed"), json!("Failed")), (json!(word), json!("Terminated"))];
        assert_eq!(targets(&world, id), expected);
        assert_eq!(world.executions(id)[0].0, "Failed");
        recount(&world.plane.state());
    }
}

#[test]
fn an_interval_that_overlaps_is_left_out_if_that_is_set() {
    let hourly = json!({"ScheduleExpression": "rate(1 hour)", "MaxConcurrency": "1"});
    for (overlapping_intervals, executions) in
        [(OverlappingIntervals::Supersede, 2), (OverlappingIntervals::Skip, 1)]
    {
        let mut world = World::with(PlaneConfig { overlapping_intervals, ..World::config() });
        let id = world.associate(&prod(&hourly));
        assert_eq!(world.told(ONE), ["Pending"]);
        world.report(ONE, id, InProgress).unwrap();
        world.pass(Period::minutes(61));
        assert_eq!(world.executions(id).len(), executions, "TWO waits still");
        if overlapping_intervals == OverlappingIntervals::Skip {
            world.run(ONE, id, Success);
            world.run(TWO, id, Success);
            world.pass(Period::hours(1));
            assert_eq!(world.executions(id).len(), 2, "the next one is taken");
        }
        recount(&world.plane.state());
    }
}

#[test]
fn a_second_association_ends_the_first_if_that_is_set() {
    for (second_association, is_pushed, told) in [
        (SecondAssociation::Waits, false, ["InProgress", "Pending"]),
        (SecondAssociation::Waits, true, ["InProgress", "Pending"]),
        (SecondAssociation::TimesOutTheFirst, false, ["TimedOut", "Pending"]),
        (SecondAssociation::TimesOutTheFirst, true, ["TimedOut", "Pending"]),
    ] {
        let mut world = World::with(PlaneConfig { second_association, ..World::config() });
        let first = world.associate(&prod(&json!({})));
        world.told(ONE);
        world.report(ONE, first, InProgress).unwrap();
        if is_pushed {
            world.open_channel(ONE);
        }
        let second = world.associate(&prod(&json!({})));
        world.now += Period::minutes(1);
        assert_eq!(world.plane.jobs(world.now, ONE.parse().unwrap()).len(), usize::from(is_pushed));
        world.told(ONE);
        assert_eq!(world.told(ONE), told);
        world.run(ONE, second, Success);
        world.report(ONE, first, Success).unwrap();
        let first_ended = if second_association == SecondAssociation::Waits { "Success" } else { "TimedOut" };
        assert_eq!(world.told(ONE), [first_ended, "Success"], "what it says of a run that timed out is late");
        recount(&world.plane.state());
    }
}

#[test]
fn a_closed_calendar_leaves_a_trace_unless_that_is_set() {
    let closed = row("Skipped", "{}");
    for (calendar_history, expected) in [
        (CalendarHistory::Skipped, vec![closed, row("Success", "{Success=2}")]),
        (CalendarHistory::Nothing, vec![row("Success", "{Success=2}")]),
    ] {
        let mut world = with_calendar(PlaneConfig { calendar_history, ..World::config() });
        let more = json!({"ScheduleExpression": "rate(1 hour)", "CalendarNames": ["Freeze"]});
        let id = world.associate(&prod(&more));
        world.run(ONE, id, Success);
        world.run(TWO, id, Success);
        world.pass(Period::minutes(90));
        assert_eq!(world.executions(id), expected);
        world.pass(Period::hours(2));
        assert_eq!(world.told(ONE), ["Pending"], "open again");
    }
}

#[test]
fn one_update_at_a_time() {
    let mut world = World::new();
    let id = world.associate(&prod(&json!({})));
    let body = json!({"AssociationId": id, "Parameters": {"commands": ["id"]}});
    world.post("UpdateAssociation", &body).unwrap();
    let mut stale = body.clone();
    stale["AssociationVersion"] = json!("1");
    assert_eq!(world.post("UpdateAssociation", &stale).unwrap_err().0, InvalidAssociationVersion);
    assert_eq!(world.post("UpdateAssociation", &body).unwrap_err().0, TooManyUpdates);
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    assert_eq!(world.post("UpdateAssociation", &body).unwrap_err().0, TooManyUpdates, "a snapshot keeps it");
    world.settle();
    world.post("UpdateAssociation", &body).unwrap();
    assert_eq!(world.describe(id)["AssociationVersion"], "3");
}
