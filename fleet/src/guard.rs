//! Which control planes a fleet may be pointed at.
//!
//! A fleet is a load test, and a load test that hits the wrong host hurts
//! somebody. What is on this machine or in a private network is admitted; any
//! other host only by `--allow-remote`; AWS itself only by naming the account
//! that will be struck. Finding a host's addresses is the caller's work.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The domains under which AWS answers: `dnsSuffix` and `dualStackDnsSuffix` of
/// each partition (botocore, `data/partitions.json`), and AWS's own names.
const AWS_DOMAINS: [&str; 16] = [
    "amazonaws.com",
    "api.aws",
    "aws.dev",
    "aws.amazon.com",
    "amazonaws.com.cn",
    "api.amazonwebservices.com.cn",
    "amazonaws.eu",
    "api.amazonwebservices.eu",
    "c2s.ic.gov",
    "api.aws.ic.gov",
    "sc2s.sgov.gov",
    "api.aws.scloud",
    "cloud.adc-e.uk",
    "api.cloud-aws.adc-e.uk",
    "csp.hci.ic.gov",
    "api.aws.hci.ic.gov",
];

/// What somebody has allowed in so many words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowance {
    /// Hosts outside of this machine and its private networks.
    pub remote: bool,
    /// AWS, at the expense of this account.
    pub aws: Option<AccountId>,
}

/// The id of an AWS account: 12 digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountId(String);

/// A text that is no account id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no AWS account id: expected 12 digits")]
pub struct InvalidAccountId(String);

/// Why a host is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// It is AWS.
    #[error(
        "{0} belongs to AWS: only --allow-aws ACCOUNT-ID, with the account that pays for it, lets a fleet call it"
    )]
    Aws(String),
    /// It is somebody's machine on the internet.
    #[error(
        "{host} ({address}) is neither this machine nor in a private network: --allow-remote lets a fleet call it"
    )]
    Remote {
        /// The host as it was written.
        host: String,
        /// Its first address that is out of bounds.
        address: IpAddr,
    },
    /// It would be open to other machines.
    #[error("{0} can be reached from other machines: --allow-remote lets the plane listen there")]
    Open(SocketAddr),
}

/// Whether a fleet may call this host, which has these addresses.
pub fn admit_endpoint(host: &str, addresses: &[IpAddr], allowance: &Allowance) -> Result<(), Forbidden> {
    if is_aws(host) {
        return match allowance.aws {
            Some(_) => Ok(()),
            None => Err(Forbidden::Aws(host.to_owned())),
        };
    }
    match addresses.iter().find(|address| !is_near(**address)) {
        Some(&address) if !allowance.remote => Err(Forbidden::Remote { host: host.to_owned(), address }),
        _ => Ok(()),
    }
}

/// Whether a plane may listen here.
pub fn admit_listener(address: SocketAddr, is_remote_allowed: bool) -> Result<(), Forbidden> {
    if address.ip().to_canonical().is_loopback() || is_remote_allowed {
        return Ok(());
    }
    Err(Forbidden::Open(address))
}

/// By name, so that a private endpoint of AWS's, which resolves to private
/// addresses, is AWS all the same.
fn is_aws(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    AWS_DOMAINS.iter().any(|domain| match host.strip_suffix(domain) {
        Some(before) => before.is_empty() || before.ends_with('.'),
        None => false,
    })
}

/// Loopback, private or link-local (RFC 1918, 3927, 4193, 4291).
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidAccountId(text.chars().take(64).collect()))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Verdict {
        Admitted,
        Remote,
        Aws,
    }
    use Verdict::{Admitted, Aws, Remote};

    fn verdict(host: &str, addresses: &[&str], remote: bool, aws: bool) -> Verdict {
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let aws = aws.then(|| "111122223333".parse().unwrap());
        match admit_endpoint(host, &addresses, &Allowance { remote, aws }) {
            Ok(()) => Admitted,
            Err(Forbidden::Aws(_)) => Aws,
            Err(Forbidden::Remote { .. }) => Remote,
            Err(Forbidden::Open(_)) => unreachable!("only a listener is open"),
        }
    }

    #[test]
    fn a_host_is_judged_by_its_name_and_its_addresses() {
        // host, addresses, verdict: without a flag, with --allow-remote, with --allow-aws
        let cases: [(&str, &[&str], [Verdict; 3]); 22] = [
            ("localhost", &["127.0.0.1", "::1"], [Admitted, Admitted, Admitted]),
            ("127.0.0.1", &["127.0.0.1"], [Admitted, Admitted, Admitted]),
            ("127.9.9.9", &["127.9.9.9"], [Admitted, Admitted, Admitted]),
            ("::1", &["::1"], [Admitted, Admitted, Admitted]),
            ("::ffff:127.0.0.1", &["::ffff:127.0.0.1"], [Admitted, Admitted, Admitted]),
            ("plane", &["10.1.2.3", "172.16.0.9", "192.168.7.7"], [Admitted, Admitted, Admitted]),
            ("169.254.3.4", &["169.254.3.4"], [Admitted, Admitted, Admitted]),
            ("fd00::7", &["fd00::7"], [Admitted, Admitted, Admitted]),
            ("fe80::1", &["fe80::1"], [Admitted, Admitted, Admitted]),
            ("172.32.0.1", &["172.32.0.1"], [Remote, Admitted, Remote]),
            ("8.8.8.8", &["8.8.8.8"], [Remote, Admitted, Remote]),
            ("2001:db8::1", &["2001:db8::1"], [Remote, Admitted, Remote]),
            ("::ffff:8.8.8.8", &["::ffff:8.8.8.8"], [Remote, Admitted, Remote]),
            ("0.0.0.0", &["0.0.0.0"], [Remote, Admitted, Remote]),
            ("half.example", &["10.0.0.1", "203.0.113.9"], [Remote, Admitted, Remote]),
            ("ssm.eu-west-1.amazonaws.com", &["52.1.1.1"], [Aws, Aws, Admitted]),
            ("vpce-1.ssm.eu-west-1.vpce.amazonaws.com", &["10.0.0.5"], [Aws, Aws, Admitted]),
            ("SSM.cn-north-1.AmazonAWS.com.cn.", &["52.1.1.1"], [Aws, Aws, Admitted]),
            ("ssm.us-east-1.api.aws", &["52.1.1.1"], [Aws, Aws, Admitted]),
            ("beta.ssm.aws.dev", &["10.0.0.5"], [Aws, Aws, Admitted]),
            ("notamazonaws.com", &["127.0.0.1"], [Admitted, Admitted, Admitted]),
            ("amazonaws.com.example.org", &["203.0.113.9"], [Remote, Admitted, Remote]),
        ];
        for (host, addresses, expected) in cases {
            let found = [(false, false), (true, false), (false, true)]
                .map(|(remote, aws)| verdict(host, addresses, remote, aws));
            assert_eq!(found, expected, "{host}");
        }
    }

    #[test]
    fn a_plane_listens_to_this_machine_unless_told_otherwise() {
        for (text, is_admitted) in
            [("127.0.0.1:4583", true), ("[::1]:0", true), ("0.0.0.0:4583", false), ("10.0.0.1:80", false)]
        {
            let address = text.parse().unwrap();
            assert_eq!(admit_listener(address, false).is_ok(), is_admitted, "{text}");
            assert!(admit_listener(address, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_account_is_twelve_digits() {
        assert_eq!("111122223333".parse::<AccountId>().unwrap().to_string(), "111122223333");
        for text in ["", "1111-2222-3333", "11112222333", "1111222233334", "11112222333x"] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }
}
