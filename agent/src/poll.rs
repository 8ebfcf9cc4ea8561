//! A poll: asking what is associated, and fetching the documents.
//!
//! All pages first, then for each association in the plane's order the document,
//! unless it is known under the same checksum. What cannot be loaded is reported
//! at once, with its compliance, and left out. Then the new list replaces the
//! old one (agent/association/processor.go, schedulemanager.Refresh).
//!
//! A poll whose first page fails asks once more in the way of old agents, who
//! know one association by its document's name; an empty answer to that empties
//! the list, though the documents are remembered. A poll that fails later, or
//! there as well, leaves everything as it was.

use std::sync::Arc;

use shared::error::ApiError;
use shared::status::{AgentErrorCode, AssociationStatus};
use shared::time::Timestamp;
use smallvec::SmallVec;

use crate::association::{Association, Fatal, Known, Listed, OwnSchedule};
use crate::call::{Call, Outcome, Report};
use crate::catalogue::Fetched;
use crate::compliance;
use crate::health::next_turn;
use crate::lane::LaneName;
use crate::lifecycle::Lifecycle;
use crate::node::{Fatality, Node, Note, Turn};

/// A poll under way.
#[derive(Debug, Default)]
pub struct Poll {
    listed: Vec<Listed>,
    /// One for each listed association so far: its document, unless it failed.
    loaded: Vec<Option<Arc<Fetched>>>,
    /// What failed in this poll, for compliance.
    failed: Vec<compliance::Item>,
    /// Whether it goes the way of old agents.
    is_legacy: bool,
}

impl Node {
    pub(crate) fn await_next_poll(&mut self, turn: &mut Turn<'_>) {
        let Lifecycle::Online { since } = self.lifecycle else { return };
        let timing = self.identity.cohort(turn.catalogue).timing;
        let polls = self.lane(LaneName::Associations).turns;
        let (firing, taken) = next_turn(since, timing.poll_every, polls, turn.now);
        if polls > 0 && taken > polls + 1 {
            turn.note(Note::Skipped(LaneName::Associations, taken - polls - 1));
        }
        self.lane(LaneName::Associations).turns = taken;
        let jitter = turn.draw.period("poll-jitter", u64::from(taken), timing.poll_jitter);
        let jitter = self.jitter(jitter);
        self.lane(LaneName::Associations).due = firing + jitter;
    }

    pub(crate) fn poll_due(&mut self, due: Timestamp, turn: &mut Turn<'_>) {
        self.forget_state();
        self.poll = Some(Box::default());
        self.call(LaneName::Associations, Call::ListAssociations(None), due, turn);
    }

    pub(crate) fn poll_answered(&mut self, call: &Call, outcome: Outcome, turn: &mut Turn<'_>) {
        match (call, outcome) {
            (Call::ListAssociations(_), Outcome::Associations(page, next)) => {
                self.page_came(page, next, turn)
            }
            (_, Outcome::Fatal(key)) => self.die(Fatality::Reply(key), turn),
            (Call::ListAssociations(None), _) => {
                self.poll.get_or_insert_default().is_legacy = true;
                self.call(LaneName::Associations, Call::ListLegacy, turn.now, turn);
            }
            (Call::ListLegacy, Outcome::Legacy(None)) => self.load_next(turn),
            (Call::ListLegacy, Outcome::Legacy(Some(found))) => {
                self.call(LaneName::Associations, Call::DescribeLegacy(found), turn.now, turn);
            }
            (Call::DescribeLegacy(found), Outcome::Described(parameters, status)) => {
                let association = Arc::new(Association { parameters, ..Association::clone(found) });
                let listed = Listed { association, status, last_execution: None };
                self.poll.get_or_insert_default().listed.push(listed);
                self.load_next(turn);
            }
            (Call::ListAssociations(_) | Call::ListLegacy | Call::DescribeLegacy(_), _) => {
                self.end_poll(turn)
            }
            (Call::GetDocument(_), Outcome::Document(fetched)) => self.document_came(fetched, turn),
            (Call::GetDocument(association), outcome) => {
                let reason = format!(
                    "Encountered error while loading association {} contents, {}",
                    association.id,
                    why(&outcome)
                );
                self.poll.get_or_insert_default().loaded.push(None);
                self.report_failure(association.clone(), AgentErrorCode::ListAssocError, reason, turn);
            }
            (Call::ReportStatus(report), outcome) => {
                if !outcome.is_done() {
                    turn.note(Note::ReportLost);
                }
                self.failure_reported(report.association.clone(), turn);
            }
            (_, _) => self.load_next(turn),
        }
    }

    fn page_came(&mut self, page: Vec<Listed>, next: Option<Arc<str>>, turn: &mut Turn<'_>) {
        let poll = self.poll.get_or_insert_default();
        poll.listed.extend(page);
        if next.is_some() {
            self.call(LaneName::Associations, Call::ListAssociations(next), turn.now, turn);
            return;
        }
        if poll.listed.is_empty() && self.is_first_answer() {
            self.asked_twice = true;
            self.poll = None;
            let wait = self.identity.cohort(turn.catalogue).timing.empty_poll_wait;
            self.lane(LaneName::Associations).due = turn.now + wait;
            return;
        }
        self.load_next(turn);
    }

    /// Whether this is the answer to the first question of the first poll.
    fn is_first_answer(&self) -> bool {
        self.lanes[LaneName::Associations as usize].turns == 1 && !self.asked_twice
    }

    /// Fetches the next document that is not known, or ends the poll.
    fn load_next(&mut self, turn: &mut Turn<'_>) {
        loop {
            let Some(poll) = &mut self.poll else { return };
            let Some(listed) = poll.listed.get(poll.loaded.len()) else { break };
            let association = listed.association.clone();
            let cached = self.known.iter().find(|known| {
                known.association.id == association.id && known.association.checksum == association.checksum
            });
            match cached.map(|known| known.document.clone()) {
                Some(document) => {
                    if self.document_loaded(&association, document, turn) {
                        return;
                    }
                }
                None => {
                    self.call(LaneName::Associations, Call::GetDocument(association), turn.now, turn);
                    return;
                }
            }
        }
        match self.refresh(turn) {
            Ok(()) => {
                self.end_poll(turn);
                self.apply_refresh(turn);
                self.execution_due(turn);
            }
            Err(Fatal) => self.die(Fatality::Schedule, turn),
        }
    }

    fn document_came(&mut self, fetched: Arc<Fetched>, turn: &mut Turn<'_>) {
        let Some(poll) = &self.poll else { return };
        let association = poll.listed[poll.loaded.len()].association.clone();
        if !self.document_loaded(&association, fetched, turn) {
            self.load_next(turn);
        }
    }

    /// Takes a document in, also where the association's schedule cannot be read:
    /// it is fetched once, but reported at each poll. Says whether a call was made
    /// about it.
    fn document_loaded(
        &mut self,
        association: &Arc<Association>,
        document: Arc<Fetched>,
        turn: &mut Turn<'_>,
    ) -> bool {
        self.poll.get_or_insert_default().loaded.push(Some(document));
        if association.schedule != OwnSchedule::Unreadable {
            return false;
        }
        let id = association.id;
        let reason = format!("Encountered error while parsing expression for association {id}");
        self.report_failure(association.clone(), AgentErrorCode::InvalidExpression, reason, turn);
        true
    }

    fn report_failure(
        &mut self,
        association: Arc<Association>,
        code: AgentErrorCode,
        summary: String,
        turn: &mut Turn<'_>,
    ) {
        let report = Report {
            association,
            status: AssociationStatus::Failed,
            error_code: Some(code),
            summary,
            output_of: None,
        };
        self.call(LaneName::Associations, Call::ReportStatus(Arc::new(report)), turn.now, turn);
    }

    fn failure_reported(&mut self, association: Arc<Association>, turn: &mut Turn<'_>) {
        let poll = self.poll.get_or_insert_default();
        poll.failed.push(compliance::Item { association, is_compliant: false, executed: turn.now });
        let mut items = compliance::executed_items(&self.known);
        // A failed one takes the place of what was known of it.
        items.retain(|item| poll.failed.iter().all(|failed| failed.association.id != item.association.id));
        items.extend(poll.failed.iter().cloned());
        self.call(LaneName::Associations, Call::PutCompliance(items.into()), turn.now, turn);
    }

    /// Replaces the list; what was executed is remembered for those still in it,
    /// and while old ways are gone, the documents of those that are not.
    fn refresh(&mut self, turn: &mut Turn<'_>) -> Result<(), Fatal> {
        let Some(poll) = &mut self.poll else { return Ok(()) };
        let is_legacy = poll.is_legacy;
        let before = std::mem::take(&mut self.known);
        let loaded = std::mem::take(&mut poll.loaded);
        let listed = std::mem::take(&mut poll.listed);
        let mut known: SmallVec<[Known; 1]> = listed
            .into_iter()
            .zip(loaded)
            .filter_map(|(listed, document)| Some((listed, document?)))
            .map(|(listed, document)| {
                let old = before.iter().find(|old| old.association.id == listed.association.id);
                let known = Known::listed(listed, document, old.and_then(|old| old.executed), turn.now);
                known.map(|known| known.after(old))
            })
            .collect::<Result<_, Fatal>>()?;
        if is_legacy {
            let is_listed = |id| known.iter().any(|known| known.association.id == id);
            let unlisted: Vec<_> = before
                .into_iter()
                .filter(|old| !is_listed(old.association.id))
                .map(Known::unlisted)
                .collect();
            known.extend(unlisted);
        }
        self.known = known;
        Ok(())
    }

    fn end_poll(&mut self, turn: &mut Turn<'_>) {
        self.poll = None;
        self.await_next_poll(turn);
    }
}

/// A failed call, in the words of the agent's SDK.
pub(crate) fn why(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(ApiError { code, message }, _) => format!("{code}: {message}"),
        Outcome::Unreachable => "RequestError: send request failed".into(),
        _ => "SerializationError: failed decoding JSON RPC response".into(),
    }
}
