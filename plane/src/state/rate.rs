//! How many nodes at once, and how many errors: numbers or shares of the targets.
//!
//! MaxConcurrency and MaxErrors are texts such as `10` and `10%`. What they come
//! to is known once the targets of an execution are counted (E.1): shares are
//! rounded down, and somebody may always run.

use crate::config::choice::Rounding;
use crate::config::{CommandConcurrency, DefaultConcurrency, PlaneConfig};

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

    fn of(self, targets: u32, rounding: Rounding) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Percent(share) => {
                let hundredths = u64::from(targets) * u64::from(share);
                let added = match rounding {
                    Rounding::Down => 0,
                    Rounding::Nearest => 50,
                    Rounding::Up => 99,
                };
                u32::try_from((hundredths + added) / 100).expect("a part of a u32")
            }
        }
    }

    /// How many of these targets may run at once: at least one, if there is one.
    pub(crate) fn limit(self, targets: u32, rounding: Rounding) -> u32 {
        self.of(targets, rounding).max(1).min(targets)
    }

    /// How many errors of these targets do not stop an execution; the next one does.
    pub(crate) fn budget(self, targets: u32, rounding: Rounding) -> u32 {
        self.of(targets, rounding)
    }
}

/// What the settings say of rate control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateRules {
    /// How many nodes run at once where an association, or a command, does not say.
    pub(crate) default_limit: Share,
    pub(crate) rounding: Rounding,
}

impl RateRules {
    pub(crate) fn of(config: &PlaneConfig) -> Self {
        let default_limit = match config.default_max_concurrency {
            DefaultConcurrency::All => Share::ALL,
            DefaultConcurrency::Nodes(nodes) => Share::Number(nodes),
        };
        Self { default_limit, rounding: config.percent_rounding }
    }

    /// What they say of commands.
    pub(crate) fn of_commands(config: &PlaneConfig) -> Self {
        let default_limit = match config.default_command_concurrency {
            CommandConcurrency::Nodes(nodes) => Share::Number(nodes),
            CommandConcurrency::All => Share::ALL,
        };
        Self { default_limit, rounding: config.percent_rounding }
    }

    /// How many of so many targets run at once, and how many errors they may
    /// have, where an association says this much.
    pub(crate) fn bounds(
        self,
        max_concurrency: Option<&str>,
        max_errors: Option<&str>,
        targets: u32,
    ) -> (u32, u32) {
        let limit = max_concurrency.and_then(Share::read).unwrap_or(self.default_limit);
        let budget = max_errors.and_then(Share::read).unwrap_or(Share::ALL);
        (limit.limit(targets, self.rounding), budget.budget(targets, self.rounding))
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
            let found =
                ["10%", "25%", "50%"].map(|text| Share::read(text).unwrap().limit(targets, Rounding::Down));
            assert_eq!(found, limits, "{targets}");
            assert_eq!(Share::read("10%").unwrap().budget(targets, Rounding::Down), budget, "{targets}");
        }
    }

    #[test]
    fn how_shares_are_rounded_is_a_setting() {
        let bounds = |percent_rounding, targets| {
            let config = PlaneConfig { percent_rounding, ..PlaneConfig::default() };
            RateRules::of(&config).bounds(Some("25%"), Some("10%"), targets)
        };
        let cases = [(10, (2, 1), (3, 1), (3, 1)), (3, (1, 0), (1, 0), (1, 1)), (7, (1, 0), (2, 1), (2, 1))];
        for (targets, down, nearest, up) in cases {
            let found = [Rounding::Down, Rounding::Nearest, Rounding::Up].map(|one| bounds(one, targets));
            assert_eq!(found, [down, nearest, up], "{targets}");
        }
        let config =
            PlaneConfig { default_max_concurrency: DefaultConcurrency::Nodes(50), ..PlaneConfig::default() };
        assert_eq!(RateRules::of(&config).bounds(None, None, 80), (50, 80));
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
            assert_eq!(
                (share.limit(targets, Rounding::Down), share.budget(targets, Rounding::Down)),
                (limit, budget),
                "{text} of {targets}"
            );
        }
        assert_eq!((Share::read("101%"), Share::read("x"), Share::read("")), (None, None, None));
    }
}
