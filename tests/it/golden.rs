//! Each body is spelled as the service spells it.
//!
//! `golden/` holds one request and one reply of each operation. Those of the
//! agent's own operations are recorded bodies of the real agent, or follow its
//! published shapes; the rest is the public API's.

use serde_json::Value;
use shared::operation::{MESSAGE_NAMES, NAMES, Operation};
use shared::wire;

macro_rules! golden {
    ($($operation:ident),* $(,)?) => {
        /// Each operation with its request, its reply, and how they are read and written again.
        pub(crate) const GOLDEN: &[Golden] = &[$(Golden {
            name: wire::$operation::NAME,
            request: include_str!(concat!("../golden/", stringify!($operation), ".request.json")),
            reply: include_str!(concat!("../golden/", stringify!($operation), ".reply.json")),
            request_again: again::<wire::$operation>,
            reply_again: again::<<wire::$operation as Operation>::Reply>,
        }),*];
    };
}

pub(crate) struct Golden {
    pub(crate) name: &'static str,
    request: &'static str,
    reply: &'static str,
    pub(crate) request_again: fn(&str) -> String,
    reply_again: fn(&str) -> String,
}

golden! {
    AddTagsToResource, CancelCommand, CreateActivation, CreateAssociation, CreateAssociationBatch, CreateDocument,
    DeleteActivation, DeleteAssociation, DeleteDocument, DeregisterManagedInstance, DescribeActivations,
    DescribeAssociation,
    DescribeAssociationExecutionTargets, DescribeAssociationExecutions, DescribeAutomationExecutions,
    DescribeDocument, DescribeEffectiveInstanceAssociations, DescribeInstanceAssociationsStatus,
    DescribeInstanceInformation, DescribeInstanceProperties, GetAutomationExecution, GetCalendarState,
    GetCommandInvocation, GetConnectionStatus, GetDocument, GetInventory, GetManifest, GetParameters,
    ListAssociationVersions, ListAssociations, ListCommandInvocations, ListCommands, ListComplianceItems,
    ListComplianceSummaries, ListDocumentVersions, ListDocuments, ListInstanceAssociations, ListInventoryEntries,
    ListResourceComplianceSummaries, ListTagsForResource, PutComplianceItems, PutConfigurePackageResult,
    PutInventory, RegisterManagedInstance, RemoveTagsFromResource,
    RequestManagedInstanceRoleToken, SendCommand, StartAssociationsOnce,
    UpdateAssociation, UpdateAssociationStatus, UpdateDocument, UpdateDocumentDefaultVersion,
    UpdateInstanceAssociationStatus, UpdateInstanceInformation, UpdateManagedInstancePublicKey,
    UpdateManagedInstanceRole,
    // Of the message service.
    AcknowledgeMessage, DeleteMessage, FailMessage, GetMessages, SendReply,
}

/// The operations that the agent calls; it writes their keys in the alphabet's order.
const OF_THE_AGENT: [&str; 17] = [
    "AcknowledgeMessage",
    "DeleteMessage",
    "FailMessage",
    "GetDocument",
    "GetManifest",
    "GetMessages",
    "GetParameters",
    "ListInstanceAssociations",
    "PutComplianceItems",
    "PutConfigurePackageResult",
    "PutInventory",
    "RegisterManagedInstance",
    "RequestManagedInstanceRoleToken",
    "SendReply",
    "UpdateInstanceAssociationStatus",
    "UpdateInstanceInformation",
    "UpdateManagedInstancePublicKey",
];

/// Members whose keys are data: whatever stands there is no unknown key.
const MAPS: [&str; 9] = [
    "Attributes",
    "Parameters",
    "Details",
    "AssociationStatusAggregatedCount",
    "InstanceAssociationStatusAggregatedCount",
    "Content",
    "Context",
    "Data",
    "Entries",
];

/// The body, read into its wire type and written again.
fn again<T: serde::Serialize + serde::de::DeserializeOwned>(body: &str) -> String {
    let read: T = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {body}"));
    serde_json::to_string(&read).expect("a wire type can be written")
}

fn value(body: &str) -> Value {
    serde_json::from_str(body).expect("a golden body is JSON")
}

/// The body as one line, its keys in the order of the alphabet.
fn in_alphabetical_order(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| key.as_str());
            let members: Vec<_> = members
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), in_alphabetical_order(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(in_alphabetical_order).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

/// The same with a key in each object that nobody has heard of.
fn with_unknown_keys(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members
                .iter_mut()
                .filter(|(key, _)| !MAPS.contains(&key.as_str()))
                .for_each(|(_, value)| with_unknown_keys(value));
            members.insert("UnheardOf".into(), serde_json::json!({ "Since": [1, null, "x"] }));
        }
        Value::Array(items) => items.iter_mut().for_each(with_unknown_keys),
        _ => {}
    }
}

#[test]
fn every_operation_has_golden_bodies() {
    assert_eq!(GOLDEN.iter().map(|golden| golden.name).collect::<Vec<_>>(), [NAMES, MESSAGE_NAMES].concat());
}

#[test]
fn bodies_come_back_as_they_were_spelled() {
    for golden in GOLDEN {
        assert_eq!(value(&(golden.request_again)(golden.request)), value(golden.request), "{}", golden.name);
        assert_eq!(value(&(golden.reply_again)(golden.reply)), value(golden.reply), "{}", golden.name);
    }
}

#[test]
fn the_agent_writes_its_keys_in_the_order_of_the_alphabet() {
    let of_the_agent = GOLDEN.iter().filter(|golden| OF_THE_AGENT.contains(&golden.name));
    assert_eq!(of_the_agent.clone().count(), OF_THE_AGENT.len());
    for golden in of_the_agent {
        assert_eq!((golden.request_again)(golden.request), in_alphabetical_order(&value(golden.request)));
    }
}

#[test]
fn keys_that_nobody_has_heard_of_are_passed_over() {
    for golden in GOLDEN {
        for (body, again) in [(golden.request, golden.request_again), (golden.reply, golden.reply_again)] {
            let mut newer = value(body);
            with_unknown_keys(&mut newer);
            assert_ne!(newer, value(body));
            assert_eq!(value(&again(&newer.to_string())), value(body), "{}", golden.name);
        }
    }
}
