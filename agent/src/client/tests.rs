//! Calls against small planes of the tests' own, over real sockets. Time stands
//! still unless a test moves it, so nothing here depends on the machine's speed.

mod answers;
mod channel;
mod connections;
mod faults;
mod plane;

use std::sync::Arc;

use shared::signature::Credentials;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;

const USER_AGENT: &str = "aws-sdk-go/1.51.20 (go1.21.13; linux; amd64) amazon-ssm-agent/3.3.0.0";
const TARGET: &str = "AmazonSSM.GetDocument";

/// A wall clock that is moved by hand.
#[derive(Debug, Clone)]
struct TestClock(Arc<watch::Sender<Duration>>, Arc<std::sync::Mutex<Vec<Duration>>>);

impl TestClock {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Duration::ZERO)), Arc::default())
    }

    fn pass(&self, seconds: u64) {
        self.0.send_modify(|now| *now += Duration::from_secs(seconds));
    }

    /// The next instant that somebody ever waited for, before `end`.
    fn next_wait(&self, end: Duration) -> Option<Duration> {
        let now = self.wall();
        let waits = self.1.lock().unwrap();
        waits.iter().copied().filter(|wait| (now..end).contains(wait) && *wait > now).min()
    }

    fn pass_to(&self, instant: Duration) {
        self.0.send_replace(instant);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Duration {
        *self.0.borrow()
    }

    async fn timeout<F: Future + Send>(&self, wall: Duration, future: F) -> Result<F::Output, Elapsed> {
        let end = self.wall() + wall;
        self.1.lock().unwrap().push(end);
        let mut now = self.0.subscribe();
        let is_over = async move { now.wait_for(|now| *now >= end).await.is_ok() };
        tokio::select! {
            biased;
            output = future => Ok(output),
            _ = is_over => Err(Elapsed),
        }
    }
}

fn signer() -> Signer {
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: "secret".into(),
        session_token: Some("token".into()),
    };
    Signer::new(credentials, "us-east-1", "ssm").unwrap()
}

fn client(endpoint: &str, clock: &TestClock, limits: Limits) -> Client<TestClock> {
    Client::new(endpoint.parse().unwrap(), signer(), clock.clone(), limits).unwrap()
}

/// A call with this body that was due at this second.
fn call(body: &str, due: i64) -> Outgoing {
    Outgoing {
        target: TARGET,
        user_agent: HeaderValue::from_static(USER_AGENT),
        body: body.to_owned().into(),
        by: crate::credentials::SignedBy::Account,
        owner: Owner::ANYONE,
        due: Timestamp::from_seconds(due),
        now: Timestamp::from_seconds(1_795_407_870),
        timeout: Duration::from_secs(60),
        obstacles: None,
    }
}

fn start(client: &Client<TestClock>, call: Outgoing) -> JoinHandle<Sent> {
    let client = client.clone();
    tokio::spawn(async move { client.send(call).await })
}

/// Lets the other tasks run until the claim holds.
async fn until(mut claim: impl FnMut() -> bool) {
    while !claim() {
        tokio::task::yield_now().await;
    }
}
