//! The program handled roughly: killed, interrupted, misdirected, misused.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fleet::clock::Clock;
use serde_json::{Value, json};
use shared::time::Timestamp;

use crate::binary::{Ended, Running, command, free_address, program, result_in, ssm_fleet};

/// What anybody may ask of a plane, without waiting for long.
struct Window {
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    url: String,
}

impl Window {
    fn at(url: String) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be had");
        // A plane that was started again knows nothing of old connections.
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build();
        Self { client: client.expect("plain HTTP needs nothing"), runtime, url }
    }

    /// One call, answered well.
    fn ask(&self, operation: &str, body: Value) -> Value {
        let request = self.client.post(&self.url).header("x-amz-target", format!("AmazonSSM.{operation}"));
        let answer = async {
            let answer = request.body(body.to_string()).send().await.expect("the plane answers");
            (answer.status(), answer.bytes().await.expect("an answer has a body"))
        };
        let (status, answer) = self.runtime.block_on(answer);
        assert!(status.is_success(), "{operation}: {status} {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).expect("an answer is JSON")
    }

    /// The ids of all associations.
    fn associations(&self) -> Vec<String> {
        let reply = self.ask("ListAssociations", json!({ "MaxResults": 50 }));
        let listed = reply["Associations"].as_array().expect("a list");
        let mut ids: Vec<String> =
            listed.iter().map(|listed| listed["AssociationId"].as_str().expect("an id").to_owned()).collect();
        ids.sort_unstable();
        ids
    }

    /// How many runs the plane knows the end of.
    fn ends(&self) -> u64 {
        let count = |association: String| {
            let reply = self.ask("DescribeAssociationExecutions", json!({ "AssociationId": association }));
            let executions = reply["AssociationExecutions"].as_array().expect("a list").clone();
            executions.iter().map(|execution| ends_of(&execution["ResourceCountByStatus"])).sum::<u64>()
        };
        self.associations().into_iter().map(count).sum()
    }
}

/// How many ended, of counts such as `{Success=20, Pending=4}`.
fn ends_of(counts: &Value) -> u64 {
    let text = counts.as_str().unwrap_or_default().trim_matches(['{', '}']);
    let counts = text.split(", ").filter_map(|count| count.split_once('='));
    counts
        .filter(|(status, _)| ["Success", "Failed"].contains(status))
        .map(|(_, count)| count.parse::<u64>().expect("a count is a number"))
        .sum()
}

/// Looks again and again until it is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let clock = Clock::starting(Timestamp::default(), 1.0);
    while !is_so() {
        assert!(clock.wall() < Duration::from_secs(60), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory can be made")
}

fn unknown_calls(result: &Value) -> u64 {
    let calls = result["calls"].as_object().expect("calls by operation");
    calls.values().map(|calls| calls["unknown"].as_u64().expect("a count")).sum()
}

/// A plane with a state file, and where it is.
struct KeptPlane {
    directory: PathBuf,
    address: std::net::SocketAddr,
}

impl KeptPlane {
    fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), address: free_address() }
    }

    /// Starts it, the first time or again.
    fn start(&self) -> Running {
        let line = format!("plane --listen {} --state state --time-scale 50", self.address);
        let plane = Running::start(&self.directory, &line);
        assert_eq!(plane.url_after("listening on "), self.url());
        plane
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn file(&self) -> PathBuf {
        self.directory.join("state")
    }

    /// What its file says.
    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap_or_default()
    }

    /// When its file was written.
    fn written(&self) -> SystemTime {
        let about = self.file().metadata().expect("the file is there");
        about.modified().expect("a file has a date")
    }
}

#[test]
fn a_plane_that_is_killed_and_started_again_does_not_end_the_fleet() {
    let directory = directory();
    let kept = KeptPlane::new(directory.path());
    let plane = kept.start();
    let window = Window::at(kept.url());
    let line = format!(
        "run first-look --set thresholds={{}} --endpoint {} --nodes 100 --ramp 8m --time-scale 50 --duration 30m --keep --out out",
        kept.url()
    );
    let mut fleet = Running::start(directory.path(), &line);

    wait_until("associations are made", || window.associations().len() == 2);
    window.ask(
        "CreateAssociation",
        json!({ "Name": "AWS-RunShellScript", "AssociationName": "late", "Parameters": { "commands": ["true"] },
                "Targets": [{ "Key": "tag:Env", "Values": ["dev"] }] }),
    );
    wait_until("it is kept", || kept.text().contains("\"late\""));

    // What the plane knew when it last wrote its state, it must know again.
    wait_until("reports come in", || window.ends() > 0);
    let written = kept.written();
    let mut known = [0, 0];
    wait_until("the state is written again", || {
        let is_written = kept.written() > written;
        if !is_written {
            known = [known[1], window.ends()];
        }
        is_written
    });
    std::thread::sleep(Duration::from_millis(500));
    let made = window.associations();
    assert_eq!(made.len(), 3, "two by the operator, one by us");
    assert_eq!(plane.kill().code, None, "nobody asked it");

    std::thread::sleep(Duration::from_millis(1_500));
    assert!(fleet.is_alive(), "the fleet does not end with its plane");
    let plane = kept.start();
    assert_eq!(window.associations(), made, "every association made before is served");
    for id in &made {
        let described = window.ask("DescribeAssociation", json!({ "AssociationId": id }));
        assert_eq!(described["AssociationDescription"]["AssociationId"], json!(id));
    }
    let kept_ends = window.ends();
    assert!(kept_ends >= known[0] && known[0] > 0, "{kept_ends} of {known:?} reports were kept");

    let ended = fleet.end();
    let result = result_in(&directory.path().join("out"));
    assert!(unknown_calls(&result) > 0, "what failed is counted: {}", result["calls"]);
    assert_eq!(
        result["nodes"]["online"], result["nodes"]["listed"]["nodes"],
        "they went on: {}",
        result["nodes"]
    );
    assert!(window.ends() > kept_ends, "and so did their reports");
    // The operator met the dead plane as well, made its calls again, and says so.
    assert!(result["operator"]["made_again"].as_u64() > Some(0), "{}", result["operator"]);
    assert_eq!(result["operator"]["troubles"], json!([]));
    // A report that was taken and lost with the plane makes nodes and plane differ; nothing else may.
    let is_lost = result["associations"].to_string().contains("\"difference\":\"");
    assert!(ended.code == Some(0) || is_lost && ended.code == Some(1), "{}", ended.stderr);

    plane.interrupt();
    let ended = plane.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_state_that_was_cut_short_is_refused_and_left_as_it_is() {
    let directory = directory();
    let kept = KeptPlane::new(directory.path());
    let plane = kept.start();
    let window = Window::at(kept.url());
    let tags = json!([{ "Key": "Env", "Value": "prod" }]);
    window.ask("UpdateInstanceInformation", json!({ "InstanceId": "i-0123456789abcdef0" }));
    let tagged =
        json!({ "ResourceType": "ManagedInstance", "ResourceId": "i-0123456789abcdef0", "Tags": tags });
    window.ask("AddTagsToResource", tagged);
    plane.interrupt();
    assert_eq!(plane.end().code, Some(0));

    let file = directory.path().join("state");
    let whole = std::fs::read(&file).expect("an orderly end writes the state");
    let cut = &whole[..whole.len() - 7];
    std::fs::write(&file, cut).expect("the file can be written");
    let ended = ssm_fleet(directory.path(), "plane --listen 127.0.0.1:0 --state state");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert_one_error(&ended, "cannot go on from state: ");
    assert_eq!(std::fs::read(&file).expect("it is still there"), cut, "the file is left as it is");

    std::fs::write(&file, whole).expect("the file can be written");
    let plane = kept.start();
    let listed = window.ask("DescribeInstanceInformation", json!({}));
    assert_eq!(listed["InstanceInformationList"][0]["InstanceId"], "i-0123456789abcdef0");
    drop(plane);
}

/// It failed with one message, which says this.
fn assert_one_error(ended: &Ended, message: &str) {
    let errors: Vec<&str> = ended.stderr.lines().filter(|line| !line.is_empty()).collect();
    assert!(errors.len() == 1 && errors[0].starts_with("error: "), "{}", ended.stderr);
    assert!(ended.error().contains(message), "{}", ended.stderr);
}

#[test]
fn what_cannot_start_says_why_with_the_code_for_it() {
    let held = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let taken = held.local_addr().expect("a listener has an address");
    let nobody = free_address();
    let cases = [
        (format!("plane --listen {taken}"), 1, format!("cannot listen on {taken}")),
        ("plane --listen 0.0.0.0:0".into(), 2, "--allow-remote".into()),
        (
            "run --endpoint http://8.8.8.8 --out out".into(),
            2,
            "8.8.8.8 (8.8.8.8) is neither this machine nor".into(),
        ),
        (
            "run --endpoint https://ssm.us-east-1.amazonaws.com --out out".into(),
            2,
            "ssm.us-east-1.amazonaws.com belongs to AWS".into(),
        ),
        (
            "run --endpoint https://ssm.us-east-1.amazonaws.com --allow-remote --out out".into(),
            2,
            "--allow-aws ACCOUNT-ID".into(),
        ),
        (
            format!("run --endpoint http://{nobody} --out out"),
            1,
            format!("cannot connect to http://{nobody}"),
        ),
        ("run second-look --out out".into(), 2, "no scenario `second-look`".into()),
        // Four connections a node are more than a machine has ports.
        (
            "run --connections as-agent --nodes 100k --out out".into(),
            2,
            "100,000 nodes with connections as real agents keep them do not fit".into(),
        ),
        ("run --virtual --hold --out out".into(), 2, "--virtual and --hold exclude one another".into()),
        ("run --nodes 100 --out file/out".into(), 1, "file/out".into()),
    ];
    for (line, code, message) in cases {
        let directory = directory();
        std::fs::write(directory.path().join("file"), "").expect("a file can be written");
        let ended = ssm_fleet(directory.path(), &line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{line}: {}", ended.stderr);
        assert_one_error(&ended, &message);
        let left: Vec<_> = directory.path().read_dir().expect("it is there").collect();
        assert_eq!(left.len(), 1, "{line} left something: {left:?}");
    }
    drop(held);
}

#[test]
fn a_run_that_is_interrupted_drains_and_reports() {
    let directory = directory();
    let line = "run first-look --nodes 100 --ramp 30s --time-scale 60 --log-format json --out out";
    let run = Running::start(directory.path(), line);
    // The first word of its progress comes after ten seconds, amid the first round.
    run.line_with("calls_per_second");
    run.interrupt();
    let ended = run.end();
    assert_eq!(ended.code, Some(105), "{}", ended.stderr);
    let result = result_in(&directory.path().join("out"));
    assert_eq!(result["ending"], "cut-short");
    assert!(result["nodes"]["online"].as_u64() > Some(50), "{}", result["nodes"]);
    assert_eq!(result["associations"].as_array().map(Vec::len), Some(2));
    assert!(directory.path().join("out/report.md").exists());
    assert!(ended.stdout.contains("first-look"), "the summary is shown: {}", ended.stdout);
}

#[test]
fn a_run_whose_terminal_is_closed_drains_and_reports() {
    let directory = directory();
    let mut command = command("env");
    // Whoever runs the tests may ignore it, and children do as they did.
    command.args(["--default-signal=HUP", program().to_str().expect("a path in plain words")]);
    command.args("run first-look --nodes 20 --log-format json --out out".split_whitespace());
    let run = Running::start_command({
        command.current_dir(directory.path());
        command
    });
    // The first word of its progress.
    run.line_with("calls_per_second");
    run.signal("HUP");
    let ended = run.end();
    assert_eq!(ended.code, Some(105), "{}", ended.stderr);
    assert_eq!(result_in(&directory.path().join("out"))["ending"], "cut-short");
}

#[test]
fn a_directory_has_the_files_of_one_run_at_a_time() {
    let directory = directory();
    let once = |flags: &str| {
        std::fs::write(directory.path().join("once.yaml"), ONCE).expect("a file can be written");
        ssm_fleet(directory.path(), &format!("run once.yaml --virtual --out out {flags}"))
    };
    assert_eq!(once("").code, Some(0));
    std::fs::write(directory.path().join("out/notes.txt"), "mine").expect("a file can be written");
    assert_eq!(once("--history off").code, Some(0));
    let why = ssm_fleet(directory.path(), "why 0 --run out");
    assert_eq!(why.code, Some(1), "the history was the other run's: {}", why.stdout);
    assert!(directory.path().join("out/notes.txt").exists());

    let running = Running::start(directory.path(), "run first-look --nodes 20 --out out --time-scale 1");
    running.line_with("calls_per_second");
    let refused = once("");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert_one_error(&refused, "another run is writing to out: ");
    running.kill();
    assert_eq!(once("").code, Some(0), "a run that was killed writes no more");
}

/// With no more room for a file than so many kilobytes.
#[cfg(unix)]
fn short_of_room(directory: &Path, kilobytes: u32, line: &str) -> Ended {
    let program = program().to_str().expect("a path in plain words");
    let mut command = command("bash");
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f {kilobytes}; exec {program} {line}")]);
    command.current_dir(directory);
    Running::start_command(command).end()
}

#[test]
#[cfg(unix)]
fn a_run_without_room_for_its_history_tells_what_it_came_to() {
    let directory = directory();
    for (out, pace) in [("virtual", "--virtual"), ("scaled", "--time-scale 600")] {
        // The result has room, the history has not.
        let line = format!("run first-look --seed 1 --history all {pace} --out {out}");
        let ended = short_of_room(directory.path(), 60, &line);
        assert_eq!(ended.code, Some(1), "{out}: {}", ended.stderr);
        let early = format!("the history ends early; `ssm-fleet why NODE --run {out}` tells what is there: ");
        assert!(ended.error().contains(&early), "{out}: {}", ended.stderr);
        assert!(ended.error().contains("cannot write the history to "), "{out}: {}", ended.stderr);
        assert!(ended.stdout.contains("nodes  "), "{out}: {}", ended.stdout);
        assert_eq!(result_in(&directory.path().join(out))["ending"], "cut-short", "{out}");
        assert!(directory.path().join(out).join("report.md").exists(), "{out}");
        let why = ssm_fleet(directory.path(), &format!("why 0 --run {out}"));
        assert_eq!(why.code, Some(0), "{out}: {}", why.stderr);
    }
}

#[test]
fn two_planes_do_not_keep_their_state_in_one_file() {
    let directory = directory();
    let kept = KeptPlane::new(directory.path());
    let plane = kept.start();
    let line = format!("plane --listen {} --state state", free_address());
    let second = ssm_fleet(directory.path(), &line);
    assert_eq!(second.code, Some(1), "{}", second.stderr);
    assert_one_error(&second, "another plane keeps its state in state: ");
    plane.kill();
    drop(kept.start());
}

#[test]
fn a_plane_that_cannot_have_its_usual_port_says_where_it_is() {
    // If somebody else has it, that serves as well.
    let _taken = std::net::TcpListener::bind(fleet::run::USUAL_ADDRESS);
    let directory = directory();
    let run = Running::start(directory.path(), "run first-look --nodes 20 --time-scale 1");
    let url = run.url_after("port 4583 is taken; the plane is at ");
    let window = Window::at(url);
    assert!(window.ask("DescribeInstanceInformation", json!({}))["InstanceInformationList"].is_array());
}

/// One association, run once by 20 nodes.
const ONCE: &str = r#"
name: once
seed: 1
time: {scale: 600}
duration: 20m
cohorts:
  - { name: web, platform: ubuntu-22.04, nodes: 20, tags: { Env: prod } }
documents:
  - name: once
    content:
      schemaVersion: "2.2"
      mainSteps: [{ action: aws:runShellScript, name: run, inputs: { runCommand: ["true"] } }]
associations:
  - { name: once, at: 1m, document: once, targets: [tag: { key: Env, values: [prod] }] }
"#;

#[test]
fn a_threshold_decides_on_the_exit_code_and_is_named() {
    // keys, flags, code, what is said of it, how the run ended
    let cases = [
        ("online: [value == 20]", "--virtual", 0, "", "complete"),
        (
            "online: [value > 20]",
            "--virtual",
            99,
            "threshold online: value > 20 failed: it was 20",
            "complete",
        ),
        (
            "latency: [p(99) < 1s]",
            "--virtual",
            4,
            "threshold latency: p(99) < 1s was not evaluated: virtual time has no latency",
            "complete",
        ),
        // Over sockets latency is measured, and a run ends by what is known while it goes on.
        ("latency: [p(99) < 1m]\n  held: [count == 0]\n  lateness: [med < 1m]", "", 0, "", "complete"),
        (
            "online: [{ threshold: value < 5, abort: true }]",
            "",
            99,
            "threshold online: value < 5 failed: it was ",
            "aborted",
        ),
    ];
    for (thresholds, flags, code, said, ending) in cases {
        let directory = directory();
        let text = format!("{ONCE}\nthresholds:\n  {thresholds}\n");
        std::fs::write(directory.path().join("once.yaml"), text).expect("a file can be written");
        let ended = ssm_fleet(directory.path(), &format!("run once.yaml --out out {flags}"));
        assert_eq!(ended.code, Some(code), "{thresholds}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{thresholds}: {}", ended.stderr);
        let ended_it = ended.stderr.contains(", which ended the run");
        assert_eq!(ended_it, ending == "aborted", "{thresholds}: {}", ended.stderr);
        let result = result_in(&directory.path().join("out"));
        assert_eq!(result["ending"], ending, "{thresholds}");
        let junit = std::fs::read_to_string(directory.path().join("out/junit.xml")).expect("it is written");
        let mark = match code {
            0 => "classname=\"once.thresholds\"",
            4 => "<skipped message=\"threshold latency",
            _ => "<failure message=\"threshold online",
        };
        assert!(junit.contains(mark), "{junit}");
    }
}

#[test]
fn a_threshold_that_could_never_fail_is_refused_with_its_line() {
    let cases = [
        ("onlin: [value > 5]", "line 15"),
        ("online{cohort=wep}: [value > 5]", "no cohort is called `wep`: the nearest is `web`"),
        ("latency: [p(99) < 250]", "expected a duration such as 250ms"),
    ];
    for (thresholds, said) in cases {
        let directory = directory();
        let text = format!("{}\nthresholds:\n  {thresholds}\n", ONCE.trim());
        std::fs::write(directory.path().join("once.yaml"), text).expect("a file can be written");
        let ended = ssm_fleet(directory.path(), "run once.yaml --virtual --out out");
        assert_eq!(ended.code, Some(2), "{thresholds}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{thresholds}: {}", ended.stderr);
    }
}

#[test]
fn a_run_leaves_no_association_behind_unless_it_is_told_to_and_can_be_repeated() {
    let directory = directory();
    std::fs::write(directory.path().join("once.yaml"), ONCE).expect("a file can be written");
    let plane = Running::start(directory.path(), "plane --listen 127.0.0.1:0");
    let url = plane.url_after("listening on ");
    let run = |flags: &str| {
        let line = format!("run once.yaml --endpoint {url} --out out{} {flags}", flags.len());
        ssm_fleet(directory.path(), &line)
    };
    let listed = || Window::at(url.clone()).associations().len();

    let first = run("");
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert_eq!(listed(), 0, "what the run made is gone");
    let again = run("--keep");
    assert_eq!(again.code, Some(0), "the document of the first run serves the second: {}", again.stderr);
    assert_eq!(listed(), 1, "it was told to leave it");
}
