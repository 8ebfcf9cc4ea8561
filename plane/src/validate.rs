//! Whether a request keeps to the service's constraints, before it is a call.
//!
//! The constraints are data: [`table`] reads what may be from `model.json`, which
//! `scripts/constraints.py` makes from the published model, and from `agent.json`
//! for the operations that only agents call. One checker, [`walk`], goes over the
//! request's JSON along them; `rule` says what one value must satisfy, `show` how
//! it is printed. Rules that need the plane's state are the handlers'.

mod pattern;
mod rule;
mod show;
mod table;
#[cfg(test)]
mod tests;
mod unsupported;
mod walk;

use serde_json::Value;
use shared::error::{ApiError, ErrorCode};

pub(crate) use unsupported::not_supported;

/// Checks an operation's request against its constraints.
pub(crate) fn check(operation: &str, request: &Value) -> Result<(), ApiError> {
    let shape = table::request(operation).ok_or_else(|| {
        ApiError::new(ErrorCode::InternalServerError, format!("{operation} has no table of constraints"))
    })?;
    walk::check(shape, request)
}
