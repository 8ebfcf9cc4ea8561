//! Laying one tree over another.
//!
//! Keys are laid over keys, however deep. Lists of things that all have a name are
//! laid over one another by these names, what is new at the end; any other list
//! takes the place of the one below it, an empty one too. So does one choice that
//! of another.

use std::cell::Cell;
use std::rc::Rc;

use shared::nearest::nearest;

use super::{Entry, Node, Place, Problem, Value, read};

/// Lays a tree over another.
pub fn merge(below: Node, above: Node) -> Node {
    let is_choice = below.is_choice.get() || above.is_choice.get();
    match (below.value, above.value) {
        (Value::Map(mut entries), Value::Map(more)) if !is_choice || have_same_keys(&entries, &more) => {
            for entry in more {
                lay_entry(&mut entries, entry);
            }
            Node {
                value: Value::Map(entries),
                place: below.place,
                is_choice: Rc::new(Cell::new(is_choice)),
                wounds: below.wounds,
            }
        }
        (Value::List(mut items), Value::List(more))
            if !more.is_empty() && are_named(&items) && are_named(&more) =>
        {
            for item in more {
                lay_item(&mut items, item);
            }
            Node::new(Value::List(items), below.place)
        }
        (_, value) => Node { value, place: above.place, is_choice: above.is_choice, wounds: above.wounds },
    }
}

fn have_same_keys(one: &[Entry], other: &[Entry]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.key == other.key)
}

fn are_named(items: &[Node]) -> bool {
    items.iter().all(|item| item.name().is_some())
}

fn lay_entry(entries: &mut Vec<Entry>, above: Entry) {
    match entries.iter_mut().find(|entry| entry.key == above.key) {
        None => entries.push(above),
        Some(below) => {
            let under = std::mem::replace(&mut below.node, Node::nothing(above.place.clone()));
            below.node = merge(under, above.node);
            below.place = above.place;
        }
    }
}

fn lay_item(items: &mut Vec<Node>, above: Node) {
    match items.iter_mut().find(|item| item.name() == above.name()) {
        None => items.push(above),
        Some(below) => {
            let under = std::mem::replace(below, Node::nothing(above.place.clone()));
            *below = merge(under, above);
        }
    }
}

/// Sets one value by its path, as `--set cohorts.web.nodes=500` says. `respell` may
/// put the steps of the path as the tree has them.
pub fn set(tree: &mut Node, text: &str, respell: impl FnOnce(&mut [String])) -> Result<(), Problem> {
    let place = Place::Flag(format!("--set {text}").into());
    let (mut path, value) = split(text)
        .ok_or_else(|| Problem::wrong("expected PATH=VALUE, such as cohorts.web.nodes=500".to_owned()))
        .map_err(|problem| problem.here(&place))?;
    respell(&mut path);
    let mut value = match value.trim() {
        "" => Node::nothing(place.clone()),
        value => read(&place.to_string(), value)
            .map_err(|problem| Problem { place: Some(place.clone()), ..problem })?,
    };
    value.move_to(&place);
    put(tree, &path, value, &place).map_err(|problem| problem.here(&place))
}

/// The steps of the path, and the value. Quotes or braces hold dots and equal signs together.
fn split(text: &str) -> Option<(Vec<String>, &str)> {
    let mut steps = vec![String::new()];
    let (mut is_quoted, mut depth) = (false, 0_usize);
    for (index, letter) in text.char_indices() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '=' if !is_quoted && depth == 0 => {
                let is_path = steps.iter().all(|step| !step.is_empty());
                return is_path.then(|| (steps, &text[index + 1..]));
            }
            '.' if !is_quoted && depth == 0 => steps.push(String::new()),
            _ => {
                match letter {
                    '{' => depth += 1,
                    '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                steps.last_mut()?.push(letter);
            }
        }
    }
    None
}

fn put(tree: &mut Node, path: &[String], value: Node, place: &Place) -> Result<(), Problem> {
    let Some((step, rest)) = path.split_first() else {
        *tree = value;
        return Ok(());
    };
    match &mut tree.value {
        Value::List(items) => put(item(items, step)?, rest, value, place),
        Value::Map(entries) => {
            let index = match entries.iter().position(|entry| entry.key == *step) {
                Some(index) => index,
                None => {
                    // One choice takes the place of another.
                    if tree.is_choice.get() {
                        entries.clear();
                    }
                    let node = Node::new(Value::Map(Vec::new()), place.clone());
                    entries.push(Entry { key: step.clone(), place: place.clone(), node });
                    entries.len() - 1
                }
            };
            put(&mut entries[index].node, rest, value, place)
        }
        Value::Scalar { .. } => {
            *tree = Node::new(Value::Map(Vec::new()), place.clone());
            put(tree, path, value, place)
        }
    }
}

/// The item of this name or number.
fn item<'a>(items: &'a mut [Node], step: &str) -> Result<&'a mut Node, Problem> {
    let index = items.iter().position(|item| item.name() == Some(step)).or_else(|| step.parse().ok());
    let count = items.len();
    let names: Vec<String> = items.iter().filter_map(|item| item.name().map(str::to_owned)).collect();
    index.and_then(|index| items.get_mut(index)).ok_or_else(|| {
        let hint = match nearest(step, names.iter().map(String::as_str)) {
            Some(name) => format!("; did you mean `{name}`?"),
            None if names.is_empty() => format!(": expected a number below {count}"),
            None => format!("; there are {}", names.join(", ")),
        };
        Problem::wrong(format!("there is no `{step}` in the list{hint}"))
    })
}

impl Node {
    /// No value, here.
    pub(super) fn nothing(place: Place) -> Self {
        Self::new(Value::Scalar { text: String::new(), is_plain: true }, place)
    }

    /// Lets it and all in it stand at this place.
    fn move_to(&mut self, place: &Place) {
        self.place = place.clone();
        match &mut self.value {
            Value::Scalar { .. } => {}
            Value::List(items) => items.iter_mut().for_each(|item| item.move_to(place)),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| {
                entry.place = place.clone();
                entry.node.move_to(place);
            }),
        }
    }
}
