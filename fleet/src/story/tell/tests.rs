//! A node's lines, and the sentences that come of them.

use super::*;
use crate::history::line::Instant;

fn header() -> Header {
    let text = r#"{"kind":"run","version":1,"program":"ssm-fleet 0.1.0","scenario":"x","seed":1,
        "started":"2025-01-01T00:00:00.000Z","history":{"mode":"all","estimate":9,"is_default":true},
        "cohorts":[{"name":"web","nodes":5,"platform":"debian-12"}]}"#;
    serde_json::from_str(text).expect("it is a header")
}

/// The story of node 3 of lines that are written without the instant, which is
/// so many seconds after the start.
fn told(lines: &[(u64, &str)]) -> Told {
    let mut teller = Teller::new(&header(), 3);
    for (seconds, line) in lines {
        let at = Instant(header().started.0 + Period::seconds(*seconds));
        let text = format!(r#"{{"at":"{at}",{line}}}"#);
        teller.hear(&serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}")));
    }
    teller.finish()
}

/// Instants in seconds, what went wrong marked by an exclamation mark.
fn sentences(lines: &[(u64, &str)]) -> Vec<String> {
    let sentence = |chapter: &Chapter| {
        let mark = if chapter.is_bad { "!" } else { "" };
        format!("{}{mark} {}", chapter.after.as_milliseconds() / 1000, chapter.text)
    };
    told(lines).chapters.iter().map(sentence).collect()
}

const HELLO: &str = "00000000-0000-4000-8000-000000000001";

fn heartbeat(kind: &str, call: u32) -> String {
    format!(
        r#""kind":"{kind}","node":"i-01234567","number":3,"lane":"health","call":{call},"attempt":1,"operation":"UpdateInstanceInformation""#
    )
}

#[test]
fn what_goes_on_as_before_is_counted_until_something_happens() {
    let beats: Vec<String> = (1..=4).map(|call| heartbeat("ok", call)).collect();
    let poll = |associations: &str| {
        format!(
            r#""kind":"ok","node":"i-01234567","number":3,"lane":"associations","call":1,"attempt":1,"operation":"ListInstanceAssociations","associations":[{associations}]"#
        )
    };
    let (none, hello) = (poll(""), poll(&format!("\"{HELLO}\"")));
    let made = format!(
        r#""kind":"ok","by":"operator","call":1,"attempt":1,"operation":"CreateAssociation","association":"{HELLO}","name":"greet""#
    );
    let other = r#""kind":"ok","node":"i-76543210","number":4,"lane":"health","call":1,"attempt":1,"operation":"UpdateInstanceInformation""#;
    let told = sentences(&[
        (0, r#""kind":"note","node":"i-01234567","number":3,"note":"online""#),
        (1, &beats[0]),
        (2, &none),
        (3, other),
        (300, &beats[1]),
        (600, &none),
        (601, &made),
        (900, &beats[2]),
        (1200, &hello),
        (1201, &hello),
        (1202, &beats[3]),
    ]);
    let expected = [
        "0 is accepted, and works from now on",
        "1 1 heartbeat, all well",
        "2 polls: nothing is associated with it",
        "300 2 heartbeats, 1 poll in 10m00s, all well",
        "1200 polls: told of greet",
        "1201 1 heartbeat, 1 poll in 1.0s, all well",
    ];
    assert_eq!(told, expected);
}

#[test]
fn refusals_sleep_and_waking_are_told_one_by_one() {
    let refused = format!(
        r#"{},"error":"InvalidInstanceId","reason":"who?","faults":["invalid-instance"]"#,
        heartbeat("fail", 1)
    );
    let asleep = r#""kind":"note","node":"i-01234567","number":3,"note":"hibernating""#;
    let accepted = heartbeat("ok", 4);
    let awake = r#""kind":"note","node":"i-01234567","number":3,"note":"online""#;
    let lines =
        [(0, &*refused), (0, asleep), (300, &refused), (900, &refused), (2000, &accepted), (2000, awake)];
    let expected = [
        "0! heartbeat: refused, InvalidInstanceId: who?",
        "0! goes to sleep: it was not accepted at its start",
        "300! asks whether it is accepted now: refused, InvalidInstanceId: who?; again 10m00s later",
        "2000 asks whether it is accepted now",
        "2000 is accepted, and works from now on",
    ];
    assert_eq!(sentences(&lines), expected);
    assert_eq!(told(&lines).faults, ["invalid-instance"]);
}

#[test]
fn a_fault_that_struck_the_node_is_told_from_its_beginning_to_its_end() {
    let begins = r#""kind":"act","act":"fault-begins","name":"slow-lan","reason":"latency""#;
    let ends = r#""kind":"act","act":"fault-ends","name":"slow-lan","reason":"latency""#;
    let elsewhere = r#""kind":"act","act":"fault-begins","name":"elsewhere","reason":"timeout""#;
    let invoked = heartbeat("invoke", 2);
    let lost =
        format!(r#"{},"learnt":"2025-01-01T00:00:50.000Z","faults":["slow-lan"]"#, heartbeat("unknown", 2));
    let slow = format!(r#"{},"faults":["slow-lan"]"#, heartbeat("ok", 3));
    let lines = [
        (10, begins),
        (11, elsewhere),
        (20, &*invoked),
        (21, &lost),
        (60, &slow),
        (90, ends),
        (95, &invoked),
    ];
    let expected = [
        "10! the fault slow-lan (latency) begins",
        "50! heartbeat, under slow-lan: no answer after 30.0s; the plane may have done it all the same",
        "60 1 heartbeat, under slow-lan, all well",
        "90 the fault slow-lan ends",
        "95 heartbeat: under way when the history ends",
    ];
    assert_eq!(sentences(&lines), expected);
}

#[test]
fn a_strike_is_told_by_the_name_of_its_window_and_what_the_timeline_tells_in_its_words() {
    let act = |act: &str, rest: &str| format!(r#""kind":"act","act":"{act}",{rest}"#);
    let of_fault = r#""name":"power-loss","reason":"crash""#;
    let (begins, ends) = (act("fault-begins", of_fault), act("fault-ends", of_fault));
    let note = |note: &str, rest: &str| {
        format!(r#""kind":"note","node":"i-01234567","number":3,"name":"crash","note":"{note}"{rest}"#)
    };
    let struck = note("struck", r#","faults":["power-loss"]"#);
    let lifted = note("lifted", "");
    let told = act("narrate", r#""by":"operator","reason":"The power comes back.""#);
    let scaled = act("scale", r#""by":"operator","reason":"web to 350""#);
    let lines = [(10, &*begins), (10, &struck), (80, &told), (90, &ends), (90, &lifted), (95, &scaled)];
    let expected = [
        "10! the fault power-loss (crash) begins",
        "80 the timeline: The power comes back.",
        "90 the fault power-loss ends",
        "95 the timeline: scale web to 350",
    ];
    assert_eq!(sentences(&lines), expected);
    // Who comes while it is in force is struck later.
    assert_eq!(sentences(&[(10, &*begins), (40, &struck)])[1], "40! is struck by crash");
}

#[test]
fn a_call_that_was_under_way_when_a_fault_began_or_ended_makes_it_none_for_life() {
    let begins = r#""kind":"act","act":"fault-begins","name":"cut","reason":"abort""#;
    let ends = r#""kind":"act","act":"fault-ends","name":"cut","reason":"abort""#;
    // In virtual time a line stands where the plane answered, or would have.
    let before = format!(
        r#"{},"learnt":"2025-01-01T00:00:15.000Z","faults":["cut","invalid-instance"]"#,
        heartbeat("unknown", 2)
    );
    let after = format!(r#"{},"faults":["cut","invalid-instance"]"#, heartbeat("ok", 3));
    for lines in [
        &[(9, &*before), (10, begins), (12, &before), (20, ends)][..],
        &[(10, begins), (20, ends), (21, &after)],
        &[(9, &before), (10, begins), (20, ends), (21, &after)],
    ] {
        assert_eq!(told(lines).faults, ["invalid-instance"], "{lines:?}");
    }
}

#[test]
fn runs_and_what_the_operator_does_with_the_node_are_told() {
    let of_run = |rest: &str| {
        format!(r#""kind":"note","node":"i-01234567","number":3,"association":"{HELLO}",{rest}"#)
    };
    let report = format!(
        r#""kind":"ok","node":"i-01234567","number":3,"lane":"execution","call":1,"attempt":2,"operation":"UpdateInstanceAssociationStatus","association":"{HELLO}","status":"Failed""#
    );
    let ended =
        of_run(r#""status":"Failed","started":"2025-01-01T00:00:01.000Z","reported":false,"note":"ended""#);
    let tags = r#""kind":"ok","by":"operator","call":1,"attempt":1,"operation":"AddTagsToResource","target":"i-01234567""#;
    let lines = [(1, &*of_run(r#""note":"started""#)), (5, &report), (6, &ended), (7, tags)];
    let expected = [
        format!("1 begins to run {HELLO}"),
        format!("5 reports {HELLO} Failed, attempt 2"),
        format!("6! {HELLO} ended Failed after 5.0s; the plane did not take its last report"),
        "7 the operator calls AddTagsToResource for it".to_owned(),
    ];
    assert_eq!(sentences(&lines), expected);
}

#[test]
fn what_fails_again_and_again_is_told_once() {
    let refused = format!(r#"{},"error":"InvalidInstanceId""#, heartbeat("fail", 1));
    let times = |count: u64| (0..count).map(|time| (time * 60, &*refused)).collect::<Vec<_>>();
    let once = "0! heartbeat: refused, InvalidInstanceId";
    let cases = [
        (1, String::new()),
        (3, "; again 1m00s and 2m00s later".to_owned()),
        (9, "; again 8 times, the last time 8m00s later".to_owned()),
    ];
    for (count, again) in cases {
        assert_eq!(sentences(&times(count)), [format!("{once}{again}")]);
    }
}
