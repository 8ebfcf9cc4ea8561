//! Edits of the recording in which calls fail, and messages come by long polling.

use super::{Edit, Json, STATUS, delay, edit_inner, member, members, nth, place, within};

/// Edits of the recording in which calls fail.
pub(super) const OF_RETRIES: &[Edit] = &[
    (
        "a retry too soon",
        STATUS,
        |calls| {
            let place = place(calls, STATUS, 1);
            delay(calls, place, -0.4);
        },
        "gap: retry (found)",
    ),
    (
        "a second retry as soon as the first",
        STATUS,
        |calls| {
            let place = place(calls, STATUS, 2);
            delay(calls, place, -1.4);
        },
        "gap: retry (found)",
    ),
    (
        "a retry that tells a later instant",
        STATUS,
        |calls| {
            let date = member(nth(calls, STATUS, 1), &["ExecutionResult", "ExecutionDate"]);
            *date = Json::Fraction(1_795_408_177.873);
        },
        "kind of gap",
    ),
    ("a retry left out", STATUS, |calls| drop(calls.remove(place(calls, STATUS, 1))), "missing"),
    ("another answer", STATUS, |calls| nth(calls, STATUS, 0).status = 500, "answer"),
    (
        "a channel tried again too soon",
        "CreateControlChannel",
        |calls| {
            let place = place(calls, "CreateControlChannel", 2);
            delay(calls, place, -5.0);
        },
        "gap: control channel again (found)",
    ),
    (
        "messages asked for too soon",
        "GetMessages",
        |calls| {
            let place = place(calls, "GetMessages", 1);
            delay(calls, place, -1.0);
        },
        "gap: poll for messages, answered at once (found)",
    ),
    (
        "a reply after the acknowledgement",
        "SendReply",
        |calls| {
            let (one, other) = (place(calls, "SendReply", 0), place(calls, "AcknowledgeMessage", 0));
            calls.swap(one, other);
        },
        "missing",
    ),
    (
        "a key dropped within a message",
        "SendReply",
        |calls| {
            edit_inner(nth(calls, "SendReply", 1), "Payload", |payload| {
                members(within(payload, &["runtimeStatus", "runShell"])).retain(|(name, _)| name != "code");
            })
        },
        "key code of Payload.runtimeStatus.runShell is missing",
    ),
    (
        "keys reordered within a message",
        "SendReply",
        |calls| {
            edit_inner(nth(calls, "SendReply", 0), "Payload", |payload| members(payload).swap(0, 1));
        },
        "order of keys of Payload",
    ),
    (
        "a null as an object within a message",
        "SendReply",
        |calls| {
            edit_inner(nth(calls, "SendReply", 0), "Payload", |payload| {
                *within(payload, &["runtimeStatus"]) = Json::Object(Vec::new());
            })
        },
        "type of Payload.runtimeStatus",
    ),
    (
        "a word changed within a message",
        "SendReply",
        |calls| {
            edit_inner(nth(calls, "SendReply", 2), "Payload", |payload| {
                *within(payload, &["documentStatus"]) = Json::Text("InProgress".into());
            })
        },
        "value of Payload.documentStatus",
    ),
    (
        "an instant without milliseconds within a message",
        "SendReply",
        |calls| {
            edit_inner(nth(calls, "SendReply", 0), "Payload", |payload| {
                *within(payload, &["additionalInfo", "dateTime"]) = Json::Text("2026-11-23T04:29:22Z".into());
            })
        },
        "value of Payload.additionalInfo.dateTime",
    ),
    (
        "a reply that tells an older instant",
        "SendReply",
        |calls| {
            edit_inner(nth(calls, "SendReply", 2), "Payload", |payload| {
                *within(payload, &["additionalInfo", "dateTime"]) =
                    Json::Text("2026-11-23T04:29:12.199Z".into());
            })
        },
        "instant of dateTime (found)",
    ),
    (
        "a message spelled with spaces",
        "SendReply",
        |calls| {
            let Json::Text(payload) = member(nth(calls, "SendReply", 1), &["Payload"]) else { return };
            *payload = payload.replace("\":", "\": ");
        },
        "spelling of Payload",
    ),
];
