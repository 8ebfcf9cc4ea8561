//! What becomes of a step, and what is said of a run, as the real agent told it.

use serde_json::{Value, json};
use shared::status::AssociationStatus;

use super::*;

const LINUX: Context<'static> =
    Context { platform: PlatformType::Linux, given: Given::Nothing, store: None, has_exited: false };

fn document(schema: &str, steps: &Value) -> Document {
    Document::parse(&json!({"schemaVersion": schema, "mainSteps": steps}).to_string()).unwrap()
}

/// A document of one step, with these members beside its name `S`.
fn step(schema: &str, mut members: Value) -> Document {
    members["name"] = json!("S");
    document(schema, &json!([members]))
}

fn on(platform: PlatformType) -> Context<'static> {
    Context { platform, ..LINUX }
}

fn hour() -> Verdict {
    Verdict::Run { timeout: Period::hours(1) }
}

fn skipped(text: &str) -> Verdict {
    Verdict::Skipped(text.to_owned())
}

fn failed(text: &str) -> Verdict {
    Verdict::Failed(Refusal { reason: text.to_owned(), exits: false })
}

fn ending(exit_code: i32, standard_error: &str) -> Ending<'_> {
    let (took, timeout) = (Period::seconds(1), Period::hours(1));
    Ending { exit_code, standard_output: "", standard_error, took, timeout }
}

fn result(status: StepStatus, code: i32, error: &str, exits: bool) -> StepResult {
    let (output, remark) = (String::new(), String::new());
    StepResult { status, code, output, error: error.to_owned(), remark, exits }
}

/// The document `Multi` of the recorded run.
fn multi() -> Document {
    document(
        "2.2",
        &json!([
            {"action": "aws:runShellScript", "name": "ok1", "inputs": {"runCommand": ["echo one"]}},
            {"action": "aws:runShellScript", "name": "bad", "inputs": {"runCommand": ["echo err >&2; exit 3"]}},
            {"action": "aws:runPowerShellScript", "name": "winonly",
                "precondition": {"StringEquals": ["platformType", "Windows"]}, "inputs": {"runCommand": ["dir"]}},
            {"action": "aws:runShellScript", "name": "after", "inputs": {"runCommand": ["echo after"]}}]),
    )
}

/// Runs a document whose scripts end so; a step that is not run takes no ending.
fn run(document: &Document, context: Context<'_>, endings: &[Ending<'_>]) -> Vec<StepResult> {
    let mut endings = endings.iter();
    let mut results: Vec<StepResult> = Vec::new();
    for index in 0..document.steps.len() {
        let context = Context { has_exited: results.iter().any(|result| result.exits), ..context };
        results.push(match decide(document, index, &context) {
            Verdict::Run { timeout } => {
                let ending = Ending { timeout, ..*endings.next().unwrap() };
                finish(document, index, &context, &ending)
            }
            Verdict::Skipped(reason) => StepResult::skipped(reason),
            Verdict::Failed(refusal) => StepResult::failed(refusal),
        });
    }
    assert_eq!(endings.next(), None, "every ending is of a step that ran");
    results
}

#[test]
fn a_run_of_four_steps_is_told_as_the_agent_told_it() {
    let document = multi();
    let results = run(&document, LINUX, &[ending(0, ""), ending(3, "err\n"), ending(0, "")]);

    let told: Vec<_> = (0..4).map(|index| step_summary(&document, index, &results[index])).collect();
    assert_eq!(
        told,
        [
            "1 out of 4 plugins processed, 1 success, 0 failed, 0 timedout, 0 skipped. ",
            "1 out of 4 plugins processed, 0 success, 1 failed, 0 timedout, 0 skipped. \nThe operation bad failed because err\nfailed to run commands: exit status 3.",
            "1 out of 4 plugins processed, 0 success, 0 failed, 0 timedout, 1 skipped. ",
            "1 out of 4 plugins processed, 1 success, 0 failed, 0 timedout, 0 skipped. ",
        ]
    );
    assert_eq!(
        summary(&document, &results),
        "4 out of 4 plugins processed, 2 success, 1 failed, 0 timedout, 1 skipped. \nThe operation bad failed because err\nfailed to run commands: exit status 3."
    );
    assert_eq!(aggregate(4, &results), DocumentStatus::Failed);
}

#[test]
fn runs_of_one_step_are_told_as_the_agent_told_them() {
    let shell = json!({"action": "aws:runShellScript", "inputs": {"timeoutSeconds": "5"}});
    let old =
        r#"{"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{"id": "0"}]}}}"#;
    let windows = json!({"action": "aws:runPowerShellScript",
        "precondition": {"StringEquals": ["platformType", "Windows"]}});
    let slow = Ending { took: Period::seconds(60), ..ending(0, "") };
    let unknown = document("2.2", &json!([{"action": "aws:noSuchPlugin", "name": "x", "inputs": {}}]));
    let cases: [(Document, Option<Ending<'_>>, DocumentStatus, &str); 5] = [
        (
            Document::parse(old).unwrap(),
            Some(ending(0, "")),
            DocumentStatus::Success,
            "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. ",
        ),
        (
            step("2.2", shell.clone()),
            Some(ending(0, "")),
            DocumentStatus::Success,
            "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. ",
        ),
        (
            step("2.2", shell),
            Some(slow),
            DocumentStatus::TimedOut,
            "1 out of 1 plugin processed, 0 success, 0 failed, 1 timedout, 0 skipped. ",
        ),
        (
            step("2.2", windows),
            None,
            DocumentStatus::Success,
            "1 out of 1 plugin processed, 0 success, 0 failed, 0 timedout, 1 skipped. ",
        ),
        (
            unknown,
            None,
            DocumentStatus::Failed,
            "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \nThe operation x failed because .",
        ),
    ];
    for (document, ending, status, text) in cases {
        let endings: Vec<_> = ending.into_iter().collect();
        let results = run(&document, LINUX, &endings);
        assert_eq!((aggregate(1, &results), summary(&document, &results).as_str()), (status, text));
        assert_eq!(step_summary(&document, 0, &results[0]), text);
    }
}

#[test]
fn a_long_summary_is_cut_to_510_bytes() {
    let document = step("2.2", json!({"action": "aws:configurePackage"}));
    // The words around it take 106 bytes.
    for (length, expected) in [(403, 509), (404, 510), (405, 510), (5000, 510)] {
        let result = finish(&document, 0, &LINUX, &ending(1, &"e".repeat(length)));
        let text = step_summary(&document, 0, &result);
        assert_eq!(
            (text.len(), text.ends_with("e--output truncated--")),
            (expected, length > 403),
            "{length}"
        );
    }
    let result = finish(&document, 0, &LINUX, &ending(1, &"é".repeat(300)));
    let text = step_summary(&document, 0, &result);
    assert!((509..=510).contains(&text.len()) && text.ends_with("é--output truncated--"), "{text}");
}

#[test]
fn whether_a_step_runs_depends_on_schema_plugin_and_precondition() {
    use PlatformType::{Linux, MacOS, Windows};
    let unknown = "Plugin with name aws:x is not supported by this version of ssm agent, \
                   please update to latest version. Step name: S";
    let only = |platform: &str| json!({"StringEquals": ["platformType", platform]});
    let shell = |precondition: Value| json!({"action": "aws:runShellScript", "precondition": precondition});
    let cases = [
        // Before 2.2 whatever is wrong is a failure.
        ("2.0", Linux, json!({"action": "aws:runShellScript"}), hour()),
        ("2.0", Linux, json!({"action": "aws:x"}), failed(unknown)),
        (
            "2.0",
            Windows,
            json!({"action": "aws:runShellScript"}),
            failed("Plugin with name aws:runShellScript not found. Step name: S"),
        ),
        (
            "2.0.3",
            MacOS,
            json!({"action": "aws:psModule"}),
            failed("Plugin with name aws:psModule is not supported in current platform. Step name: S"),
        ),
        (
            "2.0",
            Linux,
            shell(only("Linux")),
            failed("Precondition is not supported for document schema version prior to 2.2. Step name: S"),
        ),
        ("2.0", Linux, json!({"action": "aws:x", "precondition": only("Linux")}), failed(unknown)),
        // From 2.2 on a plugin of another platform is skipped.
        ("2.2", Linux, json!({"action": "aws:runShellScript"}), hour()),
        ("2.2", Linux, json!({"action": "aws:x"}), failed(unknown)),
        (
            "2.2",
            Windows,
            json!({"action": "aws:runShellScript"}),
            skipped("Step execution skipped due to unsupported plugin: aws:runShellScript. Step name: S"),
        ),
        (
            "2.2",
            MacOS,
            json!({"action": "aws:psModule"}),
            skipped("Step execution skipped due to unsupported plugin: aws:psModule. Step name: S"),
        ),
        ("2.2", Linux, shell(only("Linux")), hour()),
        ("2.2", MacOS, shell(only("macos")), hour()),
        ("2.2", Linux, shell(json!({"StringEquals": ["LINUX", "platformType"]})), hour()),
        ("2.2", Linux, shell(json!({})), hour()),
        (
            "2.2",
            Linux,
            shell(only("Windows")),
            skipped(
                "Step execution skipped due to unsatisfied preconditions: \
            '\"StringEquals\": [platformType, Windows]'. Step name: S",
            ),
        ),
        (
            "2.2",
            Windows,
            shell(only("Windows")),
            skipped("Step execution skipped due to unsupported plugin: aws:runShellScript. Step name: S"),
        ),
        ("2.2", Linux, json!({"action": "aws:x", "precondition": only("Linux")}), failed(unknown)),
        (
            "2.2",
            Linux,
            json!({"action": "aws:x", "precondition": only("Windows")}),
            skipped("Step execution skipped due to unsupported plugin: aws:x. Step name: S"),
        ),
        // What fails counts before what is not understood.
        (
            "2.2",
            Linux,
            shell(json!({"StringEquals": ["platformType", "Windows"], "Other": []})),
            skipped(
                "Step execution skipped due to unsatisfied preconditions: \
                'unrecognized operator: \"Other\", \"StringEquals\": [platformType, Windows]'. Step name: S",
            ),
        ),
    ];
    for (schema, platform, members, verdict) in cases {
        assert_eq!(decide(&step(schema, members.clone()), 0, &on(platform)), verdict, "{schema} {members}");
    }
}

/// Each schema, with what its steps are written in.
#[test]
fn every_schema_before_2_2_fails_what_it_cannot_run() {
    let unknown = "Plugin with name aws:x is not supported by this version of ssm agent, \
                   please update to latest version. Step name: ";
    let missing = "Plugin with name aws:psModule not found. Step name: ";
    for schema in ["1.0", "1.2", "2.0", "2.0.1", "2.0.2", "2.0.3"] {
        let is_old = schema.starts_with('1');
        let document = |action: &str| {
            if is_old {
                let content = json!({"schemaVersion": schema, "runtimeConfig": {action: {"properties": {}}}});
                Document::parse_for_node(&content.to_string()).unwrap()
            } else {
                step(schema, json!({"action": action}))
            }
        };
        let name = |action: &'static str| if is_old { action } else { "S" };
        let cases = [
            ("aws:runShellScript", hour()),
            ("aws:x", failed(&format!("{unknown}{}", name("aws:x")))),
            ("aws:psModule", failed(&format!("{missing}{}", name("aws:psModule")))),
        ];
        for (action, verdict) in cases {
            assert_eq!(decide(&document(action), 0, &LINUX), verdict, "{schema} {action}");
        }
        let mut exited = Context { has_exited: true, ..LINUX };
        assert!(matches!(decide(&document("aws:x"), 0, &exited), Verdict::Skipped(_)), "{schema}");
        exited.has_exited = false;
        assert!(matches!(decide(&document("aws:x"), 0, &exited), Verdict::Failed(_)), "{schema}");
    }
}

#[test]
fn a_precondition_that_is_not_understood_is_a_failure() {
    let cases = [
        (json!({"NumberEquals": ["a", "b"]}), "unrecognized operator: \"NumberEquals\""),
        (json!({"StringEquals": ["platformType"]}), "\"StringEquals\": operator accepts exactly 2 arguments"),
        (
            json!({"StringEquals": ["platformType", "platformType"]}),
            "\"StringEquals\": [platformType platformType]",
        ),
        (
            json!({"StringEquals": ["{{ mode }}", "{{ mode }}"]}),
            "\"StringEquals\": operator's arguments can't be identical",
        ),
        (
            json!({"StringEquals": ["{{ ssm:name }}", "x"]}),
            "\"StringEquals\": operator's arguments can't contain SSM parameters",
        ),
        (
            json!({"StringEquals": ["x", "{{ssm-secure:name}}"]}),
            "\"StringEquals\": operator's arguments can't contain secure SSM parameters",
        ),
        (
            json!({"StringEquals": ["platformType", "{{ mode }}"]}),
            "\"StringEquals\": the second argument for the platformType variable can't contain document parameters",
        ),
        (
            json!({"StringEquals": ["a", "b"]}),
            "\"StringEquals\": at least one of operator's arguments must contain a valid document parameter",
        ),
        (
            json!({"StringEquals": ["a", "{{ undeclared }}"]}),
            "\"StringEquals\": at least one of operator's arguments must contain a valid document parameter",
        ),
    ];
    for (precondition, remark) in cases {
        let content = json!({"schemaVersion": "2.2", "parameters": {"mode": {"type": "String", "default": "fast"}},
            "mainSteps": [{"action": "aws:runShellScript", "name": "S", "precondition": precondition}]});
        let document = Document::parse(&content.to_string()).unwrap();
        let text = format!(
            "Unrecognized precondition(s): '{remark}', please update agent to latest version. Step name: S"
        );
        assert_eq!(decide(&document, 0, &LINUX), failed(&text), "{precondition}");
    }
}

#[test]
fn a_precondition_may_look_at_parameters() {
    let content = json!({"schemaVersion": "2.2", "parameters": {"mode": {"type": "String", "default": "fast"}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "S",
            "precondition": {"StringEquals": ["{{ mode }}", "fast"]}}]});
    let document = Document::parse(&content.to_string()).unwrap();
    assert_eq!(decide(&document, 0, &LINUX), hour());

    let given = Parameters::from([("mode".to_owned(), vec!["slow".to_owned()])]);
    let context = Context { given: Given::Parameters(&given), ..LINUX };
    let text = "Step execution skipped due to unsatisfied preconditions: \
                '\"StringEquals\": [{{ mode }}, fast]'. Step name: S";
    assert_eq!(decide(&document, 0, &context), skipped(text));
}

#[test]
fn a_step_may_take_as_long_as_its_inputs_say() {
    let cases = [
        (json!({}), 3600),
        (json!({"timeoutSeconds": 60}), 60),
        (json!({"timeoutSeconds": "60"}), 60),
        (json!({"TimeoutSeconds": "{{ limit }}"}), 90),
        (json!({"timeoutSeconds": 5}), 5),
        (json!({"timeoutSeconds": 4}), 3600),
        (json!({"timeoutSeconds": "172800"}), 172_800),
        (json!({"timeoutSeconds": "172801"}), 3600),
        (json!({"timeoutSeconds": "soon"}), 3600),
        (json!({"timeoutSeconds": [7]}), 3600),
        (json!([{"timeoutSeconds": 60}, {}]), 3660),
        (json!([]), 3600),
    ];
    for (inputs, seconds) in cases {
        let content = json!({"schemaVersion": "2.2", "parameters": {"limit": {"type": "String", "default": "90"}},
            "mainSteps": [{"action": "aws:runShellScript", "name": "S", "inputs": inputs}]});
        let document = Document::parse(&content.to_string()).unwrap();
        let timeout = Period::seconds(seconds);
        assert_eq!(decide(&document, 0, &LINUX), Verdict::Run { timeout }, "{inputs}");

        let just = Ending { took: timeout - Period::milliseconds(1), timeout, ..ending(0, "") };
        assert_eq!(finish(&document, 0, &LINUX, &just).status, StepStatus::Success);
        let late = Ending { took: timeout, timeout, ..ending(0, "") };
        assert_eq!(finish(&document, 0, &LINUX, &late), result(StepStatus::TimedOut, 137, "", false));
    }
}

#[test]
fn the_commands_of_a_script_are_a_list_of_texts() {
    let error = |printed: &str, found: &str, wanted: &str| {
        Some(format!(
            "Invalid format in plugin properties {printed};\nerror json: cannot unmarshal {found} into \
             Go struct field RunScriptPluginInput.RunCommand of type {wanted}"
        ))
    };
    let cases = [
        (json!({}), None),
        (json!({"runCommand": null}), None),
        (json!({"RunCommand": []}), None),
        (json!({"runCommand": ["a", null]}), None),
        (
            json!({"timeoutSeconds": 60, "runCommand": "echo a", "id": "x"}),
            error("map[id:x runCommand:echo a timeoutSeconds:60]", "string", "[]string"),
        ),
        (json!({"runcommand": ["a", 5]}), error("map[runcommand:[a 5]]", "number", "string")),
        (json!({"runCommand": {"a": [null]}}), error("map[runCommand:map[a:[<nil>]]]", "object", "[]string")),
    ];
    for (inputs, expected) in cases {
        assert_eq!(misfit("aws:runShellScript", inputs.as_object().unwrap()), expected, "{inputs}");
    }
}

/// The table of exit codes, each row on each platform.
#[test]
fn an_exit_code_tells_what_a_script_came_to() {
    use PlatformType::{Linux, MacOS, Windows};
    use StepStatus::{Failed, Success, SuccessAndReboot, TimedOut};
    let unix: &[PlatformType] = &[Linux, MacOS];
    let cases = [
        (0, PlatformType::ALL, Success, 0, false),
        (194, unix, SuccessAndReboot, 194, false),
        (3010, &[Windows], SuccessAndReboot, 3010, false),
        (194, &[Windows], Failed, 194, false),
        (3010, unix, Failed, 3010, false),
        (168, PlatformType::ALL, Success, 168, true),
        (169, PlatformType::ALL, Failed, 169, true),
        (137, PlatformType::ALL, TimedOut, 137, false),
        (1, PlatformType::ALL, Failed, 1, false),
        (255, PlatformType::ALL, Failed, 255, false),
        (-1, PlatformType::ALL, Failed, -1, false),
    ];
    let document = step("2.2", json!({"action": "aws:runPowerShellScript"}));
    for (exit_code, platforms, status, code, exits) in cases {
        for platform in platforms {
            let found = finish(&document, 0, &on(*platform), &ending(exit_code, ""));
            let found = (found.status, found.code, found.exits);
            assert_eq!(found, (status, code, exits), "{exit_code} on {platform}");
        }
    }
}

#[test]
fn what_a_step_wrote_is_kept_with_the_agents_remarks_behind_it() {
    let document = step("2.2", json!({"action": "aws:runShellScript"}));
    let written = |exit_code| Ending { standard_output: "out\n", ..ending(exit_code, "err\n") };
    let status = "failed to run commands: exit status";
    let cases = [
        (written(0), "out\n".to_owned(), "err\n".to_owned()),
        (written(3), "out\n".to_owned(), format!("err\n{status} 3")),
        (written(194), "out\n".to_owned(), "err\n".to_owned()),
        (written(168), format!("out\n{EXITED_WITH_SUCCESS}"), "err\n".to_owned()),
        (written(169), "out\n".to_owned(), format!("err\n{status} 169{EXITED_WITH_FAILURE}")),
        (Ending { took: Period::hours(1), ..written(0) }, "out\n".to_owned(), "err\n".to_owned()),
    ];
    for (ending, output, error) in cases {
        let found = finish(&document, 0, &LINUX, &ending);
        assert_eq!((found.output, found.error), (output, error), "{}", ending.exit_code);
    }
    let long = "x".repeat(30_000);
    let ending = Ending { standard_output: &long, ..ending(0, &long) };
    let found = finish(&document, 0, &LINUX, &ending);
    assert_eq!((found.output.len(), found.error.len()), (24_000, 8_000));
}

#[test]
fn an_exit_code_and_the_inputs_tell_what_a_step_came_to() {
    use StepStatus::{Failed, Success, SuccessAndReboot, TimedOut};
    let (none, exit) = (json!({}), json!({"onFailure": "exit", "onSuccess": "exit"}));
    let forgive = json!({"onFailure": "successAndExit"});
    let status = |code: i32| format!("failed to run commands: exit status {code}");
    let found = |code| status(code) + ON_FAILURE;
    let exited = status(169) + EXITED_WITH_FAILURE;
    let cases = [
        (0, &none, result(Success, 0, "", false)),
        (0, &exit, result(Success, 0, "", true)),
        (0, &forgive, result(Success, 0, "", false)),
        (168, &none, result(Success, 168, "", true)),
        (168, &exit, result(Success, 168, "", true)),
        (169, &none, result(Failed, 169, &exited, true)),
        (169, &forgive, result(Failed, 169, &exited, true)),
        (137, &exit, result(TimedOut, 137, "", false)),
        (194, &exit, result(SuccessAndReboot, 194, "", false)),
        (1, &none, result(Failed, 1, &status(1), false)),
        (2, &exit, result(Failed, 2, &found(2), true)),
        (2, &forgive, result(Success, 168, &found(2), true)),
        (2, &json!({"onfailure": "exit"}), result(Failed, 2, &status(2), false)),
        (2, &json!([{"onFailure": "exit"}]), result(Failed, 2, &status(2), false)),
    ];
    for (code, inputs, expected) in cases {
        let document = step("2.2", json!({"action": "aws:runShellScript", "inputs": inputs}));
        let found = StepResult { output: String::new(), ..finish(&document, 0, &LINUX, &ending(code, "")) };
        assert_eq!(found, expected, "{code} {inputs}");
    }
    let document = step("2.2", json!({"action": "aws:configurePackage"}));
    let expected = result(Failed, 1, "no such package", false);
    assert_eq!(finish(&document, 0, &LINUX, &ending(1, "no such package")), expected);
}

#[test]
fn a_document_that_has_ended_skips_what_is_left_but_for_a_last_finally_step() {
    use StepStatus::{Failed, Skipped, Success};
    let shell =
        |name: &str, inputs: Value| json!({"action": "aws:runShellScript", "name": name, "inputs": inputs});
    let finally = json!({"finallyStep": true});
    let document = document(
        "2.2",
        &json!([
            shell("first", json!({"onFailure": "exit"})),
            shell("second", finally.clone()),
            {"action": "aws:noSuchPlugin", "name": "third"},
            shell("last", finally),
        ]),
    );
    let statuses = |endings: &[Ending<'_>]| {
        run(&document, LINUX, endings).iter().map(|result| result.status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&[ending(1, ""), ending(0, "")]), [Failed, Skipped, Skipped, Success]);
    assert_eq!(statuses(&[ending(0, ""), ending(0, ""), ending(0, "")]), [Success, Success, Failed, Success]);
    assert_eq!(
        statuses(&[ending(0, ""), ending(168, ""), ending(0, "")]),
        [Success, Success, Skipped, Success]
    );

    let exited = Context { has_exited: true, ..LINUX };
    let text =
        "Plugin with name aws:noSuchPlugin and id third skipped due to prior step with an exit condition";
    assert_eq!(decide(&document, 2, &exited), skipped(text));
}

#[test]
fn a_step_that_failed_unrun_ends_the_document_where_it_says_so() {
    for (inputs, exits) in
        [(json!({"onFailure": "exit"}), true), (json!({"onFailure": "successAndExit"}), false)]
    {
        let document = step("2.2", json!({"action": "aws:x", "inputs": inputs}));
        let Verdict::Failed(refusal) = decide(&document, 0, &LINUX) else {
            panic!("an unknown plugin fails")
        };
        assert_eq!(refusal.exits, exits);
        let expected = result(StepStatus::Failed, 1, "", exits);
        let remark = refusal.reason.clone();
        assert_eq!(StepResult::failed(refusal), StepResult { remark, ..expected });
    }
}

#[test]
fn a_document_comes_to_what_its_steps_came_to() {
    use StepStatus::{Failed, Skipped, Success, SuccessAndReboot, TimedOut};
    let cases = [
        (vec![Failed, SuccessAndReboot], DocumentStatus::SuccessAndReboot, None),
        (vec![Success, TimedOut, Failed], DocumentStatus::Failed, Some(AssociationStatus::Failed)),
        (vec![Success, TimedOut, Skipped], DocumentStatus::TimedOut, Some(AssociationStatus::TimedOut)),
        (vec![Success, Skipped], DocumentStatus::Success, Some(AssociationStatus::Success)),
        (vec![Skipped], DocumentStatus::Success, Some(AssociationStatus::Success)),
    ];
    for (statuses, expected, association) in cases {
        let results: Vec<_> = statuses.iter().map(|status| result(*status, 0, "", false)).collect();
        let found = aggregate(results.len(), &results);
        assert_eq!((found, found.of_association()), (expected, association), "{statuses:?}");
    }
    let unfinished = aggregate(2, &[result(Success, 0, "", false)]);
    assert_eq!(unfinished, DocumentStatus::InProgress);
    assert_eq!(unfinished.of_association(), Some(AssociationStatus::Pending), "it is begun anew");
}

#[test]
fn a_step_whose_plugin_says_what_it_came_to_ends_the_document_where_it_says_so() {
    use StepStatus::{Failed, Skipped, Success, TimedOut};
    let found = "why".to_owned() + ON_FAILURE;
    let cases = [
        (Failed, json!({}), result(Failed, 1, "why", false)),
        (Failed, json!({"onFailure": "exit"}), result(Failed, 1, &found, true)),
        (Failed, json!({"onFailure": "successAndExit"}), result(Success, 168, &found, true)),
        (Success, json!({"onSuccess": "exit"}), result(Success, 0, "why", true)),
        (TimedOut, json!({"onFailure": "exit"}), result(TimedOut, 137, "why", false)),
        (Skipped, json!({"onSuccess": "exit"}), result(Skipped, 0, "why", false)),
    ];
    for (status, inputs, expected) in cases {
        let document = step("2.2", json!({"action": "aws:runDocument", "inputs": inputs}));
        let found = close(&document, 0, &LINUX, status, String::new(), "why".into());
        assert_eq!(found, expected, "{status:?} {inputs}");
    }
}
