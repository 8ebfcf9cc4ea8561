//! Why a fault cannot be what was written, in words for who wrote it.

use agent::call::OPERATIONS;
use agent::catalogue::PLATFORMS;
use agent::credentials::IdentityKind;
use agent::distribution::InvalidDistribution;
use agent::identity::AVAILABILITY_ZONES;
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
    /// There is no such availability zone.
    #[error("no availability zone `{0}`; there are {zones}", zones = AVAILABILITY_ZONES.join(", "))]
    UnknownZone(String),
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
    /// A setting that cannot be meant.
    #[error("`{key}` is {found}: expected {expected}")]
    OutOfRange {
        /// Its name.
        key: &'static str,
        /// What was written.
        found: String,
        /// What can be.
        expected: &'static str,
    },
    /// Times that cannot be meant.
    #[error("`takes`: {0}")]
    Takes(InvalidDistribution),
    /// It is for nodes of another identity.
    #[error(
        "it is for nodes of identity {}, and strikes such of cohort {cohort} as well: name the cohort in `on`",
        identity_name(*.identity)
    )]
    NotOfThisIdentity {
        /// The identity.
        identity: IdentityKind,
        /// A cohort of another one.
        cohort: String,
    },
    /// Nodes of this cohort call in the name of their role.
    #[error(
        "it is for nodes that the plane gives credentials, and strikes those of cohort {0} as well, which call \
         by their role: name a cohort of identity hybrid, or of `instance_profile: false`, in `on`"
    )]
    NoCredentials(String),
    /// There is no node of this index.
    #[error("`of` is {of}, and the {nodes} nodes of cohort {cohort} count from 0")]
    NoSuchIndex {
        /// What was written.
        of: u32,
        /// How many there are.
        nodes: u32,
        /// In which cohort.
        cohort: String,
    },
    /// A node cannot be taken for itself.
    #[error(
        "`of` is {0}, and it strikes this very node as well: leave it out by `index: {{ from: … }}` in `on`"
    )]
    OfItself(u32),
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

const fn identity_name(identity: IdentityKind) -> &'static str {
    match identity {
        IdentityKind::Ec2 => "ec2",
        IdentityKind::Hybrid => "hybrid",
    }
}

fn there_are(names: &str) -> String {
    if names.is_empty() { "nothing else is".to_owned() } else { format!("there are {names}") }
}
