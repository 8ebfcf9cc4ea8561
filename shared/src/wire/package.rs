//! Packages that agents install: what one is made of, and how it went.
//!
//! Both are the agents' own calls; no published model has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Asks what a package is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetManifest {
    /// The package.
    pub package_name: String,
    /// Its version, or `latest`.
    pub package_version: String,
}

/// What a package is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetManifestReply {
    /// JSON text: its version, and its file for each platform.
    #[serde(default)]
    pub manifest: String,
}

/// Tells how the work on a package went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutConfigurePackageResult {
    /// What machine it is.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// `Install` or `Uninstall`.
    pub operation: String,
    /// How long it took, in milliseconds.
    pub overall_timing: i64,
    /// The package.
    pub package_name: String,
    /// Its version.
    pub package_version: String,
    /// The version that was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_package_version: Option<String>,
    /// The exit code.
    pub result: i64,
    /// What was done, in order.
    #[serde(default)]
    pub steps: Vec<ConfigurePackageResultStep>,
}

/// A thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConfigurePackageResultStep {
    /// What.
    pub action: String,
    /// Its exit code.
    pub result: i64,
    /// When, in milliseconds from the begin.
    pub timing: i64,
}
