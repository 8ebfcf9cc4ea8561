//! Where a run's results are put.
//!
//! A directory of its own under `runs/`, named by the wall's time and the
//! scenario, unless the caller names one; `runs/latest` leads to the last one
//! that has results. The directory is made before the run, so that a place that
//! cannot be written to is found out in time.
//!
//! A directory that the caller names may hold what an earlier run wrote: that is
//! taken away first, so that no file of it is taken for one of this run's, and
//! whatever else lies there stays.
//!
//! Invariant: one run at a time writes to a directory; it holds a lock as long.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use shared::time::Timestamp;

use crate::history::recorder::FILE as HISTORY;

/// Where runs are put.
const RUNS: &str = "runs";

/// More runs than this in one second are no accident.
const MOST_IN_A_SECOND: u32 = 1_000;

/// What a run writes.
pub const FILES: [&str; 6] =
    ["result.json", "report.md", "junit.xml", "timeline.csv", "scenario.resolved.yaml", HISTORY];

/// The directory of a run's results.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    /// Held as long as the run writes there.
    _lock: Option<File>,
    /// The link that is to lead here.
    latest: Option<PathBuf>,
    is_new: bool,
}

/// Why results cannot be put anywhere.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The directory cannot be made.
    #[error("cannot create the directory {} for the results", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another run writes there.
    #[error(
        "another run is writing to {}: wait until it is over, or name another directory by --out",
        path.display()
    )]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// What an earlier run left there cannot be taken away.
    #[error("cannot replace {}, which an earlier run wrote", path.display())]
    Replace {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl RunDirectory {
    /// Makes the directory: `out`, or one under `runs/` in `base` for a run of
    /// `name` that begins at `now` of the wall's time.
    pub fn create(
        base: &Path,
        out: Option<&Path>,
        name: &str,
        now: Timestamp,
    ) -> Result<Self, DirectoryError> {
        if let Some(path) = out {
            let is_new = !path.exists();
            std::fs::create_dir_all(path).map_err(failed(path))?;
            let _lock = lock(path)?;
            clear(path)?;
            return Ok(Self { path: path.to_owned(), _lock, latest: None, is_new });
        }
        let runs = base.join(RUNS);
        std::fs::create_dir_all(&runs).map_err(failed(&runs))?;
        let name = format!("{}-{}", second(now), plain(name));
        let path = make_first(&runs, &name)?;
        let _lock = lock(&path)?;
        Ok(Self { path, _lock, latest: Some(runs.join("latest")), is_new: true })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets `runs/latest` lead here, once results are there.
    pub fn make_latest(&self) -> Result<(), DirectoryError> {
        let (Some(latest), Some(name)) = (&self.latest, self.path.file_name()) else { return Ok(()) };
        // Made beside and moved over: whoever looks finds either the last one or this one.
        let beside = latest.with_file_name(format!(".latest-{}", name.to_string_lossy()));
        let moved = link(Path::new(name), &beside).and_then(|()| std::fs::rename(&beside, latest));
        moved.map_err(|source| {
            // What may be left over is the link beside; if even that stays, it harms nobody.
            let _ = std::fs::remove_file(&beside);
            DirectoryError::Write { path: latest.clone(), source }
        })
    }

    /// Takes the directory away again if this run made it and put nothing there.
    pub fn discard(self) {
        if self.is_new {
            // It refuses what is not empty, and that is what is wanted.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> DirectoryError {
    let path = path.to_owned();
    |source| DirectoryError::Create { path, source }
}

/// Sees to it that no other run writes there at the same time, where the system can.
fn lock(directory: &Path) -> Result<Option<File>, DirectoryError> {
    // Where a directory cannot be opened, or its file system knows no locks, there is none.
    let Ok(handle) = File::open(directory) else { return Ok(None) };
    match handle.try_lock() {
        Ok(()) => Ok(Some(handle)),
        Err(TryLockError::WouldBlock) => Err(DirectoryError::Busy { path: directory.to_owned() }),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Takes away what an earlier run wrote there. A run makes no links: whoever put
/// one there has what is written go where it leads.
fn clear(directory: &Path) -> Result<(), DirectoryError> {
    for name in FILES {
        let path = directory.join(name);
        if path.is_symlink() {
            continue;
        }
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(DirectoryError::Replace { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The first of `name`, `name-2`, `name-3`… that is not there yet.
fn make_first(runs: &Path, name: &str) -> Result<PathBuf, DirectoryError> {
    let mut number = 1;
    loop {
        let path = runs.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_IN_A_SECOND => {
                number += 1;
            }
            Err(source) => return Err(DirectoryError::Create { path, source }),
        }
    }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(to: &Path, at: &Path) -> io::Result<()> {
    // Links need a privilege there: a file that names the directory stands in.
    std::fs::write(at, to.to_string_lossy().as_bytes())
}

/// The second, in a form that sorts and that every file system takes.
fn second(instant: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(instant.milliseconds())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H-%M-%S")
        .to_string()
}

/// A scenario's name as a part of a file's name.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    name.chars().map(plain).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_407_870);

    #[test]
    fn a_run_has_a_directory_of_its_own_and_the_latest_is_found() {
        let base = tempfile::tempdir().unwrap();
        let first = RunDirectory::create(base.path(), None, "first-look", NOW).unwrap();
        let second = RunDirectory::create(base.path(), None, "first-look", NOW).unwrap();
        assert_eq!(first.path(), base.path().join("runs/2026-11-23T04-24-30-first-look"));
        assert_eq!(second.path(), base.path().join("runs/2026-11-23T04-24-30-first-look-2"));

        for directory in [&second, &first, &second] {
            directory.make_latest().unwrap();
            let latest = base.path().join("runs/latest").canonicalize().unwrap();
            assert_eq!(latest, directory.path().canonicalize().unwrap());
        }
        assert_eq!(base.path().join("runs").read_dir().unwrap().count(), 3, "two runs and the link");
    }

    #[test]
    fn a_directory_is_discarded_only_if_it_is_new_and_empty() {
        let base = tempfile::tempdir().unwrap();
        let there = base.path().join("there");
        RunDirectory::create(base.path(), Some(&there), "x", NOW).unwrap().discard();
        assert!(!there.exists());
        std::fs::create_dir(&there).unwrap();
        RunDirectory::create(base.path(), Some(&there), "x", NOW).unwrap().discard();
        assert!(there.exists(), "it was there before");
        let full = RunDirectory::create(base.path(), None, "x", NOW).unwrap();
        std::fs::write(full.path().join("result.json"), "{}").unwrap();
        let path = full.path().to_owned();
        full.discard();
        assert!(path.exists());
    }

    #[test]
    fn a_directory_is_replaced_by_the_next_run_and_other_files_stay() {
        let base = tempfile::tempdir().unwrap();
        for name in FILES.into_iter().chain(["notes.txt"]) {
            std::fs::write(base.path().join(name), "an earlier run's").unwrap();
        }
        let run = RunDirectory::create(Path::new(""), Some(base.path()), "x", NOW).unwrap();
        let left: Vec<_> = base.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);

        let again = RunDirectory::create(Path::new(""), Some(base.path()), "x", NOW).unwrap_err();
        let text = again.to_string();
        assert!(text.starts_with("another run is writing to ") && text.ends_with("by --out"), "{text}");
        drop(run);
        RunDirectory::create(Path::new(""), Some(base.path()), "x", NOW).expect("the other is over");

        std::fs::create_dir(base.path().join("report.md")).unwrap();
        let error = RunDirectory::create(Path::new(""), Some(base.path()), "x", NOW).unwrap_err();
        assert!(error.to_string().contains("report.md"), "{error}");
    }

    #[test]
    fn a_place_that_cannot_be_made_is_named() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = RunDirectory::create(base.path(), Some(&file.join("out")), "x", NOW).unwrap_err();
        assert!(error.to_string().contains("file/out"), "{error}");
        let error = RunDirectory::create(&file, None, "x", NOW).unwrap_err();
        assert!(error.to_string().contains("file/runs"), "{error}");
    }

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        assert_eq!(plain("../../etc/my fleet"), "..-..-etc-my-fleet");
    }
}
