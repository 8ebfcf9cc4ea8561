//! What a node does for its registration and its credentials.
//!
//! Three things may be due: to register, to renew, to change the key. They take
//! turns in one lane. The worker is started with the first credentials; what
//! fails later leaves it at work with those that it has.

use shared::error::ErrorCode;
use shared::seed::Draw;
use shared::time::{Period, Timestamp};

use super::wait::{self, Failure};
use super::{Held, IdentityKind, IdentitySettings, KeyNumber, SignedBy, Signing, Step, key_number};
use crate::call::{Call, Outcome};
use crate::catalogue::Catalogue;
use crate::fault::NodeFault;
use crate::fault::clock::Offset;
use crate::fault::named::{Cause, Misfit};
use crate::identity::node_id;
use crate::lane::LaneName;
use crate::lifecycle::{Event, Lifecycle};
use crate::node::{Dispatch, Node, Note, Turn};

/// How long a machine takes to make a key pair (seen of the real agent).
const KEY_TAKES: Period = Period::milliseconds(180);
/// How soon a machine looks again for the activation that it is to register by.
const LOOK_AGAIN: Period = Period::seconds(1);

impl Node {
    /// Has the node register, or go on with an id that it has, when it arrives.
    pub(crate) fn arrive(&mut self, settings: &IdentitySettings, draw: Draw, arrives: Timestamp) {
        let mut held = Held::new(first_step(settings));
        if settings.kind == IdentityKind::Hybrid && self.is_a_stranger() {
            // It was registered once, and its plane knows it no more.
            held.id = Some(node_id(draw, Some(NodeFault::InvalidInstance(Cause::NeverRegistered))));
            held.renew_at = arrives;
        } else {
            held.id = settings.own_id.filter(|_| settings.kind == IdentityKind::Ec2);
            held.register_at = arrives;
        }
        self.held = Some(Box::new(held));
        self.lane(LaneName::Credentials).due = arrives;
    }

    /// How a call of this node is signed.
    pub fn signing(&self, catalogue: &Catalogue, draw: Draw, dispatch: &Dispatch) -> Signing {
        let settings = &self.identity.cohort(catalogue).identity;
        let id = self.id(draw);
        let changes = self.held.as_ref().map_or(0, |held| held.keys);
        let draw = self.machine(draw);
        let key = |changes: u16| key_number(draw, changes, settings.key_pool);
        let is_hybrid = settings.kind == IdentityKind::Hybrid;
        let by_key = |number: KeyNumber| {
            if is_hybrid { SignedBy::Key(id, number) } else { SignedBy::Instance(id, number) }
        };
        let signed = |by, offers| Signing { by, offers, clock: Offset::default() };
        let unsaid = |by| signed(by, None);
        match dispatch.call {
            Call::Deregister => unsaid(SignedBy::Account),
            Call::Register if is_hybrid => signed(SignedBy::Nobody, Some(key(0))),
            Call::Register => signed(SignedBy::Account, Some(key(0))),
            Call::RequestToken(changes) => unsaid(by_key(key(changes))),
            Call::UpdateKey => signed(by_key(key(changes)), Some(key(changes + 1))),
            _ if dispatch.lane == LaneName::Credentials => unsaid(SignedBy::Account),
            _ => {
                let session = self.held.as_ref().and_then(|held| held.session.clone());
                unsaid(session.map_or(SignedBy::Account, SignedBy::Session))
            }
        }
    }

    pub(crate) fn credentials_due(&mut self, due: Timestamp, turn: &mut Turn<'_>) {
        if self.lets_credentials_expire() && self.held.as_ref().is_some_and(|held| held.session.is_some()) {
            return;
        }
        let cohort = self.identity.cohort(turn.catalogue);
        let Some(held) = self.held.as_deref_mut() else {
            self.call(LaneName::Credentials, Call::Probe, due, turn);
            return;
        };
        let call = if held.register_at <= turn.now {
            let waits = cohort.identity.kind == IdentityKind::Hybrid
                && cohort.identity.activations.of(self.identity.index).is_none();
            if waits {
                held.register_at = turn.now + LOOK_AGAIN;
                self.await_credentials();
                return;
            }
            held.register_at = Timestamp::NEVER;
            Call::Register
        } else if held.change_key_at <= turn.now {
            held.change_key_at = Timestamp::NEVER;
            Call::UpdateKey
        } else {
            held.renew_at = Timestamp::NEVER;
            match held.step {
                Step::Role => Call::Probe,
                Step::Token | Step::TryOldKey => Call::RequestToken(held.keys),
                Step::TryNewKey => Call::RequestToken(held.keys + 1),
            }
        };
        self.call(LaneName::Credentials, call, due, turn);
    }

    pub(crate) fn credentials_answered(&mut self, call: &Call, outcome: &Outcome, turn: &mut Turn<'_>) {
        match call {
            Call::Register => self.registration_answered(outcome, turn),
            Call::UpdateKey => self.key_answered(outcome, turn),
            Call::RequestToken(_) => self.token_answered(outcome, turn),
            _ => self.role_answered(outcome, turn),
        }
        self.await_credentials();
    }

    fn await_credentials(&mut self) {
        if self.lifecycle == Lifecycle::Stopped || self.lane(LaneName::Credentials).outstanding.is_some() {
            return;
        }
        if let Some(held) = &self.held {
            let due = held.due();
            self.lane(LaneName::Credentials).due = due;
        }
    }

    fn registration_answered(&mut self, outcome: &Outcome, turn: &mut Turn<'_>) {
        let is_hybrid = self.identity.cohort(turn.catalogue).identity.kind == IdentityKind::Hybrid;
        let number = self.lane(LaneName::Credentials).number;
        let draw = turn.draw.uniform("registration", u64::from(number));
        let held = self.held.as_deref_mut().expect("who registers holds something");
        let failures = held.registration_failures;
        match outcome {
            Outcome::Registered(id) if is_hybrid => {
                held.id = Some(*id);
                held.key_since = turn.now;
                held.renew_at = turn.now;
                self.is_registered = true;
                turn.note(Note::Registered);
            }
            // The setup program gives up; nobody starts it anew.
            _ if is_hybrid => {
                if is_worth_another_try(outcome) && failures < wait::AT_ONCE {
                    held.registration_failures += 1;
                    held.register_at = turn.now + wait::registration_at_once(failures, draw);
                }
            }
            _ => {
                if outcome.is_done() || outcome.refusal() == Some(&ErrorCode::InstanceAlreadyRegistered) {
                    self.is_registered = true;
                    turn.note(Note::Registered);
                } else {
                    held.registration_failures = failures.saturating_add(1);
                    held.register_at = turn.now + wait::registration(failures, draw);
                }
                // Start-up goes on after the first attempt, whatever came of it.
                if failures == 0 && self.lifecycle == Lifecycle::Unregistered {
                    held.renew_at = turn.now;
                }
                self.settle();
            }
        }
    }

    fn role_answered(&mut self, outcome: &Outcome, turn: &mut Turn<'_>) {
        if outcome.is_done() {
            let held = self.held.get_or_insert_with(|| Box::new(Held::new(Step::Role)));
            held.failures = 0;
            held.session = None;
            held.renew_at = turn.now + self.identity.cohort(turn.catalogue).timing.role_check_every;
            self.follow(Event::Registered, turn);
            self.settle();
            return;
        }
        let held = self.held.get_or_insert_with(|| Box::new(Held::new(Step::Role)));
        if outcome.refusal().is_some_and(has_no_role) {
            held.step = Step::Token;
            held.renew_at = turn.now;
        } else {
            self.credentials_failed(outcome, turn);
        }
    }

    /// Lets go of what a settled instance has no need of.
    fn settle(&mut self) {
        let is_settled = |held: &Held| {
            held.register_at == Timestamp::NEVER
                && held.id.is_none()
                && held.session.is_none()
                && held.failures == 0
                && held.step == Step::Role
        };
        let waits_for_role = self.lifecycle != Lifecycle::Unregistered;
        if waits_for_role && let Some(held) = self.held.take_if(|held| is_settled(held)) {
            self.lane(LaneName::Credentials).due = held.renew_at;
        }
    }

    fn token_answered(&mut self, outcome: &Outcome, turn: &mut Turn<'_>) {
        let settings = &self.identity.cohort(turn.catalogue).identity;
        let held = self.held.as_deref_mut().expect("who asks for a token holds something");
        let step = held.step;
        let Outcome::Token(session, is_key_old) = outcome else {
            match step {
                Step::TryOldKey => {
                    held.step = Step::TryNewKey;
                    held.renew_at = turn.now;
                }
                _ => self.credentials_failed(outcome, turn),
            }
            return;
        };
        if step == Step::TryNewKey {
            held.keys += 1;
            held.key_since = turn.now;
        }
        held.step = first_step(settings);
        (held.failures, held.at_once) = (0, 0);
        held.renew_at = turn.now + session.expires.since(turn.now).share(0.5);
        held.session = Some(session.clone());
        let is_due = |age: Period| turn.now.since(held.key_since) >= age;
        let wants_change = *is_key_old || settings.key_rotation.is_some_and(is_due);
        if step == Step::Token && settings.kind == IdentityKind::Hybrid && wants_change {
            held.change_key_at = turn.now + KEY_TAKES;
        }
        self.follow(Event::Registered, turn);
    }

    fn key_answered(&mut self, outcome: &Outcome, turn: &mut Turn<'_>) {
        let held = self.held.as_deref_mut().expect("who changes its key holds something");
        if outcome.is_done() {
            held.keys += 1;
            held.key_since = turn.now;
        } else {
            // Whether the plane took it, only a token tells.
            held.step = Step::TryOldKey;
            held.renew_at = turn.now;
        }
    }

    /// No credentials came: asks again after a while.
    fn credentials_failed(&mut self, outcome: &Outcome, turn: &mut Turn<'_>) {
        let Some(failure) = Failure::of(outcome) else { return };
        let settings = &self.identity.cohort(turn.catalogue).identity;
        let number = u64::from(self.lane(LaneName::Credentials).number);
        let draws = [0, 1].map(|part| turn.draw.part(part).uniform("credentials", number));
        self.note_rejection(outcome, turn);
        let held = self.held.as_deref_mut().expect("who has no credentials holds that it has none");
        if settings.kind == IdentityKind::Ec2 {
            held.step = first_step(settings);
            held.renew_at = turn.now + wait::instance(failure, held.failures, draws[0]);
            held.failures = held.failures.saturating_add(1);
            return;
        }
        if failure == Failure::Silence && held.at_once < wait::AT_ONCE {
            held.renew_at = turn.now + wait::at_once(held.at_once);
            held.at_once += 1;
            return;
        }
        held.at_once = 0;
        held.step = Step::Token;
        held.renew_at = turn.now + wait::hybrid(failure, held.failures, draws);
        held.failures = held.failures.saturating_add(1);
    }

    /// Tells once why a node is not let in, where that has a name.
    fn note_rejection(&self, outcome: &Outcome, turn: &mut Turn<'_>) {
        let is_first = self.lifecycle == Lifecycle::Unregistered
            && self.held.as_ref().is_some_and(|held| held.failures == 0);
        if !is_first {
            return;
        }
        if outcome.refusal() == Some(&ErrorCode::InvalidInstanceId) {
            turn.note(Note::IdNotAccepted);
        } else if outcome.refusal().is_some() && self.misfit() == Some(Misfit::Unknown) {
            turn.note(Note::PlatformNotAccepted);
        }
    }
}

fn first_step(settings: &IdentitySettings) -> Step {
    if settings.kind == IdentityKind::Ec2 && settings.has_role { Step::Role } else { Step::Token }
}

/// Whether the setup program tries again: the plane is changing this very thing, or was not heard.
fn is_worth_another_try(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unreachable) || outcome.refusal() == Some(&ErrorCode::TooManyUpdates)
}

/// Whether a refusal says that the instance has no role that may call.
fn has_no_role(code: &ErrorCode) -> bool {
    matches!(code.as_str(), "AccessDeniedException" | "EC2RoleRequestError" | "AssumeRoleUnauthorizedAccess")
}
