//! Long polling: a question for messages is held while there are none.
//!
//! Agents give up after 20 s and ask again, so the answer comes a little before
//! that, empty if need be; and it comes as soon as there is a message.

use std::sync::Arc;

use shared::operation::Operation;
use shared::wire::{GetMessages, GetMessagesReply};
use tokio::sync::watch;

use super::{Clock, told};
use crate::service::{Response, Service};

/// Whether a request of this target is held.
pub(super) fn is_held(target: &str) -> bool {
    target == GetMessages::TARGET
}

/// Answers a question for messages, now or as soon as there are some.
pub(super) async fn hold<C: Clock>(
    service: Arc<Service>,
    clock: C,
    stopped: watch::Receiver<bool>,
    body: &[u8],
) -> Response {
    let ask = || service.respond(clock.now(), GetMessages::TARGET, body);
    let Ok(question) = serde_json::from_slice::<GetMessages>(body) else { return ask() };
    let node = question.destination;
    let until = clock.now() + service.hold_messages();
    let listening = service.listen(node);
    let mut end = std::pin::pin!(told(stopped.clone()));
    loop {
        let response = ask();
        if !is_empty(&response) || clock.now() >= until || *stopped.borrow() {
            return response;
        }
        let next = service.next_visible(node).map_or(until, |visible| visible.min(until));
        tokio::select! {
            () = listening.told() => (),
            () = clock.sleep_until(next) => (),
            () = &mut end => (),
        }
    }
}

/// Whether a response is good and says that there is nothing.
fn is_empty(response: &Response) -> bool {
    response.status == 200
        && serde_json::from_slice::<GetMessagesReply>(&response.body)
            .is_ok_and(|reply| reply.messages.is_empty())
}
