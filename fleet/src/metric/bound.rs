//! What is asked of a metric, and what it must be: `p(99) < 10m`.

use std::fmt;

use shared::nearest::nearest;

use super::{Kind, Metric, Rate};

/// A bound on a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// What is asked.
    pub aggregate: Aggregate,
    /// How it must lie.
    pub comparison: Comparison,
    /// To what: microseconds of a duration, a share from 0 to 1, or a number.
    pub value: f64,
    /// How it was written.
    text: String,
}

/// What is asked of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregate {
    /// The mean.
    Average,
    /// The least.
    Minimum,
    /// What half do not exceed.
    Median,
    /// The greatest.
    Maximum,
    /// What so many in a hundred do not exceed.
    Percentile(f64),
    /// How many there are.
    Count,
    /// What share of all.
    Share,
    /// How many in a simulated second.
    PerSecond,
    /// What it is now.
    Value,
}

/// How two numbers must lie to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is a sign of arithmetic")]
pub enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    NotEqual,
}

/// What unit a number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Duration,
    /// A share from 0 to 1.
    Share,
    /// So many in a second.
    PerSecond,
    /// None.
    Number,
}

/// A text that bounds nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBound {
    /// Not of the form.
    #[error("`{0}` is no bound: expected one such as {1}")]
    Form(String, &'static str),
    /// A sign that means something else.
    #[error("`{0}` sets no bound: write `==` for is, `!=` for is not, or <, <=, >, >=")]
    Sign(String),
    /// The metric cannot be asked so.
    #[error("`{aggregate}` cannot be asked of {metric}: expected {expected}")]
    Aggregate {
        /// What was asked.
        aggregate: String,
        /// The metric.
        metric: &'static str,
        /// What can be asked, with the nearest first where one is near.
        expected: String,
    },
    /// The number does not fit.
    #[error("`{value}` cannot be compared with {aggregate} of {metric}: expected {expected}")]
    Value {
        /// The value.
        value: String,
        /// What was asked.
        aggregate: String,
        /// The metric.
        metric: &'static str,
        /// What would fit.
        expected: &'static str,
    },
}

/// Signs, longer ones first, so that none is taken for the beginning of another.
const SIGNS: [(&str, Comparison); 6] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    (">", Comparison::More),
];

impl Bound {
    /// Reads a bound on this metric. Of what is a number at a time, that it is
    /// its value which is asked for need not be said.
    pub fn parse(metric: Metric, text: &str) -> Result<Self, InvalidBound> {
        let text = text.trim();
        let kind = metric.description().kind;
        let form = || InvalidBound::Form(text.to_owned(), kind.example());
        let at = text.find(['<', '>', '=', '!']).ok_or_else(form)?;
        let (asked, rest) = text.split_at(at);
        let found = SIGNS.iter().find_map(|(sign, comparison)| Some((rest.strip_prefix(sign)?, *comparison)));
        let sign = || InvalidBound::Sign(text.to_owned());
        let (value, comparison) = found.ok_or_else(sign)?;
        let (asked, value) = (asked.trim(), value.trim());
        if value.is_empty() {
            return Err(form());
        }
        if value.starts_with(['=', '<', '>']) {
            return Err(sign());
        }
        let aggregate = aggregate(metric, asked)?;
        let (aggregate, value) = number(metric, kind, aggregate, asked, value)?;
        Ok(Self { aggregate, comparison, value, text: text.to_owned() })
    }

    /// Whether this number lies as it must.
    pub fn holds(&self, number: f64) -> bool {
        match self.comparison {
            Comparison::Less => number < self.value,
            Comparison::AtMost => number <= self.value,
            Comparison::More => number > self.value,
            Comparison::AtLeast => number >= self.value,
            Comparison::Equal => number == self.value,
            Comparison::NotEqual => number != self.value,
        }
    }

    /// The unit of what is compared.
    pub fn unit(&self, metric: Metric) -> Unit {
        unit(metric.description().kind, self.aggregate)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Kind {
    /// A bound as an example.
    const fn example(self) -> &'static str {
        match self {
            Self::Durations => "p(99) < 10m",
            Self::Counter(_) => "count == 0",
            Self::Gauge => "value >= 900",
            Self::Factor => "max < 5",
        }
    }
}

fn unit(kind: Kind, aggregate: Aggregate) -> Unit {
    match (kind, aggregate) {
        (_, Aggregate::Share) => Unit::Share,
        (_, Aggregate::PerSecond) => Unit::PerSecond,
        (Kind::Durations, Aggregate::Count) => Unit::Number,
        (Kind::Durations, _) => Unit::Duration,
        _ => Unit::Number,
    }
}

/// What is asked of a metric; a rate is the first that it has, until its number is known.
fn aggregate(metric: Metric, asked: &str) -> Result<Aggregate, InvalidBound> {
    let kind = metric.description().kind;
    let found = match (kind, asked) {
        (Kind::Durations, "avg") | (Kind::Gauge, "avg") => Some(Aggregate::Average),
        (Kind::Durations | Kind::Gauge, "min") => Some(Aggregate::Minimum),
        (Kind::Durations | Kind::Gauge | Kind::Factor, "max") => Some(Aggregate::Maximum),
        (Kind::Durations, "med") => Some(Aggregate::Median),
        (Kind::Durations | Kind::Counter(_), "count") => Some(Aggregate::Count),
        (Kind::Counter([Rate::PerSecond]), "rate") => Some(Aggregate::PerSecond),
        (Kind::Counter([_, ..]), "rate") => Some(Aggregate::Share),
        (Kind::Gauge | Kind::Factor, "" | "value") => Some(Aggregate::Value),
        (Kind::Durations, asked) => percentile(asked).map(Aggregate::Percentile),
        _ => None,
    };
    found.ok_or_else(|| {
        let names: &[&str] = match kind {
            Kind::Durations => &["avg", "min", "med", "max", "p(99)", "count"],
            Kind::Counter([]) => &["count"],
            Kind::Counter(_) => &["count", "rate"],
            Kind::Gauge => &["value", "avg", "min", "max"],
            Kind::Factor => &["value", "max"],
        };
        let expected = match nearest(asked, names.iter().copied()) {
            Some(nearest) => format!("`{nearest}`"),
            None => names.join(", "),
        };
        InvalidBound::Aggregate { aggregate: asked.to_owned(), metric: metric.as_str(), expected }
    })
}

fn percentile(asked: &str) -> Option<f64> {
    let number: f64 = asked.strip_prefix("p(")?.strip_suffix(')')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number)
}

/// The number of a bound; its unit says what kind of rate it is.
fn number(
    metric: Metric,
    kind: Kind,
    aggregate: Aggregate,
    asked: &str,
    text: &str,
) -> Result<(Aggregate, f64), InvalidBound> {
    let rates = if let Kind::Counter(rates) = kind { rates } else { &[] };
    let has_share = rates.iter().any(|rate| matches!(rate, Rate::Share(_)));
    let has_pace = rates.contains(&Rate::PerSecond);
    let expected = match (unit(kind, aggregate), has_share, has_pace) {
        (Unit::Share | Unit::PerSecond, true, true) => "a share such as 0.1%, or a rate such as 5/s",
        (Unit::Share, ..) => "a share such as 0.1%",
        (Unit::PerSecond, ..) => "a rate such as 5/s",
        (Unit::Duration, ..) => "a duration such as 250ms, 90s, 10m or 2h",
        (Unit::Number, ..) => "a number without a unit",
    };
    let asked = if asked.is_empty() { "the value" } else { asked };
    let wrong = || InvalidBound::Value {
        value: text.to_owned(),
        aggregate: asked.to_owned(),
        metric: metric.as_str(),
        expected,
    };
    let value = match unit(kind, aggregate) {
        Unit::Duration => duration(text),
        Unit::Number => plain(text),
        Unit::Share | Unit::PerSecond => {
            return match (text.strip_suffix('%'), text.strip_suffix("/s")) {
                (Some(percent), _) if has_share => plain(percent)
                    .filter(|share| *share <= 100.0)
                    .map(|share| (Aggregate::Share, share / 100.0)),
                (_, Some(pace)) if has_pace => plain(pace).map(|pace| (Aggregate::PerSecond, pace)),
                // As k6 writes a share.
                (None, None) if has_share => {
                    plain(text).filter(|share| *share <= 1.0).map(|share| (Aggregate::Share, share))
                }
                _ => None,
            }
            .ok_or_else(wrong);
        }
    };
    value.map(|value| (aggregate, value)).ok_or_else(wrong)
}

fn plain(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_plain.then(|| text.parse().ok()).flatten()
}

/// Microseconds.
fn duration(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 7] = [
        ("us", 1.0),
        ("µs", 1.0),
        ("ms", 1_000.0),
        ("s", 1_000_000.0),
        ("m", 60_000_000.0),
        ("h", 3_600_000_000.0),
        ("d", 86_400_000_000.0),
    ];
    let (unit, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    Some(plain(text.strip_suffix(unit)?)? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_read() {
        use Aggregate::*;
        let cases = [
            (Metric::TimeToSuccess, "p(99) < 10m", Percentile(99.0), Comparison::Less, 600e6),
            (Metric::Latency, "p(99.9)<250ms", Percentile(99.9), Comparison::Less, 250e3),
            (Metric::Latency, "med <= 0.5ms", Median, Comparison::AtMost, 500.0),
            (Metric::Latency, "avg > 80us", Average, Comparison::More, 80.0),
            (Metric::Latency, "count >= 10", Count, Comparison::AtLeast, 10.0),
            (Metric::MissedHeartbeats, "rate < 0.1%", Share, Comparison::Less, 0.001),
            (Metric::MissedHeartbeats, "rate < 0.001", Share, Comparison::Less, 0.001),
            (Metric::Errors, "count == 0", Count, Comparison::Equal, 0.0),
            (Metric::Errors, "rate < 5/s", PerSecond, Comparison::Less, 5.0),
            (Metric::Calls, "rate != 12.5 /s", PerSecond, Comparison::NotEqual, 12.5),
            (Metric::HerdFactor, "max < 5", Maximum, Comparison::Less, 5.0),
            (Metric::Online, "< 900", Value, Comparison::Less, 900.0),
            (Metric::Online, "min > 1", Minimum, Comparison::More, 1.0),
        ];
        for (metric, text, aggregate, comparison, value) in cases {
            let bound = Bound::parse(metric, text).unwrap();
            assert_eq!((bound.aggregate, bound.comparison), (aggregate, comparison), "{text}");
            assert!((bound.value - value).abs() < 1e-9, "{text}: {}", bound.value);
            assert_eq!(bound.to_string(), text);
        }
    }

    #[test]
    fn what_bounds_nothing_is_refused_with_what_would() {
        let cases = [
            (Metric::Latency, "", "`` is no bound: expected one such as p(99) < 10m"),
            (Metric::Errors, "count", "expected one such as count == 0"),
            (Metric::Errors, "count ==", "expected one such as count == 0"),
            (Metric::Errors, "count = 0", "write `==` for is"),
            (Metric::Errors, "count === 0", "write `==` for is"),
            (Metric::Errors, "avg < 5", "`avg` cannot be asked of errors: expected count, rate"),
            (Metric::Errors, "cuont == 0", "expected `count`"),
            (Metric::Held, "rate < 1%", "`rate` cannot be asked of held: expected count"),
            (Metric::Latency, "p99 < 5ms", "`p99` cannot be asked of latency: expected `p(99)`"),
            (
                Metric::Latency,
                "value < 5ms",
                "`value` cannot be asked of latency: expected avg, min, med, max, p(99)",
            ),
            (Metric::Latency, "p(101) < 5ms", "`p(101)` cannot be asked"),
            (
                Metric::Latency,
                "p(99) < 250",
                "`250` cannot be compared with p(99) of latency: expected a duration",
            ),
            (Metric::Latency, "count < 5ms", "expected a number without a unit"),
            (Metric::Online, "< 90%", "`90%` cannot be compared with the value of online: expected a number"),
            (Metric::MissedHeartbeats, "rate < 5/s", "expected a share such as 0.1%"),
            (Metric::MissedHeartbeats, "rate < 5", "expected a share such as 0.1%"),
            (Metric::Calls, "rate < 5%", "expected a rate such as 5/s"),
            (Metric::Errors, "rate < 5", "expected a share such as 0.1%, or a rate such as 5/s"),
            (Metric::Errors, "rate < -5%", "expected a share"),
        ];
        for (metric, text, expected) in cases {
            let error = Bound::parse(metric, text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
