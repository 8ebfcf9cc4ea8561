//! Chance that can be repeated: draws are keyed, not streamed.
//!
//! A draw is a hash of (seed, who, what for, which time). Asking for one draw
//! more changes no other draw, and any machine can make the draws of any node.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128_with_seed};

use crate::time::Period;

/// The number that a whole run follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

/// A source of draws for one thing: a node, a cohort, the plane's id giver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Draw {
    key: u64,
}

/// 64 bits that tell these bytes from others, the same on any machine.
pub fn digest(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

impl Seed {
    /// The draws of the thing called `name` with this `number` among its kind.
    pub fn draw(self, name: &str, number: u64) -> Draw {
        Draw { key: xxh3_64_with_seed(name.as_bytes(), self.0) }.part(number)
    }
}

impl Draw {
    /// The draws of a part of this thing: its `number`-th incarnation, run, step.
    pub fn part(self, number: u64) -> Self {
        Self { key: xxh3_64_with_seed(&number.to_le_bytes(), self.key) }
    }

    /// 64 even bits for the `number`-th use of this purpose.
    pub fn bits(self, purpose: &str, number: u64) -> u64 {
        self.wide_bits(purpose, number) as u64
    }

    /// 128 even bits for the `number`-th use of this purpose.
    pub fn wide_bits(self, purpose: &str, number: u64) -> u128 {
        let key = xxh3_64_with_seed(&number.to_le_bytes(), self.key);
        xxh3_128_with_seed(purpose.as_bytes(), key)
    }

    /// A number from 0 to below 1.
    pub fn uniform(self, purpose: &str, number: u64) -> f64 {
        // The 53 high bits are as many as an f64 holds exactly.
        (self.bits(purpose, number) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A period from zero to below `limit`.
    pub fn period(self, purpose: &str, number: u64, limit: Period) -> Period {
        limit.share(self.uniform(purpose, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_its_key_and_on_nothing_else() {
        let draw = Seed(7).draw("web", 41_207);
        assert_eq!(draw.bits("poll", 3), Seed(7).draw("web", 41_207).bits("poll", 3));
        let others = [
            Seed(8).draw("web", 41_207).bits("poll", 3),
            Seed(7).draw("db", 41_207).bits("poll", 3),
            Seed(7).draw("web", 41_208).bits("poll", 3),
            draw.bits("health", 3),
            draw.bits("poll", 4),
            draw.part(1).bits("poll", 3),
        ];
        assert!(others.iter().all(|&other| other != draw.bits("poll", 3)));
    }

    #[test]
    fn uniform_draws_are_even() {
        let draw = Seed(1).draw("any", 0);
        let draws: Vec<f64> = (0..10_000).map(|n| draw.uniform("x", n)).collect();
        let mean = draws.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert!(draws.iter().all(|d| (0.0..1.0).contains(d)));
        let low = draws.iter().filter(|d| **d < 0.1).count();
        assert!((900..1100).contains(&low), "{low}");
    }
}
