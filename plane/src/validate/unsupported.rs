//! The words for what the service knows and this plane does not carry out.

/// What is said of it.
pub(crate) fn not_supported(what: &str) -> String {
    format!("{what} is not supported by this version of ssm-fleet")
}
