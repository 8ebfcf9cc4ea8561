//! Every setting by its name, with what it may be and what it is about.
//!
//! The command line prints this list, tells the nearest name of one that is not
//! in it, and docs/plane-settings.md is made from it. Tests hold the list to the
//! settings themselves: no name is missing, and the stated defaults are the
//! real ones.

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name, in a scenario's `plane:` and before the `=` of `--set`.
    pub name: &'static str,
    /// What it is if nothing is said, as it is written.
    pub default: &'static str,
    /// What else it may be; a kind of value where there are many.
    pub values: &'static str,
    /// What it is about, and where the default comes from.
    pub meaning: &'static str,
}

const fn setting(
    name: &'static str,
    default: &'static str,
    values: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, default, values, meaning }
}

/// What an error's name may be, in words.
const ERROR: &str = "the name of an error";

/// All settings, by name. What AWS keeps in other services, `world`, is data and
/// none of them.
pub const SETTINGS: &[Setting] = &[
    setting("account", "111122223333", "12 digits", "the account that everything belongs to"),
    setting(
        "admission_order",
        "node-id",
        "shuffled",
        "in which order nodes are let into an execution; shuffled follows the seed",
    ),
    setting(
        "aggregated_nodes_limit",
        "100000",
        "a number",
        "over how many nodes GetInventory counts in one call; beyond, Aggregators are refused",
    ),
    setting("association_limit", "2000", "a number", "how many associations there may be (quota)"),
    setting(
        "association_version_limit",
        "1000",
        "a number",
        "how many versions an association may have (quota)",
    ),
    setting("automation_duration", "30s", "a time", "how long a simulated automation takes"),
    setting(
        "automation_failure_percent",
        "0",
        "0 to 100",
        "how many simulated automations of a hundred fail",
    ),
    setting(
        "automation_queue_limit",
        "1000",
        "a number",
        "how many automations wait for their turn before the next one fails (quota)",
    ),
    setting("automation_running_limit", "100", "a number", "how many automations run at once (quota)"),
    setting(
        "bare_refusals",
        "false",
        "true",
        "whether refusals whose shape has no message member go without a Message",
    ),
    setting(
        "calendar_error",
        "InvalidDocument",
        ERROR,
        "for CalendarNames that are no change calendars (R30)",
    ),
    setting(
        "calendar_history",
        "skipped",
        "nothing",
        "what is remembered of an interval at which a calendar was closed",
    ),
    setting(
        "command_retention",
        "30d",
        "a time",
        "how long commands and automations are remembered (API reference)",
    ),
    setting(
        "command_timeout",
        "1h",
        "a time",
        "how long a command waits for a node if it does not say so (API reference)",
    ),
    setting(
        "compliance_type_limit",
        "10",
        "a number",
        "how many custom types of compliance a node may have (quota)",
    ),
    setting(
        "connection_lost_after",
        "10m",
        "a time",
        "how long a node may be silent and count as online; nobody documents it, two heartbeats",
    ),
    setting(
        "control_channel",
        "accept",
        "deny",
        "whether nodes get the control channel that they ask for; agents that do not turn to long polling",
    ),
    setting(
        "cron_five_fields",
        "false",
        "true",
        "whether cron may leave out the year; the user guide once speaks of five fields and always shows six",
    ),
    setting(
        "cron_hours",
        "any",
        "documented",
        "whether the hours of cron may have lists, ranges and any step, or the documented 1, 2, 4, 8, 12 only",
    ),
    setting(
        "custom_inventory_types",
        "20",
        "a number",
        "how many custom types of inventory there may be (quota)",
    ),
    setting(
        "default_command_concurrency",
        "{ nodes: 50 }",
        "all",
        "how many nodes get a command at once where it does not say (API reference: 50)",
    ),
    setting(
        "default_max_concurrency",
        "all",
        "{ nodes: 50 }",
        "how many nodes run at once where an association does not say (API reference: all; user guide: 50)",
    ),
    setting(
        "delivery_timeout",
        "null",
        "a time",
        "how long a node under rate control may leave an order unanswered before its slot is given away; null is until the next interval, two hours at most",
    ),
    setting("document_limit", "500", "a number", "how many documents there may be (quota)"),
    setting("document_size_limit", "65536", "bytes", "how large a document may be (quota: 64 KB)"),
    setting("document_version_limit", "1000", "a number", "how many versions a document may have (quota)"),
    setting("empty_target_status", "success", "pending", "how an association stands that has no node"),
    setting("execution_history", "50", "a number", "how many executions of an association are remembered"),
    setting(
        "execution_history_rows",
        "2000000",
        "a number",
        "how many node rows the remembered executions of an association may have in all",
    ),
    setting(
        "hold_messages",
        "18s",
        "a time",
        "how long a question for messages is held while there are none; agents give up after 20 s",
    ),
    setting(
        "instance_tags",
        "accept",
        "refuse",
        "whether AddTagsToResource and its like take i- nodes, in place of EC2, or mi- nodes only as on AWS",
    ),
    setting(
        "inventory_item_limit",
        "3145728",
        "bytes",
        "the most that a node may tell of one type of inventory (the agent's own bound)",
    ),
    setting("inventory_kept_for", "30d", "a time", "how long inventory is shown that nobody repeats (quota)"),
    setting(
        "inventory_node_limit",
        "10485760",
        "bytes",
        "the most that a node may tell of all types of inventory (the agent's own bound)",
    ),
    setting(
        "key_lifetime",
        "null",
        "a time",
        "how old a node's key may become before the node is told to change it; nothing: it never is",
    ),
    setting(
        "late_node_policy",
        "run",
        "skip",
        "what becomes of a node that appears while an execution has no slot free (API reference: it runs; user guide: it waits for the next interval)",
    ),
    setting(
        "legacy_member_error",
        "InvalidParameters",
        ERROR,
        "for members that do not go with InstanceId (R2)",
    ),
    setting(
        "legacy_targets_error",
        "ValidationException",
        ERROR,
        "for InstanceId together with Targets or TargetMaps (R3)",
    ),
    setting(
        "legacy_uniqueness",
        "document-and-node",
        "node",
        "whether a node may have several documents by InstanceId (R37)",
    ),
    setting("malformed_target_error", "InvalidTarget", ERROR, "for a malformed node id in Targets (R10)"),
    setting("max_body", "4194304", "bytes, at least 1024", "the largest body that is read"),
    setting(
        "min_schedule_interval",
        "30m",
        "a time",
        "the shortest interval that a schedule may have (user guide)",
    ),
    setting(
        "omitted_in_update",
        "keep",
        "clear",
        "whether UpdateAssociation keeps the Name and Targets that it leaves out (samples) or not (user guide)",
    ),
    setting(
        "overlapping_intervals",
        "supersede",
        "skip",
        "what becomes of an interval that comes due while the execution before goes on",
    ),
    setting(
        "percent_rounding",
        "down",
        "nearest, up",
        "how shares in MaxConcurrency and MaxErrors become numbers",
    ),
    setting(
        "push_refresh",
        "on",
        "off",
        "whether nodes that can be reached are told at once that there is something to run",
    ),
    setting("region", "us-east-1", "a region", "the region that the plane stands in"),
    setting(
        "resource_type_filters",
        "accept",
        "refuse",
        "whether resource-groups:ResourceTypeFilters is a target, which is documented for maintenance windows only (R8)",
    ),
    setting(
        "second_association",
        "waits",
        "times-out-the-first",
        "what happens to a node's run when another of its associations is due (agent: it ends first; user guide: it times out)",
    ),
    setting(
        "signature_skew",
        "5m",
        "a time",
        "how far a signature's date may be from the plane's clock (Signature Version 4)",
    ),
    setting(
        "signatures",
        "check",
        "require, ignore",
        "what becomes of signatures: those by keys that the plane knows are checked; with require a call without one is refused, with ignore none is looked at",
    ),
    setting(
        "steering",
        "service",
        "agent",
        "who keeps to plain schedules without rate control: the service, or the agents by timers of their own",
    ),
    setting(
        "stopped_targets",
        "skipped",
        "cancelled",
        "how targets stand that MaxErrors kept from their turn",
    ),
    setting(
        "strict_duration",
        "false",
        "true",
        "whether Duration without ApplyOnlyAtCronInterval is InvalidSchedule (R32)",
    ),
    setting(
        "stuck_after",
        "2h",
        "a time",
        "after how long without a word a run at InProgress has failed, whatever its document's timeoutSeconds (the agent's own guard)",
    ),
    setting(
        "target_locations_error",
        "InvalidTarget",
        ERROR,
        "for TargetLocations that State Manager does not take (R33)",
    ),
    setting(
        "target_parameter_error",
        "InvalidParameters",
        ERROR,
        "for AutomationTargetParameterName with a Command document (R21)",
    ),
    setting("token_lifetime", "1h", "a time", "how long the credentials of a node are good"),
    setting(
        "unknown_nodes",
        "register",
        "refuse",
        "what becomes of an i- id's heartbeat that never registered",
    ),
    setting(
        "unknown_target_instance",
        "reject",
        "accept",
        "what becomes of an association that names a node nobody has heard of (R11)",
    ),
    setting(
        "unknown_update_target_error",
        "InvalidTarget",
        ERROR,
        "for an update that names such a node; the model gives updates no InvalidInstanceId",
    ),
    setting(
        "unscheduled_apply_only",
        "accept",
        "refuse",
        "whether ApplyOnlyAtCronInterval may stand without a schedule, and then never runs by itself (R17)",
    ),
];

/// The setting of this name.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The name that comes nearest to this one, if one comes near.
pub fn nearest(name: &str) -> Option<&'static str> {
    shared::nearest::nearest(name, SETTINGS.iter().map(|setting| setting.name))
}

/// The settings as the rows of a table in Markdown.
pub fn markdown() -> String {
    let mut text = String::from("| Setting | Default | Else | About |\n|---|---|---|---|\n");
    for Setting { name, default, values, meaning } in SETTINGS {
        text.push_str(&format!("| `{name}` | `{default}` | {values} | {meaning} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::PlaneConfig;

    fn read(yaml: &str) -> Result<PlaneConfig, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn the_list_has_every_setting_with_its_real_default() {
        let lines: Vec<String> =
            SETTINGS.iter().map(|one| format!("{}: {}", one.name, quoted(one))).collect();
        assert_eq!(read(&lines.join("\n")).unwrap(), PlaneConfig::default());
        // serde says which names there are.
        let refusal = serde_json::from_str::<PlaneConfig>(r#"{"nonsense": 1}"#).unwrap_err().to_string();
        let known: BTreeSet<&str> = refusal.split('`').skip(3).step_by(2).collect();
        let known: BTreeSet<&str> = known.into_iter().filter(|name| *name != "world").collect();
        let listed: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        assert_eq!(listed, known);
        assert!(SETTINGS.is_sorted_by_key(|setting| setting.name));
    }

    fn quoted(setting: &Setting) -> String {
        let is_text = setting.values.ends_with("digits");
        if is_text { format!("\"{}\"", setting.default) } else { setting.default.to_owned() }
    }

    #[test]
    fn every_choice_can_be_made() {
        for Setting { name, default, values, .. } in SETTINGS {
            let is_a_kind =
                ["a ", "the ", "bytes", "12 ", "0 to"].iter().any(|kind| values.starts_with(kind));
            let choices = if is_a_kind { Vec::new() } else { values.split(", ").collect() };
            for choice in choices {
                let made =
                    read(&format!("{name}: {choice}")).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_ne!(made, PlaneConfig::default(), "{name} {choice} is not {default}");
            }
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let cases = [
            ("account: 12", "expected 12 digits"),
            ("region: US East", "expected one such as us-east-1"),
            ("automation_failure_percent: 101", "expected 0 to 100"),
            ("max_body: 0", "expected 1024 or more"),
            ("calendar_error: Nonsense", "`Nonsense` is no error of the service"),
        ];
        for (line, reason) in cases {
            assert!(read(line).unwrap_err().contains(reason), "{line}");
        }
    }

    #[test]
    fn a_slip_of_the_finger_is_near_what_was_meant() {
        let cases = [
            ("late_nodes_policy", "late_node_policy"),
            ("min_interval", "min_schedule_interval"),
            ("strict-duration", "strict_duration"),
            ("regoin", "region"),
        ];
        for (slip, meant) in cases {
            assert_eq!(nearest(slip), Some(meant));
        }
        for foreign in ["x", "", "colour", "limits"] {
            assert_eq!(nearest(foreign), None, "{foreign}");
        }
        assert!(find("late_nodes_policy").is_none() && find("region").is_some());
    }

    #[test]
    fn the_documentation_has_this_list() {
        let text = include_str!("../../../docs/plane-settings.md");
        assert!(text.contains(&markdown()), "docs/plane-settings.md must have this table:\n\n{}", markdown());
    }
}
