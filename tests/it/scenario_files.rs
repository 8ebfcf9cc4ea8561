//! Scenario files, as somebody writes them: the wrong ones and what is said of
//! them, the shipped ones and their form, and the documents that tell of both.
//!
//! `SSM_FLEET_WRITE_SCENARIOS=1` writes golden messages and documents anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use fleet::scenario::built_in_names;
use fleet::schema;
use serde_json::Value;

use crate::binary::{Running, root, ssm_fleet};

const GOLDEN: &str = "tests/golden/scenarios/wrong.txt";

/// What a wrong scenario begins with where it says nothing else.
const TITLE: &str = "=== ";

/// What stands between a scenario and what is said of it.
const MESSAGES: &str = "--- ";

/// A scenario that is wrong.
struct Wrong<'a> {
    title: &'a str,
    scenario: &'a str,
    told: String,
}

/// The cases of the golden file: a title, a scenario, and what was told.
fn cases(golden: &str) -> Vec<Wrong<'_>> {
    let cases = golden.split(TITLE).skip(1).map(|case| {
        let (title, rest) = case.split_once('\n').expect("a title ends with its line");
        let (scenario, told) = rest.split_once(MESSAGES).expect("a scenario ends where it is told of");
        Wrong { title, scenario, told: told.trim_end().to_owned() }
    });
    cases.collect()
}

fn is_writing() -> bool {
    std::env::var_os("SSM_FLEET_WRITE_SCENARIOS").is_some()
}

/// Whether the schema, which sees no more than the text, has something against it.
fn schema_refuses(validator: &jsonschema::Validator, text: &str) -> bool {
    serde_saphyr::from_str::<Value>(text).is_ok_and(|value| !validator.is_valid(&value))
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_would_be_right() {
    let path = root().join(GOLDEN);
    let golden = std::fs::read_to_string(&path).expect("the golden file is there");
    let validator = jsonschema::validator_for(&Value::from(schema::scenario())).expect("it is a schema");
    let directory = tempfile::tempdir().expect("there is room");
    let mut written = String::new();
    let mut different = Vec::new();
    let cases = cases(&golden);
    assert!(cases.len() >= 125, "{} cases", cases.len());
    for Wrong { title, scenario, told } in cases {
        std::fs::write(directory.path().join("wrong.yaml"), scenario).expect("it can be written");
        let ended = ssm_fleet(directory.path(), "check wrong.yaml");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{title}: {}", ended.stderr);
        let by_schema =
            if schema_refuses(&validator, scenario) { "and so does the schema" } else { "the schema cannot" };
        let told_now = ended.stderr.trim_end().replace(&built_in_names(), "(their names)");
        let now = format!("check refuses it, {by_schema}\n{told_now}");
        let _ = write!(written, "{TITLE}{title}\n{scenario}{MESSAGES}{now}\n");
        if now != told {
            different.push(format!("{title}\n{now}\ninstead of\n{told}"));
        }
    }
    if is_writing() {
        std::fs::write(&path, written).expect("it can be written");
    } else {
        assert!(different.is_empty(), "{}", different.join("\n\n"));
    }
}

#[test]
fn what_is_shipped_has_the_form_that_the_schema_tells() {
    let validator = jsonschema::validator_for(&Value::from(schema::scenario())).expect("it is a schema");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("scenarios"))
        .expect("the scenarios are there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    let directory = tempfile::tempdir().expect("there is room");
    assert_eq!(ssm_fleet(directory.path(), "init drill").code, Some(0));
    files.push(directory.path().join("drill.yaml"));
    assert!(files.len() > 1);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("it can be read");
        let value: Value = serde_saphyr::from_str(&text).expect("it is YAML");
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {}", file.display(), errors.join("\n"));
    }
    let ended = ssm_fleet(directory.path(), "run drill.yaml --virtual --out out --set labels.team=web");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let result =
        std::fs::read_to_string(directory.path().join("out/result.json")).expect("there is a result");
    let result: Value = serde_json::from_str(&result).expect("it is JSON");
    assert_eq!(result["labels"]["team"], "web");
    let form = jsonschema::validator_for(&Value::from(schema::result())).expect("it is a schema");
    let errors: Vec<String> =
        form.iter_errors(&result).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));

    let again = ssm_fleet(directory.path(), "run out/scenario.resolved.yaml --virtual --out again");
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let second =
        std::fs::read_to_string(directory.path().join("again/result.json")).expect("there is a result");
    let mut second: Value = serde_json::from_str(&second).expect("it is JSON");
    let mut first = result;
    for result in [&mut first, &mut second] {
        result.as_object_mut().expect("it is an object").remove("spent");
    }
    assert_eq!(first, second, "the scenario that was used does the same again");
}

#[test]
fn the_reference_tells_of_the_types_that_read_scenarios() {
    let path = root().join("docs/scenarios.md");
    let reference = schema::reference();
    let mut rows = reference.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(rows.find(|row| row.ends_with("|  |")), None, "each key and choice is explained");
    let of_code = ["[`", "::", "`]("];
    let told = reference.lines().filter(|line| of_code.iter().any(|words| line.contains(words)));
    assert_eq!(told.collect::<Vec<_>>(), Vec::<&str>::new(), "what it says is for people, not of the code");
    let titles = reference.lines().filter_map(|line| line.strip_prefix("## "));
    let is_plain = |title: &&str| title.chars().all(|letter| letter == ' ' || letter.is_ascii_lowercase());
    assert_eq!(titles.filter(|title| !is_plain(title)).collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(!reference.contains("fivexx"), "a title is made of words");
    if is_writing() {
        std::fs::write(&path, &reference).expect("it can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == reference,
        "docs/scenarios.md is out of date; SSM_FLEET_WRITE_SCENARIOS=1 cargo test -p ssm-fleet-tests --test it \
         scenario_files writes it anew"
    );
}

/// What begins when the run is over.
const LATE: &str = "\
name: late
seed: 5
duration: 3h
cohorts:
  - { name: web, platform: debian-12, nodes: 3 }
associations:
  - { name: hello, at: 3m, document: AWS-RunShellScript, parameters: { commands: [echo hello] }, targets: [all] }
  - { name: later, at: 2h, document: AWS-RunShellScript, parameters: { commands: [echo hello] }, targets: [all] }
";

#[test]
fn what_a_flag_cuts_off_is_told_once_and_no_failure() {
    let directory = tempfile::tempdir().expect("there is room");
    let write =
        |text: &str| std::fs::write(directory.path().join("late.yaml"), text).expect("it can be written");
    write(LATE);
    let ended = ssm_fleet(directory.path(), "check late.yaml --duration 1h");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let note = "note: association later (2h00m00s) is beyond --duration and will not happen\n";
    assert!(ended.stdout.ends_with(note), "{}", ended.stdout);

    let ended = ssm_fleet(directory.path(), "run late.yaml --virtual --duration 1h --out out");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.matches("later").count(), 1, "{}", ended.stdout);
    let told = "left out     beyond --duration: association later (2h00m00s)\n";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
    let junit = std::fs::read_to_string(directory.path().join("out/junit.xml")).expect("it is there");
    assert!(junit.contains("<skipped"), "{junit}");

    write(&LATE.replace("duration: 3h", "duration: 1h"));
    for command in ["check late.yaml", "plan late.yaml", "run late.yaml --virtual"] {
        let ended = ssm_fleet(directory.path(), command);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{command}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("late.yaml, line 8: association later begins at 2h00m00s"),
            "{}",
            ended.stderr
        );
    }
    let ended = ssm_fleet(directory.path(), "run late.yaml --virtual --duration 3h --out long");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// Somebody else's plane may have other rules.
#[test]
fn what_the_embedded_plane_would_refuse_is_a_note_before_another_one() {
    let guest = LATE
        .replace("duration: 3h", "duration: 3h\nplane: { endpoint: 'http://127.0.0.1:1' }")
        .replace("name: later", "name: a, refused: OfTheirOwn")
        .replace(
            "echo hello] }, targets: [all] }",
            "echo hello] }, targets: [all], schedule: rate(5 minutes) }",
        );
    let directory = tempfile::tempdir().expect("there is room");
    std::fs::write(directory.path().join("guest.yaml"), &guest).expect("it can be written");
    let ended = ssm_fleet(directory.path(), "check guest.yaml");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let notes: Vec<&str> = ended.stdout.lines().skip(1).collect();
    let begins = [
        "note: association hello aims at all nodes of the endpoint, which may be others' as well",
        "note: by the embedded plane's rules, association a: there is no refusal `OfTheirOwn`",
        "note: by the embedded plane's rules, association hello: the plane would refuse it with InvalidSchedule",
    ];
    assert_eq!(notes.len(), begins.len(), "{notes:?}");
    assert!(notes.iter().zip(begins).all(|(note, begin)| note.starts_with(begin)), "{notes:?}");
    // What no other plane does is refused, by who looks at it beforehand too.
    let restarted = guest + "timeline: [{ at: 10m, do: { restart-plane: {} } }]\n";
    std::fs::write(directory.path().join("guest.yaml"), restarted).expect("it can be written");
    for line in ["check guest.yaml", "plan guest.yaml", "run guest.yaml --allow-all-nodes"] {
        let ended = ssm_fleet(directory.path(), line);
        assert_eq!(ended.code, Some(2), "{line}: {}", ended.stderr);
        assert!(ended.stderr.contains("only the embedded plane can be started anew"), "{}", ended.stderr);
    }
}

/// A fleet in two parts, each in a program of its own, before one plane.
#[test]
fn two_slices_are_one_fleet_and_the_first_has_the_operator() {
    const SCENARIO: &str = "\
name: parts
seed: 5
time: { scale: 300 }
ramp: 1m
duration: 30m
cohorts:
  - { name: web, platform: debian-12, nodes: 21, tags: { Env: prod } }
associations:
  - { name: hello, at: 3m, document: AWS-RunShellScript, parameters: { commands: [echo hello] }, targets: [tag: { key: Env, values: [prod] }] }
timeline:
  - { at: 4m, do: { inject: { name: nap, fault: { latency: { delay: 1s } }, for: 5m } } }
  - { when: online > 1, do: { narrate: where the operator is } }
";
    let directory = tempfile::tempdir().expect("there is room");
    std::fs::write(directory.path().join("parts.yaml"), SCENARIO).expect("it can be written");
    let plane = Running::start(directory.path(), "plane --listen 127.0.0.1:0");
    let url = plane.url_after("listening on ");
    let part = |slice: &str, out: &str| {
        let line = format!("run parts.yaml --endpoint {url} --slice {slice} --out {out}");
        Running::start(directory.path(), &line)
    };
    let parts = [part("1/2", "one"), part("2/2", "two")];
    let results = parts.map(Running::end).map(|ended| {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    });
    assert!(results[0].contains("slice 1/2") && results[1].contains("slice 2/2"), "{results:?}");
    let read = |out: &str| -> Value {
        let path = directory.path().join(out).join("result.json");
        serde_json::from_str(&std::fs::read_to_string(path).expect("there is a result")).expect("it is JSON")
    };
    let [one, two] = ["one", "two"].map(read);
    assert_eq!((&one["nodes"]["total"], &two["nodes"]["total"]), (&10.into(), &11.into()));
    let naps =
        [&one, &two].map(|part| (part["faults"][0]["name"].as_str(), part["faults"][0]["nodes"].as_u64()));
    assert_eq!(naps, [(Some("nap"), Some(10)), (Some("nap"), Some(11))], "in each part, for its own nodes");
    let told = [&one, &two].map(|part| part["timeline"].as_array().map(Vec::len));
    assert_eq!(told, [Some(2), Some(1)], "a condition is looked at by the first one");
    let round = &one["associations"][0]["rounds"][0];
    assert_eq!(round["runs"]["Success"], 10, "those that ran here");
    assert_eq!(round["counted"]["Success"], 21, "those that the plane counts");
    assert_eq!((&round["agrees"], &two["associations"]), (&Value::Null, &Value::Array(Vec::new())));
    plane.interrupt();
    assert_eq!(plane.end().code, Some(0));
}
