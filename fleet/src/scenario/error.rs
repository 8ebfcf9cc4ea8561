//! Why a scenario cannot be used, in words for who wrote it.

use std::path::PathBuf;

use super::tree::Problem;

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is no such scenario.
    #[error(
        "no scenario `{name}`: no such file, and the built-in ones are {built_in}{}",
        nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
    )]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        built_in: String,
        /// The one that comes nearest, if one comes near.
        nearest: Option<&'static str>,
    },
    /// The file cannot be read.
    #[error("cannot read scenario {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no such setting of the plane.
    #[error(
        "no setting of the plane is called `{name}`; {}ssm-fleet plane --settings lists them all",
        nearest.map(|nearest| format!("the nearest is `{nearest}`, and ")).unwrap_or_default()
    )]
    UnknownSetting {
        /// The name that was given.
        name: String,
        /// The name that comes nearest, if one comes near.
        nearest: Option<&'static str>,
    },
    /// A setting of the plane was given twice.
    #[error("setting `{name}` of the plane is given twice: give it once")]
    RepeatedSetting {
        /// Its name.
        name: String,
    },
    /// A setting of the plane cannot be so.
    #[error("setting `{name}` of the plane cannot be `{value}`: expected {expected}")]
    Setting {
        /// Its name.
        name: String,
        /// The value that was given.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// The file of what other services know cannot be read.
    #[error("cannot read the world from {}", path.display())]
    UnreadableWorld {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was written says something that cannot be.
    #[error("{}", listed(.0))]
    Wrong(Vec<Problem>),
}

/// Each mistake on a line of its own.
fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n       ")
}
