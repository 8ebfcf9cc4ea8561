//! One of several values, by weight: the versions of a fleet that is being
//! upgraded, the rings of a rollout.
//!
//! Which one a node has follows from its own draws, so a share is met on average
//! and not to the node.
//!
//! Invariant: a mix holds at least one value of a weight above zero.

use shared::seed::Draw;

/// Values and their weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix<T> {
    choices: Vec<(u32, T)>,
    total: u64,
}

/// Why values and weights are no mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mix needs at least one value of a weight above 0")]
pub struct InvalidMix;

impl<T> Mix<T> {
    /// Always the same value.
    pub fn of_one(value: T) -> Self {
        Self { choices: vec![(1, value)], total: 1 }
    }

    /// These values, each as often as its weight is of all.
    pub fn new(choices: impl IntoIterator<Item = (u32, T)>) -> Result<Self, InvalidMix> {
        let choices: Vec<_> = choices.into_iter().filter(|(weight, _)| *weight > 0).collect();
        let total = choices.iter().map(|(weight, _)| u64::from(*weight)).sum();
        if total == 0 { Err(InvalidMix) } else { Ok(Self { choices, total }) }
    }

    /// The values, whatever their weight.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &T> {
        self.choices.iter().map(|(_, value)| value)
    }

    /// The place among the values of the one that whoever has these draws has.
    pub fn place(&self, draw: Draw, purpose: &str) -> usize {
        if self.choices.len() == 1 {
            return 0;
        }
        let mut rest = (draw.uniform(purpose, 0) * self.total as f64) as u64;
        for (place, (weight, _)) in self.choices.iter().enumerate() {
            match rest.checked_sub(u64::from(*weight)) {
                Some(left) => rest = left,
                None => return place,
            }
        }
        self.choices.len() - 1
    }

    /// The value that whoever has these draws has.
    pub fn of(&self, draw: Draw, purpose: &str) -> &T {
        &self.choices[self.place(draw, purpose)].1
    }
}

#[cfg(test)]
mod tests {
    use shared::seed::Seed;

    use super::*;

    #[test]
    fn values_come_as_often_as_their_weights_say() {
        let mix = Mix::new([(1, "canary"), (0, "none"), (9, "early"), (90, "broad")]).unwrap();
        let mut counts = [0; 3];
        for index in 0..10_000 {
            let draw = Seed(5).draw("web", index);
            counts[mix.place(draw, "ring")] += 1;
            assert_eq!(mix.of(draw, "ring"), mix.of(draw, "ring"));
        }
        assert!((70..130).contains(&counts[0]), "{counts:?}");
        assert!((820..980).contains(&counts[1]), "{counts:?}");
        assert_eq!(counts.iter().sum::<i32>(), 10_000);
        assert!(mix.values().all(|value| *value != "none"));
    }

    #[test]
    fn nothing_is_no_mix() {
        assert_eq!(Mix::<u8>::new([]), Err(InvalidMix));
        assert_eq!(Mix::new([(0, 1)]), Err(InvalidMix));
        assert_eq!(Mix::of_one(3).of(Seed(1).draw("a", 0), "x"), &3);
    }
}
