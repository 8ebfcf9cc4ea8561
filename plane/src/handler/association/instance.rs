//! The associations of one node, as its owner sees them.
//!
//! What counts is which associations mean the node now: one that was not
//! dispatched to it yet is shown as `Associated`, and one that means it no
//! longer is not shown, whether or not the engine has been there.

use shared::error::ApiError;
use shared::id::NodeId;
use shared::status::AssociationStatus;
use shared::time::Timestamp;
use shared::wire::{
    DescribeEffectiveInstanceAssociations, DescribeEffectiveInstanceAssociationsReply,
    DescribeInstanceAssociationsStatus, DescribeInstanceAssociationsStatusReply, InstanceAssociation,
    InstanceAssociationStatusInfo,
};

use super::super::agent::unknown;
use crate::page::{List, page_size};
use crate::state::State;
use crate::state::association::{Association, AssociationNumber};
use crate::state::node::Node;

/// How many associations a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// The same where documents come with them: the most that there may be.
const DEFAULT_PAGE_WITH_CONTENT: usize = 5;

/// How each association of a node stands, in the order of creation.
pub(crate) fn describe_instance_associations_status(
    state: &mut State,
    _now: Timestamp,
    call: DescribeInstanceAssociationsStatus,
) -> Result<DescribeInstanceAssociationsStatusReply, ApiError> {
    let node = find(state, call.instance_id)?;
    let list = List::new(state.config.seed, "DescribeInstanceAssociationsStatus", &call.instance_id);
    let size = page_size(call.max_results, DEFAULT_PAGE);
    let (page, next_token) = page(state, node, &list, call.next_token.as_deref(), size)?;
    Ok(DescribeInstanceAssociationsStatusReply {
        instance_association_status_infos: page.iter().map(|association| info(node, association)).collect(),
        next_token,
    })
}

/// What is associated with a node, with the documents' content.
pub(crate) fn describe_effective_instance_associations(
    state: &mut State,
    _now: Timestamp,
    call: DescribeEffectiveInstanceAssociations,
) -> Result<DescribeEffectiveInstanceAssociationsReply, ApiError> {
    let node = find(state, call.instance_id)?;
    let list = List::new(state.config.seed, "DescribeEffectiveInstanceAssociations", &call.instance_id);
    let size = page_size(call.max_results, DEFAULT_PAGE_WITH_CONTENT);
    let (page, next_token) = page(state, node, &list, call.next_token.as_deref(), size)?;
    let row = |association: &&Association| InstanceAssociation {
        association_id: association.id,
        instance_id: call.instance_id,
        content: content(state, association),
        association_version: Some(association.version.to_string()),
    };
    Ok(DescribeEffectiveInstanceAssociationsReply {
        associations: page.iter().map(row).collect(),
        next_token,
    })
}

/// The node, if it is one that the caller may ask about.
fn find(state: &State, id: NodeId) -> Result<&Node, ApiError> {
    let number = state.nodes.admitted(id).filter(|_| !state.is_out_of_reach(id));
    number.map(|number| state.nodes.get(number)).ok_or_else(|| unknown(id))
}

/// A page of the associations that mean a node now, and where the next begins.
fn page<'a>(
    state: &'a State,
    node: &Node,
    list: &List,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<&'a Association>, Option<String>), ApiError> {
    let after = list.place::<u32>(token)?;
    let from = AssociationNumber(after.map_or(0, |after| after.saturating_add(1)));
    let candidates = state.associations.candidates(node, from);
    let mut effective = candidates
        .into_iter()
        .filter_map(|number| state.associations.get(number))
        .filter(|association| association.conditions.hold(node))
        .peekable();
    let page: Vec<&Association> = effective.by_ref().take(size).collect();
    let last = page.last().map(|association| association.number.0.to_string());
    let next_token = effective.peek().and(last).map(|last| list.token(&last));
    Ok((page, next_token))
}

fn info(node: &Node, association: &Association) -> InstanceAssociationStatusInfo {
    let definition = &association.definition;
    let record = node.record(association.number);
    let told = record.and_then(|record| record.told.as_deref());
    let status = record.map_or(AssociationStatus::Pending, |record| record.status);
    let detailed_status = match record {
        // What never ran is still only associated, unless it waits for its turn or was passed over.
        Some(record) if record.reported.is_some() || status != AssociationStatus::Pending => {
            record.detail.word(status)
        }
        _ => AssociationStatus::Associated.as_str(),
    };
    InstanceAssociationStatusInfo {
        association_id: association.id,
        name: definition.name.to_string(),
        document_version: Some(definition.document_version.to_string()),
        association_version: Some(association.version.to_string()),
        instance_id: node.id,
        execution_date: record.and_then(|record| record.reported),
        status: Some(status.to_string()),
        detailed_status: Some(detailed_status.to_owned()),
        execution_summary: told.map(|told| told.summary.to_string()),
        error_code: told.and_then(|told| told.error_code.as_deref()).map(str::to_owned),
        output_url: told.and_then(|told| told.output_url.clone()),
        association_name: definition.association_name.as_deref().map(str::to_owned),
    }
}

/// The text of an association's document, unless that is gone.
fn content(state: &State, association: &Association) -> Option<String> {
    let definition = &association.definition;
    let version = Some(&*definition.document_version);
    let (_, version) = state.documents.find(&definition.name, version, None, &state.config.account).ok()?;
    version.kept().text(None).map(|(content, _)| content.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};
    use shared::error::ErrorCode::{InvalidInstanceId, InvalidNextToken, ValidationException};
    use shared::status::AssociationStatus::{Failed, InProgress, Success};
    use shared::time::Period;

    use crate::config::PlaneConfig;
    use crate::state::world;
    use crate::testing::{GONE, ONE, TWO, World};

    fn on_one() -> Value {
        World::shell(&json!([{"Key": "InstanceIds", "Values": [ONE]}]), &json!({"AssociationName": "name"}))
    }

    fn statuses(world: &World, node: &str) -> Vec<(String, String)> {
        let reply = world.post("DescribeInstanceAssociationsStatus", &json!({"InstanceId": node})).unwrap();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let rows = reply["InstanceAssociationStatusInfos"].as_array().unwrap();
        rows.iter().map(|row| (text(row, "Status"), text(row, "DetailedStatus"))).collect()
    }

    #[test]
    fn each_association_of_a_node_is_shown_as_it_stands_there() {
        let mut world = World::new();
        let ids: Vec<_> = (0..4).map(|_| world.associate(&on_one())).collect();
        // Made, and not yet dispatched.
        world.post("CreateAssociation", &on_one()).unwrap();
        world.run(ONE, ids[0], Failed);
        world.run(ONE, ids[1], Success);
        world.report(ONE, ids[2], InProgress).unwrap();
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(status, details)| ((*status).to_owned(), (*details).to_owned())).collect()
        };
        let expected = own(&[
            ("Failed", "Failed"),
            ("Success", "Success"),
            ("InProgress", "InProgress"),
            ("Pending", "Associated"),
            ("Pending", "Associated"),
        ]);
        assert_eq!(statuses(&world, ONE), expected);
        assert_eq!(statuses(&world, TWO), []);
        let reply = world.post("DescribeInstanceAssociationsStatus", &json!({"InstanceId": ONE})).unwrap();
        let first = json!({
            "AssociationId": ids[0], "Name": "Shell22", "DocumentVersion": "$DEFAULT",
            "AssociationVersion": "1", "InstanceId": ONE, "ExecutionDate": 1_741_608_003, "Status": "Failed",
            "DetailedStatus": "Failed", "ExecutionSummary": "1 out of 1 plugin processed",
            "AssociationName": "name",
        });
        assert_eq!(reply["InstanceAssociationStatusInfos"][0], first);

        world.pass(Period::hours(3));
        assert_eq!(statuses(&world, ONE)[2], ("Failed".to_owned(), "StuckAtInProgress".to_owned()));
        world.post("DeleteAssociation", &json!({"AssociationId": ids[0]})).unwrap();
        assert_eq!(statuses(&world, ONE).len(), 4);
    }

    #[test]
    fn effective_associations_come_with_their_document_five_a_page() {
        let world = World::new();
        let ids: Vec<_> = (0..12).map(|_| world.associate(&on_one()).to_string()).collect();
        let mut seen = Vec::new();
        let mut sizes = Vec::new();
        let mut token = Value::Null;
        loop {
            let body = json!({"InstanceId": ONE, "NextToken": token});
            let reply = world.post("DescribeEffectiveInstanceAssociations", &body).unwrap();
            let rows = reply["Associations"].as_array().unwrap();
            sizes.push(rows.len());
            for row in rows {
                assert_eq!(row["InstanceId"], json!(ONE));
                let content: Value = serde_json::from_str(row["Content"].as_str().unwrap()).unwrap();
                assert_eq!(content["schemaVersion"], "2.2");
                seen.push(row["AssociationId"].as_str().unwrap().to_owned());
            }
            token = reply["NextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        assert_eq!((seen, sizes), (ids, vec![5, 5, 2]));
    }

    #[test]
    fn only_a_node_within_reach_may_be_asked_about() {
        let denied_nodes = BTreeSet::from([TWO.parse().unwrap()]);
        let config = PlaneConfig {
            world: world::World { denied_nodes, ..world::World::default() },
            ..World::config()
        };
        let world = World::with(config);
        let cases = [
            (json!({"InstanceId": "i-0ddddddddddddddd1"}), InvalidInstanceId),
            (json!({"InstanceId": GONE}), InvalidInstanceId),
            (json!({"InstanceId": TWO}), InvalidInstanceId),
            (json!({"InstanceId": "i-1"}), ValidationException),
            (json!({}), ValidationException),
            (json!({"InstanceId": ONE, "MaxResults": 51}), ValidationException),
            (json!({"InstanceId": ONE, "NextToken": "foreign"}), InvalidNextToken),
        ];
        for operation in ["DescribeInstanceAssociationsStatus", "DescribeEffectiveInstanceAssociations"] {
            for (body, code) in &cases {
                assert_eq!(world.post(operation, body).unwrap_err().0, *code, "{operation} {body}");
            }
        }
        let six = json!({"InstanceId": ONE, "MaxResults": 6});
        let refusal = world.post("DescribeEffectiveInstanceAssociations", &six).unwrap_err();
        assert_eq!(refusal.0, ValidationException);
        let named = World::shell(&json!([{"Key": "InstanceIds", "Values": [TWO]}]), &json!({}));
        assert_eq!(world.post("CreateAssociation", &named).unwrap_err().0, InvalidInstanceId);
    }
}
