//! What a run came to, as `result.json` has it.
//!
//! [`RunResult`] holds every fact that a report shows, and nothing that a report
//! would have to reckon: [`RunResult::new`] (in `gather`) counts, `round` tells
//! which run belongs to which dispatch and whether nodes and plane agree, `judge`
//! what came of thresholds.
//! `report` puts it into words.
//!
//! Invariant: wall time, spending and addresses stand in [`RunResult::spent`]
//! alone, so that two virtual runs of one seed are equal without it. All maps
//! are in the order of their keys, and sums are of integers.

pub mod fault;
mod gather;
mod herd;
mod judge;
mod round;
pub mod timeline;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use shared::id::AssociationId;
use shared::time::{Period, Timestamp};

use crate::connections::Connections;
use crate::history::Digest;
use crate::history::mode::HistoryMode;
pub use crate::result::fault::FaultResult;
pub use crate::result::herd::{Herd, Peak};
pub use crate::result::round::Round;
pub use crate::result::timeline::{Difference, EntryResult};
use crate::simulation::{Ending, Pace};
use crate::survey::{Compliance, Listed};
use crate::threshold::Outcome;

/// The version of the form of `result.json`.
pub const VERSION: u32 = 1;

/// What [`RunResult::plane`] calls a plane that is not of this process.
pub const FOREIGN_PLANE: &str = "plane";

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct RunResult {
    /// The version of this form, [`VERSION`].
    pub version: u32,
    /// What wrote it.
    pub program: Program,
    /// The scenario's name.
    pub scenario: String,
    /// What else is to be known of it, as the scenario says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Which part of the fleet this was, if not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice: Option<String>,
    /// The number that the run followed from.
    pub seed: u64,
    /// How simulated time passed.
    #[serde(with = "PaceForm")]
    pub pace: Pace,
    /// What kind of plane answered, without its address.
    pub plane: String,
    /// How it ended.
    #[serde(with = "EndingForm")]
    pub ending: Ending,
    /// The simulated instant at which it began, ISO 8601 in UTC.
    #[serde(serialize_with = "instant")]
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// The simulated instant at which it ended, ISO 8601 in UTC.
    #[serde(serialize_with = "instant")]
    #[schemars(with = "String")]
    pub ended: Timestamp,
    /// How the nodes stood at the end.
    pub nodes: Nodes,
    /// The two failures that have a name.
    pub failures: Failures,
    /// What came of each association that was made, in the order of the plan.
    pub associations: Vec<AssociationResult>,
    /// The planned associations that were neither made nor refused.
    pub not_made: Vec<String>,
    /// The associations that were refused, or should have been.
    pub refusals: Vec<Refusal>,
    /// What came of the timeline, in the order in which it is written.
    pub timeline: Vec<EntryResult>,
    /// What came of each threshold, in the order of the scenario.
    pub thresholds: Vec<Outcome>,
    /// How the nodes' calls were spread over simulated time.
    pub herd: Herd,
    /// The nodes' calls that came to their end, by operation.
    pub calls: BTreeMap<String, Calls>,
    /// How long calls took from their intended instant, by operation, where the
    /// scenario's `latency_model` says it; nothing in real time, where it is measured.
    pub modelled_latency: BTreeMap<String, Quantiles>,
    /// The compliance of associations, as the plane counts it; `None` if it did not say.
    pub compliance: Option<Compliance>,
    /// What else the operator did.
    pub operator: OperatorWork,
    /// What else the nodes did.
    pub agents: Agents,
    /// What went wrong for a while with nodes, network and plane, in the order in which
    /// it began.
    pub faults: Vec<FaultResult>,
    /// All calls in their order; only virtual time has one order.
    pub history: Option<Digest>,
    /// What of the run `history.jsonl.zst` has, and who chose that.
    pub recorded: Recorded,
    /// Wall time, spending and addresses: what differs from run to run.
    pub spent: Spent,
}

/// What of a run is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Recorded {
    /// What is written.
    pub mode: HistoryMode,
    /// Whether nobody chose it: so it is by the estimate.
    pub is_default: bool,
    /// How many entries all of it would be, by the plan.
    pub estimate: u64,
    /// How many there are.
    pub entries: u64,
}

/// What wrote a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

pub(crate) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How the nodes stood at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Nodes {
    /// How many there are.
    pub total: u64,
    /// How many worked.
    pub online: u64,
    /// How many were refused at their start probe and slept.
    pub hibernating: u64,
    /// How many had not arrived yet, or waited for their start probe.
    pub starting: u64,
    /// How many ended for good while the run went on; others took their places.
    #[serde(skip_serializing_if = "is_zero")]
    pub replaced: u64,
    /// The same by cohort, in the order of the plan.
    pub cohorts: Vec<Cohort>,
    /// Those that the plane lists; `None` if it did not say. A plane may know more than this fleet.
    pub listed: Option<Listed>,
}

/// How the nodes of a cohort stood at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Cohort {
    /// The cohort's name.
    pub name: String,
    /// The platform's short name. Nodes struck by `unsupported-platform` run another one.
    pub platform: String,
    /// How many there are.
    pub nodes: u64,
    /// How many worked.
    pub online: u64,
    /// How many were refused at their start probe and slept.
    pub hibernating: u64,
}

/// The two failures that have a name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Failures {
    /// Nodes that called under an id which the plane does not accept.
    pub invalid_instance: InvalidInstance,
    /// Nodes that were told to run what their platform cannot run.
    pub unsupported_platform: UnsupportedPlatform,
}

/// Nodes that called under an id which the plane does not accept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct InvalidInstance {
    /// How many hibernated for it at the end.
    pub nodes: u64,
    /// How many were no valid instances, for as long as they lived or for a while, by the cause.
    pub causes: BTreeMap<String, u64>,
    /// How often `InvalidInstanceId` was the answer, by operation.
    pub refusals: BTreeMap<String, u64>,
}

/// Nodes that were told to run what their platform cannot run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct UnsupportedPlatform {
    /// How many met a document of which their platform can run no step.
    pub nodes: u64,
    /// How many fell asleep because the service does not know their platform.
    pub unknown: u64,
    /// How such runs ended, by final status. The real agent reports Success
    /// where every step was skipped (schema 2.2), and Failed before that.
    pub runs: BTreeMap<String, u64>,
}

/// What came of an association.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct AssociationResult {
    /// Its name in the plan.
    pub name: String,
    /// What it was aimed at, for people.
    pub aim: String,
    /// Its id.
    pub id: AssociationId,
    /// How many rounds the run waited for.
    pub rounds_expected: u32,
    /// Its rounds, oldest first.
    pub rounds: Vec<Round>,
}

/// An association that was refused, or should have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Refusal {
    /// Its name in the plan.
    pub name: String,
    /// What it was aimed at, for people.
    pub aim: String,
    /// The name of the refusal that the plan expected, if it expected one.
    pub expected: Option<String>,
    /// The name of the refusal that came, if one came.
    pub seen: Option<String>,
    /// Its reason, in the plane's words.
    pub message: Option<String>,
    /// Whether these are the same.
    pub is_as_expected: bool,
}

/// The calls of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Calls {
    /// How many came to their end, retries included.
    pub count: u64,
    /// How many of them were retries.
    pub retries: u64,
    /// How many the plane refused, by name.
    pub refused: BTreeMap<String, u64>,
    /// How many brought nothing back.
    pub unknown: u64,
    /// How many brought back what cannot be read.
    pub unreadable: u64,
    /// How that looked, up to 16 looks: `HTTP 404 with an empty body`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub looks: BTreeMap<String, u64>,
}

/// What the operator did beside making associations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct OperatorWork {
    /// How many nodes it tagged.
    pub tagged: u64,
    /// How many of its calls failed in passing and were made again.
    pub made_again: u64,
    /// What went wrong, in words; each thing once.
    pub troubles: Vec<String>,
}

/// What the nodes did beside their calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Agents {
    /// How many runs began.
    pub runs_started: u64,
    /// How often a node came online.
    pub came_online: u64,
    /// How often a node fell asleep at its start.
    pub fell_asleep: u64,
    /// How often a step had its node rebooted.
    pub reboots: u64,
    /// How many runs their agent gave up unreported, after too many reboots.
    pub runs_given_up: u64,
    /// How often a run gathered inventory.
    pub inventories_gathered: u64,
    /// How many reports were lost for good, retries included.
    pub lost_reports: u64,
    /// How many answers came to calls that were over.
    pub late_answers: u64,
    /// How often an agent's worker process died, by what of the plane's it died of.
    pub workers_died: BTreeMap<String, u64>,
    /// How often a lane was busy when it was due, by lane.
    pub started_late: BTreeMap<String, u64>,
    /// How many turns fell out because a lane was busy, by lane.
    pub skipped: BTreeMap<String, u64>,
}

/// Wall time, spending and addresses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, schemars::JsonSchema)]
pub struct Spent {
    /// Who answered, with the address.
    pub plane: String,
    /// Wall time, in seconds.
    pub wall_seconds: f64,
    /// Processor time of this process, an embedded plane included, in seconds.
    pub cpu_seconds: f64,
    /// The most memory that was resident, in bytes.
    pub memory_bytes: u64,
    /// How long calls took from their intended instant, by operation; nothing in virtual time.
    pub latency: BTreeMap<String, Quantiles>,
    /// How the load was generated; `None` in virtual time.
    pub generator: Option<Generator>,
    /// What writing the history cost; `None` where nothing was written.
    pub history: Option<HistoryCost>,
}

/// What writing the history cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub struct HistoryCost {
    /// How many bytes the file has.
    pub bytes: u64,
    /// How often the run waited for the thread that writes.
    pub waits: u64,
    /// For how long, in seconds.
    pub waited_seconds: f64,
}

/// How well the load was generated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Generator {
    /// Whether the latencies are the plane's alone: see [`Generator::keeps_up`].
    pub kept_up: bool,
    /// How late what was due was served.
    pub lateness: Quantiles,
    /// Whose connections calls took.
    pub connections: Connections,
    /// How many calls had to wait for a connection.
    pub held_calls: u64,
    /// The longest such wait, in microseconds.
    pub longest_held_microseconds: u64,
    /// Connections opened over the run.
    pub connections_opened: u64,
    /// The most connections at once.
    pub connections_at_most: u64,
    /// Connections that were found closed when a call wanted them.
    pub connections_replaced: u64,
}

/// A distribution of durations, in microseconds: of wall time where they are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Quantiles {
    /// Half took no longer.
    pub p50_microseconds: u64,
    /// 99 of 100 took no longer.
    pub p99_microseconds: u64,
    /// None took longer.
    pub max_microseconds: u64,
}

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl RunResult {
    /// The text of `result.json`: indented, with a line's end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("the keys of all maps are texts");
        text.push('\n');
        text
    }

    /// Whether the plane was somebody else's: then it keeps the wall's time.
    pub fn is_plane_foreign(&self) -> bool {
        self.plane == FOREIGN_PLANE
    }

    /// Whether the run waited for rounds that were not over, or for associations
    /// that were not made.
    pub fn has_open_rounds(&self) -> bool {
        let is_open = |association: &AssociationResult| {
            association.rounds_over() < association.rounds_expected as usize
        };
        !self.not_made.is_empty() || self.associations.iter().any(is_open)
    }

    /// Over what simulated time it ran.
    pub fn duration(&self) -> Period {
        self.ended.since(self.started)
    }
}

impl AssociationResult {
    /// How many of its rounds nothing more is to come of.
    pub fn rounds_over(&self) -> usize {
        self.rounds.iter().filter(|round| round.is_over()).count()
    }
}

impl Calls {
    /// How many did not end well.
    pub fn errors(&self) -> u64 {
        self.refused.values().sum::<u64>() + self.unknown + self.unreadable
    }
}

impl Generator {
    /// Starts this late, in microseconds of wall time, are not seen in a latency
    /// of any weight, and are what a busy machine's timers do.
    const LATE: u64 = 100_000;

    /// A node that is later than this in simulated microseconds is not where the
    /// real one would be: its polls are spread over no more than 30 s.
    const LATE_SIMULATED: f64 = 15_000_000.0;

    /// Whether no call waited for a connection, and 99 of 100 starts were in time,
    /// on the wall's clock and on the nodes': only then a latency says something
    /// of the plane alone.
    pub fn keeps_up(&self, pace: Pace) -> bool {
        let late = self.lateness.p99_microseconds;
        let scale = if let Pace::Scaled(scale) = pace { scale } else { 1.0 };
        self.held_calls == 0 && late <= Self::LATE && late as f64 * scale <= Self::LATE_SIMULATED
    }
}

/// Writes a file so that it is there whole or not at all: beside it first, then
/// under its name.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let failed = |source| WriteError { path: path.to_owned(), source };
    let Some(name) = path.file_name() else {
        return Err(failed(io::Error::from(io::ErrorKind::InvalidFilename)));
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|source| {
        // What is left of it helps nobody; that it could not be removed either is no news.
        let _ = std::fs::remove_file(&beside);
        failed(source)
    })
}

/// An instant as ISO 8601 has it, in UTC.
pub fn iso(instant: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(instant.milliseconds()) {
        Ok(instant) => instant.to_string(),
        // Beyond the year 9999, where no run ends.
        Err(_) => "never".to_owned(),
    }
}

fn instant<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso(*instant))
}

#[derive(Serialize, schemars::JsonSchema)]
#[serde(remote = "Pace", rename_all = "kebab-case")]
enum PaceForm {
    Scaled(f64),
    Virtual,
}

#[derive(Serialize, schemars::JsonSchema)]
#[serde(remote = "Ending", rename_all = "kebab-case")]
enum EndingForm {
    Complete,
    OutOfTime,
    Aborted,
    CutShort,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_an_error_names_it() {
        let directory = std::env::temp_dir().join(format!("ssm-fleet-result-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("result.json");
        for text in ["the first, longer one", "second"] {
            write_atomically(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");
        let error = write_atomically(&directory.join("no/such/result.json"), b"").unwrap_err();
        assert!(error.to_string().ends_with("no/such/result.json"), "{error}");
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_generator_keeps_up_while_starts_are_prompt_and_no_call_is_held() {
        let cases = [
            (0, 0, 60.0, true),
            (0, 100_000, 60.0, true),
            (0, 100_001, 60.0, false),
            (1, 0, 60.0, false),
            // 50 ms are 50 simulated seconds: later than a poll is spread.
            (0, 50_000, 1000.0, false),
        ];
        for (held_calls, p99_microseconds, scale, expected) in cases {
            let lateness = Quantiles { p99_microseconds, ..Quantiles::default() };
            let generator = Generator { held_calls, lateness, ..Generator::default() };
            assert_eq!(
                generator.keeps_up(Pace::Scaled(scale)),
                expected,
                "{held_calls} held, {p99_microseconds}"
            );
        }
    }

    #[test]
    fn instants_are_written_in_utc() {
        assert_eq!(iso(Timestamp::from_milliseconds(1_795_428_000_250)), "2026-11-23T10:00:00.25Z");
    }
}
