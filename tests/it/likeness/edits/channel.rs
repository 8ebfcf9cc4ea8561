//! Edits of what goes over the control channel: its upgrade, its frames, its pings.

use super::{Edit, Json, delay, edit_inner, header, member, members, nth, place, set, within};

const ACK: &str = "frame agent_job_ack";
const REPLY: &str = "frame agent_job_reply";

/// Edits of what goes over the control channel.
pub(super) const OF_CHANNEL: &[Edit] = &[
    (
        "a type padded with nothing",
        ACK,
        |calls| {
            let name = header(nth(calls, ACK, 0), "MessageType");
            *name = name.replace(' ', "\0");
        },
        "value of header MessageType",
    ),
    ("a longer head", ACK, |calls| set(calls, ACK, "HeaderLength", "120"), "value of header HeaderLength"),
    ("another schema", ACK, |calls| set(calls, ACK, "SchemaVersion", "2"), "value of header SchemaVersion"),
    (
        "a place in a stream",
        REPLY,
        |calls| set(calls, REPLY, "SequenceNumber", "1"),
        "value of header SequenceNumber",
    ),
    ("the end of a stream", REPLY, |calls| set(calls, REPLY, "Flags", "2"), "value of header Flags"),
    (
        "another type of payload",
        REPLY,
        |calls| set(calls, REPLY, "PayloadType", "8"),
        "value of header PayloadType",
    ),
    (
        "a length that is not the payload's",
        REPLY,
        |calls| set(calls, REPLY, "PayloadLength", "7"),
        "value of header PayloadLength",
    ),
    (
        "the digest of another payload",
        REPLY,
        |calls| {
            let digest = header(nth(calls, ACK, 0), "PayloadDigest").clone();
            set(calls, REPLY, "PayloadDigest", &digest);
        },
        "value of header PayloadDigest",
    ),
    (
        "seconds instead of milliseconds",
        ACK,
        |calls| header(nth(calls, ACK, 0), "CreatedDate").truncate(10),
        "value of header CreatedDate",
    ),
    (
        "a frame made a minute ago",
        REPLY,
        |calls| set(calls, REPLY, "CreatedDate", "1795407808721"),
        "instant of CreatedDate (found)",
    ),
    ("an id that is no UUID", ACK, |calls| set(calls, ACK, "MessageId", "1"), "value of header MessageId"),
    (
        "a ping that is a text",
        "frame keepalive",
        |calls| set(calls, "frame keepalive", "Opcode", "1"),
        "value of header Opcode",
    ),
    (
        "another text in a ping",
        "frame keepalive",
        |calls| nth(calls, "frame keepalive", 3).operation = "frame ping".into(),
        "missing",
    ),
    (
        "a first ping too late",
        "frame keepalive",
        |calls| {
            let place = place(calls, "frame keepalive", 0);
            delay(calls, place, 6.0);
        },
        "gap: ping (found)",
    ),
    (
        "the first frame as bytes",
        "frame of the opening",
        |calls| set(calls, "frame of the opening", "Opcode", "2"),
        "value of header Opcode",
    ),
    (
        "the first frame without its cookie",
        "frame of the opening",
        |calls| members(&mut nth(calls, "frame of the opening", 0).body).retain(|(name, _)| name != "Cookie"),
        "key Cookie is missing",
    ),
    (
        "another token",
        "frame of the opening",
        |calls| *member(nth(calls, "frame of the opening", 0), &["TokenValue"]) = Json::Text("short".into()),
        "value of TokenValue",
    ),
    (
        "an upgrade in lower case",
        "OpenControlChannel",
        |calls| {
            let headers = &mut nth(calls, "OpenControlChannel", 0).headers;
            headers.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
        },
        "header Sec-WebSocket-Key is missing",
    ),
    (
        "an upgrade with a body's type signed",
        "OpenControlChannel",
        |calls| {
            let header = header(nth(calls, "OpenControlChannel", 0), "Authorization");
            *header = header.replace("SignedHeaders=", "SignedHeaders=content-type;");
        },
        "value of header Authorization",
    ),
    (
        "an upgrade of the connection that was there",
        "OpenControlChannel",
        |calls| {
            let connection = nth(calls, "CreateControlChannel", 0).connection;
            nth(calls, "OpenControlChannel", 0).connection = connection;
        },
        "connection",
    ),
    ("a frame over another connection", REPLY, |calls| nth(calls, REPLY, 1).connection = 1, "connection"),
    (
        "another frame acknowledged",
        ACK,
        |calls| {
            let id = "70ccc438-691a-4b39-81f3-f3099920a3ec";
            *member(nth(calls, ACK, 0), &["acknowledgedMessageId"]) = Json::Text(id.into());
        },
        "value of acknowledgedMessageId",
    ),
    (
        "a reply before the acknowledgement",
        ACK,
        |calls| {
            let place = place(calls, ACK, 0);
            calls.swap(place, place + 1);
        },
        "missing",
    ),
    ("a step's reply left out", REPLY, |calls| drop(calls.remove(place(calls, REPLY, 1))), "missing"),
    (
        "a word changed in a reply's content",
        REPLY,
        |calls| {
            edit_inner(nth(calls, REPLY, 2), "content", |content| {
                *within(content, &["runtimeStatus", "runShell", "status"]) = Json::Text("Failed".into());
            })
        },
        "value of content.runtimeStatus.runShell.status",
    ),
    (
        "what only long polling says",
        REPLY,
        |calls| {
            edit_inner(nth(calls, REPLY, 0), "content", |content| {
                members(within(content, &["additionalInfo"]))
                    .push(("ableToOpenMGSConnection".into(), Json::Bool(true)));
            })
        },
        "key ableToOpenMGSConnection of content.additionalInfo was not recorded",
    ),
];
