//! By what a node shows who it is: its registration, its key, its credentials.
//!
//! An EC2 instance (`i-`) calls in the name of its role, here the credentials of
//! the whole fleet, and looks every half hour whether that role may; without one
//! it asks for credentials of its own (default host management). A hybrid node
//! (`mi-`) registers by an activation, signs with a key of its own, and renews
//! its credentials at half of their life.
//!
//! - [`wait`]: after which failure it waits for how long
//! - `lane`: what it does next
//!
//! Which bytes are signed and how is `client::sign`'s work; real keys are
//! `client::key`'s, and a node knows its key by number only.
//!
//! Invariant: nothing that a node decides depends on a key's or a token's bytes.

mod lane;
pub mod wait;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use shared::id::NodeId;
use shared::seed::Draw;
use shared::signature::Credentials;
use shared::time::{Period, Timestamp};

use crate::fault::clock::Offset;

/// Which of the agent's identities a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum IdentityKind {
    /// An EC2 instance, `i-`.
    #[default]
    Ec2,
    /// A machine that an activation lets in, `mi-`.
    Hybrid,
}

/// How the nodes of a cohort show who they are.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// Which identity they have.
    pub kind: IdentityKind,
    /// Whether an EC2 instance has a role; else it asks for credentials of its own.
    pub has_role: bool,
    /// After how long a hybrid node changes its key of itself
    /// (`Profile.KeyAutoRotateDays`); never if not said, as is the agent's default.
    pub key_rotation: Option<Period>,
    /// How many key pairs the whole fleet shares, at least two.
    pub key_pool: u32,
    /// The activations that hybrid nodes register by, once the operator has made them.
    pub activations: Activations,
    /// The id of the one instance there is, where it was named; else ids are drawn.
    pub own_id: Option<NodeId>,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            kind: IdentityKind::default(),
            has_role: true,
            key_rotation: None,
            key_pool: KEY_POOL,
            activations: Activations::default(),
            own_id: None,
        }
    }
}

/// How many key pairs a fleet shares if nothing else is said.
pub const KEY_POOL: u32 = 8;

/// How many nodes an activation lets in at most (API reference).
pub const ACTIVATION_LIMIT: u32 = 1_000;

/// How many nodes share an activation: each can register once more, as machines
/// do that lost their disk or were deregistered.
pub const ACTIVATION_NODES: u32 = 500;

/// An activation's id and code.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub code: String,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A cohort's activations: one for each five hundred of its nodes, or fewer where
/// nodes are replaced. The operator makes them while the fleet arrives; a node
/// waits for its own.
#[derive(Debug, Clone, Default)]
pub struct Activations {
    places: Arc<[Mutex<Option<Grant>>]>,
    /// How many nodes share one.
    nodes: u32,
}

impl Activations {
    /// Places for the activations of so many nodes, each of which is replaced so often on average.
    pub fn of_nodes(nodes: u32, lives: f64) -> Self {
        let shared = ((f64::from(ACTIVATION_NODES) / (1.0 + lives)) as u32).max(1);
        Self { places: (0..nodes.div_ceil(shared)).map(|_| Mutex::default()).collect(), nodes: shared }
    }

    /// How many there are to be.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none is needed.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Puts the activation of this number in its place.
    pub fn put(&self, number: usize, grant: Grant) {
        *self.places[number].lock().unwrap_or_else(PoisonError::into_inner) = Some(grant);
    }

    /// The activation for the node of this index, if it is there.
    pub fn of(&self, index: u32) -> Option<Grant> {
        let place = self.places.get((index / self.nodes.max(1)) as usize)?;
        place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The number of a key pair in the fleet's pool.
pub type KeyNumber = u32;

/// Credentials that the plane gave a node; cheap to clone. Every hybrid node
/// holds them as long as it lives: their texts are one piece of memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The key's id, the secret and the token, one behind the other.
    texts: Arc<str>,
    id_end: u32,
    secret_end: u32,
    /// Until when they are good.
    pub expires: Timestamp,
}

impl Session {
    /// The credentials that a plane answered with.
    pub fn new(access_key_id: &str, secret: &str, token: &str, expires: Timestamp) -> Self {
        let place = |end: usize| u32::try_from(end).expect("no reply is that large");
        Self {
            texts: [access_key_id, secret, token].concat().into(),
            id_end: place(access_key_id.len()),
            secret_end: place(access_key_id.len() + secret.len()),
            expires,
        }
    }

    /// The id of the access key.
    pub fn access_key_id(&self) -> &str {
        &self.texts[..self.id_end as usize]
    }

    /// The token that goes with each call.
    pub fn token(&self) -> &str {
        &self.texts[self.secret_end as usize..]
    }

    /// What signs.
    pub fn credentials(&self) -> Credentials {
        Credentials {
            access_key_id: self.access_key_id().to_owned(),
            secret_access_key: self.texts[self.id_end as usize..self.secret_end as usize].to_owned(),
            session_token: Some(self.token().to_owned()),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("access_key_id", &self.access_key_id())
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// What a call's signature is made with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SignedBy {
    /// The credentials of the whole fleet: an instance's role.
    #[default]
    Account,
    /// Nothing: there is no signature.
    Nobody,
    /// Credentials that the plane gave the node.
    Session(Session),
    /// The node's own key, in the place of an access key.
    Key(NodeId, KeyNumber),
    /// The fleet's credentials, and over that signature the instance's own key.
    Instance(NodeId, KeyNumber),
}

/// How a call is signed, and which public key its body carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signing {
    /// By whom.
    pub by: SignedBy,
    /// The key pair whose public half the body gives to the plane.
    pub offers: Option<KeyNumber>,
    /// How far the clock is off by which it is dated.
    pub clock: Offset,
}

/// What a node holds beyond its role. A settled instance holds none of it.
#[derive(Debug)]
pub(crate) struct Held {
    /// The id that the plane gave.
    pub(crate) id: Option<NodeId>,
    session: Option<Session>,
    register_at: Timestamp,
    renew_at: Timestamp,
    change_key_at: Timestamp,
    /// How often the key was changed.
    keys: u16,
    key_since: Timestamp,
    registration_failures: u8,
    failures: u8,
    /// How often it asked again at once because nothing came back.
    at_once: u8,
    step: Step,
}

/// What a renewal does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Look whether the instance's role may call.
    Role,
    /// Ask for credentials.
    Token,
    /// A change of the key failed: find out whether the plane holds the old one.
    TryOldKey,
    /// It does not hold the old one: whether it holds the new one.
    TryNewKey,
}

impl Held {
    fn new(first: Step) -> Self {
        Self {
            id: None,
            session: None,
            register_at: Timestamp::NEVER,
            renew_at: Timestamp::NEVER,
            change_key_at: Timestamp::NEVER,
            keys: 0,
            key_since: Timestamp::NEVER,
            registration_failures: 0,
            failures: 0,
            at_once: 0,
            step: first,
        }
    }

    fn due(&self) -> Timestamp {
        self.register_at.min(self.renew_at).min(self.change_key_at)
    }
}

/// The key pair that a node uses after so many changes. No two in a row are the same.
fn key_number(draw: Draw, changes: u16, key_pool: u32) -> KeyNumber {
    let pool = u64::from(key_pool.max(1));
    ((draw.bits("key-pair", 0) % pool + u64::from(changes)) % pool) as KeyNumber
}
