//! The flags by which a plane of ours is served under TLS as well.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use plane::http::tls::Certificate;

use super::failure::Failure;
use crate::guard::admit_listener;

/// Where to serve under TLS.
#[derive(Debug, Args)]
pub(super) struct Tls {
    /// Serve the plane under TLS as well at this address, with a certificate made at start
    #[arg(long, value_name = "ADDRESS", help_heading = "Control plane")]
    pub(super) tls_listen: Option<SocketAddr>,
    /// Write that certificate to this file, for clients to trust
    #[arg(long, value_name = "FILE", requires = "tls_listen", help_heading = "Control plane")]
    pub(super) write_certificate: Option<PathBuf>,
}

impl Tls {
    /// Where to serve under TLS, and with what; the certificate is written out before.
    pub(super) fn prepare(&self, allow_remote: bool) -> Result<Option<(SocketAddr, Certificate)>, Failure> {
        let Some(address) = self.tls_listen else { return Ok(None) };
        admit_listener(address, allow_remote)?;
        let certificate = Certificate::generate(address.ip()).map_err(Failure::Certificate)?;
        if let Some(file) = &self.write_certificate {
            let written = std::fs::write(file, certificate.pem());
            written.map_err(|source| Failure::WriteCertificate { file: file.clone(), source })?;
        }
        Ok(Some((address, certificate)))
    }
}
