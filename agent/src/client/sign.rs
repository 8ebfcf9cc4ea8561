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
use shared::signature::{
    Authorization, Credentials, Scope, SignedRequest, SigningKey, body_hash, string_to_sign,
};
use shared::time::Timestamp;

use super::http::CONTENT_TYPE;
use super::key::KeyPool;
use crate::credentials::SignedBy;

/// Signs in the name of one caller, for one region and service.
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    region: Box<str>,
    service: Box<str>,
    latest: RwLock<Arc<DayKey>>,
}

#[derive(Debug)]
struct DayKey {
    date: Box<str>,
    key: SigningKey,
}

/// The headers that make a request a signed one; none, where it is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signed {
    /// `Authorization`.
    pub authorization: Option<HeaderValue>,
    /// `X-Amz-Date`.
    pub date: Option<HeaderValue>,
    /// `X-Amz-Security-Token`, where the credentials are temporary.
    pub token: Option<HeaderValue>,
    /// `X-Amz-Content-Sha256`, where the key is the node's own: then the body goes in chunks.
    pub content_hash: Option<HeaderValue>,
    /// `SSM-AsymmetricKeyAuthorization`, where an instance proves its key.
    pub asymmetric: Option<HeaderValue>,
}

impl Signer {
    /// A signer for `service` (`ssm`) in `region`. Fails where one of the texts
    /// could not stand in a header.
    pub fn new(credentials: Credentials, region: &str, service: &str) -> Result<Self, InvalidHeaderValue> {
        for text in [&*credentials.access_key_id, region, service] {
            HeaderValue::from_str(text)?;
        }
        credentials.session_token.as_deref().map(HeaderValue::from_str).transpose()?;
        let today =
            DayKey::derive(&credentials, SigningTime::new(Timestamp::default()).date(), region, service);
        Ok(Self {
            credentials,
            region: region.into(),
            service: service.into(),
            latest: RwLock::new(Arc::new(today)),
        })
    }

    /// Signs a `POST /` of `body` to `host`, as the real agent does (its
    /// signed headers; no `X-Amz-Content-Sha256`).
    pub fn sign(&self, host: &HeaderValue, target: &str, body: &[u8], now: Timestamp) -> Signed {
        self.sign_with(&self.credentials, host, target, body, now)
    }

    /// The same by whoever is named. Nothing where that takes a key pair which
    /// is not in the pool.
    pub fn sign_by(
        &self,
        by: &SignedBy,
        keys: &KeyPool,
        host: &HeaderValue,
        target: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Option<Signed> {
        Some(match by {
            SignedBy::Account => self.sign(host, target, body, now),
            SignedBy::Nobody => Signed::default(),
            SignedBy::Session(session) => self.sign_with(&session.credentials(), host, target, body, now),
            SignedBy::Key(node, key) => {
                self.sign_with_key(node.as_str(), |text| keys.sign(*key, text), host, target, body, now)?
            }
            SignedBy::Instance(_, key) => {
                let signed = self.sign(host, target, body, now);
                let over = signed.authorization.as_ref()?.to_str().ok()?;
                let proof = format!("Signature={}", keys.sign(*key, over)?);
                Signed { asymmetric: Some(header(&proof)), ..signed }
            }
        })
    }

    /// By a node's own key: an ordinary signature in all but its last step
    /// (agent/ssm/rsasigner). The length and the hash's header are not signed.
    fn sign_with_key(
        &self,
        node: &str,
        sign: impl Fn(&str) -> Option<String>,
        host: &HeaderValue,
        target: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Option<Signed> {
        let time = SigningTime::new(now);
        let host = host.to_str().expect("an endpoint's authority is ASCII");
        let headers = [
            ("content-type", CONTENT_TYPE),
            ("host", host),
            ("x-amz-date", time.as_str()),
            ("x-amz-target", target),
        ];
        let request = SignedRequest { method: "POST", path: "/", query: "", headers: &headers, body };
        let scope = Scope { date: time.date(), region: &self.region, service: &self.service };
        let signature = sign(&string_to_sign(&time, &scope, &request.canonical()))?;
        let authorization = Authorization {
            access_key_id: node,
            scope,
            signed_headers: &request.signed_headers(),
            signature: &signature,
        };
        Some(Signed {
            authorization: Some(header(&authorization.to_string())),
            date: Some(header(time.as_str())),
            content_hash: Some(header(body_hash(body).as_str())),
            ..Signed::default()
        })
    }

    fn sign_with(
        &self,
        credentials: &Credentials,
        host: &HeaderValue,
        target: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Signed {
        let time = SigningTime::new(now);
        let length = body.len().to_string();
        let host = host.to_str().expect("an endpoint's authority is ASCII");
        let mut headers = [("", ""); 6];
        headers[0] = ("content-length", &length);
        headers[1] = ("content-type", CONTENT_TYPE);
        headers[2] = ("host", host);
        headers[3] = ("x-amz-date", time.as_str());
        let mut count = 4;
        if let Some(token) = &credentials.session_token {
            headers[count] = ("x-amz-security-token", token);
            count += 1;
        }
        headers[count] = ("x-amz-target", target);
        let headers = &headers[..=count];
        let request = SignedRequest { method: "POST", path: "/", query: "", headers, body };
        self.seal(credentials, &time, &request)
    }

    fn seal(&self, credentials: &Credentials, time: &SigningTime, request: &SignedRequest<'_>) -> Signed {
        let scope = Scope { date: time.date(), region: &self.region, service: &self.service };
        let text = string_to_sign(time, &scope, &request.canonical());
        // A node's own credentials last for an hour: their key is not worth keeping.
        let signature = if std::ptr::eq(credentials, &self.credentials) {
            self.day_key(time.date()).key.sign(&text)
        } else {
            SigningKey::derive(&credentials.secret_access_key, &scope).sign(&text)
        };
        let authorization = Authorization {
            access_key_id: &credentials.access_key_id,
            scope,
            signed_headers: &request.signed_headers(),
            signature: signature.as_str(),
        };
        Signed {
            authorization: Some(header(&authorization.to_string())),
            date: Some(header(time.as_str())),
            token: credentials.session_token.as_deref().map(header_if_sound),
            ..Signed::default()
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

/// A token that came from a plane need not be fit for a header: then an empty
/// one goes out, and the plane says what it thinks of it.
fn header_if_sound(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("the signer was made of texts that may stand in a header")
}

#[cfg(test)]
mod tests {
    use shared::id::NodeId;

    use super::*;
    use crate::credentials::Session;

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
        assert_eq!((date(-1), date(0)), ("20261122T235959Z".parse().ok(), "20261123T000000Z".parse().ok()));
    }

    #[test]
    fn the_signed_headers_are_the_agents() {
        let host = HeaderValue::from_static("plane");
        for (token, names) in [
            (None, "content-length;content-type;host;x-amz-date;x-amz-target"),
            (Some("abc"), "content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target"),
        ] {
            let signed = signer(token).sign(&host, "AmazonSSM.GetDocument", b"{}", Timestamp::default());
            let authorization =
                Authorization::parse(signed.authorization.as_ref().unwrap().to_str().unwrap()).unwrap();
            assert_eq!(authorization.signed_headers, names);
            assert_eq!(signed.token.as_ref().map(|token| token.to_str().unwrap()), token);
        }
    }

    #[test]
    fn each_signs_in_its_own_name_and_with_its_own_headers() {
        let host = HeaderValue::from_static("plane");
        let keys = KeyPool::generate(1).unwrap();
        let node = NodeId::hybrid(1);
        let own = Credentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "other".into(),
            session_token: Some("own".into()),
        };
        let session = Session::new("ASIAEXAMPLE", "other", "own", Timestamp::default());
        assert_eq!(session.credentials(), own);
        let signed = |by: &SignedBy| {
            signer(None).sign_by(by, &keys, &host, "AmazonSSM.GetDocument", b"{}", Timestamp::default())
        };
        assert_eq!(signed(&SignedBy::Nobody), Some(Signed::default()));
        let by_account = signed(&SignedBy::Account).unwrap();
        assert_eq!(
            by_account,
            signer(None).sign(&host, "AmazonSSM.GetDocument", b"{}", Timestamp::default())
        );
        let as_one = Signer::new(own, "us-east-1", "ssm").unwrap();
        let by_session = signed(&SignedBy::Session(session)).unwrap();
        assert_eq!(by_session, as_one.sign(&host, "AmazonSSM.GetDocument", b"{}", Timestamp::default()));

        let by_key = signed(&SignedBy::Key(node, 0)).unwrap();
        let authorization = by_key.authorization.unwrap();
        let authorization = Authorization::parse(authorization.to_str().unwrap()).unwrap();
        assert_eq!(authorization.access_key_id, node.as_str());
        assert_eq!(authorization.signed_headers, "content-type;host;x-amz-date;x-amz-target");
        assert_eq!(authorization.signature.len(), 344);
        assert_eq!(by_key.content_hash.unwrap().len(), 64);
        assert_eq!(signed(&SignedBy::Key(node, 1)), None, "there is no such key");

        let by_instance = signed(&SignedBy::Instance(NodeId::ec2(1), 0)).unwrap();
        assert_eq!(by_instance.authorization, by_account.authorization);
        assert!(by_instance.asymmetric.unwrap().to_str().unwrap().starts_with("Signature="));
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
