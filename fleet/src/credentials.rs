//! In whose name a fleet calls, and for which region: as AWS's own tools find out.
//!
//! A profile that the scenario names goes first; then keys in the environment; then
//! the profile of `AWS_PROFILE`, or the default one, from `~/.aws/credentials` and
//! `~/.aws/config`. Before an embedded plane the environment alone is asked, and
//! where nobody names credentials those of the documentation's examples sign. Roles,
//! single sign-on and processes are not followed: their keys go by the environment.
//!
//! Invariant: nothing of this is ever shown or stored.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use agent::client::sign::Signer;
use shared::signature::Credentials;

use crate::scenario::GuestOf;

/// The credentials that sign calls where nobody names any: those of the
/// documentation's examples, which no account has.
const EXAMPLE_KEY: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");

/// The session token that goes with it: agents hold temporary credentials, so their calls carry one.
const EXAMPLE_TOKEN: &str = "AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT+FvwqnKwRcOIfrRh3c/LTo6UDdyJwOOvEVPvLXCrrrUtdnniCEXAMPLE/\
    IvU1dYUg2RVAJBanLiHb4IgRmpRV3zrkuWJOgQs8IZZaIv2BXIa2R4OlgkBN9bkUDNCJiBeb/AXlzBBko7b15fjrBs2+cTQtpZ3CYWFXG8C5zqx37wnOE49mRl/+OtkIKGO7fAE";

/// Where nobody names a region.
const REGION: &str = "us-east-1";

/// Before whom calls are signed.
#[derive(Debug, Clone, Copy)]
pub enum Before<'a> {
    /// A plane of our own.
    Embedded,
    /// Somebody else's, and what the scenario says of it.
    Guest(Option<&'a GuestOf>),
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// They cannot stand in a header.
    #[error("the credentials that were found cannot be sent")]
    Unsendable(#[from] http::header::InvalidHeaderValue),
    /// A profile was named that nobody wrote.
    #[error("there is no profile `{profile}` in {} or {}", files[0].display(), files[1].display())]
    NoProfile {
        /// Its name.
        profile: String,
        /// The files that were looked in.
        files: [PathBuf; 2],
    },
    /// A profile has no keys.
    #[error(
        "profile `{0}` has no aws_access_key_id and aws_secret_access_key: roles, single sign-on and \
         processes are not followed; put their keys into the environment, as \
         `aws configure export-credentials --profile {0} --format env` prints them"
    )]
    NoKeys(String),
    /// A file of profiles cannot be read.
    #[error("cannot read the profiles in {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Who signs calls before this plane, as this machine's environment says.
pub fn signer(before: Before<'_>) -> Result<Signer, CredentialsError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (credentials, region) = choose(before, &variable)?;
    Ok(Signer::new(credentials, &region, "ssm")?)
}

/// The credentials, and the region.
fn choose(
    before: Before<'_>,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<(Credentials, String), CredentialsError> {
    let of_environment = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let keys = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
    let keys = keys.map(|(access_key_id, secret_access_key)| Credentials {
        access_key_id,
        secret_access_key,
        session_token: variable("AWS_SESSION_TOKEN"),
    });
    let Before::Guest(guest_of) = before else {
        return Ok((keys.unwrap_or_else(example), of_environment.unwrap_or_else(|| REGION.to_owned())));
    };
    let named = guest_of.and_then(|guest_of| guest_of.profile.clone());
    let is_named = named.is_some();
    let asked = named.or_else(|| variable("AWS_PROFILE"));
    let profile = match (&keys, &asked) {
        (Some(_), None) => None,
        (Some(_), Some(_)) if !is_named => None,
        (_, Some(name)) => Some(profile(name, variable)?),
        (None, None) => profile("default", variable).ok(),
    };
    let region = guest_of.and_then(|guest_of| guest_of.region.clone()).or(of_environment);
    let region = region.or_else(|| profile.as_ref()?.get("region").cloned());
    let region = region.unwrap_or_else(|| REGION.to_owned());
    let credentials = match (keys.filter(|_| !is_named), &profile, asked) {
        (Some(keys), _, _) => keys,
        (None, Some(profile), Some(name)) => of_profile(profile).ok_or(CredentialsError::NoKeys(name))?,
        (None, Some(profile), None) => of_profile(profile).unwrap_or_else(example),
        (None, None, _) => example(),
    };
    Ok((credentials, region))
}

fn example() -> Credentials {
    Credentials {
        access_key_id: EXAMPLE_KEY.0.into(),
        secret_access_key: EXAMPLE_KEY.1.into(),
        session_token: Some(EXAMPLE_TOKEN.into()),
    }
}

fn of_profile(profile: &BTreeMap<String, String>) -> Option<Credentials> {
    Some(Credentials {
        access_key_id: profile.get("aws_access_key_id")?.clone(),
        secret_access_key: profile.get("aws_secret_access_key")?.clone(),
        session_token: profile.get("aws_session_token").cloned(),
    })
}

/// What the profiles' files say of this profile; the credentials' file wins.
fn profile(
    name: &str,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, CredentialsError> {
    let home = variable("HOME").or_else(|| variable("USERPROFILE")).unwrap_or_default();
    let file = |place: &str, usual: &str| match variable(place) {
        Some(path) => PathBuf::from(path),
        None => Path::new(&home).join(".aws").join(usual),
    };
    let files = [file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), file("AWS_CONFIG_FILE", "config")];
    let mut found: Option<BTreeMap<String, String>> = None;
    for path in files.iter().rev() {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(CredentialsError::Unreadable { file: path.clone(), source }),
        };
        if let Some(section) = section(&text, name) {
            found.get_or_insert_default().extend(section);
        }
    }
    found.ok_or_else(|| CredentialsError::NoProfile { profile: name.to_owned(), files })
}

/// The settings of a profile: of `[name]`, or of `[profile name]` as in `config`.
fn section(text: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let mut found = None;
    let mut is_here = false;
    for line in text.lines() {
        let is_nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let title = title.trim();
            is_here = title.strip_prefix("profile ").map_or(title, str::trim) == name;
            if is_here {
                found.get_or_insert_with(BTreeMap::new);
            }
        } else if let Some((key, value)) = line.split_once('=').filter(|_| is_here && !is_nested) {
            let settings = found.get_or_insert_with(BTreeMap::new);
            settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "\
# keys
[default]
aws_access_key_id = DEFAULT
aws_secret_access_key = secret
[load]
aws_access_key_id=LOAD
aws_secret_access_key=secret=with=signs
aws_session_token=token
";
    const CONFIG: &str = "\
[default]
region = eu-west-1
[profile load]
region = eu-central-1
s3 =
  region = us-west-2
[profile role]
role_arn = arn:aws:iam::111122223333:role/x
";

    fn guest(region: Option<&str>, profile: Option<&str>) -> GuestOf {
        let endpoint = "http://127.0.0.1:1".parse().expect("it is one");
        GuestOf { endpoint, region: region.map(str::to_owned), profile: profile.map(str::to_owned) }
    }

    #[test]
    fn credentials_are_found_as_tools_of_aws_find_them() {
        let home = tempfile::tempdir().unwrap();
        let aws = home.path().join(".aws");
        std::fs::create_dir(&aws).unwrap();
        std::fs::write(aws.join("credentials"), CREDENTIALS).unwrap();
        std::fs::write(aws.join("config"), CONFIG).unwrap();
        let with = |before: Before<'_>, environment: &[(&str, &str)]| {
            let variable = |name: &str| match environment.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => Some((*value).to_owned()),
                None => (name == "HOME").then(|| home.path().display().to_string()),
            };
            let chosen = choose(before, &variable);
            chosen
                .map(|(credentials, region)| format!("{} {region}", credentials.access_key_id))
                .map_err(|error| error.to_string())
        };
        let keys = [("AWS_ACCESS_KEY_ID", "ENVIRONMENT"), ("AWS_SECRET_ACCESS_KEY", "s")];
        let all = [keys[0], keys[1], ("AWS_PROFILE", "load"), ("AWS_REGION", "sa-east-1")];
        let (plain, load) = (guest(None, None), guest(None, Some("load")));
        let (far, role) = (guest(Some("ap-south-1"), None), guest(None, Some("role")));
        let asked = |guest_of| Before::Guest(Some(guest_of));
        let cases: [(Before<'_>, &[(&str, &str)], &str); 9] = [
            (Before::Embedded, &[], "AKIAIOSFODNN7EXAMPLE us-east-1"),
            (Before::Embedded, &all, "ENVIRONMENT sa-east-1"),
            (Before::Guest(None), &[], "DEFAULT eu-west-1"),
            (asked(&plain), &keys, "ENVIRONMENT us-east-1"),
            (asked(&plain), &[("AWS_PROFILE", "load")], "LOAD eu-central-1"),
            (asked(&plain), &all, "ENVIRONMENT sa-east-1"),
            (asked(&load), &keys, "LOAD eu-central-1"),
            (asked(&far), &all, "ENVIRONMENT ap-south-1"),
            (asked(&plain), &[("HOME", "/nowhere")], "AKIAIOSFODNN7EXAMPLE us-east-1"),
        ];
        for (before, environment, expected) in cases {
            assert_eq!(with(before, environment).as_deref(), Ok(expected), "{before:?} {environment:?}");
        }
        let error = with(asked(&role), &[]).unwrap_err();
        assert!(error.starts_with("profile `role` has no aws_access_key_id"), "{error}");
        let error = with(asked(&plain), &[("AWS_PROFILE", "none")]).unwrap_err();
        assert!(error.starts_with("there is no profile `none` in "), "{error}");
    }
}
