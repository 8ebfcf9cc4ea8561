//! What a changed document does to the associations bound to it (C.3).
//!
//! A new `$DEFAULT` runs what is bound to `$DEFAULT` again, a new `$LATEST` what
//! is bound to `$LATEST`, and a deletion all that is bound to what was deleted;
//! that run then fails. The schedule is not touched, nor is the association's
//! version, but its checksum is another: that makes agents fetch the document
//! again. A parameter of Parameter Store that changes does the same to what
//! refers to it. A calendar that changes may be open for who waits for that. Each association is one piece of work, and so is every thousand looked at.

use std::sync::Arc;

use shared::time::Timestamp;

use super::{PIECE, gate};
use crate::state::State;
use crate::state::association::{AssociationNumber, Definition};
use crate::state::document::{DocumentChange, DocumentEvent, known_as, sha256};
use crate::state::parameter::refer_to;
use crate::state::timer::Work;

/// Has the engine run again what is bound to a document that changed.
pub(crate) fn document_changed(state: &mut State, now: Timestamp, name: &str, change: DocumentChange) {
    if state.associations.len() == 0 {
        return;
    }
    let is_document = change != DocumentChange::ParameterStored;
    let name = if is_document { known_as(name, &state.config.account) } else { name };
    let event = DocumentEvent { name: name.into(), change };
    let event = state.document_events.add(event);
    state.timers.add(now, Work::DocumentChanged { event, from: AssociationNumber::default() });
}

/// Looks through the next associations for those that a change means.
pub(super) fn spread_change(state: &mut State, now: Timestamp, number: u32, from: AssociationNumber) {
    let Some(event) = state.document_events.get(number).cloned() else { return };
    let hash = hash_of(state, &event);
    let living = state.associations.after(from.0.checked_sub(1).map(AssociationNumber));
    let piece: Vec<AssociationNumber> =
        living.map(|association| association.number).take(PIECE + 1).collect();
    for association in piece.iter().take(PIECE) {
        if mark(state, *association, &event, hash.as_deref().unwrap_or_default()) {
            state.timers.add(now, Work::Dispatch { association: *association });
        }
        if is_calendar_of(state, *association, &event) {
            gate::reopen(state, now, *association);
        }
    }
    match piece.get(PIECE) {
        Some(next) => state.timers.add(now, Work::DocumentChanged { event: number, from: *next }),
        None => state.document_events.close(number),
    }
}

/// The digest of what there is now.
fn hash_of(state: &State, event: &DocumentEvent) -> Option<Arc<str>> {
    if event.change == DocumentChange::ParameterStored {
        let parameter = state.world.parameters.get(&*event.name)?;
        return Some(sha256(format!("{}\0{}", event.name, parameter.value).as_bytes()).into());
    }
    let document = state.documents.document(&event.name, &state.config.account).ok()?;
    let version = if event.change == DocumentChange::LatestUpdated {
        document.latest()
    } else {
        document.default_version()
    };
    Some(Arc::clone(&version.kept().hash))
}

/// Whether a change is one of what an association runs.
fn means(event: &DocumentEvent, definition: &Definition, account: &str) -> bool {
    if event.change == DocumentChange::ParameterStored {
        let parameters = definition.parameters.as_deref();
        return parameters.is_some_and(|parameters| refer_to(parameters, &event.name));
    }
    // Of a shared document the default version runs, whatever was asked for.
    let is_shared = known_as(&event.name, account).starts_with("arn:");
    known_as(&definition.name, account) == &*event.name
        && (is_shared || event.change.means(&definition.document_version))
}

/// Whether what changed is a calendar that an association keeps to.
fn is_calendar_of(state: &State, number: AssociationNumber, event: &DocumentEvent) -> bool {
    let account = &state.config.account;
    let names = state.associations.get(number).map(|one| &one.definition.calendars);
    event.change != DocumentChange::ParameterStored
        && names.is_some_and(|names| names.iter().any(|name| known_as(name, account) == &*event.name))
}

/// Gives an association another checksum, if the change means it. Answers
/// whether it runs again now; one that runs at its schedule's instants only
/// takes the new content up at the next.
fn mark(state: &mut State, number: AssociationNumber, event: &DocumentEvent, hash: &str) -> bool {
    let Some(association) = state.associations.get_mut(number) else { return false };
    if !means(event, &association.definition, &state.config.account) {
        return false;
    }
    let mut checksum = sha256(format!("{}\0{hash}", association.checksum).as_bytes());
    checksum.truncate(association.checksum.len());
    association.checksum = checksum.into();
    !association.definition.is_apply_only
}
