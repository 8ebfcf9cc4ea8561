//! `ssm-fleet node`: one node, every call shown.

use std::io::{self, Write};
use std::sync::Arc;

use agent::client::endpoint::Endpoint;
use agent::credentials::{Activations, Grant, IdentityKind};
use agent::mix::Mix;
use clap::Args;
use serde_json::{Value, json};
use shared::id::NodeId;
use shared::time::{Period, Timestamp};

use super::exit::Exit;
use super::failure::{Failure, UsageError};
use super::run::reach;
use super::value::{Channel, Facts};
use super::{terminal, value};
use crate::clock::wall_now;
use crate::guard::{AccountId, Allowance};
use crate::host::Limits;
use crate::machine;
use crate::plan::{Overrides, Plan};
use crate::scenario::{self, Scenario, Versions};
use crate::signal::Signals;
use crate::solo;
use crate::witness::{Heard, Witnessed};

/// What a node is that nobody described.
const USUAL_PLATFORM: &str = "amazon-linux-2023";

/// Until somebody ends it: longer than anybody looks on.
const NO_END: Period = Period::days(365);

/// Run one node, and show each call as it happens
///
/// For each call: when it was made, how long after the one before, the
/// operation, what was asked and what came back; for each frame of its
/// control channel, what it says. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Node {
    /// The control plane to call
    #[arg(long, value_name = "URL", help_heading = "Control plane")]
    endpoint: Endpoint,
    /// Let the endpoint be outside of this machine and its private networks
    #[arg(long, help_heading = "Control plane")]
    allow_remote: bool,
    /// Let the endpoint be AWS itself, at the expense of this account
    #[arg(long, value_name = "ACCOUNT-ID", help_heading = "Control plane")]
    allow_aws: Option<AccountId>,

    /// Be the instance of this id [default: one that follows from the seed]
    #[arg(long, value_name = "ID", help_heading = "Node")]
    id: Option<NodeId>,
    /// Be a hybrid node that registers by this activation
    #[arg(long, value_name = "ID", requires = "activation_code", help_heading = "Node")]
    activation_id: Option<String>,
    /// The activation's code
    #[arg(long, value_name = "CODE", requires = "activation_id", help_heading = "Node")]
    activation_code: Option<String>,
    /// What it runs [default: amazon-linux-2023; with --facts host what this machine runs]
    #[arg(long, value_name = "PLATFORM", help_heading = "Node")]
    platform: Option<String>,
    /// What it tells of itself
    #[arg(long, value_name = "CHOICE", value_enum, default_value_t = Facts::Template, help_heading = "Node")]
    facts: Facts,
    /// The agent's version, such as 3.3.0.0
    #[arg(long, value_name = "VERSION", help_heading = "Node")]
    agent_version: Option<String>,
    /// By which channel of messages it can be reached
    #[arg(long, value_name = "CHANNEL", value_enum, default_value_t = Channel::Websocket, help_heading = "Node")]
    channel: Channel,
    /// The number that all it does follows from
    #[arg(long, value_name = "NUMBER", default_value_t = 0, help_heading = "Node")]
    seed: u64,

    /// Simulated seconds in a second, such as 60
    #[arg(long, value_name = "FACTOR", value_parser = value::time_scale, default_value_t = 1.0, help_heading = "Time")]
    time_scale: f64,
    /// End after this time, such as 5m or 2h (simulated)
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    duration: Option<Period>,

    /// Print one JSON object per call
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Print bodies whole, however long
    #[arg(long, help_heading = "Output")]
    full: bool,
}

impl Node {
    /// Runs the node until its time is over or somebody ends it.
    pub async fn run(self) -> Result<Exit, Failure> {
        let plan = Arc::new(self.plan()?);
        let allowance = Allowance { remote: self.allow_remote, aws: self.allow_aws.clone() };
        reach(&self.endpoint, &allowance).await?;
        let limits = Limits::of_this_machine(false)?;
        let signals = Signals::listen().map_err(Failure::Runtime)?;
        let is_whole = self.full || self.json;
        let width = if is_whole { usize::MAX } else { terminal::width() };
        let mut log = Log { start: plan.start, last: None, is_json: self.json, width };
        let mut trouble = None;
        let look = |call: Witnessed| {
            let mut stdout = io::stdout().lock();
            let written = log.write(&call, &mut stdout).and_then(|()| stdout.flush());
            trouble = trouble.take().or(written.err());
            trouble.is_none()
        };
        solo::run(plan, &self.endpoint, limits, signals.stopped(), look).await?;
        match trouble {
            // Whoever read has read enough.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Passed),
            Some(error) => Err(Failure::Output(error)),
            None => Ok(Exit::Passed),
        }
    }

    fn platform(&self) -> String {
        let own = if self.facts == Facts::Host { machine::platform() } else { None };
        self.platform.clone().unwrap_or_else(|| own.unwrap_or(USUAL_PLATFORM).to_owned())
    }

    /// A run of one node, of whom nobody wants anything.
    fn plan(&self) -> Result<Plan, Failure> {
        match self.id {
            Some(_) if self.activation_id.is_some() => return Err(UsageError::IdOfHybrid.into()),
            Some(id) if id.is_hybrid() => return Err(UsageError::HybridId(id).into()),
            _ => {}
        }
        let grant = self.activation_id.clone().zip(self.activation_code.clone());
        let cohort = scenario::Cohort {
            name: "node".to_owned(),
            platform: self.platform(),
            facts: self.facts.into(),
            nodes: Some(1),
            identity: if grant.is_some() { scenario::Identity::Hybrid } else { scenario::Identity::Ec2 },
            agent_version: self.agent_version.clone().map(|version| Versions(Mix::of_one(version))),
            channel: self.channel.into(),
            ..scenario::Cohort::default()
        };
        let scenario = Scenario::of_cohort("node", self.seed, self.duration.unwrap_or(NO_END), cohort);
        let overrides = Overrides { time_scale: Some(self.time_scale), ..Overrides::default() };
        let mut plan = Plan::new(&scenario, &overrides, wall_now())?;
        let settings = &mut Arc::make_mut(&mut plan.catalogue).cohorts[0].identity;
        settings.own_id = self.id;
        if let Some((id, code)) = grant {
            debug_assert_eq!(settings.kind, IdentityKind::Hybrid);
            settings.activations = Activations::of_nodes(1, 0.0);
            settings.activations.put(0, Grant { id, code });
        }
        Ok(plan)
    }
}

/// What is printed, call by call.
struct Log {
    start: Timestamp,
    last: Option<Timestamp>,
    is_json: bool,
    width: usize,
}

impl Log {
    fn write(&mut self, call: &Witnessed, out: &mut impl Write) -> io::Result<()> {
        let gap = self.last.map(|last| call.at.since(last));
        self.last = Some(call.at);
        let elapsed = call.at.since(self.start);
        if self.is_json {
            return writeln!(out, "{}", object(call, elapsed, gap));
        }
        let gap = gap.map_or(String::new(), |gap| format!("+{:.3} s", gap.as_seconds()));
        let again = if call.attempt > 0 { format!(", try {}", call.attempt + 1) } else { String::new() };
        writeln!(out, "{:>10.3} s {gap:>12}  {}{again}", elapsed.as_seconds(), call.operation)?;
        let took = call.took.as_secs_f64() * 1_000.0;
        if let Heard::Pushed(payload) = &call.answer {
            return writeln!(out, "{}", cut(&format!("  < {}", shown(payload)), self.width));
        }
        writeln!(out, "{}", cut(&format!("  > {}", shown(&call.body)), self.width))?;
        let heard = match &call.answer {
            Heard::Reply(body) => format!("200 in {took:.1} ms {}", shown(body)),
            Heard::Refusal { status, code, message } => format!("{status} in {took:.1} ms {code}: {message}"),
            Heard::Nothing(reason) => format!("nothing after {took:.1} ms: {reason}"),
            Heard::Opened => format!("open in {took:.1} ms"),
            Heard::Sent | Heard::Pushed(_) => format!("taken in {took:.1} ms"),
        };
        writeln!(out, "{}", cut(&format!("  < {heard}"), self.width))
    }
}

fn object(call: &Witnessed, elapsed: Period, gap: Option<Period>) -> Value {
    let read = |bytes: &[u8]| {
        let text = shown(bytes);
        serde_json::from_str(&text).unwrap_or_else(|_| json!(text))
    };
    let mut object = json!({
        "elapsed": elapsed.as_seconds(),
        "gap": gap.map(Period::as_seconds),
        "operation": call.operation,
        "attempt": call.attempt,
        "request": read(&call.body),
        "took_milliseconds": call.took.as_secs_f64() * 1_000.0,
    });
    match &call.answer {
        Heard::Reply(body) => {
            object["status"] = json!(200);
            object["reply"] = read(body);
        }
        Heard::Refusal { status, code, message } => {
            object["status"] = json!(status);
            object["error"] = json!(code);
            object["message"] = json!(message);
        }
        Heard::Nothing(reason) => object["message"] = json!(reason),
        Heard::Opened => object["status"] = json!(101),
        Heard::Sent => {}
        Heard::Pushed(payload) => {
            object["request"] = Value::Null;
            object["pushed"] = read(payload);
        }
    }
    object
}

/// What nobody should read over a shoulder or in a log.
const SECRETS: [&str; 3] = ["\"ActivationCode\":\"", "\"SecretAccessKey\":\"", "\"SessionToken\":\""];

/// A body as text, without its secrets.
fn shown(body: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(body).into_owned();
    for secret in SECRETS {
        let Some(begin) = text.find(secret).map(|at| at + secret.len()) else { continue };
        let length = text[begin..].find('"').unwrap_or(text.len() - begin);
        text.replace_range(begin..begin + length, "…");
    }
    text
}

/// A line of at most so many columns; what is cut off is marked.
fn cut(line: &str, width: usize) -> String {
    let mut letters = line.char_indices();
    match letters.nth(width) {
        None => line.to_owned(),
        Some(_) => line.chars().take(width - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn call(at: i64, attempt: u8, answer: Heard) -> Witnessed {
        Witnessed {
            at: Timestamp::from_milliseconds(at),
            operation: "GetDocument",
            attempt,
            body: b"{\"Name\":\"AWS-RunShellScript\",\"DocumentVersion\":\"1\"}"[..].into(),
            answer,
            took: Duration::from_micros(1_250),
        }
    }

    fn written(is_json: bool, width: usize) -> String {
        let mut log = Log { start: Timestamp::from_seconds(10), last: None, is_json, width };
        let refusal = Heard::Refusal {
            status: 400,
            code: "ThrottlingException".into(),
            message: "Rate exceeded".into(),
        };
        let mut out = Vec::new();
        for call in [
            call(11_000, 0, refusal),
            call(12_250, 1, Heard::Reply(b"{\"Content\":\"{}\"}"[..].into())),
            call(12_250, 0, Heard::Nothing("no reply: timed out".into())),
            call(13_000, 0, Heard::Pushed(b"{\"JobId\":\"a\"}"[..].into())),
            call(13_000, 0, Heard::Sent),
        ] {
            log.write(&call, &mut out).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_call_takes_three_lines() {
        let expected = "     1.000 s               GetDocument\n\
              \x20 > {\"Name\":\"AWS-RunShellScript\",\"Document…\n\
              \x20 < 400 in 1.2 ms ThrottlingException: Rat…\n\
              \x20    2.250 s     +1.250 s  GetDocument, try 2\n\
              \x20 > {\"Name\":\"AWS-RunShellScript\",\"Document…\n\
              \x20 < 200 in 1.2 ms {\"Content\":\"{}\"}\n\
              \x20    2.250 s     +0.000 s  GetDocument\n\
              \x20 > {\"Name\":\"AWS-RunShellScript\",\"Document…\n\
              \x20 < nothing after 1.2 ms: no reply: timed …\n\
              \x20    3.000 s     +0.750 s  GetDocument\n\
              \x20 < {\"JobId\":\"a\"}\n\
              \x20    3.000 s     +0.000 s  GetDocument\n\
              \x20 > {\"Name\":\"AWS-RunShellScript\",\"Document…\n\
              \x20 < taken in 1.2 ms\n";
        assert_eq!(written(false, 43), expected);
    }

    #[test]
    fn secrets_are_not_shown() {
        let cases = [
            (
                r#"{"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t","UpdateKeyPair":false}"#,
                r#"{"AccessKeyId":"A","SecretAccessKey":"…","SessionToken":"…","UpdateKeyPair":false}"#,
            ),
            (
                r#"{"ActivationCode":"abc","ActivationId":"id"}"#,
                r#"{"ActivationCode":"…","ActivationId":"id"}"#,
            ),
            (r#"{"SessionToken":"cut of"#, r#"{"SessionToken":"…"#),
            ("{}", "{}"),
        ];
        for (body, expected) in cases {
            assert_eq!(shown(body.as_bytes()), expected);
        }
    }

    #[test]
    fn a_program_reads_an_object_a_line() {
        let objects: Vec<Value> =
            written(true, usize::MAX).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects[0]["error"], "ThrottlingException");
        assert_eq!((&objects[0]["gap"], &objects[1]["gap"]), (&Value::Null, &json!(1.25)));
        assert_eq!(objects[1]["reply"], json!({"Content": "{}"}));
        assert_eq!(objects[2]["message"], "no reply: timed out");
        assert_eq!(objects[2]["request"]["Name"], "AWS-RunShellScript");
        assert_eq!((&objects[3]["request"], &objects[3]["pushed"]), (&Value::Null, &json!({"JobId": "a"})));
        assert_eq!((&objects[4]["status"], &objects[4]["pushed"]), (&Value::Null, &Value::Null));
    }
}
