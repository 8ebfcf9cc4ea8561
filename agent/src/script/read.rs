//! A script, taken apart into its simple commands.
//!
//! Quotes, escapes, comments, line ends, `;`, `&&`, `||`, `|`, `&`, redirections
//! and here-documents are understood; what stands inside a compound command or
//! in brackets is left out, for nobody knows whether or how often it would run.

use super::Shell;

/// A simple command outside of compound ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What it hangs on.
    pub joined: Joined,
    /// Its name and what follows, without quotes and redirections.
    pub words: Vec<String>,
    /// Where its output goes.
    pub to: Stream,
    /// Whether nobody waits for it.
    pub is_in_background: bool,
    /// Whether another command hangs on how it goes.
    pub is_asked_about: bool,
}

/// What a command hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// On nothing.
    Always,
    /// `&&`: on the one before going well.
    IfWell,
    /// `||`: on the one before going badly.
    IfBadly,
}

/// Where output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// To the standard output.
    Output,
    /// To the standard error.
    Error,
    /// To a file or another command.
    Elsewhere,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word { text: String, is_quoted: bool },
    End(Ending),
    Redirection(Stream),
    Open(Opener),
    Close(Opener),
}

/// What ends a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Line,
    And,
    Or,
    Pipe,
    Background,
}

/// The simple commands of a script, in order.
pub fn commands(text: &str, shell: Shell) -> Vec<Command> {
    let mut assembly =
        Assembly { shell, done: Vec::new(), inside: Vec::new(), open: Command::new(Joined::Always) };
    for token in Lexer::new(text, shell) {
        assembly.take(token);
    }
    assembly.end(Ending::Line);
    assembly.done
}

impl Command {
    const fn new(joined: Joined) -> Self {
        Self { joined, words: Vec::new(), to: Stream::Output, is_in_background: false, is_asked_about: false }
    }
}

/// What stands for a compound command: its effect is not known.
const COMPOUND: &str = "(…)";

/// What a compound command was opened by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opener {
    Bracket,
    Brace,
    Word,
}

/// Puts tokens together to commands.
struct Assembly {
    shell: Shell,
    done: Vec<Command>,
    /// The compound commands that are open.
    inside: Vec<Opener>,
    open: Command,
}

impl Assembly {
    fn take(&mut self, token: Token) {
        match token {
            Token::Open(opener) => self.enter(opener),
            Token::Close(opener) => self.leave(opener),
            Token::End(ending) => self.end(ending),
            Token::Redirection(to) => self.open.to = to,
            Token::Word { text, is_quoted } if is_quoted || !self.takes_keyword(&text) => {
                self.open.words.push(text);
            }
            Token::Word { .. } => {}
        }
    }

    /// Whether this word, at the beginning of a command, is a part of the shell's own language.
    fn takes_keyword(&mut self, word: &str) -> bool {
        let is_first = self.open.words.is_empty() || self.open.words == [COMPOUND];
        if !is_first || self.shell == Shell::PowerShell {
            return false;
        }
        match word {
            "if" | "for" | "while" | "until" | "case" | "select" => self.enter(Opener::Word),
            "{" => self.enter(Opener::Brace),
            "fi" | "done" | "esac" => self.leave(Opener::Word),
            "}" => self.leave(Opener::Brace),
            "then" | "do" | "else" | "elif" | "!" => {}
            _ => return false,
        }
        true
    }

    /// What was begun is a part of the compound command: its head.
    fn enter(&mut self, opener: Opener) {
        self.inside.push(opener);
        self.open.words.clear();
    }

    /// What closes nothing, such as the bracket of a `case`, is passed over.
    fn leave(&mut self, opener: Opener) {
        if self.inside.last() == Some(&opener) {
            self.inside.pop();
            self.open.words = vec![COMPOUND.to_owned()];
        }
    }

    fn end(&mut self, ending: Ending) {
        let next = match ending {
            Ending::And => Joined::IfWell,
            Ending::Or => Joined::IfBadly,
            Ending::Line | Ending::Pipe | Ending::Background => Joined::Always,
        };
        if !self.inside.is_empty() {
            self.open.words.clear();
            return;
        }
        let mut command = std::mem::replace(&mut self.open, Command::new(next));
        if command.words.is_empty() {
            // A line may end behind `&&` and `||`.
            if ending == Ending::Line && command.joined != Joined::Always {
                self.open.joined = command.joined;
            }
            return;
        }
        command.is_in_background = ending == Ending::Background;
        command.is_asked_about = matches!(ending, Ending::And | Ending::Or);
        if ending == Ending::Pipe {
            command.to = Stream::Elsewhere;
        }
        self.done.push(command);
    }
}

struct Lexer<'a> {
    rest: &'a str,
    shell: Shell,
    /// The ends of here-documents that begin after this line.
    awaited: Vec<String>,
}

impl<'a> Lexer<'a> {
    const fn new(text: &'a str, shell: Shell) -> Self {
        Self { rest: text, shell, awaited: Vec::new() }
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r']);
            let continuation = if self.shell == Shell::Posix { "\\\n" } else { "`\n" };
            if !self.eat(continuation) {
                break;
            }
        }
        if self.rest.starts_with('#') {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.rest = &self.rest[end..];
        }
    }

    /// Leaves out the here-documents that begin here.
    fn skip_here_documents(&mut self) {
        for end in std::mem::take(&mut self.awaited) {
            while !self.rest.is_empty() {
                let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
                self.rest = rest;
                if line.trim() == end {
                    break;
                }
            }
        }
    }

    fn redirection(&mut self) -> Option<Token> {
        const TO_ERROR: [&str; 2] = ["1>&2", ">&2"];
        // What goes to a file, or from one, is not seen; the standard error neither way.
        const NOT_OUTPUT: [&str; 5] = ["2>&1", "2>>", "2>", "<<<", "<"];
        if self.rest.starts_with("<<") && !self.rest.starts_with("<<<") {
            self.rest = self.rest[2..].trim_start_matches(['-', ' ']);
            let end = self.word();
            self.awaited.push(end.0);
            return self.next();
        }
        if TO_ERROR.iter().any(|sign| self.eat(sign)) {
            return Some(Token::Redirection(Stream::Error));
        }
        if let Some(sign) = NOT_OUTPUT.into_iter().find(|sign| self.rest.starts_with(sign)) {
            self.rest = &self.rest[sign.len()..];
            if sign != "2>&1" {
                self.skip_blanks();
                self.word();
            }
            return self.next();
        }
        if ["&>>", "&>", "1>>", "1>", ">>", ">"].iter().any(|sign| self.eat(sign)) {
            self.skip_blanks();
            self.word();
            return Some(Token::Redirection(Stream::Elsewhere));
        }
        None
    }

    /// A word without its quotes, and whether it had any.
    fn word(&mut self) -> (String, bool) {
        let (mut text, mut is_quoted) = (String::new(), false);
        let escape = if self.shell == Shell::Posix { '\\' } else { '`' };
        while let Some(next) = self.rest.chars().next() {
            if matches!(next, ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')
                || (self.shell == Shell::PowerShell && matches!(next, '{' | '}'))
            {
                break;
            }
            self.rest = &self.rest[next.len_utf8()..];
            match next {
                '\'' | '"' => {
                    is_quoted = true;
                    self.quoted(next, &mut text);
                }
                '$' if self.rest.starts_with(['(', '{']) => {
                    text.push('$');
                    self.substitution(&mut text);
                }
                _ if next == escape => {
                    let mut after = self.rest.chars();
                    text.extend(after.next());
                    self.rest = after.as_str();
                }
                _ => text.push(next),
            }
        }
        (text, is_quoted)
    }

    fn quoted(&mut self, quote: char, text: &mut String) {
        let end = self.rest.find(quote).unwrap_or(self.rest.len());
        text.push_str(&self.rest[..end]);
        self.rest = self.rest.get(end + 1..).unwrap_or("");
    }

    /// `$(…)` and `${…}` stand for themselves.
    fn substitution(&mut self, text: &mut String) {
        let mut depth = 0;
        for (at, next) in self.rest.char_indices() {
            match next {
                '(' | '{' => depth += 1,
                ')' | '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                text.push_str(&self.rest[..=at]);
                self.rest = &self.rest[at + 1..];
                return;
            }
        }
        text.push_str(std::mem::take(&mut self.rest));
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blanks();
        if self.rest.is_empty() {
            return None;
        }
        if self.eat("\n") {
            self.skip_here_documents();
            return Some(Token::End(Ending::Line));
        }
        if let Some(token) = self.redirection() {
            return Some(token);
        }
        let endings = [
            ("&&", Ending::And),
            ("||", Ending::Or),
            (";", Ending::Line),
            ("|", Ending::Pipe),
            ("&", Ending::Background),
        ];
        if let Some((_, ending)) = endings.into_iter().find(|(sign, _)| self.eat(sign)) {
            return Some(Token::End(ending));
        }
        let braces = self.shell == Shell::PowerShell;
        let brackets = [
            ("(", true, Token::Open(Opener::Bracket)),
            (")", true, Token::Close(Opener::Bracket)),
            ("{", braces, Token::Open(Opener::Brace)),
            ("}", braces, Token::Close(Opener::Brace)),
        ];
        if let Some((_, _, token)) = brackets.into_iter().find(|(sign, is_own, _)| *is_own && self.eat(sign))
        {
            return Some(token);
        }
        let (text, is_quoted) = self.word();
        Some(Token::Word { text, is_quoted })
    }
}
