//! The way of old agents, which knew one association at most, by the name of its
//! document. The real agent goes it whenever the first page of a poll fails, for
//! whatever reason, and reports on such an association in the old form
//! (agent/association/service).

use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{
    AssociationFilter, DescribeAssociation, LegacyStatus, ListAssociations, UpdateAssociationStatus,
};

use crate::association::Association;
use crate::call::Report;

/// Asks for the first association that was made for this node.
pub(crate) fn list(node: NodeId) -> ListAssociations {
    let filter = AssociationFilter { key: "InstanceId".into(), value: node.to_string() };
    ListAssociations {
        association_filter_list: Some(vec![filter]),
        max_results: Some(1),
        ..ListAssociations::default()
    }
}

/// Asks for its parameters and its state.
pub(crate) fn describe(node: NodeId, association: &Association) -> DescribeAssociation {
    DescribeAssociation {
        instance_id: Some(node),
        name: Some(association.name.to_string()),
        ..DescribeAssociation::default()
    }
}

/// Says how a run of it stands.
pub(crate) fn report(
    node: NodeId,
    agent_version: &str,
    report: &Report,
    now: Timestamp,
) -> UpdateAssociationStatus {
    UpdateAssociationStatus {
        name: report.association.name.to_string(),
        instance_id: node,
        association_status: LegacyStatus {
            date: now,
            name: report.status.to_string(),
            message: report.summary.clone(),
            additional_info: Some(configuration(agent_version)),
        },
    }
}

/// The agent's section of its own configuration, at its defaults.
fn configuration(agent_version: &str) -> String {
    format!(
        r#"{{"Name":"amazon-ssm-agent","Version":"{agent_version}","Region":"us-east-1","ServiceDomain":"","OrchestrationRootDir":"orchestration","DownloadRootDir":"","ContainerMode":false,"SelfUpdate":false,"SelfUpdateScheduleDay":7,"TelemetryMetricsToCloudWatch":false,"TelemetryMetricsToSSM":true,"TelemetryMetricsNamespace":"amazon-ssm-agent-telemetry","LongRunningWorkerMonitorIntervalSeconds":60,"ShouldPurgeInstanceProfileRoleCreds":false,"AuditExpirationDay":7,"ForceFileIPC":false,"GoMaxProcForAgentWorker":0}}"#
    )
}
