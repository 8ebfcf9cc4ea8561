//! The plane as a whole: whatever bytes come, whatever order things happen in,
//! and whether a snapshot is the plane again.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use shared::id::{AssociationId, NodeId};
use shared::status::{AssociationStatus, PlatformType};
use shared::time::Period;
use shared::wire;

use super::*;
use crate::route::TARGETS;
use crate::state::compliance::{ASSOCIATION, ComplianceCounts};
use crate::state::execution::counts::StatusCounts;
use crate::testing::{ONE, TWO, World};

/// Counts everything anew and compares it with what was counted as it changed.
fn check_counts(plane: &Service) {
    let state = plane.lock();
    let mut by_association: BTreeMap<_, StatusCounts> = BTreeMap::new();
    let mut compliance = ComplianceCounts::default();
    for node in state.nodes.table() {
        for record in &node.records {
            by_association.entry(record.association).or_default().add(record.status);
            // What is deleted counts until the engine has taken it off its nodes.
            let (number, graves) = (record.association, &state.associations.graves);
            let living = state.associations.get(number);
            let association = living.or_else(|| graves.get(&number)).expect("a record has its association");
            if let Some(finding) = record.finding {
                compliance.shift(ASSOCIATION, None, Some((finding.is_compliant, association.severity())));
            }
            if living.is_none() {
                continue;
            }
            for place in [Some(record.place), record.owed].into_iter().flatten() {
                if let Some(execution) = association.execution(place.execution) {
                    let row = execution.rows[place.row as usize];
                    assert_eq!(state.nodes.get(row.node).id, node.id, "a record points to its own row");
                }
            }
            let row = association.execution(record.place.execution);
            let row = row.map(|execution| execution.rows[record.place.row as usize].status);
            assert!(row.is_none_or(|row| row == record.status), "row {row:?}, record {record:?}");
        }
        for (kind, upload) in node.uploads.iter().flat_map(|uploads| uploads.iter()) {
            for (_, item) in upload.items() {
                compliance.shift(kind, None, Some((item.is_compliant, item.severity)));
            }
        }
    }
    assert_eq!(state.compliance, compliance);
    for association in state.associations.after(None) {
        let counted = by_association.get(&association.number).copied().unwrap_or_default();
        assert_eq!(association.counts, counted);
        for execution in &association.executions {
            let mut rows = StatusCounts::default();
            execution.rows.iter().for_each(|row| rows.add(row.status));
            assert_eq!(execution.counts, rows);
            let mut nodes: Vec<_> = execution.rows.iter().map(|row| row.node).collect();
            nodes.sort();
            nodes.dedup();
            assert_eq!(nodes.len(), execution.rows.len(), "a node has one row");
        }
    }
}

/// A plane that soon forgets, so that executions do so under the eyes of all.
fn forgetful() -> PlaneConfig {
    PlaneConfig { execution_history: 2, ..World::config() }
}

/// Something that happens to a plane.
#[derive(Debug, Clone)]
enum Act {
    Ping(u8),
    Tag(u8, u8),
    Associate(u8, bool),
    Delete(u8),
    Report(u8, u8, u8, i16),
    Upload(u8, u8, bool),
    Pass(u16),
    Settle,
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..6u8).prop_map(Act::Ping),
        (0..6u8, 0..3u8).prop_map(|(node, value)| Act::Tag(node, value)),
        (0..4u8, any::<bool>()).prop_map(|(targets, repeats)| Act::Associate(targets, repeats)),
        (0..4u8).prop_map(Act::Delete),
        (0..6u8, 0..4u8, 0..5u8, -20..20i16)
            .prop_map(|(node, which, status, at)| Act::Report(node, which, status, at)),
        (0..6u8, 0..4u8, any::<bool>()).prop_map(|(node, which, good)| Act::Upload(node, which, good)),
        (0..200u16).prop_map(Act::Pass),
        Just(Act::Settle),
        Just(Act::Restart),
    ]
}

fn node(number: u8) -> String {
    NodeId::ec2(u128::from(number)).to_string()
}

fn apply(world: &mut World, ids: &mut Vec<AssociationId>, act: Act) {
    use AssociationStatus::{Failed, InProgress, Pending, Success, TimedOut};
    match act {
        Act::Ping(number) => world.ping(&node(number), PlatformType::Linux),
        Act::Tag(number, value) => world.tag(&node(number), "Env", &format!("v{value}")),
        Act::Associate(targets, repeats) => {
            let target = match targets {
                0 => json!({"Key": "InstanceIds", "Values": ["*"]}),
                1 => json!({"Key": "tag-key", "Values": ["Env"]}),
                value => json!({"Key": "tag:Env", "Values": [format!("v{value}"), "v0"]}),
            };
            let more = if repeats { json!({"ScheduleExpression": "rate(1 hour)"}) } else { json!({}) };
            let reply = world.post("CreateAssociation", &World::shell(&json!([target]), &more)).unwrap();
            ids.push(reply["AssociationDescription"]["AssociationId"].as_str().unwrap().parse().unwrap());
        }
        Act::Delete(which) if usize::from(which) < ids.len() => {
            let id = ids.remove(which.into());
            world.post("DeleteAssociation", &json!({"AssociationId": id})).unwrap();
        }
        Act::Report(number, which, status, at) if usize::from(which) < ids.len() => {
            let status = [Pending, InProgress, Success, Failed, TimedOut][usize::from(status)];
            let date = world.now + Period::seconds(30) - Period::seconds((30 - i64::from(at)) as u64);
            // Nodes that do not have it are refused; that is as good an act as any.
            _ = world.report_at(&node(number), ids[usize::from(which)], status, date);
        }
        Act::Upload(number, which, good) if usize::from(which) < ids.len() => {
            let status = if good { "COMPLIANT" } else { "NON_COMPLIANT" };
            let item = json!({"Id": ids[usize::from(which)], "Severity": "LOW", "Status": status});
            let body = json!({
                "ResourceId": node(number), "ResourceType": "ManagedInstance", "ComplianceType": "Association",
                "ExecutionSummary": {"ExecutionTime": world.now}, "Items": [item],
            });
            _ = world.post("PutComplianceItems", &body);
        }
        Act::Pass(minutes) => world.pass(Period::minutes(minutes.into())),
        Act::Settle => world.settle(),
        Act::Restart => {
            let bytes = world.plane.snapshot().unwrap();
            world.plane = Service::restore(forgetful(), &bytes).unwrap();
            assert!(world.plane.snapshot().unwrap() == bytes, "a restored plane is the same plane");
        }
        Act::Delete(_) | Act::Report(..) | Act::Upload(..) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_is_counted_is_what_there_is(acts in prop::collection::vec(act(), 1..80)) {
        let mut world = World::with(forgetful());
        let mut ids = Vec::new();
        for act in acts {
            apply(&mut world, &mut ids, act);
            check_counts(&world.plane);
        }
        world.settle();
        check_counts(&world.plane);
    }

    #[test]
    fn no_bytes_bring_a_panic_or_a_fault(which in 0..TARGETS.len(), body in prop::collection::vec(any::<u8>(), 0..200)) {
        let world = World::empty(World::config());
        let response = world.plane.respond(world.now, TARGETS[which], &body);
        prop_assert!(response.status == 200 || response.status == 400);
    }

    #[test]
    fn no_json_brings_a_panic_or_a_fault(which in 0..TARGETS.len(), body in json_like()) {
        let world = World::new();
        let response = world.plane.respond(world.now, TARGETS[which], body.to_string().as_bytes());
        prop_assert!(response.status == 200 || response.status == 400, "{}: {body}", TARGETS[which]);
    }
}

/// JSON with members that mean something, and values that may not.
fn json_like() -> impl Strategy<Value = serde_json::Value> {
    let names = [
        "Name",
        "InstanceId",
        "AssociationId",
        "Targets",
        "Key",
        "Values",
        "Parameters",
        "ScheduleExpression",
        "MaxResults",
        "NextToken",
        "Filters",
        "Type",
        "Tags",
        "ResourceType",
        "ResourceId",
        "Items",
        "Content",
        "ExecutionSummary",
        "ExecutionTime",
        "ComplianceType",
        "Severity",
        "Status",
        "Id",
        "ExecutionResult",
        "ExecutionDate",
        "Fingerprint",
        "PublicKey",
        "AssociationFilterList",
        "key",
        "value",
        "OutputLocation",
    ];
    let values = [
        "AWS-RunShellScript",
        ONE,
        TWO,
        "*",
        "InstanceIds",
        "tag:Env",
        "tag:",
        "ManagedInstance",
        "Association",
        "Custom:Aa",
        "Success",
        "COMPLIANT",
        "LOW",
        "rate(1 hour)",
        "",
        "é",
        "{}",
        "00000000-0000-4000-8000-000000000001",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        prop::sample::select(values.to_vec()).prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((prop::sample::select(names.to_vec()), inner), 0..8).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

#[test]
fn requests_that_are_no_calls_are_refused_by_name() {
    let world = World::empty(World::config());
    let cases: &[(&str, &[u8], &str)] = &[
        ("AmazonSSM.CreateAssociatio", b"{}", "UnknownOperationException"),
        ("", b"{}", "UnknownOperationException"),
        ("AmazonSSM.GetDocument", b"", "SerializationException"),
        ("AmazonSSM.GetDocument", b"[]", "SerializationException"),
        ("AmazonSSM.GetDocument", br#"{"Name":1}"#, "SerializationException"),
        ("AmazonSSM.GetDocument", b"\xff", "SerializationException"),
        ("AmazonSSM.GetDocument", b"{}", "ValidationException"),
    ];
    for (target, body, expected) in cases {
        let response = world.plane.respond(world.now, target, body);
        let error: ErrorBody = serde_json::from_slice(&response.body).unwrap();
        assert_eq!((response.status, error.code.as_str()), (400, *expected), "{target} {body:?}");
    }
    let ids: Vec<String> = (0..2).map(|_| world.plane.respond(world.now, "", b"").request_id).collect();
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.len() == 36), "{ids:?}");
}

#[test]
fn a_typed_call_and_the_same_in_bytes_do_the_same() {
    let world = World::new();
    let bad = wire::CreateAssociation { name: "x!".to_owned(), ..Default::default() };
    let by_type = world.call(bad.clone()).unwrap_err();
    let in_bytes = world.post("CreateAssociation", &serde_json::to_value(&bad).unwrap()).unwrap_err();
    assert_eq!((by_type.code, by_type.message), in_bytes);
    let get = wire::GetDocument { name: "Shell22".to_owned(), ..Default::default() };
    let by_type = serde_json::to_value(world.call(get.clone()).unwrap()).unwrap();
    assert_eq!(by_type, world.post("GetDocument", &serde_json::to_value(&get).unwrap()).unwrap());
}

#[test]
fn a_snapshot_in_the_middle_of_a_run_goes_on_as_if_nothing_had_happened() {
    let mut world = World::new();
    let body = World::shell(
        &json!([{"Key": "InstanceIds", "Values": ["*"]}]),
        &json!({"ScheduleExpression": "rate(30 minutes)", "ComplianceSeverity": "LOW", "Tags": [{"Key": "k", "Value": "v"}]}),
    );
    let id = world.associate(&body);
    world.run(ONE, id, AssociationStatus::Success);
    world.report(TWO, id, AssociationStatus::InProgress).unwrap();
    let bytes = world.plane.snapshot().unwrap();
    let mut twin = World { plane: Service::restore(World::config(), &bytes).unwrap(), now: world.now };
    for world in [&mut world, &mut twin] {
        world.pass(Period::minutes(31));
        world.run(TWO, id, AssociationStatus::Failed);
        world.associate(&body);
    }
    assert!(
        world.plane.snapshot().unwrap() == twin.plane.snapshot().unwrap(),
        "ids, counts and timers included"
    );
    assert_eq!(twin.told(ONE), ["Pending", "Pending"]);
}

#[test]
fn bytes_that_are_no_snapshot_are_refused_with_the_reason() {
    let good = World::new().plane.snapshot().unwrap();
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let other = String::from_utf8(good.clone()).unwrap().replacen("state 3 ", "state 2 ", 1).into_bytes();
    let cases: [(&[u8], &str); 5] = [
        (b"", "no state of an ssm-fleet plane"),
        (b"{}\n", "no state of an ssm-fleet plane"),
        (&damaged, "damaged"),
        (&good[..good.len() / 2], "damaged"),
        (&other, "version 2; this program reads version 3: name another file"),
    ];
    for (bytes, reason) in cases {
        let error = Service::restore(World::config(), bytes).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn the_same_seed_gives_the_same_ids() {
    let run = || {
        let mut world = World::new();
        let body = World::shell(&json!([{"Key": "InstanceIds", "Values": ["*"]}]), &json!({}));
        let id = world.associate(&body);
        world.run(ONE, id, AssociationStatus::Success);
        world.plane.snapshot().unwrap()
    };
    assert!(run() == run());
}
