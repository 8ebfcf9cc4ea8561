//! Channels of messages in virtual time: what the plane pushes, and questions that it holds.
//!
//! After whatever the plane did, the coordinator looks which nodes have something
//! new. Jobs of those with a control channel are on their way at once; questions
//! that were held are put again, and answered if there is something now. What
//! comes out of hiding and what was held for long enough has an instant of its
//! own, which goes before the calls of that instant, by the nodes' ids.

use std::collections::{BTreeMap, BTreeSet};

use agent::call::{Answer, Request};
use agent::channel::call::{Incoming, MessageRequest};
use plane::service::Service;
use shared::id::NodeId;
use shared::time::{Period, Timestamp};

use super::calls::Arriving;

/// What is held and pushed.
#[derive(Default)]
pub(super) struct Mailroom {
    /// The nodes whose control channels are open, their numbers in the fleet, and since when.
    open: BTreeMap<NodeId, (u32, Timestamp)>,
    /// The questions that are held, each until an instant.
    held: BTreeMap<NodeId, Vec<Held>>,
    /// When to look after a node.
    due: BTreeSet<(Timestamp, NodeId)>,
    /// Nodes to look after now.
    woken: BTreeSet<NodeId>,
}

/// A question that is held.
pub(super) struct Held {
    pub(super) call: Arriving,
    until: Until,
}

/// How long a question is held.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// Until the plane answers it in any case.
    Answered(Timestamp),
    /// Until the node gives up.
    GivenUp(Timestamp),
}

impl Until {
    /// Until when a question is held that comes now and was put at `made` by a node
    /// that waits so long for the answer.
    pub(super) fn of(service: &Service, now: Timestamp, made: Timestamp, wait: Period) -> Self {
        let answered = now + service.hold_messages().max(Period::milliseconds(1));
        let given_up = (made + wait).max(now + Period::milliseconds(1));
        if given_up <= answered { Self::GivenUp(given_up) } else { Self::Answered(answered) }
    }

    /// The instant.
    pub(super) fn at(self) -> Timestamp {
        match self {
            Self::Answered(at) | Self::GivenUp(at) => at,
        }
    }
}

/// What is to be done for a node.
pub(super) enum Delivery {
    /// A job goes to the node of this number.
    Push(u32, Incoming),
    /// A question is put again; if there is nothing still, it may be held until then.
    Ask(Box<Arriving>, Until),
}

impl Mailroom {
    /// When there is something to look after.
    pub(super) fn next_due(&self) -> Timestamp {
        self.due.first().map_or(Timestamp::NEVER, |(at, _)| *at)
    }

    /// Notes what the plane has news of, and whose time has come.
    pub(super) fn gather(&mut self, service: &Service, now: Timestamp) {
        self.woken.extend(service.take_followed());
        while let Some((at, node)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, node));
            self.woken.insert(node);
        }
    }

    /// What is to be done for the next of those nodes.
    pub(super) fn next(&mut self, service: &Service, now: Timestamp) -> Option<Vec<Delivery>> {
        let node = self.woken.pop_first()?;
        let mut deliveries = Vec::new();
        if let Some((number, _)) = self.open.get(&node) {
            loop {
                let jobs = service.jobs(now, node);
                if jobs.is_empty() {
                    break;
                }
                let incoming = jobs.iter().filter_map(Incoming::of_frame);
                deliveries.extend(incoming.map(|incoming| Delivery::Push(*number, incoming)));
            }
        }
        let held = self.held.remove(&node).unwrap_or_default();
        deliveries.extend(held.into_iter().map(|held| Delivery::Ask(Box::new(held.call), held.until)));
        if let Some(visible) = service.next_visible(node).filter(|visible| *visible > now) {
            self.due.insert((visible, node));
        }
        Some(deliveries)
    }

    /// Forgets everything: the plane is gone. Answers the questions that were
    /// held, and the nodes whose control channels were open.
    pub(super) fn cut(&mut self) -> (Vec<Arriving>, Vec<u32>) {
        let Self { open, held, .. } = std::mem::take(self);
        let held = held.into_values().flatten().map(|held| held.call).collect();
        (held, open.into_values().map(|(node, _)| node).collect())
    }

    /// Forgets a node that ended for good, and answers its questions that were held.
    pub(super) fn forget(&mut self, service: &Service, node: NodeId) -> Vec<Arriving> {
        if self.open.contains_key(&node) {
            self.opens(service, node);
        }
        self.held.remove(&node).unwrap_or_default().into_iter().map(|held| held.call).collect()
    }

    /// Holds a question until this instant or until there is something.
    pub(super) fn hold(&mut self, node: NodeId, call: Arriving, until: Until) {
        self.due.insert((until.at(), node));
        self.held.entry(node).or_default().push(Held { call, until });
    }

    /// Notes that a node is about to open its control channel, so that it has none.
    pub(super) fn opens(&mut self, service: &Service, node: NodeId) {
        self.open.remove(&node);
        service.close_control_channels(node);
    }

    /// Notes that a node's control channel is open.
    pub(super) fn opened(&mut self, node: NodeId, number: u32, now: Timestamp) {
        self.open.insert(node, (number, now));
        self.woken.insert(node);
    }

    /// The nodes whose control channels are open, by number, and since when.
    pub(super) fn channels(&self) -> impl Iterator<Item = (u32, Timestamp)> {
        self.open.values().copied()
    }

    /// Notes that a node's control channel broke; says whether one was open.
    pub(super) fn lose(&mut self, service: &Service, number: u32) -> bool {
        let node = self.open.iter().find(|(_, (open, _))| *open == number).map(|(node, _)| *node);
        node.is_some_and(|node| {
            self.opens(service, node);
            true
        })
    }
}

/// The node that a question for messages comes from.
pub(super) fn asks(request: &Request) -> Option<NodeId> {
    match request {
        Request::Message(MessageRequest::Get(question)) => Some(question.destination),
        _ => None,
    }
}

/// The node that asks for a control channel.
pub(super) fn opens(request: &Request) -> Option<NodeId> {
    match request {
        Request::Message(MessageRequest::Open(open)) => Some(open.node),
        _ => None,
    }
}

/// Whether an answer says that there is nothing, and may be held back.
pub(super) fn is_empty(answer: &Answer) -> bool {
    matches!(answer, Answer::Messages(messages) if messages.is_empty())
}
