//! A connection: opened when a call needs one, driven by a task of its own.
//!
//! Hyper speaks HTTP/1.1 over a stream type of ours, which is where faults per
//! connection have their place. The task that drives a connection holds its slot
//! in the pool, so a slot is free when the socket is closed, not before. The
//! connection and its task end together: dropping one closes the socket.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, pem};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::Clock;
use super::endpoint::{Endpoint, Scheme};
use super::faulty::{Conditions, Faulty};
use super::pool::Slot;

/// What the bytes of a stream travel over, under TLS or not: sound, or a place of faults.
type Socket = Either<TcpStream, Box<Faulty>>;

/// What the bytes of a call travel over: plain, or under TLS.
pub(super) type Stream = Either<Socket, Box<TlsStream<Socket>>>;

/// A response whose body has still to be read.
pub(super) type Answering = Response<Incoming>;

/// Where the roots stand when `SSL_CERT_FILE` names no other file (Debian and its kin).
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Why no complete answer came back.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection could be opened.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The connection was opened, but TLS was not agreed on.
    #[error("TLS failed")]
    Tls(#[source] io::Error),
    /// The connection ended before the answer did.
    #[error("the connection broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It was to be signed with a key pair that this client does not have.
    #[error("no such key pair")]
    NoKey,
    /// The time was over before the answer was complete.
    #[error("timed out")]
    TimedOut,
    /// The time was over before a connection was free: the generator's bound, not the plane's doing alone.
    #[error("no connection came free in time")]
    HeldTooLong,
}

/// Why there can be no connections at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of trusted roots cannot be read.
    #[error("cannot read the trusted roots in {}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The file holds no root that is of use.
    #[error("no trusted roots in {}", path.display())]
    NoRoots {
        /// The file.
        path: PathBuf,
    },
    /// The host's name is none that a certificate could carry.
    #[error("`{host}` cannot be the name in a certificate")]
    Name {
        /// The name.
        host: String,
        /// What is wrong with it.
        source: InvalidDnsNameError,
    },
    /// TLS itself cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

/// Opens connections to one endpoint.
pub(super) struct Transport {
    host: Box<str>,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// For `https`, trusts the roots in the file that `SSL_CERT_FILE` names, as the
    /// real agent (Go) does, else those of the system.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, SetupError> {
        let named = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty());
        Self::trusting(endpoint, named.map_or_else(|| SYSTEM_ROOTS.into(), PathBuf::from))
    }

    /// Reads the roots, a PEM file, for `https` only.
    pub(super) fn trusting(endpoint: &Endpoint, roots: PathBuf) -> Result<Self, SetupError> {
        let tls = match endpoint.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(tls(endpoint.host(), read_roots(roots)?)?),
        };
        Ok(Self { host: endpoint.host().into(), port: endpoint.port(), tls })
    }

    /// Opens a stream, and under `https` agrees on TLS over it.
    pub(super) async fn connect(&self) -> Result<Stream, TransportError> {
        let tcp = self.dial().await?;
        self.secure(Either::Left(tcp)).await
    }

    /// The same over a socket on which things go wrong.
    pub(super) async fn connect_under<C: Clock>(
        &self,
        conditions: watch::Receiver<Conditions>,
        clock: C,
    ) -> Result<Stream, TransportError> {
        let opens_never = conditions.borrow().opens_never();
        if let Some(limit) = opens_never {
            _ = clock.timeout(limit, std::future::pending::<()>()).await;
            return Err(TransportError::Connect(io::ErrorKind::TimedOut.into()));
        }
        let tcp = self.dial().await?;
        self.secure(Either::Right(Box::new(Faulty::new(tcp, conditions, clock)))).await
    }

    async fn dial(&self) -> Result<TcpStream, TransportError> {
        let tcp = TcpStream::connect((&*self.host, self.port)).await.map_err(TransportError::Connect)?;
        // A request is one small write; to wait for more would only delay it.
        tcp.set_nodelay(true).map_err(TransportError::Connect)?;
        Ok(tcp)
    }

    async fn secure(&self, socket: Socket) -> Result<Stream, TransportError> {
        Ok(match &self.tls {
            None => Either::Left(socket),
            Some((connector, name)) => {
                let tls = connector.connect(name.clone(), socket).await.map_err(TransportError::Tls)?;
                Either::Right(Box::new(tls))
            }
        })
    }

    /// Opens a connection, which keeps `slot` until it is closed.
    pub(super) async fn open(&self, slot: Slot) -> Result<Connection, TransportError> {
        Self::over(self.connect().await?, slot).await
    }

    /// A connection over this stream, which keeps `slot` until it is closed.
    pub(super) async fn over(stream: Stream, slot: Slot) -> Result<Connection, TransportError> {
        let (sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|cause| TransportError::Broken(cause.into()))?;
        let driver = tokio::spawn(async move {
            // Whatever ends the connection is told to the call under way; an idle one has nobody to tell.
            let _ = connection.await;
            drop(slot);
        });
        Ok(Connection { sender, driver: driver.abort_handle(), is_reused: false })
    }
}

fn read_roots(path: PathBuf) -> Result<RootCertStore, SetupError> {
    let read = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|source| SetupError::Roots { path: path.clone(), source })?;
    let mut roots = RootCertStore::empty();
    // A bundle may hold a root of a kind that rustls does not take; the others still serve.
    let (taken, _) = roots.add_parsable_certificates(certificates);
    if taken == 0 { Err(SetupError::NoRoots { path }) } else { Ok(roots) }
}

/// TLS 1.2 or later, HTTP/1.1 by ALPN. The real agent would take HTTP/2 there:
/// a connection for each call in flight is what its modules come to anyway.
fn tls(host: &str, roots: RootCertStore) -> Result<(TlsConnector, ServerName<'static>), SetupError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|source| SetupError::Name { host: host.to_owned(), source })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SetupError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsConnector::from(Arc::new(config)), name))
}

/// A connection in the hand of one call, or idle in the pool.
#[derive(Debug)]
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: AbortHandle,
    is_reused: bool,
}

/// What became of a request on a connection.
#[derive(Debug)]
pub(super) enum Exchange {
    /// The head of an answer is here.
    Answered(Answering),
    /// The connection had closed before a byte of the request was written.
    Unsent(Request<Full<Bytes>>, hyper::Error),
    /// The request went out at least in part, and nothing came back.
    Lost(hyper::Error),
}

impl Connection {
    /// Whether it served another call before.
    pub(super) fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Whether it is known to be closed; a close just now may still be unknown.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Says that it has served a call.
    pub(super) fn used(mut self) -> Self {
        self.is_reused = true;
        self
    }

    /// Sends the request and waits for the head of the answer.
    pub(super) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Exchange {
        // The last answer's end may still be on its way to the driver.
        if let Err(closed) = self.sender.ready().await {
            return Exchange::Unsent(request, closed);
        }
        match self.sender.try_send_request(request).await {
            Ok(response) => Exchange::Answered(response),
            Err(mut failed) => match failed.take_message() {
                Some(request) => Exchange::Unsent(request, failed.into_error()),
                None => Exchange::Lost(failed.into_error()),
            },
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
