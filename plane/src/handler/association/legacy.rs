//! The status report of old agents: by document and node instead of by id.
//!
//! It counts like the newer report, and besides stands word for word at the
//! association's root `Status` until something newer is known.

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::status::AssociationStatus;
use shared::time::Timestamp;
use shared::wire::{
    InstanceAssociationExecutionResult, LegacyStatus, UpdateAssociationStatus, UpdateAssociationStatusReply,
};

use super::super::agent::unknown;
use super::super::refused;
use super::describe;
use crate::engine::report;
use crate::state::State;
use crate::state::association::{Association, AssociationNumber};
use crate::state::node::NodeNumber;

/// Takes in how an association of the old form stands.
pub(crate) fn update_association_status(
    state: &mut State,
    now: Timestamp,
    call: UpdateAssociationStatus,
) -> Result<UpdateAssociationStatusReply, ApiError> {
    let (number, node) = find(state, &call)?;
    let said = call.association_status;
    let association = state.associations.get(number).expect("found above");
    if in_force(state, association, call.instance_id).is_some_and(|known| known.name == said.name) {
        let reason = format!("the association stands at {} already", said.name);
        return Err(refused(ErrorCode::StatusUnchanged, reason));
    }
    if counts(state, now, node, number, &said)? {
        let association = state.associations.get_mut(number).expect("found above");
        association.legacy = Some(Box::new(said));
    }
    let association = state.associations.get(number).expect("found above");
    Ok(UpdateAssociationStatusReply { association_description: describe(state, association) })
}

/// The association of the old form and its node, or what is missing.
fn find(state: &State, call: &UpdateAssociationStatus) -> Result<(AssociationNumber, NodeNumber), ApiError> {
    let id = call.instance_id;
    let node = state.nodes.admitted(id).filter(|_| !state.is_gone(id)).ok_or_else(|| unknown(id))?;
    match state.associations.legacy(&call.name, id) {
        Some(association) => Ok((association.number, node)),
        None => {
            state.documents.document(&call.name, &state.config.account)?;
            let reason = format!("{} is not associated with {id} in this form", call.name);
            Err(refused(ErrorCode::AssociationDoesNotExist, reason))
        }
    }
}

/// Does what a report of this state does. Answers whether it said anything
/// new. A name that is no state of ours leaves the state as it is.
fn counts(
    state: &mut State,
    now: Timestamp,
    node: NodeNumber,
    number: AssociationNumber,
    said: &LegacyStatus,
) -> Result<bool, ApiError> {
    let known = AssociationStatus::from_text(&said.name)
        .filter(|status| !matches!(status, AssociationStatus::Associated | AssociationStatus::Queued));
    let present = state.nodes.get(node).record(number).map(|record| record.status);
    let status = known.or(present).unwrap_or(AssociationStatus::Pending);
    let result = InstanceAssociationExecutionResult {
        error_code: None,
        execution_date: said.date,
        execution_summary: said.message.clone(),
        output_url: None,
        status,
    };
    report::apply(state, now, node, number, &result)?;
    let record = state.nodes.get(node).record(number);
    Ok(record.is_some_and(|record| record.reported == Some(said.date) && record.status == status))
}

/// What an old agent said last, unless a report or a dispatch has come since.
pub(super) fn in_force<'a>(
    state: &State,
    association: &'a Association,
    node: NodeId,
) -> Option<&'a LegacyStatus> {
    let said = association.legacy.as_deref()?;
    let record = state.nodes.get(state.nodes.number(node)?).record(association.number)?;
    let is_newest = record.reported.is_none_or(|reported| reported <= said.date);
    (is_newest && !record.is_fresh).then_some(said)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::error::ErrorCode::{self, *};
    use shared::status::AssociationStatus;

    use crate::testing::{GONE, ONE, TWO, World};

    fn body(node: &str, name: &str, date: i64) -> Value {
        let status =
            json!({"Date": date, "Name": name, "Message": format!("is {name}"), "AdditionalInfo": "{}"});
        json!({"Name": "Old12", "InstanceId": node, "AssociationStatus": status})
    }

    fn report(world: &World, name: &str, date: i64) -> Result<Value, ErrorCode> {
        let reply = world.post("UpdateAssociationStatus", &body(ONE, name, date));
        reply.map(|reply| reply["AssociationDescription"].clone()).map_err(|(code, _)| code)
    }

    #[test]
    fn an_old_agents_report_counts_and_is_shown_word_for_word() {
        let mut world = World::new();
        let id = world.associate(&json!({"Name": "Old12", "InstanceId": ONE}));
        assert_eq!(world.describe(id)["Status"]["Name"], "Associated");
        let start = world.now.milliseconds() / 1000;
        let described = report(&world, "Pending", start + 1).unwrap();
        let status =
            json!({"Date": start + 1, "Name": "Pending", "Message": "is Pending", "AdditionalInfo": "{}"});
        assert_eq!(described["Status"], status);
        assert_eq!(report(&world, "InProgress", start + 2).unwrap()["Status"]["Name"], "InProgress");
        assert_eq!(world.told(ONE), ["InProgress"]);
        assert_eq!(report(&world, "InProgress", start + 3), Err(StatusUnchanged));
        assert_eq!(report(&world, "Rebooting", start + 4).unwrap()["Status"]["Name"], "Rebooting");
        assert_eq!(world.told(ONE), ["InProgress"], "no state of ours: nothing changes");
        let ended = report(&world, "TimedOut", start + 5).unwrap();
        assert_eq!(
            (&ended["Status"]["Name"], &ended["Overview"]["Status"]),
            (&json!("TimedOut"), &json!("Failed"))
        );
        // An end stays, and what comes late changes nothing.
        assert_eq!(report(&world, "Success", start + 4).unwrap()["Status"]["Name"], "TimedOut");
        assert_eq!(world.executions(id), [("Failed".to_owned(), "{TimedOut=1}".to_owned())]);

        let copy =
            crate::service::Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
        world.plane = copy;
        assert_eq!(world.describe(id)["Status"]["Name"], "TimedOut");
    }

    #[test]
    fn a_newer_report_in_the_new_form_stands_above_it() {
        let mut world = World::new();
        let id = world.associate(&json!({"Name": "Old12", "InstanceId": ONE}));
        report(&world, "InProgress", world.now.milliseconds() / 1000).unwrap();
        world.now += shared::time::Period::seconds(5);
        world.report(ONE, id, AssociationStatus::Success).unwrap();
        assert_eq!(world.describe(id)["Status"]["Message"], "Old12 stands at Success");
    }

    #[test]
    fn what_is_missing_is_named() {
        let world = World::new();
        world.associate(&json!({"Name": "Old12", "InstanceId": ONE}));
        let mut unknown_document = body(ONE, "Success", 1);
        unknown_document["Name"] = json!("No-Such-Document");
        let mut long = body(ONE, "Success", 1);
        long["AssociationStatus"]["Message"] = json!("x".repeat(1025));
        let mut silent = body(ONE, "Success", 1);
        silent["AssociationStatus"]["Message"] = json!("");
        let cases = [
            (body(GONE, "Success", 1), InvalidInstanceId),
            (body("i-0ddddddddddddddd1", "Success", 1), InvalidInstanceId),
            (unknown_document, InvalidDocument),
            (body(TWO, "Success", 1), AssociationDoesNotExist),
            (long, ValidationException),
            (silent, ValidationException),
            (json!({"Name": "Old12", "InstanceId": ONE}), ValidationException),
        ];
        for (body, code) in cases {
            assert_eq!(world.post("UpdateAssociationStatus", &body).unwrap_err().0, code, "{body}");
        }
    }
}
