//! What one call meets on its way: several faults at once, their chances drawn.
//!
//! A passage is made when the call is. On a socket `client::faulty` carries it out
//! on the bytes; in virtual time [`Passage::way_up`] and [`Passage::way_down`] say
//! what comes of it, a delay or an end: the same kind of end as on a socket.
//!
//! Invariant: a passage is a value. The same faults, call and draw give the same.

use std::num::NonZeroU64;
use std::sync::Arc;

use shared::error::{ApiError, ErrorCode};
use shared::seed::Draw;
use shared::time::Period;

use super::http::{FailFirst, ReplaceStatus};
use super::network::{Bandwidth, Direction, Latency, LimitData, Partition, ResetPeer, Slicer, Timeout};
use crate::call::Answer;
use crate::client::odd;

/// How long it takes to give up opening a connection (Go: `DefaultTransport`, dial 30 s).
pub const DIAL_LIMIT: Period = Period::seconds(30);

/// About how many bytes the head of a request has, the session's token in it.
const REQUEST_HEAD: u64 = 1_100;
/// About how many bytes the head of an answer has.
const ANSWER_HEAD: u64 = 250;

/// What one call meets on its way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Passage {
    /// On the way to the plane.
    pub up: Stretch,
    /// On the way back.
    pub down: Stretch,
    /// After what time its connection is reset.
    pub resets_after: Option<Period>,
    /// What is done to the call itself.
    pub meddling: Meddling,
    /// The faults that it meets, by their names and their numbers on the board.
    pub faults: Vec<(u32, Arc<str>)>,
    /// Those of them which keep it until they are lifted.
    pub holders: Vec<u32>,
}

/// One of the two ways.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stretch {
    /// How much later a message arrives.
    pub delay: Period,
    /// How many bytes pass in a second at the most.
    pub bytes_per_second: Option<NonZeroU64>,
    /// How many bytes pass at all.
    pub most_bytes: Option<u64>,
    /// The pieces in which bytes pass.
    pub slices: Option<Slices>,
    /// Whether nothing gets through, and if so, when the connection is closed.
    pub hole: Option<Hole>,
    /// Whether there is no way at all, so that no connection opens.
    pub is_cut: bool,
}

/// Pieces of bytes, one after the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slices {
    /// How many bytes a piece has, on average.
    pub average_size: NonZeroU64,
    /// How many more or fewer at the most.
    pub variation: u64,
    /// The time between two.
    pub delay: Period,
    /// Where sizes are drawn.
    pub draw: Draw,
}

/// Where bytes disappear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hole {
    /// After what time the connection is closed; never of itself if not said.
    pub closes_after: Option<Period>,
}

/// What is done to a call itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Meddling {
    /// Nothing.
    #[default]
    None,
    /// It is cut off before it reaches the plane.
    Aborts,
    /// This is answered in the plane's stead, which hears nothing of it.
    Answers(Stated),
    /// The plane's answer is lost.
    LosesAnswer,
    /// This takes the place of the plane's answer.
    Replaces(Stated),
}

/// An answer that is none of the plane's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The HTTP status.
    pub status: u16,
    /// The name of the error in the body; an empty body if not said.
    pub code: Option<ErrorCode>,
}

/// What comes of one of the two ways, in virtual time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// The message arrives so much later.
    Arrives(Period),
    /// After so long the connection breaks, and nothing arrived.
    Breaks(Period),
    /// Nothing arrives, until somebody gives up: after so long if that is said.
    Hangs(Option<Period>),
}

impl Stated {
    /// What a node makes of it.
    pub fn answer(&self) -> Answer {
        match &self.code {
            Some(code) => Answer::Refused(ApiError::new(code.clone(), MESSAGE), self.status),
            None => Answer::Unreadable(self.status, odd::look(self.status, None, b"").into()),
        }
    }

    /// Its body, as AWS JSON 1.1.
    pub fn body(&self) -> Vec<u8> {
        self.code.as_ref().map_or_else(Vec::new, |code| {
            serde_json::json!({ "__type": code.as_str(), "message": MESSAGE }).to_string().into_bytes()
        })
    }
}

/// What such an answer says of itself.
const MESSAGE: &str = "A fault of the scenario.";

impl From<&ReplaceStatus> for Stated {
    fn from(fault: &ReplaceStatus) -> Self {
        Self { status: fault.status, code: fault.code.clone() }
    }
}

impl From<&FailFirst> for Stated {
    fn from(fault: &FailFirst) -> Self {
        Self { status: fault.status, code: fault.code.clone() }
    }
}

impl Passage {
    /// Meets a latency, its jitter drawn.
    pub fn delay(&mut self, fault: &Latency, draw: Draw) {
        for (way, stretch) in self.ways(fault.direction) {
            let least = fault.delay - fault.jitter;
            let span = fault.delay + fault.jitter - least + Period::milliseconds(1);
            stretch.delay = stretch.delay + least + draw.period("jitter", way, span);
        }
    }

    /// Meets a bound on bytes in a second.
    pub fn narrow(&mut self, fault: &Bandwidth) {
        let rate = fault.bytes_per_second;
        for (_, stretch) in self.ways(fault.direction) {
            stretch.bytes_per_second = Some(stretch.bytes_per_second.map_or(rate, |other| other.min(rate)));
        }
    }

    /// Meets a black hole.
    pub fn swallow(&mut self, fault: &Timeout) {
        for (_, stretch) in self.ways(fault.direction) {
            let others = stretch.hole.and_then(|hole| hole.closes_after);
            let closes_after = fault.after.into_iter().chain(others).min();
            stretch.hole = Some(Hole { closes_after });
        }
    }

    /// Meets a reset.
    pub fn reset(&mut self, fault: &ResetPeer) {
        self.resets_after = Some(self.resets_after.map_or(fault.after, |other| other.min(fault.after)));
    }

    /// Meets a bound on bytes.
    pub fn limit(&mut self, fault: &LimitData) {
        for (_, stretch) in self.ways(fault.direction) {
            stretch.most_bytes = Some(stretch.most_bytes.map_or(fault.bytes, |other| other.min(fault.bytes)));
        }
    }

    /// Meets a slicer; a second one takes the first one's place.
    pub fn slice(&mut self, fault: &Slicer, draw: Draw) {
        let Slicer { average_size, size_variation: variation, delay, .. } = *fault;
        for (way, stretch) in self.ways(fault.direction) {
            stretch.slices = Some(Slices { average_size, variation, delay, draw: draw.part(way) });
        }
    }

    /// Meets a partition.
    pub fn cut(&mut self, fault: &Partition) {
        self.ways(fault.direction).for_each(|(_, stretch)| stretch.is_cut = true);
    }

    fn ways(&mut self, direction: Direction) -> impl Iterator<Item = (u64, &mut Stretch)> {
        let up = direction.is_up().then_some((0, &mut self.up));
        let down = direction.is_down().then_some((1, &mut self.down));
        up.into_iter().chain(down)
    }

    /// What comes of a request with a body of so many bytes.
    pub fn way_up(&self, body: usize) -> Course {
        if self.meddling == Meddling::Aborts {
            return Course::Breaks(Period::ZERO);
        }
        if self.up.is_cut {
            return Course::Hangs(Some(DIAL_LIMIT));
        }
        self.before_the_reset(self.up.course(body as u64 + REQUEST_HEAD, Period::ZERO), Period::ZERO)
    }

    /// What comes of an answer with a body of so many bytes, to a call that was
    /// made so long ago.
    pub fn way_down(&self, body: usize, since: Period) -> Course {
        if self.meddling == Meddling::LosesAnswer {
            return Course::Breaks(Period::ZERO);
        }
        if self.down.is_cut {
            return Course::Hangs(None);
        }
        self.before_the_reset(self.down.course(body as u64 + ANSWER_HEAD, since), since)
    }

    /// The same, if the connection still stands then.
    fn before_the_reset(&self, course: Course, since: Period) -> Course {
        let Some(after) = self.resets_after else { return course };
        let left = after - since;
        match course {
            Course::Arrives(takes) | Course::Breaks(takes) if takes < left => course,
            Course::Arrives(_) | Course::Breaks(_) | Course::Hangs(_) => Course::Breaks(left),
        }
    }
}

impl Stretch {
    fn course(&self, bytes: u64, since: Period) -> Course {
        if let Some(hole) = self.hole {
            return hole.closes_after.map_or(Course::Hangs(None), |after| Course::Breaks(after - since));
        }
        match self.most_bytes.filter(|most| *most < bytes) {
            Some(most) => Course::Breaks(self.takes(most)),
            None => Course::Arrives(self.takes(bytes)),
        }
    }

    /// How much longer so many bytes take.
    fn takes(&self, bytes: u64) -> Period {
        let passing = self.bytes_per_second.map_or(0, |rate| bytes.saturating_mul(1_000) / rate);
        let between = self.slices.map_or(Period::ZERO, |slices| {
            slices.delay * bytes.div_ceil(slices.average_size.get()).saturating_sub(1)
        });
        self.delay + Period::milliseconds(passing) + between
    }
}

impl Slices {
    /// How many bytes the piece has that begins after so many.
    pub fn size(&self, passed: u64) -> u64 {
        let average = self.average_size.get();
        let variation = self.variation.min(average - 1);
        average - variation + self.draw.bits("slice", passed) % (2 * variation + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::LostAcknowledgement;
    use super::*;
    use shared::seed::Seed;

    fn draw() -> Draw {
        Seed(3).draw("call", 0)
    }

    fn read<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
        serde_json::from_value(json).unwrap()
    }

    fn met(meet: impl FnOnce(&mut Passage)) -> Passage {
        let mut passage = Passage::default();
        meet(&mut passage);
        passage
    }

    #[test]
    fn what_comes_of_each_fault_on_its_way() {
        use serde_json::json;
        let second = Period::seconds;
        let none = Course::Arrives(Period::ZERO);
        // What is met, what comes of 900 bytes up, and of 750 bytes down 2 s after the call.
        let cases = [
            (met(|_| ()), none, none),
            (met(|p| p.delay(&read(json!({"delay": "3s"})), draw())), none, Course::Arrives(second(3))),
            (
                met(|p| p.delay(&read(json!({"delay": "3s", "direction": "both"})), draw())),
                Course::Arrives(second(3)),
                Course::Arrives(second(3)),
            ),
            (
                met(|p| p.narrow(&read(json!({"bytes_per_second": 500, "direction": "both"})))),
                Course::Arrives(second(4)),
                Course::Arrives(second(2)),
            ),
            (met(|p| p.swallow(&read(json!({})))), Course::Hangs(None), Course::Hangs(None)),
            (
                met(|p| p.swallow(&read(json!({"after": "5s", "direction": "down"})))),
                none,
                Course::Breaks(second(3)),
            ),
            (met(|p| p.reset(&read(json!({})))), Course::Breaks(Period::ZERO), Course::Breaks(Period::ZERO)),
            (met(|p| p.reset(&read(json!({"after": "3s"})))), none, none),
            (
                met(|p| {
                    p.reset(&read(json!({"after": "3s"})));
                    p.delay(&read(json!({"delay": "2s"})), draw());
                }),
                none,
                Course::Breaks(second(1)),
            ),
            (met(|p| p.limit(&read(json!({"bytes": 1_000})))), none, none),
            (met(|p| p.limit(&read(json!({"bytes": 999})))), none, Course::Breaks(Period::ZERO)),
            (
                met(|p| p.slice(&read(json!({"average_size": 100, "delay": "1s"})), draw())),
                none,
                Course::Arrives(second(9)),
            ),
            (met(|p| p.cut(&read(json!({})))), Course::Hangs(Some(DIAL_LIMIT)), Course::Hangs(None)),
            (met(|p| p.cut(&read(json!({"direction": "down"})))), none, Course::Hangs(None)),
            (met(|p| p.meddling = Meddling::Aborts), Course::Breaks(Period::ZERO), none),
            (met(|p| p.meddling = Meddling::LosesAnswer), none, Course::Breaks(Period::ZERO)),
        ];
        for (passage, up, down) in cases {
            assert_eq!(passage.way_up(900), up, "{passage:?}");
            assert_eq!(passage.way_down(750, second(2)), down, "{passage:?}");
        }
    }

    #[test]
    fn jitter_lies_on_both_sides_of_the_delay() {
        let latency: Latency = read(serde_json::json!({"delay": "200ms", "jitter": "50ms"}));
        let delays = (0..1_000).map(|call| met(|p| p.delay(&latency, draw().part(call))).down.delay);
        let delays: Vec<u64> = delays.map(Period::as_milliseconds).collect();
        assert!(delays.iter().all(|delay| (150..=250).contains(delay)));
        let mean = delays.iter().sum::<u64>() / 1_000;
        assert!((190..=210).contains(&mean), "{mean}");
    }

    #[test]
    fn pieces_are_about_as_large_as_is_said() {
        let slicer: Slicer = read(serde_json::json!({"average_size": 100, "size_variation": 20}));
        let slices = met(|p| p.slice(&slicer, draw())).down.slices.unwrap();
        let sizes: Vec<u64> = (0..1_000).map(|passed| slices.size(passed)).collect();
        assert!(sizes.iter().all(|size| (80..=120).contains(size)));
        assert!(sizes.contains(&80) && sizes.contains(&120));
        let wild: Slicer = read(serde_json::json!({"average_size": 1, "size_variation": 20}));
        assert_eq!(met(|p| p.slice(&wild, draw())).down.slices.unwrap().size(0), 1);
    }

    #[test]
    fn an_answer_that_is_none_of_the_planes_reads_as_one() {
        let lost: LostAcknowledgement = read(serde_json::json!({}));
        assert_eq!(lost.share, super::super::Share::ALL);
        let stated = Stated { status: 400, code: Some(ErrorCode::ThrottlingException) };
        let Answer::Refused(error, 400) = stated.answer() else { panic!("{stated:?}") };
        let body: shared::error::ErrorBody = serde_json::from_slice(&stated.body()).unwrap();
        assert_eq!(ApiError::from(body), error);
        let look = "HTTP 503 with an empty body".into();
        assert_eq!(Stated { status: 503, code: None }.answer(), Answer::Unreadable(503, look));
    }
}
