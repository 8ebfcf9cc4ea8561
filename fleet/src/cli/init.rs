//! `ssm-fleet init`: a scenario with comments, to start from, or a built-in one.
//!
//! Invariant: a file that is there already stays as it is, and one that was begun
//! and not finished is never found under its name.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use crate::scenario::{BUILT_IN, built_in_list};

/// What is written; its name stands for that of the scenario.
const TEMPLATE: &str = include_str!("init.yaml");

/// The name in the template.
const NAME: &str = "NAME-OF-THE-SCENARIO";

/// Write a scenario with comments, to start from
#[derive(Debug, Args)]
#[command(after_help = built_in())]
pub struct Init {
    /// Its name, which is that of the file without .yaml; by the name of a built-in
    /// scenario, that one is written
    #[arg(default_value = "my-fleet")]
    name: PathBuf,
}

impl Init {
    /// Writes the file and says so.
    pub fn run(self) -> Result<Exit, Failure> {
        let is_yaml = self.name.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        let mut file = self.name.clone();
        if !is_yaml {
            file.as_mut_os_string().push(".yaml");
        }
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let text = match BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            Some((_, text)) => (*text).to_owned(),
            None => TEMPLATE.replace(NAME, &serde_json::Value::from(name).to_string()),
        };
        write_new(&file, &text).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => Failure::InitExists(file.clone()),
            _ => Failure::Init { file: file.clone(), source },
        })?;
        let said = format!("{0} is written; ssm-fleet run {0} runs it\n", file.display());
        io::stdout().write_all(said.as_bytes()).map_err(Failure::Output)?;
        Ok(Exit::Passed)
    }
}

/// What the help says of the built-in scenarios.
fn built_in() -> String {
    format!("Built-in scenarios:\n{}", built_in_list())
}

/// Writes a file that is not there yet: beside it first, so that it is whole when it appears.
fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let mut beside = file.to_owned();
    beside.as_mut_os_string().push(format!(".{}.part", std::process::id()));
    let written = std::fs::write(&beside, text).and_then(|()| match std::fs::hard_link(&beside, file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !file.exists() => {
            // A file system without links.
            std::fs::rename(&beside, file)
        }
        linked => linked,
    });
    // Once renamed it is no longer there.
    let _ = std::fs::remove_file(&beside);
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Overrides, Plan};
    use crate::run::VIRTUAL_START;
    use crate::scenario::Scenario;

    #[test]
    fn by_a_built_in_name_that_scenario_is_written() {
        let directory = tempfile::tempdir().unwrap();
        Init { name: directory.path().join("first-look") }.run().unwrap();
        let written = std::fs::read_to_string(directory.path().join("first-look.yaml")).unwrap();
        assert_eq!(written, crate::scenario::FIRST_LOOK);
    }

    #[test]
    fn what_is_written_is_a_scenario_of_this_name_and_never_over_another() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("boot storm");
        Init { name: file.clone() }.run().unwrap();
        let written = directory.path().join("boot storm.yaml");
        let scenario = Scenario::load(written.to_str().unwrap()).unwrap();
        assert_eq!(scenario.name, "boot storm");
        let plan = Plan::new(&scenario, &Overrides::default(), VIRTUAL_START).unwrap();
        assert!(plan.nodes() > 0 && !plan.associations.is_empty());

        std::fs::write(&written, "mine").unwrap();
        let failure = Init { name: written.clone() }.run().unwrap_err();
        let expected = "boot storm.yaml is there already and stays as it is: say another name, or remove it";
        assert!(failure.to_string().ends_with(expected), "{failure}");
        assert_eq!(std::fs::read_to_string(&written).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
