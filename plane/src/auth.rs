//! In whose name a call is made, and whether its signature says so rightly.
//!
//! Three kinds of signature come in. Those made with credentials that this plane
//! issued, and those made with a node's registered key (RSA-PSS in the place of
//! the HMAC, the node's id in the place of the access key), are checked to the
//! last byte. Those of any other key cannot be: nobody here knows its secret, and
//! whoever holds it counts as the account's owner, and so does who signs nothing
//! where nothing is to be shown, unless signatures are required. An EC2 instance without a
//! role proves its key by a second header over the first signature.
//!
//! The texts that are signed are `shared::signature`'s knowledge, the seal of
//! issued credentials `state::credential`'s. What a caller may do is the handlers'.
//!
//! Invariant: unless signatures are ignored, no call goes through whose signature
//! names a key of ours and does not fit it.

use std::sync::Arc;

use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::operation::Operation;
use shared::signature::time::SigningTime;
use shared::signature::{Authorization, SignedRequest, SigningKey, string_to_sign};
use shared::time::{Period, Timestamp};
use shared::wire::{RegisterManagedInstance, RequestManagedInstanceRoleToken};

use crate::config::Signatures;
use crate::state::credential::Vault;

/// The header by which an instance without a role proves its key.
pub const ASYMMETRIC: &str = "ssm-asymmetrickeyauthorization";

/// The header by which whoever stages a run, rather than takes part in it, calls:
/// no fault of the plane strikes such a call. Its value says nothing.
pub const ATTENDANT: &str = "x-ssm-fleet-attendant";

/// In whose name a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Nobody's: it bears no signature.
    Nobody,
    /// The account's: its key is not one that this plane gave out.
    Account,
    /// The account's as well, and no fault strikes it: its [`ATTENDANT`] header asks for that.
    Attendant,
    /// A node's, by credentials that this plane gave it.
    Session(NodeId),
    /// A node's, by its own key.
    Key(NodeId),
}

/// Whether a request asks not to be struck by faults.
pub(crate) fn is_attendant(headers: &HeaderMap) -> bool {
    headers.contains_key(ATTENDANT)
}

/// What is needed to check a signature: nothing that changes while a call runs.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) signatures: Signatures,
    pub(crate) skew: Period,
    pub(crate) vault: Arc<Vault>,
}

/// Where a request goes: its method, path and query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
}

impl Place<'static> {
    /// Where all calls go.
    pub(crate) const API: Self = Self { method: "POST", path: "/", query: "" };
}

/// A request, as far as its signature goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Guard {
    /// In whose name this request is made. `key_of` finds a node's public key.
    pub(crate) fn caller(
        &self,
        now: Timestamp,
        request: Signed<'_>,
        key_of: impl Fn(NodeId) -> Option<Arc<str>>,
    ) -> Result<Caller, ApiError> {
        match self.signer(now, request, key_of)? {
            Caller::Account | Caller::Nobody if is_attendant(request.headers) => Ok(Caller::Attendant),
            caller => Ok(caller),
        }
    }

    /// Who signed this request.
    fn signer(
        &self,
        now: Timestamp,
        request: Signed<'_>,
        key_of: impl Fn(NodeId) -> Option<Arc<str>>,
    ) -> Result<Caller, ApiError> {
        let is_checked = self.signatures != Signatures::Ignore;
        let Some(header) = request.header("authorization") else {
            let may_be_nobodys = request.header("x-amz-target") == Some(RegisterManagedInstance::TARGET);
            let is_required = self.signatures == Signatures::Require;
            return if is_required && !may_be_nobodys { Err(missing()) } else { Ok(Caller::Nobody) };
        };
        let Some(authorization) = Authorization::parse(header) else {
            return if is_checked {
                Err(incomplete("the Authorization header is not of AWS4-HMAC-SHA256"))
            } else {
                Ok(Caller::Account)
            };
        };
        let named: Option<NodeId> = authorization.access_key_id.parse().ok();
        if let Some(node) = named.filter(|node| node.is_hybrid()) {
            if is_checked {
                let key = key_of(node).ok_or_else(|| stranger(node))?;
                let text = self.signed_text(now, request, &authorization)?;
                verify(&key, &text, authorization.signature)?;
            }
            return Ok(Caller::Key(node));
        }
        if self.vault.is_ours(authorization.access_key_id) {
            return self.session_caller(now, request, &authorization, is_checked);
        }
        match request.header(ASYMMETRIC) {
            Some(proof) => asymmetric_caller(request, header, proof, is_checked, key_of),
            None => Ok(Caller::Account),
        }
    }

    /// In whose name these credentials call, without a signature: where caller
    /// and plane are one process there are no bytes to sign.
    pub(crate) fn session(
        &self,
        now: Timestamp,
        access_key_id: &str,
        token: &str,
    ) -> Result<Caller, ApiError> {
        let session = self.vault.open(access_key_id, token).ok_or_else(unrecognized)?;
        if self.signatures != Signatures::Ignore && now >= session.expires {
            return Err(expired());
        }
        Ok(Caller::Session(session.node))
    }

    /// Whether a signature of this date counts, without a signature.
    pub(crate) fn check_signing_date(&self, now: Timestamp, said: Timestamp) -> Result<(), ApiError> {
        match self.signatures {
            Signatures::Ignore => Ok(()),
            _ => self.check_date(now, &SigningTime::new(said)),
        }
    }

    fn session_caller(
        &self,
        now: Timestamp,
        request: Signed<'_>,
        authorization: &Authorization<'_>,
        is_checked: bool,
    ) -> Result<Caller, ApiError> {
        let token = request.header("x-amz-security-token").unwrap_or_default();
        let session = self.vault.open(authorization.access_key_id, token);
        if !is_checked {
            return Ok(session.map_or(Caller::Account, |session| Caller::Session(session.node)));
        }
        let session = session.ok_or_else(unrecognized)?;
        if now >= session.expires {
            return Err(expired());
        }
        let text = self.signed_text(now, request, authorization)?;
        let key = SigningKey::derive(&session.secret, &authorization.scope);
        if key.sign(&text).as_str() != authorization.signature {
            return Err(mismatch());
        }
        Ok(Caller::Session(session.node))
    }

    /// The text that the signature is over, if its date is of now.
    fn signed_text(
        &self,
        now: Timestamp,
        request: Signed<'_>,
        authorization: &Authorization<'_>,
    ) -> Result<String, ApiError> {
        let date = request.header("x-amz-date").and_then(SigningTime::parse);
        let date = date.ok_or_else(|| incomplete("the X-Amz-Date header is missing or no date"))?;
        if date.date() != authorization.scope.date {
            return Err(ApiError::new(
                ErrorCode::InvalidSignatureException,
                format!("Credential should be scoped to {}, the date of X-Amz-Date", date.date()),
            ));
        }
        self.check_date(now, &date)?;
        let names = authorization.signed_headers.split(';');
        let headers = names
            .map(|name| request.values(name).map(|values| (name, values)))
            .collect::<Option<Vec<(&str, String)>>>()
            .ok_or_else(|| incomplete("a header that is named as signed is not there"))?;
        if !headers.iter().any(|(name, _)| *name == "host") {
            return Err(incomplete("the host header is not signed"));
        }
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let Place { method, path, query } = request.place;
        let signed = SignedRequest { method, path, query, headers: &headers, body: request.body };
        Ok(string_to_sign(&date, &authorization.scope, &signed.canonical()))
    }

    fn check_date(&self, now: Timestamp, date: &SigningTime) -> Result<(), ApiError> {
        let spell = |instant| SigningTime::new(instant).as_str().to_owned();
        let (said, minutes) = (date.as_str(), self.skew.as_seconds() / 60.0);
        let refuse = |reason: String| Err(ApiError::new(ErrorCode::InvalidSignatureException, reason));
        let (earliest, latest) = (now - self.skew, now + self.skew);
        // The date is spelled to the second: up to one is lost on the way.
        if date.instant() + Period::seconds(1) <= earliest {
            let (earliest, now) = (spell(earliest), spell(now));
            return refuse(format!(
                "Signature expired: {said} is now earlier than {earliest} ({now} - {minutes} min.)"
            ));
        }
        if date.instant() > latest {
            let (latest, now) = (spell(latest), spell(now));
            return refuse(format!(
                "Signature not yet current: {said} is still later than {latest} ({now} + {minutes} min.)"
            ));
        }
        Ok(())
    }
}

impl<'a> Signed<'a> {
    fn header(self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All values of a header, joined as they are signed.
    fn values(self, name: &str) -> Option<String> {
        let values: Option<Vec<&str>> =
            self.headers.get_all(name).iter().map(|value| value.to_str().ok()).collect();
        values.filter(|values| !values.is_empty()).map(|values| values.join(","))
    }
}

/// The node that proves its key over another signature (agent/ssm/authtokenrequest).
fn asymmetric_caller(
    request: Signed<'_>,
    authorization: &str,
    proof: &str,
    is_checked: bool,
    key_of: impl Fn(NodeId) -> Option<Arc<str>>,
) -> Result<Caller, ApiError> {
    let asked: Option<RequestManagedInstanceRoleToken> = serde_json::from_slice(request.body).ok();
    let node: Option<NodeId> = asked.and_then(|asked| asked.fingerprint.parse().ok());
    let Some(node) = node else { return Ok(Caller::Account) };
    if is_checked {
        let key = key_of(node).ok_or_else(|| stranger(node))?;
        let signature = proof
            .strip_prefix("Signature=")
            .ok_or_else(|| incomplete("SSM-AsymmetricKeyAuthorization has no Signature="))?;
        verify(&key, authorization, signature)?;
    }
    Ok(Caller::Key(node))
}

/// Whether this signature (base64, RSASSA-PSS, SHA-256) is over this text, by
/// this key (base64 of its SubjectPublicKeyInfo).
fn verify(key: &str, text: &str, signature: &str) -> Result<(), ApiError> {
    let signature = STANDARD.decode(signature).map_err(|_| mismatch())?;
    let key = STANDARD.decode(key).map_err(|_| mismatch())?;
    let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key);
    key.verify(text.as_bytes(), &signature).map_err(|_| mismatch())
}

/// The refusal of a call that had to be signed.
pub(crate) fn missing() -> ApiError {
    ApiError::new(ErrorCode::MissingAuthenticationTokenException, "Missing Authentication Token")
}

fn incomplete(reason: &str) -> ApiError {
    ApiError::new(ErrorCode::IncompleteSignatureException, reason)
}

fn unrecognized() -> ApiError {
    let reason = "The security token included in the request is invalid.";
    ApiError::new(ErrorCode::UnrecognizedClientException, reason)
}

fn expired() -> ApiError {
    let reason = "The security token included in the request is expired";
    ApiError::new(ErrorCode::ExpiredTokenException, reason)
}

fn mismatch() -> ApiError {
    let reason = "The request signature we calculated does not match the signature you provided. \
                  Check your secret access key and signing method.";
    ApiError::new(ErrorCode::InvalidSignatureException, reason)
}

fn stranger(node: NodeId) -> ApiError {
    ApiError::new(ErrorCode::InvalidInstanceId, format!("node {node} is not known here"))
}

#[cfg(test)]
mod tests;
