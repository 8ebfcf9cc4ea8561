//! What can be asked of a run in numbers, by name and label.
//!
//! One list says what there is: each metric's name, what may be asked of it, the
//! labels that narrow it down, and what it means. Thresholds and conditions are
//! read against it ([`selection`], [`bound`]), `measure::live` answers them, and
//! the reference in docs/metrics.md is written from it.
//!
//! Invariant: what this list does not offer cannot be written, so no threshold
//! passes because its name was misspelled.

pub mod bound;
pub mod selection;

use agent::call;
use shared::error::ErrorCode;
use shared::status::AssociationStatus;

/// A number that a run can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is explained in the list, for users")]
pub enum Metric {
    Calls,
    Errors,
    HerdFactor,
    Held,
    Hibernating,
    Lateness,
    Latency,
    LostReports,
    MissedHeartbeats,
    Missing,
    Online,
    Reboots,
    Retries,
    Runs,
    Starting,
    TimeToStart,
    TimeToSuccess,
}

/// What kind of number it is, and with that what may be asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Many durations: `avg`, `min`, `med`, `max`, `p(N)`, `count`.
    Durations,
    /// How often something happened: `count`, and `rate` in these units.
    Counter(&'static [Rate]),
    /// How many there are at a time: `value` (now; at the end, of a threshold),
    /// and over the whole seconds so far `avg`, `min`, `max`.
    Gauge,
    /// One number of the whole run so far: `value`, or `max`, which is the same.
    Factor,
}

/// What the rate of a counter may be counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// What it is a share of: `rate < 0.1%`.
    Share(&'static str),
    /// Simulated time: `rate < 5/s`.
    PerSecond,
}

/// What narrows a metric down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is its own name")]
pub enum Label {
    Association,
    Code,
    Cohort,
    Operation,
    Status,
}

/// When a metric can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// While the run goes on, and at its end.
    Always,
    /// At the end, when the plane is asked what it knows.
    AtEnd,
}

/// A metric, as the list has it.
#[derive(Debug)]
pub struct Description {
    /// Which.
    pub metric: Metric,
    /// How it is written.
    pub name: &'static str,
    /// What may be asked of it.
    pub kind: Kind,
    /// What narrows it down.
    pub labels: &'static [Label],
    /// When it can be asked for.
    pub known: Known,
    /// What it means, for users.
    pub meaning: &'static str,
}

const OF_CALLS: &[Rate] = &[Rate::Share("these calls"), Rate::PerSecond];

/// All metrics, by name.
pub const METRICS: [Description; 17] = [
    counter(
        Metric::Calls,
        "calls",
        &[Rate::PerSecond],
        &[Label::Operation],
        "calls of nodes that came to their end, retries included",
    ),
    counter(
        Metric::Errors,
        "errors",
        OF_CALLS,
        &[Label::Code, Label::Operation],
        "calls of nodes that did not end well; `code` is the refusal's name, `NoReply` where nothing came back, \
         `Unreadable` where it could not be read",
    ),
    counter(
        Metric::Held,
        "held",
        &[],
        &[],
        "calls that waited for a connection because all were taken: the generator's fault, not the plane's; none \
         in virtual time",
    ),
    Description {
        kind: Kind::Factor,
        ..gauge(
            Metric::HerdFactor,
            "herd_factor",
            &[Label::Operation],
            "calls that nodes made in the busiest simulated second, over those of a mean second of the run",
        )
    },
    gauge(
        Metric::Hibernating,
        "hibernating",
        &[Label::Cohort],
        "nodes that were refused at their start and sleep",
    ),
    durations(
        Metric::Latency,
        "latency",
        &[Label::Operation],
        "from the instant at which a call was meant to be made to its answer, in wall time; in virtual time as \
         the scenario's `latency_model` says, and none without one; without an operation GetMessages is left out, \
         which the plane holds on purpose",
    ),
    durations(
        Metric::Lateness,
        "lateness",
        &[],
        "how late what was due was served, in wall time: the generator's health; none in virtual time",
    ),
    counter(
        Metric::LostReports,
        "lost_reports",
        &[],
        &[],
        "reports of nodes on their runs that were lost for good, retries included",
    ),
    counter(
        Metric::MissedHeartbeats,
        "missed_heartbeats",
        &[Rate::Share("all heartbeats that were due")],
        &[],
        "heartbeats of nodes at work that the plane did not take, retries included, or whose turn fell out; a \
         node that is down or asleep has none",
    ),
    Description {
        known: Known::AtEnd,
        ..counter(
            Metric::Missing,
            "missing",
            &[Rate::Share("the nodes of all rounds")],
            &[Label::Association],
            "nodes that a round was meant for, as the plane lists them, and that did not come to its end",
        )
    },
    gauge(Metric::Online, "online", &[Label::Cohort], "nodes at work"),
    counter(Metric::Reboots, "reboots", &[], &[], "reboots that a step asked for"),
    counter(
        Metric::Retries,
        "retries",
        OF_CALLS,
        &[Label::Operation],
        "calls of nodes that were tries after the first",
    ),
    counter(
        Metric::Runs,
        "runs",
        &[Rate::Share("the runs of these associations, whatever their status")],
        &[Label::Association, Label::Status],
        "runs of associations that ended on their nodes",
    ),
    gauge(
        Metric::Starting,
        "starting",
        &[Label::Cohort],
        "nodes that have not arrived yet, or wait for their start probe",
    ),
    durations(
        Metric::TimeToStart,
        "time_to_start",
        &[Label::Association],
        "from a round's dispatch to the start of the run on a node; at the end, a node of a finished round that \
         never ran counts as `never`",
    ),
    durations(
        Metric::TimeToSuccess,
        "time_to_success",
        &[Label::Association],
        "from a round's dispatch to the end of a node's run in Success; at the end, a node of a finished round \
         that did not succeed counts as `never`",
    ),
];

const fn counter(
    metric: Metric,
    name: &'static str,
    rates: &'static [Rate],
    labels: &'static [Label],
    meaning: &'static str,
) -> Description {
    Description { metric, name, kind: Kind::Counter(rates), labels, known: Known::Always, meaning }
}

const fn gauge(
    metric: Metric,
    name: &'static str,
    labels: &'static [Label],
    meaning: &'static str,
) -> Description {
    Description { metric, name, kind: Kind::Gauge, labels, known: Known::Always, meaning }
}

const fn durations(
    metric: Metric,
    name: &'static str,
    labels: &'static [Label],
    meaning: &'static str,
) -> Description {
    Description { metric, name, kind: Kind::Durations, labels, known: Known::Always, meaning }
}

impl Metric {
    /// What the list says of it.
    pub fn description(self) -> &'static Description {
        METRICS.iter().find(|known| known.metric == self).expect("every metric is in the list")
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        self.description().name
    }
}

impl Label {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Association => "association",
            Self::Code => "code",
            Self::Cohort => "cohort",
            Self::Operation => "operation",
            Self::Status => "status",
        }
    }

    /// The values that it may have, where they do not depend on the scenario.
    pub fn values(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Association | Self::Cohort => None,
            Self::Code => Some([ErrorCode::NAMES, &[NO_REPLY, UNREADABLE]].concat()),
            Self::Operation => Some(call::OPERATIONS.to_vec()),
            Self::Status => Some(AssociationStatus::ALL.iter().map(|status| status.as_str()).collect()),
        }
    }
}

/// The `code` of calls that brought nothing back.
pub const NO_REPLY: &str = "NoReply";
/// The `code` of calls that brought back what cannot be read.
pub const UNREADABLE: &str = "Unreadable";

impl Kind {
    /// What may be asked of it, as the reference says it.
    pub fn aggregates(self) -> String {
        match self {
            Self::Durations => "`avg`, `min`, `med`, `max`, `p(N)`: a duration; `count`".to_owned(),
            Self::Gauge => "`value`, `avg`, `min`, `max`".to_owned(),
            Self::Factor => "`value`, `max`".to_owned(),
            Self::Counter(rates) => {
                let rates = rates.iter().map(|rate| match rate {
                    Rate::Share(of) => format!("; `rate`: a share of {of}"),
                    Rate::PerSecond => "; `rate`: a number per simulated second, such as `5/s`".to_owned(),
                });
                format!("`count`{}", rates.collect::<String>())
            }
        }
    }
}

/// The reference of all metrics, as docs/metrics.md has it.
pub fn markdown() -> String {
    let mut text = String::from("| metric | labels | what may be asked | what it is |\n|---|---|---|---|\n");
    for Description { name, kind, labels, known, meaning, .. } in &METRICS {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{}`", label.as_str())).collect();
        let late = match known {
            Known::Always => "",
            Known::AtEnd => " (known at the end only: not for `abort` or `when`)",
        };
        let aggregates = kind.aggregates();
        text.push_str(&format!("| `{name}` | {} | {aggregates} | {meaning}{late} |\n", labels.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_the_reference_is_the_list() {
        let names: Vec<&str> = METRICS.iter().map(|known| known.name).collect();
        assert!(names.is_sorted(), "so that users find one: {names:?}");
        for known in &METRICS {
            assert_eq!(known.metric.as_str(), known.name);
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written.contains(&markdown()), "docs/metrics.md should hold this table:\n{}", markdown());
    }
}
