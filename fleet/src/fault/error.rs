//! Why a fault cannot be what was written, in words for who wrote it.

use agent::call::OPERATIONS;
use agent::catalogue::PLATFORMS;
use plane::fault::InvalidFault;

/// Why a fault cannot be what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is no such cohort.
    #[error("no cohort `{name}`; there are {cohorts}")]
    UnknownCohort {
        /// The name that was written.
        name: String,
        /// The names there are.
        cohorts: String,
    },
    /// There is no such platform.
    #[error("no platform `{0}`; there are linux, windows, macos, {platforms}", platforms = platform_names())]
    UnknownPlatform(String),
    /// There is no such operation.
    #[error("no node calls an operation `{0}`; there are {operations}", operations = OPERATIONS.join(", "))]
    UnknownOperation(String),
    /// There is no such node.
    #[error(
        "no node {name}; the {nodes} nodes count from 0, and hybrid ones have no id before they register"
    )]
    UnknownNode {
        /// What was written.
        name: String,
        /// How many nodes there are.
        nodes: u32,
    },
    /// Nothing is left of the fleet.
    #[error("no node is meant: nothing fits all that `on` says")]
    Nobody,
    /// Such a status is no failure.
    #[error("status {0} is not from 400 to 599")]
    Status(u16),
    /// It would be over when it begins.
    #[error("`for: 0s` is no time at all: leave `for` out for a fault that lasts to the end")]
    NoTime,
    /// Nodes without ids cannot be told apart by the plane.
    #[error(
        "the plane does not know the nodes of the hybrid cohort {0} before they register: name others in `on`, or nobody"
    )]
    NoIdYet(String),
    /// The plane cannot carry it out.
    #[error(transparent)]
    Plane(InvalidFault),
    /// Two windows of one name.
    #[error("two faults have this name: give each its own, or none")]
    Repeated,
    /// What is injected begins at once.
    #[error("what is injected begins at once: leave `at` out")]
    Injected,
    /// Nothing of this name is there.
    #[error("nothing of this name is in force or to come; {others}", others = there_are(.0))]
    NothingToLift(String),
}

fn platform_names() -> String {
    PLATFORMS.map(|platform| platform.name).join(", ")
}

fn there_are(names: &str) -> String {
    if names.is_empty() { "nothing else is".to_owned() } else { format!("there are {names}") }
}
