//! Settings of which not every text or number is one.
//!
//! They are refused where they are read, so that the refusal has their place.

use serde::de::{Deserialize, Deserializer, Error};
use shared::error::ErrorCode;

/// An account: 12 digits.
pub(super) fn account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let account = String::deserialize(deserializer)?;
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(account)
    } else {
        Err(D::Error::custom(format!("`{account}` is no account: expected 12 digits")))
    }
}

/// A region, such as us-east-1.
pub(super) fn region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let region = String::deserialize(deserializer)?;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !region.is_empty() && region.bytes().all(is_plain) {
        Ok(region)
    } else {
        Err(D::Error::custom(format!("`{region}` is no region: expected one such as us-east-1")))
    }
}

/// How many of a hundred.
pub(super) fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        percent @ 0..=100 => Ok(percent),
        more => Err(D::Error::custom(format!("`{more}` of a hundred: expected 0 to 100"))),
    }
}

/// The name of one of the service's errors.
pub(super) fn error<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ErrorCode, D::Error> {
    match ErrorCode::deserialize(deserializer)? {
        ErrorCode::Other(name) => Err(D::Error::custom(format!(
            "`{name}` is no error of the service: expected a name such as InvalidTarget"
        ))),
        code => Ok(code),
    }
}
