//! `ssm-fleet node`: one node of the program before a plane of the program.

use serde_json::{Value, json};

use crate::binary::{Running, ssm_fleet};

const ID: &str = "i-0123456789abcdef0";

#[test]
fn one_node_shows_each_call_with_both_bodies_and_its_distance() {
    let directory = tempfile::tempdir().expect("a directory");
    let plane = Running::start(directory.path(), "plane --listen 127.0.0.1:0");
    let url = plane.url_after("listening on ");
    let line = format!("node --endpoint {url} --id {ID} --json --time-scale 600 --duration 11m");
    let ended = ssm_fleet(directory.path(), &line);
    assert_eq!(ended.code, Some(0), "{}", ended.error());
    let calls: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let operations: Vec<_> = calls.iter().map(|call| call["operation"].as_str().expect("a name")).collect();
    assert_eq!(operations[0], "RegisterManagedInstance");
    assert!(operations.contains(&"UpdateInstanceInformation"), "{operations:?}");
    assert!(operations.contains(&"ListInstanceAssociations"), "{operations:?}");
    assert_eq!(calls[0]["reply"], json!({ "InstanceId": ID }));
    assert_eq!((&calls[0]["gap"], &calls[0]["elapsed"]), (&Value::Null, &json!(0.0)));
    for pair in calls.windows(2) {
        let seconds = |call: &Value, key: &str| call[key].as_f64().expect("a number of seconds");
        let passed = seconds(&pair[1], "elapsed") - seconds(&pair[0], "elapsed");
        assert!((passed - seconds(&pair[1], "gap")).abs() < 0.001 || passed < 0.0, "{pair:?}");
    }
    for call in &calls[1..] {
        assert_eq!((&call["status"], &call["request"]["InstanceId"]), (&json!(200), &json!(ID)), "{call}");
    }

    // For a person: three lines a call.
    let line = format!("node --endpoint {url} --time-scale 600 --duration 1m");
    let ended = ssm_fleet(directory.path(), &line);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len() % 3, 0, "{}", ended.stdout);
    assert!(lines[0].ends_with("RegisterManagedInstance"), "{}", lines[0]);
    assert!(lines[1].starts_with("  > {\"Fingerprint\":\"i-"), "{}", lines[1]);
    assert!(lines[2].starts_with("  < 200 in "), "{}", lines[2]);
    drop(plane);
}

#[test]
fn a_node_that_cannot_be_is_refused_with_what_would_be_right() {
    let directory = tempfile::tempdir().expect("a directory");
    let endpoint = "http://127.0.0.1:1";
    let cases = [
        ("--id mi-0123456789abcdef0", 2, "an mi-… id comes by an activation"),
        ("--platform beos", 2, "no platform `beos`"),
        ("--id i-01234567 --activation-id a --activation-code b", 2, "exclude one another"),
        ("", 1, "cannot connect to http://127.0.0.1:1"),
    ];
    for (flags, code, expected) in cases {
        let ended = ssm_fleet(directory.path(), &format!("node --endpoint {endpoint} {flags}"));
        assert_eq!(ended.code, Some(code), "{flags}");
        assert!(ended.error().contains(expected), "{flags}: {}", ended.error());
    }
}
