//! Why a command did not do what it was asked to.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use agent::client::endpoint::Endpoint;
use plane::http::tls::CertificateError;
use plane::snapshot::RestoreError;
use shared::id::NodeId;
use shared::schedule::ScheduleError;
use tracing_subscriber::filter::ParseError;

use super::directory::DirectoryError;
use super::exit::Exit;
use super::terminal;
use super::why::NoHistory;
use crate::cause::chain;
use crate::credentials::CredentialsError;
use crate::embedded::EmbeddedError;
use crate::guard::Forbidden;
use crate::history::recorder::HistoryError;
use crate::host::HostError;
use crate::plan::{GuestError, PlanError, PlanErrors};
use crate::result::WriteError;
use crate::run::RunError;
use crate::scenario::tree::Place;
use crate::scenario::{Loaded, ScenarioError};
use crate::story::StoryError;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Flags contradict one another.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The filter for logs is none.
    #[error("--log: `{filter}` is no filter")]
    Filter {
        /// What was written.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The scenario cannot be read.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The scenario makes no plan.
    #[error("{}", listed(.0))]
    Plan(Vec<Mistake>),
    /// The plan does not go with the endpoint.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// The schedule is none, or does not go with its options.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The endpoint or listener is out of bounds.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The endpoint's host has no address.
    #[error("cannot find the address of {host}")]
    Unresolved {
        /// The host.
        host: String,
        /// Why not.
        source: io::Error,
    },
    /// Nobody answers at the endpoint.
    #[error("cannot connect to {endpoint}")]
    Unreachable {
        /// The endpoint.
        endpoint: Endpoint,
        /// Why not.
        source: io::Error,
    },
    /// The machine is too small.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The results have no place.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A file of results cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The history cannot be written.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The history ends before its run did.
    #[error("the history ends early; `ssm-fleet why NODE --run {}` tells what is there", directory.display())]
    HistoryEnds {
        /// The run's directory.
        directory: PathBuf,
        /// Why it ends.
        source: HistoryError,
    },
    /// There is no history.
    #[error(transparent)]
    NoHistory(#[from] NoHistory),
    /// The story cannot be told.
    #[error(transparent)]
    Story(#[from] StoryError),
    /// The results cannot be printed.
    #[error("cannot write to stdout")]
    Output(#[source] io::Error),
    /// The run could not start or go on.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The plane could not start or go on.
    #[error(transparent)]
    Plane(#[from] EmbeddedError),
    /// There is no certificate for the plane.
    #[error("the plane's certificate cannot be made")]
    Certificate(#[source] CertificateError),
    /// The plane's certificate cannot be written.
    #[error("cannot write the plane's certificate to {}", file.display())]
    WriteCertificate {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another plane keeps its state there.
    #[error(
        "another plane keeps its state in {}: end that one, or give this one a file of its own by --state",
        file.display()
    )]
    StateInUse {
        /// The file.
        file: PathBuf,
    },
    /// That no other plane keeps its state there cannot be seen to.
    #[error("cannot lock {}, by which no two planes keep their state in one file", file.display())]
    LockState {
        /// The file beside it.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The plane's state cannot be read.
    #[error("cannot read the plane's state from {}", file.display())]
    State {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The plane's state cannot be used.
    #[error("cannot go on from {}", file.display())]
    Restore {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: RestoreError,
    },
    /// A scenario to start from would be written over another file.
    #[error("{} is there already and stays as it is: say another name, or remove it", .0.display())]
    InitExists(PathBuf),
    /// A scenario to start from cannot be written.
    #[error("cannot write {}", file.display())]
    Init {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A thread or a signal cannot be had.
    #[error("cannot start the program's runtime")]
    Runtime(#[source] io::Error),
    /// What ran in the background panicked; a bug of ours.
    #[error("a part of the program failed")]
    Background(#[source] tokio::task::JoinError),
}

/// Something that is wrong with a scenario, and where it stands if that is one place.
#[derive(Debug)]
pub struct Mistake {
    place: Option<Place>,
    reason: PlanError,
}

/// Each mistake on a line of its own, as those that are found in reading are told.
fn listed(mistakes: &[Mistake]) -> String {
    let lines = mistakes.iter().map(|Mistake { place, reason }| match place {
        Some(place) => format!("{place}: {reason}"),
        None => reason.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n       ")
}

/// Flags that contradict one another, and why they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// Virtual time has no scale.
    #[error(
        "--virtual and --time-scale exclude one another: virtual time has no pace, it jumps to what is due next"
    )]
    VirtualScale,
    /// Virtual time needs our own plane.
    #[error(
        "--virtual and --endpoint exclude one another, in a scenario as well: a plane behind a socket \
         cannot follow time that jumps; --time-scale gives a pace"
    )]
    VirtualEndpoint,
    /// Virtual time stands still.
    #[error(
        "--virtual and --hold exclude one another, in a scenario as well: virtual time stands still once \
         the run is over; --time-scale gives a pace"
    )]
    VirtualHold,
    /// Somebody else's plane has its own clock.
    #[error(
        "`start_time` and an endpoint exclude one another: a plane that is not ours keeps the wall's time, \
         and a run before it begins now"
    )]
    StartTimeEndpoint,
    /// A flag for somebody else's plane.
    #[error(
        "{0} is for a plane at an endpoint: add --endpoint, or `plane: {{ endpoint: … }}` to the scenario"
    )]
    NeedsEndpoint(&'static str),
    /// A hybrid node's id comes from the plane.
    #[error("--id and --activation-id exclude one another: a hybrid node gets its id when it registers")]
    IdOfHybrid,
    /// The form tells the identity.
    #[error(
        "--id {0}: a node of its own accord can only be an instance, i-…; an mi-… id comes by an activation"
    )]
    HybridId(NodeId),
    /// Each channel of messages is a connection that stays open.
    #[error(
        "{wanted} nodes with a channel of messages need as many connections, and {fit} fit: \
         give fewer nodes a channel, or raise the limit of open files (ulimit -n)"
    )]
    Channels {
        /// How many nodes have one.
        wanted: u32,
        /// How many fit, with as many connections left for calls.
        fit: usize,
    },
    /// A setting of the embedded plane.
    #[error("--unknown-nodes and --endpoint exclude one another: it is a setting of the embedded plane")]
    UnknownNodesEndpoint,
    /// TLS for a plane that is not there.
    #[error("--tls-listen serves the embedded plane: it goes with neither --virtual nor --endpoint")]
    TlsWithoutPlane,
}

impl From<PlanErrors> for Failure {
    fn from(PlanErrors(reasons): PlanErrors) -> Self {
        Self::Plan(reasons.into_iter().map(|reason| Mistake { place: None, reason }).collect())
    }
}

impl From<PlanError> for Failure {
    fn from(reason: PlanError) -> Self {
        PlanErrors(vec![reason]).into()
    }
}

impl Failure {
    /// That a scenario makes no plan, with the places of what is wrong, in the order of
    /// the file.
    pub fn of_plan(loaded: &Loaded, PlanErrors(reasons): PlanErrors) -> Self {
        let mistakes = reasons.into_iter().map(|reason| {
            let place = loaded.place_of(&reason.way()).cloned();
            Mistake { place, reason }
        });
        let mut mistakes: Vec<Mistake> = mistakes.collect();
        mistakes.sort_by_key(|mistake| match &mistake.place {
            Some(Place::Line { text, line }) => (0, Some((text.clone(), *line))),
            Some(Place::Flag(_)) => (1, None),
            None => (2, None),
        });
        Self::Plan(mistakes)
    }

    /// The code that the program ends with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_)
            | Self::Host(HostError::TooManyOwners { .. })
            | Self::Filter { .. }
            | Self::Run(RunError::Credentials(
                CredentialsError::NoProfile { .. } | CredentialsError::NoKeys(_),
            ))
            | Self::Directory(DirectoryError::Busy { .. })
            | Self::Scenario(_)
            | Self::Guest(_)
            | Self::Plan(_)
            | Self::Schedule(_)
            | Self::Story(StoryError::Find(_))
            | Self::Forbidden(_) => Exit::Usage,
            Self::Unresolved { .. }
            | Self::Unreachable { .. }
            | Self::Host(_)
            | Self::Directory(_)
            | Self::Write(_)
            | Self::Output(_)
            | Self::History(_)
            | Self::HistoryEnds { .. }
            | Self::NoHistory(_)
            | Self::Story(StoryError::Read(_))
            | Self::Run(_)
            | Self::Plane(_)
            | Self::Certificate(_)
            | Self::WriteCertificate { .. }
            | Self::Init { .. }
            | Self::InitExists(_)
            | Self::StateInUse { .. }
            | Self::LockState { .. }
            | Self::State { .. }
            | Self::Restore { .. }
            | Self::Runtime(_)
            | Self::Background(_) => Exit::Failed,
        }
    }

    /// The failure of a run that had begun: what it wrote of its history until then
    /// can be read.
    pub fn with_what_is_written(self, directory: &Path) -> Self {
        match self {
            Self::History(source) | Self::Run(RunError::History(source)) => {
                Self::HistoryEnds { directory: directory.to_owned(), source }
            }
            other => other,
        }
    }

    /// The failure, unless it is a panic of a task: that goes on here, so that
    /// the program ends with 101 whatever thread it began on.
    pub fn or_panic(self) -> Self {
        match self {
            Self::Background(error) | Self::Run(RunError::Shard(error)) if error.is_panic() => {
                std::panic::resume_unwind(error.into_panic())
            }
            other => other,
        }
    }

    /// Prints what failed, with all its causes.
    pub fn print(&self, to: &mut impl Write) -> io::Result<()> {
        writeln!(to, "{}", terminal::error(&chain(self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_causes_follow_the_failure() {
        let failure = Failure::State { file: "plane.state".into(), source: io::Error::other("disk on fire") };
        let mut text = Vec::new();
        failure.print(&mut text).unwrap();
        let expected = "error: cannot read the plane's state from plane.state: disk on fire\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn what_the_caller_wrote_ends_with_two_and_what_the_world_did_with_one() {
        let cases = [
            (Failure::from(UsageError::VirtualHold), Exit::Usage),
            (Failure::from(PlanError::NoNodes("x".into())), Exit::Usage),
            (Failure::from(ScheduleError::OffsetWithoutCron), Exit::Usage),
            (Failure::from(Forbidden::Aws("ssm.amazonaws.com".into())), Exit::Usage),
            (Failure::from(DirectoryError::Busy { path: "runs/x".into() }), Exit::Usage),
            (Failure::Runtime(io::Error::other("none left")), Exit::Failed),
        ];
        for (failure, expected) in cases {
            assert_eq!(failure.exit(), expected, "{failure}");
        }
    }
}
