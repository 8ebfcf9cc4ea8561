//! Making several associations in one call.
//!
//! Each entry is made or refused for itself, by the same rules as a single
//! association. Only what is wrong with the call as a whole refuses it: the
//! same node twice in the old form.

use std::collections::BTreeSet;

use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{
    CreateAssociation, CreateAssociationBatch, CreateAssociationBatchReply, FailedCreateAssociation,
};

use super::super::refused;
use super::create::create_association;
use crate::state::State;

/// Makes an association of each entry.
pub(crate) fn create_association_batch(
    state: &mut State,
    now: Timestamp,
    call: CreateAssociationBatch,
) -> Result<CreateAssociationBatchReply, ApiError> {
    let mut nodes = BTreeSet::new();
    if let Some(twice) =
        call.entries.iter().filter_map(|entry| entry.instance_id).find(|id| !nodes.insert(*id))
    {
        return Err(refused(ErrorCode::DuplicateInstanceId, format!("{twice} is named by two entries")));
    }
    let mut reply = CreateAssociationBatchReply::default();
    for entry in call.entries {
        // Entries have no tags and no role: members of these names are ones that
        // the service does not know there. The role is the whole call's.
        let entry = CreateAssociation { tags: None, association_dispatch_assume_role: None, ..entry };
        let association_dispatch_assume_role = call.association_dispatch_assume_role.clone();
        let asked = CreateAssociation { association_dispatch_assume_role, ..entry.clone() };
        match create_association(state, now, asked) {
            Ok(made) => reply.successful.push(made.association_description),
            Err(refusal) => reply.failed.push(failed(entry, &refusal)),
        }
    }
    Ok(reply)
}

/// A refused entry. There is no member for the refusal's name, so the message begins with it.
fn failed(entry: CreateAssociation, refusal: &ApiError) -> FailedCreateAssociation {
    let is_ours = refusal.code.http_status() >= 500;
    let message = if refusal.message.is_empty() { refusal.code.to_string() } else { refusal.to_string() };
    FailedCreateAssociation { entry, message, fault: if is_ours { "Server" } else { "Client" }.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::error::ErrorCode::{DuplicateInstanceId, SerializationException, ValidationException};

    use crate::testing::{ONE, TWO, World};

    #[test]
    fn each_entry_is_made_or_refused_for_itself() {
        let world = World::new();
        let good = World::shell(&json!([{"Key": "tag:Env", "Values": ["prod"]}]), &json!({}));
        let missing = json!({"Name": "No-Such-Document", "Targets": good["Targets"]});
        let legacy = json!({"Name": "Old12", "InstanceId": ONE});
        world.associate(&legacy);
        let mut tagged = good.clone();
        tagged["Tags"] = json!([{"Key": "Team", "Value": "edge"}]);
        let role = "arn:aws:iam::111122223333:role/dispatch";
        let body = json!({"Entries": [good, missing, legacy, tagged], "AssociationDispatchAssumeRole": role});
        let reply = world.post("CreateAssociationBatch", &body).unwrap();
        world.settle();

        let made = reply["Successful"].as_array().unwrap();
        assert_eq!(made.len(), 2);
        assert_eq!(made[0]["Overview"], json!({"Status": "Pending", "DetailedStatus": "Creating"}));
        let failed = json!([
            {"Entry": missing, "Message": "InvalidDocument: document No-Such-Document does not exist", "Fault": "Client"},
            {"Entry": legacy, "Message": format!("AssociationAlreadyExists: Old12 is associated with {ONE} already"), "Fault": "Client"},
        ]);
        assert_eq!(reply["Failed"], failed);
        assert_eq!(world.poll(TWO).len(), 2, "both run");
        assert!(made.iter().all(|made| made["AssociationDispatchAssumeRole"] == role));
        let tags = json!({"ResourceType": "Association", "ResourceId": made[1]["AssociationId"]});
        assert_eq!(world.post("ListTagsForResource", &tags).unwrap(), json!({"TagList": []}));
    }

    #[test]
    fn a_call_that_is_wrong_as_a_whole_makes_nothing() {
        let world = World::new();
        let legacy = |node: &str| json!({"Name": "Old12", "InstanceId": node});
        let cases = [
            (json!({"Entries": [legacy(ONE), legacy(TWO), legacy(ONE)]}), DuplicateInstanceId),
            (json!({"Entries": []}), ValidationException),
            (json!({}), ValidationException),
            (json!({"Entries": [legacy(ONE), {"InstanceId": TWO}]}), ValidationException),
            (json!({"Entries": [legacy(ONE), {"Name": "Old12", "MaxErrors": "101%"}]}), ValidationException),
            (json!({"Entries": ["Old12"]}), SerializationException),
        ];
        for (body, code) in cases {
            assert_eq!(world.post("CreateAssociationBatch", &body).unwrap_err().0, code, "{body}");
        }
        let listed: Value = world.post("ListAssociations", &json!({})).unwrap();
        assert_eq!(listed, json!({"Associations": []}));
    }
}
