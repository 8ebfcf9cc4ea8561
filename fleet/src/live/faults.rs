//! What faults come to over sockets: obstacles of a call, conditions of a control
//! channel, and being let go when what holds a call is lifted.

use agent::client::Obstacles;
use agent::client::faulty::Conditions;
use agent::fault::passage::Passage;
use agent::identity::Identity;
use shared::seed::Draw;
use shared::time::Timestamp;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::fault::passage::of_push;
use crate::fault::switchboard::Boards;

/// What goes wrong with a call that meets these faults.
pub(super) fn obstacles(passage: &Passage, clock: &Clock) -> Obstacles {
    let conditions = conditions(passage, clock);
    Obstacles { conditions, meddling: passage.meddling.clone() }
}

fn conditions(passage: &Passage, clock: &Clock) -> Conditions {
    Conditions::new(passage, |period| clock.wall_time(period))
}

/// Completes once all these faults are over; never where there are none.
pub(super) async fn lifted(holders: &[u32], mut boards: Boards, clock: &Clock) {
    if holders.is_empty() {
        return std::future::pending().await;
    }
    loop {
        let over = boards.borrow_and_update().over(holders);
        tokio::select! {
            () = clock.sleep_until(over) => return,
            Ok(()) = boards.changed() => {}
        }
    }
}

/// What a node's control channel is like, now and as faults come and go. The
/// second part keeps it up to date for as long as the channel lives.
pub(super) fn channel_conditions(
    node: Identity,
    draw: Draw,
    mut boards: Boards,
    clock: Clock,
) -> (watch::Receiver<Conditions>, impl Future<Output = ()>) {
    let now_met = move |boards: &mut Boards, now: Timestamp| {
        let board = boards.borrow_and_update().clone();
        let met = of_push(&board, node, draw, 0, now);
        (met.map_or_else(Conditions::default, |met| conditions(&met, &clock)), board.next_edge(now))
    };
    let (first, mut edge) = now_met(&mut boards, clock.now());
    let (tell, told) = watch::channel(first);
    let keep = async move {
        loop {
            tokio::select! {
                () = clock.sleep_until(edge) => {}
                Ok(()) = boards.changed() => {}
                () = tell.closed() => return,
            }
            let (next, next_edge) = now_met(&mut boards, clock.now());
            edge = next_edge;
            tell.send_if_modified(|conditions| {
                let is_new = *conditions != next;
                *conditions = next;
                is_new
            });
        }
    };
    (told, keep)
}
