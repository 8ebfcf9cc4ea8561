//! The activations by which hybrid nodes register: made before the first of them
//! arrives, one for each five hundred with room for as many again, and taken back with their nodes from a plane
//! that is not ours.

use agent::credentials::{ACTIVATION_LIMIT, Grant};
use shared::id::ActivationId;
use shared::time::{Period, Timestamp};
use shared::wire::{
    CreateActivation, CreateActivationReply, DeleteActivation, DeregisterManagedInstance,
    DescribeInstanceInformation, InstanceInformationStringFilter,
};

use super::{Desk, DeskError, Operator, next_page};

/// How long an activation is good at the most (API reference); an hour less, for the way.
const LONGEST: Period = Period::hours(30 * 24 - 1);

/// The role that hybrid nodes act in; the user guide's name for it.
const ROLE: &str = "SSMServiceRole";

impl Operator {
    /// Makes the activations by which hybrid nodes register. Their tags are on
    /// the nodes from the start.
    pub(super) async fn make_activations(&mut self, desk: &impl Desk) {
        let plan = self.plan.clone();
        for (cohort, &churn) in plan.catalogue.cohorts.iter().zip(&plan.churn) {
            for number in 0..cohort.identity.activations.len() {
                let draw = plan.catalogue.seed.draw(&cohort.name, 0);
                // The plan admits only tags here that are the same on all nodes.
                let mut tags: Vec<_> = cohort.tags.iter().map(|rule| rule.of(draw, 0)).collect();
                tags.extend(self.run_tag.clone());
                let call = CreateActivation {
                    description: Some(format!("nodes of cohort {} in {}", cohort.name, plan.name)),
                    default_instance_name: Some(cohort.name.clone()),
                    iam_role: ROLE.into(),
                    registration_limit: Some(ACTIVATION_LIMIT.into()),
                    expiration_date: self.expiration(churn),
                    tags: (!tags.is_empty()).then_some(tags),
                    ..CreateActivation::default()
                };
                match self.insist_once(desk, call).await {
                    Ok(CreateActivationReply { activation_id: Some(id), activation_code: Some(code) }) => {
                        self.left.activations.push(id);
                        cohort.identity.activations.put(number, Grant { id: id.to_string(), code });
                    }
                    Ok(_) => {
                        self.troubles
                            .insert("CreateActivation brought no ActivationId or no ActivationCode".into());
                    }
                    Err(error) => self.trouble(error),
                }
            }
        }
    }

    /// Until when an activation is good by which nodes register as long as the run
    /// goes on; as the service has it where none come later, or nobody knows the plane's clock.
    fn expiration(&self, churn: f64) -> Option<Timestamp> {
        let is_ours = self.run_tag.is_none();
        let lasts = (self.plan.duration + Period::hours(1)).min(LONGEST);
        (churn > 0.0 && is_ours).then(|| self.plan.start + lasts)
    }

    /// Takes this run's activations back.
    pub(super) async fn clear_activations(&mut self, desk: &impl Desk) {
        for id in std::mem::take(&mut self.left.activations) {
            if let Err(error) = self.clear_activation(desk, id).await {
                tracing::warn!(activation = %id, %error, "an activation of this run is left, or a node of it");
            }
        }
    }

    /// Takes an activation back, and the nodes that registered by it.
    async fn clear_activation(&mut self, desk: &impl Desk, id: ActivationId) -> Result<(), DeskError> {
        let call = DeleteActivation { activation_id: id.to_string() };
        self.clear(desk, call).await?;
        let of_it =
            InstanceInformationStringFilter { key: "ActivationIds".into(), values: vec![id.to_string()] };
        let mut nodes = Vec::new();
        let mut next_token = None;
        loop {
            let call = DescribeInstanceInformation {
                filters: Some(vec![of_it.clone()]),
                max_results: Some(50),
                next_token: next_token.clone(),
                ..DescribeInstanceInformation::default()
            };
            let page = self.clear(desk, call).await?;
            nodes.extend(page.instance_information_list.into_iter().map(|node| node.instance_id));
            match next_page::<DescribeInstanceInformation>(next_token, page.next_token)? {
                Some(token) => next_token = Some(token),
                None => break,
            }
        }
        for node in nodes {
            let call = DeregisterManagedInstance { instance_id: node.to_string() };
            self.clear(desk, call).await?;
        }
        Ok(())
    }
}
