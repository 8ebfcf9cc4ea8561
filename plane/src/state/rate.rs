//! How many nodes at once, and how many errors: numbers or shares of the targets.
//!
//! MaxConcurrency and MaxErrors are texts such as `10` and `10%`. What they come
//! to is known once the targets of an execution are counted (E.1): shares are
//! rounded down, and somebody may always run.

/// A number, or a share of the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// So many.
    Number(u32),
    /// So many of a hundred.
    Percent(u8),
}

impl Share {
    /// All of them.
    pub(crate) const ALL: Self = Self::Percent(100);

    /// Reads `10` or `10%`, as the constraints of the members allow them.
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text.strip_suffix('%') {
            Some(share) => share.parse().ok().filter(|share| *share <= 100).map(Self::Percent),
            None => text.parse().ok().map(Self::Number),
        }
    }

    fn of(self, targets: u32) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Percent(share) => {
                u32::try_from(u64::from(targets) * u64::from(share) / 100).expect("a part of a u32")
            }
        }
    }

    /// How many of these targets may run at once: at least one, if there is one.
    pub(crate) fn limit(self, targets: u32) -> u32 {
        self.of(targets).max(1).min(targets)
    }

    /// How many errors of these targets do not stop an execution; the next one does.
    pub(crate) fn budget(self, targets: u32) -> u32 {
        self.of(targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_down_and_somebody_may_always_run() {
        // Targets; limits for 10 %, 25 % and 50 %; budget for 10 %.
        let cases = [
            (1, [1, 1, 1], 0),
            (3, [1, 1, 1], 0),
            (9, [1, 2, 4], 0),
            (10, [1, 2, 5], 1),
            (19, [1, 4, 9], 1),
            (20, [2, 5, 10], 2),
            (50, [5, 12, 25], 5),
            (999, [99, 249, 499], 99),
        ];
        for (targets, limits, budget) in cases {
            let found = ["10%", "25%", "50%"].map(|text| Share::read(text).unwrap().limit(targets));
            assert_eq!(found, limits, "{targets}");
            assert_eq!(Share::read("10%").unwrap().budget(targets), budget, "{targets}");
        }
    }

    #[test]
    fn a_number_is_taken_as_it_is_and_never_beyond_the_targets() {
        let cases = [
            ("1", 50, 1, 1),
            ("50", 10, 10, 50),
            ("0", 10, 1, 0),
            ("100%", 7, 7, 7),
            ("1%", 0, 0, 0),
            ("9999999", 3, 3, 9_999_999),
        ];
        for (text, targets, limit, budget) in cases {
            let share = Share::read(text).unwrap();
            assert_eq!((share.limit(targets), share.budget(targets)), (limit, budget), "{text} of {targets}");
        }
        assert_eq!((Share::read("101%"), Share::read("x"), Share::read("")), (None, None, None));
    }
}
