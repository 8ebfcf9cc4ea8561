//! A socket on which things go wrong: the bytes of a call or a control channel
//! are delayed, cut, sliced, held or lost, as its [`Conditions`] say.
//!
//! It lies below TLS, around the socket itself. Bytes on their way up are taken
//! at once, as the system's own buffers do, and leave when the conditions let
//! them; bytes on their way down are read when their time has come. Conditions
//! may change while it is open: what is held then goes on, as TCP would have it.
//!
//! Invariant: no byte is changed, and none overtakes another.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use shared::time::Period;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Clock;
use crate::fault::passage::{DIAL_LIMIT, Passage, Slices, Stretch};

/// The most bytes that are held on their way up before the writer waits.
const ROOM: usize = 256 << 10;
/// The most bytes in a piece.
const PIECE: usize = 16 << 10;
/// Bytes that pass slowly do so in pieces of this part of a second.
const PIECES_PER_SECOND: f64 = 20.0;

/// What a socket is like, in wall time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions {
    up: Way,
    down: Way,
    /// After what time it is reset.
    resets_after: Option<Duration>,
    /// How long it takes to give up where no connection opens.
    dial_limit: Duration,
}

/// One of the two ways.
#[derive(Debug, Clone, PartialEq, Default)]
struct Way {
    delay: Duration,
    bytes_per_second: Option<f64>,
    most_bytes: Option<u64>,
    slices: Option<(Slices, Duration)>,
    /// Whether nothing gets through.
    is_closed: bool,
    /// After what time the connection is closed, where nothing gets through.
    closes_after: Option<Duration>,
    is_cut: bool,
}

impl Conditions {
    /// What a passage means where a simulated period takes so much wall time.
    pub fn new(passage: &Passage, wall_time: impl Fn(Period) -> Duration) -> Self {
        Self {
            up: Way::new(&passage.up, &wall_time),
            down: Way::new(&passage.down, &wall_time),
            resets_after: passage.resets_after.map(&wall_time),
            dial_limit: wall_time(DIAL_LIMIT),
        }
    }

    /// Whether no connection opens, and if so, when that is given up.
    pub(super) fn opens_never(&self) -> Option<Duration> {
        self.up.is_cut.then_some(self.dial_limit)
    }

    /// When the socket ends by itself.
    fn ends_after(&self) -> Option<(Duration, io::ErrorKind)> {
        let closes = [self.up.closes_after, self.down.closes_after].into_iter().flatten().min();
        let closes = closes.map(|after| (after, io::ErrorKind::ConnectionAborted));
        let resets = self.resets_after.map(|after| (after, io::ErrorKind::ConnectionReset));
        closes.into_iter().chain(resets).min_by_key(|(after, _)| *after)
    }
}

impl Way {
    fn new(stretch: &Stretch, wall_time: &impl Fn(Period) -> Duration) -> Self {
        let second = wall_time(Period::seconds(1)).as_secs_f64();
        Self {
            delay: wall_time(stretch.delay),
            bytes_per_second: stretch.bytes_per_second.map(|rate| rate.get() as f64 / second),
            most_bytes: stretch.most_bytes,
            slices: stretch.slices.map(|slices| (slices, wall_time(slices.delay))),
            is_closed: stretch.hole.is_some() || stretch.is_cut,
            closes_after: stretch.hole.and_then(|hole| hole.closes_after).map(wall_time),
            is_cut: stretch.is_cut,
        }
    }

    /// How many bytes the next piece has at the most, after so many.
    fn piece(&self, passed: u64) -> usize {
        let slice = self.slices.map_or(PIECE, |(slices, _)| slices.size(passed) as usize);
        let paced = self.bytes_per_second.map_or(PIECE, |rate| ((rate / PIECES_PER_SECOND) as usize).max(1));
        slice.min(paced).min(PIECE)
    }

    /// How long a piece of so many bytes is on its way; the first one of a
    /// message is on it for longer, and others come one after the other.
    fn takes(&self, bytes: usize, is_first: bool) -> Duration {
        let passing =
            self.bytes_per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(bytes as f64 / rate));
        let between = self.slices.map_or(Duration::ZERO, |(_, delay)| delay);
        passing + if is_first { self.delay } else { between }
    }
}

/// Waits for so much wall time.
type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;
/// Waits for other conditions; says whether there may be more.
type Changed = Pin<Box<dyn Future<Output = (watch::Receiver<Conditions>, bool)> + Send>>;

/// A socket on which things go wrong.
pub(super) struct Faulty {
    socket: TcpStream,
    conditions: Conditions,
    changed: Option<Changed>,
    sleep: Arc<dyn Fn(Duration) -> Sleep + Send + Sync>,
    ends: Option<(Sleep, io::ErrorKind)>,
    has_ended: Option<io::ErrorKind>,
    up: Flow,
    down: Flow,
}

/// Bytes on one of the two ways.
#[derive(Default)]
struct Flow {
    waiting: Vec<u8>,
    /// How many of them are under way, and until when.
    under_way: Option<(usize, Sleep)>,
    /// How many have arrived but are not taken yet.
    arrived: usize,
    passed: u64,
    /// Whether the last piece was followed by nothing for a while.
    is_paused: bool,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { socket, conditions, .. } = self;
        f.debug_struct("Faulty")
            .field("socket", socket)
            .field("conditions", conditions)
            .finish_non_exhaustive()
    }
}

impl Faulty {
    /// Puts a socket under conditions, which may change.
    pub(super) fn new<C: Clock>(
        socket: TcpStream,
        conditions: watch::Receiver<Conditions>,
        clock: C,
    ) -> Self {
        let sleep = move |wall| -> Sleep {
            let clock = clock.clone();
            Box::pin(async move { _ = clock.timeout(wall, std::future::pending::<()>()).await })
        };
        let fresh = || Flow { is_paused: true, ..Flow::default() };
        let mut faulty = Self {
            socket,
            conditions: Conditions::default(),
            changed: None,
            sleep: Arc::new(sleep),
            ends: None,
            has_ended: None,
            up: fresh(),
            down: fresh(),
        };
        faulty.follow(conditions);
        faulty
    }

    /// Takes over the conditions as they are, and waits for others.
    fn follow(&mut self, mut conditions: watch::Receiver<Conditions>) {
        self.conditions = conditions.borrow_and_update().clone();
        self.ends = self.conditions.ends_after().map(|(after, kind)| ((self.sleep)(after), kind));
        self.changed = Some(Box::pin(async move {
            let is_changed = conditions.changed().await.is_ok();
            (conditions, is_changed)
        }));
    }

    /// Looks whether conditions have changed, or the socket's end has come.
    fn poll_conditions(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Some(changed) = &mut self.changed {
            match changed.as_mut().poll(cx) {
                Poll::Pending => break,
                Poll::Ready((conditions, true)) => self.follow(conditions),
                Poll::Ready((_, false)) => self.changed = None,
            }
        }
        if let Some((sleep, kind)) = &mut self.ends {
            let kind = *kind;
            if sleep.as_mut().poll(cx).is_ready() {
                self.ends = None;
                self.end(kind);
            }
        }
        self.has_ended.map_or(Ok(()), |kind| Err(kind.into()))
    }

    /// Ends the socket: the other side sees its end when the caller drops it.
    fn end(&mut self, kind: io::ErrorKind) -> io::Error {
        if kind == io::ErrorKind::ConnectionReset {
            // A farewell instead of a reset where the system does not know this.
            _ = self.socket.set_zero_linger();
        }
        self.has_ended = Some(kind);
        kind.into()
    }

    /// Lets bytes go up whose time has come; ready once none is left.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.up.arrived > 0 {
                let ready = &self.up.waiting[..self.up.arrived];
                let written = ready!(Pin::new(&mut self.socket).poll_write(cx, ready))?;
                self.up.taken(written);
                continue;
            }
            if self.up.waiting.is_empty() {
                self.up.is_paused = true;
                return Poll::Ready(Ok(()));
            }
            if !ready!(self.up.poll_piece(&self.conditions.up, &self.sleep, cx)) {
                return Poll::Ready(Err(self.end(io::ErrorKind::ConnectionAborted)));
            }
        }
    }
}

impl Flow {
    /// Waits until a piece of what waits has arrived. Answers whether one may pass at all.
    fn poll_piece(
        &mut self,
        way: &Way,
        sleep: &Arc<dyn Fn(Duration) -> Sleep + Send + Sync>,
        cx: &mut Context<'_>,
    ) -> Poll<bool> {
        if self.under_way.is_none() {
            if way.is_closed {
                // What changes that, or ends the socket, wakes whoever waits.
                return Poll::Pending;
            }
            let left = way.most_bytes.map_or(u64::MAX, |most| most.saturating_sub(self.passed));
            if left == 0 {
                return Poll::Ready(false);
            }
            let bytes = way.piece(self.passed).min(self.waiting.len()).min(left as usize);
            let takes = way.takes(bytes, std::mem::take(&mut self.is_paused));
            if takes.is_zero() {
                self.arrived = bytes;
                return Poll::Ready(true);
            }
            self.under_way = Some((bytes, sleep(takes)));
        }
        if let Some((bytes, sleep)) = &mut self.under_way {
            ready!(sleep.as_mut().poll(cx));
            self.arrived = *bytes;
            self.under_way = None;
        }
        Poll::Ready(true)
    }

    fn taken(&mut self, bytes: usize) {
        self.waiting.drain(..bytes);
        self.arrived -= bytes;
        self.passed += bytes as u64;
    }
}

impl AsyncRead for Faulty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let faulty = &mut *self;
        faulty.poll_conditions(cx)?;
        // Whoever reads waits for an answer to what is still on its way up.
        if let Poll::Ready(drained) = faulty.drain(cx) {
            drained?;
        }
        loop {
            if faulty.down.arrived > 0 {
                let bytes = faulty.down.arrived.min(buffer.remaining());
                buffer.put_slice(&faulty.down.waiting[..bytes]);
                faulty.down.taken(bytes);
                return Poll::Ready(Ok(()));
            }
            if faulty.down.waiting.is_empty() {
                if faulty.conditions.down.is_closed {
                    return Poll::Pending;
                }
                let mut room = [0; PIECE];
                let mut read = ReadBuf::new(&mut room);
                match Pin::new(&mut faulty.socket).poll_read(cx, &mut read) {
                    Poll::Pending => {
                        faulty.down.is_paused = true;
                        return Poll::Pending;
                    }
                    Poll::Ready(result) => result?,
                }
                if read.filled().is_empty() {
                    return Poll::Ready(Ok(()));
                }
                faulty.down.waiting.extend_from_slice(read.filled());
            }
            let sleep = faulty.sleep.clone();
            if !ready!(faulty.down.poll_piece(&faulty.conditions.down, &sleep, cx)) {
                return Poll::Ready(Err(faulty.end(io::ErrorKind::ConnectionAborted)));
            }
        }
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_conditions(cx)?;
        if self.up.waiting.len() >= ROOM {
            ready!(self.drain(cx))?;
        }
        self.up.waiting.extend_from_slice(bytes);
        if let Poll::Ready(drained) = self.drain(cx) {
            drained?;
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// What cannot leave yet leaves while the answer is waited for: a writer that
    /// waited here would wait for a way that may stay closed.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_conditions(cx)?;
        if let Poll::Ready(drained) = self.drain(cx) {
            drained?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_conditions(cx)?;
        if !self.conditions.up.is_closed {
            ready!(self.drain(cx))?;
        }
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
