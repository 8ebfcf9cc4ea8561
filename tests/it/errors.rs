//! Every refusal that the plane can answer, over HTTP, in the form that clients know.
//!
//! A refusal is a name, a status, the member that the model has for its reason, and
//! headers (F.1, F.3). One world brings them all about, once with reasons everywhere
//! and once as bare as the model has them. Requests that are no calls stand beside.
//!
//! Left out is what comes of a fault only: no request brings about an
//! `InternalServerError`. Refusals of a signature stand in `signature`. Behind a
//! socket the plane applies an update before the next call is read, as a rule: what
//! is `TooManyUpdates` is asked of the plane itself.

mod rows;
mod signature;

use std::collections::BTreeSet;

use plane::config::PlaneConfig;
use plane::service::Service;
use reqwest::Method;
use serde_json::{Value, json};
use shared::time::Period;

use self::rows::{command, compliance, content, hybrid, inventory, item, old, on_one, registration, targets};
use crate::served::{Answer, NOON, ONE, Served, THREE, TWO, and, fixture};

const NO_ASSOCIATION: &str = "00000000-0000-4000-8000-000000000000";

/// Names for which the model has no member with a reason (table A).
const WITHOUT_REASON: [&str; 14] = [
    "AssociatedInstances",
    "AssociationAlreadyExists",
    "AssociationLimitExceeded",
    "DuplicateInstanceId",
    "InvalidCommandId",
    "InvalidFilterKey",
    "InvalidOutputFolder",
    "InvalidOutputLocation",
    "InvalidPluginName",
    "InvalidResourceId",
    "InvalidResourceType",
    "InvocationDoesNotExist",
    "StatusUnchanged",
    "TooManyTagsError",
];

/// Names whose member begins with a small letter (table A).
const IN_SMALL_LETTERS: [&str; 2] =
    ["InvalidInstanceInformationFilterValue", "InvalidInstancePropertyFilterValue"];

/// What the reference names under F.1, and the plane can say of a request alone.
const OF_ASSOCIATIONS: [&str; 22] = [
    "InvalidInstanceId",
    "UnsupportedPlatformType",
    "InvalidTarget",
    "InvalidDocument",
    "InvalidDocumentVersion",
    "InvalidParameters",
    "InvalidSchedule",
    "InvalidTag",
    "InvalidTargetMaps",
    "InvalidOutputLocation",
    "AssociationAlreadyExists",
    "AssociationLimitExceeded",
    "AssociationDoesNotExist",
    "InvalidAssociationVersion",
    "AssociationVersionLimitExceeded",
    "InvalidUpdate",
    "StatusUnchanged",
    "InvalidAssociation",
    "AssociationExecutionDoesNotExist",
    "InvalidNextToken",
    "DuplicateInstanceId",
    "AssociatedInstances",
];

/// A call and the name of its refusal.
type Row = (&'static str, &'static str, Value);

/// The limits are low, so that a few calls reach them.
fn config() -> PlaneConfig {
    PlaneConfig {
        association_limit: 4,
        document_limit: 8,
        document_version_limit: 2,
        inventory_item_limit: 40,
        inventory_node_limit: 60,
        custom_inventory_types: 1,
        max_body: 100_000,
        ..PlaneConfig::default()
    }
}

/// What only the plane knows the ids of.
struct Ids {
    association: Value,
    old: Value,
    orphan: Value,
    worn: Value,
    command: Value,
    /// An activation that lets in one node, and has; one that was deleted; one that has expired.
    used: Value,
    deleted: Value,
    expired: Value,
}

/// Brings about what refusals are about.
async fn prepare(plane: &Served) -> Ids {
    plane.put(&format!("denied-nodes/{THREE}"), &json!({})).await;
    for name in ["Twice", "Brief"] {
        plane.document(name, "Command", &content(name)).await;
    }
    let body = json!({"Name": "Twice", "Content": content("again"), "DocumentVersion": "$LATEST"});
    plane.done("UpdateDocument", &body).await;
    let odd = "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\n\
               X-CALENDAR-TYPE:DEFAULT_OPEN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20250310T120000Z\r\n\
               DTEND:20250310T130000Z\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    plane.document("Odd", "ChangeCalendar", odd).await;
    let body = json!({"Name": "Named", "Content": content("named"), "VersionName": "one"});
    plane.done("CreateDocument", &body).await;
    let soon = json!({"ExpirationDate": plane.now().milliseconds() / 1000 + 60});
    let expired = activate(plane, soon).await;
    plane.pass_to(plane.now() + Period::minutes(2));
    let ids = Ids {
        association: associate(plane, on_one()).await,
        old: associate(plane, old()).await,
        orphan: associate(plane, json!({"Name": "Brief", "Targets": targets("InstanceIds", ONE)})).await,
        worn: associate(plane, on_one()).await,
        command: plane.done("SendCommand", &command(json!({}))).await["Command"]["CommandId"].clone(),
        used: activate(plane, json!({})).await,
        deleted: activate(plane, json!({})).await,
        expired,
    };
    plane.done("RegisterManagedInstance", &hybrid(&ids.used)).await;
    plane.done("DeleteActivation", &json!({"ActivationId": ids.deleted["ActivationId"]})).await;
    plane.done("DeleteDocument", &json!({"Name": "Brief", "Force": true})).await;
    for _ in 2..=1000 {
        let body = json!({
            "AssociationId": ids.worn, "Parameters": {"commands": ["id"]}, "ApplyOnlyAtCronInterval": true,
        });
        plane.done("UpdateAssociation", &body).await;
    }
    let status = json!({"Name": "Success", "Message": "done", "Date": 1_741_608_000});
    plane.done("UpdateAssociationStatus", &and(old(), json!({"AssociationStatus": status}))).await;
    plane.done("RegisterManagedInstance", &registration(ONE)).await;
    // With the fixture's two, as many as a resource can have.
    for number in 0..48 {
        plane.tag(TWO, &format!("k{number}"), "v").await;
    }
    for number in 0..10 {
        plane.done("PutComplianceItems", &compliance(&format!("Custom:T{number}"), ONE)).await;
    }
    plane.done("PutInventory", &inventory(&[item("Custom:One", "a")])).await;
    ids
}

async fn associate(plane: &Served, body: Value) -> Value {
    plane.done("CreateAssociation", &body).await["AssociationDescription"]["AssociationId"].clone()
}

/// An activation: its id and its code.
async fn activate(plane: &Served, more: Value) -> Value {
    plane.done("CreateActivation", &and(json!({"IamRole": "Nodes"}), more)).await
}

/// The members of a refusal's body.
fn members(name: &str, is_bare: bool) -> BTreeSet<&'static str> {
    let reason = match name {
        "UnknownOperationException" => None,
        name if is_bare && WITHOUT_REASON.contains(&name) => None,
        name if IN_SMALL_LETTERS.contains(&name) => Some("message"),
        _ => Some("Message"),
    };
    ["__type"].into_iter().chain(reason).collect()
}

fn check(row: &Row, answer: &Answer, is_bare: bool) {
    let (name, operation, body) = row;
    let place = format!("{operation} {:.300}: {}", body.to_string(), answer.body);
    assert_eq!((answer.status, answer.error()), (400, *name), "{place}");
    assert_eq!(answer.content_type, "application/x-amz-json-1.1", "{place}");
    let body = answer.body.as_object().expect("a refusal is an object");
    let found: BTreeSet<&str> = body.keys().map(String::as_str).collect();
    let wanted = members(name, is_bare);
    assert_eq!(found, wanted, "{place}");
    assert_eq!(answer.message().is_empty(), wanted.len() == 1, "{place}");
}

#[tokio::test]
async fn each_refusal_has_its_name_its_status_and_its_reason() {
    for bare_refusals in [false, true] {
        let plane = fixture(PlaneConfig { bare_refusals, ..config() }).await;
        let ids = prepare(&plane).await;
        let rows: Vec<Row> =
            [rows::of_associations(&ids), rows::of_nodes(&ids), rows::of_the_rest(&ids)].concat();
        for row in &rows {
            let (_, operation, body) = row;
            check(row, &plane.call(operation, body).await, bare_refusals);
        }
        plane.document("Last", "Command", &content("last")).await;
        let one_more = json!({"Name": "One-More", "Content": content("one-more")});
        let row = ("DocumentLimitExceeded", "CreateDocument", one_more);
        check(&row, &plane.call(row.1, &row.2).await, bare_refusals);
        let names: BTreeSet<&str> = rows.iter().map(|(name, ..)| *name).collect();
        let wanted = OF_ASSOCIATIONS.iter().chain(&WITHOUT_REASON).chain(&IN_SMALL_LETTERS);
        let missing: Vec<&&str> = wanted.filter(|name| !names.contains(**name)).collect();
        assert!(missing.is_empty(), "no row brings about {missing:?}");
        plane.end().await;
    }
}

#[tokio::test]
async fn what_is_no_call_is_answered_in_good_form_too() {
    let plane = fixture(config()).await;
    let large = vec![b'x'; 100_001];
    let put = |path: &'static str, body: &str| (Method::PUT, path, body.as_bytes().to_vec());
    let post = |path: &'static str, body: &[u8]| (Method::POST, path, body.to_vec());
    let bare = |method, path: &'static str| (method, path, Vec::new());
    let (aws, own) = ("application/x-amz-json-1.1", "application/json");
    // What is sent, the status, the body's kind, and the name or reason.
    let cases = [
        (post("/", b"{}"), 400, aws, "UnknownOperationException"),
        (post("/", &large), 413, aws, "ValidationException"),
        (post("/other", b"{}"), 404, aws, "UnknownOperationException"),
        (bare(Method::GET, "/"), 405, aws, "UnknownOperationException"),
        (bare(Method::GET, "/_fleet/world"), 200, own, ""),
        (put("/_fleet/alarms/cpu", "\"ALARM\""), 200, own, ""),
        (bare(Method::DELETE, "/_fleet/alarms/cpu"), 200, own, ""),
        (put("/_fleet/alarms/cpu", "\"RED\""), 400, own, "the body cannot be understood"),
        (bare(Method::GET, "/_fleet/alarms/cpu"), 404, own, "there is no cpu among alarms"),
        (bare(Method::PATCH, "/_fleet/alarms/cpu"), 405, own, "PATCH is not supported"),
        ((Method::PUT, "/_fleet/buckets", large.clone()), 413, own, "larger than 100000 bytes"),
    ];
    for ((method, path, body), status, kind, said) in cases {
        // That the answer has an id is seen wherever one is sent.
        let answer = plane.send(method.clone(), path, &[], body).await;
        assert_eq!(
            (answer.status, &*answer.content_type),
            (status, kind),
            "{method} {path}: {}",
            answer.body
        );
        let reason = answer.body["error"].as_str().unwrap_or(answer.error());
        assert!(reason.contains(said), "{method} {path}: {}", answer.body);
    }
    for body in [&b"no json"[..], b"", b"[1]", b"\"text\"", b"{\"Name\": 1}", b"\xff"] {
        let answer = plane.post("AmazonSSM.CreateAssociation", body.to_vec()).await;
        assert_eq!(
            (answer.status, answer.error()),
            (400, "SerializationException"),
            "{body:?}: {}",
            answer.body
        );
        assert!(!answer.message().is_empty(), "{body:?}: {}", answer.body);
    }
    let answer =
        plane.send(Method::PUT, "/_fleet/alarms/cpu", &[("origin", "https://example.com")], Vec::new()).await;
    assert_eq!((answer.status, &*answer.content_type), (403, own), "{}", answer.body);
    plane.end().await;
}

#[test]
fn an_update_while_the_last_one_is_being_applied_is_one_too_many() {
    let plane = Service::new(config());
    let respond = |operation: &str, body: &Value| {
        let response = plane.respond(NOON, &format!("AmazonSSM.{operation}"), body.to_string().as_bytes());
        let body: Value = serde_json::from_slice(&response.body).expect("the plane answers in JSON");
        (response.status, body)
    };
    respond("CreateDocument", &json!({"Name": "Shell", "Content": content("id")}));
    let body = json!({"Name": "Shell", "Targets": targets("tag:Env", "prod")});
    let (_, made) = respond("CreateAssociation", &body);
    let update = json!({"AssociationId": made["AssociationDescription"]["AssociationId"]});
    assert_eq!(respond("UpdateAssociation", &update).0, 200);
    let reason = "an update of the association is still being applied: try again later";
    let refusal = json!({"__type": "TooManyUpdates", "Message": reason});
    assert_eq!(respond("UpdateAssociation", &update), (400, refusal));
    plane.run_timers(NOON);
    assert_eq!(respond("UpdateAssociation", &update).0, 200);
}
