//! The operator's place in real time: before a socket, with reqwest.

use agent::client::endpoint::Endpoint;
use agent::client::sign::Signer;
use agent::identity::Identity;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use plane::auth::ATTENDANT;
use plane::service::Handle;
use serde::de::DeserializeOwned;
use shared::error::ErrorBody;
use shared::time::Timestamp;
use tokio::sync::{Mutex, mpsc};

use crate::clock::{Clock, wall_now};
use crate::operator::desk::REPLY_WITHIN;
use crate::operator::{Desk, DeskError, Order, OrderError, Wake};
use crate::run::stage::Orders;

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
            // In simulated time, but at least a second.
            .timeout(clock.wall_timeout(REPLY_WITHIN))
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
        })
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
        let request = self.client.post(&self.url).headers(headers).body(body);
        let response = request.send().await.map_err(unsent)?;
        let is_good = response.status().is_success();
        let body = response.bytes().await.map_err(|error| failed(chain(&error)))?;
        if is_good {
            return read(&body).map_err(failed);
        }
        let error: ErrorBody = read(&body).map_err(failed)?;
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

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("the reply cannot be read: {error}"))
}

/// An error and its causes, joined.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
