//! Keeping the state in a file.
//!
//! A state is written beside the file and then put in its place, so that the
//! file is whole whenever somebody looks. Writing is done off the runtime's
//! workers. It is written every ten seconds, and as soon as somebody defined
//! something, an association, a document, tags: who did goes away in the belief
//! that it lasts. Between two writes there is a rest, for a fleet whose nodes are
//! tagged one by one would be nothing but written. A disk that is full is no
//! reason to stop: it is logged, and tried again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::error;

use super::{Clock, told};
use crate::service::Service;

/// How often the state is written at least, in wall time.
const EVERY: Duration = Duration::from_secs(10);

/// How long nothing is written after a write, in wall time.
const REST: Duration = Duration::from_millis(100);

/// Writes the state again and again, until told to stop.
pub(super) async fn keep<C: Clock>(
    service: Arc<Service>,
    clock: C,
    file: PathBuf,
    stopped: watch::Receiver<bool>,
) {
    let mut end = std::pin::pin!(told(stopped));
    loop {
        tokio::select! {
            () = clock.sleep_wall(EVERY) => (),
            () = service.defined() => (),
            () = &mut end => return,
        }
        if let Err(error) = write(Arc::clone(&service), file.clone()).await {
            error!(file = %file.display(), %error, "state of the plane was not written");
        }
        tokio::select! {
            () = clock.sleep_wall(REST) => (),
            () = &mut end => return,
        }
    }
}

/// Writes the state once.
pub(super) async fn write(service: Arc<Service>, file: PathBuf) -> io::Result<()> {
    let write = move || {
        let bytes = service.snapshot().map_err(io::Error::other)?;
        replace(&file, &bytes)
    };
    tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
}

/// Whether a state can be written to this file, as far as can be said beforehand.
pub(super) fn check(file: &Path) -> io::Result<()> {
    let beside = beside(file)?;
    File::create(&beside).and_then(|_| fs::remove_file(&beside))
}

/// Where a state is written before it is put in its place.
fn beside(file: &Path) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(file.file_name().ok_or_else(|| io::Error::other("the path names no file"))?);
    name.push(".new");
    Ok(file.with_file_name(name))
}

/// Puts these bytes in the place of the file, or leaves it as it was.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(file)?;
    let written = File::create(&beside)
        .and_then(|mut new| {
            new.write_all(bytes)?;
            new.sync_all()
        })
        .and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // What was begun is of no use to anybody; the first error is the one to tell.
        _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state");
        replace(&file, b"one").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        let blocked = directory.path().join("folder");
        fs::create_dir_all(blocked.join("inside")).unwrap();
        assert!(replace(&blocked, b"three").is_err(), "a folder is no file");
        assert!(check(&file).is_ok() && check(&directory.path().join("none/state")).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left beside");
    }
}
