//! The form of texts that are more than texts, as JSON Schema: for whoever edits a
//! file in which they stand.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::error::ErrorCode;
use crate::id::{AssociationId, ExecutionId, NodeId};
use crate::share::Share;
use crate::time::Period;

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of simulated time: a number and one of ms, s, m, h, d, such as 90s, 5m or 2h.",
            "pattern": r"^[0-9]+(\.[0-9]*)?(ms|s|m|h|d)$",
        })
    }
}

impl JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The name of an error of the service, such as InvalidTarget.",
            "minLength": 1,
        })
    }
}

impl JsonSchema for NodeId {
    fn schema_name() -> Cow<'static, str> {
        "NodeId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A node's id: i- and 8 or 17 digits, or mi- and 17.",
            "pattern": "^(i-([A-Za-z0-9_]{8}|[A-Za-z0-9_]{17})|mi-[A-Za-z0-9_]{17})$",
        })
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A percentage from 0% to 100%, such as 1% or 2.5%.",
            "pattern": r"^(100(\.0*)?|[0-9]?[0-9](\.[0-9]*)?)%$",
        })
    }
}

macro_rules! uuids {
    ($($name:ident $what:literal),*) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "uuid", "description": $what })
            }
        }
    )*};
}

uuids! { AssociationId "An association's id.", ExecutionId "The id of an association's execution." }
