//! Long polling: a question for messages is held while there are none.
//!
//! Agents give up after 20 s and ask again, so the answer comes a little before
//! that, empty if need be; and it comes as soon as there is a message.

use std::sync::Arc;

use axum::http::HeaderMap;
use shared::operation::Operation;
use shared::wire::{GetMessages, GetMessagesReply};
use tokio::sync::watch;

use super::{Clock, told};
use crate::auth::{Place, Signed};
use crate::service::{Response, Service};

/// Whether a request with these headers is held.
pub(super) fn is_held(headers: &HeaderMap) -> bool {
    headers.get("x-amz-target").is_some_and(|target| target == GetMessages::TARGET)
}

/// Answers a question for messages, now or as soon as there are some. Its
/// signature is looked at when it comes.
pub(super) async fn hold<C: Clock>(
    service: Arc<Service>,
    clock: C,
    stopped: watch::Receiver<bool>,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let caller = match service.caller_of(clock.now(), Signed { place: Place::API, headers, body }) {
        Ok(caller) => caller,
        Err(refusal) => return service.refuse(&refusal),
    };
    let ask = || service.respond_for(clock.now(), caller, GetMessages::TARGET, body);
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
