//! Calls of nodes, from where they reach the plane to their end at the node.
//!
//! A call comes with its end if faults let it go no further. Else the plane
//! answers, and what delays the answer is added up: faults on the way back, the
//! model of latency, the plane's own faults. A question for messages that finds
//! none is held.

use agent::call::Answer;
use agent::fault::passage::Passage;
use shared::id::NodeId;
use shared::time::{Period, Timestamp};

use super::channels::Break;
use super::lane::Incoming;
use super::messages::{self, Until};
use super::way::{self, End, Patience};
use super::{Coordinator, LOOKAHEAD};
use crate::history::record::{By, Call, Event, Heard, Record, Subject};
use crate::history::{Ending, Entry};
use crate::shard::{Caller, Completion, Emitted};

/// A call that reaches the plane, or would have but for its end.
pub(super) struct Arriving {
    pub(super) at: Timestamp,
    pub(super) call: Emitted,
    pub(super) end: Option<End>,
}

impl Arriving {
    pub(super) fn key(&self) -> (Timestamp, Caller) {
        (self.at, self.call.caller)
    }
}

/// What is left of a call once the plane has it.
pub(super) struct Carried {
    intended: Timestamp,
    caller: Caller,
    operation: &'static str,
    attempt: u8,
    /// A hash of its body.
    body: u64,
    patience: Patience,
    passage: Option<Box<Passage>>,
    /// For the history: when it set out, and what it is about.
    recorded: Option<(Timestamp, Subject)>,
}

impl Carried {
    fn of(call: &Emitted, message_wait: Period, is_recorded: bool) -> Self {
        Self {
            intended: call.intended,
            caller: call.caller,
            operation: call.request.operation(),
            attempt: call.attempt,
            body: shared::seed::digest(&call.request.body()),
            patience: Patience::of(&call.request, message_wait),
            passage: call.passage.clone(),
            recorded: is_recorded.then(|| (call.made, Subject::of(&call.request))),
        }
    }
}

impl Coordinator<'_> {
    /// How long nodes of this cohort wait for messages.
    pub(super) fn message_wait(&self, cohort: u16) -> Period {
        self.lanes[0].shard.timing(cohort).message_wait
    }

    /// What is left of this call once the plane has it.
    pub(super) fn carried(&self, call: &Emitted) -> Carried {
        Carried::of(call, self.message_wait(call.cohort), self.history.recorder().is_some())
    }

    /// Carries a call to the plane. A question for messages that finds none is
    /// held; one that was held already is, until the instant that was set.
    pub(super) fn carry(&mut self, arriving: Arriving, held_until: Option<Until>) {
        let Arriving { at, call, end } = arriving;
        let carried = self.carried(&call);
        if let Some(end) = end {
            if end.is_kept {
                self.keep(call, at);
            }
            return self.finish(at, carried, end);
        }
        if self.fate.is_down() {
            // Nobody listens: the connection is refused.
            return self.finish(at, carried, End::at(at + LOOKAHEAD, Answer::Unreachable));
        }
        let is_there = || !self.has_ended(call.caller);
        let again = messages::asks(&call.request).filter(|_| is_there()).map(|node| (node, call.clone()));
        let opens = messages::opens(&call.request).filter(|_| is_there());
        if let Some(node) = opens {
            self.mailroom.opens(self.service, node);
        }
        let Emitted { caller, made, signing, request, .. } = call;
        let delay = self.service.delay(carried.operation, || request.body());
        let answer = match held_until {
            Some(Until::GivenUp(until)) if until <= at => Answer::Unreachable,
            _ => self.transport.carry(self.service, at, caller, &signing, request),
        };
        if let Some((node, call)) = again
            && messages::is_empty(&answer)
        {
            // The answer that nobody waits for any more would take its way back.
            let wait = self.message_wait(call.cohort) - LOOKAHEAD;
            let until = held_until.unwrap_or_else(|| Until::of(self.service, at, made, wait));
            if at < until.at() {
                self.mailroom.hold(node, Arriving { at, call, end: None }, until);
                return;
            }
        }
        let end = self.way_back(&carried, made, at, answer).later(delay, made, carried.patience);
        if let Some(node) = opens {
            self.note_channel(node, &carried, made, at, &end);
        }
        self.events += 1;
        self.finish(at, carried, end);
    }

    /// How a call comes to its end that the plane answered at `at`.
    fn way_back(&self, carried: &Carried, made: Timestamp, at: Timestamp, answer: Answer) -> End {
        let patience = carried.patience;
        let end = match &carried.passage {
            None => End::at(at + LOOKAHEAD, answer),
            Some(passage) => way::down(passage, patience, made, at, answer),
        };
        match &self.latency_model {
            // A frame is sent, and no request that the plane takes its time over.
            Some(model) if !patience.is_frame => {
                model.delay(end, carried.caller, carried.attempt, made, patience.limit)
            }
            _ => end,
        }
    }

    /// Notes what became of a control channel that a node asked to be opened.
    fn note_channel(&mut self, node: NodeId, carried: &Carried, made: Timestamp, at: Timestamp, end: &End) {
        let number = carried.caller.node;
        if !matches!(end.answer, Answer::Done) {
            // What the plane opened is of no use to a node that does not know.
            return self.mailroom.opens(self.service, node);
        }
        self.mailroom.opened(node, number, at);
        let after = carried.passage.as_ref().and_then(|passage| passage.resets_after);
        self.breaks.extend(after.map(|after| Break { at: made + after, node: number, by: None }));
    }

    /// Brings a call's end to its node, and writes it down.
    pub(super) fn finish(&mut self, at: Timestamp, carried: Carried, end: End) {
        let Carried { intended, caller, operation, attempt, body, passage, recorded, .. } = carried;
        let Caller { node, lane, number, incarnation } = caller;
        if end.breaks_channel {
            self.breaks.insert(Break { at: end.at, node, by: None });
        }
        let ending = Ending::from(&end.answer);
        if let (Some(recorder), Some((invoked, subject))) = (self.history.recorder(), recorded) {
            let by = By::Node { number: node, incarnation };
            let call = Call { lane: Some(lane), number, attempt, operation, subject };
            let learnt = (!end.is_held && end.at != at + LOOKAHEAD).then_some(end.at);
            let event = Event::End { call, invoked, learnt, heard: Heard::from(&end.answer) };
            recorder.record(Record { at, by, event });
        }
        let fault = passage.as_ref().and_then(|passage| passage.faults.first().map(|(_, name)| name.clone()));
        let completion = Completion { caller, operation, attempt, answer: end.answer, spent: None };
        let is_modelled = self.latency_model.is_some();
        let incoming = Incoming::Completion(completion, is_modelled.then_some(intended));
        match passage {
            None if end.at == at + LOOKAHEAD && !is_modelled => {
                self.lane_of_mut(node).inbox.push_back((end.at, incoming));
            }
            None => self.come_late(node, (at + LOOKAHEAD, end.at), Vec::new(), incoming),
            Some(passage) => {
                let holders = if end.is_held { passage.holders } else { Vec::new() };
                self.come_late(node, (at + LOOKAHEAD, end.at), holders, incoming);
            }
        }
        self.history.record(Entry {
            arrived: at,
            node,
            lane,
            number,
            attempt,
            operation,
            body,
            ending,
            fault,
        });
    }
}
