//! Why an entry of the timeline means nothing, in words for who wrote it.

use shared::time::Period;

use crate::fault::FaultError;

/// Why an entry of the timeline means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It says not when.
    #[error("it says not when: expected `at`, `every` or `when`")]
    NoOccasion,
    /// It says twice when.
    #[error("it says twice when: expected one of `at`, `every` and `when`")]
    TwoOccasions,
    /// A key that goes with `every`.
    #[error("`{0}` goes with `every`: without it something happens once")]
    OfEvery(&'static str),
    /// It would happen without end at one instant.
    #[error("`every: 0s` would never come to an end: expected a time such as 10m")]
    Unending,
    /// It would never happen.
    #[error("it never happens: it is to begin at {from} and to end at {until}")]
    Never {
        /// When it is to begin.
        from: Period,
        /// When it is to end.
        until: Period,
    },
    /// There is no such association.
    #[error("no association `{name}`: expected an id, or one of this scenario, which has {}", if known.is_empty() { "none" } else { known })]
    UnknownAssociation {
        /// The name that was written.
        name: String,
        /// The names there are.
        known: String,
    },
    /// What is not known cannot be changed in part.
    #[error("an association is changed by its name in this scenario, not by its id")]
    ChangeById,
    /// There is no such cohort.
    #[error("no cohort `{name}`; there are {known}")]
    UnknownCohort {
        /// The name that was written.
        name: String,
        /// The names there are.
        known: String,
    },
    /// There is no such fault.
    #[error("no fault `{fault}` to lift; there {}", if known.is_empty() { "is none".to_owned() } else { format!("are {known}") })]
    UnknownFault {
        /// The name that was written.
        fault: String,
        /// The names there are.
        known: String,
    },
    /// Nodes without ids cannot be named.
    #[error("the nodes of the hybrid cohort {cohort} get their ids when they register: name others in `on`")]
    NoIdYet {
        /// The cohort.
        cohort: String,
    },
    /// It is no call.
    #[error("`expect` is for calls of the plane's API, and this is none")]
    NothingToExpect,
    /// The fault or the nodes are none.
    #[error(transparent)]
    Fault(#[from] FaultError),
}
