//! The examples in README and the documents: whoever copies one has something that
//! works.
//!
//! A block of YAML with a `name` is a scenario. Any other is a part of one: the
//! keys of a scenario, which are laid over one that has what they speak of, or
//! those of a cohort, which are given to its nodes. Each is held before `check`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fleet::schema;
use serde_json::{Map, Value};

use crate::binary::{root, ssm_fleet};

/// What parts of scenarios are laid over: the nodes, documents and associations
/// that they name.
const BASE: &str = "\
name: base
seed: 1
duration: 12h
cohorts:
  - { name: web, platform: ubuntu-22.04, nodes: 1000, tags: { Env: prod, Role: web } }
documents:
  - { name: check, content: { schemaVersion: \"2.2\", mainSteps: [{ action: \"aws:runShellScript\", name: a, inputs: { runCommand: [id] } }] } }
associations:
  - { name: patch, document: check, targets: [all] }
  - { name: hello, document: check, targets: [all] }
";

/// A block of YAML, and the document that shows it.
struct Example {
    shown_in: String,
    text: String,
}

fn documents() -> Vec<PathBuf> {
    let listed = ["docs", "docs/adr"].into_iter().flat_map(|directory| {
        let entries = std::fs::read_dir(root().join(directory)).expect("the documents are there");
        entries.map(|entry| entry.expect("it can be read").path())
    });
    let mut documents: Vec<_> =
        listed.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    documents.push(root().join("README.md"));
    documents.sort();
    documents
}

fn examples() -> Vec<Example> {
    let of = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("it can be read");
        let shown_in = path.strip_prefix(root()).unwrap_or(path).display().to_string();
        let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        blocks.map(|text| Example { shown_in: shown_in.clone(), text: text.to_owned() }).collect::<Vec<_>>()
    };
    documents().iter().flat_map(of).collect()
}

/// The keys that this form of the scenario's schema has.
fn keys(form: &Value) -> BTreeSet<String> {
    form["properties"].as_object().expect("it has keys").keys().cloned().collect()
}

/// The example as a whole scenario: its file's name and its text.
fn whole(example: &Example, number: usize) -> (String, String) {
    let Example { shown_in, text } = example;
    let said: Map<String, Value> =
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{shown_in}: {error}:\n{text}"));
    if said.contains_key("name") {
        let file = text.lines().find_map(|line| line.strip_prefix("# ")?.strip_suffix(".yaml"));
        return (format!("{}.yaml", file.unwrap_or(&format!("whole-{number}"))), text.clone());
    }
    let schema = Value::from(schema::scenario());
    let are_all_of = |known: BTreeSet<String>| said.keys().all(|key| known.contains(key));
    let scenario = &schema["$defs"]["Scenario"];
    let text = if are_all_of(keys(if scenario.is_null() { &schema } else { scenario })) {
        format!("extends: base.yaml\n{text}")
    } else if are_all_of(keys(&schema["$defs"]["Cohort"])) {
        let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
        format!("extends: base.yaml\ncohorts:\n  - name: web\n{indented}")
    } else {
        panic!("{shown_in}: neither keys of a scenario nor of a cohort:\n{text}");
    };
    (format!("part-{number}.yaml"), text)
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).expect("it can be written");
}

#[test]
fn examples_in_the_documents_are_valid() {
    let directory = tempfile::tempdir().expect("there is room");
    write(directory.path(), "base.yaml", BASE);
    let examples = examples();
    let in_the_guide = examples.iter().filter(|example| example.shown_in.ends_with("scenarios-guide.md"));
    assert!(in_the_guide.count() >= 3, "one for each use");
    let files: Vec<_> = examples.iter().enumerate().map(|(number, example)| whole(example, number)).collect();
    for (name, text) in &files {
        write(directory.path(), name, text);
    }
    let mut wrong = Vec::new();
    for (example, (name, text)) in examples.iter().zip(&files) {
        let ended = ssm_fleet(directory.path(), &format!("check {name}"));
        if ended.code != Some(0) {
            wrong.push(format!("{}: {}{text}", example.shown_in, ended.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
