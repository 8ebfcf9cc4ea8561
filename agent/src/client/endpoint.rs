//! Where a control plane listens, read from what a person wrote.
//!
//! The service answers at `/` of a host and nowhere else, so an endpoint is a
//! scheme, a host and a port. A URL that says more is refused here, before the
//! run, rather than half obeyed.

use std::fmt;
use std::str::FromStr;

use http::uri::Authority;
use http::{HeaderValue, Uri};

/// How the bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Under TLS 1.2 or later.
    Https,
}

/// The address of a control plane, such as `http://127.0.0.1:4583`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    host: Box<str>,
    port: u16,
    authority: HeaderValue,
}

/// A text that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no endpoint, for it {reason}: expected http://HOST[:PORT] or https://HOST[:PORT]")]
pub struct InvalidEndpoint {
    text: String,
    reason: &'static str,
}

impl Endpoint {
    /// How the bytes travel.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host's name or address, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where none was written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of the `Host` header. Without the scheme's own port: the
    /// agent's SDK drops it before it signs (aws-sdk-go `SanitizeHostForHeader`).
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |reason| InvalidEndpoint { text: text.chars().take(200).collect(), reason };
        let uri: Uri = text.parse().map_err(|_| wrong("is no URL"))?;
        let (scheme, own_port) = match uri.scheme_str() {
            Some("http") => (Scheme::Http, 80),
            Some("https") => (Scheme::Https, 443),
            _ => return Err(wrong("starts with neither http:// nor https://")),
        };
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(|| wrong("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("carries a user's name"));
        }
        // `Uri` drops what follows a `#` in silence.
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains('#') {
            return Err(wrong("has a path, and the service answers at / only"));
        }
        let port = port(authority, own_port).ok_or_else(|| wrong("has a port outside of 1 to 65535"))?;
        let host = authority.host();
        let written = if port == own_port { host.to_owned() } else { format!("{host}:{port}") };
        let authority = HeaderValue::try_from(written).map_err(|_| wrong("is no URL"))?;
        Ok(Self { scheme, host: host.trim_matches(['[', ']']).into(), port, authority })
    }
}

fn port(authority: &Authority, own: u16) -> Option<u16> {
    match &authority.as_str()[authority.host().len()..] {
        "" => Some(own),
        written => written.strip_prefix(':')?.parse().ok().filter(|port| *port > 0),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority.to_str().expect("an authority is ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_scheme_a_host_and_a_port() {
        let cases = [
            ("http://127.0.0.1:4583", Scheme::Http, "127.0.0.1", 4583, "127.0.0.1:4583"),
            ("http://localhost/", Scheme::Http, "localhost", 80, "localhost"),
            ("https://ssm.eu-west-1.amazonaws.com", Scheme::Https, "ssm.eu-west-1.amazonaws.com", 443, ""),
            ("https://plane:443/", Scheme::Https, "plane", 443, "plane"),
            ("http://plane:443", Scheme::Http, "plane", 443, "plane:443"),
            ("http://[::1]:8080", Scheme::Http, "::1", 8080, "[::1]:8080"),
        ];
        for (text, scheme, host, port, header) in cases {
            let endpoint: Endpoint = text.parse().unwrap();
            let found = (endpoint.scheme(), endpoint.host(), endpoint.port());
            assert_eq!(found, (scheme, host, port), "{text}");
            assert_eq!(endpoint.authority(), if header.is_empty() { host } else { header }, "{text}");
        }
        let endpoint: Endpoint = "https://plane:443/".parse().unwrap();
        assert_eq!(endpoint.to_string(), "https://plane");
    }

    #[test]
    fn whatever_says_more_or_less_is_refused_with_its_reason() {
        let cases = [
            ("", "is no URL"),
            ("a b", "is no URL"),
            ("127.0.0.1:4583", "starts with neither"),
            ("/plane", "starts with neither"),
            ("ftp://plane", "starts with neither"),
            ("http://me:secret@plane", "carries a user's name"),
            ("http://plane/ssm", "has a path"),
            ("http://plane/?a=b", "has a path"),
            ("http://plane/#top", "has a path"),
            ("http://plane:0", "has a port outside"),
            ("http://plane:65536", "has a port outside"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(&format!("for it {reason}")), "{text}: {error}");
        }
    }
}
