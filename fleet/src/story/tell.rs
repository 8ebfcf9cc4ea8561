//! What a node's lines say, in sentences.
//!
//! What goes on as before (heartbeats that are answered, polls that bring what
//! was known) is counted in one sentence until something else happens. Whatever
//! changes or fails has a sentence of its own; the same failure again and again
//! is told once, with how often.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::id::AssociationId;
use shared::time::{Period, Timestamp};

use super::words;
use crate::history::line::{Header, Kind, Line};
use crate::report::words::elapsed;

/// Something that happened, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chapter {
    /// The simulated instant, ISO 8601 in UTC.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    /// How long after the start of the run.
    #[serde(rename = "after_milliseconds", serialize_with = "milliseconds")]
    pub after: Period,
    /// Whether something went wrong.
    pub is_bad: bool,
    /// What.
    pub text: String,
}

/// A story told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// The node's id, the last one.
    pub id: Option<String>,
    /// What is wrong with it for life.
    pub faults: Vec<String>,
    /// What happened, in order.
    pub chapters: Vec<Chapter>,
}

/// Puts a node's lines into sentences.
#[derive(Debug)]
pub struct Teller {
    start: Timestamp,
    is_live: bool,
    number: u32,
    told: Told,
    /// What the operator called the associations that it made.
    names: BTreeMap<AssociationId, String>,
    /// What the plane told of last.
    known: Option<Vec<AssociationId>>,
    is_asleep: bool,
    routine: Routine,
    /// The calls that are under way.
    open: BTreeMap<(String, u32), (Timestamp, String)>,
    /// The faults that began, with what they are, and whether the node was told to be struck.
    faults: BTreeMap<String, (Timestamp, String, bool)>,
    /// What the fault was whose end was told last, and when it was.
    ended: Option<(Timestamp, String)>,
    /// All that ever began: a call may be told of before and after a fault that it met.
    windows: BTreeSet<String>,
    /// The last failure, and how much later it was the same.
    again: Option<(String, Vec<Period>)>,
}

/// What goes on as before.
#[derive(Debug, Default)]
struct Routine {
    since: Option<Timestamp>,
    last: Timestamp,
    counts: BTreeMap<&'static str, u32>,
    faults: BTreeSet<String>,
}

fn instant<S: serde::Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    crate::history::line::Instant(*instant).serialize(serializer)
}

fn milliseconds<S: serde::Serializer>(period: &Period, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(period.as_milliseconds())
}

impl Teller {
    /// Begins the story of the node of this number.
    pub fn new(header: &Header, number: u32) -> Self {
        Self {
            start: header.started.0,
            is_live: header.time_scale.is_some(),
            number,
            told: Told::default(),
            names: BTreeMap::new(),
            known: None,
            is_asleep: false,
            routine: Routine::default(),
            open: BTreeMap::new(),
            faults: BTreeMap::new(),
            ended: None,
            windows: BTreeSet::new(),
            again: None,
        }
    }

    /// Takes the next line in, of whomever it tells.
    pub fn hear(&mut self, line: &Line<'_>) {
        match line.kind {
            Kind::Act => self.act(line),
            _ if line.by.is_some() => self.operator(line),
            _ if line.number != Some(self.number) => {}
            kind => {
                self.meet(line);
                match kind {
                    Kind::Invoke => self.invoke(line),
                    Kind::Ok | Kind::Fail | Kind::Unknown => self.end(line),
                    Kind::Note => self.note(line),
                    Kind::Run | Kind::Act | Kind::End => {}
                }
            }
        }
    }

    /// The story, with what was still under way.
    pub fn finish(mut self) -> Told {
        self.rest();
        for (at, what) in std::mem::take(&mut self.open).into_values() {
            self.push(at, false, format!("{what}: under way when the history ends"));
        }
        self.told.chapters.sort_by_key(|chapter| chapter.at);
        self.told
    }

    /// Takes in who the node is and what is wrong with it.
    fn meet(&mut self, line: &Line<'_>) {
        if let Some(id) = &line.node {
            self.told.id = Some(id.clone().into_owned());
        }
        for fault in &line.faults {
            match self.faults.get_mut(&**fault) {
                Some((_, _, true)) => {}
                Some((at, what, is_told @ false)) => {
                    *is_told = true;
                    let (at, text) = (*at, format!("the fault {fault} ({what}) begins"));
                    self.rest();
                    self.again = None;
                    self.push(at, true, text);
                }
                None if !self.windows.contains(&**fault)
                    && !self.told.faults.iter().any(|known| known == fault) =>
                {
                    self.told.faults.push(fault.clone().into_owned());
                }
                None => {}
            }
        }
    }

    fn invoke(&mut self, line: &Line<'_>) {
        let what = words::asks(line, self.is_asleep, &|id| self.name(id));
        self.open.insert(key(line), (line.at.0, what));
    }

    fn end(&mut self, line: &Line<'_>) {
        let since = self.open.remove(&key(line)).map(|(at, _)| at).or(line.invoked.map(|at| at.0));
        // In virtual time the line stands where the plane answered, or would have.
        let end = line.learnt.or(self.is_live.then_some(line.at)).map(|at| at.0);
        let waited = since.zip(end).map(|(since, end)| end.since(since));
        if line.kind == Kind::Ok && line.attempt.unwrap_or(1) == 1 && self.is_routine(line) {
            return;
        }
        let mut text = words::asks(line, self.is_asleep, &|id| self.name(id));
        if let Some(attempt) = line.attempt.filter(|&attempt| attempt > 1) {
            text.push_str(&format!(", attempt {attempt}"));
        }
        let under: Vec<&str> =
            line.faults.iter().map(AsRef::as_ref).filter(|fault| self.faults.contains_key(*fault)).collect();
        if !under.is_empty() {
            text.push_str(&format!(", under {}", under.join(", ")));
        }
        match line.kind {
            Kind::Fail => text.push_str(&words::refusal(line)),
            Kind::Unknown => text.push_str(&words::silence(line, waited)),
            _ => text.push_str(&self.news(line)),
        }
        self.say(end.unwrap_or(line.at.0), line.kind != Kind::Ok, text);
    }

    /// Counts what went well as before; says whether it is that.
    fn is_routine(&mut self, line: &Line<'_>) -> bool {
        let word = match line.operation.as_deref() {
            Some("UpdateInstanceInformation") if !self.is_asleep => "heartbeat",
            Some("ListInstanceAssociations") if self.known == line.associations => "poll",
            Some("RequestManagedInstanceRoleToken") => "renewal of credentials",
            Some("GetMessages") if line.count.is_none() => "question for messages",
            _ => return false,
        };
        let faults: BTreeSet<String> = line
            .faults
            .iter()
            .filter(|fault| self.faults.contains_key(&***fault))
            .map(|fault| fault.clone().into_owned())
            .collect();
        if self.routine.faults != faults {
            self.rest();
        }
        self.again = None;
        self.routine.faults = faults;
        self.routine.since.get_or_insert(line.at.0);
        self.routine.last = line.at.0;
        *self.routine.counts.entry(word).or_default() += 1;
        true
    }

    /// What a good answer says that is new.
    fn news(&mut self, line: &Line<'_>) -> String {
        if let Some(ids) = &line.associations {
            let names: Vec<String> = ids.iter().map(|id| self.name(*id)).collect();
            self.known = Some(ids.clone());
            return if names.is_empty() {
                ": nothing is associated with it".to_owned()
            } else {
                format!(": told of {}", names.join(", "))
            };
        }
        match line.count {
            Some(1) => ": 1 message".to_owned(),
            Some(messages) => format!(": {messages} messages"),
            None => String::new(),
        }
    }

    fn note(&mut self, line: &Line<'_>) {
        match line.note.as_deref() {
            Some("online") => self.is_asleep = false,
            Some("hibernating") => self.is_asleep = true,
            // The call that brought it was told.
            Some("registered") => return,
            Some("struck" | "lifted") if self.is_told_by_window(line) => return,
            _ => {}
        }
        if let Some((text, is_bad)) = words::decides(line, &|id| self.name(id)) {
            self.say(line.at.0, is_bad, text);
        }
    }

    /// Whether the window that strikes a node, or does so no more, was just told by its
    /// name, and there is no more to say of it.
    fn is_told_by_window(&self, line: &Line<'_>) -> bool {
        let is_it = |at: &Timestamp, what: &str| *at == line.at.0 && Some(what) == line.name.as_deref();
        let begins = || self.faults.values().any(|(at, what, is_told)| *is_told && is_it(at, what));
        let ends = || self.ended.as_ref().is_some_and(|(at, what)| is_it(at, what));
        line.reason.is_none() && (begins() || ends())
    }

    fn operator(&mut self, line: &Line<'_>) {
        if line.kind == Kind::Ok
            && let (Some("CreateAssociation"), Some(id)) = (line.operation.as_deref(), line.association)
            && let Some(name) = line.name.as_ref().or(line.document.as_ref())
        {
            self.names.insert(id, name.clone().into_owned());
        }
        let is_about_it = line.target.is_some() && line.target.as_deref() == self.told.id.as_deref();
        if !is_about_it || line.kind == Kind::Invoke {
            return;
        }
        let operation = line.operation.as_deref().unwrap_or_default();
        let mut text = format!("the operator calls {operation} for it");
        match line.kind {
            Kind::Fail => text.push_str(&words::refusal(line)),
            Kind::Unknown => text.push_str(": no answer"),
            _ => {}
        }
        self.say(line.at.0, line.kind != Kind::Ok, text);
    }

    fn act(&mut self, line: &Line<'_>) {
        let name = line.name.clone().unwrap_or_default().into_owned();
        let text = line.reason.clone().unwrap_or_default().into_owned();
        match line.act.as_deref() {
            Some("fault-begins") => {
                // A call that was under way was told first.
                self.told.faults.retain(|fault| *fault != name);
                self.windows.insert(name.clone());
                self.faults.insert(name, (line.at.0, text, false));
            }
            Some("fault-ends") => {
                if let Some((_, what, true)) = self.faults.remove(&name) {
                    self.say(line.at.0, false, format!("the fault {name} ends"));
                    self.ended = Some((line.at.0, what));
                }
            }
            act => {
                let act = act.filter(|act| *act != "narrate").unwrap_or_default();
                let words = ["the timeline:", act, &name, &text].into_iter().filter(|word| !word.is_empty());
                self.say(line.at.0, false, words.collect::<Vec<_>>().join(" "));
            }
        }
    }

    fn name(&self, id: AssociationId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// Tells of something new; of the same as before only how often.
    fn say(&mut self, at: Timestamp, is_bad: bool, text: String) {
        self.rest();
        if is_bad
            && let Some((last, later)) = &mut self.again
            && *last == text
        {
            let chapter = self.told.chapters.last_mut().expect("it was told before");
            later.push(at.since(chapter.at));
            chapter.text = format!("{text}; {}", words::again(later));
            return;
        }
        self.again = is_bad.then(|| (text.clone(), Vec::new()));
        self.push(at, is_bad, text);
    }

    /// Tells what went on as before, up to now.
    fn rest(&mut self) {
        let Routine { since, last, counts, faults } = std::mem::take(&mut self.routine);
        let Some(since) = since else { return };
        let counts: Vec<String> =
            counts.iter().map(|(word, &times)| words::times(u64::from(times), word)).collect();
        let mut text = counts.join(", ");
        if last > since {
            text.push_str(&format!(" in {}", elapsed(Some(last.since(since)))));
        }
        if !faults.is_empty() {
            let names: Vec<&str> = faults.iter().map(String::as_str).collect();
            text.push_str(&format!(", under {}", names.join(", ")));
        }
        text.push_str(", all well");
        self.push(since, false, text);
    }

    fn push(&mut self, at: Timestamp, is_bad: bool, text: String) {
        self.told.chapters.push(Chapter { at, after: at.since(self.start), is_bad, text });
    }
}

/// A call under way: by its lane and its number there. A lane has one at most.
fn key(line: &Line<'_>) -> (String, u32) {
    (line.lane.clone().unwrap_or_default().into_owned(), line.call.unwrap_or_default())
}

#[cfg(test)]
mod tests;
