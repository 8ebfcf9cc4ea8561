//! The operator's place in real time: before a socket, with reqwest.
//!
//! A plane that moves the caller on is not followed: the agents do not follow it
//! either, and where it leads nobody has been asked whether it may be called.
//! Once the run is over, a call is waited for shortly, by the wall's clock: then
//! nobody wants to wait for a plane that hangs.
//!
//! Invariant: of a body no more is kept than any caller takes, however long it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent::client::endpoint::Endpoint;
use agent::client::sign::Signer;
use agent::client::{ANSWER_BYTES, odd};
use agent::identity::Identity;
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue};
use plane::auth::ATTENDANT;
use plane::service::Handle;
use shared::error::ErrorBody;
use shared::time::Timestamp;
use tokio::sync::{Mutex, mpsc};

use crate::cause::chain;
use crate::clock::{Clock, wall_now};
use crate::operator::desk::REPLY_WITHIN;
use crate::operator::{Desk, DeskError, Order, OrderError, Wake};
use crate::run::stage::Orders;

/// How long a call is waited for once the run is over, in wall time.
const LAST_REPLY_WITHIN: Duration = Duration::from_secs(10);

/// A place before a socket.
#[derive(Debug)]
pub struct SocketDesk {
    client: reqwest::Client,
    url: String,
    endpoint: Endpoint,
    signer: Signer,
    clock: Clock,
    is_wall_dated: bool,
    registered: Mutex<mpsc::UnboundedReceiver<Identity>>,
    /// Who carries orders out.
    orders: Orders,
    /// Whether the run is over.
    is_over: AtomicBool,
}

impl SocketDesk {
    /// A place before this plane.
    pub fn new(
        endpoint: &Endpoint,
        signer: Signer,
        clock: Clock,
        is_wall_dated: bool,
        registered: mpsc::UnboundedReceiver<Identity>,
        orders: Orders,
    ) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ssm-fleet/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            url: endpoint.to_string(),
            endpoint: endpoint.clone(),
            signer,
            clock,
            is_wall_dated,
            registered: Mutex::new(registered),
            orders,
            is_over: AtomicBool::new(false),
        })
    }

    /// From here on no call is waited for long: the run is over.
    pub fn wind_up(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// How long the next call is waited for.
    fn patience(&self) -> Duration {
        // At least a second.
        let usual = self.clock.wall_timeout(REPLY_WITHIN);
        if self.is_over.load(Ordering::Relaxed) { usual.min(LAST_REPLY_WITHIN) } else { usual }
    }

    fn headers(&self, target: &str, body: &[u8]) -> HeaderMap {
        let now = if self.is_wall_dated { wall_now() } else { self.clock.now() };
        let signed = self.signer.sign(self.endpoint.authority(), target, body, now);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert("x-amz-target", target.parse().expect("a target's name is ASCII"));
        let own = [
            (AUTHORIZATION, signed.authorization),
            (HeaderName::from_static("x-amz-date"), signed.date),
            (HeaderName::from_static("x-amz-security-token"), signed.token),
        ];
        headers.extend(own.into_iter().filter_map(|(name, value)| Some((name, value?))));
        headers
    }

    /// Makes one call, with these headers besides.
    async fn send<O: Handle>(&self, operation: O, more: HeaderMap) -> Result<O::Reply, DeskError> {
        let failed = |reason: String| DeskError::Failed { operation: O::NAME, reason, may_be_done: true };
        let unsent = |error: reqwest::Error| DeskError::Failed {
            operation: O::NAME,
            // Without a connection the request never left.
            may_be_done: !error.is_connect(),
            reason: chain(&error),
        };
        let body = serde_json::to_vec(&operation).map_err(|error| failed(error.to_string()))?;
        let mut headers = self.headers(O::TARGET, &body);
        headers.extend(more);
        let request = self.client.post(&self.url).timeout(self.patience()).headers(headers).body(body);
        let response = request.send().await.map_err(unsent)?;
        let status = response.status();
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let location = location.map(str::to_owned);
        let unread = |look: String| DeskError::Odd { operation: O::NAME, look, status: status.as_u16() };
        let Some(body) = read_whole(response).await.map_err(|error| failed(chain(&error)))? else {
            let status = status.as_u16();
            return Err(unread(format!("HTTP {status}, but its body is longer than {ANSWER_BYTES} bytes")));
        };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| unread(odd::reply(&body, &error)));
        }
        let Ok(error) = serde_json::from_slice::<ErrorBody>(&body) else {
            return Err(unread(odd::look(status.as_u16(), location.as_deref(), &body)));
        };
        Err(DeskError::Refused { operation: O::NAME, error: error.into() })
    }
}

impl Desk for SocketDesk {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn instant_of(&self, date: Timestamp) -> Timestamp {
        if self.is_wall_dated { self.clock.instant_of(date) } else { date }
    }

    async fn call<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
        self.send(operation, HeaderMap::new()).await
    }

    async fn attend<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
        // Any other plane ignores what it does not know.
        let attendant = (HeaderName::from_static(ATTENDANT), HeaderValue::from_static("operator"));
        self.send(operation, HeaderMap::from_iter([attendant])).await
    }

    async fn order(&self, order: Order) -> Result<(), OrderError> {
        self.orders.give(order).await
    }

    async fn wake(&self, due: Timestamp) -> Wake {
        let mut registered = self.registered.lock().await;
        let mut nodes = Vec::new();
        tokio::select! {
            biased;
            count = registered.recv_many(&mut nodes, 64) => if count > 0 {
                return Wake::Registered(nodes);
            },
            () = self.clock.sleep_until(due) => return Wake::Due,
        }
        // The fleet has ended: no more nodes register.
        self.clock.sleep_until(due).await;
        Wake::Due
    }
}

/// The body of an answer; `None` if it is longer than any caller takes.
async fn read_whole(mut response: reqwest::Response) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > ANSWER_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body.freeze()))
}
