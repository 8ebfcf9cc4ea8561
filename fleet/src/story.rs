//! One node's story, read from a run's history.
//!
//! [`find`] tells which node is meant, [`tell`] puts what its lines say into
//! sentences, `cli::why` prints them. A story is as full as the history that it
//! comes from: of one with `failures` alone, failures are told.

pub mod find;
pub mod tell;
mod words;

use std::path::Path;

use serde::Serialize;

use self::find::{Census, FindError, Found, NodeName};
use self::tell::{Chapter, Teller};
use crate::history::line::{Header, Line};
use crate::history::mode::HistoryMode;
use crate::history::read::{ReadError, Reading, Tail};

/// One node's story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Story {
    /// The scenario's name.
    pub scenario: String,
    /// The number that the run followed from.
    pub seed: u64,
    /// When the run began, ISO 8601 in UTC.
    pub started: String,
    /// The node's id; the last one, if it had several.
    pub node: Option<String>,
    /// Its number in the fleet.
    pub number: u32,
    /// Its cohort.
    pub cohort: String,
    /// Its number in the cohort.
    pub index: u32,
    /// Its cohort's platform.
    pub platform: String,
    /// What is wrong with it for life.
    pub faults: Vec<String>,
    /// What of the run was written.
    pub history: HistoryMode,
    /// Why the history is not whole, if it is not.
    pub incomplete: Option<String>,
    /// What happened, in order.
    pub story: Vec<Chapter>,
}

/// Why there is no story.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// The history cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No such node.
    #[error(transparent)]
    Find(#[from] FindError),
}

/// The story of this node in the history in this file.
pub fn story(path: &Path, name: &NodeName) -> Result<Story, StoryError> {
    let found = find(path, name)?;
    let Reading { header, .. } = Reading::open(path)?;
    let mut teller = Teller::new(&header, found.number);
    let own = format!("\"number\":{},", found.number);
    let tail = Reading::open(path)?.scan(|text| {
        // Of millions of lines few are parsed: the node's, the operator's, and acts.
        if (text.contains(&own) || text.contains(r#""by":"operator""#) || text.contains(r#""kind":"act""#))
            && let Ok(line) = serde_json::from_str::<Line<'_>>(text)
        {
            teller.hear(&line);
        }
    });
    Ok(gather(&header, found, teller, tail))
}

fn find(path: &Path, name: &NodeName) -> Result<Found, StoryError> {
    let reading = Reading::open(path)?;
    let header = reading.header.clone();
    let mut census = Census::new(&header);
    if matches!(name, NodeName::Id(_)) {
        reading.scan(|text| census.see(text));
    }
    Ok(census.find(name)?)
}

fn gather(header: &Header, found: Found, teller: Teller, tail: Tail) -> Story {
    let Found { number, cohort, index } = found;
    let told = teller.finish();
    let incomplete = match tail {
        Tail::Whole => None,
        Tail::Open => Some("the run was killed, or goes on: the history has no end yet".to_owned()),
        Tail::Torn(reason) => Some(format!("the history breaks off, what follows is lost: {reason}")),
    };
    Story {
        scenario: header.scenario.clone(),
        seed: header.seed,
        started: header.started.to_string(),
        node: told.id,
        number,
        cohort: header.cohorts[cohort].name.clone(),
        index,
        platform: header.cohorts[cohort].platform.clone(),
        faults: told.faults,
        history: header.history.mode,
        incomplete,
        story: told.chapters,
    }
}
