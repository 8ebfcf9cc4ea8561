//! `ssm-fleet node`: one node of the program before a plane of the program.

use serde_json::{Value, json};

use crate::binary::{Running, ssm_fleet};

const ID: &str = "i-0123456789abcdef0";

#[test]
fn one_node_shows_each_call_with_both_bodies_and_its_distance() {
    let directory = tempfile::tempdir().expect("a directory");
    let plane = Running::start(directory.path(), "plane --listen 127.0.0.1:0");
    let url = plane.url_after("listening on ");
    let line =
        format!("node --endpoint {url} --id {ID} --channel none --json --time-scale 600 --duration 11m");
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
    let line = format!("node --endpoint {url} --channel none --time-scale 600 --duration 1m");
    let ended = ssm_fleet(directory.path(), &line);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len() % 3, 0, "{}", ended.stdout);
    assert!(lines[0].ends_with("RegisterManagedInstance"), "{}", lines[0]);
    assert!(lines[1].starts_with("  > {\"Fingerprint\":\"i-"), "{}", lines[1]);
    assert!(lines[2].starts_with("  < 200 in "), "{}", lines[2]);
    drop(plane);
}

/// The calls and frames that a node showed.
fn shown(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

#[test]
fn a_node_with_a_channel_shows_what_goes_over_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let plane = Running::start(directory.path(), "plane --listen 127.0.0.1:0 --set hold_messages=1s");
    let url = plane.url_after("listening on ");
    let line = format!("node --endpoint {url} --json --time-scale 60 --duration 12m");
    let node = Running::start(directory.path(), &line);
    node.line_with("CreateControlChannel");
    // After a while, when the node no longer polls, somebody associates a document with all
    // nodes; the plane tells whoever it can reach.
    let order = "{name: order, seed: 1, time: {scale: 600}, duration: 2h, cohorts: [\
         {name: web, platform: amazon-linux-2023, nodes: 1}], associations: [\
         {name: hello, at: 20m, document: AWS-RunShellScript, parameters: {commands: [id]}, targets: [all]}]}";
    std::fs::write(directory.path().join("order.yaml"), order).expect("it can be written");
    let made = ssm_fleet(
        directory.path(),
        &format!("run order.yaml --out out --keep --allow-all-nodes --endpoint {url}"),
    );
    assert!(made.error().contains("the plane 2 Success"), "the node ran it as well: {}", made.error());

    let ended = node.end();
    assert_eq!(ended.code, Some(0), "{}", ended.error());
    let calls = shown(&ended.stdout);
    let of = |operation: &str| {
        let found = calls.iter().find(|call| call["operation"] == operation);
        found.unwrap_or_else(|| panic!("{operation}: {}", ended.stdout))
    };
    assert_eq!(of("CreateControlChannel")["status"], 101);
    assert_eq!(
        of("GetMessages")["request"]["Destination"],
        of("RegisterManagedInstance")["reply"]["InstanceId"]
    );
    let job = of("agent_job");
    let topic = &job["pushed"]["Topic"];
    assert_eq!((&job["request"], topic), (&Value::Null, &json!("aws.ssm.sendCommand.us-east-1")));
    for operation in ["agent_job_ack", "agent_job_reply"] {
        assert_eq!(of(operation)["request"]["jobId"], job["pushed"]["JobId"], "{operation}");
    }

    let line = format!("node --endpoint {url} --channel long-poll --json --time-scale 20 --duration 60s");
    let ended = ssm_fleet(directory.path(), &line);
    let calls = shown(&ended.stdout);
    let has = |operation: &str| calls.iter().any(|call| call["operation"] == operation);
    assert!(has("GetMessages") && !has("CreateControlChannel"), "{}", ended.stdout);
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
