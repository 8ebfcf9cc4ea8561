//! The comparer is worth what it notices: each edit of a recording is reported.

use super::compare::compare;
use super::json::Json;
use super::recording::{Call, read};
use super::{MANY_ASSOCIATIONS, ONE_ASSOCIATION, RECORDINGS, RETRIES_AND_THROTTLING};

/// The call of this operation and number, counted from zero.
fn nth<'a>(calls: &'a mut [Call], operation: &str, number: usize) -> &'a mut Call {
    calls.iter_mut().filter(|call| call.operation == operation).nth(number).expect("it is recorded")
}

fn place(calls: &[Call], operation: &str, number: usize) -> usize {
    let of_it = calls.iter().enumerate().filter(|(_, call)| call.operation == operation);
    of_it.map(|(place, _)| place).nth(number).expect("it is recorded")
}

/// The member at this path of a body.
fn member<'a>(call: &'a mut Call, path: &[&str]) -> &'a mut Json {
    within(&mut call.body, path)
}

fn within<'a>(value: &'a mut Json, path: &[&str]) -> &'a mut Json {
    path.iter().fold(value, |value, key| match value {
        Json::List(items) => &mut items[key.parse::<usize>().expect("a place in a list")],
        value => value.get_mut(key).expect("the body has it"),
    })
}

/// Edits the object that is written in a text of a body.
fn edit_inner(call: &mut Call, name: &str, edit: fn(&mut Json)) {
    let outer = member(call, &[name]);
    let mut inner = outer.inner().expect("the text holds an object");
    edit(&mut inner);
    *outer = Json::Text(inner.write());
}

fn members(value: &mut Json) -> &mut Vec<(String, Json)> {
    let Json::Object(members) = value else { panic!("{} is no object", value.kind()) };
    members
}

fn header<'a>(call: &'a mut Call, name: &str) -> &'a mut String {
    &mut call.headers.iter_mut().find(|(key, _)| key == name).expect("the call has it").1
}

/// Sets a header of an operation's first call.
fn set(calls: &mut [Call], operation: &str, name: &str, value: &str) {
    *header(nth(calls, operation, 0), name) = value.to_owned();
}

fn drop_header(call: &mut Call, name: &str) {
    call.headers.retain(|(key, _)| key != name);
}

/// Shifts a call and all that come after it.
fn delay(calls: &mut [Call], from: usize, seconds: f64) {
    calls[from..].iter_mut().for_each(|call| call.at += seconds);
}

const STATUS: &str = "UpdateInstanceAssociationStatus";
const HEARTBEAT: &str = "UpdateInstanceInformation";

/// What is changed, how, and what must be said of it.
type Edit = (&'static str, &'static str, fn(&mut Vec<Call>), &'static str);

/// Edits of one association's recording.
const EDITS: &[Edit] = &[
    (
        "a key dropped",
        STATUS,
        |calls| members(&mut nth(calls, STATUS, 0).body).truncate(2),
        "key InstanceId is missing",
    ),
    (
        "an inner key dropped",
        STATUS,
        |calls| {
            members(member(nth(calls, STATUS, 3), &["ExecutionResult"]))
                .retain(|(name, _)| name != "ErrorCode")
        },
        "key ErrorCode of ExecutionResult is missing",
    ),
    (
        "a key added",
        STATUS,
        |calls| {
            members(&mut nth(calls, STATUS, 1).body)
                .push(("AssociationVersion".into(), Json::Text("1".into())))
        },
        "key AssociationVersion was not recorded",
    ),
    (
        "keys reordered",
        HEARTBEAT,
        |calls| members(&mut nth(calls, HEARTBEAT, 1).body).swap(0, 1),
        "order of keys",
    ),
    (
        "a number as a text",
        STATUS,
        |calls| {
            *member(nth(calls, STATUS, 0), &["ExecutionResult", "ExecutionDate"]) =
                Json::Text("1795407870.047".into())
        },
        "type of ExecutionResult.ExecutionDate",
    ),
    (
        "an integer as a fraction",
        "ListInstanceAssociations",
        |calls| *member(nth(calls, "ListInstanceAssociations", 0), &["MaxResults"]) = Json::Fraction(20.0),
        "type of MaxResults",
    ),
    (
        "a text as null",
        HEARTBEAT,
        |calls| *member(nth(calls, HEARTBEAT, 1), &["AvailabilityZone"]) = Json::Null,
        "type of AvailabilityZone",
    ),
    (
        "a list as an object",
        "PutComplianceItems",
        |calls| *member(nth(calls, "PutComplianceItems", 0), &["Items"]) = Json::Object(Vec::new()),
        "type of Items",
    ),
    (
        "an item of a list dropped",
        "PutComplianceItems",
        |calls| *member(nth(calls, "PutComplianceItems", 0), &["Items"]) = Json::List(Vec::new()),
        "number of Items",
    ),
    (
        "an inner value changed",
        "PutComplianceItems",
        |calls| {
            *member(nth(calls, "PutComplianceItems", 0), &["Items", "0", "Status"]) =
                Json::Text("NON_COMPLIANT".into())
        },
        "value of Items[].Status",
    ),
    (
        "a value changed",
        "ListInstanceAssociations",
        |calls| *member(nth(calls, "ListInstanceAssociations", 0), &["MaxResults"]) = Json::Integer(50),
        "value of MaxResults",
    ),
    (
        "an instant of more digits",
        STATUS,
        |calls| {
            let date = member(nth(calls, STATUS, 0), &["ExecutionResult", "ExecutionDate"]);
            *date = Json::Fraction(1_795_407_870.047_55);
        },
        "value of ExecutionResult.ExecutionDate",
    ),
    (
        "an empty address",
        HEARTBEAT,
        |calls| *member(nth(calls, HEARTBEAT, 2), &["IPAddress"]) = Json::Text(String::new()),
        "value of IPAddress",
    ),
    (
        "a request id that is no UUID",
        "GetMessages",
        |calls| *member(nth(calls, "GetMessages", 0), &["MessagesRequestId"]) = Json::Text("1".into()),
        "value of MessagesRequestId",
    ),
    (
        "a key of another length",
        "RegisterManagedInstance",
        |calls| {
            *member(nth(calls, "RegisterManagedInstance", 0), &["PublicKey"]) = Json::Text("x".repeat(391))
        },
        "value of PublicKey",
    ),
    (
        "a header dropped",
        HEARTBEAT,
        |calls| drop_header(nth(calls, HEARTBEAT, 0), "X-Amz-Security-Token"),
        "header X-Amz-Security-Token is missing",
    ),
    (
        "the packing not offered",
        "GetDocument",
        |calls| drop_header(nth(calls, "GetDocument", 0), "Accept-Encoding"),
        "header Accept-Encoding is missing",
    ),
    (
        "a header added",
        STATUS,
        |calls| nth(calls, STATUS, 2).headers.push(("amz-sdk-request".into(), "attempt=1".into())),
        "header amz-sdk-request was not recorded",
    ),
    ("headers reordered", STATUS, |calls| nth(calls, STATUS, 0).headers.swap(0, 1), "order of headers"),
    (
        "a header spelled otherwise",
        STATUS,
        |calls| nth(calls, STATUS, 0).headers[0].0 = "host".into(),
        "header Host is missing",
    ),
    (
        "another User-Agent",
        STATUS,
        |calls| *header(nth(calls, STATUS, 0), "User-Agent") = "aws-sdk-rust".into(),
        "value of header User-Agent",
    ),
    (
        "another Content-Type",
        STATUS,
        |calls| *header(nth(calls, STATUS, 0), "Content-Type") = "application/json".into(),
        "value of header Content-Type",
    ),
    (
        "a length that is not the body's",
        STATUS,
        |calls| *header(nth(calls, STATUS, 0), "Content-Length") = "7".into(),
        "value of header Content-Length",
    ),
    (
        "other signed headers",
        STATUS,
        |calls| {
            let header = header(nth(calls, STATUS, 0), "Authorization");
            *header = header.replace("content-length;", "");
        },
        "value of header Authorization",
    ),
    (
        "another service in the scope",
        STATUS,
        |calls| {
            let header = header(nth(calls, STATUS, 0), "Authorization");
            *header = header.replace("/ssm/", "/ssmmessages/");
        },
        "value of header Authorization",
    ),
    (
        "a signature of another day",
        STATUS,
        |calls| {
            let header = header(nth(calls, STATUS, 0), "Authorization");
            *header = header.replace("/20261123/", "/20261122/");
        },
        "value of header Authorization",
    ),
    (
        "a signature of two seconds ago",
        STATUS,
        |calls| {
            let header = header(nth(calls, STATUS, 0), "X-Amz-Date");
            *header = header.replace("T042430Z", "T042428Z");
        },
        "instant of X-Amz-Date (found)",
    ),
    (
        "a length instead of chunks",
        "RequestManagedInstanceRoleToken",
        |calls| {
            nth(calls, "RequestManagedInstanceRoleToken", 0).headers[2] =
                ("Content-Length".into(), "54".into())
        },
        "header Transfer-Encoding is missing",
    ),
    (
        "another target",
        "GetDocument",
        |calls| nth(calls, "GetDocument", 0).operation = "DescribeDocument".into(),
        "missing",
    ),
    (
        "a call that was not recorded",
        "DescribeDocument",
        |calls| nth(calls, "GetDocument", 0).operation = "DescribeDocument".into(),
        "not recorded",
    ),
    (
        "a call missing",
        "PutComplianceItems",
        |calls| calls.retain(|call| call.operation != "PutComplianceItems"),
        "missing",
    ),
    (
        "a call twice",
        STATUS,
        |calls| {
            let place = place(calls, STATUS, 3);
            calls.insert(place, calls[place].clone());
        },
        "not recorded",
    ),
    (
        "calls in another order",
        "GetDocument",
        |calls| {
            let (one, other) = (place(calls, "GetDocument", 0), place(calls, STATUS, 0));
            calls.swap(one, other);
        },
        "missing",
    ),
    (
        "the probe before the token",
        "RequestManagedInstanceRoleToken",
        |calls| {
            let (one, other) =
                (place(calls, "RequestManagedInstanceRoleToken", 0), place(calls, HEARTBEAT, 0));
            calls.swap(one, other);
        },
        "order of the start-up (found)",
    ),
    (
        "a connection kept",
        "PutComplianceItems",
        |calls| {
            let connection = nth(calls, STATUS, 3).connection;
            nth(calls, "PutComplianceItems", 0).connection = connection;
        },
        "connection",
    ),
    ("a connection closed early", STATUS, |calls| nth(calls, STATUS, 1).connection = 1, "connection"),
    (
        "a worker that starts early",
        "RequestManagedInstanceRoleToken",
        |calls| nth(calls, "RequestManagedInstanceRoleToken", 0).at += 0.8,
        "gap: worker after token (found)",
    ),
    (
        "a poll after its time",
        "ListInstanceAssociations",
        |calls| {
            let place = place(calls, "ListInstanceAssociations", 0);
            delay(calls, place, 31.0);
        },
        "gap: poll after its turn (found)",
    ),
    (
        "a heartbeat after its time",
        HEARTBEAT,
        |calls| nth(calls, HEARTBEAT, 2).at += 131.0,
        "gap: second heartbeat (found)",
    ),
    (
        "a step that takes longer",
        STATUS,
        |calls| {
            let place = place(calls, STATUS, 2);
            delay(calls, place, 1.5);
        },
        "time of a step",
    ),
    (
        "a report that comes late",
        STATUS,
        |calls| {
            let place = place(calls, STATUS, 3);
            delay(calls, place, 1.5);
        },
        "gap before",
    ),
    (
        "a ping too soon",
        "frame keepalive",
        |calls| {
            let place = place(calls, "frame keepalive", 2);
            delay(calls, place, -4.0);
        },
        "gap: ping (found)",
    ),
    (
        "another code in an acknowledgement",
        "frame agent_job_ack",
        |calls| *member(nth(calls, "frame agent_job_ack", 0), &["statusCode"]) = Json::Text("51405".into()),
        "value of statusCode",
    ),
];

const ACK: &str = "frame agent_job_ack";
const REPLY: &str = "frame agent_job_reply";

/// Edits of what goes over the control channel.
const EDITS_OF_CHANNEL: &[Edit] = &[
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

/// Edits of the recording in which calls fail.
const EDITS_OF_RETRIES: &[Edit] = &[
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

fn assert_reported(recording: &str, edits: &[Edit]) {
    let recorded = read(recording);
    for (name, operation, edit, what) in edits {
        let mut edited = recorded.clone();
        edit(&mut edited);
        assert_ne!(edited, recorded, "{name}: nothing was edited");
        let said = compare(&recorded, &edited).differences;
        let is_reported =
            said.iter().any(|difference| difference.operation == *operation && difference.what == *what);
        assert!(is_reported, "{name}: expected `{operation}: {what}` among {said:#?}");
    }
}

#[test]
fn what_is_not_edited_does_not_differ() {
    for recording in RECORDINGS {
        let calls = read(recording.text);
        let comparison = compare(&calls, &calls);
        assert_eq!(comparison.differences, [], "{}", recording.name);
        assert!(comparison.gaps[0].len() >= 5, "{}: {:?}", recording.name, comparison.gaps[0]);
        let matched: usize = comparison.counts.values().map(|counts| counts.matched).sum();
        assert_eq!(matched, calls.len(), "{}", recording.name);
    }
}

#[test]
fn every_edit_is_reported() {
    assert_reported(ONE_ASSOCIATION, EDITS);
    assert_reported(ONE_ASSOCIATION, EDITS_OF_CHANNEL);
    assert_reported(RETRIES_AND_THROTTLING, EDITS_OF_RETRIES);
}

#[test]
fn an_executor_that_wakes_off_its_tick_is_reported() {
    let recorded = read(MANY_ASSOCIATIONS);
    let mut edited = recorded.clone();
    let tick = edited.iter().position(|call| call.operation == STATUS && call.at > 300.0);
    delay(&mut edited, tick.expect("the executor's tick is recorded"), -2.0);
    let said = compare(&recorded, &edited).differences;
    assert!(said.iter().any(|difference| difference.what == "gap: executor's tick (found)"), "{said:#?}");
}
