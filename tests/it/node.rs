//! What a node calls, and when: start-up, heartbeats, polls, retries, sleep.

use agent::call::{Answer, Request};
use agent::lane::LaneName;
use agent::lifecycle::Lifecycle;
use agent::node::{Event, Note};
use shared::error::ErrorCode;
use shared::id::AssociationId;
use shared::time::{Period, Timestamp};

use crate::bench::{Bench, Made, ONE_STEP, START, Shelf, TAKES, association, refused};

const HEARTBEAT: &str = "UpdateInstanceInformation";
const LIST: &str = "ListInstanceAssociations";
const DOCUMENT: &str = "GetDocument";
const STATUS: &str = "UpdateInstanceAssociationStatus";
const COMPLIANCE: &str = "PutComplianceItems";
const REGISTER: &str = "RegisterManagedInstance";

fn is_bare(made: &Made) -> bool {
    matches!(&made.request, Request::Heartbeat(call) if call.agent_status.is_none())
}

fn one_association() -> Shelf {
    let documents = [("Only".to_owned(), ONE_STEP.to_owned())].into();
    Shelf { associations: vec![association(1, "Only")], documents }
}

/// The distances between neighbours.
fn distances(instants: &[Period]) -> Vec<Period> {
    instants.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_node_registers_probes_and_heartbeats_at_its_start() {
    let mut bench = Bench::new();
    bench.run_for(Period::seconds(2), &mut |made| Shelf::default().answer(made));
    let start: Vec<_> = bench.calls.iter().map(|call| (call.operation(), is_bare(call))).collect();
    assert_eq!(start, [(REGISTER, false), (HEARTBEAT, true), (HEARTBEAT, true), (HEARTBEAT, false)]);
    assert_eq!(bench.calls[0].at, START);
    assert_eq!(bench.calls[1].lane, LaneName::Credentials, "whether its role may call");
    assert_eq!(
        bench.calls[2].at.since(START),
        TAKES + TAKES + Period::seconds(1),
        "the worker takes a second to start"
    );
    assert_eq!(bench.calls[3].at.since(bench.calls[2].at), TAKES, "the full one at once");
    let Request::Heartbeat(full) = &bench.calls[3].request else { panic!("a heartbeat") };
    assert_eq!(full.agent_status.as_deref(), Some("Active"));
    assert_eq!(full.ssm_connection_channel.as_deref(), Some(""), "no channel is known yet");
    assert_eq!((bench.notes[0].1.clone(), bench.notes[1].1.clone()), (Note::Registered, Note::Online));
}

#[test]
fn heartbeats_follow_after_a_share_of_five_minutes_and_then_every_five() {
    let mut firsts = Vec::new();
    for index in 0..40 {
        let mut bench = Bench::of(index, Vec::new(), START);
        bench.run_for(Period::hours(1), &mut |made| Shelf::default().answer(made));
        let online = bench.online_since();
        let full: Vec<_> =
            bench.calls.iter().filter(|call| call.operation() == HEARTBEAT && !is_bare(call)).collect();
        let instants: Vec<_> = full.iter().map(|call| call.at.since(online)).collect();
        assert_eq!(instants[0], Period::ZERO);
        assert!(instants[1] < Period::minutes(5));
        assert!(
            distances(&instants[1..]).iter().all(|distance| *distance == Period::minutes(5)),
            "{instants:?}"
        );
        assert!((12..=13).contains(&instants.len()), "{}", instants.len());
        firsts.push(instants[1]);
    }
    assert!(firsts.iter().any(|first| *first < Period::minutes(1)), "{firsts:?}");
    assert!(firsts.iter().any(|first| *first > Period::minutes(4)), "{firsts:?}");
}

#[test]
fn polls_come_every_ten_minutes_each_with_a_wait_of_its_own() {
    let mut waits = Vec::new();
    for index in 0..10 {
        let mut bench = Bench::of(index, Vec::new(), START);
        let shelf = one_association();
        bench.run_for(Period::hours(2), &mut |made| shelf.answer(made));
        let polls = bench.instants(LIST, bench.online_since());
        assert_eq!(polls.len(), 12);
        for (turn, poll) in (0..).zip(polls) {
            assert!(poll >= Period::minutes(10) * turn, "{poll}");
            waits.push(poll - Period::minutes(10) * turn);
        }
    }
    assert!(waits.iter().all(|wait| *wait < Period::seconds(30)), "{waits:?}");
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 100, "each wait is drawn anew");
}

#[test]
fn an_empty_first_answer_is_asked_for_once_more() {
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(25), &mut |made| Shelf::default().answer(made));
    let polls = bench.instants(LIST, bench.online_since());
    assert_eq!(polls.len(), 4, "{polls:?}");
    assert_eq!(polls[1] - polls[0], Period::seconds(30) + TAKES);
    assert!(polls[2] >= Period::minutes(10), "no other poll is repeated: {polls:?}");
    assert!(polls[3] >= Period::minutes(20), "{polls:?}");
}

#[test]
fn an_association_is_fetched_run_and_reported() {
    let mut bench = Bench::new();
    let shelf = one_association();
    bench.run_for(Period::minutes(2), &mut |made| shelf.answer(made));
    let mut operations = bench.operations();
    operations.retain(|operation| *operation != HEARTBEAT);
    assert_eq!(operations, [REGISTER, LIST, DOCUMENT, STATUS, STATUS, STATUS, STATUS, COMPLIANCE]);
}

/// The attempts of one call, which must all carry the same body.
fn attempts<'a>(bench: &'a Bench, operation: &str) -> Vec<&'a Made> {
    let attempts = bench.calls_of(operation);
    assert!(
        attempts.iter().all(|call| call.request == attempts[0].request),
        "the body is the same at each try"
    );
    assert!(attempts.iter().zip(0..).all(|(call, number)| call.attempt == number));
    attempts
}

#[test]
fn a_throttled_call_is_tried_three_times_more_with_the_same_body() {
    for index in 0..20 {
        let mut bench = Bench::of(index, Vec::new(), START);
        let shelf = one_association();
        bench.run_for(Period::minutes(2), &mut |made| match &made.request {
            Request::PutCompliance(_) => refused(ErrorCode::ThrottlingException),
            _ => shelf.answer(made),
        });
        let attempts = attempts(&bench, COMPLIANCE);
        assert_eq!(attempts.len(), 4, "three retries, then it is given up");
        let instants: Vec<_> = attempts.iter().map(|call| call.at.since(START)).collect();
        let shortest = [1, 2, 4].map(Period::seconds);
        for (distance, least) in distances(&instants).into_iter().zip(shortest) {
            let wait = distance - TAKES;
            assert!(wait >= least && wait < least + least.share(0.5), "{wait} after {least}");
        }
    }
}

#[test]
fn a_lost_call_is_tried_again_and_a_refused_one_is_not() {
    let cases = [
        (Answer::Unreachable, 4),
        (Answer::Unreadable(503, "".into()), 4),
        (Answer::Unreadable(200, "".into()), 1),
        (refused(ErrorCode::InternalServerError), 4),
        (refused(ErrorCode::ExpiredToken), 4),
        (refused(ErrorCode::InvalidInstanceId), 1),
        (refused(ErrorCode::ValidationException), 1),
    ];
    for (answer, tries) in cases {
        let mut bench = Bench::new();
        let shelf = one_association();
        bench.run_for(Period::minutes(2), &mut |made| match &made.request {
            Request::PutCompliance(_) => answer.clone(),
            _ => shelf.answer(made),
        });
        assert_eq!(attempts(&bench, COMPLIANCE).len(), tries, "{answer:?}");
    }
}

#[test]
fn a_report_that_is_lost_for_good_is_counted_and_never_sent_again() {
    let mut bench = Bench::new();
    let shelf = one_association();
    bench.run_for(Period::minutes(9), &mut |made| match &made.request {
        Request::ReportStatus(_) => refused(ErrorCode::ValidationException),
        _ => shelf.answer(made),
    });
    assert_eq!(bench.calls_of(STATUS).len(), 4, "each of the four is sent once");
    assert_eq!(bench.notes.iter().filter(|(_, note)| *note == Note::ReportLost).count(), 4);
    assert_eq!(bench.calls_of(COMPLIANCE).len(), 1, "the run goes on all the same");
}

#[test]
fn a_refused_probe_sends_the_node_to_sleep_until_a_ping_is_taken() {
    let mut bench = Bench::new();
    let taken_after = Period::minutes(70);
    let shelf = one_association();
    bench.run_for(Period::minutes(80), &mut |made| match &made.request {
        Request::Heartbeat(_) if made.lane == LaneName::Health && made.at.since(START) < taken_after => {
            refused(ErrorCode::InvalidInstanceId)
        }
        _ => shelf.answer(made),
    });
    let asleep = bench.notes.iter().find(|(_, note)| *note == Note::Hibernating).expect("it fell asleep").0;
    let pings: Vec<_> = bench
        .calls
        .iter()
        .filter(|call| is_bare(call) && call.lane == LaneName::Health)
        .map(|call| call.at.since(asleep))
        .collect();
    assert_eq!(pings[1..], [5, 15, 25, 35, 55, 75].map(Period::minutes));
    let while_asleep =
        bench.calls.iter().filter(|call| call.at > asleep && call.at < asleep + Period::minutes(75));
    assert_eq!(while_asleep.filter(|call| !is_bare(call)).count(), 0, "nothing but pings");
    assert_eq!(bench.online_since(), asleep + Period::minutes(75) + TAKES);
    assert_eq!(bench.calls_of(STATUS).len(), 4, "then it works as any other");
}

#[test]
fn a_throttled_probe_sends_the_node_to_sleep_once_its_retries_are_spent() {
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(4), &mut |made| match &made.request {
        Request::Heartbeat(_) if made.lane == LaneName::Health => refused(ErrorCode::ThrottlingException),
        _ => Answer::Done,
    });
    assert_eq!(bench.calls_of(HEARTBEAT).len(), 1 + 4);
    assert!(matches!(bench.node.lifecycle, Lifecycle::Hibernating { .. }));
}

#[test]
fn a_heartbeat_that_fails_later_is_only_late() {
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(30), &mut |made| match &made.request {
        Request::Heartbeat(_) if !is_bare(made) => refused(ErrorCode::InvalidInstanceId),
        _ => Shelf::default().answer(made),
    });
    assert!(matches!(bench.node.lifecycle, Lifecycle::Online { .. }));
    let heartbeats: Vec<_> =
        bench.calls.iter().filter(|call| call.operation() == HEARTBEAT && !is_bare(call)).collect();
    let instants: Vec<_> = heartbeats.iter().map(|call| call.at.since(START)).collect();
    assert!(distances(&instants[1..]).iter().all(|distance| *distance == Period::minutes(5)), "{instants:?}");
}

#[test]
fn a_node_that_is_registered_already_is_done_with_it() {
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(5), &mut |made| match &made.request {
        Request::Register(_) => refused(ErrorCode::InstanceAlreadyRegistered),
        _ => Answer::Done,
    });
    assert_eq!(bench.calls_of(REGISTER).len(), 1);
    assert!(bench.node.is_registered);
}

#[test]
fn a_failed_registration_is_tried_again_while_the_node_starts_up() {
    let mut bench = Bench::new();
    let mut refusals = 3;
    let shelf = one_association();
    bench.run_for(Period::minutes(3), &mut |made| match &made.request {
        Request::Register(_) if refusals > 0 => {
            refusals -= 1;
            refused(ErrorCode::AccessDeniedException)
        }
        _ => shelf.answer(made),
    });
    assert_eq!(
        bench.online_since(),
        START + TAKES + TAKES + Period::seconds(1) + TAKES,
        "start-up does not wait for it"
    );
    let tries = bench.instants(REGISTER, START);
    assert_eq!(tries.len(), 4);
    for distance in distances(&tries) {
        let wait = distance - TAKES;
        assert!(wait >= Period::seconds(15) && wait <= Period::seconds(18), "{wait}");
    }
    assert!(bench.node.is_registered);
    assert_eq!(bench.calls_of(COMPLIANCE).len(), 1, "it works meanwhile");
}

#[test]
fn an_answer_to_another_call_changes_nothing_and_is_counted() {
    let mut bench = Bench::new();
    let shelf = one_association();
    bench.run_for(Period::minutes(2), &mut |made| shelf.answer(made));
    let before = (bench.calls.len(), bench.node.next_due(), bench.node.lifecycle);
    for (lane, number) in [(LaneName::Health, 1), (LaneName::Health, 99), (LaneName::Execution, 5)] {
        let outcome = agent::call::Outcome::Refused(ErrorCode::InvalidInstanceId.into(), 400);
        bench.hand(Event::Answered { lane, number, outcome }, &mut |made| shelf.answer(made));
    }
    assert_eq!((bench.calls.len(), bench.node.next_due(), bench.node.lifecycle), before);
    assert_eq!(bench.notes.iter().filter(|(_, note)| *note == Note::LateAnswer).count(), 3);
}

#[test]
fn a_poll_that_fails_in_the_old_way_too_leaves_what_is_known() {
    // Twenty-five associations take two pages.
    let documents = [("Only".to_owned(), ONE_STEP.to_owned())].into();
    let shelf =
        Shelf { associations: (1..=25).map(|number| association(number, "Only")).collect(), documents };
    for failing_page in [None, Some("20")] {
        let mut bench = Bench::new();
        bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
        assert_eq!(bench.node.known.len(), 25);
        assert_eq!(bench.calls_of(LIST).len(), 2, "one call a page");
        assert_eq!(
            bench.calls_of(DOCUMENT).len(),
            25,
            "one for each association, though the document is the same"
        );
        let known = format!("{:?}", bench.node.known);
        let calls = bench.calls.len();
        bench.run_for(Period::minutes(10), &mut |made| match &made.request {
            Request::ListLegacy(_) => refused(ErrorCode::AccessDeniedException),
            Request::ListAssociations(call) if call.next_token.as_deref() == failing_page => {
                refused(ErrorCode::InternalServerError)
            }
            _ => shelf.answer(made),
        });
        assert_eq!(format!("{:?}", bench.node.known), known, "{failing_page:?}");
        let polls = bench.calls[calls..].iter().filter(|call| call.operation() == LIST).count();
        assert_eq!(polls, if failing_page.is_none() { 4 } else { 5 });
        let rest = bench.calls[calls..].iter().map(Made::operation);
        let rest: Vec<_> = rest.filter(|operation| ![LIST, HEARTBEAT].contains(operation)).collect();
        let old_way: &[&str] = if failing_page.is_none() { &["ListAssociations"] } else { &[] };
        assert_eq!(rest, old_way, "nothing is fetched, run or reported: {failing_page:?}");
    }
}

#[test]
fn a_document_is_fetched_again_when_its_checksum_changes() {
    let mut bench = Bench::new();
    let mut shelf = one_association();
    bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
    shelf.associations[0].detailed_status = Some("Success".into());
    bench.run_for(Period::minutes(10), &mut |made| shelf.answer(made));
    assert_eq!(bench.calls_of(DOCUMENT).len(), 1, "the second poll needs none");
    shelf.associations[0].checksum = "second".into();
    bench.run_for(Period::minutes(10), &mut |made| shelf.answer(made));
    assert_eq!(bench.calls_of(DOCUMENT).len(), 2);
    assert_eq!(bench.calls_of(COMPLIANCE).len(), 1, "and nothing runs, for nothing is due");
}

#[test]
fn a_document_is_fetched_once_though_its_schedule_cannot_be_read() {
    let mut bench = Bench::new();
    let mut shelf = one_association();
    shelf.associations[0].schedule_expression = Some("rate(banana)".into());
    bench.run_for(Period::minutes(25), &mut |made| shelf.answer(made));
    assert_eq!(bench.calls_of(DOCUMENT).len(), 1);
    assert_eq!(bench.calls_of(STATUS).len(), 3, "it is reported at each poll, and never run");
    assert_eq!(bench.calls_of(COMPLIANCE).len(), 3);
}

#[test]
fn an_association_that_is_gone_leaves_compliance_too() {
    let mut bench = Bench::new();
    let documents = [("Only".to_owned(), ONE_STEP.to_owned())].into();
    let mut shelf = Shelf { associations: vec![association(1, "Only"), association(2, "Only")], documents };
    bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
    let mut second = shelf.associations.remove(1);
    second.detailed_status = Some("Pending".into());
    shelf.associations = vec![second];
    bench.run_for(Period::minutes(10), &mut |made| shelf.answer(made));
    let uploads: Vec<usize> = bench
        .calls_of(COMPLIANCE)
        .iter()
        .map(|call| match &call.request {
            Request::PutCompliance(upload) => upload.items.len(),
            other => panic!("{other:?} is no compliance"),
        })
        .collect();
    assert_eq!(uploads, [1, 2, 1]);
    assert_eq!(bench.node.known.len(), 1);
}

#[test]
fn a_node_that_is_told_to_stop_finishes_its_run_and_takes_up_nothing_new() {
    let mut bench = Bench::new();
    let documents = [("Only".to_owned(), ONE_STEP.to_owned())].into();
    let shelf = Shelf { associations: vec![association(1, "Only"), association(2, "Only")], documents };
    while !bench.node.is_running() {
        bench.run_for(TAKES, &mut |made| shelf.answer(made));
    }
    bench.hand(Event::Stop, &mut |made| shelf.answer(made));
    bench.run_for(Period::hours(2), &mut |made| shelf.answer(made));
    assert_eq!(bench.calls_of(STATUS).len(), 4, "the first run is reported to its end");
    assert_eq!(bench.calls_of(COMPLIANCE).len(), 1);
    assert_eq!(bench.calls_of(LIST).len(), 1);
    assert!(!bench.node.is_running() && !bench.node.is_calling());
    assert_eq!(bench.node.next_due(), Timestamp::NEVER);
}

#[test]
fn a_run_has_ended_once_its_last_report_is_answered_whatever_comes_of_compliance() {
    let mut bench = Bench::new();
    let shelf = one_association();
    bench.run_for(Period::minutes(2), &mut |made| match &made.request {
        Request::PutCompliance(_) => Answer::Unreachable,
        _ => shelf.answer(made),
    });
    let told = bench.notes.iter().find(|(_, note)| matches!(note, Note::Ended(_))).expect("it ended").0;
    assert_eq!(told, bench.calls_of(COMPLIANCE)[0].at, "the plane knows by then, so whoever counts must");
}

/// What a node does that knows two associations: one it keeps the schedule of, due
/// 21 minutes after its start, and one that is ordered to run at this poll.
fn scheduled_beside(ordered_at: Option<usize>) -> (Bench, Vec<Period>) {
    let mut scheduled = association(1, "Only");
    scheduled.schedule_expression = Some("rate(30 minutes)".into());
    scheduled.detailed_status = Some("Success".into());
    scheduled.last_execution_date = Some(START - Period::minutes(9));
    let mut ordered = association(2, "Only");
    ordered.detailed_status = Some("Success".into());
    let documents = [("Only".to_owned(), ONE_STEP.to_owned())].into();
    let shelf = Shelf { associations: vec![scheduled, ordered], documents };
    let mut polls = 0;
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(29), &mut |made| match shelf.answer(made) {
        Answer::Associations(mut page) => {
            polls += 1;
            if Some(polls) == ordered_at {
                page.associations[1].detailed_status = Some("Pending".into());
            }
            Answer::Associations(page)
        }
        other => other,
    });
    let first = AssociationId::from_bits(1);
    let started = bench.notes.iter().filter(|(_, note)| *note == Note::Started(first));
    let started = started.map(|(at, _)| at.since(START)).collect();
    (bench, started)
}

#[test]
fn an_association_that_another_one_came_before_waits_for_the_tick_after_its_date() {
    let (_, undisturbed) = scheduled_beside(None);
    assert_eq!(undisturbed, [Period::minutes(21)], "its timer fires");
    // The order of the first poll came before the timer was set; that of the second stops it.
    let (_, before) = scheduled_beside(Some(1));
    assert_eq!(before, [Period::minutes(21)]);
    let (bench, late) = scheduled_beside(Some(2));
    let tick = bench.online_since().since(START) + Period::minutes(25);
    assert_eq!(late, [tick], "four minutes late");
}
