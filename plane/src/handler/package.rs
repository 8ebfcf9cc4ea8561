//! Packages that agents ask for.
//!
//! Of AWS's own packages the plane knows the names and one version each, and
//! every platform is served by one file, which nobody fetches here. Any other
//! name is no package of the service; the agent then looks for a document.
//! How the work went is taken note of by nobody, as far as one can see.

use serde_json::json;
use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{Empty, GetManifest, GetManifestReply, PutConfigurePackageResult};

use super::refused;
use crate::state::State;

/// AWS's own packages, and the version that is the latest here.
const PACKAGES: [(&str, &str); 10] = [
    ("AWSCodeDeployAgent", "1.7.0"),
    ("AWSEC2Launch-Agent", "2.0.1981"),
    ("AWSKinesisTap", "1.1.168"),
    ("AWSNVMe", "1.5.1"),
    ("AWSPVDriver", "8.4.3"),
    ("AWSSupport-EC2Rescue", "1.6.5"),
    ("AmazonCloudWatchAgent", "1.300049.0"),
    ("AmazonEFSUtils", "2.1.0"),
    ("AwsEnaNetworkDriver", "2.8.0"),
    ("AwsVssComponents", "2.3.2"),
];

const LATEST: &str = "latest";

/// What a package is made of.
pub(super) fn get_manifest(
    _state: &mut State,
    _now: Timestamp,
    call: GetManifest,
) -> Result<GetManifestReply, ApiError> {
    let GetManifest { package_name, package_version } = call;
    let bare = package_name.rsplit('/').next().unwrap_or(&package_name);
    let known = PACKAGES
        .iter()
        .find(|(name, version)| *name == bare && (package_version == LATEST || package_version == *version));
    let Some((name, version)) = known else {
        let reason = format!("there is no package {package_name} of version {package_version}");
        return Err(refused(ErrorCode::Other("ResourceNotFoundException".into()), reason));
    };
    let file = format!("{name}-{version}.zip");
    let manifest = json!({
        "schemaVersion": "2.0",
        "publisher": "Amazon.com",
        "packageArn": format!("arn:aws:ssm:::package/{name}"),
        "version": version,
        "packages": {"_any": {"_any": {"_any": {"file": file.clone()}}}},
        "files": {file: {"checksums": {"sha256": "0".repeat(64)}, "size": 0}},
    });
    Ok(GetManifestReply { manifest: manifest.to_string() })
}

/// How the work on a package went.
pub(super) fn put_configure_package_result(
    _state: &mut State,
    _now: Timestamp,
    _call: PutConfigurePackageResult,
) -> Result<Empty, ApiError> {
    Ok(Empty {})
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::error::ErrorCode::{self, ValidationException};

    use super::*;
    use crate::testing::World;

    #[test]
    fn the_packages_of_aws_have_manifests_and_no_other() {
        let world = World::new();
        let ask = |name: &str, version: &str| {
            let reply = world.post("GetManifest", &json!({"PackageName": name, "PackageVersion": version}));
            reply
                .map(|reply| reply["Manifest"].as_str().expect("a text").to_owned())
                .map_err(|(code, _)| code)
        };
        for (name, version) in PACKAGES {
            let latest = ask(name, LATEST).unwrap();
            assert_eq!(ask(name, version), Ok(latest.clone()));
            assert_eq!(ask(&format!("arn:aws:ssm:::package/{name}"), LATEST), Ok(latest.clone()));
            let manifest: Value = serde_json::from_str(&latest).unwrap();
            assert_eq!(manifest["version"], version);
        }
        let missing = ErrorCode::Other("ResourceNotFoundException".into());
        assert_eq!(ask("AmazonCloudWatchAgent", "0.0.1"), Err(missing.clone()));
        assert_eq!(ask("MyPackage", LATEST), Err(missing));
        assert_eq!(ask("", LATEST), Err(ValidationException));
    }

    #[test]
    fn results_are_taken() {
        let world = World::new();
        let mut result = json!({"PackageName": "AWSNVMe", "PackageVersion": "1.5.1", "Operation": "Install",
            "OverallTiming": 1200, "Result": 0, "Attributes": {"platformName": "amazon"},
            "Steps": [{"Action": "download manifest", "Result": 0, "Timing": 5}]});
        assert_eq!(world.post("PutConfigurePackageResult", &result), Ok(json!({})));
        result["Steps"][0]["Result"] = json!("none");
        assert!(world.post("PutConfigurePackageResult", &result).is_err());
    }
}
