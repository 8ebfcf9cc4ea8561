//! The names of refusals, and their body on the wire.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! error_codes {
    ($($name:ident),* $(,)?) => {
        /// The name that a service gives to a refusal (`__type`).
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each is the service's own word, spelled as the service spells it")]
        pub enum ErrorCode {
            $($name,)*
            /// A name that this list does not hold, for a foreign plane may have its own.
            Other(Box<str>),
        }

        impl ErrorCode {
            /// The names of this list.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The name as it is spelled on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    Self::Other(name) => name,
                }
            }
        }

        impl From<&str> for ErrorCode {
            fn from(name: &str) -> Self {
                match name {
                    $(stringify!($name) => Self::$name,)*
                    other => Self::Other(other.into()),
                }
            }
        }
    };
}

error_codes! {
    AccessDeniedException, AssociatedInstances, AssociationAlreadyExists, AssociationDoesNotExist,
    AssociationExecutionDoesNotExist, AssociationLimitExceeded, AssociationVersionLimitExceeded,
    AutomationExecutionNotFoundException, ComplianceTypeCountLimitExceededException,
    DocumentAlreadyExists, DocumentLimitExceeded, DuplicateInstanceId, ExpiredToken, ExpiredTokenException,
    IncompleteSignatureException, InstanceAlreadyRegistered, InternalFailure, InternalServerError,
    InvalidAssociation, InvalidAssociationVersion, InvalidCommandId, InvalidDocument, InvalidDocumentContent,
    InvalidDocumentOperation, InvalidDocumentSchemaVersion, InvalidDocumentVersion, InvalidFilter,
    InvalidFilterKey, InvalidFilterValue, InvalidInstanceId, InvalidInstanceInformationFilterValue,
    InvalidInstanceInformationValue, InvalidItemContentException, InvalidNextToken, InvalidOutputLocation,
    InvalidOutputFolder, InvalidParameters, InvalidPluginName, InvalidPublicKey, InvalidResourceId,
    InvalidResourceType, InvalidSchedule, InvalidSignatureException, InvalidTag, InvalidTarget,
    InvalidTargetMaps, InvalidUpdate, InvocationDoesNotExist, ItemSizeLimitExceededException,
    MaxDocumentSizeExceeded, MissingAuthenticationTokenException, RequestExpired, RequestTimeout,
    RequestTimeoutException, SerializationException, ServiceUnavailable, StatusUnchanged, Throttling, ThrottledException,
    ThrottlingException, TooManyRequestsException, TooManyTagsError, TooManyUpdates,
    TotalSizeLimitExceededException, UnknownOperationException, UnrecognizedClientException,
    UnsupportedPlatformType, ValidationException, RequestLimitExceeded, RequestThrottled,
    RequestThrottledException, ProvisionedThroughputExceededException, PriorRequestNotComplete,
    TransactionInProgressException, EC2ThrottledException,
    // Documents, calendars, inventory.
    InvalidAggregatorException, InvalidInventoryGroupException,
    CustomSchemaCountLimitExceededException, DocumentVersionLimitExceeded,
    DuplicateDocumentContent, DuplicateDocumentVersionName,
    InvalidDocumentType, InvalidInstancePropertyFilterValue,
    InvalidResultAttributeException, InvalidTypeNameException,
    ItemContentMismatchException, UnsupportedCalendarException,
    UnsupportedInventoryItemContextException, UnsupportedInventorySchemaVersionException,
    // Activations and keys.
    ActivationExpired, InvalidActivation, InvalidActivationId, MachineFingerprintDoesNotMatch,
    PublicKeyAlreadyRegistered, RegistrationLimitExceeded,
}

impl ErrorCode {
    /// The HTTP status that carries this name. Everything is 400 but the
    /// server's own faults (the model gives no codes; API reference, common errors).
    pub fn http_status(&self) -> u16 {
        match self {
            Self::InternalServerError | Self::InternalFailure => 500,
            Self::ServiceUnavailable => 503,
            _ => 400,
        }
    }

    /// The member that carries the reason, as the model spells it; none where the
    /// model gives this refusal no reason. Names that are not the model's own
    /// spell it as most of it does.
    pub fn message_member(&self) -> Option<&'static str> {
        match self {
            Self::AssociatedInstances
            | Self::AssociationAlreadyExists
            | Self::AssociationLimitExceeded
            | Self::DuplicateInstanceId
            | Self::InvalidCommandId
            | Self::InvalidFilterKey
            | Self::InvalidOutputFolder
            | Self::InvalidOutputLocation
            | Self::InvalidPluginName
            | Self::InvalidResourceId
            | Self::InvalidResourceType
            | Self::InvocationDoesNotExist
            | Self::StatusUnchanged
            | Self::TooManyTagsError => None,
            Self::InvalidInstanceInformationFilterValue
            | Self::InvalidInstanceInformationValue
            | Self::InvalidInstancePropertyFilterValue => Some("message"),
            _ => Some("Message"),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    /// Tolerates the prefix `namespace#` and the suffix `:http://…` that some services add.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let name = name.rsplit_once('#').map_or(&*name, |(_, name)| name);
        Ok(Self::from(name.split_once(':').map_or(name, |(name, _)| name)))
    }
}

/// A refusal: the service's no, with its name and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// The name of the refusal.
    pub code: ErrorCode,
    /// The reason, in words; may be empty.
    pub message: String,
}

impl ApiError {
    /// A refusal of this name, for this reason.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, "")
    }
}

/// The body of a refusal. Clients read `message` or `Message`; we write what the
/// model has, `Message` where it has neither, and nothing where there is no reason.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ErrorBody {
    /// The name of the refusal.
    #[serde(rename = "__type")]
    pub code: ErrorCode,
    /// The reason, in words.
    #[serde(rename = "Message", alias = "message", default)]
    pub message: String,
}

impl Serialize for ErrorBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("__type", &self.code)?;
        if !self.message.is_empty() {
            members.serialize_entry(self.code.message_member().unwrap_or("Message"), &self.message)?;
        }
        members.end()
    }
}

impl From<ErrorBody> for ApiError {
    fn from(body: ErrorBody) -> Self {
        Self { code: body.code, message: body.message }
    }
}

impl From<&ApiError> for ErrorBody {
    fn from(error: &ApiError) -> Self {
        Self { code: error.code.clone(), message: error.message.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_in_each_of_its_spellings() {
        for body in [
            r#"{"__type":"InvalidInstanceId","Message":"no"}"#,
            r#"{"__type":"com.amazonaws.ssm#InvalidInstanceId","message":"no"}"#,
            r#"{"__type":"InvalidInstanceId:http://internal/","message":"no"}"#,
        ] {
            let error: ErrorBody = serde_json::from_str(body).unwrap();
            assert_eq!(ApiError::from(error), ApiError::new(ErrorCode::InvalidInstanceId, "no"));
        }
        let foreign: ErrorBody = serde_json::from_str(r#"{"__type":"Strange"}"#).unwrap();
        assert_eq!(foreign.code, ErrorCode::Other("Strange".into()));
    }

    #[test]
    fn a_refusal_is_written_in_the_models_spelling() {
        let written = |code: ErrorCode, message: &str| {
            serde_json::to_string(&ErrorBody { code, message: message.to_owned() }).unwrap()
        };
        let cases = [
            (ErrorCode::InvalidTarget, "no", r#"{"__type":"InvalidTarget","Message":"no"}"#),
            (ErrorCode::StatusUnchanged, "no", r#"{"__type":"StatusUnchanged","Message":"no"}"#),
            (
                ErrorCode::InvalidInstanceInformationFilterValue,
                "no",
                r#"{"__type":"InvalidInstanceInformationFilterValue","message":"no"}"#,
            ),
            (ErrorCode::UnknownOperationException, "", r#"{"__type":"UnknownOperationException"}"#),
        ];
        for (code, message, expected) in cases {
            assert_eq!(written(code, message), expected);
        }
    }
}
