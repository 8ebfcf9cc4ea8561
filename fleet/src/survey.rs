//! What the plane says at the end of a run, by its public API.
//!
//! One pass over its lists, page by page: the executions of each association
//! that the operator made with the nodes of each, the compliance of
//! associations, and the nodes. It holds counts only, so a page is all that it
//! ever has in hand. Whether the nodes say the same is `result`'s question.
//!
//! Invariant: it changes nothing, and it asks what anybody may ask. No fault of
//! the embedded plane keeps an answer from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::error::ErrorCode;
use shared::id::{AssociationId, ExecutionId, NodeId};
use shared::status::PingStatus;
use shared::time::Timestamp;
use shared::wire::{
    AssociationExecution, DescribeAssociationExecutionTargets, DescribeInstanceInformation,
    InstanceInformation, ListComplianceSummaries,
};

use crate::operator::{Desk, DeskError, Operator, executions, next_page};

/// The largest page that the service gives.
const PAGE: i64 = 50;

/// The compliance type of associations.
const ASSOCIATION: &str = "Association";

/// What the plane says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// The executions of each association, oldest first.
    pub executions: BTreeMap<AssociationId, Vec<Execution>>,
    /// The compliance of associations, over all nodes.
    pub compliance: Compliance,
    /// The nodes it knows.
    pub nodes: Listed,
}

/// One execution of an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// When it was dispatched, where the plane says so.
    pub created: Option<Timestamp>,
    /// How it stands.
    pub status: String,
    /// Its nodes, by how they stand.
    pub targets: BTreeMap<String, u64>,
    /// How many of them have not come to an end and never will: they ended for good.
    pub replaced: u64,
    /// Whether this is how it stood when its association went, and not at the end.
    pub is_last_word: bool,
}

/// How many findings of compliance there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Compliance {
    /// That something is as it should be.
    pub compliant: u64,
    /// That it is not.
    pub non_compliant: u64,
}

/// The nodes that the plane lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Listed {
    /// How many.
    pub nodes: u64,
    /// How many of them it calls `Online`.
    pub online: u64,
    /// How many of them ended for good in this run, and the plane cannot know it yet.
    #[serde(skip_serializing_if = "super::result::is_zero")]
    pub replaced: u64,
    /// How many are of each platform type.
    pub by_platform: BTreeMap<String, u64>,
}

/// Asks the plane about everything that the operator made, and about the fleet.
/// `gone` are the ids of nodes that ended for good.
pub async fn survey(
    desk: &impl Desk,
    operator: &Operator,
    gone: &BTreeSet<NodeId>,
) -> Result<Survey, DeskError> {
    let mut survey = Survey { executions: operator.last_words.clone(), ..Survey::default() };
    for made in operator.made.iter().filter(|made| !made.is_gone) {
        match survey_association(desk, made.id, gone).await {
            // The plane lost it, or somebody else deleted it: its rounds are missing then.
            Err(DeskError::Refused { error, .. }) if error.code == ErrorCode::AssociationDoesNotExist => {}
            executions => _ = survey.executions.insert(made.id, executions?),
        }
    }
    survey.compliance = survey_compliance(desk).await?;
    survey.nodes = survey_nodes(desk, gone).await?;
    Ok(survey)
}

/// Asks the plane about the executions of an association, oldest first.
pub async fn survey_association(
    desk: &impl Desk,
    id: AssociationId,
    gone: &BTreeSet<NodeId>,
) -> Result<Vec<Execution>, DeskError> {
    let mut all = Vec::new();
    for execution in executions(desk, id).await? {
        all.push(survey_execution(desk, execution, gone).await?);
    }
    Ok(all)
}

async fn survey_execution(
    desk: &impl Desk,
    execution: AssociationExecution,
    gone: &BTreeSet<NodeId>,
) -> Result<Execution, DeskError> {
    let mut targets = BTreeMap::new();
    let mut replaced = 0;
    let mut next_token = None;
    loop {
        let call = DescribeAssociationExecutionTargets {
            association_id: execution.association_id,
            execution_id: execution.execution_id,
            filters: None,
            max_results: Some(PAGE),
            next_token: next_token.clone(),
        };
        let page = desk.attend(call).await?;
        for target in page.association_execution_targets {
            let id = target.resource_id.as_deref().and_then(|id| id.parse().ok());
            // The plane leaves out those that it hears are terminated.
            let is_open = matches!(target.status.as_str(), "Pending" | "InProgress" | "Skipped");
            replaced += u64::from(is_open && id.is_some_and(|id| gone.contains(&id)));
            *targets.entry(target.status).or_default() += 1;
        }
        match next_page::<DescribeAssociationExecutionTargets>(next_token, page.next_token)? {
            Some(token) => next_token = Some(token),
            None => break,
        }
    }
    let AssociationExecution { execution_id: id, status, created_time: created, .. } = execution;
    Ok(Execution { id, created, status, targets, replaced, is_last_word: false })
}

async fn survey_compliance(desk: &impl Desk) -> Result<Compliance, DeskError> {
    let mut compliance = Compliance::default();
    let mut next_token = None;
    loop {
        let call = ListComplianceSummaries {
            filters: None,
            max_results: Some(PAGE),
            next_token: next_token.clone(),
        };
        let page = desk.attend(call).await?;
        for item in page.compliance_summary_items {
            if item.compliance_type == ASSOCIATION {
                compliance.compliant += item.compliant_summary.compliant_count;
                compliance.non_compliant += item.non_compliant_summary.non_compliant_count;
            }
        }
        match next_page::<ListComplianceSummaries>(next_token, page.next_token)? {
            Some(token) => next_token = Some(token),
            None => return Ok(compliance),
        }
    }
}

async fn survey_nodes(desk: &impl Desk, gone: &BTreeSet<NodeId>) -> Result<Listed, DeskError> {
    let mut listed = Listed::default();
    let mut next_token = None;
    loop {
        let call = DescribeInstanceInformation {
            max_results: Some(PAGE),
            next_token: next_token.clone(),
            ..DescribeInstanceInformation::default()
        };
        let page = desk.attend(call).await?;
        page.instance_information_list.iter().for_each(|node| listed.add(node, gone));
        match next_page::<DescribeInstanceInformation>(next_token, page.next_token)? {
            Some(token) => next_token = Some(token),
            None => return Ok(listed),
        }
    }
}

impl Survey {
    /// Puts the plane's dates as `instant` has them: its clock need not be the fleet's.
    pub fn date(&mut self, instant: impl Fn(Timestamp) -> Timestamp) {
        for execution in self.executions.values_mut().flatten() {
            execution.created = execution.created.map(&instant);
        }
    }
}

impl Listed {
    fn add(&mut self, node: &InstanceInformation, gone: &BTreeSet<NodeId>) {
        self.nodes += 1;
        self.replaced += u64::from(gone.contains(&node.instance_id));
        self.online += u64::from(node.ping_status == Some(PingStatus::Online));
        let platform = node.platform_type.map_or("unknown", |platform| platform.as_str());
        *self.by_platform.entry(platform.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::future::{Future, ready};
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use plane::service::Handle;
    use serde_json::{Value, json};

    use super::*;
    use crate::operator::{Made, Order, OrderError, Wake};
    use crate::plan::{Overrides, Plan};
    use crate::scenario::Scenario;

    /// A plane that answers from a script: operation, expected token, reply.
    struct Script(RefCell<VecDeque<(&'static str, Option<&'static str>, Value)>>);

    impl Desk for Script {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(0)
        }

        async fn call<O: Handle + Clone>(&self, _: O) -> Result<O::Reply, DeskError> {
            unreachable!("a survey attends")
        }

        fn attend<O: Handle + Clone>(&self, call: O) -> impl Future<Output = Result<O::Reply, DeskError>> {
            let (operation, token, reply) =
                self.0.borrow_mut().pop_front().expect("one more call is scripted");
            let request = serde_json::to_value(&call).unwrap();
            assert_eq!((O::NAME, request.get("NextToken").and_then(Value::as_str)), (operation, token));
            ready(Ok(serde_json::from_value(reply).unwrap()))
        }

        async fn order(&self, _: Order) -> Result<(), OrderError> {
            Err(OrderError::Over)
        }

        async fn wake(&self, _: Timestamp) -> Wake {
            unreachable!("a survey does not wait")
        }
    }

    fn ask(script: Vec<(&'static str, Option<&'static str>, Value)>) -> Result<Survey, DeskError> {
        let scenario = Scenario::load("first-look").unwrap();
        let plan = Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0)).unwrap();
        let mut operator = Operator::new(Arc::new(plan));
        let created = Timestamp::from_seconds(10);
        operator.made.push(Made { planned: 0, id: AssociationId::from_bits(1), created, is_gone: false });
        let desk = Script(RefCell::new(script.into()));
        let survey =
            pin!(survey(&desk, &operator, &BTreeSet::new())).poll(&mut Context::from_waker(Waker::noop()));
        match survey {
            Poll::Ready(survey) => survey,
            Poll::Pending => unreachable!("every answer is there"),
        }
    }

    fn target(status: &str) -> Value {
        let id = AssociationId::from_bits(1);
        json!({ "AssociationId": id, "ExecutionId": ExecutionId::from_bits(2), "ResourceId": "i-01234567",
                "ResourceType": "ManagedInstance", "Status": status })
    }

    #[test]
    fn a_survey_counts_over_all_pages() {
        let execution = json!({ "AssociationId": AssociationId::from_bits(1), "Status": "Failed",
            "ExecutionId": ExecutionId::from_bits(2), "CreatedTime": 11.5 });
        let nodes = json!([
            { "InstanceId": "i-01234567", "PingStatus": "Online", "PlatformType": "Linux" },
            { "InstanceId": "i-01234568", "PingStatus": "ConnectionLost", "PlatformType": "Linux" },
        ]);
        let summary = |kind: &str, compliant: u64, not: u64| {
            json!({ "ComplianceType": kind,
                "CompliantSummary": { "CompliantCount": compliant, "SeveritySummary": severities() },
                "NonCompliantSummary": { "NonCompliantCount": not, "SeveritySummary": severities() } })
        };
        let targets = "DescribeAssociationExecutionTargets";
        let survey = ask(vec![
            ("DescribeAssociationExecutions", None, json!({ "AssociationExecutions": [execution] })),
            (
                targets,
                None,
                json!({ "AssociationExecutionTargets": [target("Success"), target("Failed")],
                                    "NextToken": "a" }),
            ),
            // A page may be empty and have a successor.
            (targets, Some("a"), json!({ "AssociationExecutionTargets": [], "NextToken": "b" })),
            (
                targets,
                Some("b"),
                json!({ "AssociationExecutionTargets": [target("Success")], "NextToken": "" }),
            ),
            (
                "ListComplianceSummaries",
                None,
                json!({ "ComplianceSummaryItems": [summary("Association", 2, 1), summary("Patch", 9, 9)] }),
            ),
            ("DescribeInstanceInformation", None, json!({ "InstanceInformationList": nodes })),
        ])
        .unwrap();
        let executions = &survey.executions[&AssociationId::from_bits(1)];
        assert_eq!(executions.len(), 1);
        assert_eq!(executions[0].created, Some(Timestamp::from_milliseconds(11_500)));
        assert_eq!(executions[0].targets, [("Failed".into(), 1), ("Success".into(), 2)].into());
        assert_eq!(survey.compliance, Compliance { compliant: 2, non_compliant: 1 });
        assert_eq!((survey.nodes.nodes, survey.nodes.online), (2, 1));
        assert_eq!(survey.nodes.by_platform, [("Linux".into(), 2)].into());
    }

    fn severities() -> Value {
        json!({ "CriticalCount": 0, "HighCount": 0, "MediumCount": 0, "LowCount": 0,
                "InformationalCount": 0, "UnspecifiedCount": 0 })
    }

    #[test]
    fn a_list_that_leads_to_itself_is_an_error() {
        let error = ask(vec![
            ("DescribeAssociationExecutions", None, json!({})),
            ("ListComplianceSummaries", None, json!({ "NextToken": "a" })),
            ("ListComplianceSummaries", Some("a"), json!({ "NextToken": "a" })),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "no reply to ListComplianceSummaries: the same page comes again and again"
        );
    }
}
