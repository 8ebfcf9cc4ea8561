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
use agent::fault::Share;
use clap::Args;
use plane::config::PlaneConfig;
use shared::time::Period;
use tokio::net::TcpStream;

use super::again::again;
use super::closing::Closing;
use super::directory::RunDirectory;
use super::exit::Exit;
use super::failure::{Failure, UsageError};
use super::value::{self, UnknownNodes};
use crate::clock::{Clock, wall_now};
use crate::connections::Connections;
use crate::guard::{AccountId, Allowance, admit_endpoint};
use crate::history::History;
use crate::host::{self, Limits};
use crate::in_process::InProcess;
use crate::plan::{Overrides, Plan, PlanError};
use crate::progress::Progress;
use crate::progress::display::{Display, Goal, Screen};
use crate::run::{Hold, PlaneChoice, RunOptions, VIRTUAL_START, VirtualRun, plane_config, run_live};
use crate::scenario::Scenario;
use crate::signal::Signals;
use crate::simulation::Pace;

/// How long a connection to an endpoint may take before the run is not begun, in wall time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Run a scenario until its rounds or its time are over
///
/// The nodes register, send heartbeats, poll for associations, run documents and
/// report, as the real agent does. At the end comes a summary, and a directory
/// with result.json and report.md. Ctrl-C ends it in good order.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Run {
    /// Scenario file, or the name of a built-in scenario
    #[arg(default_value = "first-look")]
    scenario: String,
    /// Number of nodes, over all cohorts, such as 500, 10k or 1m
    #[arg(long, value_name = "COUNT", value_parser = value::nodes, help_heading = "Fleet")]
    nodes: Option<u32>,
    /// The number that the whole run follows from
    #[arg(long, value_name = "NUMBER", help_heading = "Fleet")]
    seed: Option<u64>,
    /// Time over which the nodes arrive, such as 90s or 2m (simulated)
    #[arg(long, value_name = "TIME", help_heading = "Fleet")]
    ramp: Option<Period>,
    /// Share of nodes whose id the plane does not accept, such as 1%
    #[arg(long, value_name = "SHARE", help_heading = "Fleet")]
    invalid_instance: Option<Share>,
    /// Share of nodes whose platform cannot run what they are told to
    #[arg(long, value_name = "SHARE", help_heading = "Fleet")]
    unsupported_platform: Option<Share>,
    /// Pieces the fleet is cut into [default: one per core, at most 8]
    #[arg(long, value_name = "COUNT", value_parser = value::shards, help_heading = "Fleet")]
    shards: Option<NonZeroUsize>,

    /// Simulated seconds in a second, such as 60
    #[arg(long, value_name = "FACTOR", value_parser = value::time_scale, help_heading = "Time")]
    time_scale: Option<f64>,
    /// Jump from what is due to what is due next, without waiting
    #[arg(long = "virtual", help_heading = "Time")]
    is_virtual: bool,
    /// End after this time at the latest, such as 5m or 2h (simulated)
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    duration: Option<Period>,
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
    #[arg(long, requires = "endpoint", help_heading = "Control plane")]
    allow_remote: bool,
    /// Let the endpoint be AWS itself, at the expense of this account
    #[arg(long, value_name = "ACCOUNT-ID", requires = "endpoint", help_heading = "Control plane")]
    allow_aws: Option<AccountId>,
    /// Leave at the endpoint what this run made there; else it is deleted
    #[arg(long, requires = "endpoint", help_heading = "Control plane")]
    keep: bool,
    /// Let associations and commands aim at all nodes of the endpoint
    #[arg(long, requires = "endpoint", help_heading = "Control plane")]
    allow_all_nodes: bool,
    /// What the embedded plane does with a node id it has never heard of
    #[arg(long, value_name = "CHOICE", value_enum, help_heading = "Control plane")]
    unknown_nodes: Option<UnknownNodes>,

    /// Directory for the results [default: a new one under runs/]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print what result.json has instead of the summary
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Run {
    /// Runs the scenario and leaves its result.
    pub async fn run(self, screen: Screen) -> Result<Exit, Failure> {
        self.check()?;
        let scenario = Scenario::load(&self.scenario)?;
        let start = if self.is_virtual { VIRTUAL_START } else { wall_now() };
        let plan = Arc::new(Plan::new(&scenario, &self.overrides(), start)?);
        let plane = self.plane(&plan).await?;
        let limits = Limits::of_this_machine(self.endpoint.is_none())?;
        limits.admit(plan.nodes())?;
        let connections =
            Connections::choose(self.connections.or(scenario.connections), plan.nodes(), &limits);
        // Virtual time has none, so none can be too many.
        let connections = if self.is_virtual { Connections::default() } else { connections? };
        if !self.is_virtual {
            admit_channels(plan.channels(), limits.connections)?;
        }
        let signals = Signals::listen().map_err(Failure::Runtime)?;

        let directory = RunDirectory::create(Path::new(""), self.out.as_deref(), &plan.name, wall_now())?;
        let options = RunOptions {
            pace: if self.is_virtual { Pace::Virtual } else { Pace::Scaled(plan.time_scale) },
            shards: self.shards.map_or_else(host::default_shards, NonZeroUsize::get),
            progress: Arc::new(Progress::default()),
            plan,
            plane,
            limits,
            connections,
            keep: self.keep,
            is_held: self.hold,
        };
        let outcome = self.carry_out(options, screen, &directory, signals).await;
        if outcome.is_err() {
            directory.discard();
        }
        outcome
    }

    /// Refuses flags that contradict one another, each with its reason.
    fn check(&self) -> Result<(), UsageError> {
        match self {
            Self { is_virtual: true, time_scale: Some(_), .. } => Err(UsageError::VirtualScale),
            Self { is_virtual: true, endpoint: Some(_), .. } => Err(UsageError::VirtualEndpoint),
            Self { is_virtual: true, hold: true, .. } => Err(UsageError::VirtualHold),
            Self { unknown_nodes: Some(_), endpoint: Some(_), .. } => Err(UsageError::UnknownNodesEndpoint),
            _ => Ok(()),
        }
    }

    fn overrides(&self) -> Overrides {
        Overrides {
            nodes: self.nodes,
            seed: self.seed,
            time_scale: self.time_scale,
            duration: self.duration,
            ramp: self.ramp,
            invalid_instance: self.invalid_instance,
            unsupported_platform: self.unsupported_platform,
        }
    }

    /// Who answers; an endpoint that nobody should be called at is refused.
    async fn plane(&self, plan: &Plan) -> Result<PlaneChoice, Failure> {
        let Some(endpoint) = &self.endpoint else {
            return Ok(PlaneChoice::Embedded(Box::new(PlaneConfig {
                unknown_nodes: self.unknown_nodes.map_or(plan.plane.unknown_nodes, Into::into),
                ..plane_config(plan)
            })));
        };
        if let Some(cause) = plan.told_to_the_plane() {
            return Err(PlanError::TakesOwnPlane(cause.as_str()).into());
        }
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
        signals: Signals,
    ) -> Result<Exit, Failure> {
        let plan = options.plan.clone();
        let goal = Goal { nodes: plan.nodes().into(), start: plan.start, duration: plan.duration };
        let display = Display::start(options.progress.clone(), goal, screen).map_err(Failure::Runtime)?;
        let mut outcome = None;
        let closing = Closing {
            display,
            directory,
            again: again(&arguments(), &self.scenario, plan.catalogue.seed.0),
            is_json: self.json,
            is_duration_given: self.duration.is_some(),
            hold_until: self.hold.then(|| signals.clone()),
            outcome: &mut outcome,
        };
        match options.pace {
            Pace::Virtual => virtual_time(options, signals, closing).await?,
            Pace::Scaled(_) => {
                run_live(options, signals.stopped(), closing).await?;
            }
        }
        outcome.expect("a run that came to its end was closed")
    }
}

/// Whether so many open channels leave as many connections for calls. A node polls
/// while its control channel opens, so one with a channel may need two.
fn admit_channels(wanted: u32, connections: usize) -> Result<(), UsageError> {
    let fit = connections / 3;
    if wanted as usize > fit { Err(UsageError::Channels { wanted, fit }) } else { Ok(()) }
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
    let PlaneChoice::Embedded(config) = &options.plane else {
        return Err(UsageError::VirtualEndpoint.into());
    };
    let plane = PlaneConfig::clone(config);
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = stop.clone();
    let mut running = tokio::task::spawn_blocking(move || {
        let RunOptions { plan, shards, progress, .. } = options;
        let carrier = &InProcess::Typed;
        let run = VirtualRun { plan, plane, carrier, shards, progress: &progress, stop: &stopping };
        run.run(&mut History::default()).0
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
    Ok(())
}

/// What was typed after the program's name.
fn arguments() -> Vec<String> {
    std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

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
        let cases = [
            ("", Ok(())),
            ("--virtual --duration 5m --shards 3", Ok(())),
            ("--hold --time-scale 60", Ok(())),
            ("--virtual --time-scale 60", Err(UsageError::VirtualScale)),
            ("--virtual --endpoint http://127.0.0.1:1", Err(UsageError::VirtualEndpoint)),
            ("--virtual --hold", Err(UsageError::VirtualHold)),
            ("--unknown-nodes refuse --endpoint http://127.0.0.1:1", Err(UsageError::UnknownNodesEndpoint)),
        ];
        for (line, expected) in cases {
            assert_eq!(run(line).check(), expected, "{line}");
        }
    }

    #[test]
    fn flags_reach_the_plan() {
        let line = "--nodes 2k --seed 9 --ramp 2m --duration 30m --time-scale 10 --invalid-instance 2%";
        let run = run(line);
        let scenario = Scenario::load(&run.scenario).unwrap();
        let plan = Plan::new(&scenario, &run.overrides(), VIRTUAL_START).unwrap();
        assert_eq!((plan.name.as_str(), plan.nodes(), plan.catalogue.seed.0), ("first-look", 2_000, 9));
        assert_eq!((plan.ramp, plan.duration), (Period::minutes(2), Period::minutes(30)));
        assert_eq!(plan.time_scale, 10.0);
        let two_per_cent: Share = "2%".parse().unwrap();
        assert!(plan.catalogue.cohorts.iter().all(|cohort| cohort.faults.invalid_instance == two_per_cent));
    }
}
