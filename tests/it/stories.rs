//! One story, from the first document to the last deletion, told by each client
//! that people have: the AWS CLI, boto3 and the AWS SDK for Rust.
//!
//! A client registers a document, tags four nodes, associates them by that tag at
//! each full hour with two at a time, watches the execution, changes the
//! association, looks at its versions, runs it once out of turn and takes all away.
//! Each has nodes and names of its own, so that they share one plane and fleet; each
//! checks what it is told, not only that it is told something.

mod cli;
#[cfg(feature = "aws-sdk")]
mod sdk;

#[cfg(feature = "aws-sdk")]
use fleet::clock::Clock;
#[cfg(feature = "aws-sdk")]
use shared::time::Timestamp;
use tokio::task::spawn_blocking;

use crate::binary::{Running, root};
use crate::clients::client;

/// Four nodes for each client, which stay when the run is over. An hour takes
/// twelve seconds.
const SCENARIO: &str = "name: stories
seed: 1
time: {scale: 300}
ramp: 1m
duration: 10m
cohorts:
  - {name: cli, platform: amazon-linux-2023, nodes: 4, tags: {For: cli}}
  - {name: boto3, platform: ubuntu-22.04, nodes: 4, tags: {For: boto3}}
  - {name: sdk, platform: amazon-linux-2023, nodes: 4, tags: {For: sdk}}
";

/// What runs: a document of one step that is told what to say.
const HELLO: &str = r#"{"schemaVersion": "2.2", "description": "Says hello",
    "parameters": {"greeting": {"type": "String", "default": "hello"}},
    "mainSteps": [{"action": "aws:runShellScript", "name": "hello",
                   "inputs": {"runCommand": ["echo {{ greeting }}"]}}]}"#;

/// Each full hour.
const EACH_HOUR: &str = "cron(0 * * * ? *)";

/// boto3 tells it in a script of its own.
fn boto3(endpoint: &str) {
    let mut python = client("python");
    python.arg(root().join("tests/clients/story.py")).args([endpoint, HELLO, EACH_HOUR]);
    let ended = Running::start_command(python).end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.trim(), "the story is told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_client_walks_the_whole_story() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    std::fs::write(directory.path().join("stories.yaml"), SCENARIO).expect("it can be written");
    let run = Running::start(directory.path(), "run stories.yaml --hold --out out");
    let endpoint = run.url_after("--endpoint-url ");
    let (for_cli, for_boto3) = (endpoint.clone(), endpoint.clone());
    let cli = spawn_blocking(move || cli::tell(for_cli));
    let boto3 = spawn_blocking(move || boto3(&for_boto3));
    #[cfg(feature = "aws-sdk")]
    sdk::tell(&endpoint, Clock::starting(Timestamp::default(), 1.0)).await;
    cli.await.expect("the CLI comes to the end");
    boto3.await.expect("boto3 comes to the end");

    run.interrupt();
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "the run's own code: {}", ended.stderr);
}
