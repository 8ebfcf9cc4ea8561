//! Control channels over sockets: opened, driven, written to, and what faults do to them.

use std::sync::Arc;

use agent::call::Answer;
use agent::channel::call::{OpenChannel, OutboundFrame};
use agent::client::channel::{ChannelTable, OpenError, OpenedChannel, Tempo};
use agent::credentials::SignedBy;
use agent::fault::passage::{Meddling, Passage};
use agent::identity::Identity;
use shared::seed::Draw;
use shared::time::{Period, Timestamp};
use tokio::sync::mpsc;

use super::faults::{channel_conditions, lifted};
use super::{CHANNEL_LIMIT, CONFIRMATION_LIMIT, Surroundings};
use crate::clock::Clock;
use crate::shard::{Arrival, News};

/// A channel that is to be opened.
pub(super) struct Opening {
    pub(super) open: OpenChannel,
    /// In whose name.
    pub(super) by: SignedBy,
    /// The date that it is signed with: the node's own clock may be off.
    pub(super) now: Timestamp,
    pub(super) node: Identity,
    pub(super) draw: Draw,
    /// What the call meets.
    pub(super) passage: Option<Box<Passage>>,
}

/// Opens a channel, says what came of it, and drives it to its end.
pub(super) async fn open(
    opening: Opening,
    around: &Surroundings,
    finish: impl FnOnce(Answer),
    news: mpsc::UnboundedSender<Arrival>,
) {
    let Opening { open, by, now, node, draw, passage } = opening;
    let passage = passage.unwrap_or_default();
    match &passage.meddling {
        Meddling::Aborts => return finish(Answer::Unreachable),
        Meddling::Answers(stated) => return finish(stated.answer()),
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
    let opened = tokio::select! {
        biased;
        opened = client.open_channel(&open, &by, now, tempo(clock), conditions) => opened,
        () = lifted(&passage.holders, boards.clone(), clock) => return finish(Answer::Unreachable),
        () = &mut kept => return finish(Answer::Unreachable),
    };
    match (opened, &passage.meddling) {
        // Dropped, the channel is closed: the plane learns what the node does not know.
        (Ok(_), Meddling::LosesAnswer) => finish(Answer::Unreachable),
        (Ok(_), Meddling::Replaces(stated)) => finish(stated.answer()),
        (Ok(opened), _) => {
            finish(Answer::Done);
            tokio::select! {
                biased;
                () = drive(opened, node.number, *clock, channels, news) => {}
                // It ends with the channel at the earliest.
                () = kept => {}
            }
        }
        (Err(OpenError::Refused(error, status)), _) => finish(Answer::Refused(error, status)),
        (Err(OpenError::Unreachable(reason)), _) => {
            tracing::debug!(node = node.number, reason, "no control channel");
            finish(Answer::Unreachable);
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
) {
    let pushes = news.clone();
    // The shard may have ended: then nobody takes anything in any more.
    let push = move |incoming| _ = pushes.send(Arrival { node, news: News::Message(incoming) });
    let (hand, driven) = opened.split(clock, push);
    let number = channels.insert(node, hand);
    driven.await;
    if channels.remove(node, number) {
        _ = news.send(Arrival { node, news: News::ChannelClosed });
    }
}

/// How long things take on a control channel, as in the real agent.
fn tempo(clock: &Clock) -> Tempo {
    Tempo {
        open_within: clock.wall_timeout(CHANNEL_LIMIT),
        ping_every: clock.wall_time(Period::seconds(54)),
        first_word_within: clock.wall_timeout(Period::seconds(114)),
        word_within: clock.wall_timeout(Period::seconds(60)),
        ack_within: clock.wall_timeout(CONFIRMATION_LIMIT),
    }
}
