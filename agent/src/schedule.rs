//! The agent's own reading of a schedule.
//!
//! Looser than the service's: no minimum, no plural rule, blanks optional,
//! upper and lower case alike (agent/association/scheduleexpression). The
//! agent's dialect of cron is not carried out yet: such an association is known
//! and never due, which the caller counts.

use shared::time::{Period, Timestamp};

/// When a run follows a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// So long after the last run.
    Rate(Period),
    /// A cron expression, which this version does not follow.
    Cron,
}

impl Schedule {
    /// Reads an expression as the agent does; `None` where the agent reports
    /// `InvalidExpression`, which includes `at(…)`.
    pub fn parse(expression: &str) -> Option<Self> {
        let lower = expression.to_ascii_lowercase();
        if let Some(inside) = bracketed(&lower, "cron(") {
            return (inside.split_whitespace().count() >= 5).then_some(Self::Cron);
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

    /// The first instant after the last run; it may lie in the past.
    pub fn next(&self, last: Timestamp) -> Timestamp {
        match self {
            Self::Rate(period) => last + *period,
            Self::Cron => Timestamp::NEVER,
        }
    }
}

fn bracketed<'a>(text: &'a str, opening: &str) -> Option<&'a str> {
    text.strip_prefix(opening)?.strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_reads_rates_loosely() {
        let cases = [
            ("rate(30 minutes)", Some(Period::minutes(30))),
            ("RATE(1Hours)", Some(Period::hours(1))),
            ("rate(007 days)", Some(Period::days(7))),
            ("rate(0 days)", None),
            ("rate(banana)", None),
            ("rate(5 weeks)", None),
            ("at(2030-01-01T00:00:00)", None),
            ("rate(5 days", None),
            ("", None),
        ];
        for (text, period) in cases {
            assert_eq!(Schedule::parse(text), period.map(Schedule::Rate), "{text}");
        }
        assert_eq!(Schedule::parse("cron(0 2 ? * SUN *)"), Some(Schedule::Cron));
        assert_eq!(Schedule::parse("cron(0 2 ?)"), None);
    }
}
