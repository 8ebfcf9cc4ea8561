//! When somebody wants it to end.
//!
//! The first SIGINT (Ctrl-C), SIGTERM or SIGHUP (the terminal is closed) completes
//! [`Signals::stopped`]: whatever runs ends in good order. The second ends the
//! process at once, for a person who does not want to wait. A process that was
//! started so that SIGHUP does not end it, as by `nohup`, goes on when that comes.

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
            stop.send_replace(true);
            // Last, for it may fail: with the terminal, stderr may be gone.
            warn!("ending in good order; once more ends it now");
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
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Source {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate, hang_up })
    }

    async fn next(&mut self) {
        let hung_up = async {
            match &mut self.hang_up {
                Some(hang_up) => _ = hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
            () = hung_up => (),
        }
    }
}

/// Whether whoever started the process had it ignore SIGHUP. Where the system does
/// not tell, one whose output goes to no terminal is left alone.
#[cfg(unix)]
fn is_hang_up_ignored() -> bool {
    use std::io::IsTerminal as _;
    match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => ignores_hang_up(&status),
        Err(_) => !io::stdout().is_terminal() && !io::stderr().is_terminal(),
    }
}

/// What Linux says of the signals that are ignored: SIGHUP is the first.
#[cfg(unix)]
fn ignores_hang_up(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_nohup_started_ignores_a_hang_up() {
        for (mask, is_ignored) in [("0000000000001001", true), ("0000000000001000", false), ("?", false)] {
            let status = format!("Name:\tssm-fleet\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\n");
            assert_eq!(ignores_hang_up(&status), is_ignored, "{mask}");
        }
        assert!(!ignores_hang_up(""));
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
