//! Listing associations, in the order of their creation.

use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{self, AssociationFilter, ListAssociations, ListAssociationsReply};

use super::super::{instant, refused};
use super::overview;
use crate::page::{List, page_size};
use crate::state::State;
use crate::state::association::{Aim, Association, AssociationNumber};

/// How many associations a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// Lists associations.
pub(crate) fn list_associations(
    state: &mut State,
    _now: Timestamp,
    call: ListAssociations,
) -> Result<ListAssociationsReply, ApiError> {
    let filters = call.association_filter_list.unwrap_or_default();
    let list = List::new(state.config.seed, "ListAssociations", &filters);
    let after = list.place::<u32>(call.next_token.as_deref())?.map(AssociationNumber);
    let filters = filters.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let size = page_size(call.max_results, DEFAULT_PAGE);

    let mut found = state
        .associations
        .after(after)
        .filter(|association| filters.iter().all(|filter| filter.lets_through(association)))
        .peekable();
    let page: Vec<&Association> = found.by_ref().take(size).collect();
    let last = page.last().map(|association| association.number.0.to_string());
    let next_token = found.peek().and(last).map(|last| list.token(&last));
    Ok(ListAssociationsReply { associations: page.into_iter().map(row).collect(), next_token })
}

/// A condition on the associations that are listed.
enum Filter {
    InstanceId(String),
    Name(String),
    AssociationId(String),
    Status(String),
    Before(Timestamp),
    After(Timestamp),
    AssociationName(String),
    ResourceGroup(String),
}

fn read(filter: &AssociationFilter) -> Result<Filter, ApiError> {
    let value = filter.value.clone();
    Ok(match filter.key.as_str() {
        "InstanceId" => Filter::InstanceId(value),
        "Name" => Filter::Name(value),
        "AssociationId" => Filter::AssociationId(value),
        "AssociationStatusName" => Filter::Status(value),
        "LastExecutedBefore" => Filter::Before(instant(&value)?),
        "LastExecutedAfter" => Filter::After(instant(&value)?),
        "AssociationName" => Filter::AssociationName(value),
        "ResourceGroupName" => Filter::ResourceGroup(value),
        other => {
            return Err(refused(ErrorCode::ValidationException, format!("there is no filter {other}")));
        }
    })
}

impl Filter {
    fn lets_through(&self, association: &Association) -> bool {
        let definition = &association.definition;
        match self {
            // The old form only: it must not bring associations with targets.
            Self::InstanceId(id) => definition.instance_id.is_some_and(|own| own.as_str() == id),
            Self::Name(name) => *definition.name == **name,
            Self::AssociationId(id) => association.id.to_string() == *id,
            Self::Status(name) => association.standing().0.as_str() == name,
            Self::Before(instant) => association.last_run.is_some_and(|last| last < *instant),
            Self::After(instant) => association.last_run.is_some_and(|last| last > *instant),
            Self::AssociationName(name) => definition.association_name.as_deref() == Some(name),
            Self::ResourceGroup(name) => definition.targets.iter().any(|target| {
                target.key.as_deref() == Some("resource-groups:Name")
                    && target.values.iter().flatten().any(|value| value == name)
            }),
        }
    }
}

fn row(association: &Association) -> wire::Association {
    let definition = &association.definition;
    wire::Association {
        name: Some(definition.name.to_string()),
        instance_id: definition.instance_id,
        association_id: Some(association.id),
        association_version: Some(association.version.to_string()),
        document_version: Some(definition.document_version.to_string()),
        targets: (!definition.targets.is_empty()).then(|| definition.targets.to_vec()),
        last_execution_date: association.last_run,
        overview: Some(overview(association)),
        schedule_expression: definition.schedule_expression.as_deref().map(str::to_owned),
        association_name: definition.association_name.as_deref().map(str::to_owned),
        schedule_offset: definition.schedule_offset.map(i64::from),
        duration: definition.duration.map(i64::from),
        target_maps: definition.aim.as_ref().and_then(Aim::shown_maps),
    }
}
