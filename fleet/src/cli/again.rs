//! The command line that does a run again.

/// What was typed after the program's name, with whatever it left to chance or
/// default said: the command and the seed.
pub fn again(arguments: &[String], scenario: &str, seed: u64) -> String {
    let mut words: Vec<String> = vec!["ssm-fleet".into()];
    words.extend(arguments.iter().map(|argument| quoted(argument)));
    if !arguments.iter().any(|argument| argument == "run") {
        words.extend(["run".into(), quoted(scenario)]);
    }
    let is_seed = |argument: &String| argument == "--seed" || argument.starts_with("--seed=");
    if !arguments.iter().any(is_seed) {
        words.push(format!("--seed {seed}"));
    }
    words.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=%,@+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_said() {
        let cases: [(&[&str], &str); 6] = [
            (&[], "ssm-fleet run first-look --seed 7"),
            (&["-v"], "ssm-fleet -v run first-look --seed 7"),
            (&["run"], "ssm-fleet run --seed 7"),
            (&["run", "--nodes", "10k"], "ssm-fleet run --nodes 10k --seed 7"),
            (&["run", "--seed", "7", "--virtual"], "ssm-fleet run --seed 7 --virtual"),
            (&["run", "my fleet's.yaml", "--seed=7"], r"ssm-fleet run 'my fleet'\''s.yaml' --seed=7"),
        ];
        for (arguments, expected) in cases {
            let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(again(&arguments, "first-look", 7), expected);
        }
    }
}
