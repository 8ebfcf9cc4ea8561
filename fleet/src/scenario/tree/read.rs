//! From a text in YAML to a tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::{Entry, Node, Place, Problem, Value};

/// More values than this, with what aliases repeat, are no scenario.
const MOST_NODES: usize = 1_000_000;

/// Reads a text; `name` says what it is, for whoever is told of a mistake.
pub fn read(name: &str, text: &str) -> Result<Node, Problem> {
    let mut reader =
        Reader { events: Parser::new_from_str(text), name: name.into(), anchors: BTreeMap::new(), nodes: 0 };
    reader.document()
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    name: Arc<str>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            match self.next()? {
                (Event::StreamEnd, span) => {
                    return Err(self.wrong(&span, "there is nothing here: expected keys such as `name: …`"));
                }
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (event, span) => {
                    let node = self.node(event, &span)?;
                    return self.end().map(|()| node);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Problem> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(..), span) => {
                    return Err(self.wrong(&span, "a second document begins here: expected one in a file"));
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        loop {
            match self.events.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(next)) => return Ok(next),
                Some(Err(error)) => return Err(self.unreadable(&error)),
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node, Problem> {
        self.count(span, 1)?;
        let place = self.place(span);
        let (value, anchor) = match event {
            Event::Alias(target) => {
                let Some(node) = self.anchors.get(&target).cloned() else {
                    return Err(self.wrong(span, "an alias stands inside of what it repeats"));
                };
                self.count(span, size(&node))?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(span, tag.is_some())?;
                let is_plain = style == ScalarStyle::Plain;
                (Value::Scalar { text: text.into_owned(), is_plain }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(span, tag.is_some())?;
                (Value::List(self.items()?), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(span, tag.is_some())?;
                (Value::Map(self.entries()?), anchor)
            }
            _ => return Err(self.wrong(span, "expected a value")),
        };
        let node = Node::new(value, place);
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn items(&mut self) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, &span)?),
            }
        }
    }

    fn entries(&mut self) -> Result<Vec<Entry>, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (key, place, is_plain) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, style, ..), span) => {
                    (text.into_owned(), self.place(&span), style == ScalarStyle::Plain)
                }
                (_, span) => return Err(self.wrong(&span, "a list or a map is no key: expected a name")),
            };
            let (event, span) = self.next()?;
            let node = self.node(event, &span)?;
            if key == "<<" && is_plain {
                merged.push((node, place));
            } else if entries.iter().any(|entry| entry.key == key) {
                let reason = format!("the key `{key}` is here twice: expected each key once");
                return Err(Problem::wrong(reason).here(&place));
            } else {
                entries.push(Entry { key, place, node });
            }
        }
        for (node, place) in merged {
            fill(&mut entries, node, &place)?;
        }
        Ok(entries)
    }

    fn count(&mut self, span: &Span, more: usize) -> Result<(), Problem> {
        self.nodes += more;
        if self.nodes > MOST_NODES {
            let reason = format!("there are more than {MOST_NODES} values up to here: expected fewer");
            return Err(self.wrong(span, &reason));
        }
        Ok(())
    }

    fn refuse_tag(&self, span: &Span, is_tagged: bool) -> Result<(), Problem> {
        if is_tagged {
            Err(self.wrong(span, "tags such as `!word` say nothing here: take it out"))
        } else {
            Ok(())
        }
    }

    fn unreadable(&self, error: &ScanError) -> Problem {
        let line = error.marker().line().max(1);
        let place = Place::Line { text: self.name.clone(), line };
        Problem::wrong(format!("this is no YAML: {}", error.kind())).here(&place)
    }

    fn wrong(&self, span: &Span, reason: &str) -> Problem {
        Problem::wrong(reason.to_owned()).here(&self.place(span))
    }

    fn place(&self, span: &Span) -> Place {
        Place::Line { text: self.name.clone(), line: span.start.line().max(1) }
    }
}

/// Fills in what the key `<<` brings from elsewhere: keys that are not there yet.
fn fill(entries: &mut Vec<Entry>, node: Node, place: &Place) -> Result<(), Problem> {
    match node.value {
        Value::Map(more) => {
            for entry in more {
                if !entries.iter().any(|known| known.key == entry.key) {
                    entries.push(entry);
                }
            }
            Ok(())
        }
        Value::List(items) => items.into_iter().try_for_each(|item| fill(entries, item, place)),
        Value::Scalar { .. } => {
            let reason = "`<<` brings in the keys of another map: expected an alias such as *base";
            Err(Problem::wrong(reason.to_owned()).here(place))
        }
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar { .. } => 1,
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.node)).sum::<usize>(),
    }
}
