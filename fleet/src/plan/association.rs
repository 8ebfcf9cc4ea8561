//! What a scenario's associations mean: the calls that the operator makes, and the
//! nodes that they are aimed at.

use agent::catalogue::Cohort;
use agent::credentials::IdentityKind;
use agent::fault::NodeFault;
use agent::fault::named::Cause;
use shared::document::Document;
use shared::error::ErrorCode;
use shared::id::NodeId;
use shared::target::Target;
use shared::time::Period;
use shared::wire::{Alarm, AlarmConfiguration, CreateAssociation, OutputLocation, S3Location};

use super::{Plan, PlanError};
use crate::scenario::{self, Scenario};

/// An association that the operator will create.
#[derive(Debug, Clone)]
pub struct PlannedAssociation {
    /// When, from the start of the run.
    pub at: Period,
    /// The call.
    pub request: CreateAssociation,
    /// What it is aimed at, for people.
    pub aim: String,
    /// How many rounds the run waits for.
    pub rounds: u32,
    /// The refusal that is expected, if one is.
    pub refusal: Option<ErrorCode>,
}

impl PlannedAssociation {
    /// One of which nothing is known but its name: there is something wrong with it,
    /// and what names it is to find it all the same.
    pub(super) fn named(written: &scenario::Association) -> Self {
        let request = CreateAssociation {
            name: written.document.clone(),
            association_name: Some(written.name.clone()),
            ..CreateAssociation::default()
        };
        Self { at: written.at, request, aim: String::new(), rounds: 1, refusal: None }
    }

    /// Its name, for people.
    pub fn name(&self) -> &str {
        self.request.association_name.as_deref().unwrap_or(&self.request.name)
    }
}

impl Plan {
    /// The association that is meant.
    pub(super) fn association(
        &self,
        written: &scenario::Association,
    ) -> Result<PlannedAssociation, PlanError> {
        let mut aims = Vec::new();
        let mut targets = Vec::new();
        for target in &written.targets {
            let (target, aim) = self.target(written, target)?;
            targets.push(target);
            aims.push(aim);
        }
        let aim = aims.join(" and ");
        let aim = written.schedule.as_ref().map_or(aim.clone(), |schedule| format!("{schedule} {aim}"));
        Ok(PlannedAssociation {
            at: written.at,
            request: CreateAssociation {
                name: written.document.clone(),
                association_name: Some(written.name.clone()),
                parameters: written.parameters.clone(),
                targets: Some(targets),
                schedule_expression: written.schedule.clone(),
                apply_only_at_cron_interval: written.apply_only_at_cron_interval.then_some(true),
                max_concurrency: written.max_concurrency.clone(),
                max_errors: written.max_errors.clone(),
                alarm_configuration: written.alarm.clone().map(|name| AlarmConfiguration {
                    ignore_poll_alarm_failure: None,
                    alarms: vec![Alarm { name }],
                }),
                calendar_names: (!written.calendars.is_empty()).then(|| written.calendars.clone()),
                output_location: written.output_bucket.clone().map(output_in),
                ..CreateAssociation::default()
            },
            aim,
            rounds: written.rounds.unwrap_or(1),
            refusal: written.refused.as_ref().map(|refusal| refusal.0.clone()),
        })
    }

    fn target(
        &self,
        association: &scenario::Association,
        target: &scenario::Target,
    ) -> Result<(Target, String), PlanError> {
        Ok(match target {
            scenario::Target::All => (Target::new("InstanceIds", ["*"]), "all nodes".to_owned()),
            scenario::Target::Tag(tag) => {
                let aim = format!("tag {}={}", tag.key, tag.values.join(","));
                (Target::new(format!("tag:{}", tag.key), &tag.values), aim)
            }
            scenario::Target::TerminatedNode => {
                let id = self.terminated[0];
                (Target::new("InstanceIds", [id.as_str()]), format!("{id} (terminated)"))
            }
            scenario::Target::Instance(id) => (Target::new("InstanceIds", [id.as_str()]), id.to_string()),
            scenario::Target::InvalidInstance(cause) => {
                let id = self.invalid_instance(association, *cause)?;
                (Target::new("InstanceIds", [id.as_str()]), format!("{id} ({})", cause.as_str()))
            }
            scenario::Target::ResourceGroup(name) => {
                (Target::new("resource-groups:Name", [name]), format!("resource group {name}"))
            }
            scenario::Target::Node(cohort) => {
                let id = self.sound_node(association, cohort)?;
                (Target::new("InstanceIds", [id.as_str()]), id.to_string())
            }
        })
    }

    /// The first node of a cohort to arrive that is free of faults.
    fn sound_node(&self, association: &scenario::Association, cohort: &str) -> Result<NodeId, PlanError> {
        let place =
            self.catalogue.cohorts.iter().position(|known| known.name == cohort).ok_or_else(|| {
                PlanError::UnknownCohort { association: association.name.clone(), cohort: cohort.to_owned() }
            })?;
        if self.catalogue.cohorts[place].identity.kind == IdentityKind::Hybrid {
            return Err(PlanError::NoIdYet {
                association: association.name.clone(),
                cohort: cohort.to_owned(),
            });
        }
        let first: u32 = self.sizes[..place].iter().sum();
        let faults = self.catalogue.cohorts[place].faults;
        let sound = (first..first + self.sizes[place])
            .filter(|&number| faults.of(self.catalogue.seed, number).is_none())
            .min_by_key(|&number| self.arrival(number));
        sound.map(|number| self.node_id(number)).ok_or_else(|| PlanError::NoSoundNode {
            association: association.name.clone(),
            cohort: cohort.to_owned(),
        })
    }

    /// The first EC2 instance that is no valid one for this cause.
    fn invalid_instance(
        &self,
        association: &scenario::Association,
        cause: Cause,
    ) -> Result<NodeId, PlanError> {
        let is_meant = |number: &u32| {
            let cohort = self.identity(*number).cohort(&self.catalogue);
            cohort.identity.kind == IdentityKind::Ec2
                && cohort.faults.of(self.catalogue.seed, *number) == Some(NodeFault::InvalidInstance(cause))
        };
        let found = (0..self.nodes()).find(is_meant);
        found.map(|number| self.node_id(number)).ok_or_else(|| PlanError::NoInvalidInstance {
            association: association.name.clone(),
            cause: cause.as_str(),
        })
    }
}

/// The place of this bucket.
fn output_in(bucket: String) -> OutputLocation {
    let place = S3Location { output_s3_bucket_name: Some(bucket), ..S3Location::default() };
    OutputLocation { s3_location: Some(place) }
}

/// Whether nodes of this cohort lie in the association's tag target, and would
/// not be able to run its document on the foreign platform.
pub(super) fn misfits(scenario: &Scenario, association: &scenario::Association, cohort: &Cohort) -> bool {
    let has_tag = |target: &scenario::Target| match target {
        scenario::Target::Tag(wanted) => cohort
            .tags
            .iter()
            .any(|tag| tag.key == wanted.key && wanted.values.iter().any(|value| tag.may_be(value))),
        scenario::Target::All => true,
        scenario::Target::Node(_)
        | scenario::Target::TerminatedNode
        | scenario::Target::Instance(_)
        | scenario::Target::InvalidInstance(_)
        | scenario::Target::ResourceGroup(_) => false,
    };
    let written = scenario.documents.iter().find(|document| document.name == association.document);
    let Some(Ok(document)) = written.map(|written| Document::parse(&written.content.to_string())) else {
        return false;
    };
    let foreign = cohort.platform.foreign().kind;
    association.refused.is_none()
        && association.targets.iter().all(has_tag)
        && !document.platforms().contains(&foreign)
}
