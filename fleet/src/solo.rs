//! One node alone before somebody's plane, watched call by call.

use std::sync::Arc;

use agent::client::endpoint::Endpoint;
use agent::client::key::KeyPool;
use shared::time::Timestamp;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::connections::Connections;
use crate::credentials::{Before, signer};
use crate::fault::switchboard::Switchboard;
use crate::host;
use crate::live::{self, Question, Surroundings};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::run::{RunError, client};
use crate::witness::Witnessed;

/// Runs the plan's node until `stop` completes, the plan's time is over, or
/// `look` no longer wants to see calls; then the node finishes what it holds.
pub async fn run(
    plan: Arc<Plan>,
    endpoint: &Endpoint,
    limits: host::Limits,
    stop: impl Future<Output = ()>,
    mut look: impl FnMut(Witnessed) -> bool,
) -> Result<(), RunError> {
    // Before the clock starts: to make them takes a while.
    let keys = KeyPool::generate(plan.key_pool())?;
    let clock = Clock::starting(plan.start, plan.time_scale);
    let connections = Connections::AsAgent;
    let signer = signer(Before::Guest(plan.guest_of.as_ref()))?;
    let client = client(endpoint, clock, connections, limits.connections, keys, signer)?;
    let (registered, _) = mpsc::unbounded_channel();
    let (replaced, _) = mpsc::unbounded_channel();
    let (witness, mut witnessed) = mpsc::unbounded_channel();
    let around = Surroundings {
        clock,
        client,
        connections,
        user_agents: live::user_agents(&plan.catalogue),
        timings: live::timings(&plan.catalogue),
        is_wall_dated: true,
        registered,
        replaced,
        progress: Arc::new(Progress::default()),
        witness: Some(witness),
        channels: Arc::default(),
        boards: Switchboard::new(plan.clone()).boards(),
        may_go_wrong: plan.may_go_wrong(),
        recorder: None,
    };
    let channels = Arc::clone(&around.channels);
    let (questions, asked) = mpsc::unbounded_channel();
    let shard = plan.shards(1).pop().expect("a plan has a node");
    let mut node = tokio::spawn(live::run(shard, around, asked));
    let end: Timestamp = plan.start + plan.duration;
    let mut stop = std::pin::pin!(stop);
    loop {
        let goes_on = tokio::select! {
            call = witnessed.recv() => call.is_some_and(&mut look),
            () = &mut stop => false,
            () = clock.sleep_until(end) => false,
            // It ends only when it is told to.
            ended = &mut node => { ended?; return Ok(()) }
        };
        if !goes_on {
            break;
        }
    }
    // A node that has ended needs no telling.
    let _ = questions.send(Question::Drain);
    let grace = clock.sleep_wall(live::grace(&clock));
    let mut grace = std::pin::pin!(grace);
    loop {
        tokio::select! {
            biased;
            call = witnessed.recv() => match call {
                Some(call) => { look(call); }
                None => break,
            },
            // All that it held has come to its end, but for a question for messages.
            _ = &mut node => break,
            () = &mut grace => break,
        }
    }
    while let Ok(call) = witnessed.try_recv() {
        look(call);
    }
    channels.clear();
    Ok(())
}
