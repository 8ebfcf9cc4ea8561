//! The same plane under TLS, with a certificate of its own making.
//!
//! Agents open control channels under TLS only. The certificate is made at start
//! and signs itself; whoever is to trust it gets it as a file (`SSL_CERT_FILE`
//! for agents, `AWS_CA_BUNDLE` for the AWS CLI). Handshakes go on beside one
//! another, so that one that drags on keeps nobody waiting.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::serve::Listener;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

/// A certificate and what signs with it.
#[derive(Debug, Clone)]
pub struct Certificate {
    config: Arc<ServerConfig>,
    pem: String,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be made.
    #[error("a certificate cannot be made")]
    Make(#[from] rcgen::Error),
    /// TLS does not take it.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

impl Certificate {
    /// A new certificate for this machine and for `host`, which signs itself.
    pub fn generate(host: IpAddr) -> Result<Self, CertificateError> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        let mut hosts = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        if !hosts.contains(&host) && !host.is_unspecified() {
            hosts.push(host);
        }
        params.subject_alt_names.extend(hosts.into_iter().map(SanType::IpAddress));
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "ssm-fleet plane");
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let secret = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|error| CertificateError::Tls(rustls::Error::General(error.to_owned())))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, secret)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), pem: certificate.pem() })
    }

    /// The certificate in PEM form, for those who are to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

/// A listener whose connections have agreed on TLS.
pub(super) struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<io::Result<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    pub(super) fn new(listener: TcpListener, certificate: &Certificate) -> Self {
        let acceptor = TlsAcceptor::from(Arc::clone(&certificate.config));
        Self { listener, acceptor, handshakes: JoinSet::new() }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, peer) = Listener::accept(&mut self.listener) => {
                    let acceptor = self.acceptor.clone();
                    self.handshakes.spawn(async move {
                        stream.set_nodelay(true)?;
                        Ok((acceptor.accept(stream).await?, peer))
                    });
                }
                Some(done) = self.handshakes.join_next() => match done {
                    Ok(Ok(agreed)) => return agreed,
                    Ok(Err(error)) => debug!(%error, "no TLS was agreed on"),
                    Err(error) => debug!(%error, "a handshake broke off"),
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
