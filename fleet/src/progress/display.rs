//! The progress of a run, shown on stderr.
//!
//! A thread looks at the numbers five times a second and draws three lines where
//! stderr is a terminal; elsewhere it logs one line every ten seconds. It is a
//! thread rather than a task, so that a run in virtual time, which keeps its
//! thread busy, is shown as well.
//!
//! Invariant: bars and log lines go through one [`MultiProgress`], so that they
//! do not write over one another.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};
use shared::time::{Period, Timestamp};
use tracing::info;

use super::{Progress, Snapshot};
use crate::clock::Clock;
use crate::report::page::wrap;

/// How often the numbers are looked at, in wall time.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// So many looks lie between two log lines: ten seconds.
const LOOKS_PER_LINE: u32 = 50;

/// Calls per second are those of the last two seconds.
const LOOKS_PER_RATE: usize = 10;

/// So wide stands before a line that the run tells, when that was.
const SINCE: usize = 9;

/// How progress is shown.
#[derive(Debug, Clone)]
pub enum Screen {
    /// As lines that are drawn again and again.
    Bars(MultiProgress),
    /// As a log line now and then.
    Lines,
    /// Not at all.
    Nothing,
}

/// What a run is to come to.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// How many nodes there are.
    pub nodes: u64,
    /// When the run begins.
    pub start: Timestamp,
    /// How long it lasts at the most.
    pub duration: Period,
}

/// A display that is on; [`Display::finish`] takes it off.
#[derive(Debug)]
pub struct Display {
    thread: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Display {
    /// Shows the progress of a run until it is told to finish.
    pub fn start(progress: Arc<Progress>, goal: Goal, screen: Screen) -> std::io::Result<Self> {
        let mut view = match screen {
            Screen::Bars(bars) => View::Bars(Bars::new(bars, goal)),
            Screen::Lines => View::Lines,
            Screen::Nothing => return Ok(Self { thread: None }),
        };
        let (finish, finished) = mpsc::channel();
        let thread = std::thread::Builder::new().name("progress".into()).spawn(move || {
            let mut pace = Speedometer::default();
            let clock = Clock::starting(goal.start, 1.0);
            for look in 1.. {
                // Told to finish, or dropped without a word: either way nobody looks any more.
                if finished.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                let seen = progress.snapshot();
                let calls_per_second = pace.look(clock.wall(), seen.calls);
                view.narrate(&progress, goal);
                view.show(&seen, calls_per_second, goal, look);
            }
            view.narrate(&progress, goal);
            if let View::Bars(bars) = view {
                bars.clear();
            }
        })?;
        Ok(Self { thread: Some((finish, thread)) })
    }

    /// Takes the display off; what is written next stands on a clean line.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let Some((finish, thread)) = self.thread.take() else { return };
        drop(finish);
        // A panic of that thread was told when it came; the run goes on without a display.
        let _ = thread.join();
    }
}

enum View {
    Bars(Bars),
    Lines,
}

impl View {
    /// Tells the lines that the run has told since.
    fn narrate(&self, progress: &Progress, goal: Goal) {
        while let Some((at, line)) = progress.narration.take() {
            let since = at.since(goal.start);
            match self {
                Self::Bars(bars) => {
                    // With stderr gone there is nobody left to tell.
                    let _ = bars.all.println(narrated(&since.to_string(), &line, width()));
                }
                Self::Lines => info!("{since}  {line}"),
            }
        }
    }

    fn show(&mut self, seen: &Snapshot, calls_per_second: u64, goal: Goal, look: u32) {
        match self {
            Self::Bars(bars) => bars.show(seen, calls_per_second, goal),
            Self::Lines if look.is_multiple_of(LOOKS_PER_LINE) => {
                let since = passed(seen, goal);
                info!(
                    nodes = goal.nodes,
                    online = seen.online,
                    applied = seen.applied,
                    calls_per_second,
                    held = seen.held,
                    "{since} of {}",
                    goal.duration
                );
            }
            Self::Lines => {}
        }
    }
}

struct Bars {
    all: MultiProgress,
    nodes: ProgressBar,
    time: ProgressBar,
    work: ProgressBar,
}

impl Bars {
    fn new(all: MultiProgress, goal: Goal) -> Self {
        let bar = |template: &str, length: u64| {
            let style = ProgressStyle::with_template(template).expect("the templates below are well-formed");
            all.add(ProgressBar::new(length).with_style(style.progress_chars("━╸┄")))
        };
        Self {
            nodes: bar("nodes    {bar:20.cyan}  {wide_msg}", goal.nodes),
            time: bar("time     {bar:20.cyan}  {wide_msg}", goal.duration.as_milliseconds()),
            work: bar("applied  {wide_msg}", 0),
            all,
        }
    }

    fn show(&self, seen: &Snapshot, calls_per_second: u64, goal: Goal) {
        let since = passed(seen, goal);
        self.nodes.set_position(seen.online.min(goal.nodes));
        self.nodes.set_message(nodes_line(seen, goal));
        self.time.set_position(since.as_milliseconds());
        self.time.set_message(format!("{since} of {}, simulated", goal.duration));
        self.work.set_message(work_line(seen, calls_per_second));
    }

    fn clear(self) {
        for bar in [self.nodes, self.time, self.work] {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }
}

/// A line that the run tells, wrapped between its words.
fn narrated(since: &str, line: &str, width: usize) -> String {
    let lines = wrap(line.split(' '), " ", width.saturating_sub(SINCE + 2).max(20));
    format!("{since:>SINCE$}  {}", lines.join(&format!("\n{:1$}", "", SINCE + 2)))
}

/// How wide the terminal is that stderr is.
fn width() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
}

fn nodes_line(seen: &Snapshot, goal: Goal) -> String {
    let asleep = match seen.asleep {
        0 => String::new(),
        asleep => format!(", {} fell asleep", HumanCount(asleep)),
    };
    format!("{} of {} online{asleep}", HumanCount(seen.online), HumanCount(goal.nodes))
}

fn work_line(seen: &Snapshot, calls_per_second: u64) -> String {
    let held = match seen.held {
        0 => String::new(),
        held => format!("   {} calls held", HumanCount(held)),
    };
    format!("{} associations   {} calls/s{held}", HumanCount(seen.applied), HumanCount(calls_per_second))
}

/// How much of the run's time is over.
fn passed(seen: &Snapshot, goal: Goal) -> Period {
    let whole = seen.now.since(goal.start).as_milliseconds() / 1000;
    Period::seconds(whole).min(goal.duration)
}

/// Calls per second over the last looks.
#[derive(Debug, Default)]
struct Speedometer {
    looks: VecDeque<(Duration, u64)>,
}

impl Speedometer {
    fn look(&mut self, wall: Duration, calls: u64) -> u64 {
        self.looks.push_back((wall, calls));
        if self.looks.len() > LOOKS_PER_RATE + 1 {
            self.looks.pop_front();
        }
        let (since, before) = self.looks[0];
        let seconds = wall.saturating_sub(since).as_secs_f64();
        if seconds > 0.0 { ((calls - before) as f64 / seconds).round() as u64 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOAL: Goal =
        Goal { nodes: 1_000_000, start: Timestamp::from_seconds(1_000), duration: Period::minutes(55) };

    #[test]
    fn lines_fit_beside_their_bars_on_a_narrow_terminal() {
        let seen = Snapshot {
            online: 1_000_000,
            asleep: 10_000,
            applied: 1_230_000,
            calls: 12_345_678,
            held: 14_000,
            now: Timestamp::from_seconds(1_000 + 730),
        };
        let nodes = nodes_line(&seen, GOAL);
        assert_eq!(nodes, "1,000,000 of 1,000,000 online, 10,000 fell asleep");
        assert!("nodes    ".len() + 20 + 2 + nodes.len() <= 80);
        let work = work_line(&seen, 83_600);
        assert_eq!(work, "1,230,000 associations   83,600 calls/s   14,000 calls held");
        assert!("applied  ".len() + work.len() <= 80);
        assert_eq!(work_line(&Snapshot::default(), 0), "0 associations   0 calls/s");
        assert_eq!(passed(&seen, GOAL).to_string(), "12m10s");
        assert_eq!(passed(&Snapshot { now: Timestamp::from_seconds(99_999), ..seen }, GOAL), GOAL.duration);
    }

    #[test]
    fn what_the_run_tells_is_wrapped_between_words() {
        let expected = "   14m00s  The plane comes under\n           load.";
        assert_eq!(narrated("14m00s", "The plane comes under load.", 33), expected);
    }

    #[test]
    fn the_rate_is_that_of_the_last_two_seconds() {
        let mut pace = Speedometer::default();
        let wall = |look: u64| Duration::from_millis(200 * look);
        assert_eq!(pace.look(wall(0), 0), 0);
        assert_eq!(pace.look(wall(1), 100), 500);
        for look in 2..=50 {
            pace.look(wall(look), 100);
        }
        assert_eq!(pace.look(wall(51), 100), 0, "what is long over does not count");
        assert_eq!(pace.look(wall(52), 300), 100);
    }

    #[test]
    fn a_display_ends_when_it_is_told() {
        let progress = Arc::new(Progress::default());
        for screen in [Screen::Nothing, Screen::Lines, Screen::Bars(MultiProgress::new())] {
            Display::start(progress.clone(), GOAL, screen).unwrap().finish();
        }
        assert_eq!(Arc::strong_count(&progress), 1, "no thread is left that looks");
    }
}
