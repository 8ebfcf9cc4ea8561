//! Signature Version 4: what is signed, and with which key.
//!
//! Pure: the instant comes in, nothing here asks a clock. A request becomes a
//! canonical text, that text becomes the string to sign, and a key that lasts
//! for one day, region and service signs it. The client caches that key
//! (`agent::client::sign`); the plane derives it from the secret that it gave out.
//!
//! Invariant: for equal input the result is byte for byte that of the AWS SDKs;
//! the tests hold it against `aws-sigv4`.

pub mod time;

use std::fmt::{self, Write};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use self::time::SigningTime;

/// The name of the algorithm, which opens the `Authorization` header.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The last word of every scope.
const TERMINATOR: &str = "aws4_request";

/// Whose signature it is. `Debug` shows the key's id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The id of the access key, such as `AKIA…`.
    pub access_key_id: String,
    /// The secret that belongs to it.
    pub secret_access_key: String,
    /// The session's token, which temporary credentials carry.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// 256 bits as 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex([u8; 64]);

impl Hex {
    fn new(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'0'; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(text)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII is written")
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a signature covers of a request.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// The path in its canonical form; the SSM API knows `/` only.
    pub path: &'a str,
    /// The query in its canonical form; the SSM API has none.
    pub query: &'a str,
    /// Names in lower case and in alphabetical order, with their values. Only
    /// these are signed.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body as it is sent. Its hash is signed, whether a header tells it or not.
    pub body: &'a [u8],
}

impl SignedRequest<'_> {
    /// The names of the signed headers, as `SignedHeaders` lists them.
    pub fn signed_headers(&self) -> String {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        names.join(";")
    }

    /// The canonical request.
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(512);
        for line in [self.method, self.path, self.query] {
            text.push_str(line);
            text.push('\n');
        }
        for (name, value) in self.headers {
            text.push_str(name);
            text.push(':');
            push_value(&mut text, value);
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.signed_headers());
        text.push('\n');
        text.push_str(body_hash(self.body).as_str());
        text
    }
}

/// The hash of a body, as `X-Amz-Content-Sha256` has it.
pub fn body_hash(body: &[u8]) -> Hex {
    Hex::new(&Sha256::digest(body))
}

/// Without spaces at the ends, and with one where several follow each other.
fn push_value(text: &mut String, value: &str) {
    let words = value.split(' ').filter(|word| !word.is_empty());
    for (number, word) in words.enumerate() {
        if number > 0 {
            text.push(' ');
        }
        text.push_str(word);
    }
}

/// Where and when a key is good: one day, one region, one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The day, such as `20261123` (see [`SigningTime::date`]).
    pub date: &'a str,
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// Such as `ssm`.
    pub service: &'a str,
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

/// The text that the key signs. `canonical` is [`SignedRequest::canonical`].
pub fn string_to_sign(time: &SigningTime, scope: &Scope<'_>, canonical: &str) -> String {
    let mut text = String::with_capacity(192);
    let hash = Hex::new(&Sha256::digest(canonical));
    write!(text, "{ALGORITHM}\n{}\n{scope}\n{}", time.as_str(), hash.as_str())
        .expect("a string takes whatever is written");
    text
}

/// The key of one scope. Deriving it costs as much as a signature, so keep it.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// The key that `secret` gives in `scope`.
    pub fn derive(secret: &str, scope: &Scope<'_>) -> Self {
        let mut key = keyed(format!("AWS4{secret}").as_bytes());
        for part in [scope.date, scope.region, scope.service, TERMINATOR] {
            key = keyed(&key.chain_update(part).finalize().into_bytes());
        }
        Self(key)
    }

    /// The signature of [`string_to_sign`]'s text.
    pub fn sign(&self, text: &str) -> Hex {
        Hex::new(&self.0.clone().chain_update(text).finalize().into_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// The `Authorization` header, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// Whose key it was.
    pub access_key_id: &'a str,
    /// Where and when that key is good.
    pub scope: Scope<'a>,
    /// Which headers it covers, joined by `;`.
    pub signed_headers: &'a str,
    /// 64 hexadecimal digits.
    pub signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header; nothing where it is not of Signature Version 4.
    pub fn parse(header: &'a str) -> Option<Self> {
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in header.strip_prefix(ALGORITHM)?.strip_prefix(' ')?.split(',') {
            match part.trim().split_once('=')? {
                ("Credential", value) => credential = Some(value),
                ("SignedHeaders", value) => signed_headers = Some(value),
                ("Signature", value) => signature = Some(value),
                _ => return None,
            }
        }
        // From the right: an access key's id may hold a slash, the rest may not.
        let mut parts = credential?.rsplitn(5, '/');
        parts.next().filter(|word| *word == TERMINATOR)?;
        let (service, region, date) = (parts.next()?, parts.next()?, parts.next()?);
        let (access_key_id, scope) = (parts.next()?, Scope { date, region, service });
        Some(Self { access_key_id, scope, signed_headers: signed_headers?, signature: signature? })
    }
}

impl fmt::Display for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access_key_id, scope, signed_headers, signature } = self;
        write!(
            f,
            "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4;
    use proptest::prelude::*;

    use super::*;
    use crate::time::Timestamp;

    const HOST: &str = "ssm.us-east-1.amazonaws.com";
    const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

    fn credentials(token: Option<&str>) -> Credentials {
        Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: token.map(Into::into),
        }
    }

    fn ours(who: &Credentials, instant: Timestamp, target: &str, body: &[u8]) -> String {
        let time = SigningTime::new(instant);
        let length = body.len().to_string();
        let mut headers = vec![
            ("content-length", length.as_str()),
            ("content-type", CONTENT_TYPE),
            ("host", HOST),
            ("x-amz-date", time.as_str()),
        ];
        headers.extend(who.session_token.as_deref().map(|token| ("x-amz-security-token", token)));
        headers.push(("x-amz-target", target));
        let request = SignedRequest { method: "POST", path: "/", query: "", headers: &headers, body };
        let scope = Scope { date: time.date(), region: "us-east-1", service: "ssm" };
        let text = string_to_sign(&time, &scope, &request.canonical());
        let signature = SigningKey::derive(&who.secret_access_key, &scope).sign(&text);
        Authorization {
            access_key_id: &who.access_key_id,
            scope,
            signed_headers: &request.signed_headers(),
            signature: signature.as_str(),
        }
        .to_string()
    }

    fn the_sdk(who: &Credentials, instant: Timestamp, target: &str, body: &[u8]) -> String {
        let identity = aws_credential_types::Credentials::from_keys(
            &who.access_key_id,
            &who.secret_access_key,
            who.session_token.clone(),
        )
        .into();
        let since_1970 = Duration::from_millis(u64::try_from(instant.milliseconds()).unwrap());
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("ssm")
            .time(SystemTime::UNIX_EPOCH + since_1970)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let length = body.len().to_string();
        let headers =
            [("content-length", &*length), ("content-type", CONTENT_TYPE), ("x-amz-target", target)];
        let url = format!("https://{HOST}/");
        let request =
            SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
        let found = instructions.headers().find(|(name, _)| *name == "authorization");
        found.expect("the SDK writes the header").1.to_owned()
    }

    #[test]
    fn spaces_in_a_value_count_once() {
        let headers = [("a", "  one   two "), ("b", "")];
        let request = SignedRequest { method: "POST", path: "/", query: "", headers: &headers, body: b"" };
        let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(request.canonical(), format!("POST\n/\n\na:one two\nb:\n\na;b\n{hash}"));
    }

    #[test]
    fn an_authorization_header_is_read_as_it_is_written() {
        let header = ours(&credentials(None), Timestamp::from_seconds(1_795_407_870), "AmazonSSM.X", b"{}");
        let read = Authorization::parse(&header).unwrap();
        assert_eq!((read.access_key_id, read.scope.date), ("AKIDEXAMPLE", "20261123"));
        assert_eq!((read.scope.region, read.scope.service), ("us-east-1", "ssm"));
        assert_eq!(read.signed_headers, "content-length;content-type;host;x-amz-date;x-amz-target");
        assert_eq!(read.to_string(), header);
        for wrong in ["", "Basic abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b, Signature=c"] {
            assert_eq!(Authorization::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nothing_shows_a_secret() {
        let shown = format!("{:?}", credentials(Some("token")));
        assert_eq!(shown, r#"Credentials { access_key_id: "AKIDEXAMPLE", .. }"#);
    }

    proptest! {
        #[test]
        fn any_request_is_signed_as_the_sdk_signs_it(
            seconds in 0..253_402_300_799i64,
            target in "AmazonSSM\\.[A-Za-z]{1,40}",
            body in prop::collection::vec(any::<u8>(), 0..300),
            token in prop::option::of("[A-Za-z0-9+/=]{1,200}"),
        ) {
            let (who, instant) = (credentials(token.as_deref()), Timestamp::from_seconds(seconds));
            prop_assert_eq!(ours(&who, instant, &target, &body), the_sdk(&who, instant, &target, &body));
        }
    }
}
