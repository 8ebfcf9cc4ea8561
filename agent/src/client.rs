//! One call, one answer: how a node's request reaches a control plane.
//!
//! [`Client::send`] signs the request, waits for a connection if the fleet has
//! no more to give, sends it and reads the answer as bytes. What the bytes mean
//! is the caller's affair, and so is calling again: a call is made once, as the
//! history must tell it once.
//!
//! - [`channel`]: the control channel, which outlives its call
//! - [`endpoint`]: where the plane is
//! - [`key`]: the key pairs of nodes that sign by themselves
//! - [`odd`]: what an answer looks like that is not the one that was asked for
//! - [`sign`]: the signature, with the day's key at hand
//! - [`faulty`]: a socket on which things go wrong
//! - [`http`]: the request as the real agent writes it, and what an answer means
//! - [`transport`]: a connection
//! - `upgrade`: a connection that becomes a WebSocket
//! - [`pool`]: all connections, and who waits for one
//!
//! Invariant: a slow plane is never hidden. Calls under way have a connection
//! each; only past the pool's bound do they wait, and that is measured apart.

pub mod channel;
pub mod endpoint;
pub mod faulty;
pub mod http;
pub mod key;
pub mod odd;
pub mod pool;
pub mod sign;
pub mod transport;
mod upgrade;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderValue, Request};
use bytes::Bytes;
use http_body_util::Full;
use shared::error::ErrorCode;
use shared::time::Timestamp;
use tokio::sync::watch;

use crate::credentials::SignedBy;
use crate::fault::passage::Meddling;

use self::endpoint::Endpoint;
use self::faulty::Conditions;
use self::http::AnswerError;
use self::key::KeyPool;
use self::pool::{Counters, Owner, Pool, Turn};
use self::sign::Signer;
use self::transport::{Connection, Exchange, SetupError, Transport, TransportError};

/// The wall clock, as far as calls need one. The fleet's clock implements it.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Wall time since some fixed start; never goes back.
    fn wall(&self) -> Duration;

    /// Completes with the future, or with [`Elapsed`] once this much wall time has passed.
    fn timeout<F: Future + Send>(
        &self,
        wall: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + Send;
}

/// The most bytes of an answer's body: far above any page of the API.
pub const ANSWER_BYTES: usize = 16 << 20;

/// What the targets of the service of messages begin with.
const MESSAGES: &str = "EC2WindowsMessageDeliveryService.";

/// The time given was over first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No complete answer came back. The plane may have acted all the same.
    #[error("no reply to {target}")]
    Unreachable {
        /// What was asked.
        target: &'static str,
        /// What was in the way.
        source: TransportError,
    },
    /// The service said no, and gave the reason a name.
    #[error("{target} refused: {code}")]
    Refused {
        /// What was asked.
        target: &'static str,
        /// The reason's name.
        code: ErrorCode,
        /// The HTTP status.
        status: u16,
        /// The reason in words; may be empty.
        message: String,
    },
    /// Something came back that is not the reply we know.
    #[error("unreadable reply to {target}")]
    Unreadable {
        /// What was asked.
        target: &'static str,
        /// The HTTP status, zero where not even that could be read.
        status: u16,
        /// What is wrong with it.
        source: AnswerError,
    },
}

impl CallError {
    /// The target of the call, such as `AmazonSSM.GetDocument`.
    pub fn target(&self) -> &'static str {
        match self {
            Self::Unreachable { target, .. }
            | Self::Refused { target, .. }
            | Self::Unreadable { target, .. } => target,
        }
    }
}

/// What a client may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most connections open at once; at least one.
    pub connections: usize,
    /// A connection idle for longer (wall time) is closed, not reused.
    pub idle_close: Duration,
    /// The most bytes of an answer's body.
    pub answer_bytes: usize,
}

impl Limits {
    /// So many connections; else the real agent's 90 s idle (Go's default
    /// transport), and so many bytes of answer as any caller takes.
    pub fn of_connections(connections: usize) -> Self {
        Self { connections, idle_close: Duration::from_secs(90), answer_bytes: ANSWER_BYTES }
    }
}

/// One request, ready to go but for its signature.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The value of `X-Amz-Target`, such as `AmazonSSM.GetDocument`.
    pub target: &'static str,
    /// The value of `User-Agent`; made once per cohort, cheap to clone.
    pub user_agent: HeaderValue,
    /// The JSON.
    pub body: Bytes,
    /// In whose name.
    pub by: SignedBy,
    /// Whose connections it may use.
    pub owner: Owner,
    /// When the call was meant to start: who waits for a connection waits in this order.
    pub due: Timestamp,
    /// The instant that the signature carries.
    pub now: Timestamp,
    /// The most wall time for all of it, waiting for a connection included.
    pub timeout: Duration,
    /// What goes wrong with it, if anything does.
    pub obstacles: Option<Obstacles>,
}

/// What goes wrong with a call. It then has a connection of its own.
#[derive(Debug, Clone)]
pub struct Obstacles {
    /// What that connection is like.
    pub conditions: Conditions,
    /// What is done to the call itself.
    pub meddling: Meddling,
}

/// What became of a call.
#[derive(Debug)]
pub struct Sent {
    /// The body of a reply with a good status, or why there is none.
    pub outcome: Result<Bytes, CallError>,
    /// Wall time from being handed a connection, or leave to open one, to the outcome.
    pub latency: Duration,
    /// Wall time of waiting because all connections were in use; else zero.
    pub held: Duration,
}

/// Makes calls to one endpoint as one caller; cheap to clone.
#[derive(Debug)]
pub struct Client<C> {
    shared: Arc<Shared<C>>,
}

#[derive(Debug)]
struct Shared<C> {
    endpoint: Endpoint,
    signer: Signer,
    keys: KeyPool,
    /// For questions by long polling, and what answers their messages.
    message_signer: Signer,
    /// For the control channel.
    channel_signer: Signer,
    transport: Transport,
    pool: Pool,
    clock: C,
    answer_bytes: usize,
}

impl<C> Clone for Client<C> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<C: Clock> Client<C> {
    /// A client without connections: each is opened when a call needs it.
    /// Fails where `https` is asked for and the trusted roots cannot be read.
    pub fn new(endpoint: Endpoint, signer: Signer, clock: C, limits: Limits) -> Result<Self, SetupError> {
        let transport = Transport::new(&endpoint)?;
        Ok(Self::over(transport, endpoint, signer, clock, limits))
    }

    /// A client whose connections this transport opens.
    fn over(transport: Transport, endpoint: Endpoint, signer: Signer, clock: C, limits: Limits) -> Self {
        let pool = Pool::new(limits.connections, limits.idle_close);
        let answer_bytes = limits.answer_bytes;
        let (message_signer, channel_signer) =
            (signer.for_service("ec2messages"), signer.for_service("ssmmessages"));
        Self {
            shared: Arc::new(Shared {
                endpoint,
                signer,
                keys: KeyPool::default(),
                message_signer,
                channel_signer,
                transport,
                pool,
                clock,
                answer_bytes,
            }),
        }
    }

    /// The same client with the key pairs of nodes that sign by themselves.
    ///
    /// # Panics
    /// When it was cloned before.
    pub fn with_keys(mut self, keys: KeyPool) -> Self {
        Arc::get_mut(&mut self.shared).expect("it was not handed out yet").keys = keys;
        self
    }

    /// The key pairs.
    pub fn keys(&self) -> &KeyPool {
        &self.shared.keys
    }

    /// How many connections there are and were, and who waited.
    pub fn counters(&self) -> Counters {
        self.shared.pool.counters()
    }

    /// Makes the call, once.
    pub async fn send(&self, call: Outgoing) -> Sent {
        let Shared { endpoint, signer, message_signer, keys, clock, .. } = &*self.shared;
        let signer = if call.target.starts_with(MESSAGES) { message_signer } else { signer };
        let signed = signer.sign_by(&call.by, keys, endpoint.authority(), call.target, &call.body, call.now);
        let Some(signed) = signed else {
            let source = TransportError::NoKey;
            let outcome = Err(CallError::Unreachable { target: call.target, source });
            return Sent { outcome, latency: Duration::ZERO, held: Duration::ZERO };
        };
        let request = http::request(endpoint, call.target, call.user_agent, call.body, signed);
        let began = clock.wall();
        let mut held = None;

        let Outgoing { target, owner, due, timeout, obstacles, .. } = call;
        let outcome = match obstacles {
            None => {
                let attempt = self.shared.attempt(target, owner, due, request, &mut held);
                clock.timeout(timeout, attempt).await
            }
            Some(obstacles) => {
                let attempt = self.shared.attempt_alone(target, due, request, obstacles, &mut held);
                clock.timeout(timeout, attempt).await
            }
        };
        let spent = clock.wall().saturating_sub(began);
        let outcome = outcome.unwrap_or_else(|Elapsed| {
            let late = if held.is_some() { TransportError::TimedOut } else { TransportError::HeldTooLong };
            Err(CallError::Unreachable { target, source: late })
        });
        // Without a hand-over, all of the time went into waiting for one.
        let held = held.unwrap_or(spent);
        Sent { outcome, latency: spent.saturating_sub(held), held }
    }
}

impl<C: Clock> Shared<C> {
    /// Takes connections until one takes the request. Only a connection that
    /// closed while idle, before a byte of the request was written, is passed over
    /// for the next: past that the plane may have acted, and a lost
    /// acknowledgement is for the node to bear.
    async fn attempt(
        &self,
        target: &'static str,
        owner: Owner,
        due: Timestamp,
        mut request: Request<Full<Bytes>>,
        held: &mut Option<Duration>,
    ) -> Result<Bytes, CallError> {
        let unreachable = |source| CallError::Unreachable { target, source };
        loop {
            let (turn, waited) = self.pool.turn(owner, due, &self.clock).await;
            *held = Some(held.unwrap_or_default() + waited);
            let mut connection = match turn {
                Turn::Reuse(connection) => connection,
                Turn::Open(slot) => {
                    let opened = self.transport.open(slot).await.map_err(unreachable)?;
                    self.pool.opened();
                    opened
                }
            };
            match connection.exchange(request).await {
                Exchange::Answered(response) => {
                    return self.read(target, owner, response, connection).await;
                }
                Exchange::Unsent(unsent, _) if connection.is_reused() => {
                    self.pool.replaced();
                    request = unsent;
                }
                Exchange::Unsent(_, cause) | Exchange::Lost(cause) => {
                    return Err(http::broken(target, cause));
                }
            }
        }
    }

    /// Sends the request over a connection of its own, on which things go wrong.
    async fn attempt_alone(
        &self,
        target: &'static str,
        due: Timestamp,
        request: Request<Full<Bytes>>,
        obstacles: Obstacles,
        held: &mut Option<Duration>,
    ) -> Result<Bytes, CallError> {
        let unreachable = |source| CallError::Unreachable { target, source };
        let Obstacles { conditions, meddling } = obstacles;
        if let Meddling::Answers(stated) = &meddling {
            *held = Some(Duration::ZERO);
            return http::judge(target, stated.into());
        }
        let (turn, waited) = self.pool.turn(Owner::NOBODY, due, &self.clock).await;
        *held = Some(waited);
        let slot = match turn {
            Turn::Open(slot) => slot,
            Turn::Reuse(_) => unreachable!("nobody gives a connection back in this name"),
        };
        // Whoever holds the other end changes nothing any more.
        let (_, conditions) = watch::channel(conditions);
        let stream =
            self.transport.connect_under(conditions, self.clock.clone()).await.map_err(unreachable)?;
        self.pool.opened();
        if meddling == Meddling::Aborts {
            return Err(unreachable(TransportError::Broken("cut off by a fault of the scenario".into())));
        }
        let mut connection = transport::Transport::over(stream, slot).await.map_err(unreachable)?;
        let response = match connection.exchange(request).await {
            Exchange::Answered(response) => response,
            Exchange::Unsent(_, cause) | Exchange::Lost(cause) => return Err(http::broken(target, cause)),
        };
        if meddling == Meddling::LosesAnswer {
            return Err(unreachable(TransportError::Broken(
                "the answer was lost by a fault of the scenario".into(),
            )));
        }
        let answer = http::read(target, response, self.answer_bytes).await?;
        match &meddling {
            Meddling::Replaces(stated) => http::judge(target, stated.into()),
            _ => http::judge(target, answer),
        }
    }

    /// Reads the answer; a connection whose answer was read to its end serves again.
    async fn read(
        &self,
        target: &'static str,
        owner: Owner,
        response: transport::Answering,
        connection: Connection,
    ) -> Result<Bytes, CallError> {
        let answer = http::read(target, response, self.answer_bytes).await?;
        self.pool.give_back(owner, connection, self.clock.wall());
        http::judge(target, answer)
    }
}
