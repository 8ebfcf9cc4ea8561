//! Writes the history down while the run goes on, away from where calls are carried.
//!
//! Entries go into a queue of `ROOM` at most; a thread takes all that wait,
//! spells them and puts them into frames of the file ([`super::frames`]). Where
//! the thread does not keep up, whoever records waits for it, and that is counted.
//! The first failure to write ends the writing: it is kept, and whoever carries
//! the run out is told.
//!
//! Invariant: entries stand in the file in the order in which they were recorded.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use shared::time::Timestamp;
use tokio::sync::watch;

use super::frames::Frames;
use super::line::{Header, Line};
use super::mode::HistoryMode;
use super::names::Names;
use super::record::Record;
use crate::clock::{Clock, wall_now};
use crate::fault::switchboard::Boards;

/// The name of the file in a run's directory.
pub const FILE: &str = "history.jsonl.zst";

/// So many entries wait at most; more would be memory that says nothing.
const ROOM: usize = 16_384;

/// From here on the thread is woken; before, it looks by itself.
const WORTH_WAKING: usize = 2_048;

/// How long an entry waits at most before the thread takes it, in wall time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why the history cannot be written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot write the history to {}", path.display())]
pub struct HistoryError {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub source: Arc<io::Error>,
}

/// What was written so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// How many entries were recorded.
    pub entries: u64,
    /// How many bytes the file has.
    pub bytes: u64,
    /// How often somebody waited for the writing thread.
    pub waits: u64,
    /// For how long, in wall time.
    pub waited: Duration,
}

/// Where entries are recorded; a handle, cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    mode: HistoryMode,
    /// For waits alone.
    clock: Clock,
    state: Mutex<State>,
    /// Something for the thread to do.
    work: Condvar,
    /// The thread has done something.
    done: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
    has_failed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Record>,
    /// How often all of it was wanted in the file.
    flushes_wanted: u64,
    /// How many of these wishes were met.
    flushes_met: u64,
    /// The last line, once the run has ended.
    end: Option<(Timestamp, &'static str)>,
    error: Option<HistoryError>,
    written: Written,
    /// Who tells what is wrong.
    boards: Option<Boards>,
}

impl Recorder {
    /// Writes a history with this first line to this file, which is made anew.
    pub fn start(
        path: &Path,
        mode: HistoryMode,
        header: &Header,
        names: Names,
    ) -> Result<Self, HistoryError> {
        let failed = |source: io::Error| HistoryError { path: path.to_owned(), source: Arc::new(source) };
        let file = File::create(path).map_err(failed)?;
        let mut frames = Frames::new(file).map_err(failed)?;
        serde_json::to_writer(frames.text(), header).expect("a header has string keys and finite numbers");
        frames.text().push(b'\n');
        // A place that takes no byte is found out before the run begins.
        frames.close().map_err(failed)?;
        Self::over(path, frames, mode, names).map_err(failed)
    }

    /// Goes on writing these frames, which go to the file of this path.
    fn over(path: &Path, frames: Frames, mode: HistoryMode, names: Names) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            mode,
            clock: Clock::starting(wall_now(), 1.0),
            state: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            thread: Mutex::default(),
            has_failed: watch::Sender::new(false),
        });
        let writer = Writer { shared: shared.clone(), frames, names };
        let thread = std::thread::Builder::new().name("history".to_owned()).spawn(move || writer.run())?;
        *shared.thread.lock().expect(UNPOISONED) = Some(thread);
        Ok(Self(shared))
    }

    /// From here on these say which faults are in force.
    pub fn told_by(&self, boards: Boards) {
        self.0.lock().boards = Some(boards);
    }

    /// What is written.
    pub fn mode(&self) -> HistoryMode {
        self.0.mode
    }

    /// Records one entry.
    pub fn record(&self, record: Record) {
        self.record_all([record]);
    }

    /// Records entries in their order.
    pub fn record_all(&self, records: impl IntoIterator<Item = Record>) {
        let mut state = self.0.lock();
        for record in records {
            if !self.0.mode.keeps(&record) {
                continue;
            }
            while state.waiting.len() >= ROOM && state.error.is_none() && state.end.is_none() {
                let began = self.0.clock.wall();
                self.0.work.notify_one();
                state = self.0.done.wait(state).expect(UNPOISONED);
                state.written.waits += 1;
                state.written.waited += self.0.clock.wall().saturating_sub(began);
            }
            // What still comes after the last line is nobody's.
            if state.error.is_some() || state.end.is_some() {
                return;
            }
            state.written.entries += 1;
            state.waiting.push(record);
        }
        if state.waiting.len() >= WORTH_WAKING {
            self.0.work.notify_one();
        }
    }

    /// Waits until all that was recorded is in the file, and says what was written.
    pub fn flush(&self) -> Result<Written, HistoryError> {
        let mut state = self.0.lock();
        state.flushes_wanted += 1;
        let wish = state.flushes_wanted;
        self.0.work.notify_one();
        while state.flushes_met < wish && state.error.is_none() && state.end.is_none() {
            state = self.0.done.wait(state).expect(UNPOISONED);
        }
        state.error.clone().map_or(Ok(state.written), Err)
    }

    /// Writes the last line, that the run ended so at this instant, and ends the thread.
    pub fn finish(&self, at: Timestamp, how: &'static str) -> Result<Written, HistoryError> {
        {
            let mut state = self.0.lock();
            state.end = Some((at, how));
            self.0.work.notify_one();
        }
        if let Some(thread) = self.0.thread.lock().expect(UNPOISONED).take() {
            thread.join().expect("the thread that writes the history does not panic");
        }
        self.written()
    }

    fn written(&self) -> Result<Written, HistoryError> {
        let state = self.0.lock();
        state.error.clone().map_or(Ok(state.written), Err)
    }

    /// Why nothing is written any more, if that is so.
    pub fn error(&self) -> Option<HistoryError> {
        self.0.lock().error.clone()
    }

    /// Completes when nothing can be written any more, and says why.
    pub async fn failed(&self) -> HistoryError {
        let mut has_failed = self.0.has_failed.subscribe();
        // The sender lives as long as this handle.
        let _ = has_failed.wait_for(|has_failed| *has_failed).await;
        self.error().expect("who says that it failed has said why")
    }

    /// Ends the writing and takes the file away if no entry came: the run never began.
    pub fn abandon(&self) {
        let is_empty = self.0.lock().written.entries == 0;
        // What failed has been told already, or is told by whoever abandons.
        let _ = self.finish(Timestamp::default(), "abandoned");
        if is_empty {
            // If it stays, it harms nobody.
            let _ = std::fs::remove_file(&self.0.path);
        }
    }
}

const UNPOISONED: &str = "nobody panics while holding it";

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }
}

/// The thread's side.
struct Writer {
    shared: Arc<Shared>,
    frames: Frames,
    names: Names,
}

/// What the thread is asked beside writing what waits.
struct Wish {
    /// All that was taken is wanted in the file, by so many wishes.
    flushes: Option<u64>,
    /// The last line.
    end: Option<(Timestamp, &'static str)>,
}

impl Writer {
    fn run(mut self) {
        let mut taken = Vec::new();
        loop {
            let wish = self.take(&mut taken);
            let written = self.write(&mut taken, &wish);
            let mut state = self.shared.lock();
            state.written.bytes = self.frames.bytes();
            state.flushes_met = wish.flushes.unwrap_or(state.flushes_met);
            if let Err(source) = written {
                let path = self.shared.path.clone();
                state.error = Some(HistoryError { path, source: Arc::new(source) });
                state.waiting = Vec::new();
                self.shared.has_failed.send_replace(true);
            }
            let is_over = state.error.is_some() || wish.end.is_some();
            drop(state);
            self.shared.done.notify_all();
            if is_over {
                return;
            }
        }
    }

    /// Takes what waits, once it is worth it or has waited long enough.
    fn take(&mut self, taken: &mut Vec<Record>) -> Wish {
        let state = self.shared.lock();
        let is_idle = |state: &mut State| {
            let is_flush_wanted = state.flushes_wanted > state.flushes_met;
            state.waiting.len() < WORTH_WAKING && !is_flush_wanted && state.end.is_none()
        };
        let waited = self.shared.work.wait_timeout_while(state, LOOK_EVERY, is_idle);
        let (mut state, _) = waited.expect(UNPOISONED);
        std::mem::swap(&mut state.waiting, taken);
        // What was injected before an entry was recorded is on the board by now.
        if let Some(boards) = &state.boards {
            self.names.windows.refresh(boards);
        }
        let is_flush_wanted = state.flushes_wanted > state.flushes_met;
        let wish = Wish { flushes: is_flush_wanted.then_some(state.flushes_wanted), end: state.end };
        drop(state);
        // There is room again.
        self.shared.done.notify_all();
        wish
    }

    fn write(&mut self, taken: &mut Vec<Record>, wish: &Wish) -> io::Result<()> {
        for record in taken.drain(..) {
            Line::write(&record, &mut self.names, self.shared.mode, self.frames.text());
            self.frames.close_if_full()?;
        }
        if let Some((at, how)) = wish.end {
            let entries = self.shared.lock().written.entries;
            Line::put_edges(at, &mut self.names, self.frames.text());
            Line::end(at, how, entries).put(self.frames.text());
        }
        let is_wanted_now = wish.flushes.is_some() || wish.end.is_some();
        if is_wanted_now { self.frames.close() } else { self.frames.close_if_old() }
    }
}

#[cfg(test)]
mod tests;
