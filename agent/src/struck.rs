//! A node under faults: what strikes it, and what it does while that lasts.
//!
//! [`Event::Struck`] and [`Event::Lifted`] begin and end a strike; in between the
//! node's other files ask here what is otherwise than ever. How a machine goes
//! down and comes back is in `outage`, what becomes of its reports in `report`.
//! Faults that last as long as a node lives are told of by [`Node::fault`].
//!
//! Only a node that is struck has anything of this: for all others it is one
//! empty pointer.
//!
//! Invariant: once nothing strikes a node any more, it acts as if nothing ever
//! had, but for what it went through.

mod outage;
mod report;

use std::sync::Arc;

use shared::id::NodeId;
use shared::seed::Draw;
use shared::time::{Period, Timestamp};

use crate::call::Outcome;
use crate::catalogue::{Behaviour, Catalogue, Cohort, Platform};
use crate::credentials::Held;
use crate::fault::NodeFault;
use crate::fault::clock::Offset;
use crate::fault::named::{Cause, Misfit};
use crate::fault::node::Loss;
use crate::fault::software::EagerRetries;
use crate::fault::strike::Strike;
use crate::identity::{Identity, node_id};
use crate::lane::LaneName;
use crate::lifecycle::Lifecycle;
use crate::node::{Event, Node, Note, Turn};

/// What a node that is struck holds.
#[derive(Debug, Default)]
pub(crate) struct Struck {
    in_force: Vec<InForce>,
    /// When a node that flaps is next cut off or let through.
    changes_at: Option<Timestamp>,
    /// When it is to be deregistered.
    deregister_at: Option<Timestamp>,
    /// What came while it stood still.
    held_back: Vec<Event>,
    /// Calls that it takes for answered: they go out later.
    told: Vec<(LaneName, u32)>,
    /// The ids that it lives under in place of its own; the last one counts.
    strays: Vec<Stray>,
    /// What was its own before the first of them.
    own: Option<Own>,
    /// When it would have arrived.
    arrives: Option<Timestamp>,
}

/// A strike, and since when it lasts.
#[derive(Debug)]
struct InForce {
    window: u32,
    since: Timestamp,
    strike: Arc<Strike>,
}

/// An id in place of a node's own.
#[derive(Debug)]
struct Stray {
    window: u32,
    id: NodeId,
    /// Whether nobody ever registered it.
    is_strange: bool,
}

/// What a node has under its own id.
#[derive(Debug)]
struct Own {
    /// What it shows who it is by, while it lives under a strange id.
    held: Option<Box<Held>>,
    /// Whether it had been let in.
    was_let_in: bool,
}

impl Struck {
    fn strikes(&self) -> impl Iterator<Item = (&Strike, Timestamp)> {
        self.in_force.iter().map(|one| (&*one.strike, one.since))
    }

    fn has(&self, strike: &Strike) -> bool {
        self.strikes().any(|(one, _)| one == strike)
    }

    /// How documents go meanwhile: the first that fits counts.
    fn outcome(&self, document: &str, step: &str, index: u32) -> Option<&Behaviour> {
        self.strikes().find_map(|(strike, _)| match strike {
            Strike::Outcome(behaviour) if behaviour.fits(document, step, index) => Some(&**behaviour),
            _ => None,
        })
    }

    /// Until when something keeps the machine down, as far as that is known.
    fn is_down_until(&self) -> Option<Timestamp> {
        let until = self.strikes().filter_map(|(strike, since)| match strike {
            Strike::InvalidInstance(cause) if cause.is_silent() => Some(Timestamp::NEVER),
            Strike::Crash(crash) => Some(crash.down.map_or(Timestamp::NEVER, |down| since + down)),
            _ => None,
        });
        until.max()
    }

    /// When it has something to do by itself.
    fn next_due(&self) -> Timestamp {
        let instants = [self.changes_at, self.deregister_at];
        instants.into_iter().flatten().min().unwrap_or(Timestamp::NEVER)
    }

    /// Of a node that is to be deregistered then.
    pub(crate) fn to_be_deregistered(at: Timestamp) -> Box<Self> {
        Box::new(Self { deregister_at: Some(at), ..Self::default() })
    }

    fn is_over(&self) -> bool {
        self.in_force.is_empty() && self.deregister_at.is_none() && self.held_back.is_empty()
    }
}

/// How a step of runs of this document goes on a node.
pub(crate) fn behaviour(
    struck: Option<&Struck>,
    cohort: &Cohort,
    document: &str,
    step: &str,
    index: u32,
) -> Behaviour {
    let outcome = struck.and_then(|struck| struck.outcome(document, step, index));
    outcome.cloned().unwrap_or_else(|| cohort.behaviour(document, step, index))
}

impl Node {
    /// Follows the beginning of a strike.
    pub(crate) fn struck(&mut self, window: u32, strike: &Arc<Strike>, turn: &mut Turn<'_>) {
        turn.note(Note::Struck(strike.name(), detail(strike)));
        let since = turn.now;
        let struck = self.struck.get_or_insert_default();
        struck.in_force.push(InForce { window, since, strike: strike.clone() });
        match **strike {
            Strike::InvalidInstance(cause) if cause.is_silent() => {
                self.go_down(turn.now, Loss::Memory, turn);
            }
            Strike::InvalidInstance(Cause::NeverRegistered) => {
                self.live_under(window, stray_id(turn.draw), true, turn)
            }
            Strike::InvalidInstance(Cause::Deregistered) => struck.deregister_at = Some(turn.now),
            Strike::UnsupportedPlatform(_) => self.go_down(turn.now, Loss::Memory, turn),
            Strike::Crash(crash) => self.go_down(turn.now, crash.loses, turn),
            Strike::Flapping(_) | Strike::Offline => self.connection_changes(turn),
            Strike::CloneId(clone) => {
                let other = Identity { index: clone.of, ..self.identity };
                self.live_under(window, node_id(other.draw(turn.catalogue), None), false, turn);
            }
            Strike::SameFingerprint(_) | Strike::IdReuse => self.go_down(turn.now, Loss::Disk, turn),
            _ => {}
        }
        self.struck_due(turn);
    }

    /// Follows the end of a strike.
    pub(crate) fn lifted(&mut self, window: u32, turn: &mut Turn<'_>) {
        let Some(struck) = &mut self.struck else { return };
        let Some(place) = struck.in_force.iter().position(|one| one.window == window) else { return };
        let strike = struck.in_force.remove(place).strike;
        turn.note(Note::Lifted(strike.name()));
        match *strike {
            Strike::InvalidInstance(cause) if cause.is_silent() => self.go_down(turn.now, Loss::Memory, turn),
            Strike::InvalidInstance(Cause::Deregistered) => {
                struck.deregister_at = None;
                self.go_down(turn.now, Loss::Disk, turn);
            }
            Strike::InvalidInstance(Cause::NeverRegistered) | Strike::CloneId(_) => {
                self.live_as_itself(window, turn)
            }
            Strike::UnsupportedPlatform(_) => self.go_down(turn.now, Loss::Memory, turn),
            Strike::Crash(crash) if crash.down.is_none() => self.go_down(turn.now, crash.loses, turn),
            Strike::Flapping(_) => struck.changes_at = None,
            Strike::SameFingerprint(_) | Strike::IdReuse => self.go_down(turn.now, Loss::Disk, turn),
            Strike::Pause => self.catch_up(turn),
            Strike::ExpiredCredentials => self.renew_at_once(turn.now),
            _ => {}
        }
        self.struck.take_if(|struck| struck.is_over());
    }

    /// What a struck node does by itself, when it is due.
    pub(crate) fn struck_due(&mut self, turn: &mut Turn<'_>) {
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= turn.now);
        let Some(struck) = &self.struck else { return };
        let (changes, leaves) = (is_due(struck.changes_at), is_due(struck.deregister_at));
        if changes {
            self.connection_changes(turn);
        }
        if leaves {
            self.deregister(turn);
        }
    }

    /// When a struck node next has something to do by itself.
    pub(crate) fn struck_next_due(&self) -> Timestamp {
        self.struck.as_ref().map_or(Timestamp::NEVER, |struck| struck.next_due())
    }

    /// A node that stands still keeps what comes; says whether it did.
    pub(crate) fn holds_back(&mut self, event: Event) -> Option<Event> {
        if !self.is_paused() {
            return Some(event);
        }
        match event {
            Event::Struck { .. } | Event::Lifted { .. } => Some(event),
            Event::Stop => {
                // It is let go on, to end.
                let struck = self.struck.as_mut().expect("who stands still is struck");
                struck.in_force.retain(|one| *one.strike != Strike::Pause);
                Some(event)
            }
            Event::Due => None,
            Event::Answered { .. } | Event::Pushed(_) | Event::ChannelClosed => {
                self.struck.as_mut().expect("who stands still is struck").held_back.push(event);
                None
            }
        }
    }

    /// Takes in what came while it stood still.
    pub(crate) fn catch_up(&mut self, turn: &mut Turn<'_>) {
        if self.is_paused() {
            return;
        }
        let held_back = self.struck.as_mut().map(|struck| std::mem::take(&mut struck.held_back));
        for event in held_back.into_iter().flatten() {
            self.follow_event(event, turn);
        }
        // What was due meanwhile is meant now.
        let of_channels = self.messaging.iter().flat_map(|_| LaneName::OF_CHANNELS);
        for name in LaneName::ALL.into_iter().chain(of_channels.collect::<Vec<_>>()) {
            let lane = self.lane(name);
            lane.due = lane.due.max(turn.now);
        }
    }

    fn is_struck_by(&self, strike: &Strike) -> bool {
        self.struck.as_ref().is_some_and(|struck| struck.has(strike))
    }

    /// Whether it stands still.
    pub(crate) fn is_paused(&self) -> bool {
        self.is_struck_by(&Strike::Pause)
    }

    /// Whether steps do not come to their end.
    pub(crate) fn hangs(&self) -> bool {
        self.is_struck_by(&Strike::Hang)
    }

    /// Whether nothing that it sends arrives, and nothing comes to it.
    pub fn is_cut_off(&self, now: Timestamp) -> bool {
        let cuts = |(strike, since): (&Strike, Timestamp)| match strike {
            Strike::Offline => true,
            Strike::Flapping(flapping) => flapping.is_down(now.since(since)),
            _ => false,
        };
        self.struck.as_ref().is_some_and(|struck| struck.strikes().any(cuts))
    }

    /// What an answer is to a node to which nothing comes.
    pub(crate) fn heard(&self, outcome: Outcome, now: Timestamp) -> Outcome {
        if self.is_cut_off(now) { Outcome::Unreachable } else { outcome }
    }

    /// How far its clock is off.
    pub fn clock(&self, now: Timestamp) -> Offset {
        let Some(struck) = &self.struck else { return Offset::default() };
        struck.strikes().fold(Offset::default(), |sum, (strike, since)| match strike {
            Strike::ClockSkew(skew) => sum.and(skew.offset()),
            Strike::ClockJump(jump) => sum.and(jump.offset(now.since(since))),
            _ => sum,
        })
    }

    /// The version of its agent, where it is not its cohort's.
    pub fn other_version(&self) -> Option<&str> {
        let struck = self.struck.as_ref()?;
        struck.strikes().find_map(|(strike, _)| match strike {
            Strike::OldVersion(old) => Some(old.version.as_str()),
            _ => None,
        })
    }

    /// The version of its agent.
    pub(crate) fn agent_version<'a>(&'a self, cohort: &'a Cohort, draw: Draw) -> &'a str {
        self.other_version().unwrap_or_else(|| cohort.agent_version(draw))
    }

    /// This wait by chance, or none where the agent knows of no chance.
    pub(crate) fn jitter(&self, wait: Period) -> Period {
        if self.is_struck_by(&Strike::NoJitter) { Period::ZERO } else { wait }
    }

    /// Whether its first heartbeat is spread by chance.
    pub(crate) fn has_jitter(&self) -> bool {
        !self.is_struck_by(&Strike::NoJitter)
    }

    /// How it tries again, where that is too soon and too often.
    pub(crate) fn eager_retries(&self) -> Option<EagerRetries> {
        let struck = self.struck.as_ref()?;
        struck.strikes().find_map(|(strike, _)| match strike {
            Strike::EagerRetries(eager) => Some(*eager),
            _ => None,
        })
    }

    /// Forgets what it knew, if that is what is wrong with it.
    pub(crate) fn forget_state(&mut self) {
        if self.is_struck_by(&Strike::ForgetsState) {
            self.known.clear();
            self.set_inventory_taken(Default::default());
        }
    }

    /// Whether it leaves its credentials to run out.
    pub(crate) fn lets_credentials_expire(&self) -> bool {
        self.is_struck_by(&Strike::ExpiredCredentials)
    }

    fn renew_at_once(&mut self, now: Timestamp) {
        if self.lifecycle == Lifecycle::Stopped {
            return;
        }
        let lane = self.lane(LaneName::Credentials);
        if lane.outstanding.is_none() && lane.due == Timestamp::NEVER {
            lane.due = now;
        }
    }

    /// What is wrong with its platform, for now or for good.
    pub(crate) fn misfit(&self) -> Option<Misfit> {
        let for_now = self.struck.as_ref().and_then(|struck| {
            struck.strikes().find_map(|(strike, _)| match strike {
                Strike::UnsupportedPlatform(misfit) => Some(*misfit),
                _ => None,
            })
        });
        for_now.or(match self.fault {
            Some(NodeFault::UnsupportedPlatform) => Some(Misfit::Foreign),
            Some(NodeFault::UnknownPlatform) => Some(Misfit::Unknown),
            _ => None,
        })
    }

    /// The operating system that this node runs. The agent takes one that nobody
    /// knows for what its cohort runs.
    pub fn platform(&self, catalogue: &Catalogue) -> Platform {
        let platform = self.identity.cohort(catalogue).platform;
        if self.misfit() == Some(Misfit::Foreign) { platform.foreign() } else { platform }
    }

    /// The id that it lives under in place of its own.
    pub(crate) fn stray(&self) -> Option<NodeId> {
        self.struck.as_ref().and_then(|struck| struck.strays.last()).map(|stray| stray.id)
    }

    /// Whether its id is one that was never registered.
    pub(crate) fn is_a_stranger(&self) -> bool {
        let for_now = self.is_struck_by(&Strike::InvalidInstance(Cause::NeverRegistered));
        for_now || self.fault == Some(NodeFault::InvalidInstance(Cause::NeverRegistered))
    }

    /// The draws of the machine that it is: another one's where its id came to another.
    pub(crate) fn machine(&self, draw: Draw) -> Draw {
        if self.is_struck_by(&Strike::IdReuse) { draw.part(1) } else { draw }
    }

    /// The draws that its fingerprint follows from.
    pub(crate) fn fingerprint_draw(&self, catalogue: &Catalogue, draw: Draw) -> Draw {
        let copied = self.struck.as_ref().and_then(|struck| {
            struck.strikes().find_map(|(strike, _)| match strike {
                Strike::SameFingerprint(same) => Some(same.of),
                _ => None,
            })
        });
        copied.map_or(draw, |of| Identity { index: of, ..self.identity }.draw(catalogue))
    }
}

/// What a report tells of a strike beside its name.
fn detail(strike: &Strike) -> Option<&'static str> {
    match strike {
        Strike::InvalidInstance(cause) => Some(cause.as_str()),
        Strike::UnsupportedPlatform(misfit) => Some(misfit.as_str()),
        _ => None,
    }
}

/// An id that nobody registered.
fn stray_id(draw: Draw) -> NodeId {
    node_id(draw, Some(NodeFault::InvalidInstance(Cause::NeverRegistered)))
}
