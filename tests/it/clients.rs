//! The clients that people have: boto3 and the AWS CLI, before a held run.
//!
//! Both come from a virtual environment of Python: `SSM_FLEET_AWS_CLIENTS` names
//! the directory of its programs, else it is the one that `ci/check` makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::binary::{Running, command, program, result_in, root};

/// What a client says who it is: the documentation's example.
const CREDENTIALS: [(&str, &str); 6] = [
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    // Nothing of the caller's own settings.
    ("AWS_CONFIG_FILE", "/dev/null"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
];

/// The directory with `python` and `aws`.
///
/// # Panics
/// When they are not there: a test that passes them over would prove nothing.
fn clients() -> PathBuf {
    let directory = match std::env::var_os("SSM_FLEET_AWS_CLIENTS") {
        Some(named) => named.into(),
        None => root().join("target/aws-clients/bin"),
    };
    for program in ["python", "aws"] {
        let program = directory.join(program);
        assert!(
            program.exists(),
            "{} is not there: `ci/check` installs boto3 and the AWS CLI, \
             and SSM_FLEET_AWS_CLIENTS may name another directory that has them",
            program.display()
        );
    }
    directory
}

pub(crate) fn client(program: &str) -> Command {
    let directory = clients();
    let mut command = command(directory.join(program));
    command.envs(CREDENTIALS);
    command
}

/// The AWS CLI before one plane.
pub(crate) struct Cli {
    pub(crate) endpoint: String,
}

impl Cli {
    /// Calls `aws ssm` with these words, and reads what it prints.
    pub(crate) fn ssm(&self, words: &[&str]) -> Value {
        let mut aws = client("aws");
        aws.args(["--endpoint-url", &self.endpoint, "--output", "json", "ssm"]).args(words);
        let ended = Running::start_command(aws).end();
        assert_eq!(ended.code, Some(0), "aws ssm {words:?}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
    }

    /// Calls an operation that answers nothing: the CLI prints nothing either.
    pub(crate) fn ssm_silent(&self, words: &[&str]) {
        let mut aws = client("aws");
        aws.args(["--endpoint-url", &self.endpoint, "--output", "json", "ssm"]).args(words);
        let ended = Running::start_command(aws).end();
        assert_eq!((ended.code, ended.stdout.trim()), (Some(0), ""), "aws ssm {words:?}: {}", ended.stderr);
    }

    /// What it prints to stderr where the service refuses.
    pub(crate) fn refused(&self, words: &[&str]) -> String {
        let mut aws = client("aws");
        aws.args(["--endpoint-url", &self.endpoint, "ssm"]).args(words);
        let ended = Running::start_command(aws).end();
        // 254 or 255, by the CLI's version.
        assert!(ended.code.is_some_and(|code| code > 0), "aws ssm {words:?}: {}", ended.stdout);
        ended.stderr
    }
}

pub(crate) fn items<'a>(reply: &'a Value, key: &str) -> &'a [Value] {
    reply[key].as_array().unwrap_or_else(|| panic!("no {key} in {reply}"))
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// How many items have each value under this key, as a result counts them.
fn counts(items: &[Value], key: &str) -> Value {
    let mut counts = serde_json::Map::new();
    for item in items {
        let count = counts.entry(text(item, key)).or_insert(0.into());
        *count = (count.as_u64().expect("a count is a number") + 1).into();
    }
    counts.into()
}

#[test]
fn boto3_and_the_aws_cli_see_what_the_report_says() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let line = "run first-look --nodes 200 --ramp 1m --time-scale 100 --hold --out out";
    let run = Running::start(directory.path(), line);
    let endpoint = run.url_after("--endpoint-url ");
    let out = directory.path().join("out");
    let result = result_in(&out);
    let cli = Cli { endpoint: endpoint.clone() };

    // At once, as the next round of `baseline` changes it.
    compliance_agrees(&cli, &result);
    first_minute(&endpoint, &out.join("result.json"));
    nodes_come_page_by_page(&cli, &result);
    executions_agree(&cli, &result);
    a_tag_picks_its_nodes_and_no_others(&cli);
    refusals_have_their_names(&cli);

    run.interrupt();
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "the run's own code: {}", ended.stderr);
    assert!(ended.stdout.contains("first-look"), "{}", ended.stdout);
}

#[test]
fn a_command_sent_by_the_aws_cli_is_run_and_its_output_read_back() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let scenario = "{name: command, seed: 1, time: {scale: 20}, ramp: 1s, duration: 2m, cohorts: [\
         {name: web, platform: amazon-linux-2023, nodes: 2, channel: websocket},\
         {name: poll, platform: ubuntu-22.04, nodes: 1, channel: long-poll}]}";
    std::fs::write(directory.path().join("command.yaml"), scenario).expect("it can be written");
    let run = Running::start(directory.path(), "run command.yaml --hold");
    let cli = Cli { endpoint: run.url_after("--endpoint-url ") };
    let nodes = loop {
        let nodes = cli.ssm(&["describe-instance-information"]);
        if items(&nodes, "InstanceInformationList").len() == 3 {
            break nodes;
        }
    };
    let ids: Vec<&str> =
        items(&nodes, "InstanceInformationList").iter().map(|node| text(node, "InstanceId")).collect();

    let send = ["send-command", "--document-name", "AWS-RunShellScript", "--parameters", "commands=echo up"];
    let sent = cli.ssm(&[&send[..], &["--instance-ids"], &ids[..]].concat());
    let command = text(&sent["Command"], "CommandId");
    for id in &ids {
        let read = ["get-command-invocation", "--command-id", command, "--instance-id", id];
        let part = loop {
            let part = cli.ssm(&read);
            if !["Pending", "InProgress"].contains(&text(&part, "Status")) {
                break part;
            }
        };
        assert_eq!((text(&part, "Status"), &part["ResponseCode"]), ("Success", &0.into()), "{part}");
        assert_eq!(text(&part, "StandardOutputContent"), "up\n", "{part}");
        assert!(text(&part, "ExecutionElapsedTime").starts_with("PT"), "{part}");
    }
    let status = cli.ssm(&["list-commands", "--command-id", command]);
    assert_eq!(text(&items(&status, "Commands")[0], "Status"), "Success", "{status}");
    run.interrupt();
    run.end();
}

#[test]
fn a_fleet_and_the_aws_cli_reach_the_plane_under_tls() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let line = "plane --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --write-certificate plane.pem";
    let plane = Running::start(directory.path(), line);
    let endpoint = plane.line_with("https://").trim_start_matches("listening on ").trim().to_owned();
    let certificate = directory.path().join("plane.pem");
    let scenario = "{name: tls, seed: 1, time: {scale: 20}, ramp: 1s, duration: 1m, cohorts: [\
         {name: web, platform: amazon-linux-2023, nodes: 2, channel: websocket}]}";
    std::fs::write(directory.path().join("tls.yaml"), scenario).expect("it can be written");

    let mut fleet = command(program());
    fleet.current_dir(directory.path()).env("SSL_CERT_FILE", &certificate);
    fleet.args(["run", "tls.yaml", "--out", "out", "--endpoint", &endpoint]);
    Running::start_command(fleet).end();
    let result = result_in(&directory.path().join("out"));
    let opened = &result["calls"]["CreateControlChannel"];
    assert_eq!((&opened["count"], &opened["unknown"]), (&2.into(), &0.into()), "{opened}");

    let mut aws = client("aws");
    aws.env("AWS_CA_BUNDLE", &certificate);
    aws.args(["--endpoint-url", &endpoint, "--output", "json", "ssm", "describe-instance-information"]);
    let ended = Running::start_command(aws).end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let nodes: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(items(&nodes, "InstanceInformationList").len(), 2);
    plane.interrupt();
    assert_eq!(plane.end().code, Some(0));
}

#[test]
fn the_plane_of_a_run_is_served_under_tls_as_well() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let scenario = "{name: tls, seed: 1, time: {scale: 60}, duration: 2m, cohorts: [\
         {name: web, platform: amazon-linux-2023, nodes: 2}]}";
    std::fs::write(directory.path().join("tls.yaml"), scenario).expect("it can be written");
    let line = "run tls.yaml --out out --hold --tls-listen 127.0.0.1:0 --write-certificate plane.pem";
    let run = Running::start(directory.path(), line);
    let header = run.line_with("embedded plane at http://");
    let endpoint = header.split_whitespace().find(|word| word.starts_with("https://")).expect("its address");
    let mut aws = client("aws");
    aws.env("AWS_CA_BUNDLE", directory.path().join("plane.pem"));
    aws.args(["--endpoint-url", endpoint, "--output", "json", "ssm", "describe-instance-information"]);
    let ended = Running::start_command(aws).end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let nodes: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(items(&nodes, "InstanceInformationList").len(), 2);
    run.interrupt();
    run.end();
}

/// What boto3 has to say stands in a script of its own.
fn first_minute(endpoint: &str, result: &Path) {
    let mut python = client("python");
    python.arg(root().join("tests/clients/first_minute.py")).arg(endpoint).arg(result);
    let ended = Running::start_command(python).end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.trim(), "the API agrees with the report");
}

fn compliance_agrees(cli: &Cli, result: &Value) {
    let reply = cli.ssm(&["list-compliance-summaries"]);
    let summaries = items(&reply, "ComplianceSummaryItems");
    let summary = summaries.iter().find(|summary| summary["ComplianceType"] == "Association");
    let summary = summary.expect("associations were run");
    assert_eq!(summary["CompliantSummary"]["CompliantCount"], result["compliance"]["compliant"]);
    assert_eq!(summary["NonCompliantSummary"]["NonCompliantCount"], result["compliance"]["non_compliant"]);
}

fn nodes_come_page_by_page(cli: &Cli, result: &Value) {
    // The CLI follows the tokens by itself, from page to page of seven.
    let reply = cli.ssm(&["describe-instance-information", "--page-size", "7"]);
    let nodes = items(&reply, "InstanceInformationList");
    let mut ids: Vec<&str> = nodes.iter().map(|node| text(node, "InstanceId")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), nodes.len(), "each node once");
    assert_eq!(nodes.len() as u64, result["nodes"]["online"]);
    assert_eq!(counts(nodes, "PlatformType"), result["nodes"]["listed"]["by_platform"]);

    let first = cli.ssm(&["describe-instance-information", "--max-items", "5"]);
    assert_eq!(items(&first, "InstanceInformationList").len(), 5);
    assert!(first["NextToken"].is_string(), "there is more");
}

fn executions_agree(cli: &Cli, result: &Value) {
    let associations = items(result, "associations");
    assert_eq!(associations.len(), 2);
    for association in associations {
        let id = text(association, "id");
        let reply = cli.ssm(&["describe-association-executions", "--association-id", id]);
        // Newest first, and newer ones than the report knows may have begun.
        let executions = items(&reply, "AssociationExecutions").iter().rev();
        let rounds = items(association, "rounds");
        assert!(!rounds.is_empty() && executions.len() >= rounds.len(), "{association}");
        for (execution, round) in executions.zip(rounds) {
            assert_eq!(execution["ExecutionId"], round["execution"]);
            let id = ["--association-id", id, "--execution-id", text(execution, "ExecutionId")];
            let targets = cli.ssm(&[&["describe-association-execution-targets"], &id[..]].concat());
            let targets = items(&targets, "AssociationExecutionTargets");
            assert_eq!(counts(targets, "Status"), round["runs"], "{association}");
        }
    }
}

fn a_tag_picks_its_nodes_and_no_others(cli: &Cli) {
    let words = "create-association --name AWS-RunShellScript --association-name by-cli \
                 --targets Key=tag:Env,Values=prod --parameters commands=uptime";
    let made = cli.ssm(&words.split_whitespace().collect::<Vec<_>>());
    let id = ["--association-id", text(&made["AssociationDescription"], "AssociationId")];
    let execution = loop {
        let reply = cli.ssm(&[&["describe-association-executions"], &id[..]].concat());
        let newest = items(&reply, "AssociationExecutions").first().cloned();
        let over = newest.filter(|execution| !["Pending", "InProgress"].contains(&text(execution, "Status")));
        if let Some(execution) = over {
            break text(&execution, "ExecutionId").to_owned();
        }
    };
    let words = ["describe-association-execution-targets", "--execution-id", &execution, id[0], id[1]];
    let targets = cli.ssm(&words);
    let targets = items(&targets, "AssociationExecutionTargets");
    let tagged = "describe-instance-information --filters Key=tag:Env,Values=prod";
    let tagged = cli.ssm(&tagged.split_whitespace().collect::<Vec<_>>());
    let mut expected: Vec<&str> =
        items(&tagged, "InstanceInformationList").iter().map(|node| text(node, "InstanceId")).collect();
    let mut reached: Vec<&str> = targets.iter().map(|target| text(target, "ResourceId")).collect();
    expected.sort_unstable();
    reached.sort_unstable();
    assert_eq!(reached, expected);
    assert!(reached.len() > 90, "half of the fleet is tagged so: {}", reached.len());
    assert!(targets.iter().all(|target| target["Status"] == "Success"), "{targets:?}");
}

fn refusals_have_their_names(cli: &Cli) {
    let create = ["create-association", "--name"];
    let cases: [(&[&str], &str); 3] = [
        (&["No-Such-Document", "--targets", "Key=InstanceIds,Values=*"], "(InvalidDocument)"),
        (
            &[
                "AWS-RunShellScript",
                "--parameters",
                "commands=uptime",
                "--targets",
                "Key=InstanceIds,Values=i-0123456789abcdef0",
            ],
            "(InvalidInstanceId)",
        ),
        (&["AWS-RunShellScript", "--targets", "Key=tag:Env,Values=prod"], "(InvalidParameters)"),
    ];
    for (words, name) in cases {
        let error = cli.refused(&[&create, words].concat());
        assert!(error.contains(name), "{words:?}: {error}");
    }
}
