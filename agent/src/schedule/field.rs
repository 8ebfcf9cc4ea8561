//! One field of the agent's cron: a list of values, ranges and steps.
//!
//! As in the library that the agent uses (gorhill/cronexpr): a field is a list of
//! terms; `*` and `?` mean everything; a step runs to the field's end; a range
//! that runs backwards has no values, and nobody complains. Terms that only the
//! day fields know (`L`, `15W`, `2#3`) are handed back to [`super::cron`].
//!
//! The text is in lower case.

/// The values that a field can have.
pub(super) struct Kind {
    /// Its smallest value.
    pub(super) least: u16,
    /// Its largest value.
    pub(super) most: u16,
    /// What else than a number stands for a value.
    names: &'static [&'static [&'static str]],
}

pub(super) const SECOND: Kind = Kind { least: 0, most: 59, names: &[] };
pub(super) const MINUTE: Kind = Kind { least: 0, most: 59, names: &[] };
pub(super) const HOUR: Kind = Kind { least: 0, most: 23, names: &[] };
pub(super) const DAY_OF_MONTH: Kind = Kind { least: 1, most: 31, names: &[] };
pub(super) const MONTH: Kind = Kind { least: 1, most: 12, names: &[MONTHS, LONG_MONTHS] };
/// 0 is Sunday, and so is 7.
pub(super) const DAY_OF_WEEK: Kind = Kind { least: 0, most: 6, names: &[WEEKDAYS, LONG_WEEKDAYS] };
pub(super) const YEAR: Kind = Kind { least: 1970, most: 2099, names: &[] };

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const LONG_MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const LONG_WEEKDAYS: &[&str] =
    &["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// A field's values, rising.
pub(super) type Values = Box<[u16]>;

/// A term of a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Term<'a> {
    /// `*` or `?`.
    All,
    /// From a value to a value, by steps.
    Span { first: u16, last: u16, step: u16 },
    /// Something that only one field understands.
    Special(&'a str),
}

impl Term<'_> {
    /// Its values in this field.
    pub(super) fn values(&self, kind: &Kind) -> Vec<u16> {
        match *self {
            Self::All => (kind.least..=kind.most).collect(),
            Self::Span { first, last, step } => (first..=last).step_by(step.into()).collect(),
            Self::Special(_) => Vec::new(),
        }
    }
}

impl Kind {
    /// The terms of a field; `None` if it has none, or one with an unusable step.
    pub(super) fn terms<'a>(&self, text: &'a str) -> Option<Vec<Term<'a>>> {
        let terms: Vec<_> = text
            .split(',')
            .filter(|term| !term.is_empty())
            .map(|term| self.term(term))
            .collect::<Option<_>>()?;
        (!terms.is_empty()).then_some(terms)
    }

    /// The values of a field that knows no special terms.
    pub(super) fn values(&self, text: &str) -> Option<Values> {
        let mut values = Vec::new();
        for term in self.terms(text)? {
            if matches!(term, Term::Special(_)) {
                return None;
            }
            values.extend(term.values(self));
        }
        values.sort_unstable();
        values.dedup();
        Some(values.into())
    }

    /// The value that a number or name stands for.
    pub(super) fn value(&self, text: &str) -> Option<u16> {
        for names in self.names {
            if let Some(at) = names.iter().position(|name| *name == text) {
                return Some(self.least + at as u16);
            }
        }
        let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        // A leading zero is taken where two digits can stand.
        let digits = if self.most > 99 { 4..=4 } else { 1..=2 };
        let number: u16 = text.parse().ok().filter(|_| is_number && digits.contains(&text.len()))?;
        let is_sunday = self.most == DAY_OF_WEEK.most && number == 7;
        let number = if is_sunday { 0 } else { number };
        (self.least..=self.most).contains(&number).then_some(number)
    }

    /// `None` where a step is out of the field's reach.
    fn term<'a>(&self, text: &'a str) -> Option<Term<'a>> {
        let (range, step) = match text.split_once('/') {
            None => (text, None),
            Some((range, step)) => (range, Some(step)),
        };
        let span = if matches!(range, "*" | "?") {
            Some((self.least, self.most))
        } else if let Some((first, last)) = range.split_once('-') {
            self.value(first).zip(self.value(last))
        } else {
            // A single value with a step runs to the field's end.
            self.value(range).map(|first| (first, if step.is_some() { self.most } else { first }))
        };
        let (Some((first, last)), is_plain) = (span, step.is_none()) else {
            return Some(Term::Special(text));
        };
        if is_plain {
            let is_all = matches!(range, "*" | "?");
            return Some(if is_all { Term::All } else { Term::Span { first, last, step: 1 } });
        }
        let step: u16 = step?.parse().ok()?;
        (1..=self.most).contains(&step).then_some(Term::Span { first, last, step })
    }
}
