//! Control channels over sockets: opened, driven, written to, and what faults do to them.

use std::sync::Arc;

use agent::call::Answer;
use agent::catalogue::Timing;
use agent::channel::call::{MessageRequest, OpenChannel, OutboundFrame};
use agent::client::channel::{ChannelTable, OpenError, OpenedChannel, Tempo};
use agent::credentials::Signing;
use agent::fault::passage::{Meddling, Passage};
use agent::identity::Identity;
use shared::seed::Draw;
use shared::time::Period;
use tokio::sync::mpsc;

use super::call::Trail;
use super::faults::{channel_conditions, lifted};
use super::{CHANNEL_LIMIT, CONFIRMATION_LIMIT, Surroundings};
use crate::clock::Clock;
use crate::shard::{Arrival, News};
use crate::witness::{Heard, Witness, Witnessed};

/// A channel that is to be opened.
pub(super) struct Opening {
    pub(super) open: OpenChannel,
    /// How the call for it is signed.
    pub(super) signing: Signing,
    pub(super) node: Identity,
    pub(super) draw: Draw,
    /// What the call meets.
    pub(super) passage: Option<Box<Passage>>,
    /// When the node calls, and pings.
    pub(super) timing: Timing,
}

/// Opens a channel, says what came of it, and drives it to its end.
pub(super) async fn open(opening: Opening, trail: Trail<'_>, news: mpsc::UnboundedSender<Arrival>) {
    let around = trail.around;
    let Opening { open, signing, node, draw, passage, timing } = opening;
    let passage = passage.unwrap_or_default();
    match &passage.meddling {
        Meddling::Aborts => return trail.end(Answer::Unreachable),
        Meddling::Answers(stated) => return trail.end(stated.answer()),
        Meddling::None | Meddling::LosesAnswer | Meddling::Replaces(_) => {}
    }
    let Surroundings { clock, client, boards, channels, .. } = around;
    let (conditions, kept) = match around.may_go_wrong {
        true => {
            let (conditions, kept) = channel_conditions(node, draw, boards.clone(), *clock);
            (Some(conditions), Some(kept))
        }
        false => (None, None),
    };
    let kept = async move {
        match kept {
            Some(kept) => kept.await,
            None => std::future::pending().await,
        }
    };
    let mut kept = std::pin::pin!(kept);
    let now = signing.clock.of(around.date());
    let opened = tokio::select! {
        biased;
        opened = client.open_channel(&open, &signing.by, now, tempo(clock, &timing), conditions) => opened,
        () = lifted(&passage.holders, boards.clone(), clock) => return trail.end(Answer::Unreachable),
        () = &mut kept => return trail.end(Answer::Unreachable),
    };
    if around.witness.is_some() {
        let body = MessageRequest::Open(open).body();
        trail.tell(body.into(), Heard::of_opening(&opened), trail.took());
    }
    match (opened, &passage.meddling) {
        // Dropped, the channel is closed: the plane learns what the node does not know.
        (Ok(_), Meddling::LosesAnswer) => trail.end(Answer::Unreachable),
        (Ok(_), Meddling::Replaces(stated)) => trail.end(stated.answer()),
        (Ok(opened), _) => {
            trail.end(Answer::Done);
            tokio::select! {
                biased;
                () = drive(opened, node.number, *clock, channels, news, around.witness.clone()) => {}
                // It ends with the channel at the earliest.
                () = kept => {}
            }
        }
        (Err(OpenError::Refused(error, status)), _) => trail.end(Answer::Refused(error, status)),
        (Err(OpenError::Unreachable(reason)), _) => {
            tracing::debug!(node = node.number, reason, "no control channel");
            trail.end(Answer::Unreachable);
        }
    }
}

/// Sends a frame over a node's channel.
pub(super) async fn send(
    frame: OutboundFrame,
    node: u32,
    passage: Option<Box<Passage>>,
    around: &Surroundings,
) -> Answer {
    let meddling = passage.map(|passage| passage.meddling).unwrap_or_default();
    let is_awaited = frame.is_awaited;
    match &meddling {
        // What nobody confirms is done with once it is sent.
        Meddling::Aborts if !is_awaited => return Answer::Done,
        Meddling::Aborts => return Answer::Unreachable,
        Meddling::Answers(stated) => return stated.answer(),
        Meddling::None | Meddling::LosesAnswer | Meddling::Replaces(_) => {}
    }
    let is_sent = match around.channels.get(node) {
        Some(hand) => hand.send(&around.clock, frame).await,
        None => false,
    };
    match meddling {
        Meddling::Replaces(stated) => stated.answer(),
        Meddling::LosesAnswer if is_awaited => Answer::Unreachable,
        _ if is_sent => Answer::Done,
        _ => Answer::Unreachable,
    }
}

/// Drives a node's control channel to its end, of which the node is told.
async fn drive(
    opened: OpenedChannel,
    node: u32,
    clock: Clock,
    channels: &Arc<ChannelTable>,
    news: mpsc::UnboundedSender<Arrival>,
    witness: Option<Witness>,
) {
    let pushes = news.clone();
    let push = move |incoming| {
        if let Some(witness) = &witness {
            // Whoever looked on may have gone.
            _ = witness.send(Witnessed::job(clock.now(), &incoming));
        }
        // The shard may have ended: then nobody takes anything in any more.
        _ = pushes.send(Arrival { node, news: News::Message(incoming) });
    };
    let (hand, driven) = opened.split(clock, push);
    let number = channels.insert(node, hand);
    driven.await;
    if channels.remove(node, number) {
        _ = news.send(Arrival { node, news: News::ChannelClosed });
    }
}

/// How long things take on a control channel, as in the real agent: a ping goes out
/// in nine tenths of the time that a pong is waited for (agent/session/websocketutil).
pub(super) fn tempo(clock: &Clock, timing: &Timing) -> Tempo {
    let ping = timing.ping_every;
    let pong = Period::milliseconds(ping.as_milliseconds() * 10 / 9);
    Tempo {
        open_within: clock.wall_timeout(CHANNEL_LIMIT),
        ping_every: clock.wall_time(ping),
        first_word_within: clock.wall_timeout(ping + pong),
        word_within: clock.wall_timeout(pong),
        ack_within: clock.wall_timeout(CONFIRMATION_LIMIT),
    }
}
