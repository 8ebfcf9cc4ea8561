//! Which node is meant: by its id, its number, or its place in a cohort.

use std::collections::BTreeMap;
use std::str::FromStr;

use agent::identity::node_id;
use shared::seed::Seed;

use crate::history::line::{Header, Line};
use crate::report::words::{count, counted};

/// How somebody names a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeName {
    /// By its id.
    Id(String),
    /// By its number in the fleet.
    Number(u32),
    /// By its cohort and its number there.
    Place(String, u32),
}

/// A text that names no node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no node: expected an id such as i-0123456789abcdef0, a number such as 17, or a cohort and \
     a number there such as web/17"
)]
pub struct InvalidName(String);

impl FromStr for NodeName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidName(text.chars().take(64).collect());
        if let Some((cohort, index)) = text.rsplit_once('/') {
            return Ok(Self::Place(cohort.to_owned(), index.parse().map_err(|_| wrong())?));
        }
        if text.starts_with("i-") || text.starts_with("mi-") {
            return Ok(Self::Id(text.to_owned()));
        }
        text.parse().map(Self::Number).map_err(|_| wrong())
    }
}

/// The node that is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its number in the fleet.
    pub number: u32,
    /// Its cohort's place among the cohorts.
    pub cohort: usize,
    /// Its number in the cohort.
    pub index: u32,
}

/// No node is meant that there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// The number is too large.
    #[error("node {number} is not of this run: its {} count from 0", counted(u64::from(*nodes), "node"))]
    Number {
        /// What was asked for.
        number: u32,
        /// How many there are.
        nodes: u32,
    },
    /// There is no such cohort.
    #[error("this run has no cohort `{cohort}`: it has {cohorts}")]
    Cohort {
        /// What was asked for.
        cohort: String,
        /// Those that there are.
        cohorts: String,
    },
    /// The cohort is smaller.
    #[error("{cohort}/{index} is not of this run: the {} of {cohort} count from 0", counted(u64::from(*nodes), "node"))]
    Index {
        /// The cohort.
        cohort: String,
        /// What was asked for.
        index: u32,
        /// How many there are.
        nodes: u32,
    },
    /// No node has this id.
    #[error("no node of this run has the id {id}: the nearest of {} is {nearest}, node {number}", count(*nodes))]
    Id {
        /// What was asked for.
        id: String,
        /// The nearest that there is.
        nearest: String,
        /// Its number.
        number: u32,
        /// How many ids there are.
        nodes: u64,
    },
}

/// The nodes of a run, as its history knows them.
#[derive(Debug)]
pub struct Census<'a> {
    header: &'a Header,
    seen: BTreeMap<String, u32>,
}

impl<'a> Census<'a> {
    /// The nodes of the run with this first line.
    pub fn new(header: &'a Header) -> Self {
        Self { header, seen: BTreeMap::new() }
    }

    /// Takes the id in a line in.
    pub fn see(&mut self, text: &str) {
        // Without parsing: each of millions of lines is looked at.
        let Some(id) = text.split_once(r#""node":""#).and_then(|(_, rest)| rest.split('"').next()) else {
            return;
        };
        if !self.seen.contains_key(id)
            && let Ok(Line { number: Some(number), .. }) = serde_json::from_str(text)
        {
            self.seen.insert(id.to_owned(), number);
        }
    }

    /// The node that is meant.
    pub fn find(mut self, name: &NodeName) -> Result<Found, FindError> {
        match name {
            NodeName::Number(number) => {
                let nodes = self.nodes();
                self.place(*number).ok_or(FindError::Number { number: *number, nodes })
            }
            NodeName::Place(cohort, index) => self.in_cohort(cohort, *index),
            NodeName::Id(id) => {
                if !self.seen.contains_key(id) {
                    self.add_unseen();
                }
                match self.seen.get(id) {
                    Some(&number) => Ok(self.place(number).expect("the history tells of its nodes alone")),
                    None => Err(self.unknown(id)),
                }
            }
        }
    }

    fn nodes(&self) -> u32 {
        self.header.cohorts.iter().map(|cohort| cohort.nodes).sum()
    }

    fn place(&self, number: u32) -> Option<Found> {
        let mut index = number;
        for (cohort, written) in self.header.cohorts.iter().enumerate() {
            if index < written.nodes {
                return Some(Found { number, cohort, index });
            }
            index -= written.nodes;
        }
        None
    }

    fn in_cohort(&self, name: &str, index: u32) -> Result<Found, FindError> {
        let mut first = 0;
        for (cohort, written) in self.header.cohorts.iter().enumerate() {
            if written.name != name {
                first += written.nodes;
                continue;
            }
            if index >= written.nodes {
                return Err(FindError::Index { cohort: name.to_owned(), index, nodes: written.nodes });
            }
            return Ok(Found { number: first + index, cohort, index });
        }
        let cohorts: Vec<&str> = self.header.cohorts.iter().map(|cohort| cohort.name.as_str()).collect();
        Err(FindError::Cohort { cohort: name.to_owned(), cohorts: cohorts.join(", ") })
    }

    /// Nodes of which no line tells have the id that they were made with.
    fn add_unseen(&mut self) {
        let told: std::collections::BTreeSet<u32> = self.seen.values().copied().collect();
        let mut number = 0;
        for cohort in &self.header.cohorts {
            for index in 0..cohort.nodes {
                if !told.contains(&number) {
                    let draw = Seed(self.header.seed).draw(&cohort.name, u64::from(index)).part(0);
                    self.seen.insert(node_id(draw, None).to_string(), number);
                }
                number += 1;
            }
        }
    }

    fn unknown(&self, id: &str) -> FindError {
        let (nearest, number) =
            self.seen.iter().min_by_key(|(there, _)| distance(there, id)).expect("a run has a node");
        FindError::Id {
            id: id.to_owned(),
            nearest: nearest.clone(),
            number: *number,
            nodes: self.seen.len() as u64,
        }
    }
}

/// How many characters differ, place by place: ids are mistyped or cut short.
fn distance(one: &str, other: &str) -> usize {
    let differing = one.bytes().zip(other.bytes()).filter(|(one, other)| one != other).count();
    differing + one.len().abs_diff(other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let text = r#"{"kind":"run","version":1,"program":"ssm-fleet 0.1.0","scenario":"x","seed":1,
            "started":"2025-01-01T00:00:00.000Z","history":{"mode":"all","estimate":9,"is_default":true},
            "cohorts":[{"name":"web","nodes":5,"platform":"debian-12"},{"name":"db","nodes":3,"platform":"debian-12"}]}"#;
        serde_json::from_str(text).expect("it is a header")
    }

    fn find(name: &str) -> Result<Found, String> {
        let header = header();
        let mut census = Census::new(&header);
        census.see(r#"{"at":"2025-01-01T00:00:00.000Z","kind":"note","node":"mi-0123456789abcdef0","number":6,"note":"online"}"#);
        let name: NodeName = name.parse().map_err(|error: InvalidName| error.to_string())?;
        census.find(&name).map_err(|error| error.to_string())
    }

    #[test]
    fn a_node_is_found_by_each_of_its_names() {
        let sixth = Found { number: 6, cohort: 1, index: 1 };
        for name in ["6", "db/1", "mi-0123456789abcdef0"] {
            assert_eq!(find(name), Ok(sixth), "{name}");
        }
        // One of which no line tells.
        let id = node_id(Seed(1).draw("web", 4).part(0), None).to_string();
        assert_eq!(find(&id), Ok(Found { number: 4, cohort: 0, index: 4 }));
    }

    #[test]
    fn a_name_that_nobody_has_is_answered_with_what_there_is() {
        let cases = [
            ("8", "node 8 is not of this run: its 8 nodes count from 0"),
            ("db/3", "db/3 is not of this run: the 3 nodes of db count from 0"),
            ("cache/0", "this run has no cohort `cache`: it has web, db"),
            (
                "mi-0123456789abcdef",
                "no node of this run has the id mi-0123456789abcdef: the nearest of 8 is mi-0123456789abcdef0, node 6",
            ),
        ];
        for (name, expected) in cases {
            assert_eq!(find(name).unwrap_err(), expected);
        }
        assert!(find("web").unwrap_err().starts_with("`web` names no node: expected an id"));
        assert!(find("web/x").is_err());
    }
}
