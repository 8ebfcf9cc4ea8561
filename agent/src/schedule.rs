//! The agent's own reading of a schedule.
//!
//! Looser than the service's: no minimum, no plural rule, blanks optional, upper
//! and lower case alike, no `at(…)` (agent/association/scheduleexpression). Its
//! cron is another dialect than the service's as well, see `cron`; neither
//! reader knows the other.

mod cron;
mod field;

use shared::time::{Period, Timestamp};

use cron::Cron;

/// When a run follows a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// So long after the last run.
    Rate(Period),
    /// At the instants of a cron expression.
    Cron(Cron),
}

/// What the agent makes of a schedule and a last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The first instant after the last run; it may lie in the past.
    At(Timestamp),
    /// There is none any more. The agent's library then answers with the zero
    /// time, which lies in the past for ever: it is due at once, again and again.
    Exhausted,
    /// The agent's library looks for the first of no values, and the worker
    /// process dies of it: `cron(0 22-2 * * ? *)`.
    Fatal,
}

impl Schedule {
    /// Reads an expression as the agent does; `None` where the agent reports
    /// `InvalidExpression`, which includes `at(…)`.
    pub fn parse(expression: &str) -> Option<Self> {
        let lower = expression.to_ascii_lowercase();
        if let Some(inside) = bracketed(&lower, "cron(") {
            return Cron::parse(inside).map(Self::Cron);
        }
        let inside = bracketed(&lower, "rate(")?;
        let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
        let count: u64 = inside[..digits].parse().ok()?;
        let unit = match inside[digits..].trim_start() {
            "minute" | "minutes" => Period::minutes(1),
            "hour" | "hours" => Period::hours(1),
            "day" | "days" => Period::days(1),
            _ => return None,
        };
        (count >= 1).then_some(Self::Rate(unit * count))
    }

    /// What follows the last run.
    pub fn next(&self, last: Timestamp) -> Next {
        match self {
            Self::Rate(period) => Next::At(last + *period),
            Self::Cron(cron) => cron.next(last),
        }
    }
}

fn bracketed<'a>(text: &'a str, opening: &str) -> Option<&'a str> {
    text.strip_prefix(opening)?.strip_suffix(')')
}

#[cfg(test)]
mod tests;
