//! What a node says after a run: which of its associations it complies with.
//!
//! Each upload names every association that was run since the agent started and
//! is still in its list, not only the one that has just ended. The hash beside
//! the items covers the instants at which they ran, which the items do not show,
//! so no two uploads carry the same; the form without items that the real agent
//! has for an unchanged hash does not come about.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::Serialize;
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{ComplianceExecutionSummary, ComplianceItemEntry, PutComplianceItems};

use crate::association::{Association, Executed, Known};

const UNSPECIFIED: &str = "UNSPECIFIED";

/// The end of a run, as compliance sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What was run.
    pub association: Arc<Association>,
    /// Whether it did well; a failure to load or to parse is none.
    pub is_compliant: bool,
    /// When it ended, on the node's clock.
    pub executed: Timestamp,
}

/// The items of compliance that this node has to tell of: each association
/// that was run since the agent started and is still in its list.
pub(crate) fn executed_items(known: &[Known]) -> Vec<Item> {
    known.iter().filter_map(|known| known.executed.map(|executed| item(known, executed))).collect()
}

fn item(known: &Known, executed: Executed) -> Item {
    Item {
        association: Arc::clone(&known.association),
        is_compliant: executed.is_compliant,
        executed: executed.at,
    }
}

impl Item {
    const fn status(&self) -> &'static str {
        if self.is_compliant { "COMPLIANT" } else { "NON_COMPLIANT" }
    }
}

/// The upload of these items, in their order, at this instant of the node's clock.
/// As agent/compliance/uploader/uploader.go.
pub fn upload(node: NodeId, items: &[Item], now: Timestamp) -> PutComplianceItems {
    PutComplianceItems {
        compliance_type: "Association".to_owned(),
        execution_summary: ComplianceExecutionSummary {
            execution_id: Some(String::new()),
            execution_time: now,
            execution_type: Some(String::new()),
        },
        item_content_hash: Some(content_hash(&internal_list(items))),
        items: items.iter().map(entry).collect(),
        resource_id: node.to_string(),
        resource_type: "ManagedInstance".to_owned(),
        upload_type: None,
    }
}

fn entry(item: &Item) -> ComplianceItemEntry {
    let Association { name, document_version, .. } = &*item.association;
    let details = [("DocumentName", name), ("DocumentVersion", document_version)];
    ComplianceItemEntry {
        details: Some(details.into_iter().map(|(key, value)| (key.into(), value.clone())).collect()),
        id: Some(item.association.spelled_id()),
        severity: UNSPECIFIED.to_owned(),
        status: item.status().to_owned(),
        title: Some(String::new()),
    }
}

/// An item as the agent keeps it: only the hash ever sees this form.
/// As agent/compliance/model/model.go: `AssociationComplianceItem`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InternalItem<'a> {
    association_id: String,
    execution_time: String,
    document_name: &'a str,
    document_version: &'a str,
    title: &'static str,
    compliance_severity: &'static str,
    compliance_status: &'static str,
}

fn internal_list(items: &[Item]) -> String {
    let list: Vec<_> = items
        .iter()
        .map(|item| InternalItem {
            association_id: item.association.spelled_id(),
            execution_time: rfc3339(item.executed),
            document_name: &item.association.name,
            document_version: &item.association.document_version,
            title: "",
            compliance_severity: UNSPECIFIED,
            compliance_status: item.status(),
        })
        .collect();
    serde_json::to_string(&list).expect("a struct of texts is JSON")
}

/// An instant as Go writes it: in UTC, with no more digits than it needs.
fn rfc3339(instant: Timestamp) -> String {
    // Beyond the year 9999 there are no runs, and no such texts either.
    let instant = jiff::Timestamp::from_millisecond(instant.milliseconds());
    instant.unwrap_or(jiff::Timestamp::MAX).to_string()
}

fn content_hash(list: &str) -> String {
    STANDARD.encode(Md5::digest(list))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::association::OwnSchedule;

    fn item(number: &str, name: &str, is_compliant: bool, milliseconds: i64) -> Item {
        let association = Association {
            id: format!("00000000-0000-4000-8000-{number:0>12}").parse().unwrap(),
            is_legacy: false,
            name: name.into(),
            document_version: "1".into(),
            checksum: "".into(),
            parameters: None,
            schedule: OwnSchedule::None,
            output_location: None,
        };
        let executed = Timestamp::from_milliseconds(milliseconds);
        Item { association: association.into(), is_compliant, executed }
    }

    #[test]
    fn an_upload_is_spelled_as_the_agent_spelled_it() {
        let node: NodeId = "mi-0123456789abcdef0".parse().unwrap();
        let items =
            [item("2", "AWS-GatherSoftwareInventory", true, 1), item("3", "Multi", false, 1_795_408_018_719)];
        let upload = upload(node, &items, Timestamp::from_milliseconds(1_795_408_018_719));

        // Recorded, but for the hash: that of the recording covers nanoseconds.
        let hash = upload.item_content_hash.clone().unwrap();
        let expected = format!(
            concat!(
                r#"{{"ComplianceType":"Association","#,
                r#""ExecutionSummary":{{"ExecutionId":"","ExecutionTime":1795408018.719,"ExecutionType":""}},"#,
                r#""ItemContentHash":"{}","Items":["#,
                r#"{{"Details":{{"DocumentName":"AWS-GatherSoftwareInventory","DocumentVersion":"1"}},"#,
                r#""Id":"00000000-0000-4000-8000-000000000002","#,
                r#""Severity":"UNSPECIFIED","Status":"COMPLIANT","Title":""}},"#,
                r#"{{"Details":{{"DocumentName":"Multi","DocumentVersion":"1"}},"#,
                r#""Id":"00000000-0000-4000-8000-000000000003","#,
                r#""Severity":"UNSPECIFIED","Status":"NON_COMPLIANT","Title":""}}],"#,
                r#""ResourceId":"mi-0123456789abcdef0","ResourceType":"ManagedInstance"}}"#
            ),
            hash
        );
        assert_eq!(serde_json::to_string(&upload).unwrap(), expected);
        assert_eq!(hash, content_hash(&internal_list(&items)));
    }

    #[test]
    fn the_hash_covers_the_list_that_the_agent_keeps() {
        // A list of the real agent, and the hash that it sent with it.
        let recorded = concat!(
            r#"[{"AssociationId":"00000000-0000-4000-8000-000000000001","#,
            r#""ExecutionTime":"2026-11-23T04:24:30.255356279Z","DocumentName":"AWS-RunShellScript","#,
            r#""DocumentVersion":"1","Title":"","ComplianceSeverity":"UNSPECIFIED","#,
            r#""ComplianceStatus":"COMPLIANT"}]"#
        );
        assert_eq!(content_hash(recorded), "C0rE6U0IFfBUq/g6bobg7w==");

        let list = internal_list(&[item("1", "AWS-RunShellScript", true, 1_795_407_870_255)]);
        assert_eq!(list, recorded.replace("356279", ""));
    }

    #[test]
    fn an_instant_has_no_more_digits_than_it_needs() {
        let cases = [
            (1_795_407_870_255, "2026-11-23T04:24:30.255Z"),
            (1_795_407_870_250, "2026-11-23T04:24:30.25Z"),
            (1_795_407_870_000, "2026-11-23T04:24:30Z"),
            (1_795_407_870_007, "2026-11-23T04:24:30.007Z"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(rfc3339(Timestamp::from_milliseconds(milliseconds)), text);
        }
    }
}
