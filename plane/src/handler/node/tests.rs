//! Properties of nodes, sessions, and the end of hybrid nodes.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::id::NodeId;
use shared::status::AssociationStatus::{Skipped, Success};
use shared::status::PlatformType;
use shared::time::Period;

use super::admit;
use super::describe::describe_instance_information;
use super::managed::{deregister_managed_instance, update_managed_instance_role};
use super::update_instance_information;
use crate::engine;
use crate::service::Service;
use crate::snapshot;
use crate::state::State;
use crate::testing::{GONE, ONE, THREE, TWO, World};

const HYBRID: &str = "mi-0bbbbbbbbbbbbbbb1";

fn listed(world: &World, body: &Value) -> Result<Vec<String>, ErrorCode> {
    let reply = world.post("DescribeInstanceProperties", body).map_err(|(code, _)| code)?;
    let rows = reply["InstanceProperties"].as_array().unwrap();
    Ok(rows.iter().map(|row| row["InstanceId"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn nodes_are_listed_by_filters_that_compare() {
    let mut world = World::new();
    world.tag(TWO, "Name", "web-2");
    let target = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
    let id = world.associate(&World::shell(&target, &json!({})));
    world.run(ONE, id, Success);
    let own = |nodes: &[&str]| Ok(nodes.iter().map(|node| (*node).to_owned()).collect::<Vec<_>>());
    let newer = |key: &str, operator: &str, values: &[&str]| {
        listed(
            &world,
            &json!({"FiltersWithOperator": [{"Key": key, "Operator": operator, "Values": values}]}),
        )
    };
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        ("InstanceIds", "Equal", &[THREE, ONE], &[ONE, THREE]),
        ("InstanceIds", "NotEqual", &[THREE, ONE], &[TWO]),
        ("AgentVersion", "BeginWith", &["3.3"], &[ONE, TWO, THREE]),
        ("AgentVersion", "LessThan", &["3.3"], &[]),
        ("AgentVersion", "GreaterThan", &["3.2"], &[ONE, TWO, THREE]),
        ("PlatformTypes", "Equal", &["Windows"], &[THREE]),
        ("PingStatus", "Equal", &["Online"], &[ONE, TWO, THREE]),
        ("DocumentName", "Equal", &["Shell22"], &[ONE]),
        ("DocumentName", "NotEqual", &["Shell22"], &[TWO, THREE]),
        ("AssociationStatus", "Equal", &["Success"], &[ONE]),
        ("ResourceType", "Equal", &["EC2Instance"], &[ONE, TWO, THREE]),
        ("ActivationIds", "Equal", &["a"], &[]),
        ("IamRole", "Equal", &["a"], &[]),
        ("tag:Env", "BeginWith", &["pr"], &[ONE, TWO]),
        ("tag-key", "Equal", &["Role"], &[TWO]),
    ];
    for (key, operator, values, nodes) in cases {
        assert_eq!(newer(key, operator, values), own(nodes), "{key} {operator} {values:?}");
    }
    let refusals: &[(&str, &[&str], ErrorCode)] = &[
        ("InstanceIds", &[GONE], InvalidInstanceId),
        ("DocumentName", &["None"], InvalidDocument),
        ("PingStatus", &["Asleep"], InvalidInstancePropertyFilterValue),
        ("Colour", &["red"], InvalidFilterKey),
    ];
    for (key, values, code) in refusals {
        assert_eq!(newer(key, "Equal", values), Err(code.clone()), "{key}");
    }
    assert_eq!(newer("PingStatus", "Like", &["x"]), Err(ValidationException));
    let older = json!({"InstancePropertyFilterList": [{"key": "PlatformTypes", "valueSet": ["Linux"]}]});
    assert_eq!(listed(&world, &older), own(&[ONE, TWO]));
    let mut both = older;
    both["FiltersWithOperator"] = json!([{"Key": "PingStatus", "Values": ["Online"]}]);
    assert_eq!(listed(&world, &both), Err(ValidationException));
    assert_eq!(listed(&world, &json!({"MaxResults": 4})), Err(ValidationException));
    assert_eq!(listed(&world, &json!({"NextToken": "x"})), Err(InvalidNextToken));

    let reply = world.post("DescribeInstanceProperties", &json!({})).unwrap();
    let node = &reply["InstanceProperties"][1];
    assert_eq!((&node["Name"], &node["ComputerName"]), (&json!("web-2"), &json!(format!("{TWO}.internal"))));
}

#[test]
fn a_session_reaches_who_has_its_channel_open() {
    let mut world = World::new();
    let status = |world: &World, target: &str| {
        let reply = world.post("GetConnectionStatus", &json!({"Target": target})).unwrap();
        assert_eq!(reply["Target"], target);
        reply["Status"].as_str().unwrap().to_owned()
    };
    let said = json!({"InstanceId": ONE, "SSMConnectionChannel": "ssmmessages"});
    world.post("UpdateInstanceInformation", &said).unwrap();
    assert_eq!(status(&world, ONE), "notconnected", "a word is no connection");
    let number = world.open_channel(ONE);
    assert_eq!(status(&world, ONE), "connected");
    world.pass(Period::minutes(30));
    assert_eq!(status(&world, ONE), "connected", "as long as it is open");
    for target in [TWO, THREE, GONE, HYBRID, "anything"] {
        assert_eq!(status(&world, target), "notconnected", "{target}");
    }
    world.plane.close_control_channel(ONE.parse().unwrap(), number);
    assert_eq!(status(&world, ONE), "notconnected");
    world.open_channel(ONE);
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    assert_eq!(status(&world, ONE), "notconnected", "no connection outlives the plane");
}

#[test]
fn only_hybrid_nodes_that_are_known_are_deregistered_or_given_a_role() {
    let world = World::new();
    let code = |operation: &str, body: Value| world.post(operation, &body).err().map(|(code, _)| code);
    for (node, expected) in [(HYBRID, InvalidInstanceId), (ONE, ValidationException)] {
        assert_eq!(code("DeregisterManagedInstance", json!({"InstanceId": node})), Some(expected.clone()));
        let body = json!({"InstanceId": node, "IamRole": "service-role/Nodes"});
        assert_eq!(code("UpdateManagedInstanceRole", body), Some(expected));
    }
}

/// Hybrid nodes register with activations, which is other operations' work; so
/// the state is asked directly.
#[test]
fn a_deregistered_node_leaves_nothing_behind() {
    let mut state = State::new(World::config());
    let now = World::new().now;
    let id: NodeId = HYBRID.parse().unwrap();
    let number = admit(&mut state, now, id);
    let run = |state: &mut State| {
        while let Some(work) = state.timers.take_due(now) {
            engine::run(state, now, work);
        }
    };
    let heartbeat = json!({"InstanceId": HYBRID, "PlatformType": "Linux", "AgentVersion": "3.3.0.0"});
    let heartbeat: shared::wire::UpdateInstanceInformation = serde_json::from_value(heartbeat).unwrap();
    update_instance_information(&mut state, now, heartbeat.clone()).unwrap();
    let handle = |state: &mut State, operation: &str, body: Value| {
        use crate::handler::Handle;
        match operation {
            "CreateAssociation" => {
                let call: shared::wire::CreateAssociation = serde_json::from_value(body).unwrap();
                call.handle(state, now).map(|_| ())
            }
            "PutComplianceItems" => {
                let call: shared::wire::PutComplianceItems = serde_json::from_value(body).unwrap();
                call.handle(state, now).map(|_| ())
            }
            _ => {
                let call: shared::wire::PutInventory = serde_json::from_value(body).unwrap();
                call.handle(state, now).map(|_| ())
            }
        }
        .unwrap();
    };
    let targets = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
    let shell = json!({"Name": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, "Targets": targets});
    handle(&mut state, "CreateAssociation", shell);
    run(&mut state);
    handle(
        &mut state,
        "PutComplianceItems",
        json!({
            "ResourceId": HYBRID, "ResourceType": "ManagedInstance", "ComplianceType": "Custom:Audit",
            "ExecutionSummary": {"ExecutionTime": 1}, "Items": [{"Id": "a", "Severity": "LOW", "Status": "COMPLIANT"}],
        }),
    );
    handle(
        &mut state,
        "PutInventory",
        json!({"InstanceId": HYBRID, "Items": [{
            "TypeName": "Custom:Rack", "SchemaVersion": "1.0", "CaptureTime": "2025-03-10T12:00:00Z", "Content": [{"Name": "a"}],
        }]}),
    );
    assert_eq!((state.nodes.get(number).records.len(), state.compliance.types.len()), (1, 1));
    assert!(state.inventory.knows_custom("Custom:Rack"));

    let role = shared::wire::UpdateManagedInstanceRole {
        instance_id: HYBRID.to_owned(),
        iam_role: "Nodes".to_owned(),
    };
    update_managed_instance_role(&mut state, now, role.clone()).unwrap();
    let bytes = snapshot::seal(&snapshot::write(&state).unwrap());
    let mut state = snapshot::read(World::config(), &bytes).unwrap();
    assert_eq!(state.nodes.get(number).iam_role.as_deref(), Some("Nodes"));
    let filter = json!({"Filters": [{"Key": "IamRole", "Values": ["Nodes"]}]});
    let listed =
        describe_instance_information(&mut state, now, serde_json::from_value(filter).unwrap()).unwrap();
    assert_eq!(listed.instance_information_list[0].iam_role.as_deref(), Some("Nodes"));
    let call = shared::wire::DeregisterManagedInstance { instance_id: HYBRID.to_owned() };
    deregister_managed_instance(&mut state, now, call.clone()).unwrap();
    run(&mut state);
    let node = state.nodes.get(number);
    assert_eq!((node.records.len(), state.compliance.types.len()), (0, 0));
    assert_eq!((node.facts.platform_type, node.iam_role.as_deref()), (None::<PlatformType>, None));
    assert!(!state.inventory.knows_custom("Custom:Rack"));
    let association = state.associations.after(None).next().unwrap();
    let history = &association.executions.back().unwrap().counts;
    assert_eq!((association.counts.total(), history.of(Skipped)), (0, 1), "what was never begun is skipped");
    let refusals = [
        deregister_managed_instance(&mut state, now, call).unwrap_err(),
        update_managed_instance_role(&mut state, now, role).unwrap_err(),
        update_instance_information(&mut state, now, heartbeat).unwrap_err(),
    ];
    assert!(refusals.iter().all(|refusal| refusal.code == InvalidInstanceId), "{refusals:?}");
}

#[test]
fn what_a_heartbeat_tells_has_an_end() {
    let world = World::new();
    let longest = [
        ("AgentVersion", 27),
        ("AvailabilityZone", 120),
        ("AvailabilityZoneId", 120),
        ("ComputerName", 255),
        ("IPAddress", 46),
        ("PlatformName", 120),
        ("PlatformVersion", 120),
        ("SSMConnectionChannel", 120),
    ];
    for (member, most) in longest {
        let tell = |length: usize| {
            let mut body = json!({"InstanceId": ONE, "PlatformType": "Linux"});
            body[member] = json!("1".repeat(length));
            world.post("UpdateInstanceInformation", &body).err().map(|(code, _)| code)
        };
        assert_eq!((tell(most), tell(most + 1)), (None, Some(ValidationException)), "{member}");
    }
}
