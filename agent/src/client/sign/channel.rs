//! Signing what goes to a control channel: another method, path and headers.
//!
//! As agent/session/utility: the plain signer of the SDK over a plain request, so
//! the length of the body is not signed, and the body's type only where there is one.

use http::HeaderValue;
use shared::signature::SignedRequest;
use shared::signature::time::SigningTime;
use shared::time::Timestamp;

use super::{Signed, Signer};
use crate::credentials::SignedBy;

impl Signer {
    /// A signer with the same credentials for another service.
    pub(crate) fn for_service(&self, service: &str) -> Self {
        Self::new(self.credentials.clone(), &self.region, service)
            .expect("its texts stood in a header before")
    }

    /// Signs a request to a control channel by whoever is named; `content_type` is
    /// that of the body, if there is one. Keys of nodes sign for credentials only.
    pub(crate) fn sign_channel(
        &self,
        by: &SignedBy,
        (method, path, query): (&str, &str, &str),
        host: &HeaderValue,
        content_type: Option<&str>,
        body: &[u8],
        now: Timestamp,
    ) -> Signed {
        let own;
        let credentials = match by {
            SignedBy::Account => &self.credentials,
            SignedBy::Session(session) => {
                own = session.credentials();
                &own
            }
            SignedBy::Nobody | SignedBy::Key(..) | SignedBy::Instance(..) => return Signed::default(),
        };
        let time = SigningTime::new(now);
        let mut headers = Vec::with_capacity(4);
        headers.extend(content_type.map(|content_type| ("content-type", content_type)));
        headers.push(("host", host.to_str().expect("an endpoint's authority is ASCII")));
        headers.push(("x-amz-date", time.as_str()));
        if let Some(token) = &credentials.session_token {
            headers.push(("x-amz-security-token", token));
        }
        self.seal(credentials, &time, &SignedRequest { method, path, query, headers: &headers, body })
    }
}

#[cfg(test)]
mod tests {

    use shared::signature::{Authorization, Credentials};

    use super::*;
    use crate::credentials::Session;

    #[test]
    fn what_is_signed_of_a_control_channel_is_what_the_agent_signs() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "secret".into(),
            session_token: Some("token".into()),
        };
        let token = credentials.session_token.as_deref().unwrap_or_default();
        let (id, secret) = (&credentials.access_key_id, &credentials.secret_access_key);
        let session = Session::new(id, secret, token, Timestamp::default());
        let signer = Signer::new(credentials, "us-east-1", "ssm").unwrap().for_service("ssmmessages");
        let other = Credentials {
            access_key_id: "AKIDOTHER".into(),
            secret_access_key: "other".into(),
            session_token: None,
        };
        let other = Signer::new(other, "us-east-1", "ssmmessages").unwrap();
        let host = HeaderValue::from_static("127.0.0.1:18443");
        for (method, content_type, names) in [
            ("POST", Some("application/json"), "content-type;host;x-amz-date;x-amz-security-token"),
            ("GET", None, "host;x-amz-date;x-amz-security-token"),
        ] {
            let place = (method, "/v1/control-channel/i-01234567", "");
            let sign = |signer: &Signer, by: &SignedBy| {
                signer.sign_channel(by, place, &host, content_type, b"", Timestamp::default())
            };
            let signed = sign(&signer, &SignedBy::Account);
            assert_eq!(sign(&other, &SignedBy::Session(session.clone())), signed);
            assert_eq!(sign(&signer, &SignedBy::Nobody), Signed::default());
            let text = signed.authorization.as_ref().unwrap().to_str().unwrap();
            let authorization = Authorization::parse(text).unwrap();
            assert_eq!(authorization.signed_headers, names);
            assert_eq!(authorization.scope.service, "ssmmessages");
        }
    }
}
