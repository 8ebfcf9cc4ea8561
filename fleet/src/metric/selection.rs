//! Which metric is meant, and of what: `errors{operation=GetDocument}`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use shared::nearest::nearest;

use super::{Label, METRICS, Metric};

/// A metric, narrowed down by labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selection {
    /// Which metric.
    pub metric: Metric,
    /// Only what has these labels.
    pub labels: BTreeMap<Label, String>,
}

/// A text that names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelection {
    /// Not of the form.
    #[error("`{0}` is no metric: expected one such as online, or errors{{code=ThrottlingException}}")]
    Form(String),
    /// There is no such metric.
    #[error("no metric is called `{name}`{}", one_of(nearest, METRICS.iter().map(|known| known.name)))]
    Metric {
        /// The name that was given.
        name: String,
        /// The one that comes nearest.
        nearest: Option<&'static str>,
    },
    /// The metric has no such label.
    #[error("`{metric}` has no label `{label}`: {}", labels(metric))]
    Label {
        /// The metric.
        metric: &'static str,
        /// The label that was given.
        label: String,
    },
    /// A label was given twice.
    #[error("label `{0}` is given twice: give it once")]
    Twice(&'static str),
    /// A label cannot have this value.
    #[error("no {label} is called `{value}`{}", one_of(nearest, std::iter::empty()))]
    Value {
        /// The label.
        label: &'static str,
        /// The value that was given.
        value: String,
        /// The one that comes nearest.
        nearest: Option<String>,
    },
}

fn one_of<'a>(nearest: &Option<impl fmt::Display>, all: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.collect();
    match nearest {
        Some(nearest) => format!(": the nearest is `{nearest}`"),
        None if all.is_empty() => String::new(),
        None => format!(": expected one of {}", all.join(", ")),
    }
}

fn labels(metric: &str) -> String {
    let description = METRICS.iter().find(|known| known.name == metric);
    let labels: Vec<&str> =
        description.into_iter().flat_map(|known| known.labels).map(|label| label.as_str()).collect();
    if labels.is_empty() { "it has none".to_owned() } else { format!("it has {}", labels.join(", ")) }
}

impl Selection {
    /// All of a metric.
    pub fn all(metric: Metric) -> Self {
        Self { metric, labels: BTreeMap::new() }
    }

    /// The value of a label, if it is given.
    pub fn label(&self, label: Label) -> Option<&str> {
        self.labels.get(&label).map(String::as_str)
    }

    /// Reads the metric that a text begins with; gives the rest as well.
    pub fn parse_front(text: &str) -> Result<(Self, &str), InvalidSelection> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() {
            return Err(InvalidSelection::Form(text.to_owned()));
        }
        let Some(description) = METRICS.iter().find(|known| known.name == name) else {
            let nearest = nearest(name, METRICS.iter().map(|known| known.name));
            return Err(InvalidSelection::Metric { name: name.to_owned(), nearest });
        };
        let mut selection = Self::all(description.metric);
        let rest = match rest.strip_prefix('{') {
            None => rest,
            Some(inner) => {
                let form = || InvalidSelection::Form(text.to_owned());
                let (pairs, rest) = pairs(inner).ok_or_else(form)?;
                for (label, value) in pairs {
                    selection.add(description, label, value)?;
                }
                rest
            }
        };
        Ok((selection, rest.trim_start()))
    }

    fn add(
        &mut self,
        description: &'static super::Description,
        label: &str,
        value: &str,
    ) -> Result<(), InvalidSelection> {
        let metric = description.name;
        let known = description.labels.iter().find(|known| known.as_str() == label);
        let label = *known.ok_or_else(|| InvalidSelection::Label { metric, label: label.to_owned() })?;
        let name = label.as_str();
        if let Some(values) = label.values()
            && !values.contains(&value)
        {
            let nearest = nearest(value, values).map(str::to_owned);
            // A plane that is not ours may have refusals of its own.
            if label != Label::Code || nearest.is_some() {
                return Err(InvalidSelection::Value { label: name, value: value.to_owned(), nearest });
            }
        }
        match self.labels.insert(label, value.to_owned()) {
            Some(_) => Err(InvalidSelection::Twice(name)),
            None => Ok(()),
        }
    }
}

/// What stands between braces: labels and values, which may stand in quotation
/// marks; and what comes after.
fn pairs(mut text: &str) -> Option<(Vec<(&str, &str)>, &str)> {
    let mut pairs = Vec::new();
    loop {
        let (label, rest) = text.split_once('=')?;
        let rest = rest.trim_start();
        let (value, rest) = match rest.chars().next()? {
            mark @ ('"' | '\'') => rest[1..].split_once(mark)?,
            _ => rest.split_at(rest.find([',', '}'])?),
        };
        pairs.push((label.trim(), value.trim()));
        let rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix('}') {
            return (pairs.iter().all(|(_, value)| !value.is_empty())).then_some((pairs, rest));
        }
        text = rest.strip_prefix(',')?;
    }
}

impl FromStr for Selection {
    type Err = InvalidSelection;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Self::parse_front(text)? {
            (selection, "") => Ok(selection),
            _ => Err(InvalidSelection::Form(text.to_owned())),
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric.as_str())?;
        if self.labels.is_empty() {
            return Ok(());
        }
        let pairs: Vec<String> = self
            .labels
            .iter()
            .map(|(label, value)| match value.contains([',', '}', ' ']) {
                true => format!("{}=\"{value}\"", label.as_str()),
                false => format!("{}={value}", label.as_str()),
            })
            .collect();
        write!(f, "{{{}}}", pairs.join(","))
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_read_with_its_labels_and_written_back() {
        let cases = [
            ("online", "online"),
            (" online{ cohort = web } ", "online{cohort=web}"),
            (
                "errors{operation=GetDocument,code=ThrottlingException}",
                "errors{code=ThrottlingException,operation=GetDocument}",
            ),
            ("errors{code=SomethingOfTheirOwn}", "errors{code=SomethingOfTheirOwn}"),
            ("time_to_success{association=\"patch, all\"}", "time_to_success{association=\"patch, all\"}"),
            ("runs{association='a}b',status=Failed}", "runs{association=\"a}b\",status=Failed}"),
        ];
        for (text, written) in cases {
            let selection: Selection = text.parse().unwrap();
            assert_eq!(selection.to_string(), written);
            assert_eq!(written.parse(), Ok(selection));
        }
    }

    #[test]
    fn what_is_no_metric_is_refused_with_what_would_be_one() {
        let cases = [
            ("", "`` is no metric: expected one such as online, or errors{code=ThrottlingException}"),
            ("onlin", "no metric is called `onlin`: the nearest is `online`"),
            ("memory", "no metric is called `memory`: expected one of calls, errors, "),
            ("errors{kode=x}", "`errors` has no label `kode`: it has code, operation"),
            ("held{cohort=web}", "`held` has no label `cohort`: it has none"),
            ("errors{code=Throttlin}", "no code is called `Throttlin`: the nearest is `Throttling`"),
            (
                "errors{code=ThrotlingException}",
                "no code is called `ThrotlingException`: the nearest is `ThrottlingException`",
            ),
            (
                "latency{operation=GetDocuments}",
                "no operation is called `GetDocuments`: the nearest is `GetDocument`",
            ),
            ("latency{operation=CreateAssociation}", "no operation is called `CreateAssociation`"),
            ("runs{status=Fialed}", "no status is called `Fialed`: the nearest is `Failed`"),
            ("online{cohort=web", "is no metric"),
            ("online{cohort=}", "is no metric"),
            ("online{}", "is no metric"),
            ("online{cohort=web,cohort=db}", "label `cohort` is given twice"),
            ("online now", "`online now` is no metric"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Selection>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
