//! Documents as texts: what is read of them, and what is said of those that are none.

use serde_json::json;

use super::*;
use crate::status::PlatformType::{self, Linux, MacOS, Windows};
use crate::wire::Parameters;

const RUN_SHELL_SCRIPT: &str = r#"{"schemaVersion": "2.2", "description": "echo", "parameters":
    {"commands": {"type": "StringList"}, "executionTimeout": {"type": "String", "default": "60"}},
    "mainSteps": [{"action": "aws:runShellScript", "name": "runShell",
        "precondition": {"StringEquals": ["platformType", "Linux"]},
        "inputs": {"runCommand": "{{ commands }}", "timeoutSeconds": "{{ executionTimeout }}"}}]}"#;

const OLD: &str = r#"{"schemaVersion": "1.2", "description": "old",
    "parameters": {"commands": {"type": "StringList", "default": ["echo v12"]}},
    "runtimeConfig": {"aws:runShellScript": {"properties":
        [{"id": "0.aws:runShellScript", "runCommand": "{{ commands }}"}]}}}"#;

fn steps(schema: &str, steps: &Value) -> String {
    json!({"schemaVersion": schema, "mainSteps": steps}).to_string()
}

#[test]
fn a_document_of_schema_2_is_its_main_steps() {
    let document = Document::parse(RUN_SHELL_SCRIPT).unwrap();

    assert_eq!(document.schema_version, SchemaVersion::V2_2);
    assert_eq!(document.description.as_deref(), Some("echo"));
    assert_eq!(document.parameters["commands"].kind, ParameterKind::StringList);
    assert_eq!(document.parameters["commands"].default, Value::Null);
    assert_eq!(document.parameters["executionTimeout"].default, json!("60"));
    let [step] = &document.steps[..] else { panic!("one step") };
    assert_eq!((step.name.as_str(), step.action.as_str()), ("runShell", "aws:runShellScript"));
    assert_eq!(step.inputs.single().unwrap()["runCommand"], json!("{{ commands }}"));
    assert_eq!(step.precondition.as_ref().and_then(Precondition::platform), Some("Linux"));
}

#[test]
fn a_document_of_schema_1_has_a_step_per_plugin() {
    let document = Document::parse(OLD).unwrap();

    let [step] = &document.steps[..] else { panic!("one step") };
    assert_eq!((step.name.as_str(), step.action.as_str()), ("aws:runShellScript", "aws:runShellScript"));
    assert_eq!(step.inputs.single(), None);
    assert_eq!(step.inputs.sets().len(), 1);
    assert_eq!(step.inputs.sets()[0]["id"], json!("0.aws:runShellScript"));

    let two = r#"{"schemaVersion":"1.0","runtimeConfig":{"aws:psModule":{"properties":{"id":"x"}},
        "aws:applications":{}}}"#;
    let document = Document::parse(two).unwrap();
    let names: Vec<_> = document.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["aws:applications", "aws:psModule"]);
    assert_eq!(document.steps[1].inputs.single().unwrap()["id"], json!("x"));
}

#[test]
fn bounds_and_kinds_of_a_parameter_are_read() {
    let content = json!({"schemaVersion": "2.2", "parameters": {"a": {"type": "String", "description": "d",
        "allowedValues": ["x", "y"], "allowedPattern": "^[a-z]$", "minChars": 1, "maxChars": "9",
        "minItems": 2, "maxItems": {"no": "number"}}, "b": {"type": "AWS::EC2::Instance::Id"}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "s"}]});
    let document = Document::parse(&content.to_string()).unwrap();
    let a = &document.parameters["a"];
    assert_eq!((a.min_chars, a.max_chars, a.min_items, a.max_items), (Some(1), Some(9), Some(2), None));
    assert_eq!(a.allowed_values, [json!("x"), json!("y")]);
    assert_eq!((a.allowed_pattern.as_deref(), a.description.as_deref()), (Some("^[a-z]$"), Some("d")));
    assert_eq!(document.parameters["b"].kind.as_str(), "AWS::EC2::Instance::Id");
}

#[test]
fn the_agent_has_a_sentence_for_each_text_that_is_no_document() {
    let internal = "Encountered error while parsing input - internal error";
    let unsupported = |version: &str| {
        format!(
            "Document with schema version {version} is not supported by this version of ssm agent, \
             please update to latest version"
        )
    };
    let step = json!([{"action": "aws:sleep", "name": "s"}]);
    let cases = [
        ("{not json".to_owned(), internal.to_owned(), false),
        ("schemaVersion: '2.2'".to_owned(), internal.to_owned(), false),
        (json!({"schemaVersion": 2.2}).to_string(), internal.to_owned(), false),
        (steps("2.2", &json!("none")), internal.to_owned(), false),
        (steps("2.2", &json!([{"action": "a", "name": "b", "inputs": 3}])), internal.to_owned(), false),
        (steps("9.9", &json!([])), unsupported("9.9"), true),
        (steps("0.3", &step), unsupported("0.3"), true),
        ("{}".to_owned(), unsupported(""), true),
        (steps("2.2", &json!([])), "Unsupported schema format".to_owned(), true),
        (json!({"schemaVersion": "2.0"}).to_string(), "Unsupported schema format".to_owned(), true),
        (steps("1.2", &step), "Unsupported schema format".to_owned(), true),
    ];
    for (content, text, names_association) in cases {
        let error = Document::parse_for_node(&content).expect_err(&content);
        assert_eq!((error.agent_text(), error.names_association()), (text, names_association), "{content}");
    }
}

#[test]
fn an_automation_is_a_document_though_not_for_nodes() {
    let content =
        steps("0.3", &json!([{"action": "aws:sleep", "name": "s", "inputs": {"Duration": "PT1S"}}]));
    let document = Document::parse(&content).unwrap();
    assert_eq!(document.schema_version.as_str(), "0.3");
    assert!(!document.schema_version.runs_on_nodes());
    assert_eq!(
        Document::parse_for_node(&content),
        Err(DocumentError::UnsupportedVersion { version: "0.3".to_owned() })
    );
}

#[test]
fn a_document_is_for_the_platforms_of_its_steps() {
    let step = |action: &str, platform: Option<&str>| match platform {
        None => json!({"action": action, "name": "s"}),
        Some(platform) => json!({"action": action, "name": "s",
            "precondition": {"StringEquals": ["platformType", platform]}}),
    };
    let (shell, power_shell) = ("aws:runShellScript", "aws:runPowerShellScript");
    let cases: [(Value, &[PlatformType]); 7] = [
        (json!([step(shell, None)]), &[Linux, MacOS]),
        (json!([step(shell, Some("Linux"))]), &[Linux]),
        (json!([step(power_shell, None)]), &[Windows]),
        (json!([step(power_shell, Some("windows")), step(shell, Some("Linux"))]), &[Linux, Windows]),
        (json!([step(power_shell, Some("Linux"))]), &[Linux]),
        (json!([step(shell, None), step(power_shell, None)]), &[Linux, Windows, MacOS]),
        (json!([step("aws:softwareInventory", None)]), &[Linux, Windows, MacOS]),
    ];
    for (list, platforms) in cases {
        assert_eq!(Document::parse(&steps("2.2", &list)).unwrap().platforms(), platforms, "{list}");
    }
    assert_eq!(Document::parse(OLD).unwrap().platforms(), [Linux, MacOS]);
}

#[test]
fn arguments_take_the_place_of_references() {
    let content = json!({"schemaVersion": "2.2", "parameters": {
        "list": {"type": "StringList", "default": ["d"]}, "text": {"type": "String", "default": "t"},
        "bare": {"type": "String"}, "number": {"type": "Integer", "default": 5},
        "map": {"type": "StringMap", "default": {"k": "v"}}, "under_score": {"type": "String", "default": "u"}},
        "mainSteps": [{"action": "a", "name": "b"}]});
    let document = Document::parse(&content.to_string()).unwrap();
    let given = Parameters::from([
        ("list".to_owned(), vec!["a".to_owned(), "b".to_owned()]),
        ("text".to_owned(), vec!["pa$$".to_owned(), "ignored".to_owned()]),
        ("number".to_owned(), vec!["7".to_owned()]),
        ("undeclared".to_owned(), vec!["x".to_owned()]),
    ]);
    let arguments = document.arguments(&given);
    let cases = [
        (json!("{{ list }}"), json!(["a", "b"])),
        (json!("{{list}}"), json!(["a", "b"])),
        (json!("say {{ list }}!"), json!("say [\"a\",\"b\"]!")),
        (json!("{{ text }}"), json!("pa$$")),
        (json!("<{{ text }}|{{text}}>"), json!("<pa$|pa$>")),
        (json!("{{ bare }}"), Value::Null),
        (json!("-{{ bare }}"), json!("-null")),
        (json!("{{ number }}"), json!(5)),
        (json!("{{ map }}"), json!({"k": "v"})),
        (json!("{{ under_score }}"), json!("{{ under_score }}")),
        (json!("{{ undeclared }}"), json!("{{ undeclared }}")),
        (json!("{{ssm:name}} {{ text"), json!("{{ssm:name}} {{ text")),
        (json!("{{{text}}}"), json!("{pa$}")),
        (json!({"a": ["{{ text }}", 1]}), json!({"a": ["pa$$", 1]})),
    ];
    for (written, filled) in cases {
        assert_eq!(arguments.fill(&written), filled, "{written}");
    }
}
