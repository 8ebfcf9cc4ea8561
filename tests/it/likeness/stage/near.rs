//! The node whose luck is the recorded agent's: what one of its lanes does comes
//! between the same calls of another.

use std::collections::BTreeMap;

use agent::call::{Answer, Request};
use agent::channel::call::MessageRequest;
use shared::error::ErrorCode;
use shared::time::{Period, Timestamp};
use shared::wire::RequestManagedInstanceRoleTokenReply;

use super::super::recording::Call;
use super::{HELD, NODE, Situation, node};
use crate::bench::{Bench, Made, TAKES};

/// More nodes than this are not looked at.
const CANDIDATES: u32 = 20_000;

/// Operations, how many of the first of their calls are looked at, and how far, in
/// seconds, each may be from the recorded one.
const NEAR: [(&str, usize, f64); 4] = [
    ("CreateControlChannel", usize::MAX, 10.0),
    ("ListInstanceAssociations", 1, 2.0),
    ("UpdateInstanceInformation", usize::MAX, 10.0),
    ("GetMessages", usize::MAX, 2.0),
];

/// A node that polls within two seconds of the recorded first poll, and so on.
pub(super) fn near(situation: &Situation<'_>) -> Bench {
    let is_near = |index: &u32| is_near(*index, situation);
    let index = (0..CANDIDATES).find(is_near).expect("some node's draws are near the recorded ones");
    node(index, situation)
}

fn is_near(index: u32, situation: &Situation<'_>) -> bool {
    let mut bench = node(index, situation);
    let mut instants: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    bench.run_until(situation.ends, &mut |made| {
        let of_operation = instants.entry(made.operation()).or_default();
        of_operation.push(made.at.since(situation.zero).as_seconds());
        lets_in(made, of_operation.len() - 1, situation.recorded)
    });
    let agrees = |(operation, count, within): (&str, usize, f64)| {
        let expected = situation.recorded.iter().filter(|call| call.operation == operation);
        let expected: Vec<f64> = expected.map(|call| call.at).take(count).collect();
        let found = instants.get(operation).cloned().unwrap_or_default();
        let found: Vec<f64> = found.into_iter().take(count).collect();
        found.len() == expected.len()
            && found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < within)
    };
    NEAR.into_iter().all(agrees)
}

/// Lets a node in that is only looked at, holds its questions for messages and opens
/// its control channel as was recorded, and takes whatever else it says. It is told
/// how many calls of the kind came before.
fn lets_in(made: &Made, number: usize, recorded: &[Call]) -> (Period, Answer) {
    let answered = recorded.iter().filter(|call| call.operation == made.operation()).nth(number);
    let takes = if answered.is_some_and(|call| call.is_held) { HELD } else { TAKES };
    let answer = match &made.request {
        Request::Register(_) => Answer::Registered(NODE.parse().expect("an id")),
        Request::RequestToken(_) => Answer::Token(token(made.at)),
        Request::Message(MessageRequest::Get(_)) => Answer::Messages(Vec::new()),
        Request::Message(MessageRequest::Open(_)) if answered.is_none_or(|call| call.status != 201) => {
            Answer::Refused(ErrorCode::AccessDeniedException.into(), 403)
        }
        _ => Answer::Done,
    };
    (takes, answer)
}

fn token(now: Timestamp) -> RequestManagedInstanceRoleTokenReply {
    RequestManagedInstanceRoleTokenReply {
        access_key_id: String::new(),
        secret_access_key: String::new(),
        session_token: String::new(),
        token_expiration_date: now + Period::hours(1),
        update_key_pair: false,
    }
}
