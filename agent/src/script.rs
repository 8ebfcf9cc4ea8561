//! What the commands of a script do, as far as they say it themselves.
//!
//! Nothing of a document is ever executed. A script is read, and what it says
//! plainly happens in simulated time: `sleep 5` takes five seconds, `echo text`
//! writes, `exit 3` ends with that code, `true` and `false` are what they are,
//! and `set -e` ends a script at the first `false`. In PowerShell the same are
//! `Start-Sleep`, `Write-Output`, `Write-Error` and `exit`. Any other command is
//! over at once, and nobody knows how it went: what hangs on it by `&&` or `||`
//! is not followed, nor is anything inside `if`, `for`, functions and the like.
//! Variables stand for themselves. Reading is [`read`]'s work.
//!
//! Invariant: the same text has the same effect anywhere.

pub mod read;

use shared::time::Period;

use self::read::{Command, Joined, Stream};

/// A sleep may take this long at the most; no step is left alone for longer.
const LONGEST_SLEEP: Period = Period::days(30);

/// Who would have run the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// `sh`, or the shell that its first line names.
    Posix,
    /// PowerShell.
    PowerShell,
}

/// What a script did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Played {
    /// How long it took until its end, or until it was stopped.
    pub takes: Period,
    /// Its exit code, if it came to its end.
    pub exit_code: i32,
    /// What it wrote to its standard output.
    pub output: String,
    /// What it wrote to its standard error.
    pub error: String,
}

/// Plays a script for at most so long; what it would have done later it does not.
pub fn play(text: &str, shell: Shell, within: Period) -> Played {
    let mut player = Player { shell, played: Played::default(), status: Some(0), stops_at_failure: false };
    for command in read::commands(text, shell) {
        if player.played.takes >= within {
            break;
        }
        if player.is_reached(command.joined) && player.run(&command) {
            return player.played;
        }
    }
    // A script ends as its last command did; of one that is not known, well.
    player.played.exit_code = player.status.unwrap_or(0);
    player.played
}

struct Player {
    shell: Shell,
    played: Played,
    /// How the last command went, if that is known.
    status: Option<i32>,
    stops_at_failure: bool,
}

impl Player {
    fn is_reached(&self, joined: Joined) -> bool {
        match (joined, self.status) {
            (Joined::Always, _) => true,
            (Joined::IfWell, Some(status)) => status == 0,
            (Joined::IfBadly, Some(status)) => status != 0,
            (Joined::IfWell | Joined::IfBadly, None) => false,
        }
    }

    /// Does what a command says; whether the script is over.
    fn run(&mut self, command: &Command) -> bool {
        let Some((name, arguments)) = command.words.split_first() else { return false };
        let name = if self.shell == Shell::PowerShell { name.to_ascii_lowercase() } else { name.clone() };
        match name.as_str() {
            "exit" => {
                self.played.exit_code = self.exit_code(arguments);
                return true;
            }
            "sleep" | "start-sleep" => self.sleep(arguments, command.is_in_background),
            "echo" | "write-output" | "write-host" => self.write(arguments, command.to),
            "write-error" => self.write(arguments, Stream::Error),
            "set" => self.set(arguments),
            "true" | ":" => self.status = Some(0),
            "false" => {
                self.status = Some(1);
                if self.stops_at_failure && !command.is_asked_about {
                    self.played.exit_code = 1;
                    return true;
                }
            }
            _ => self.status = None,
        }
        false
    }

    fn exit_code(&self, arguments: &[String]) -> i32 {
        let written = arguments.first().and_then(|code| code.parse::<i32>().ok());
        match (written, self.shell) {
            // A process of Linux and macOS has eight bits for its code.
            (Some(code), Shell::Posix) => code & 255,
            (Some(code), Shell::PowerShell) => code,
            (None, _) => self.status.unwrap_or(0),
        }
    }

    fn sleep(&mut self, arguments: &[String], is_in_background: bool) {
        let period = match self.shell {
            Shell::Posix => posix_sleep(arguments),
            Shell::PowerShell => power_shell_sleep(arguments),
        };
        match period {
            Some(_) if is_in_background => {}
            Some(period) => self.played.takes = self.played.takes + period.min(LONGEST_SLEEP),
            None => return self.status = None,
        }
        self.status = Some(0);
    }

    fn write(&mut self, arguments: &[String], to: Stream) {
        let ends_line = arguments.first().map(String::as_str) != Some("-n");
        let is_option = |word: &&String| matches!(word.as_str(), "-n" | "-e" | "-E");
        let options = arguments.iter().take_while(is_option).count();
        let mut text = arguments[options..].join(" ");
        if ends_line {
            text.push('\n');
        }
        match to {
            Stream::Output => self.played.output.push_str(&text),
            Stream::Error => self.played.error.push_str(&text),
            Stream::Elsewhere => {}
        }
        self.status = Some(0);
    }

    fn set(&mut self, arguments: &[String]) {
        let has = |sign: char| {
            arguments.iter().any(|word| word.strip_prefix(sign).is_some_and(|letters| letters.contains('e')))
        };
        self.stops_at_failure = (self.stops_at_failure || has('-')) && !has('+');
        self.status = Some(0);
    }
}

/// `sleep 5`, `sleep 0.5`, `sleep 1m 30s`.
fn posix_sleep(arguments: &[String]) -> Option<Period> {
    let periods = arguments.iter().map(|word| {
        let units = [('s', 1.0), ('m', 60.0), ('h', 3600.0), ('d', 86_400.0)];
        let unit = units.iter().find_map(|(unit, seconds)| Some((word.strip_suffix(*unit)?, *seconds)));
        let (number, factor) = unit.unwrap_or((word.as_str(), 1.0));
        if number == "infinity" { Some(LONGEST_SLEEP) } else { seconds(number, factor) }
    });
    let sum = periods.collect::<Option<Vec<_>>>()?.into_iter().reduce(|sum, period| sum + period);
    sum.or(None)
}

/// `Start-Sleep 5`, `Start-Sleep -Seconds 5`, `Start-Sleep -Milliseconds 500`.
fn power_shell_sleep(arguments: &[String]) -> Option<Period> {
    match arguments {
        [number] => seconds(number, 1.0),
        [unit, number] if is_short_for(unit, "-seconds", "-s") => seconds(number, 1.0),
        [unit, number] if is_short_for(unit, "-milliseconds", "-m") => seconds(number, 0.001),
        _ => None,
    }
}

/// A parameter's name may be cut short, as long as it stays unique.
fn is_short_for(written: &str, name: &str, least: &str) -> bool {
    let written = written.to_ascii_lowercase();
    name.starts_with(&written) && written.starts_with(least)
}

fn seconds(number: &str, factor: f64) -> Option<Period> {
    let seconds: f64 = number.parse().ok()?;
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let milliseconds = seconds * factor * 1000.0;
    is_plain.then(|| Period::milliseconds(milliseconds.min(1e15) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(seconds: u64, exit_code: i32, output: &str, error: &str) -> Played {
        Played { takes: Period::seconds(seconds), exit_code, output: output.into(), error: error.into() }
    }

    fn hour(text: &str, shell: Shell) -> Played {
        play(text, shell, Period::hours(1))
    }

    #[test]
    fn a_script_does_what_it_says() {
        let cases = [
            ("", played(0, 0, "", "")),
            ("echo one", played(0, 0, "one\n", "")),
            ("echo err >&2; exit 3", played(0, 3, "", "err\n")),
            ("echo a 1>&2", played(0, 0, "", "a\n")),
            (">&2 echo first", played(0, 0, "", "first\n")),
            ("echo a > /tmp/file\necho b >>log 2>&1", played(0, 0, "", "")),
            ("echo -n a; echo \"b  c\" 'd;e' # exit 9", played(0, 0, "ab  c d;e\n", "")),
            ("sleep 5", played(5, 0, "", "")),
            ("sleep 1m 30s && echo done", played(90, 0, "done\n", "")),
            ("sleep 0.5; sleep 0.5", played(1, 0, "", "")),
            ("sleep 60 & echo at once", played(0, 0, "at once\n", "")),
            ("exit", played(0, 0, "", "")),
            ("exit 3010", played(0, 194, "", "")),
            ("false", played(0, 1, "", "")),
            ("false\ntrue", played(0, 0, "", "")),
            ("false || exit 4", played(0, 4, "", "")),
            ("true && exit 5; exit 6", played(0, 5, "", "")),
            ("set -eu\nfalse\nexit 7", played(0, 1, "", "")),
            ("set -e; false || true; echo on", played(0, 0, "on\n", "")),
            ("yum -y update; exit 194", played(0, 194, "", "")),
            // Nobody knows how these went, so what hangs on them is not followed.
            ("test -f /done && exit 0; exit 194", played(0, 194, "", "")),
            ("grep -q x file || exit 1", played(0, 0, "", "")),
            ("if [ -f x ]; then\n  exit 3\nfi\nexit 0", played(0, 0, "", "")),
            ("for i in 1 2 3; do sleep 9; done; echo end", played(0, 0, "end\n", "")),
            ("clean() {\n  exit 8\n}\necho ${HOME} $(exit 2)", played(0, 0, "${HOME} $(exit 2)\n", "")),
            ("( exit 3 ); echo after", played(0, 0, "after\n", "")),
            ("cat <<EOF > file\nexit 9\nEOF\necho here", played(0, 0, "here\n", "")),
            ("echo long \\\n  line", played(0, 0, "long line\n", "")),
            ("echo hidden | grep x", played(0, 0, "", "")),
            ("#!/bin/bash\necho bash", played(0, 0, "bash\n", "")),
        ];
        for (text, expected) in cases {
            assert_eq!(hour(text, Shell::Posix), expected, "{text}");
        }
    }

    #[test]
    fn so_does_one_for_power_shell() {
        let cases = [
            ("Write-Output 'a b'", played(0, 0, "a b\n", "")),
            ("Start-Sleep -Seconds 5; exit 3010", played(5, 3010, "", "")),
            ("start-sleep 2\nsleep -s 1\nStart-Sleep -Milliseconds 1000", played(4, 0, "", "")),
            ("Write-Error broken; exit 1", played(0, 1, "", "broken\n")),
            ("if ($a) {\n exit 5\n}\nWrite-Host on", played(0, 0, "on\n", "")),
            ("Write-Output C:\\Users", played(0, 0, "C:\\Users\n", "")),
        ];
        for (text, expected) in cases {
            assert_eq!(hour(text, Shell::PowerShell), expected, "{text}");
        }
    }

    #[test]
    fn a_script_that_is_stopped_has_written_what_came_before() {
        let text = "echo before\nsleep 60\necho after\nexit 3";
        let stopped = play(text, Shell::Posix, Period::seconds(5));
        assert_eq!((stopped.takes, stopped.output.as_str()), (Period::seconds(60), "before\n"));
        assert_eq!(play(text, Shell::Posix, Period::seconds(61)).exit_code, 3);
        let forever = play("sleep infinity", Shell::Posix, Period::hours(48));
        assert_eq!(forever.takes, LONGEST_SLEEP);
    }
}
