//! The cases that are accepted (B.6, 1 to 24 and 54c).

use serde_json::json;

use super::{Case, made, old, on_one, runbook, shell, target};
use crate::served::{LOST, ONE, THREE, TWO};

/// In the order of their numbers; the second, which is refused, stands elsewhere.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = by_targets();
    cases.extend(by_schedule());
    cases.extend(by_other_members());
    cases
}

fn by_targets() -> Vec<Case> {
    let prod = || target("tag:Env", &["prod"]);
    vec![
        made("1", old(json!({})))
            .shows(json!({
                "Name": "AWS-UpdateSSMAgent", "InstanceId": ONE, "Targets": target("InstanceIds", &[ONE]),
                "AssociationVersion": "1", "DocumentVersion": "$DEFAULT", "ApplyOnlyAtCronInterval": false,
                "Status": {
                    "Name": "Associated", "Message": "Associated with AWS-UpdateSSMAgent", "Date": 1_741_608_000,
                },
                "Date": 1_741_608_000, "LastUpdateAssociationDate": 1_741_608_000,
            }))
            .has_only(&[
                "Name",
                "InstanceId",
                "AssociationId",
                "AssociationVersion",
                "Date",
                "LastUpdateAssociationDate",
                "Status",
                "Overview",
                "DocumentVersion",
                "Targets",
                "ApplyOnlyAtCronInterval",
            ])
            .reaches(&[ONE]),
        made("3", on_one(json!({})))
            .shows(json!({"Targets": target("InstanceIds", &[ONE]), "Parameters": {"commands": ["id"]}}))
            .has_only(&[
                "Name",
                "AssociationId",
                "AssociationVersion",
                "Date",
                "LastUpdateAssociationDate",
                "Overview",
                "DocumentVersion",
                "Parameters",
                "Targets",
                "ApplyOnlyAtCronInterval",
            ])
            .reaches(&[ONE])
            .overview(json!({
                "Status": "Pending", "DetailedStatus": "Associated",
                "AssociationStatusAggregatedCount": {"Pending": 1},
            })),
        made("4 R38", on_one(json!({"AssociationName": "same"})))
            .after(vec![on_one(json!({"AssociationName": "same"}))])
            .shows(json!({"AssociationName": "same"}))
            .reaches(&[ONE]),
        made("5", shell(&target("instanceids", &[ONE])))
            .shows(json!({"Targets": target("instanceids", &[ONE])}))
            .reaches(&[ONE]),
        made("7", shell(&json!([{"Key": "tag:Env", "Values": ["prod"]}, {"Key": "tag:Role", "Values": ["web"]}])))
            .reaches(&[TWO]),
        made("8", shell(&target("tag:Env", &["prod", "test"]))).reaches(&[ONE, TWO, THREE]),
        made("9 R13", shell(&target("tag:Env", &["nobody"]))).reaches(&[]).overview(json!({
            "Status": "Success", "DetailedStatus": "Success", "AssociationStatusAggregatedCount": {},
        })),
        // Nodes of two platforms: who cannot run the document finds out by running it.
        made("10 R40", shell(&target("InstanceIds", &["*"]))).reaches(&[ONE, TWO, THREE, LOST]),
        made("11", shell(&target("tag-key", &["Env"]))).reaches(&[ONE, TWO, THREE]),
        made("16", super::and(shell(&prod()), json!({"MaxErrors": "0", "MaxConcurrency": "1"})))
            .shows(json!({"MaxErrors": "0", "MaxConcurrency": "1"}))
            .reaches(&[ONE, TWO]),
        made("17", super::and(shell(&prod()), json!({"MaxErrors": "100%", "MaxConcurrency": "100%"})))
            .shows(json!({"MaxErrors": "100%", "MaxConcurrency": "100%"}))
            .reaches(&[ONE, TWO]),
    ]
}

fn by_schedule() -> Vec<Case> {
    let at_interval =
        |expression: &str| on_one(json!({"ScheduleExpression": expression, "ApplyOnlyAtCronInterval": true}));
    vec![
        made(
            "6",
            super::and(shell(&target("tag:Env", &["prod"])), json!({"ScheduleExpression": "cron(0/30 * * * ? *)"})),
        )
        .shows(json!({"ScheduleExpression": "cron(0/30 * * * ? *)"}))
        .reaches(&[ONE, TWO])
        .runs(&["2025-03-10T12:00:00Z", "2025-03-10T12:30:00Z"], "2025-03-10T12:59:59Z"),
        made("12", on_one(json!({"ScheduleExpression": "rate(30 minutes)"})))
            .shows(json!({"ScheduleExpression": "rate(30 minutes)"}))
            .runs(&["2025-03-10T12:00:00Z", "2025-03-10T12:30:00Z"], "2025-03-10T12:59:59Z"),
        // March's second Sunday, the 9th, has passed; April's is the 13th.
        made("13", super::and(at_interval("cron(0 2 ? * SUN#2 *)"), json!({"ScheduleOffset": 2})))
            .shows(json!({
                "ScheduleExpression": "cron(0 2 ? * SUN#2 *)", "ApplyOnlyAtCronInterval": true, "ScheduleOffset": 2,
            }))
            .reaches(&[])
            .runs(&["2025-04-15T02:00:00Z"], "2025-05-01T00:00:00Z"),
        made("14 R18", at_interval("at(2025-03-11T15:55:00)"))
            .reaches(&[])
            .runs(&["2025-03-11T15:55:00Z"], "2025-04-01T00:00:00Z"),
        made("15", at_interval("at(2020-05-14T15:55:00)"))
            .reaches(&[ONE])
            .runs(&["2025-03-10T12:00:00Z"], "2025-04-01T00:00:00Z"),
        made("24", on_one(json!({})))
            .lacks(&["ScheduleExpression"])
            .runs(&["2025-03-10T12:00:00Z"], "2025-04-01T00:00:00Z"),
        made(
            "21",
            runbook(json!({
                "AutomationTargetParameterName": "InstanceId", "ScheduleExpression": "rate(60 minutes)",
            })),
        )
        .shows(json!({"AutomationTargetParameterName": "InstanceId", "ScheduleExpression": "rate(60 minutes)"}))
        .reaches(&[ONE, TWO])
        .runs(&["2025-03-10T12:00:00Z", "2025-03-10T13:00:00Z"], "2025-03-10T13:59:59Z"),
    ]
}

fn by_other_members() -> Vec<Case> {
    let tag = json!([{"Key": "Env", "Value": "prod"}]);
    let alarm = json!({"Alarms": [{"Name": "a1"}]});
    vec![
        made("18 R26", on_one(json!({"SyncCompliance": "MANUAL", "ComplianceSeverity": "HIGH"})))
            .shows(json!({"SyncCompliance": "MANUAL", "ComplianceSeverity": "HIGH"})),
        made("19", on_one(json!({"Tags": tag}))).lacks(&["Tags"]).tagged(tag),
        made("20", on_one(json!({"AlarmConfiguration": alarm})))
            .shows(json!({"AlarmConfiguration": alarm}))
            .lacks(&["TriggeredAlarms"])
            .reaches(&[ONE]),
        made("22", on_one(json!({"DocumentVersion": "1"})))
            .shows(json!({"DocumentVersion": "1"}))
            .reaches(&[ONE]),
        made("23", on_one(json!({"CalendarNames": ["Cal1"]})))
            .shows(json!({"CalendarNames": ["Cal1"]}))
            .reaches(&[ONE]),
        made(
            "54c",
            super::and(
                json!({"Name": "Auto03", "Parameters": {"InstanceId": [ONE]}}),
                json!({"Targets": target("aws:NoOpAutomationTag", &["AWS-NoOpAutomationTarget-Value"])}),
            ),
        )
        .lacks(&["AutomationTargetParameterName"])
        .runs(&["2025-03-10T12:00:00Z"], "2025-03-11T12:00:00Z"),
    ]
}
