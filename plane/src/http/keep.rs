//! Keeping the state in a file.
//!
//! A state is written beside the file and then put in its place, so that the
//! file is whole whenever somebody looks. Writing is done off the runtime's
//! workers. It is written every ten seconds if anything changed since, and as soon as somebody defined
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
    let mut written = None;
    loop {
        tokio::select! {
            () = clock.sleep_wall(EVERY) => (),
            () = service.defined() => (),
            () = &mut end => return,
        }
        match write_after(Arc::clone(&service), file.clone(), written).await {
            Ok(changes) => written = Some(changes),
            Err(error) => error!(file = %file.display(), %error, "state of the plane was not written"),
        }
        tokio::select! {
            () = clock.sleep_wall(REST) => (),
            () = &mut end => return,
        }
    }
}

/// Writes the state once.
pub(super) async fn write(service: Arc<Service>, file: PathBuf) -> io::Result<()> {
    write_after(service, file, None).await.map(|_| ())
}

/// Writes the state unless the file has this count of changes already. Answers
/// the count that the file has then.
async fn write_after(service: Arc<Service>, file: PathBuf, written: Option<u64>) -> io::Result<u64> {
    let write = move || match service.snapshot_after(written).map_err(io::Error::other)? {
        Some((changes, bytes)) => replace(&file, &bytes).map(|()| changes),
        None => Ok(written.unwrap_or_default()),
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
        .and_then(|()| fs::rename(&beside, file))
        .and_then(|()| sync_directory(file));
    if written.is_err() {
        // What was begun is of no use to anybody; the first error is the one to tell.
        _ = fs::remove_file(&beside);
    }
    written
}

/// Makes the new name of a file last, as its bytes do.
fn sync_directory(file: &Path) -> io::Result<()> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn only_a_state_that_changed_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state");
        let world = World::new();
        world.settle();
        let service = Arc::new(world.plane);
        let ask = |target: &str, body: &str| {
            let answer = service.respond(world.now, target, body.as_bytes());
            assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(&answer.body));
        };
        let mut written = None;
        let steps = [
            ("AmazonSSM.ListAssociations", "{}", true),
            ("AmazonSSM.ListAssociations", "{}", false),
            ("AmazonSSM.DescribeInstanceInformation", "{}", false),
            ("AmazonSSM.UpdateInstanceInformation", r#"{"InstanceId":"i-01234567"}"#, true),
            ("AmazonSSM.ListDocuments", "{}", false),
            ("AmazonSSM.ListInstanceAssociations", r#"{"InstanceId":"i-01234567"}"#, true),
        ];
        for (target, body, is_written) in steps {
            ask(target, body);
            written = Some(write_after(Arc::clone(&service), file.clone(), written).await.unwrap());
            assert_eq!(fs::remove_file(&file).is_ok(), is_written, "{target}");
        }
        service.change_world(world.now, crate::service::WorldChange::Bucket("logs".into(), true)).unwrap();
        write_after(Arc::clone(&service), file.clone(), written).await.unwrap();
        assert!(file.exists(), "what other services know is part of it");
    }

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
