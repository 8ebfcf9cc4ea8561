//! The plane's state as bytes, and back.
//!
//! A snapshot is one line that says what it is, of which version, with the
//! SHA-256 of the rest; the rest is JSON. Indexes and whatever else follows
//! from the state are left out and made again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::schedule::timetable::Timetable;
use shared::schedule::{Dialect, Schedule};
use shared::time::Timestamp;

use crate::config::PlaneConfig;
use crate::state::activation::Activations;
use crate::state::association::{Association, AssociationNumber, Kept};
use crate::state::automation::{Automations, KeptAutomations, WrittenAutomations};
use crate::state::command::{Command, CommandNumber, Commands};
use crate::state::compliance::ComplianceCounts;
use crate::state::credential::Vault;
use crate::state::document::{DocumentEvents, Documents, KeptDocument, KeptVersion, sha256};
use crate::state::inventory::Inventory;
use crate::state::node::{Node, NodeNumber, Nodes};
use crate::state::tag::Tags;
use crate::state::target::{Conditions, group_name};
use crate::state::timer::Timers;
use crate::state::world::World;
use crate::state::{Numbers, State};

const MARK: &str = "ssm-fleet-plane-state";
const VERSION: &str = "3";

/// Why the state could not be made bytes.
#[derive(Debug, thiserror::Error)]
#[error("state of the plane cannot be written as JSON")]
pub struct SnapshotError(#[source] serde_json::Error);

/// Why bytes are no state of a plane.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The first line is not that of a snapshot.
    #[error("no state of an ssm-fleet plane: the first line does not say so")]
    Foreign,
    /// It was written by another version.
    #[error(
        "state of an ssm-fleet plane in version {0}; this program reads version {VERSION}: name another file, or go on with the program that wrote it"
    )]
    Version(String),
    /// It was cut short or changed.
    #[error("state of an ssm-fleet plane is damaged: its digest does not fit its content")]
    Damaged,
    /// The digest fits, the content does not.
    #[error("state of an ssm-fleet plane cannot be understood: {0}")]
    Unreadable(String),
}

#[derive(Serialize)]
struct Written<'a> {
    numbers: &'a Numbers,
    documents: Vec<(&'a KeptDocument, Vec<&'a KeptVersion>)>,
    document_events: &'a DocumentEvents,
    built_in_tags: BTreeMap<&'a Arc<str>, &'a Tags>,
    nodes: &'a [Node],
    unmatched: Vec<(&'a NodeNumber, &'a Option<Tags>)>,
    next_association: AssociationNumber,
    associations: Vec<&'a Kept>,
    /// Whom those mean that name a resource group: not always what the group says
    /// by now, for a change of it reaches them later.
    grouped: Vec<(AssociationNumber, &'a Conditions)>,
    graves: Vec<&'a Kept>,
    compliance: &'a ComplianceCounts,
    inventory: &'a Inventory,
    timers: &'a Timers,
    next_command: CommandNumber,
    commands: Vec<&'a Command>,
    automations: WrittenAutomations<'a>,
    activations: &'a Activations,
    vault: &'a Vault,
    world: &'a World,
    latest: Timestamp,
}

#[derive(Deserialize)]
struct Read {
    numbers: Numbers,
    documents: Vec<(KeptDocument, Vec<KeptVersion>)>,
    document_events: DocumentEvents,
    built_in_tags: BTreeMap<String, Tags>,
    nodes: Vec<Node>,
    unmatched: Vec<(NodeNumber, Option<Tags>)>,
    next_association: AssociationNumber,
    associations: Vec<Kept>,
    #[serde(default)]
    grouped: Vec<(AssociationNumber, Conditions)>,
    graves: Vec<Kept>,
    compliance: ComplianceCounts,
    inventory: Inventory,
    timers: Timers,
    next_command: CommandNumber,
    commands: Vec<Command>,
    automations: KeptAutomations,
    #[serde(default)]
    activations: Activations,
    vault: Option<Vault>,
    world: World,
    /// States that were kept before there was this member go on from the wall's time.
    #[serde(default)]
    latest: Timestamp,
}

/// Writes a state down, without its first line: that is [`seal`]'s.
pub(crate) fn write(state: &State) -> Result<Vec<u8>, SnapshotError> {
    let (associations, graves) = state.associations.kept();
    let written = Written {
        numbers: &state.numbers,
        documents: state.documents.kept().collect(),
        document_events: &state.document_events,
        built_in_tags: state.documents.built_in_tags().collect(),
        nodes: state.nodes.table(),
        unmatched: state.nodes.unmatched.iter().collect(),
        next_association: state.associations.next_number(),
        associations,
        grouped: grouped(state).collect(),
        graves,
        compliance: &state.compliance,
        inventory: &state.inventory,
        timers: &state.timers,
        next_command: state.commands.next_number(),
        commands: state.commands.kept().collect(),
        automations: state.automations.kept(),
        activations: &state.activations,
        vault: &state.vault,
        world: &state.world,
        latest: state.latest,
    };
    serde_json::to_vec(&written).map_err(SnapshotError)
}

/// The associations that name a resource group, and whom they mean.
fn grouped(state: &State) -> impl Iterator<Item = (AssociationNumber, &Conditions)> {
    let living = state.associations.from(AssociationNumber::default());
    let grouped = living.filter(|one| group_name(&one.definition.targets).is_some());
    grouped.map(|association| (association.number, &association.conditions))
}

/// Puts the first line before what was written down.
pub(crate) fn seal(content: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{MARK} {VERSION} {}\n", sha256(content)).into_bytes();
    bytes.extend_from_slice(content);
    bytes
}

/// Reads a state that was written down.
pub(crate) fn read(config: PlaneConfig, bytes: &[u8]) -> Result<State, RestoreError> {
    let content = content(bytes)?;
    let read: Read = serde_json::from_slice(content).map_err(unreadable)?;
    let mut state = State::new(config);
    state.numbers = read.numbers;
    state.compliance = read.compliance;
    state.inventory = read.inventory;
    state.timers = read.timers;
    state.commands = Commands::restore(read.commands, read.next_command);
    state.automations = Automations::restore(read.automations);
    state.activations = read.activations;
    if let Some(vault) = read.vault {
        state.vault = Arc::new(vault);
    }
    state.world = read.world;
    state.latest = read.latest;
    state.document_events = read.document_events;
    state.documents = documents(read.documents, read.built_in_tags)?;
    state.share_documents();
    state.nodes = Nodes::restore(read.nodes, read.unmatched.into_iter().collect());
    let mut grouped: BTreeMap<AssociationNumber, Conditions> = read.grouped.into_iter().collect();
    for kept in read.associations {
        let mut association = association(kept, &state.world)?;
        if let Some(conditions) = grouped.remove(&association.number) {
            association.conditions = conditions;
        }
        state.associations.insert(association);
    }
    for kept in read.graves {
        state.associations.graves.insert(kept.number, association(kept, &state.world)?);
    }
    state.associations.set_next(read.next_association);
    Ok(state)
}

/// What stands behind the first line, if that line fits it.
fn content(bytes: &[u8]) -> Result<&[u8], RestoreError> {
    let end = bytes.iter().take(256).position(|byte| *byte == b'\n').ok_or(RestoreError::Foreign)?;
    let line = std::str::from_utf8(&bytes[..end]).map_err(|_| RestoreError::Foreign)?;
    let content = &bytes[end + 1..];
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        [MARK, VERSION, digest] if digest == sha256(content) => Ok(content),
        [MARK, VERSION, _] => Err(RestoreError::Damaged),
        [MARK, version, ..] => Err(RestoreError::Version(version.to_owned())),
        _ => Err(RestoreError::Foreign),
    }
}

fn documents(
    kept: Vec<(KeptDocument, Vec<KeptVersion>)>,
    tags: BTreeMap<String, Tags>,
) -> Result<Documents, RestoreError> {
    let mut documents = Documents::built_in();
    for (kept, versions) in kept {
        documents.restore(kept, versions).map_err(unreadable)?;
    }
    for (name, tags) in tags {
        if let Some(document) = documents.get_mut(&name) {
            document.kept.tags = tags;
        }
    }
    Ok(documents)
}

/// An association with what follows from its definition.
fn association(kept: Kept, world: &World) -> Result<Association, RestoreError> {
    let conditions = match &kept.definition.aim {
        Some(_) => Conditions::nobody(),
        None => Conditions::read(&kept.definition.targets, world).map_err(unreadable)?,
    };
    // It was accepted once; a rule that was set since does not undo that.
    let parse = |text: &Arc<str>| Schedule::parse_in(text, Dialect::WIDEST);
    let definition = &kept.definition;
    let schedule = definition.schedule_expression.as_ref().map(parse).transpose().map_err(unreadable)?;
    let timetable = Timetable::new(schedule, definition.is_apply_only, definition.schedule_offset);
    Ok(Association { conditions, timetable: timetable.map_err(unreadable)?, kept })
}

fn unreadable(error: impl ToString) -> RestoreError {
    RestoreError::Unreadable(error.to_string())
}
