//! How a simulated step goes: how long, with what code, what it writes.
//!
//! The cohort's behaviour comes first; what it leaves open, the step's own
//! commands say ([`crate::script`]); else a step takes half a second to two
//! seconds and succeeds. Sleeping comes on top of that time, which stands for
//! the process and its worker.
//!
//! Invariant: a step's draws depend on the run, its place and how often it was
//! begun, never on what another step does.

use serde_json::{Map, Value};
use shared::document::Step;
use shared::seed::{Draw, digest};
use shared::time::Period;

use crate::catalogue::Behaviour;
use crate::distribution::Distribution;
use crate::plugin;
use crate::script::{self, Shell};

/// What a step takes of which nothing else is said.
const STANDARD: Distribution = Distribution::Uniform(Period::milliseconds(500), Period::seconds(2));

/// How a step goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performance {
    /// How long it takes, or would take if nobody stopped it.
    pub takes: Period,
    /// Its exit code.
    pub exit_code: i32,
    /// What it writes to its standard output.
    pub output: String,
    /// What it writes to its standard error.
    pub error: String,
}

/// The time of a step's turn.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// How it goes in this cohort.
    pub behaviour: &'a Behaviour,
    /// The node's draws.
    pub node: Draw,
    /// The draws of this pass through the document.
    pub draw: Draw,
    /// The step's place.
    pub index: usize,
    /// How often it was begun before: a reboot came between.
    pub begun: u32,
    /// Whether no step of the document has run before it.
    pub is_first: bool,
}

/// How this step goes, with these inputs filled in, if it is stopped after `timeout`.
pub fn perform(step: &Step, inputs: &[Map<String, Value>], timeout: Period, turn: &Turn<'_>) -> Performance {
    let Turn { behaviour, draw, index, begun, .. } = *turn;
    let draw = if begun == 0 { draw } else { draw.part(u64::from(begun)) };
    let own = behaviour.takes.unwrap_or(STANDARD).period(draw, "step-takes", index as u64);

    let mut performance =
        Performance { takes: own, exit_code: 0, output: String::new(), error: String::new() };
    if let Some(shell) = shell(&step.action) {
        let within = if behaviour.takes.is_some() { timeout } else { timeout - own };
        play(inputs, shell, within, &mut performance);
    }
    if behaviour.takes.is_some() {
        performance.takes = own;
    }
    performance.output = behaviour.output.clone().unwrap_or(performance.output);
    if fails(turn) {
        performance.exit_code = behaviour.exit_code;
        performance.error = behaviour.error.clone().unwrap_or(performance.error);
    }
    performance
}

/// A step that asked for a reboot by its behaviour has had it, and goes on well.
fn fails(turn: &Turn<'_>) -> bool {
    let Turn { behaviour, node, draw, index, begun, is_first } = *turn;
    if behaviour.step.is_none() && !is_first {
        return false;
    }
    let chance = if behaviour.is_sticky {
        // The names tell one behaviour from another, on whatever place of the list it stands.
        let names = [behaviour.document.as_deref(), behaviour.step.as_deref()].map(Option::unwrap_or_default);
        node.uniform("always-fails", digest(names.join("/").as_bytes()))
    } else if behaviour.step.is_none() {
        draw.uniform("fails", 0)
    } else {
        draw.uniform("step-fails", index as u64)
    };
    begun == 0 && chance < behaviour.fails.fraction()
}

fn shell(action: &str) -> Option<Shell> {
    match action {
        "aws:runShellScript" => Some(Shell::Posix),
        action if plugin::runs_script(action) => Some(Shell::PowerShell),
        _ => None,
    }
}

/// Several sets of inputs are worked off one after another; the first code that
/// is not zero counts.
fn play(inputs: &[Map<String, Value>], shell: Shell, within: Period, performance: &mut Performance) {
    let mut slept = Period::ZERO;
    for set in inputs {
        let played = script::play(&commands(set), shell, within - slept);
        slept = slept + played.takes;
        performance.output.push_str(&played.output);
        performance.error.push_str(&played.error);
        if performance.exit_code == 0 {
            performance.exit_code = played.exit_code;
        }
    }
    performance.takes = performance.takes + slept;
}

/// The lines of a script. Go reads the members of inputs whatever their case.
fn commands(inputs: &Map<String, Value>) -> String {
    let written = inputs.iter().find(|(key, _)| key.eq_ignore_ascii_case("runCommand"));
    match written.map(|(_, value)| value) {
        Some(Value::Array(lines)) => {
            let lines: Vec<_> = lines.iter().filter_map(Value::as_str).collect();
            lines.join("\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::document::Document;
    use shared::seed::Seed;

    use super::*;
    use crate::fault::Share;

    fn performance(action: &str, inputs: Value, behaviour: &Behaviour, begun: u32) -> Performance {
        let content = json!({"schemaVersion": "2.2", "mainSteps": [{"action": action, "name": "s"}]});
        let document = Document::parse(&content.to_string()).unwrap();
        let inputs = [inputs.as_object().unwrap().clone()];
        let draw = Seed(1).draw("any", 0);
        let turn = Turn { behaviour, node: draw, draw, index: 0, begun, is_first: true };
        perform(&document.steps[0], &inputs, Period::hours(1), &turn)
    }

    #[test]
    fn commands_say_what_the_behaviour_leaves_open() {
        let script = json!({"RunCommand": ["echo out", "echo err >&2", "sleep 60", "exit 3"]});
        let open = Behaviour::default();
        let found = performance("aws:runShellScript", script.clone(), &open, 0);
        let own = found.takes - Period::seconds(60);
        assert!(own >= Period::milliseconds(500) && own < Period::seconds(2), "{own}");
        assert_eq!((found.exit_code, found.output.as_str(), found.error.as_str()), (3, "out\n", "err\n"));

        let said = Behaviour {
            takes: Some(Distribution::Constant(Period::seconds(7))),
            fails: Share::ALL,
            exit_code: 9,
            output: Some("other".into()),
            error: Some("why".into()),
            ..Behaviour::default()
        };
        let found = performance("aws:runShellScript", script.clone(), &said, 0);
        let expected = Performance {
            takes: Period::seconds(7),
            exit_code: 9,
            output: "other".into(),
            error: "why".into(),
        };
        assert_eq!(found, expected);

        // Only scripts have commands.
        assert_eq!(performance("aws:configureDocker", script, &open, 0).exit_code, 0);
        let power_shell = json!({"runCommand": ["Start-Sleep 5; exit 4"]});
        assert_eq!(performance("aws:runPowerShellScript", power_shell, &open, 0).exit_code, 4);
    }

    #[test]
    fn a_behaviour_reboots_once_and_a_script_whenever_it_says_so() {
        let behaviour = Behaviour { fails: Share::ALL, exit_code: 194, ..Behaviour::default() };
        assert_eq!(performance("aws:runShellScript", json!({}), &behaviour, 0).exit_code, 194);
        assert_eq!(performance("aws:runShellScript", json!({}), &behaviour, 1).exit_code, 0);
        let script = json!({"runCommand": ["exit 194"]});
        assert_eq!(performance("aws:runShellScript", script, &Behaviour::default(), 3).exit_code, 194);
    }

    #[test]
    fn a_sticky_failure_strikes_the_same_nodes_at_each_run() {
        let half = Behaviour { fails: "50%".parse().unwrap(), is_sticky: true, ..Behaviour::default() };
        let any = Behaviour { is_sticky: false, ..half.clone() };
        let other = Behaviour { document: Some("other".into()), ..half.clone() };
        let failing = |behaviour: &Behaviour, run: u64| -> Vec<u64> {
            let fails = |index: &u64| {
                let node = Seed(1).draw("web", *index);
                let turn = Turn { behaviour, node, draw: node.part(run), index: 0, begun: 0, is_first: true };
                fails(&turn)
            };
            (0..200).filter(fails).collect()
        };
        let first = failing(&half, 1);
        assert!((80..120).contains(&first.len()), "{}", first.len());
        assert_eq!(first, failing(&half, 2));
        assert_ne!(failing(&any, 1), failing(&any, 2));
        assert_ne!(first, failing(&other, 1), "another document fails elsewhere");
    }
}
