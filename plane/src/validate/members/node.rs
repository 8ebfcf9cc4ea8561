//! The constraints of the operations on nodes, beside registering and listing them.

use super::super::{
    ANY_TEXT, Member, Pattern, form_of_length, integer, list, optional, required, text, word,
};

static MANAGED_ID: Pattern =
    Pattern::new(r"(^mi-[0-9a-f]{17}$)|(^eks_c:[0-9A-Za-z][A-Za-z0-9\-_]{0,99}_\w{17}$)");

pub(crate) static DEREGISTER_MANAGED_INSTANCE: &[Member] =
    &[required(&["InstanceId"], form_of_length(&MANAGED_ID, 20, 124))];

pub(crate) static UPDATE_MANAGED_INSTANCE_ROLE: &[Member] =
    &[required(&["InstanceId"], form_of_length(&MANAGED_ID, 20, 124)), required(&["IamRole"], text(0, 64))];

pub(crate) static GET_CONNECTION_STATUS: &[Member] = &[required(&["Target"], text(1, 400))];

pub(crate) static DESCRIBE_INSTANCE_PROPERTIES: &[Member] = &[
    optional(&["InstancePropertyFilterList"], list(1, 40)),
    required(
        &["InstancePropertyFilterList", "member", "key"],
        word(&[
            "InstanceIds",
            "AgentVersion",
            "PingStatus",
            "PlatformTypes",
            "DocumentName",
            "ActivationIds",
            "IamRole",
            "ResourceType",
            "AssociationStatus",
        ]),
    ),
    required(&["InstancePropertyFilterList", "member", "valueSet"], list(1, 40)),
    optional(&["InstancePropertyFilterList", "member", "valueSet", "member"], text(1, 100_000)),
    optional(&["FiltersWithOperator"], list(1, 40)),
    required(&["FiltersWithOperator", "member", "Key"], text(1, 100_000)),
    required(&["FiltersWithOperator", "member", "Values"], list(1, 40)),
    optional(&["FiltersWithOperator", "member", "Values", "member"], text(1, 100_000)),
    optional(
        &["FiltersWithOperator", "member", "Operator"],
        word(&["Equal", "NotEqual", "BeginWith", "LessThan", "GreaterThan"]),
    ),
    optional(&["MaxResults"], integer(5, 1_000)),
    optional(&["NextToken"], ANY_TEXT),
];
