//! Runs that outlast the node or its worker: each goes on where it was, or is given up.

use agent::call::Answer;
use agent::catalogue::Behaviour;
use agent::distribution::Distribution;
use agent::fault::Share;
use agent::node::Note;
use serde_json::json;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};

use super::{bench, shelf, shell, steps, told};

#[test]
fn a_step_that_asks_for_a_reboot_goes_on_when_the_node_is_back() {
    let content = steps(json!([
        shell("first", &["echo once"]),
        shell("second", &["true"]),
        shell("third", &["echo after"])
    ]));
    let shelf = shelf(&[("Reboots", &content)]);
    let behaviour = Behaviour {
        step: Some("second".into()),
        takes: Some(Distribution::Constant(Period::seconds(5))),
        fails: Share::ALL,
        exit_code: 194,
        ..Behaviour::default()
    };
    let mut bench = bench(vec![behaviour]);
    let mut polls = 0;
    bench.run_for(Period::minutes(9), &mut |made| match shelf.answer(made) {
        Answer::Associations(mut page) => {
            polls += 1;
            let status = if polls == 1 { "Associated" } else { "InProgress" };
            page.associations[0].detailed_status = Some(status.into());
            Answer::Associations(page)
        }
        other => other,
    });

    let one = "1 out of 3 plugins processed, 1 success, 0 failed, 0 timedout, 0 skipped. ";
    let all = "3 out of 3 plugins processed, 3 success, 0 failed, 0 timedout, 0 skipped. ";
    let summaries: Vec<_> = told(&bench).into_iter().map(|told| told.summary).collect();
    let expected = ["Association is pending", "Executing association", one, one, one, one, all];
    assert_eq!(summaries, expected, "the second step is told of before and after the reboot");

    let gone = bench.notes.iter().find(|(_, note)| matches!(note, Note::Rebooting(_))).expect("it went").0;
    let after: Vec<_> = bench.calls.iter().filter(|made| made.at > gone).collect();
    let back = after[0].at.since(gone);
    assert_eq!(back, Period::seconds(91), "a minute, half a minute to boot, a second to start");
    let operations: Vec<_> = after.iter().map(|made| made.operation()).take(2).collect();
    assert_eq!(operations, ["UpdateInstanceInformation"; 2], "it starts as at first");
    let resumed = after.iter().find(|made| made.operation() == "UpdateInstanceAssociationStatus");
    let online = bench.notes.iter().rev().find(|(_, note)| *note == Note::Online).expect("it is back").0;
    assert_eq!(resumed.expect("it goes on").at.since(online), Period::seconds(5), "with the same step");
    assert!(after.iter().any(|made| made.operation() == "GetDocument"), "it knows of nothing any more");
    assert_eq!(bench.calls_of("RegisterManagedInstance").len(), 1);
}

#[test]
fn a_script_that_always_reboots_is_given_up_after_fifteen_times() {
    let shelf = shelf(&[("Loops", &steps(json!([shell("s", &["exit 194"])])))]);
    let mut bench = bench(Vec::new());
    let mut polls = 0;
    bench.run_for(Period::hours(2), &mut |made| match shelf.answer(made) {
        Answer::Associations(mut page) => {
            polls += 1;
            let status = if polls == 1 { "Associated" } else { "InProgress" };
            page.associations[0].detailed_status = Some(status.into());
            Answer::Associations(page)
        }
        other => other,
    });
    let count = |wanted: fn(&Note) -> bool| bench.notes.iter().filter(|(_, note)| wanted(note)).count();
    assert_eq!(count(|note| matches!(note, Note::Rebooting(_))), 16);
    assert_eq!(count(|note| matches!(note, Note::GivenUp(_))), 1);
    assert!(told(&bench).iter().all(|told| !told.status.is_terminal()), "nobody hears of it");
    assert!(!bench.node.is_running());
}

#[test]
fn a_document_goes_on_while_the_agents_worker_is_gone() {
    let content = steps(json!([shell("first", &["sleep 12m"]), shell("second", &["sleep 12m"])]));
    let shelf = shelf(&[("Long", &content)]);
    let takes = Some(Distribution::Constant(Period::ZERO));
    for step in ["first", "second"] {
        let behaviour = Behaviour { step: Some(step.into()), takes: None, ..Behaviour::default() };
        let quick = Behaviour { takes, ..Behaviour::default() };
        let mut bench = bench(vec![behaviour, quick]);
        let mut polls = 0;
        bench.run_for(Period::minutes(25), &mut |made| match shelf.answer(made) {
            Answer::Associations(mut page) => {
                polls += 1;
                page.associations[0].detailed_status =
                    Some(if polls == 1 { "Associated" } else { "InProgress" }.into());
                // The second poll comes while the long step is under way.
                if polls == 2 { Answer::Fatal("Checksum") } else { Answer::Associations(page) }
            }
            other => other,
        });
        assert!(bench.notes.iter().any(|(_, note)| matches!(note, Note::WorkerDied(_))));
        let all = "2 out of 2 plugins processed, 2 success, 0 failed, 0 timedout, 0 skipped. ";
        let last = told(&bench).pop().expect("it ran");
        assert_eq!((last.status, last.summary.as_str()), (AssociationStatus::Success, all), "{step}");
        assert_eq!(told(&bench).len(), 5, "{step}: nothing is told twice");
        assert!(!bench.node.is_running());
    }
}

#[test]
fn a_node_that_is_told_to_stop_while_it_is_away_does_not_come_back() {
    let shelf = shelf(&[("Reboots", &steps(json!([shell("s", &["exit 194"])])))]);
    let mut bench = bench(Vec::new());
    while !bench.notes.iter().any(|(_, note)| matches!(note, Note::Rebooting(_))) {
        bench.run_for(Period::seconds(1), &mut |made| shelf.answer(made));
    }
    let calls = bench.calls.len();
    bench.hand(agent::node::Event::Stop, &mut |made| shelf.answer(made));
    bench.run_for(Period::hours(1), &mut |made| shelf.answer(made));
    assert_eq!((bench.calls.len(), bench.node.is_running()), (calls, false));
    assert_eq!(bench.node.next_due(), Timestamp::NEVER);
}
