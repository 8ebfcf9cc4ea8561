//! Edits of calls: their bodies, headers, order, connections and gaps.

use super::{Edit, HEARTBEAT, Json, STATUS, delay, drop_header, header, member, members, nth, place};

/// Edits of one association's recording.
pub(super) const OF_CALLS: &[Edit] = &[
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
