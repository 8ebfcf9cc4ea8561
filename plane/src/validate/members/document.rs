//! The constraints of the operations on documents, beside making and reading one.

use super::super::Shape::{Boolean, NotSupported};
use super::super::{
    ANY_TEXT, Member, Pattern, form, form_of_length, integer, list, optional, required, text, word,
};
use super::{DISPLAY_NAME, DOCUMENT_ARN, DOCUMENT_NAME, DOCUMENT_VERSION, TARGET_TYPE, VERSION_NAME};

static VERSION_NUMBER: Pattern = Pattern::new("(^[1-9][0-9]*$)");

pub(crate) static UPDATE_DOCUMENT: &[Member] = &[
    required(&["Content"], text(1, usize::MAX)),
    required(&["Name"], form(&DOCUMENT_NAME)),
    optional(&["DisplayName"], form_of_length(&DISPLAY_NAME, 0, 1024)),
    optional(&["VersionName"], form(&VERSION_NAME)),
    optional(&["DocumentVersion"], form(&DOCUMENT_VERSION)),
    optional(&["DocumentFormat"], word(&["YAML", "JSON", "TEXT"])),
    optional(&["TargetType"], form_of_length(&TARGET_TYPE, 0, 200)),
    optional(&["Attachments"], list(0, 20)),
    optional(&["Attachments"], NotSupported),
];

pub(crate) static UPDATE_DOCUMENT_DEFAULT_VERSION: &[Member] =
    &[required(&["Name"], form(&DOCUMENT_NAME)), required(&["DocumentVersion"], form(&VERSION_NUMBER))];

pub(crate) static DESCRIBE_DOCUMENT: &[Member] = &[
    required(&["Name"], form(&DOCUMENT_ARN)),
    optional(&["DocumentVersion"], form(&DOCUMENT_VERSION)),
    optional(&["VersionName"], form(&VERSION_NAME)),
];

pub(crate) static LIST_DOCUMENTS: &[Member] = &[
    optional(&["DocumentFilterList"], list(1, usize::MAX)),
    required(
        &["DocumentFilterList", "member", "key"],
        word(&["Name", "Owner", "PlatformTypes", "DocumentType"]),
    ),
    required(&["DocumentFilterList", "member", "value"], text(1, usize::MAX)),
    optional(&["Filters"], list(0, 6)),
    optional(&["Filters", "member", "Key"], text(1, 128)),
    optional(&["Filters", "member", "Values"], list(0, usize::MAX)),
    optional(&["Filters", "member", "Values", "member"], text(1, 256)),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static LIST_DOCUMENT_VERSIONS: &[Member] = &[
    required(&["Name"], form(&DOCUMENT_ARN)),
    optional(&["MaxResults"], integer(1, 50)),
    optional(&["NextToken"], ANY_TEXT),
];

pub(crate) static DELETE_DOCUMENT: &[Member] = &[
    required(&["Name"], form(&DOCUMENT_NAME)),
    optional(&["DocumentVersion"], form(&DOCUMENT_VERSION)),
    optional(&["VersionName"], form(&VERSION_NAME)),
    optional(&["Force"], Boolean),
];

pub(crate) static GET_CALENDAR_STATE: &[Member] = &[
    required(&["CalendarNames"], list(0, usize::MAX)),
    optional(&["CalendarNames", "member"], ANY_TEXT),
    optional(&["AtTime"], ANY_TEXT),
];
