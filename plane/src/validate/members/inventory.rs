//! The constraints of the operations on inventory.

use super::super::Shape::{NotSupported, Structure};
use super::super::{
    ANY_TEXT, Member, Pattern, form, form_of_length, integer, list, optional, required, text, word,
};
use super::NODE_ID;

static TYPE_NAME: Pattern = Pattern::new("^(AWS|Custom):.*$");
static SCHEMA_VERSION: Pattern = Pattern::new(r"^([0-9]{1,6})(\.[0-9]{1,6})$");
static CAPTURE_TIME: Pattern = Pattern::new(
    "^(20)[0-9][0-9]-(0[1-9]|1[012])-([12][0-9]|3[01]|0[1-9])(T)(2[0-3]|[0-1][0-9])(:[0-5][0-9])(:[0-5][0-9])(Z)$",
);

const COMPARISONS: &[&str] = &["Equal", "NotEqual", "BeginWith", "LessThan", "GreaterThan", "Exists"];

pub(crate) static PUT_INVENTORY: &[Member] = &[
    required(&["InstanceId"], form(&NODE_ID)),
    required(&["Items"], list(1, 30)),
    optional(&["Items", "member"], Structure),
    required(&["Items", "member", "TypeName"], form_of_length(&TYPE_NAME, 1, 100)),
    required(&["Items", "member", "SchemaVersion"], form(&SCHEMA_VERSION)),
    required(&["Items", "member", "CaptureTime"], form(&CAPTURE_TIME)),
    optional(&["Items", "member", "ContentHash"], text(0, 256)),
    optional(&["Items", "member", "Content"], list(0, 10_000)),
    optional(&["Items", "member", "Content", "member"], Structure),
    optional(&["Items", "member", "Context"], Structure),
];

pub(crate) static GET_INVENTORY: &[Member] = &[
    optional(&["Filters"], list(1, 5)),
    required(&["Filters", "member", "Key"], text(1, 200)),
    required(&["Filters", "member", "Values"], list(1, 40)),
    optional(&["Filters", "member", "Values", "member"], ANY_TEXT),
    optional(&["Filters", "member", "Type"], word(COMPARISONS)),
    optional(&["Aggregators"], list(1, 10)),
    optional(&["ResultAttributes"], list(1, 1)),
    required(&["ResultAttributes", "member", "TypeName"], form_of_length(&TYPE_NAME, 1, 100)),
    optional(&["NextToken"], ANY_TEXT),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["Aggregators"], NotSupported),
];

pub(crate) static LIST_INVENTORY_ENTRIES: &[Member] = &[
    required(&["InstanceId"], form(&NODE_ID)),
    required(&["TypeName"], form_of_length(&TYPE_NAME, 1, 100)),
    optional(&["Filters"], list(1, 5)),
    required(&["Filters", "member", "Key"], text(1, 200)),
    required(&["Filters", "member", "Values"], list(1, 40)),
    optional(&["Filters", "member", "Values", "member"], ANY_TEXT),
    optional(&["Filters", "member", "Type"], word(COMPARISONS)),
    optional(&["NextToken"], ANY_TEXT),
    optional(&["MaxResults"], integer(1, 50)),
];
