//! From the name of a scenario to what it says, with what it extends and what
//! flags set in it.
//!
//! Each file is read strictly by itself, though keys may be missing from it that
//! another one has. Then the files are laid over one another, what is extended
//! lowest, flags on top, and the whole must be a scenario. All mistakes are told,
//! each with the file and line, or the flag, that it comes from.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use super::tree::{self, Node, Place, Problem, Step, Wrong};
use super::{BUILT_IN, Scenario, ScenarioError, built_in_names, threshold};
use shared::nearest::nearest;

/// A scenario that was read, and the text of what was.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub scenario: Scenario,
    /// The same as one tree, without anything that it extends.
    tree: Node,
}

impl Loaded {
    /// What it says as one text, without anything that it extends.
    pub fn resolved(&self) -> String {
        tree::write(&self.tree)
    }

    /// Where the value at this path was written, or as much of the way as is there.
    pub fn place_of(&self, path: &[Cow<'_, str>]) -> Option<&Place> {
        (!path.is_empty()).then(|| self.tree.place_of(path))
    }
}

impl Scenario {
    /// The built-in scenario of this name, or the one in this file.
    pub fn load(name: &str) -> Result<Self, ScenarioError> {
        Self::load_with(name, &[]).map(|loaded| loaded.scenario)
    }

    /// The same, with these values set in it, each as `PATH=VALUE`.
    pub fn load_with(name: &str, set: &[String]) -> Result<Loaded, ScenarioError> {
        let first = Source::named(name, Path::new(""));
        match first.read() {
            Ok(text) => assemble(first, text, set),
            Err(error) => Err(first.failure(name, error)),
        }
    }

    /// Reads a scenario from its text; `name` is for the error.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let source = Source { name: name.to_owned(), built_in: None, path: PathBuf::from(name) };
        assemble(source, text.to_owned(), &[]).map(|loaded| loaded.scenario)
    }
}

/// Where a scenario's text is from.
struct Source {
    name: String,
    built_in: Option<&'static str>,
    path: PathBuf,
}

impl Source {
    /// The built-in scenario of this name, or the file, as seen from a directory.
    fn named(name: &str, directory: &Path) -> Self {
        let built_in = BUILT_IN.iter().find(|(built_in, _)| *built_in == name).map(|(_, text)| *text);
        let path = directory.join(name);
        let name = if built_in.is_some() { name.to_owned() } else { path.display().to_string() };
        Self { name, built_in, path }
    }

    fn read(&self) -> io::Result<String> {
        self.built_in.map_or_else(|| std::fs::read_to_string(&self.path), |text| Ok(text.to_owned()))
    }

    fn failure(self, name: &str, source: io::Error) -> ScenarioError {
        if source.kind() == io::ErrorKind::NotFound {
            return ScenarioError::Unknown {
                name: name.to_owned(),
                built_in: built_in_names(),
                nearest: nearest_built_in(name),
            };
        }
        ScenarioError::Unreadable { path: self.path, source }
    }

    /// Whether it is the same text as that of another.
    fn is(&self, other: &Self) -> bool {
        let place = |source: &Self| source.path.canonicalize().unwrap_or_else(|_| source.path.clone());
        match (self.built_in, other.built_in) {
            (None, None) => place(self) == place(other),
            _ => self.built_in.is_some() && self.name == other.name,
        }
    }
}

/// Reads a text and all that it extends, sets what is to be set, and reads the whole.
fn assemble(first: Source, text: String, set: &[String]) -> Result<Loaded, ScenarioError> {
    let mut problems = Vec::new();
    let mut trees = vec![read(&first, &text, &mut problems)?];
    let mut sources = vec![first];
    while let Some(extended) = trees.last_mut().and_then(|tree| tree.take("extends")) {
        let Some(name) = extended.text() else { break };
        let below = sources.last().expect("there is one for each tree");
        let directory = below.path.parent().filter(|_| below.built_in.is_none()).unwrap_or(Path::new(""));
        let next = Source::named(name, directory);
        let text = extend(&sources, &next).map_err(|reason| {
            ScenarioError::Wrong(vec![Problem::wrong(format!("extends: {reason}")).here(&extended.place)])
        })?;
        trees.push(read(&next, &text, &mut problems)?);
        sources.push(next);
    }
    if !problems.is_empty() {
        return Err(ScenarioError::Wrong(problems));
    }
    let mut whole = trees.pop().expect("there is one at least");
    while let Some(above) = trees.pop() {
        whole = tree::merge(whole, above);
    }
    for text in set {
        tree::set(&mut whole, text, threshold::respell)
            .map_err(|problem| ScenarioError::Wrong(vec![problem]))?;
    }
    // What files say of it was taken out above.
    if let Some(extended) = whole.get("extends") {
        let reason = "extends: a file says what it extends, a flag cannot: write `extends` into the file";
        return Err(ScenarioError::Wrong(vec![Problem::wrong(reason.to_owned()).here(&extended.place)]));
    }
    let scenario = tree::value_of(&whole);
    let scenario =
        scenario.map_err(|problems| ScenarioError::Wrong(problems.into_iter().map(no_list_yet).collect()))?;
    Ok(Loaded { scenario, tree: whole })
}

/// A flag may name an item of a list that is not there; then it made keys in its place.
fn no_list_yet(problem: Problem) -> Problem {
    let is_of_flag = matches!(problem.place, Some(Place::Flag(_)));
    match (&problem.wrong, problem.path.first()) {
        (Wrong::Value(reason), Some(Step::Key { key, .. }))
            if is_of_flag && reason == tree::KEYS_FOR_LIST =>
        {
            let reason =
                format!("there is no list here yet, so set the whole of it, such as {key}=[{{ … }}]");
            Problem { wrong: Wrong::Value(reason), ..problem }
        }
        _ => problem,
    }
}

/// The tree of a text, which is right as far as it goes if it adds no problem.
fn read(source: &Source, text: &str, problems: &mut Vec<Problem>) -> Result<Node, ScenarioError> {
    let name = format!("scenario {}", source.name);
    let mut tree = tree::read(&name, text).map_err(|problem| ScenarioError::Wrong(vec![problem]))?;
    problems.extend(threshold::respell_all(&mut tree));
    if let Err(more) = tree::check_alone::<Scenario>(&tree) {
        problems.extend(more);
    }
    Ok(tree)
}

/// The text that is extended, if it can be.
fn extend(sources: &[Source], next: &Source) -> Result<String, String> {
    if sources.iter().any(|source| source.is(next)) {
        let names: Vec<&str> = sources.iter().chain([next]).map(|source| source.name.as_str()).collect();
        return Err(format!("scenarios extend one another in a circle: {}", names.join(" -> ")));
    }
    next.read().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let hint = nearest_built_in(&next.name).map(|name| format!("; did you mean `{name}`?"));
            let hint = hint.unwrap_or_default();
            format!(
                "there is no file {}, and the built-in scenarios are {}{hint}",
                next.name,
                built_in_names()
            )
        }
        _ => format!("cannot read {}: {error}", next.name),
    })
}

/// The built-in scenario whose name comes nearest to this one, which may be a file's.
fn nearest_built_in(name: &str) -> Option<&'static str> {
    let stem = Path::new(name).file_stem()?.to_str()?;
    nearest(stem, BUILT_IN.iter().map(|(built_in, _)| *built_in))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::takes::Takes;
    use crate::scenario::{Instant, Time};

    const BASE: &str = "\
name: base
seed: 1
duration: 5m
time: virtual
labels: { team: web }
cohorts:
  - name: web
    platform: debian-12
    nodes: 10
    tags: { Env: prod }
    behaviours: [{ takes: { constant: 5s } }]
  - name: till
    platform: debian-12
    nodes: 5
";

    /// Loads `top.yaml`, which stands beside `base.yaml`.
    fn load(top: &str, set: &[&str]) -> Result<Loaded, String> {
        let directory = tempfile::tempdir().expect("there is room");
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text);
        write("base.yaml", BASE).and_then(|()| write("top.yaml", top)).expect("it can be written");
        let top = directory.path().join("top.yaml");
        let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
        let loaded = Scenario::load_with(top.to_str().expect("it is a text"), &set);
        loaded.map_err(|error| error.to_string().replace(&format!("{}/", directory.path().display()), ""))
    }

    #[test]
    fn what_is_said_above_takes_the_place_of_what_is_said_below() {
        let top = "\
extends: base.yaml
name: top
time: { scale: 60 }
labels: { ticket: \"7\" }
cohorts:
  - { name: till, nodes: 50 }
  - { name: new, platform: windows-2022, nodes: 1 }
";
        let loaded = load(top, &[]).unwrap();
        let (resolved, scenario) = (loaded.resolved(), loaded.scenario);
        assert_eq!((scenario.name.as_str(), scenario.seed, scenario.time), ("top", 1, Time::Scale(60.0)));
        assert_eq!(scenario.labels.len(), 2, "maps are laid over one another");
        let sizes: Vec<_> = scenario.cohorts.iter().map(|c| (c.name.as_str(), c.nodes)).collect();
        assert_eq!(
            sizes,
            [("web", Some(10)), ("till", Some(50)), ("new", Some(1))],
            "lists of named things by their names"
        );

        let again = Scenario::parse("resolved", &resolved).unwrap();
        assert_eq!(format!("{scenario:?}"), format!("{again:?}"), "the text says the same:\n{resolved}");
    }

    #[test]
    fn an_empty_list_takes_away_what_is_below() {
        let cohorts = load("extends: base.yaml\ncohorts: []\n", &[]).unwrap().scenario.cohorts;
        assert!(cohorts.is_empty(), "{cohorts:?}");
    }

    #[test]
    fn a_choice_takes_the_place_of_another() {
        let takes = |top: &str, set: &[&str]| {
            let scenario = load(top, set).unwrap().scenario;
            scenario.cohorts[0].behaviours[0].takes
        };
        let same = |text: &str| Some(serde_saphyr::from_str::<Takes>(text).unwrap());
        let below = "extends: base.yaml\n";
        assert_eq!(takes(below, &[]), same("5s"));
        let pareto = "cohorts.web.behaviours.0.takes.pareto={least: 1s, shape: 2}";
        assert_eq!(takes(below, &[pareto]), same("{ pareto: { least: 1s, shape: 2 } }"));
        assert_eq!(takes(below, &["cohorts.web.behaviours.0.takes=[1s, 2s]"]), same("[1s, 2s]"));
    }

    #[test]
    fn a_metric_is_the_same_however_its_labels_are_written() {
        let top = "\
extends: base.yaml
thresholds:
  errors{ operation = GetDocument, code=ThrottlingException }: [count == 0]
  latency{operation='GetDocument'}: [p(99) < 1s]
";
        let directory = tempfile::tempdir().expect("there is room");
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text);
        write("base.yaml", BASE).and_then(|()| write("top.yaml", top)).expect("it can be written");
        let variant = "\
extends: top.yaml
thresholds:
  errors{code=ThrottlingException,operation=GetDocument}: [count < 5]
";
        let thresholds = |set: &[&str]| {
            write("variant.yaml", variant).expect("it can be written");
            let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
            let name = directory.path().join("variant.yaml");
            let loaded = Scenario::load_with(name.to_str().expect("it is a text"), &set).unwrap();
            let thresholds = loaded.scenario.thresholds.0;
            thresholds.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let latency = "latency{operation=GetDocument}: p(99) < 1s";
        let errors = "errors{code=ThrottlingException,operation=GetDocument}";
        assert_eq!(thresholds(&[]), [format!("{errors}: count < 5"), latency.to_owned()]);
        let set = "thresholds.errors{operation=GetDocument,code=ThrottlingException}=[count < 7]";
        assert_eq!(thresholds(&[set]), [format!("{errors}: count < 7"), latency.to_owned()]);

        let twice = "\
extends: base.yaml
thresholds:
  errors{code=ThrottlingException,operation=GetDocument}: [count == 0]
  errors{operation=GetDocument,code=ThrottlingException}: [count < 5]
";
        let expected = format!(
            "scenario top.yaml, line 4: thresholds: `{errors}` is here twice, with its labels in another order: \
             expected each metric once"
        );
        assert_eq!(load(twice, &[]).unwrap_err(), expected);
    }

    #[test]
    fn flags_set_values_by_their_path() {
        let set = [
            "cohorts.web.nodes=500",
            "cohorts.1.nodes=7",
            "start_time=2025-01-14T01:55:00Z",
            "labels.\"a.b\"=c",
            "plane.max_body=2048",
            "time=real",
        ];
        let scenario = load("extends: base.yaml\n", &set).unwrap().scenario;
        assert_eq!((scenario.cohorts[0].nodes, scenario.cohorts[1].nodes), (Some(500), Some(7)));
        let seconds = scenario.start_time.map(|Instant(instant)| instant.milliseconds() / 1000);
        assert_eq!(seconds, Some(1_736_819_700));
        assert_eq!(scenario.labels.get("a.b").map(String::as_str), Some("c"));
        assert_eq!((scenario.plane.settings.max_body, scenario.time), (2048, Time::Real));
    }

    #[test]
    fn all_mistakes_are_told_each_with_its_place() {
        let base = "extends: base.yaml\n";
        let cases: [(&str, &[&str], &[&str]); 13] = [
            (
                "extends: base.yaml\nnmae: x\ncohorts:\n  - name: web\n    nodes: -5\n    tag: {}\n  - {}\n",
                &[],
                &[
                    "scenario top.yaml, line 2: nmae: there is no key `nmae`; did you mean `name`?",
                    "scenario top.yaml, line 5: cohorts.web.nodes: expected a whole number from 0 to 4294967295, not `-5`",
                    "scenario top.yaml, line 6: cohorts.web.tag: there is no key `tag`; did you mean `tags`?",
                ],
            ),
            (
                "extends: base.yaml\ncohorts: [{ name: new, nodes: 1 }]\n",
                &[],
                &["scenario top.yaml, line 2: cohorts.new: the key `platform` is missing"],
            ),
            (
                base,
                &["cohorts.wbe.nodes=1"],
                &["--set cohorts.wbe.nodes=1: there is no `wbe` in the list; did you mean `web`?"],
            ),
            (
                base,
                &["cohorts.web.nodes=many"],
                &[
                    "--set cohorts.web.nodes=many: cohorts.web.nodes: expected a whole number from 0 to 4294967295, not `many`",
                ],
            ),
            (
                base,
                &["cohorts.web.nods=1"],
                &[
                    "--set cohorts.web.nods=1: cohorts.web.nods: there is no key `nods`; did you mean `nodes`?",
                ],
            ),
            (
                base,
                &["faults.0.fault=pause"],
                &[
                    "--set faults.0.fault=pause: faults: there is no list here yet, so set the whole of it, such as faults=[{ … }]",
                ],
            ),
            (
                base,
                &["extends=first-look"],
                &[
                    "--set extends=first-look: extends: a file says what it extends, a flag cannot: write `extends` into the file",
                ],
            ),
            (
                "extends: first-lok\n",
                &[],
                &[
                    "scenario top.yaml, line 1: extends: there is no file first-lok, and the built-in scenarios are LIST; did you mean `first-look`?",
                ],
            ),
            (base, &["seed"], &["--set seed: expected PATH=VALUE, such as cohorts.web.nodes=500"]),
            (
                "extends: top.yaml\n",
                &[],
                &[
                    "scenario top.yaml, line 1: extends: scenarios extend one another in a circle: top.yaml -> top.yaml",
                ],
            ),
            (
                "extends: bsae.yaml\n",
                &[],
                &[
                    "scenario top.yaml, line 1: extends: there is no file bsae.yaml, and the built-in scenarios are LIST",
                ],
            ),
            (
                "extends: base.yaml\nplane: { endpoint: \"http://127.0.0.1:1\", max_body: 2048 }\n",
                &[],
                &[
                    "scenario top.yaml, line 2: plane: `max_body` is for an embedded plane, and `endpoint` names somebody else's: take one of them out",
                ],
            ),
            (
                "extends: base.yaml\nplane: { endpont: x, profile: y }\n",
                &[],
                &[
                    "scenario top.yaml, line 2: plane.endpont: there is no key `endpont`; did you mean `endpoint`?",
                ],
            ),
        ];
        for (top, set, expected) in cases {
            let error = load(top, set).unwrap_err().replace(&built_in_names(), "LIST");
            assert_eq!(error.split("\n       ").collect::<Vec<_>>(), expected, "{top} {set:?}");
        }
    }

    #[test]
    fn an_endpoint_takes_the_place_of_settings() {
        let top = "extends: base.yaml\nplane: { endpoint: \"http://127.0.0.1:1\", region: eu-west-1, profile: load }\n";
        let guest = load(top, &[]).unwrap().scenario.plane.guest_of.unwrap();
        assert_eq!(guest.endpoint.to_string(), "http://127.0.0.1:1");
        assert_eq!((guest.region.as_deref(), guest.profile.as_deref()), (Some("eu-west-1"), Some("load")));
        let set = load("extends: base.yaml\n", &["plane.endpoint=http://127.0.0.1:1"]).unwrap();
        assert_eq!(set.scenario.plane.guest_of.unwrap().region, None);
    }
}
