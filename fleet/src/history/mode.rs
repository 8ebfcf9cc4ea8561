//! How much of a run is written down, and who chose that.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::record::{Event, Heard, Record};

/// More entries than this are written only where somebody asks for them.
pub const MOST_BY_DEFAULT: u64 = 10_000_000;

/// What of a run is written to `history.jsonl.zst`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryMode {
    /// Every call as it is made and as it ends, and every decision of a node
    All,
    /// Ends of calls, without heartbeats, polls, renewals and reads that went well
    Changes,
    /// Ends of calls that did not go well or were tried again, and what failed
    Failures,
    /// Nothing
    Off,
}

/// What is written of a run, and why that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is written.
    pub mode: HistoryMode,
    /// How many entries all of it would be, by the plan.
    pub estimate: u64,
    /// Whether nobody said what is to be written.
    pub is_default: bool,
}

impl Choice {
    /// What was asked for; else everything, unless that is too much.
    pub fn of(asked: Option<HistoryMode>, estimate: u64) -> Self {
        let usual = if estimate <= MOST_BY_DEFAULT { HistoryMode::All } else { HistoryMode::Changes };
        Self { mode: asked.unwrap_or(usual), estimate, is_default: asked.is_none() }
    }
}

impl HistoryMode {
    /// The word for it in a scenario.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Changes => "changes",
            Self::Failures => "failures",
            Self::Off => "off",
        }
    }

    /// Whether this is written.
    pub fn keeps(self, record: &Record) -> bool {
        match self {
            Self::All => true,
            Self::Changes => is_change(&record.event),
            Self::Failures => is_failure(&record.event),
            Self::Off => false,
        }
    }
}

/// What goes well again and again and changes nothing that anybody could see.
const ROUTINE: [&str; 6] = [
    "UpdateInstanceInformation",
    "ListInstanceAssociations",
    "ListAssociations",
    "RequestManagedInstanceRoleToken",
    "GetMessages",
    "GetDocument",
];

fn is_change(event: &Event) -> bool {
    match event {
        Event::Invoke(_) => false,
        Event::End { call, heard: Heard::Ok(told), .. } => {
            let is_read = ROUTINE.contains(&call.operation)
                || ["Describe", "List", "Get"].iter().any(|verb| call.operation.starts_with(verb));
            !is_read || call.attempt > 0 || told.messages > 0
        }
        Event::End { .. } | Event::Note(_) | Event::Act(_) => true,
    }
}

fn is_failure(event: &Event) -> bool {
    match event {
        Event::Invoke(_) => false,
        Event::End { call, heard, .. } => !matches!(heard, Heard::Ok(_)) || call.attempt > 0,
        Event::Note(note) => super::record::is_bad(note),
        Event::Act(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_written_unless_it_is_too_much_or_somebody_says_so() {
        let cases = [
            (None, 10_000_000, HistoryMode::All, true),
            (None, 10_000_001, HistoryMode::Changes, true),
            (Some(HistoryMode::All), 10_000_001, HistoryMode::All, false),
            (Some(HistoryMode::Off), 5, HistoryMode::Off, false),
        ];
        for (asked, estimate, mode, is_default) in cases {
            assert_eq!(Choice::of(asked, estimate), Choice { mode, estimate, is_default });
        }
    }
}
