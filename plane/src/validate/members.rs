//! The constraints of each operation, as the published model has them.
//!
//! One table per operation, in the model's order, for violations are said in
//! the order of the table. What types guarantee already is here as well: a
//! value that a type refuses must be refused in the service's words first.

mod document;

pub(crate) use document::*;

use super::Shape::{Boolean, NotSupported, Number, Secrets, Structure};
use super::{ANY_TEXT, Member, Pattern, form, form_of_length, integer, list, optional, required, text, word};

static NODE_ID: Pattern = Pattern::new(r"(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)");
static UUID: Pattern =
    Pattern::new("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}");
static DOCUMENT_ARN: Pattern = Pattern::new(r"^[a-zA-Z0-9_\-.:/]{3,128}$");
static DOCUMENT_NAME: Pattern = Pattern::new(r"^[a-zA-Z0-9_\-.]{3,128}$");
static DOCUMENT_VERSION: Pattern = Pattern::new(r"([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)");
static ASSOCIATION_VERSION: Pattern = Pattern::new("^(([$]LATEST)|([1-9][0-9]*))$");
static ASSOCIATION_NAME: Pattern = Pattern::new(r"^[a-zA-Z0-9_\-.]{3,128}$");
static TARGET_KEY: Pattern =
    Pattern::new(r"^[\p{L}\p{Z}\p{N}_.:/=\-@]*$|resource-groups:ResourceTypeFilters|resource-groups:Name");
static MAX_ERRORS: Pattern = Pattern::new("^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$");
static MAX_CONCURRENCY: Pattern = Pattern::new("^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$");
static TAG: Pattern = Pattern::new(r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$");
static VERSION_NAME: Pattern = Pattern::new(r"^[a-zA-Z0-9_\-.]{1,128}$");
static COMPLIANCE_TYPE: Pattern = Pattern::new(r"^([A-Za-z0-9_\-]\w+|Custom:[a-zA-Z0-9_\-]\w+)$");
static DISPLAY_NAME: Pattern = Pattern::new(r"^[\w\.\-\:\/ ]*$");
static TARGET_TYPE: Pattern = Pattern::new(r"^\/[\w\.\-\:\/]*$");

// A text that is not blank; the model has it with a look-ahead.
static ALARM_NAME: Pattern = Pattern::new(r".*\S.*");

const TAG_RESOURCES: &[&str] = &[
    "Document",
    "ManagedInstance",
    "MaintenanceWindow",
    "Parameter",
    "PatchBaseline",
    "OpsItem",
    "OpsMetadata",
    "Automation",
    "Association",
];
const SEVERITIES: &[&str] = &["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNSPECIFIED"];

/// How many filters a call may have. The model sets no maximum; there is one
/// here, for each is asked of thousands of nodes while all other calls wait.
const MOST_FILTERS: usize = 100;

pub(crate) static CREATE_ASSOCIATION: &[Member] = &[
    required(&["Name"], form(&DOCUMENT_ARN)),
    optional(&["DocumentVersion"], form(&DOCUMENT_VERSION)),
    optional(&["InstanceId"], form(&NODE_ID)),
    optional(&["Parameters"], Secrets),
    optional(&["Targets"], list(0, 5)),
    optional(&["Targets", "member"], Structure),
    optional(&["Targets", "member", "Key"], form_of_length(&TARGET_KEY, 1, 163)),
    optional(&["Targets", "member", "Values"], list(0, 50)),
    optional(&["Targets", "member", "Values", "member"], ANY_TEXT),
    optional(&["ScheduleExpression"], text(1, 256)),
    optional(&["OutputLocation"], Structure),
    optional(&["OutputLocation", "S3Location"], Structure),
    optional(&["OutputLocation", "S3Location", "OutputS3Region"], text(3, 20)),
    optional(&["OutputLocation", "S3Location", "OutputS3BucketName"], text(3, 63)),
    optional(&["OutputLocation", "S3Location", "OutputS3KeyPrefix"], text(0, 500)),
    optional(&["AssociationName"], form(&ASSOCIATION_NAME)),
    optional(&["AutomationTargetParameterName"], text(1, 50)),
    optional(&["MaxErrors"], form_of_length(&MAX_ERRORS, 1, 7)),
    optional(&["MaxConcurrency"], form_of_length(&MAX_CONCURRENCY, 1, 7)),
    optional(&["ComplianceSeverity"], word(&["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNSPECIFIED"])),
    optional(&["SyncCompliance"], word(&["AUTO", "MANUAL"])),
    optional(&["ApplyOnlyAtCronInterval"], Boolean),
    optional(&["CalendarNames"], list(0, usize::MAX)),
    optional(&["CalendarNames", "member"], ANY_TEXT),
    optional(&["TargetLocations"], list(1, 100)),
    optional(&["TargetLocations", "member"], Structure),
    optional(&["ScheduleOffset"], integer(1, 6)),
    optional(&["Duration"], integer(1, 24)),
    optional(&["TargetMaps"], list(0, 300)),
    optional(&["TargetMaps", "member"], Secrets),
    optional(&["Tags"], list(0, 1000)),
    required(&["Tags", "member", "Key"], form_of_length(&TAG, 1, 128)),
    required(&["Tags", "member", "Value"], form_of_length(&TAG, 0, 256)),
    optional(&["AlarmConfiguration"], Structure),
    optional(&["AlarmConfiguration", "IgnorePollAlarmFailure"], Boolean),
    required(&["AlarmConfiguration", "Alarms"], list(1, 1)),
    required(&["AlarmConfiguration", "Alarms", "member", "Name"], form_of_length(&ALARM_NAME, 1, 255)),
    optional(&["AssociationDispatchAssumeRole"], NotSupported),
];

pub(crate) static UPDATE_ASSOCIATION: &[Member] = &[
    required(&["AssociationId"], form(&UUID)),
    optional(&["Parameters"], Secrets),
    optional(&["DocumentVersion"], form(&DOCUMENT_VERSION)),
    optional(&["ScheduleExpression"], text(1, 256)),
    optional(&["OutputLocation"], Structure),
    optional(&["OutputLocation", "S3Location"], Structure),
    optional(&["OutputLocation", "S3Location", "OutputS3Region"], text(3, 20)),
    optional(&["OutputLocation", "S3Location", "OutputS3BucketName"], text(3, 63)),
    optional(&["OutputLocation", "S3Location", "OutputS3KeyPrefix"], text(0, 500)),
    optional(&["Name"], form(&DOCUMENT_ARN)),
    optional(&["Targets"], list(0, 5)),
    optional(&["Targets", "member"], Structure),
    optional(&["Targets", "member", "Key"], form_of_length(&TARGET_KEY, 1, 163)),
    optional(&["Targets", "member", "Values"], list(0, 50)),
    optional(&["Targets", "member", "Values", "member"], ANY_TEXT),
    optional(&["AssociationName"], form(&ASSOCIATION_NAME)),
    optional(&["AssociationVersion"], form(&ASSOCIATION_VERSION)),
    optional(&["AutomationTargetParameterName"], text(1, 50)),
    optional(&["MaxErrors"], form_of_length(&MAX_ERRORS, 1, 7)),
    optional(&["MaxConcurrency"], form_of_length(&MAX_CONCURRENCY, 1, 7)),
    optional(&["ComplianceSeverity"], word(&["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNSPECIFIED"])),
    optional(&["SyncCompliance"], word(&["AUTO", "MANUAL"])),
    optional(&["ApplyOnlyAtCronInterval"], Boolean),
    optional(&["CalendarNames"], list(0, usize::MAX)),
    optional(&["CalendarNames", "member"], ANY_TEXT),
    optional(&["TargetLocations"], list(1, 100)),
    optional(&["TargetLocations", "member"], Structure),
    optional(&["ScheduleOffset"], integer(1, 6)),
    optional(&["Duration"], integer(1, 24)),
    optional(&["TargetMaps"], list(0, 300)),
    optional(&["TargetMaps", "member"], Secrets),
    optional(&["AlarmConfiguration"], Structure),
    optional(&["AlarmConfiguration", "IgnorePollAlarmFailure"], Boolean),
    required(&["AlarmConfiguration", "Alarms"], list(1, 1)),
    required(&["AlarmConfiguration", "Alarms", "member", "Name"], form_of_length(&ALARM_NAME, 1, 255)),
    optional(&["AssociationDispatchAssumeRole"], NotSupported),
];

pub(crate) static LIST_ASSOCIATION_VERSIONS: &[Member] = &[
    required(&["AssociationId"], form(&UUID)),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static START_ASSOCIATIONS_ONCE: &[Member] =
    &[required(&["AssociationIds"], list(1, 10)), optional(&["AssociationIds", "member"], form(&UUID))];

pub(crate) static REMOVE_TAGS_FROM_RESOURCE: &[Member] = &[
    required(&["ResourceType"], word(TAG_RESOURCES)),
    required(&["ResourceId"], ANY_TEXT),
    required(&["TagKeys"], list(0, usize::MAX)),
    optional(&["TagKeys", "member"], form_of_length(&TAG, 1, 128)),
];

pub(crate) static DELETE_ASSOCIATION: &[Member] = &[
    optional(&["Name"], form(&DOCUMENT_ARN)),
    optional(&["InstanceId"], form(&NODE_ID)),
    optional(&["AssociationId"], form(&UUID)),
];

pub(crate) static DESCRIBE_ASSOCIATION: &[Member] = &[
    optional(&["Name"], form(&DOCUMENT_ARN)),
    optional(&["InstanceId"], form(&NODE_ID)),
    optional(&["AssociationId"], form(&UUID)),
    optional(&["AssociationVersion"], form(&ASSOCIATION_VERSION)),
];

pub(crate) static LIST_ASSOCIATIONS: &[Member] = &[
    optional(&["AssociationFilterList"], list(1, MOST_FILTERS)),
    required(
        &["AssociationFilterList", "member", "key"],
        word(&[
            "InstanceId",
            "Name",
            "AssociationId",
            "AssociationStatusName",
            "LastExecutedBefore",
            "LastExecutedAfter",
            "AssociationName",
            "ResourceGroupName",
        ]),
    ),
    required(&["AssociationFilterList", "member", "value"], text(1, usize::MAX)),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static DESCRIBE_ASSOCIATION_EXECUTIONS: &[Member] = &[
    required(&["AssociationId"], form(&UUID)),
    optional(&["Filters"], list(1, MOST_FILTERS)),
    required(&["Filters", "member", "Key"], word(&["ExecutionId", "Status", "CreatedTime"])),
    required(&["Filters", "member", "Value"], text(1, usize::MAX)),
    required(&["Filters", "member", "Type"], word(&["EQUAL", "LESS_THAN", "GREATER_THAN"])),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static DESCRIBE_ASSOCIATION_EXECUTION_TARGETS: &[Member] = &[
    required(&["AssociationId"], form(&UUID)),
    required(&["ExecutionId"], form(&UUID)),
    optional(&["Filters"], list(1, MOST_FILTERS)),
    required(&["Filters", "member", "Key"], word(&["Status", "ResourceId", "ResourceType"])),
    required(&["Filters", "member", "Value"], text(1, usize::MAX)),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static DESCRIBE_INSTANCE_INFORMATION: &[Member] = &[
    optional(&["InstanceInformationFilterList"], list(0, MOST_FILTERS)),
    required(
        &["InstanceInformationFilterList", "member", "key"],
        word(&[
            "InstanceIds",
            "AgentVersion",
            "PingStatus",
            "PlatformTypes",
            "ActivationIds",
            "IamRole",
            "ResourceType",
            "AssociationStatus",
        ]),
    ),
    required(&["InstanceInformationFilterList", "member", "valueSet"], list(1, 100)),
    optional(&["InstanceInformationFilterList", "member", "valueSet", "member"], text(1, usize::MAX)),
    optional(&["Filters"], list(0, MOST_FILTERS)),
    required(&["Filters", "member", "Key"], text(1, usize::MAX)),
    required(&["Filters", "member", "Values"], list(1, 100)),
    optional(&["Filters", "member", "Values", "member"], text(1, usize::MAX)),
    optional(&["MaxResults"], integer(5, 50)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static CREATE_DOCUMENT: &[Member] = &[
    required(&["Content"], text(1, usize::MAX)),
    required(&["Name"], form(&DOCUMENT_NAME)),
    optional(&["DisplayName"], form_of_length(&DISPLAY_NAME, 0, 1024)),
    optional(&["VersionName"], form(&VERSION_NAME)),
    optional(
        &["DocumentType"],
        word(&[
            "Command",
            "Policy",
            "Automation",
            "Session",
            "Package",
            "ApplicationConfiguration",
            "ApplicationConfigurationSchema",
            "DeploymentStrategy",
            "ChangeCalendar",
            "Automation.ChangeTemplate",
            "ProblemAnalysis",
            "ProblemAnalysisTemplate",
            "CloudFormation",
            "ConformancePackTemplate",
            "QuickSetup",
            "ManualApprovalPolicy",
            "AutoApprovalPolicy",
        ]),
    ),
    optional(&["DocumentFormat"], word(&["YAML", "JSON", "TEXT"])),
    optional(&["TargetType"], form_of_length(&TARGET_TYPE, 0, 200)),
    optional(&["Tags"], list(0, 1000)),
    required(&["Tags", "member", "Key"], form_of_length(&TAG, 1, 128)),
    required(&["Tags", "member", "Value"], form_of_length(&TAG, 0, 256)),
    optional(&["Requires"], NotSupported),
    optional(&["Attachments"], NotSupported),
];

pub(crate) static GET_DOCUMENT: &[Member] = &[
    required(&["Name"], form(&DOCUMENT_ARN)),
    optional(&["VersionName"], form(&VERSION_NAME)),
    optional(&["DocumentVersion"], form(&DOCUMENT_VERSION)),
    optional(&["DocumentFormat"], word(&["YAML", "JSON", "TEXT"])),
];

pub(crate) static ADD_TAGS_TO_RESOURCE: &[Member] = &[
    required(&["ResourceType"], word(TAG_RESOURCES)),
    required(&["ResourceId"], ANY_TEXT),
    required(&["Tags"], list(0, 1000)),
    required(&["Tags", "member", "Key"], form_of_length(&TAG, 1, 128)),
    required(&["Tags", "member", "Value"], form_of_length(&TAG, 0, 256)),
];

pub(crate) static LIST_TAGS_FOR_RESOURCE: &[Member] =
    &[required(&["ResourceType"], word(TAG_RESOURCES)), required(&["ResourceId"], ANY_TEXT)];

pub(crate) static PUT_COMPLIANCE_ITEMS: &[Member] = &[
    required(&["ResourceId"], text(1, 100)),
    required(&["ResourceType"], text(1, 50)),
    required(&["ComplianceType"], form_of_length(&COMPLIANCE_TYPE, 1, 100)),
    required(&["ExecutionSummary"], Structure),
    required(&["ExecutionSummary", "ExecutionTime"], Number),
    optional(&["ExecutionSummary", "ExecutionId"], text(0, 100)),
    optional(&["ExecutionSummary", "ExecutionType"], text(0, 50)),
    required(&["Items"], list(0, 10_000)),
    optional(&["Items", "member", "Id"], text(0, 100)),
    optional(&["Items", "member", "Title"], text(0, 500)),
    required(&["Items", "member", "Severity"], word(SEVERITIES)),
    required(&["Items", "member", "Status"], word(&["COMPLIANT", "NON_COMPLIANT"])),
    optional(&["Items", "member", "Details"], Structure),
    optional(&["ItemContentHash"], text(0, 256)),
    optional(&["UploadType"], word(&["COMPLETE", "PARTIAL"])),
];

pub(crate) static LIST_COMPLIANCE_ITEMS: &[Member] = &[
    optional(&["Filters"], list(0, MOST_FILTERS)),
    optional(&["Filters", "member", "Key"], text(1, 200)),
    optional(&["Filters", "member", "Values"], list(1, 20)),
    optional(&["Filters", "member", "Values", "member"], ANY_TEXT),
    optional(
        &["Filters", "member", "Type"],
        word(&["EQUAL", "NOT_EQUAL", "BEGIN_WITH", "LESS_THAN", "GREATER_THAN"]),
    ),
    optional(&["ResourceIds"], list(1, 1)),
    optional(&["ResourceIds", "member"], text(1, 100)),
    optional(&["ResourceTypes"], list(1, 1)),
    optional(&["ResourceTypes", "member"], text(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
    optional(&["MaxResults"], integer(1, 50)),
];

pub(crate) static LIST_COMPLIANCE_SUMMARIES: &[Member] = &[
    optional(&["Filters"], list(0, MOST_FILTERS)),
    optional(&["Filters", "member", "Key"], text(1, 200)),
    optional(&["Filters", "member", "Values"], list(1, 20)),
    optional(&["Filters", "member", "Values", "member"], ANY_TEXT),
    optional(
        &["Filters", "member", "Type"],
        word(&["EQUAL", "NOT_EQUAL", "BEGIN_WITH", "LESS_THAN", "GREATER_THAN"]),
    ),
    optional(&["NextToken"], ANY_TEXT),
    optional(&["MaxResults"], integer(1, 50)),
];

pub(crate) static REGISTER_MANAGED_INSTANCE: &[Member] = &[
    required(&["Fingerprint"], text(1, usize::MAX)),
    required(&["PublicKey"], text(392, usize::MAX)),
    optional(&["PublicKeyType"], ANY_TEXT),
    optional(&["ActivationId"], text(36, usize::MAX)),
    optional(&["ActivationCode"], text(20, usize::MAX)),
    optional(&["IamRole"], ANY_TEXT),
    optional(&["Tags"], list(0, 1000)),
];

pub(crate) static UPDATE_INSTANCE_INFORMATION: &[Member] = &[
    required(&["InstanceId"], form(&NODE_ID)),
    optional(&["AgentName"], ANY_TEXT),
    optional(&["AgentStatus"], ANY_TEXT),
    optional(&["AgentVersion"], text(5, usize::MAX)),
    optional(&["PlatformType"], word(&["Windows", "Linux", "MacOS"])),
    optional(&["PlatformName"], ANY_TEXT),
    optional(&["PlatformVersion"], ANY_TEXT),
    optional(&["IPAddress"], ANY_TEXT),
    optional(&["ComputerName"], ANY_TEXT),
];

pub(crate) static LIST_INSTANCE_ASSOCIATIONS: &[Member] = &[
    required(&["InstanceId"], form(&NODE_ID)),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static UPDATE_INSTANCE_ASSOCIATION_STATUS: &[Member] = &[
    required(&["InstanceId"], form(&NODE_ID)),
    required(&["AssociationId"], form(&UUID)),
    optional(&["AssociationVersion"], form(&ASSOCIATION_VERSION)),
    required(&["ExecutionResult"], Structure),
    // What the real agent may say; `Associated` and `Queued` are the service's own words.
    required(
        &["ExecutionResult", "Status"],
        word(&["Pending", "InProgress", "Success", "Failed", "TimedOut", "Skipped", "Cancelled"]),
    ),
    optional(&["ExecutionResult", "ErrorCode"], ANY_TEXT),
    required(&["ExecutionResult", "ExecutionDate"], Number),
    required(&["ExecutionResult", "ExecutionSummary"], text(1, usize::MAX)),
];

pub(crate) static CREATE_ASSOCIATION_BATCH: &[Member] = &[
    required(&["Entries"], list(1, usize::MAX)),
    optional(&["Entries", "member"], Structure),
    required(&["Entries", "member", "Name"], form(&DOCUMENT_ARN)),
    optional(&["Entries", "member", "DocumentVersion"], form(&DOCUMENT_VERSION)),
    optional(&["Entries", "member", "InstanceId"], form(&NODE_ID)),
    optional(&["Entries", "member", "Parameters"], Secrets),
    optional(&["Entries", "member", "Targets"], list(0, 5)),
    optional(&["Entries", "member", "Targets", "member"], Structure),
    optional(&["Entries", "member", "Targets", "member", "Key"], form_of_length(&TARGET_KEY, 1, 163)),
    optional(&["Entries", "member", "Targets", "member", "Values"], list(0, 50)),
    optional(&["Entries", "member", "Targets", "member", "Values", "member"], ANY_TEXT),
    optional(&["Entries", "member", "ScheduleExpression"], text(1, 256)),
    optional(&["Entries", "member", "OutputLocation"], Structure),
    optional(&["Entries", "member", "OutputLocation", "S3Location"], Structure),
    optional(&["Entries", "member", "OutputLocation", "S3Location", "OutputS3Region"], text(3, 20)),
    optional(&["Entries", "member", "OutputLocation", "S3Location", "OutputS3BucketName"], text(3, 63)),
    optional(&["Entries", "member", "OutputLocation", "S3Location", "OutputS3KeyPrefix"], text(0, 500)),
    optional(&["Entries", "member", "AssociationName"], form(&ASSOCIATION_NAME)),
    optional(&["Entries", "member", "AutomationTargetParameterName"], text(1, 50)),
    optional(&["Entries", "member", "MaxErrors"], form_of_length(&MAX_ERRORS, 1, 7)),
    optional(&["Entries", "member", "MaxConcurrency"], form_of_length(&MAX_CONCURRENCY, 1, 7)),
    optional(
        &["Entries", "member", "ComplianceSeverity"],
        word(&["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNSPECIFIED"]),
    ),
    optional(&["Entries", "member", "SyncCompliance"], word(&["AUTO", "MANUAL"])),
    optional(&["Entries", "member", "ApplyOnlyAtCronInterval"], Boolean),
    optional(&["Entries", "member", "CalendarNames"], list(0, usize::MAX)),
    optional(&["Entries", "member", "TargetLocations"], list(1, 100)),
    optional(&["Entries", "member", "TargetLocations", "member"], Structure),
    optional(&["Entries", "member", "ScheduleOffset"], integer(1, 6)),
    optional(&["Entries", "member", "Duration"], integer(1, 24)),
    optional(&["Entries", "member", "TargetMaps"], list(0, 300)),
    optional(&["Entries", "member", "TargetMaps", "member"], Secrets),
    optional(&["Entries", "member", "AlarmConfiguration"], Structure),
    optional(&["Entries", "member", "AlarmConfiguration", "Alarms"], list(1, 1)),
    optional(&["Entries", "member", "CalendarNames"], NotSupported),
    optional(&["Entries", "member", "Duration"], NotSupported),
    optional(&["Entries", "member", "AlarmConfiguration"], NotSupported),
    optional(&["AssociationDispatchAssumeRole"], NotSupported),
];

pub(crate) static DESCRIBE_INSTANCE_ASSOCIATIONS_STATUS: &[Member] = &[
    required(&["InstanceId"], form(&NODE_ID)),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static DESCRIBE_EFFECTIVE_INSTANCE_ASSOCIATIONS: &[Member] = &[
    required(&["InstanceId"], form(&NODE_ID)),
    optional(&["MaxResults"], integer(1, 5)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static UPDATE_ASSOCIATION_STATUS: &[Member] = &[
    required(&["Name"], form(&DOCUMENT_ARN)),
    required(&["InstanceId"], form(&NODE_ID)),
    required(&["AssociationStatus"], Structure),
    required(&["AssociationStatus", "Date"], Number),
    // The real agent names states that the model does not list.
    required(&["AssociationStatus", "Name"], ANY_TEXT),
    required(&["AssociationStatus", "Message"], text(1, 1024)),
    optional(&["AssociationStatus", "AdditionalInfo"], text(0, 1024)),
];

pub(crate) static DESCRIBE_AUTOMATION_EXECUTIONS: &[Member] = &[
    optional(&["Filters"], list(1, 10)),
    required(
        &["Filters", "member", "Key"],
        word(&[
            "DocumentNamePrefix",
            "ExecutionStatus",
            "ExecutionId",
            "ParentExecutionId",
            "CurrentAction",
            "StartTimeBefore",
            "StartTimeAfter",
            "AutomationType",
            "TagKey",
            "TargetResourceGroup",
            "AutomationSubtype",
            "OpsItemId",
        ]),
    ),
    required(&["Filters", "member", "Values"], list(1, 10)),
    optional(&["Filters", "member", "Values", "member"], text(1, 150)),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static GET_AUTOMATION_EXECUTION: &[Member] = &[required(&["AutomationExecutionId"], text(36, 36))];

pub(crate) static SEND_COMMAND: &[Member] = &[
    optional(&["InstanceIds"], list(0, 50)),
    optional(&["InstanceIds", "member"], form(&NODE_ID)),
    optional(&["Targets"], list(0, 5)),
    optional(&["Targets", "member"], Structure),
    optional(&["Targets", "member", "Key"], form_of_length(&TARGET_KEY, 1, 163)),
    optional(&["Targets", "member", "Values"], list(0, 50)),
    optional(&["Targets", "member", "Values", "member"], ANY_TEXT),
    required(&["DocumentName"], form(&DOCUMENT_ARN)),
    optional(&["DocumentVersion"], form(&DOCUMENT_VERSION)),
    optional(&["DocumentHash"], text(0, 256)),
    optional(&["DocumentHashType"], word(&["Sha256", "Sha1"])),
    optional(&["TimeoutSeconds"], integer(30, 2_592_000)),
    optional(&["Comment"], text(0, 100)),
    optional(&["Parameters"], Secrets),
    optional(&["OutputS3Region"], text(3, 20)),
    optional(&["OutputS3BucketName"], text(3, 63)),
    optional(&["OutputS3KeyPrefix"], text(0, 500)),
    optional(&["MaxConcurrency"], form_of_length(&MAX_CONCURRENCY, 1, 7)),
    optional(&["MaxErrors"], form_of_length(&MAX_ERRORS, 1, 7)),
    optional(&["ServiceRoleArn"], ANY_TEXT),
    optional(&["NotificationConfig"], Structure),
    optional(&["NotificationConfig", "NotificationArn"], ANY_TEXT),
    optional(&["NotificationConfig", "NotificationEvents"], list(0, usize::MAX)),
    optional(
        &["NotificationConfig", "NotificationEvents", "member"],
        word(&["All", "InProgress", "Success", "TimedOut", "Cancelled", "Failed"]),
    ),
    optional(&["NotificationConfig", "NotificationType"], word(&["Command", "Invocation"])),
    optional(&["CloudWatchOutputConfig"], Structure),
    optional(&["CloudWatchOutputConfig", "CloudWatchLogGroupName"], text(1, 512)),
    optional(&["CloudWatchOutputConfig", "CloudWatchOutputEnabled"], Boolean),
    optional(&["AlarmConfiguration"], Structure),
    optional(&["AlarmConfiguration", "IgnorePollAlarmFailure"], Boolean),
    required(&["AlarmConfiguration", "Alarms"], list(1, 1)),
    optional(&["AlarmConfiguration", "Alarms", "member"], Structure),
    required(&["AlarmConfiguration", "Alarms", "member", "Name"], form_of_length(&ALARM_NAME, 1, 255)),
];

pub(crate) static LIST_COMMANDS: &[Member] = &[
    optional(&["CommandId"], text(36, 36)),
    optional(&["InstanceId"], form(&NODE_ID)),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
    optional(&["Filters"], list(1, 5)),
    required(
        &["Filters", "member", "key"],
        word(&["InvokedAfter", "InvokedBefore", "Status", "ExecutionStage", "DocumentName"]),
    ),
    required(&["Filters", "member", "value"], text(1, 128)),
];

pub(crate) static LIST_COMMAND_INVOCATIONS: &[Member] = &[
    optional(&["CommandId"], text(36, 36)),
    optional(&["InstanceId"], form(&NODE_ID)),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
    optional(&["Filters"], list(1, 5)),
    required(
        &["Filters", "member", "key"],
        word(&["InvokedAfter", "InvokedBefore", "Status", "ExecutionStage", "DocumentName"]),
    ),
    required(&["Filters", "member", "value"], text(1, 128)),
    optional(&["Details"], Boolean),
];

pub(crate) static GET_COMMAND_INVOCATION: &[Member] = &[
    required(&["CommandId"], text(36, 36)),
    required(&["InstanceId"], form(&NODE_ID)),
    optional(&["PluginName"], text(4, usize::MAX)),
];

pub(crate) static CANCEL_COMMAND: &[Member] = &[
    required(&["CommandId"], text(36, 36)),
    optional(&["InstanceIds"], list(0, 50)),
    optional(&["InstanceIds", "member"], form(&NODE_ID)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_means_the_whole_text() {
        let cases = [
            (&NODE_ID, "i-0123456789abcdef0", "i-123"),
            (&UUID, "00000000-0000-4000-8000-000000000001", "00000000"),
            (&DOCUMENT_ARN, "arn:aws:ssm:us-east-1:111122223333:document/Mine", "x!"),
            (&DOCUMENT_NAME, "My-Document.1_a", "a/b"),
            (&DOCUMENT_VERSION, "$LATEST", "x$LATEST"),
            (&DOCUMENT_VERSION, "12", "0"),
            (&ASSOCIATION_VERSION, "1", "01"),
            (&ASSOCIATION_NAME, "abc", "ab"),
            (&TARGET_KEY, "tag:Größe", "tag;x"),
            (&TARGET_KEY, "resource-groups:Name", "a\nb"),
            (&MAX_ERRORS, "0%", "101%"),
            (&MAX_CONCURRENCY, "100%", "0"),
            (&TAG, "", "a;b"),
            (&VERSION_NAME, "v1", ""),
            (&DISPLAY_NAME, "My first: document", "a;b"),
            (&TARGET_TYPE, "/AWS::EC2::Instance", "AWS::EC2::Instance"),
            (&COMPLIANCE_TYPE, "Custom:Thing", "!"),
            (&ALARM_NAME, " cpu high ", "  "),
        ];
        for (pattern, good, bad) in cases {
            assert!(pattern.matches(good), "{good} as {}", pattern.text);
            assert!(!pattern.matches(bad), "{bad} as {}", pattern.text);
        }
    }
}
