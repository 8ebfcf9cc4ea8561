//! When somebody wants it to end.
//!
//! The first SIGINT (Ctrl-C) or SIGTERM completes [`Signals::stopped`]: whatever
//! runs ends in good order. The second ends the process at once, for a person
//! who does not want to wait.

use std::io;

use tokio::sync::watch;
use tracing::warn;

/// The code that a process ends with which was not let end by itself.
const ENDED_NOW: i32 = 105;

/// Whether somebody wants it to end. Copies know the same.
#[derive(Debug, Clone)]
pub struct Signals {
    stopped: watch::Receiver<bool>,
}

impl Signals {
    /// Listens from now on, on a task of its own. Needs a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        let mut source = Source::new()?;
        let (stop, stopped) = watch::channel(false);
        // It lives as long as the process: the second signal may come at any time.
        tokio::spawn(async move {
            source.next().await;
            warn!("ending in good order; once more ends it now");
            stop.send_replace(true);
            source.next().await;
            std::process::exit(ENDED_NOW);
        });
        Ok(Self { stopped })
    }

    /// Completes once somebody wants it to end.
    pub async fn stopped(&self) {
        let mut stopped = self.stopped.clone();
        if stopped.wait_for(|stopped| *stopped).await.is_err() {
            // The listening task is gone with its runtime, and so is what waits here.
            std::future::pending().await
        }
    }
}

#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }
}

#[cfg(not(unix))]
struct Source;

#[cfg(not(unix))]
impl Source {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
