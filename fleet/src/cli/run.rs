//! `ssm-fleet run`: a scenario from its file to its result.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent::client::endpoint::Endpoint;
use agent::client::{Clock as _, Elapsed};
use clap::Args;
use plane::config::PlaneConfig;
use tokio::net::TcpStream;

use super::again::again;
use super::closing::Closing;
use super::directory::RunDirectory;
use super::exit::Exit;
use super::failure::{Failure, UsageError};
use super::tls::Tls;
use super::value::{self, UnknownNodes};
use super::variant::Variant;
use crate::clock::{Clock, wall_now};
use crate::connections::Connections;
use crate::guard::{AccountId, Allowance, admit_endpoint};
use crate::history::History;
use crate::history::line::Header;
use crate::history::mode::HistoryMode;
use crate::history::names::Names;
use crate::history::recorder::{FILE, Recorder};
use crate::host::{self, Limits};
use crate::in_process::InProcess;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::progress::display::{Display, Goal, Screen};
use crate::run::{Hold, PlaneChoice, RunOptions, VIRTUAL_START, VirtualRun, plane_config, run_live};
use crate::scenario::{self, Scenario};
use crate::signal::Signals;
use crate::simulation::Pace;

/// How long a connection to an endpoint may take before the run is not begun, in wall time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Run a scenario until its rounds or its time are over
///
/// The nodes register, send heartbeats, poll for associations, run documents and
/// report, as the real agent does. At the end comes a summary, and a directory with
/// result.json, report.md, junit.xml, timeline.csv, the history and the scenario.
/// Ctrl-C, or closing the terminal, ends it in good order.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = built_in())]
pub struct Run {
    /// Scenario file, or the name of a built-in scenario
    #[arg(default_value = "first-look")]
    scenario: String,
    #[command(flatten)]
    variant: Variant,
    /// Pieces the fleet is cut into [default: one per core, at most 8]
    #[arg(long, value_name = "COUNT", value_parser = value::shards, allow_hyphen_values = true, help_heading = "Fleet")]
    shards: Option<NonZeroUsize>,
    /// How nodes use connections [default: as-agent where that fits, else pooled]
    #[arg(long, value_name = "CHOICE", value_enum, help_heading = "Fleet")]
    connections: Option<Connections>,

    /// Keep plane and fleet up after the end, until Ctrl-C
    #[arg(long, help_heading = "Time")]
    hold: bool,

    /// Use the control plane at this address instead of an embedded one
    #[arg(long, value_name = "URL", help_heading = "Control plane")]
    endpoint: Option<Endpoint>,
    /// Let the endpoint be outside of this machine and its private networks
    #[arg(long, help_heading = "Control plane")]
    allow_remote: bool,
    /// Let the endpoint be AWS itself, at the expense of this account
    #[arg(long, value_name = "ACCOUNT-ID", help_heading = "Control plane")]
    allow_aws: Option<AccountId>,
    /// Leave at the endpoint what this run made there; else it is deleted
    #[arg(long, help_heading = "Control plane")]
    keep: bool,
    /// Let associations and commands aim at all nodes of the endpoint
    #[arg(long, help_heading = "Control plane")]
    allow_all_nodes: bool,
    #[command(flatten)]
    tls: Tls,
    /// What the embedded plane does with a node id it has never heard of
    #[arg(long, value_name = "CHOICE", value_enum, help_heading = "Control plane")]
    unknown_nodes: Option<UnknownNodes>,

    /// Directory for the results; what an earlier run wrote there is replaced
    /// [default: a new one under runs/]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print what result.json has instead of the summary
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Run {
    /// Runs the scenario and leaves its result.
    pub async fn run(self, screen: Screen) -> Result<Exit, Failure> {
        let loaded = self.variant.load(&self.scenario)?;
        let scenario = &loaded.scenario;
        self.check(scenario)?;
        let is_virtual = self.variant.is_virtual(scenario);
        let start = if is_virtual { VIRTUAL_START } else { wall_now() };
        let plan = Arc::new(self.variant.plan(&loaded, start, self.endpoint(scenario).is_some())?);
        for note in self.variant.left_open(scenario, &plan) {
            tracing::warn!("{note}");
        }
        let plane = self.plane(scenario, &plan).await?;
        let limits = Limits::of_this_machine(matches!(plane, PlaneChoice::Embedded(..)))?;
        let hosted = plan.hosted().len() as u32;
        limits.admit(hosted)?;
        let connections = Connections::choose(self.connections.or(scenario.connections), hosted, &limits);
        // Virtual time has none, so none can be too many.
        let connections = if is_virtual { Connections::default() } else { connections? };
        if !is_virtual {
            admit_channels(plan.channels(), limits.connections)?;
        }
        let signals = Signals::listen().map_err(Failure::Runtime)?;

        let directory = RunDirectory::create(Path::new(""), self.out.as_deref(), &plan.name, wall_now())?;
        let pace = if is_virtual { Pace::Virtual } else { Pace::Scaled(plan.time_scale) };
        let recorder = match recorder(&plan, pace, &directory) {
            Ok(recorder) => recorder,
            Err(failure) => {
                directory.discard();
                return Err(failure);
            }
        };
        let written = recorder.clone();
        let options = RunOptions {
            pace,
            shards: self.shards.map_or_else(host::default_shards, NonZeroUsize::get),
            progress: Arc::new(Progress::default()),
            plan,
            plane,
            limits,
            connections,
            keep: self.keep,
            is_held: self.hold,
            recorder,
        };
        let outcome = self.carry_out(options, screen, &directory, &loaded.resolved(), signals).await;
        if outcome.is_err() {
            if let Some(recorder) = written {
                recorder.abandon();
            }
            directory.discard();
        }
        outcome
    }

    /// Refuses what contradicts itself, each with its reason; a flag goes before the scenario.
    fn check(&self, scenario: &Scenario) -> Result<(), UsageError> {
        let is_virtual = self.variant.is_virtual(scenario);
        let is_guest = self.endpoint(scenario).is_some();
        self.variant.check(scenario, is_guest)?;
        match self {
            Self { hold: true, .. } if is_virtual => Err(UsageError::VirtualHold),
            Self { unknown_nodes: Some(_), .. } if is_guest => Err(UsageError::UnknownNodesEndpoint),
            Self { tls: Tls { tls_listen: Some(_), .. }, .. } if is_virtual || is_guest => {
                Err(UsageError::TlsWithoutPlane)
            }
            _ if is_guest => Ok(()),
            Self { allow_remote: true, .. } => Err(UsageError::NeedsEndpoint("--allow-remote")),
            Self { allow_aws: Some(_), .. } => Err(UsageError::NeedsEndpoint("--allow-aws")),
            Self { allow_all_nodes: true, .. } => Err(UsageError::NeedsEndpoint("--allow-all-nodes")),
            Self { variant: Variant { slice: Some(_), .. }, .. } => Err(UsageError::NeedsEndpoint("--slice")),
            Self { keep: true, .. } => Err(UsageError::NeedsEndpoint("--keep")),
            _ => Ok(()),
        }
    }

    /// Where somebody else's plane listens, if it is somebody else's.
    fn endpoint<'a>(&'a self, scenario: &'a Scenario) -> Option<&'a Endpoint> {
        let written = scenario.plane.guest_of.as_ref();
        self.endpoint.as_ref().or_else(|| written.map(|guest_of| &guest_of.endpoint))
    }

    /// Who answers; an endpoint that nobody should be called at is refused.
    async fn plane(&self, scenario: &Scenario, plan: &Plan) -> Result<PlaneChoice, Failure> {
        let Some(endpoint) = self.endpoint(scenario) else {
            let config = PlaneConfig {
                unknown_nodes: self.unknown_nodes.map_or(plan.plane.unknown_nodes, Into::into),
                ..plane_config(plan)
            };
            return Ok(PlaneChoice::Embedded(Box::new(config), self.tls.prepare(false)?));
        };
        plan.admit_told_causes()?;
        plan.admit_guest(self.allow_all_nodes)?;
        let allowance = Allowance { remote: self.allow_remote, aws: self.allow_aws.clone() };
        reach(endpoint, &allowance).await?;
        Ok(PlaneChoice::Foreign(endpoint.clone()))
    }

    async fn carry_out(
        &self,
        options: RunOptions,
        screen: Screen,
        directory: &RunDirectory,
        resolved: &str,
        signals: Signals,
    ) -> Result<Exit, Failure> {
        let plan = options.plan.clone();
        let goal = Goal { nodes: plan.hosted().len() as u64, start: plan.start, duration: plan.duration };
        let display = Display::start(options.progress.clone(), goal, screen).map_err(Failure::Runtime)?;
        let mut outcome = None;
        let closing = Closing {
            display,
            directory,
            resolved,
            again: again(&arguments(), &self.scenario, plan.catalogue.seed.0),
            is_json: self.json,
            is_duration_given: self.variant.duration.is_some(),
            hold_until: self.hold.then(|| signals.clone()),
            outcome: &mut outcome,
        };
        let ran = match options.pace {
            Pace::Virtual => virtual_time(options, signals, closing).await,
            Pace::Scaled(_) => {
                run_live(options, signals.stopped(), closing).await.map(drop).map_err(Into::into)
            }
        };
        match ran {
            Ok(()) => outcome.expect("a run that came to its end was closed"),
            Err(failure) => {
                if let Some(Err(also)) = outcome {
                    // With stderr gone there is nobody left to tell.
                    let _ = also.print(&mut io::stderr());
                }
                Err(failure.with_what_is_written(directory.path()))
            }
        }
    }
}

/// Whether so many open channels leave as many connections for calls. A node polls
/// while its control channel opens, so one with a channel may need two.
fn admit_channels(wanted: u32, connections: usize) -> Result<(), UsageError> {
    let fit = connections / 3;
    if wanted as usize > fit { Err(UsageError::Channels { wanted, fit }) } else { Ok(()) }
}

/// Where the history of this plan is written, if it is.
fn recorder(plan: &Arc<Plan>, pace: Pace, directory: &RunDirectory) -> Result<Option<Recorder>, Failure> {
    let mode = plan.history.mode;
    if mode == HistoryMode::Off {
        return Ok(None);
    }
    let (path, header) = (directory.path().join(FILE), Header::of(plan, pace));
    Ok(Some(Recorder::start(&path, mode, &header, Names::new(plan.clone()))?))
}

/// Whether a fleet may call there, and whether anybody listens.
pub(super) async fn reach(endpoint: &Endpoint, allowance: &Allowance) -> Result<(), Failure> {
    let host = endpoint.host();
    // By its name first, so that AWS is refused without so much as a query.
    admit_endpoint(host, &[], allowance)?;
    let found = tokio::net::lookup_host((host, endpoint.port())).await;
    let found = found.map_err(|source| Failure::Unresolved { host: host.to_owned(), source })?;
    let addresses: Vec<SocketAddr> = found.collect();
    let hosts: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
    admit_endpoint(host, &hosts, allowance)?;

    let clock = Clock::starting(wall_now(), 1.0);
    let connected = match clock.timeout(PATIENCE, TcpStream::connect(&addresses[..])).await {
        Ok(connected) => connected.map(drop),
        Err(Elapsed) => Err(io::ErrorKind::TimedOut.into()),
    };
    connected.map_err(|source| Failure::Unreachable { endpoint: endpoint.clone(), source })
}

/// Runs in virtual time on a thread of its own, so that a signal is heard.
async fn virtual_time(options: RunOptions, signals: Signals, closing: Closing<'_>) -> Result<(), Failure> {
    let PlaneChoice::Embedded(config, _) = &options.plane else {
        return Err(UsageError::VirtualEndpoint.into());
    };
    let plane = PlaneConfig::clone(config);
    let recorder = options.recorder.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = stop.clone();
    let mut running = tokio::task::spawn_blocking(move || {
        let RunOptions { plan, shards, progress, recorder, .. } = options;
        let carrier = &InProcess::Typed;
        let run = VirtualRun { plan, plane, carrier, shards, progress: &progress, stop: &stopping };
        run.run(&mut History::recording(recorder)).0
    });
    let finished = tokio::select! {
        finished = &mut running => finished,
        () = signals.stopped() => {
            stop.store(true, Ordering::Relaxed);
            running.await
        }
    };
    let finished = finished.map_err(Failure::Background)?;
    closing.hold(&finished).await;
    recorder.and_then(|recorder| recorder.error()).map_or(Ok(()), |error| Err(error.into()))
}

/// What the help says of the built-in scenarios.
fn built_in() -> String {
    format!("Built-in scenarios:\n{}", scenario::built_in_list())
}

/// What was typed after the program's name.
fn arguments() -> Vec<String> {
    std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use agent::fault::Share;
    use clap::Parser;
    use shared::time::Period;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: Run,
    }

    fn run(line: &str) -> Run {
        Line::parse_from(std::iter::once("run").chain(line.split_whitespace())).run
    }

    #[test]
    fn channels_leave_connections_for_calls() {
        assert_eq!(admit_channels(50, 150), Ok(()));
        assert_eq!(admit_channels(51, 152), Err(UsageError::Channels { wanted: 51, fit: 50 }));
    }

    #[test]
    fn flags_that_contradict_one_another_are_refused_with_the_reason() {
        let scenario = |text: &str| {
            let head = "name: x\nseed: 1\nduration: 5m\ncohorts: []\n";
            Scenario::parse("x", &format!("{head}{text}")).expect("it is well written")
        };
        let cases = [
            ("", Ok(())),
            ("--virtual --duration 5m --shards 3", Ok(())),
            ("--hold --time-scale 60", Ok(())),
            ("--virtual --time-scale 60", Err(UsageError::VirtualScale)),
            ("--virtual --endpoint http://127.0.0.1:1", Err(UsageError::VirtualEndpoint)),
            ("--virtual --hold", Err(UsageError::VirtualHold)),
            ("--unknown-nodes refuse --endpoint http://127.0.0.1:1", Err(UsageError::UnknownNodesEndpoint)),
            ("--keep --allow-remote --endpoint http://127.0.0.1:1", Ok(())),
            ("--keep", Err(UsageError::NeedsEndpoint("--keep"))),
            ("--allow-all-nodes", Err(UsageError::NeedsEndpoint("--allow-all-nodes"))),
            ("--slice 1/2", Err(UsageError::NeedsEndpoint("--slice"))),
            ("--slice 1/2 --endpoint http://127.0.0.1:1", Ok(())),
            ("--allow-remote", Err(UsageError::NeedsEndpoint("--allow-remote"))),
            ("--allow-aws 111122223333", Err(UsageError::NeedsEndpoint("--allow-aws"))),
            ("--tls-listen 127.0.0.1:0", Ok(())),
            ("--virtual --tls-listen 127.0.0.1:0", Err(UsageError::TlsWithoutPlane)),
            ("--tls-listen 127.0.0.1:0 --endpoint http://127.0.0.1:1", Err(UsageError::TlsWithoutPlane)),
        ];
        for (line, expected) in cases {
            assert_eq!(run(line).check(&scenario("")), expected, "{line}");
        }
        let jumps = scenario("time: virtual\n");
        let guest = scenario("plane: { endpoint: \"http://127.0.0.1:1\" }\n");
        let later = scenario("start_time: 2025-01-14T01:55:00Z\n");
        let cases = [
            (&jumps, "", Ok(())),
            (&jumps, "--hold", Err(UsageError::VirtualHold)),
            (&jumps, "--hold --time-scale 60", Ok(())),
            (&jumps, "--endpoint http://127.0.0.1:1", Err(UsageError::VirtualEndpoint)),
            (&guest, "--keep", Ok(())),
            (&guest, "--virtual", Err(UsageError::VirtualEndpoint)),
            (&later, "", Ok(())),
            (&later, "--endpoint http://127.0.0.1:1", Err(UsageError::StartTimeEndpoint)),
        ];
        for (scenario, line, expected) in cases {
            assert_eq!(run(line).check(scenario), expected, "{line}");
        }
    }

    #[test]
    fn a_value_below_zero_is_refused_by_what_would_be_right() {
        let cases = [
            (["--nodes", "-5"], "`-5` is no number of nodes: expected 1 to 100m"),
            (["--seed", "-1"], "`-1` is no seed: expected a whole number from 0 to 18446744073709551615"),
            (["--seed", "18446744073709551616"], "is no seed: expected a whole number from 0 to 1844"),
            (["--invalid-instance", "-1%"], "`-1%` is no share"),
            (["--unsupported-platform", "-1%"], "`-1%` is no share"),
            (["--slice", "-1/3"], "`-1/3` is no slice"),
            (["--ramp", "-5m"], "`-5m` is no duration"),
            (["--duration", "-5m"], "`-5m` is no duration"),
            (["--time-scale", "-1"], "`-1` is no time scale"),
            (["--shards", "-1"], "`-1` is no number of shards"),
        ];
        for (flags, expected) in cases {
            let error = Line::try_parse_from(["run"].into_iter().chain(flags)).err().expect("it is refused");
            let error = error.to_string();
            assert!(error.contains(expected) && !error.contains("tip:"), "{flags:?}: {error}");
        }
    }

    #[test]
    fn flags_reach_the_plan() {
        let line = "--nodes 2k --seed 9 --ramp 2m --duration 30m --time-scale 10 --invalid-instance 2%";
        let run = run(line);
        let plan = run.variant.plan(&run.variant.load(&run.scenario).unwrap(), VIRTUAL_START, false).unwrap();
        assert_eq!((plan.name.as_str(), plan.nodes(), plan.catalogue.seed.0), ("first-look", 2_000, 9));
        assert_eq!((plan.ramp, plan.duration), (Period::minutes(2), Period::minutes(30)));
        assert_eq!(plan.time_scale, 10.0);
        let two_per_cent: Share = "2%".parse().unwrap();
        assert!(plan.catalogue.cohorts.iter().all(|cohort| cohort.faults.invalid_instance == two_per_cent));
    }
}
