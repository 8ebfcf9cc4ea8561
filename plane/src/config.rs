//! What can be chosen about the control plane.
//!
//! Where the service is silent or contradicts itself, the choice is a setting
//! here, and its default says why. [`list`] has them all by name, for people.

pub mod choice;
pub mod list;
mod value;

use std::collections::BTreeSet;

use serde::Deserialize;
use shared::error::ErrorCode;
use shared::id::NodeId;
use shared::schedule::SHORTEST_INTERVAL;
use shared::seed::Seed;
use shared::time::Period;

use self::choice::{
    CalendarHistory, CronHours, LegacyUniqueness, OmittedInUpdate, OverlappingIntervals, Rounding,
    SecondAssociation, StoppedTargets, Undocumented,
};
use crate::state::world::World;

/// What becomes of an `i-` id that sends a heartbeat without being registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownNodes {
    /// It is admitted: an EC2 instance needs no activation.
    #[default]
    Register,
    /// It gets `InvalidInstanceId`.
    Refuse,
}

/// What becomes of an association that names a node nobody has heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownTargets {
    /// It gets `InvalidInstanceId`.
    #[default]
    Reject,
    /// It is made, and runs on the node once that registers.
    Accept,
}

/// What becomes of the signatures of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Signatures {
    /// Those by keys that this plane knows are checked: the credentials that it
    /// issued, and the keys of its nodes. A call by any other key, or without
    /// a signature, is taken as the account's.
    #[default]
    Check,
    /// The same, but a call without a signature is refused, as the service does.
    Require,
    /// None is looked at.
    Ignore,
}

/// Who may use the admin API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdminAccess {
    /// Whoever calls from this machine.
    #[default]
    Loopback,
    /// Whoever can reach the plane.
    Anyone,
}

/// What becomes of a node that appears while an execution has no slot free
/// (E.2 item 5; the documentation says both).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LateNodes {
    /// It runs, beyond the limit (API reference).
    #[default]
    Run,
    /// It waits for the next interval (user guide).
    Skip,
}

/// In which order nodes are let into an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdmissionOrder {
    /// By their ids.
    #[default]
    NodeId,
    /// Shuffled anew in each execution, as the seed has it.
    Shuffled,
}

/// How an association without any target stands (C.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyTargets {
    /// There is nothing to wait for: `Success`, as clients see it of the service.
    #[default]
    Success,
    /// It waits for its first node.
    Pending,
}

/// Whether nodes that can be reached are told at once that there is something to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PushRefresh {
    /// They are, as the service does it.
    #[default]
    On,
    /// They learn of it at their next poll.
    Off,
}

/// What becomes of a node that asks for a control channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ControlChannel {
    /// It gets one.
    #[default]
    Accept,
    /// It gets `AccessDeniedException`, as with credentials that lack that
    /// permission: agents turn to long polling.
    Deny,
}

/// Who keeps to the schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Steering {
    /// The service: a node is told when to run.
    #[default]
    Service,
    /// The agents, where the schedule is plain and without rate control: all
    /// nodes begin at the same second, by timers of their own.
    Agent,
}

/// How many nodes get a command at once where it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CommandConcurrency {
    /// So many (API reference: 50).
    Nodes(u32),
    /// All of them.
    All,
}

impl Default for CommandConcurrency {
    fn default() -> Self {
        Self::Nodes(50)
    }
}

/// How many nodes run at once where an association does not say (E.1; the
/// documentation says both).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultConcurrency {
    /// All of them (API reference).
    #[default]
    All,
    /// So many (user guide: 50).
    Nodes(u32),
}

/// The plane's settings. Read from a file, those that are not named keep their
/// default; what identifies a plane or opens it to others is not read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlaneConfig {
    /// What all ids are drawn from.
    #[serde(skip)]
    pub seed: Seed,
    /// The account that everything belongs to, 12 digits.
    #[serde(deserialize_with = "value::account")]
    pub account: String,
    /// The region that it stands in.
    #[serde(deserialize_with = "value::region")]
    pub region: String,
    /// What becomes of an unknown `i-` id's heartbeat.
    pub unknown_nodes: UnknownNodes,
    /// What becomes of an association that names unknown nodes.
    pub unknown_target_instance: UnknownTargets,
    /// Nodes that are gone: whatever names them gets `InvalidInstanceId`.
    #[serde(skip)]
    pub terminated: BTreeSet<NodeId>,
    /// What other services know at the start; the admin API changes it.
    // As if `World::check` had let it through.
    pub world: World,
    /// Who may use the admin API.
    #[serde(skip)]
    pub admin_access: AdminAccess,
    /// Whether a refusal that the model gives no reason goes without one. The
    /// service seems to do so; to say why all the same does no client harm.
    pub bare_refusals: bool,
    /// How long a command waits for a node if it does not say so (API
    /// reference: an hour).
    pub command_timeout: Period,
    /// How long commands and automations are remembered (API reference: 30 days).
    pub command_retention: Period,
    /// How long an automation takes, which is simulated.
    pub automation_duration: Period,
    /// How many automations of a hundred fail, which is simulated.
    #[serde(deserialize_with = "value::percent")]
    pub automation_failure_percent: u8,
    /// How many automations run at once (service quota: 100).
    pub automation_running_limit: u32,
    /// How many automations wait for that (service quota: 1,000).
    pub automation_queue_limit: usize,
    /// How long a node may be silent and still count as online. The service
    /// documents none; ours are two heartbeats.
    pub connection_lost_after: Period,
    /// The shortest interval that a schedule may have (user guide: 30 minutes).
    pub min_schedule_interval: Period,
    /// How many associations there may be (service quota: 2,000).
    pub association_limit: u32,
    /// How many documents there may be (service quota: 500).
    pub document_limit: usize,
    /// How many versions a document may have (service quota: 1,000).
    pub document_version_limit: usize,
    /// How many executions of one association are remembered.
    pub execution_history: usize,
    /// How many node rows the remembered executions of one association may
    /// have in all; the newest two executions stay whatever their size.
    pub execution_history_rows: usize,
    /// After this long without a word a node at `InProgress` has failed. As the
    /// agent's own guard, which does not watch what the service drives: two hours.
    pub stuck_after: Period,
    /// How an association without any target stands.
    pub empty_target_status: EmptyTargets,
    /// Who keeps to the schedules (D.6).
    pub steering: Steering,
    /// Whether a Duration without ApplyOnlyAtCronInterval is refused; else it
    /// is accepted and means nothing.
    pub strict_duration: bool,
    /// The most that a node may tell of one type of inventory or compliance, in
    /// bytes (the agent's own bound: 3 MB).
    pub inventory_item_limit: usize,
    /// The most that a node may tell of all types of inventory, and of all types of
    /// compliance, in bytes (the agent's own bound: 10 MB).
    pub inventory_node_limit: usize,
    /// How many custom types of inventory there may be (service quota: 20).
    pub custom_inventory_types: usize,
    /// How long inventory is shown that nobody repeats (service quota: 30 days).
    pub inventory_kept_for: Period,
    /// How many nodes get a command at once where it does not say.
    pub default_command_concurrency: CommandConcurrency,
    /// How many nodes run at once where an association does not say.
    pub default_max_concurrency: DefaultConcurrency,
    /// What becomes of a node that appears while no slot is free.
    pub late_node_policy: LateNodes,
    /// In which order nodes are let into an execution.
    pub admission_order: AdmissionOrder,
    /// How long a node under rate control may leave an order to run unanswered
    /// before its slot is given away; nothing means until the next interval,
    /// and two hours at most.
    pub delivery_timeout: Option<Period>,
    /// What becomes of the signatures of calls.
    pub signatures: Signatures,
    /// How far a signature's date may be from the plane's clock (Signature
    /// Version 4: five minutes).
    pub signature_skew: Period,
    /// How long the credentials of a node are good (seen of the service: an hour).
    pub token_lifetime: Period,
    /// How old a node's key may become before the node is told to change it;
    /// nothing means that it never is.
    pub key_lifetime: Option<Period>,
    /// Whether nodes that can be reached are told at once that there is something to run.
    pub push_refresh: PushRefresh,
    /// What becomes of a node that asks for a control channel.
    pub control_channel: ControlChannel,
    /// How long a question for messages is held while there are none. Agents give
    /// up after 20 s.
    pub hold_messages: Period,
    /// The largest body that is read, in bytes.
    #[serde(deserialize_with = "value::body")]
    pub max_body: usize,
    /// Over how many nodes inventory is counted in one call; with more of them
    /// other calls would wait too long.
    pub aggregated_nodes_limit: usize,
    /// How many versions an association may have (service quota: 1,000).
    pub association_version_limit: u32,
    /// How large a document may be, in bytes (service quota: 64 KB).
    pub document_size_limit: usize,
    /// How many custom types of compliance a node may have (service quota: 10).
    pub compliance_type_limit: usize,
    /// How shares of the targets become whole numbers.
    pub percent_rounding: Rounding,
    /// How targets stand that MaxErrors kept from their turn.
    pub stopped_targets: StoppedTargets,
    /// What becomes of an interval that comes due while the one before goes on.
    pub overlapping_intervals: OverlappingIntervals,
    /// What becomes of a node's run when another of its associations is due.
    pub second_association: SecondAssociation,
    /// What is remembered of an interval at which a calendar was closed.
    pub calendar_history: CalendarHistory,
    /// What an update does to a name and targets that it leaves out.
    pub omitted_in_update: OmittedInUpdate,
    /// When a second association of the old form is one too many.
    pub legacy_uniqueness: LegacyUniqueness,
    /// Whether tags of `i-` nodes are taken, in place of EC2.
    pub instance_tags: Undocumented,
    /// Whether `resource-groups:ResourceTypeFilters` is a target (R8).
    pub resource_type_filters: Undocumented,
    /// Whether ApplyOnlyAtCronInterval may stand without a schedule (R17).
    pub unscheduled_apply_only: Undocumented,
    /// Whether cron may leave out the year.
    pub cron_five_fields: bool,
    /// Which steps and lists the hours of cron may have.
    pub cron_hours: CronHours,
    /// The error of members that do not go with InstanceId (R2).
    #[serde(deserialize_with = "value::error")]
    pub legacy_member_error: ErrorCode,
    /// The error of InstanceId together with targets (R3).
    #[serde(deserialize_with = "value::error")]
    pub legacy_targets_error: ErrorCode,
    /// The error of a malformed node id in Targets (R10).
    #[serde(deserialize_with = "value::error")]
    pub malformed_target_error: ErrorCode,
    /// The error of AutomationTargetParameterName with a Command document (R21).
    #[serde(deserialize_with = "value::error")]
    pub target_parameter_error: ErrorCode,
    /// The error of CalendarNames that are no change calendars (R30).
    #[serde(deserialize_with = "value::error")]
    pub calendar_error: ErrorCode,
    /// The error of TargetLocations that are not taken (R33).
    #[serde(deserialize_with = "value::error")]
    pub target_locations_error: ErrorCode,
    /// The error of an update that names an unknown node.
    #[serde(deserialize_with = "value::error")]
    pub unknown_update_target_error: ErrorCode,
}

impl Default for PlaneConfig {
    fn default() -> Self {
        Self {
            seed: Seed(0),
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            unknown_nodes: UnknownNodes::default(),
            unknown_target_instance: UnknownTargets::default(),
            terminated: BTreeSet::new(),
            world: World::default(),
            admin_access: AdminAccess::default(),
            bare_refusals: false,
            command_timeout: Period::hours(1),
            command_retention: Period::days(30),
            automation_duration: Period::seconds(30),
            automation_failure_percent: 0,
            automation_running_limit: 100,
            automation_queue_limit: 1_000,
            connection_lost_after: Period::minutes(10),
            min_schedule_interval: SHORTEST_INTERVAL,
            association_limit: 2_000,
            document_limit: 500,
            document_version_limit: 1_000,
            execution_history: 50,
            execution_history_rows: 2_000_000,
            stuck_after: Period::hours(2),
            empty_target_status: EmptyTargets::default(),
            steering: Steering::default(),
            strict_duration: false,
            inventory_item_limit: 3 << 20,
            inventory_node_limit: 10 << 20,
            custom_inventory_types: 20,
            inventory_kept_for: Period::days(30),
            default_command_concurrency: CommandConcurrency::default(),
            default_max_concurrency: DefaultConcurrency::default(),
            late_node_policy: LateNodes::default(),
            admission_order: AdmissionOrder::default(),
            delivery_timeout: None,
            signatures: Signatures::default(),
            signature_skew: Period::minutes(5),
            token_lifetime: Period::hours(1),
            key_lifetime: None,
            push_refresh: PushRefresh::default(),
            control_channel: ControlChannel::default(),
            hold_messages: Period::seconds(18),
            max_body: 4 << 20,
            aggregated_nodes_limit: 100_000,
            association_version_limit: 1_000,
            document_size_limit: 64 << 10,
            compliance_type_limit: 10,
            percent_rounding: Rounding::default(),
            stopped_targets: StoppedTargets::default(),
            overlapping_intervals: OverlappingIntervals::default(),
            second_association: SecondAssociation::default(),
            calendar_history: CalendarHistory::default(),
            omitted_in_update: OmittedInUpdate::default(),
            legacy_uniqueness: LegacyUniqueness::default(),
            instance_tags: Undocumented::default(),
            resource_type_filters: Undocumented::default(),
            unscheduled_apply_only: Undocumented::default(),
            cron_five_fields: false,
            cron_hours: CronHours::default(),
            legacy_member_error: ErrorCode::InvalidParameters,
            legacy_targets_error: ErrorCode::ValidationException,
            malformed_target_error: ErrorCode::InvalidTarget,
            target_parameter_error: ErrorCode::InvalidParameters,
            calendar_error: ErrorCode::InvalidDocument,
            target_locations_error: ErrorCode::InvalidTarget,
            unknown_update_target_error: ErrorCode::InvalidTarget,
        }
    }
}
