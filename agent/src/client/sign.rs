//! Signing a call, with the day's key at hand.
//!
//! Deriving a key costs as much as the signature itself, and a key lasts for a
//! day, so the latest one is kept and shared by all tasks. Which texts are signed
//! is `shared::signature`'s knowledge; which headers are, is the real agent's.
//!
//! Invariant: a kept key changes no signature, only its cost.

mod channel;

use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderValue;
use http::header::InvalidHeaderValue;
use shared::signature::time::SigningTime;
use shared::signature::{Authorization, Credentials, Scope, SignedRequest, SigningKey, string_to_sign};
use shared::time::Timestamp;

use super::http::CONTENT_TYPE;

/// Signs in the name of one caller, for one region and service.
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    token: Option<HeaderValue>,
    region: Box<str>,
    service: Box<str>,
    latest: RwLock<Arc<DayKey>>,
}

#[derive(Debug)]
struct DayKey {
    date: Box<str>,
    key: SigningKey,
}

/// The headers that make a request a signed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// `Authorization`.
    pub authorization: HeaderValue,
    /// `X-Amz-Date`.
    pub date: HeaderValue,
    /// `X-Amz-Security-Token`, where the credentials are temporary.
    pub token: Option<HeaderValue>,
}

impl Signer {
    /// A signer for `service` (`ssm`) in `region`. Fails where one of the texts
    /// could not stand in a header.
    pub fn new(credentials: Credentials, region: &str, service: &str) -> Result<Self, InvalidHeaderValue> {
        for text in [&*credentials.access_key_id, region, service] {
            HeaderValue::from_str(text)?;
        }
        let token = credentials.session_token.as_deref().map(HeaderValue::from_str).transpose()?;
        let today =
            DayKey::derive(&credentials, SigningTime::new(Timestamp::default()).date(), region, service);
        Ok(Self {
            credentials,
            token,
            region: region.into(),
            service: service.into(),
            latest: RwLock::new(Arc::new(today)),
        })
    }

    /// Signs a `POST /` of `body` to `host`, as the real agent does (its
    /// signed headers; no `X-Amz-Content-Sha256`).
    pub fn sign(&self, host: &HeaderValue, target: &str, body: &[u8], now: Timestamp) -> Signed {
        let time = SigningTime::new(now);
        let length = body.len().to_string();
        let host = host.to_str().expect("an endpoint's authority is ASCII");
        let mut headers = [("", ""); 6];
        headers[0] = ("content-length", &length);
        headers[1] = ("content-type", CONTENT_TYPE);
        headers[2] = ("host", host);
        headers[3] = ("x-amz-date", time.as_str());
        let mut count = 4;
        if let Some(token) = &self.credentials.session_token {
            headers[count] = ("x-amz-security-token", token);
            count += 1;
        }
        headers[count] = ("x-amz-target", target);
        let headers = &headers[..=count];
        self.seal(&time, &SignedRequest { method: "POST", path: "/", query: "", headers, body })
    }

    fn seal(&self, time: &SigningTime, request: &SignedRequest<'_>) -> Signed {
        let scope = Scope { date: time.date(), region: &self.region, service: &self.service };
        let text = string_to_sign(time, &scope, &request.canonical());
        let signature = self.day_key(time.date()).key.sign(&text);
        let authorization = Authorization {
            access_key_id: &self.credentials.access_key_id,
            scope,
            signed_headers: &request.signed_headers(),
            signature: signature.as_str(),
        };
        Signed {
            authorization: header(&authorization.to_string()),
            date: header(time.as_str()),
            token: self.token.clone(),
        }
    }

    /// The key of this day. Around midnight calls of two days may take turns:
    /// they derive a key too often for a moment, never a wrong one.
    fn day_key(&self, date: &str) -> Arc<DayKey> {
        // A lock is poisoned by a panic only, and what it holds is whole at any time.
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner).clone();
        if *latest.date == *date {
            return latest;
        }
        let today = Arc::new(DayKey::derive(&self.credentials, date, &self.region, &self.service));
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = today.clone();
        today
    }
}

impl DayKey {
    fn derive(credentials: &Credentials, date: &str, region: &str, service: &str) -> Self {
        let scope = Scope { date, region, service };
        Self { date: date.into(), key: SigningKey::derive(&credentials.secret_access_key, &scope) }
    }
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("the signer was made of texts that may stand in a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(token: Option<&str>) -> Signer {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "secret".into(),
            session_token: token.map(Into::into),
        };
        Signer::new(credentials, "us-east-1", "ssm").unwrap()
    }

    #[test]
    fn a_kept_key_signs_as_a_new_one_does_also_over_midnight() {
        let host = HeaderValue::from_static("127.0.0.1:4583");
        let midnight = 1_795_392_000;
        let kept = signer(Some("token"));
        for offset in [-1, -1, 0, 0, 1, -1, 86_400, -86_400, 0] {
            let now = Timestamp::from_seconds(midnight + offset);
            let fresh = signer(Some("token")).sign(&host, "AmazonSSM.GetDocument", b"{}", now);
            assert_eq!(kept.sign(&host, "AmazonSSM.GetDocument", b"{}", now), fresh, "{offset}");
        }
        let date = |offset| kept.sign(&host, "t", b"{}", Timestamp::from_seconds(midnight + offset)).date;
        assert_eq!(
            (date(-1), date(0)),
            ("20261122T235959Z".parse().unwrap(), "20261123T000000Z".parse().unwrap())
        );
    }

    #[test]
    fn the_signed_headers_are_the_agents() {
        let host = HeaderValue::from_static("plane");
        for (token, names) in [
            (None, "content-length;content-type;host;x-amz-date;x-amz-target"),
            (Some("abc"), "content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target"),
        ] {
            let signed = signer(token).sign(&host, "AmazonSSM.GetDocument", b"{}", Timestamp::default());
            let authorization = Authorization::parse(signed.authorization.to_str().unwrap()).unwrap();
            assert_eq!(authorization.signed_headers, names);
            assert_eq!(signed.token.as_ref().map(|token| token.to_str().unwrap()), token);
        }
    }

    #[test]
    fn credentials_that_would_break_a_header_are_refused() {
        for (key, token) in [("a\nb", "t"), ("a", "t\r\nX-Evil: 1")] {
            let credentials = Credentials {
                access_key_id: key.into(),
                secret_access_key: "secret".into(),
                session_token: Some(token.into()),
            };
            assert!(Signer::new(credentials, "us-east-1", "ssm").is_err());
        }
    }
}
