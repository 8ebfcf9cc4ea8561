//! What a node does with messages: its channels at their start and when they are
//! lost, commands by either of them, what it says of these, and what it refuses.

use agent::call::{Answer, Request};
use agent::channel::Channels;
use agent::channel::call::{Incoming, MessageRequest, Origin};
use agent::node::Event;
use serde_json::{Value, json};
use shared::error::ErrorCode;
use shared::frame::MessageId;
use shared::id::CommandId;
use shared::time::{Period, Timestamp};

use crate::bench::{Bench, Made, ONE_STEP, Shelf, association, refused};

const OPEN: &str = "CreateControlChannel";
pub(crate) const GET: &str = "GetMessages";
pub(crate) const ACK: &str = "agent_job_ack";
pub(crate) const REPLY: &str = "agent_job_reply";
const SEND_REPLY: &str = "SendReply";
pub(crate) const LIST: &str = "ListInstanceAssociations";

pub(crate) fn bench(channels: Channels) -> Bench {
    let mut bench = Bench::new();
    bench.catalogue.cohorts[0].channels = channels;
    bench
}

/// A plane that opens channels, has no messages and takes whatever it is told.
pub(crate) fn quiet(made: &Made) -> Answer {
    match &made.request {
        Request::Message(MessageRequest::Get(_)) => Answer::Messages(Vec::new()),
        _ => Shelf::default().answer(made),
    }
}

pub(crate) fn payload(number: u128, document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap();
    let id = CommandId::from_bits(number);
    json!({"CommandId": id, "DocumentName": "Any", "DocumentContent": document, "Parameters": {}}).to_string()
}

pub(crate) fn message(number: u128, topic: &str, payload: &str, origin: Origin) -> Incoming {
    Incoming { message: name(number).into(), topic: topic.into(), payload: payload.into(), origin }
}

pub(crate) fn name(number: u128) -> String {
    format!("aws.ssm.{}.i-0123456789abcdef0", CommandId::from_bits(number))
}

pub(crate) fn origin() -> Origin {
    Origin::Channel(MessageId::from_bits(3), Timestamp::from_milliseconds(1_795_407_989_967))
}

/// A command of one step over the control channel.
fn job(number: u128) -> Incoming {
    message(number, "aws.ssm.sendCommand.us-east-1", &payload(number, ONE_STEP), origin())
}

fn push(bench: &mut Bench, incoming: Incoming) {
    bench.hand(Event::Pushed(incoming), &mut quiet);
}

/// The payload of what was sent over the control channel.
pub(crate) fn sent(made: &Made) -> Value {
    match &made.request {
        Request::Message(MessageRequest::Frame(outbound)) => {
            serde_json::from_slice(&outbound.frame.payload).unwrap()
        }
        other => panic!("{other:?} is no frame"),
    }
}

pub(crate) fn content(made: &Made) -> Value {
    let text = match &made.request {
        Request::Message(MessageRequest::Reply(reply)) => reply.payload.clone(),
        _ => sent(made)["content"].as_str().unwrap().to_owned(),
    };
    serde_json::from_str(&text).unwrap()
}

/// The codes by which jobs were acknowledged.
pub(crate) fn codes(bench: &Bench) -> Vec<String> {
    bench.calls_of(ACK).iter().map(|made| sent(made)["statusCode"].as_str().unwrap().to_owned()).collect()
}

/// How documents were said to stand, in order.
pub(crate) fn statuses(bench: &Bench, operation: &str) -> Vec<String> {
    let calls = bench.calls_of(operation);
    calls.iter().map(|made| content(made)["documentStatus"].as_str().unwrap().to_owned()).collect()
}

/// What each full heartbeat said of the channel.
fn words(bench: &Bench) -> Vec<String> {
    let heartbeats = bench.calls_of("UpdateInstanceInformation");
    let full = heartbeats.iter().filter_map(|made| match &made.request {
        Request::Heartbeat(call) => call.ssm_connection_channel.clone(),
        _ => None,
    });
    full.collect()
}

#[test]
fn polling_ends_a_minute_after_the_control_channel_is_open() {
    let mut bench = bench(Channels::WebSocket);
    bench.run_for(Period::minutes(20), &mut quiet);
    assert_eq!(bench.operations()[3..6], ["UpdateInstanceInformation", GET, OPEN], "at the start");
    let polls = bench.instants(GET, bench.online_since());
    assert!(polls.last().unwrap() < &Period::seconds(61), "{polls:?}");
    assert!((25..=31).contains(&polls.len()), "a pause of 2.0 to 2.5 s after each: {}", polls.len());
    assert_eq!(bench.calls_of(OPEN).len(), 1);
    let words = words(&bench);
    assert_eq!(words[0], "", "not known yet");
    assert!(words[1..].iter().all(|word| word == "ssmmessages"), "{words:?}");
}

#[test]
fn a_channel_that_is_not_to_be_had_is_asked_for_again_and_again() {
    for answer in [refused(ErrorCode::AccessDeniedException), Answer::Unreachable] {
        let mut bench = bench(Channels::WebSocket);
        bench.run_for(Period::hours(4), &mut |made| {
            if made.operation() == OPEN { answer.clone() } else { quiet(made) }
        });
        let opens = bench.instants(OPEN, bench.online_since());
        let waits: Vec<f64> = opens.windows(2).map(|pair| (pair[1] - pair[0]).as_seconds()).collect();
        // 5 to 10 s, twice as long each time up to 40 min, and up to half of it on top.
        let mut most: f64 = 10.0;
        for (place, wait) in waits.iter().enumerate() {
            assert!(
                *wait <= most.min(2400.0) * 1.5 + 1.0 && *wait >= (most / 2.0).min(2400.0),
                "{place}: {waits:?}"
            );
            most *= 2.0;
        }
        assert!((8..=16).contains(&opens.len()), "{opens:?}");
        assert!(bench.calls_of(GET).len() > 4 * 1_400, "polling goes on: {}", bench.calls_of(GET).len());
        assert!(words(&bench)[1..].iter().all(|word| word == "ec2messages"));
    }
}

#[test]
fn a_channel_that_is_lost_is_opened_anew_within_moments() {
    let mut bench = bench(Channels::WebSocket);
    bench.run_for(Period::minutes(5), &mut quiet);
    let lost = bench.now;
    bench.hand(Event::ChannelClosed, &mut quiet);
    bench.hand(Event::ChannelClosed, &mut quiet);
    bench.run_for(Period::minutes(10), &mut quiet);
    assert_eq!(bench.calls_of(OPEN).len(), 2);
    assert!(bench.instants(OPEN, lost)[1] <= Period::milliseconds(2_500));
    assert!(words(&bench)[1..].iter().all(|word| word == "ssmmessages"));
}

#[test]
fn a_node_that_polls_only_asks_at_once_after_an_answer_that_took_its_time() {
    let mut bench = bench(Channels::LongPoll);
    bench.run_for(Period::minutes(3), &mut quiet);
    assert_eq!(bench.calls_of(OPEN).len(), 0);
    let words = words(&bench);
    assert_eq!(words[0], "", "not known yet");
    assert!(words[1..].iter().all(|word| word == "ec2messages"), "{words:?}");
    let polls = bench.instants(GET, bench.online_since());
    let waits: Vec<Period> = polls.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|wait| (Period::seconds(2)..=Period::milliseconds(2_510)).contains(wait)));

    // Ten failures in a row, retries not counted, and it waits for the next look.
    let mut bench = self::bench(Channels::LongPoll);
    bench.run_for(Period::minutes(16), &mut |made| match made.operation() {
        GET => refused(ErrorCode::InvalidInstanceId),
        _ => quiet(made),
    });
    let polls = bench.instants(GET, bench.online_since());
    assert_eq!(polls.iter().filter(|poll| **poll < Period::minutes(15)).count(), 10, "{polls:?}");
    assert_eq!(polls[10], Period::minutes(15));
}

#[test]
fn a_command_is_told_of_as_the_agent_tells_of_it() {
    let mut bench = bench(Channels::WebSocket);
    bench.run_for(Period::minutes(3), &mut quiet);
    push(&mut bench, job(1));
    bench.run_for(Period::minutes(1), &mut quiet);
    let acks = bench.calls_of(ACK);
    let expected = json!({
        "jobId": name(1), "acknowledgedMessageId": MessageId::from_bits(3),
        "createdDate": "2026-11-23T04:26:29.967Z", "statusCode": "200", "errorMessage": "Successful",
    });
    assert_eq!(acks.iter().map(|made| sent(made)).collect::<Vec<_>>(), [expected]);
    assert_eq!(statuses(&bench, REPLY), ["InProgress", "InProgress", "Success"]);
    let replies = bench.calls_of(REPLY);
    assert_eq!(content(replies[0])["runtimeStatus"], Value::Null);
    let step = &content(replies[1])["runtimeStatus"]["only"];
    assert_eq!(
        (&step["status"], &step["code"], &step["name"]),
        (&json!("Success"), &json!(0), &json!("aws:runShellScript"))
    );
    assert_eq!(content(replies[2])["additionalInfo"]["runtimeStatusCounts"], json!({"Success": 1}));
    let awaited = |made: &&Made| match &made.request {
        Request::Message(MessageRequest::Frame(outbound)) => outbound.is_awaited,
        _ => false,
    };
    assert_eq!(
        replies.iter().map(awaited).collect::<Vec<_>>(),
        [false, true, true],
        "the first is not waited for"
    );

    // The same command again is not run, until half an hour has passed.
    push(&mut bench, job(1));
    bench.run_for(Period::minutes(1), &mut quiet);
    assert_eq!(codes(&bench), ["200", "51405"]);
    assert_eq!(bench.calls_of(REPLY).len(), 3);
    bench.run_for(Period::minutes(30), &mut quiet);
    push(&mut bench, job(1));
    bench.run_for(Period::minutes(1), &mut quiet);
    assert_eq!(codes(&bench), ["200", "51405", "200"]);
}

#[test]
fn by_long_polling_the_reply_goes_before_the_acknowledgement() {
    let mut bench = bench(Channels::LongPoll);
    let mut is_sent = false;
    bench.run_for(Period::minutes(2), &mut |made| match made.operation() {
        GET if !is_sent => {
            is_sent = true;
            let send = message(1, "aws.ssm.sendCommand.us-east-1.1", &payload(1, ONE_STEP), Origin::Poll);
            let odd = message(2, "aws.ssm.sendCommand.us-east-1.1", "{", Origin::Poll);
            Answer::Messages(vec![send, odd])
        }
        _ => quiet(made),
    });
    let said: Vec<_> = bench
        .operations()
        .into_iter()
        .filter(|operation| [SEND_REPLY, "AcknowledgeMessage", "FailMessage"].contains(operation))
        .collect();
    assert_eq!(said, [SEND_REPLY, "AcknowledgeMessage", SEND_REPLY, SEND_REPLY, SEND_REPLY]);
    assert_eq!(statuses(&bench, SEND_REPLY), ["InProgress", "Failed", "InProgress", "Success"]);
    let first = content(bench.calls_of(SEND_REPLY)[0]);
    assert_eq!(first["additionalInfo"]["ableToOpenMGSConnection"], false);
}

#[test]
fn five_commands_run_at_once_five_wait_and_the_next_is_refused() {
    let mut bench = bench(Channels::WebSocket);
    bench.run_for(Period::minutes(3), &mut quiet);
    for number in 1..=11 {
        push(&mut bench, job(number));
    }
    bench.run_for(Period::minutes(2), &mut quiet);
    let codes = codes(&bench);
    assert_eq!(codes[..10], ["200"; 10]);
    assert_eq!(codes[10], "51402");
    assert_eq!(statuses(&bench, REPLY).iter().filter(|status| *status == "Success").count(), 10);
    push(&mut bench, job(11));
    bench.run_for(Period::minutes(1), &mut quiet);
    assert_eq!(statuses(&bench, REPLY).last().unwrap(), "Success", "it comes again, and there is room");
}

#[test]
fn a_command_is_cancelled_while_it_runs_and_while_it_waits() {
    let mut bench = bench(Channels::WebSocket);
    bench.run_for(Period::minutes(3), &mut quiet);
    for number in 1..=6 {
        push(&mut bench, job(number));
    }
    bench.run_for(Period::milliseconds(300), &mut quiet);
    for (number, cancelled) in [(22, 6), (21, 1), (23, 99)] {
        let cancel = json!({"CancelMessageId": name(cancelled)}).to_string();
        push(&mut bench, message(number, "aws.ssm.cancelCommand.us-east-1", &cancel, origin()));
    }
    bench.run_for(Period::minutes(1), &mut quiet);
    let ends: Vec<_> = bench
        .calls_of(REPLY)
        .iter()
        .map(|made| (sent(made)["jobId"].as_str().unwrap().to_owned(), content(made)))
        .filter(|(_, content)| content["documentStatus"] != "InProgress")
        .collect();
    let of = |number| {
        let found = ends.iter().find(|(job, _)| *job == name(number));
        found.map(|(_, content)| content.clone()).expect("each has an end")
    };
    assert_eq!(ends.len(), 6, "each has one end");
    assert_eq!(of(1)["documentStatus"], "Cancelled");
    assert_eq!(of(1)["runtimeStatus"]["only"]["status"], "Cancelled");
    assert_eq!((&of(6)["documentStatus"], &of(6)["runtimeStatus"]), (&json!("Cancelled"), &json!({})));
    assert!((2..=5).all(|number| of(number)["documentStatus"] == "Success"));
    assert!(codes(&bench).iter().all(|code| code == "200"));
}

#[test]
fn a_reply_that_is_not_confirmed_is_sent_again_for_two_hours() {
    let mut bench = bench(Channels::WebSocket);
    bench.run_for(Period::minutes(3), &mut quiet);
    push(&mut bench, job(1));
    let from = bench.now;
    bench.run_for(Period::hours(4), &mut |made| {
        if made.operation() == REPLY { Answer::Unreachable } else { quiet(made) }
    });
    let sent: Vec<Period> = bench.instants(REPLY, from);
    // The first of three is not kept; the other two come again every five minutes.
    let again = sent.iter().filter(|at| **at > Period::minutes(1)).count();
    assert!((46..=48).contains(&again), "{again}: {sent:?}");
    assert!(sent.last().unwrap() < &(Period::hours(2) + Period::minutes(6)), "{sent:?}");
    let ids: Vec<String> = bench.calls_of(REPLY).iter().map(|made| content(made).to_string()).collect();
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "to the letter");

    // Once the service is back, one round suffices.
    push(&mut bench, job(2));
    let mut fails = true;
    let from = bench.now;
    for _ in 0..2 {
        bench.run_for(Period::minutes(4), &mut |made| {
            if fails && made.operation() == REPLY { Answer::Unreachable } else { quiet(made) }
        });
        fails = false;
    }
    bench.run_for(Period::hours(1), &mut quiet);
    let since = bench.instants(REPLY, from);
    assert_eq!(since.iter().filter(|at| **at > Period::ZERO).count(), 5, "three, and two of them once more");
}

#[test]
fn what_is_no_command_is_refused_by_its_code() {
    let send = "aws.ssm.sendCommand.us-east-1";
    let unknown = r#"{"schemaVersion":"9.9","mainSteps":[]}"#;
    let cases = [
        ("aws.ssm.other", payload(1, ONE_STEP), "51408"),
        (send, "{".to_owned(), "51408"),
        (
            send,
            json!({"CommandId": "short", "DocumentName": "A", "DocumentContent": {}}).to_string(),
            "51408",
        ),
        (send, payload(1, unknown), "51408"),
        ("aws.ssm.cancelCommand.us-east-1", "{}".to_owned(), "51408"),
    ];
    for (topic, payload, code) in cases {
        let mut bench = bench(Channels::WebSocket);
        bench.run_for(Period::minutes(3), &mut quiet);
        push(&mut bench, message(1, topic, &payload, origin()));
        bench.run_for(Period::minutes(1), &mut quiet);
        assert_eq!(codes(&bench), [code], "{topic} {payload}");
        assert_eq!(statuses(&bench, REPLY), ["Failed"], "{topic} {payload}");
        let said = content(bench.calls_of(REPLY)[0]);
        assert!(said["documentTraceOutput"].as_str().is_some_and(|trace| !trace.is_empty()), "{said}");
        assert_eq!(said["runtimeStatus"], Value::Null);
    }
}

#[test]
fn a_refresh_polls_at_once_and_runs_what_it_names() {
    let refresh = |ids: Value| {
        let document = json!({"schemaVersion": "2.2", "mainSteps": [
            {"action": "aws:refreshAssociation", "name": "refresh", "inputs": {"associationIds": ids}},
        ]});
        message(1, "aws.ssm.sendCommand.us-east-1", &payload(1, &document.to_string()), origin())
    };
    let first = shared::id::AssociationId::from_bits(1);
    for (ids, runs) in [(json!([first]), 1), (json!([]), 2), (json!([""]), 2)] {
        let mut done = [association(1, "Only"), association(2, "Only")];
        for association in &mut done {
            association.detailed_status = Some("Success".into());
        }
        let documents = [("Only".to_owned(), ONE_STEP.to_owned())].into();
        let shelf = Shelf { associations: done.to_vec(), documents };
        let mut plane = |made: &Made| match made.operation() {
            GET => quiet(made),
            _ => shelf.answer(made),
        };
        let mut bench = bench(Channels::WebSocket);
        bench.run_for(Period::minutes(4), &mut plane);
        let (polls, reports) = (bench.calls_of(LIST).len(), "UpdateInstanceAssociationStatus");
        assert_eq!((polls, bench.calls_of(reports).len()), (1, 0), "there is nothing to run");
        let pushed = bench.now;
        bench.hand(Event::Pushed(refresh(ids.clone())), &mut plane);
        bench.run_for(Period::minutes(30), &mut plane);
        let polls = bench.instants(LIST, pushed);
        assert!(polls[1] < Period::seconds(1), "at once: {polls:?}");
        assert_eq!(bench.calls_of(reports).len(), 4 * runs, "{ids}: it runs what was named");
        let all = bench.instants(LIST, bench.online_since());
        assert_eq!(all.len(), 5, "one more than the turns of half an hour: {all:?}");
        assert!(all[2] >= Period::minutes(10) && all[2] < Period::seconds(631), "turns keep their rhythm");
    }
}
