//! The plane in this process: behind a socket, on a runtime of its own, so that
//! a busy fleet does not slow it and it does not slow the fleet's clock.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use plane::config::PlaneConfig;
use plane::http::tls::Certificate;
use plane::service::{Memory, RestartError, Service};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::run::USUAL_ADDRESS;

/// A plane that runs in this process.
#[derive(Debug)]
pub struct Embedded {
    address: SocketAddr,
    /// Where it listens under TLS, and with what it shows who it is.
    tls: Option<(SocketAddr, Certificate)>,
    stop: oneshot::Sender<()>,
    cut: oneshot::Sender<()>,
    thread: oneshot::Receiver<Result<(), EmbeddedError>>,
    service: Arc<Service>,
    clock: Clock,
}

/// A plane that nobody reaches: its listener is closed, its timers stand still.
#[derive(Debug)]
pub struct Down {
    /// What it ran on, until that has ended.
    thread: Option<oneshot::Receiver<Result<(), EmbeddedError>>>,
    address: SocketAddr,
    tls: Option<(SocketAddr, Certificate)>,
    service: Arc<Service>,
    clock: Clock,
}

/// Why the plane does not run.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No socket to listen on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// Why it cannot.
        source: std::io::Error,
    },
    /// No thread or runtime of its own.
    #[error("cannot start the plane's thread")]
    Start(#[from] std::io::Error),
    /// Its state cannot be used or written.
    #[error("the plane failed")]
    Serve(#[from] plane::http::ServeError),
    /// It cannot be started anew.
    #[error("the plane cannot be started anew")]
    Restart(#[from] RestartError),
    /// Its thread is gone.
    #[error("the plane's thread ended early")]
    Gone,
}

impl Embedded {
    /// Starts a plane. Without an `address` it takes port 4583 of the loopback
    /// address, or any other if that is taken.
    pub fn start(
        config: PlaneConfig,
        clock: Clock,
        address: Option<SocketAddr>,
        state_file: Option<PathBuf>,
    ) -> Result<Self, EmbeddedError> {
        let service = Arc::new(Service::new(config));
        Self::serve(service, clock, address, None, state_file)
    }

    /// Serves a plane that is there already, and under TLS as well where that has an address.
    pub fn serve(
        service: Arc<Service>,
        clock: Clock,
        address: Option<SocketAddr>,
        tls: Option<(SocketAddr, Certificate)>,
        state_file: Option<PathBuf>,
    ) -> Result<Self, EmbeddedError> {
        if let Some(file) = &state_file {
            plane::http::check_state_file(file)?;
        }
        let tls =
            tls.map(|(address, certificate)| listen(Some(address)).map(|listener| (listener, certificate)));
        let tls = tls.transpose()?;
        let bound =
            tls.as_ref().map(|(listener, certificate)| Ok((listener.local_addr()?, certificate.clone())));
        let bound = bound.transpose().map_err(|error: std::io::Error| EmbeddedError::Start(error))?;
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (cut, is_cut) = oneshot::channel::<()>();
        let (served_by, told_by) = (Arc::clone(&service), clock);
        let (ended, thread) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("plane".into()).spawn(move || {
            let shutdown = async {
                // A dropped sender ends the plane as well.
                let _ = stopped.await;
            };
            let served = runtime.block_on(async {
                let listener = TcpListener::from_std(listener)?;
                let tls =
                    tls.map(|(listener, certificate)| Ok((TcpListener::from_std(listener)?, certificate)));
                let tls = tls.transpose().map_err(|error: std::io::Error| EmbeddedError::Start(error))?;
                let serve = plane::http::serve(listener, tls, service, clock, state_file, shutdown);
                let is_cut = async {
                    if is_cut.await.is_err() {
                        // Whoever could have cut it off lets it end in good order.
                        std::future::pending().await
                    }
                };
                tokio::select! {
                    served = serve => Ok(served?),
                    () = is_cut => Ok(()),
                }
            });
            // With the runtime go all connections that are open still.
            drop(runtime);
            // Whoever started the plane may be gone.
            let _ = ended.send(served);
        })?;
        Ok(Self { address, tls: bound, stop, cut, thread, service: served_by, clock: told_by })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens under TLS, if it does.
    pub fn tls_url(&self) -> Option<String> {
        self.tls.as_ref().map(|(address, _)| format!("https://{address}"))
    }

    /// Completes when the plane ends by itself.
    pub async fn ended(&mut self) -> Result<(), EmbeddedError> {
        (&mut self.thread).await.unwrap_or(Err(EmbeddedError::Gone))
    }

    /// The plane itself.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Cuts it off as if its process had died: connections are closed amid calls.
    /// That takes a moment, see [`Down::fallen`].
    pub fn cut_off(self) -> Down {
        // If it has ended already, that is what was wanted.
        let _ = self.cut.send(());
        Down {
            thread: Some(self.thread),
            address: self.address,
            tls: self.tls,
            service: self.service,
            clock: self.clock,
        }
    }

    /// Ends it in good order.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        // If it has ended already, that is what was wanted.
        let _ = self.stop.send(());
        self.thread.await.unwrap_or(Err(EmbeddedError::Gone))
    }
}

impl Down {
    /// The plane itself.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Completes once nobody is answered any more. May be dropped, and asked again.
    pub async fn fallen(&mut self) -> Result<(), EmbeddedError> {
        if let Some(thread) = &mut self.thread {
            let ended = thread.await.unwrap_or(Err(EmbeddedError::Gone));
            self.thread = None;
            ended?;
        }
        Ok(())
    }

    /// Starts it anew at the addresses where it was, which must have fallen.
    pub fn come_back(self, memory: Memory) -> Result<Embedded, EmbeddedError> {
        self.service.restart(self.clock.now(), memory)?;
        Embedded::serve(self.service, self.clock, Some(self.address), self.tls, None)
    }
}

fn listen(address: Option<SocketAddr>) -> Result<std::net::TcpListener, EmbeddedError> {
    let bind = |address: SocketAddr| {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    let result = match address {
        Some(address) => bind(address),
        None => bind(USUAL_ADDRESS).or_else(|_: std::io::Error| {
            let listener = bind(SocketAddr::new(USUAL_ADDRESS.ip(), 0))?;
            let address = listener.local_addr()?;
            tracing::warn!("port {} is taken; the plane is at http://{address}", USUAL_ADDRESS.port());
            Ok(listener)
        }),
    };
    result.map_err(|source| EmbeddedError::Listen { address: address.unwrap_or(USUAL_ADDRESS), source })
}

#[cfg(test)]
mod tests {
    use shared::time::Timestamp;

    use super::*;

    #[tokio::test]
    async fn a_plane_that_is_started_anew_listens_where_it_did() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let certificate = Certificate::generate(any.ip()).expect("one can be made");
        let service = Arc::new(Service::new(PlaneConfig::default()));
        let clock = Clock::starting(Timestamp::default(), 1.0);
        let plane = Embedded::serve(service, clock, Some(any), Some((any, certificate)), None);
        let plane = plane.expect("ports are free");
        let urls = (plane.url(), plane.tls_url());
        assert!(urls.1.as_ref().is_some_and(|url| !url.ends_with(":0")), "{urls:?}");
        let mut down = plane.cut_off();
        down.fallen().await.expect("it runs");
        let plane = down.come_back(Memory::Kept).expect("it can be started anew");
        assert_eq!((plane.url(), plane.tls_url()), urls);
        plane.stop().await.expect("it ends in good order");
    }
}
