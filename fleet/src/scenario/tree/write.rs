//! From a tree to a text in YAML that says the same.

use std::fmt::Write as _;

use super::scalar::{Plain, plain};
use super::{Node, Value};

/// The text of a tree.
pub fn write(tree: &Node) -> String {
    let mut text = String::new();
    block(tree, 0, &mut text);
    text
}

/// A map or list over many lines, at the beginning of one.
fn block(node: &Node, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                let _ = write!(text, "{indent}{}:", quoted(&entry.key, false));
                below(&entry.node, depth, text);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(text, "{indent}-");
                match &item.value {
                    Value::Map(entries) if !entries.is_empty() => {
                        let mut rest = String::new();
                        block(item, depth + 1, &mut rest);
                        let _ = write!(text, " {}", rest.trim_start());
                    }
                    _ => below(item, depth, text),
                }
            }
        }
        _ => {
            let _ = writeln!(text, "{indent}{}", line(node));
        }
    }
}

/// What follows a key's colon or an item's dash.
fn below(node: &Node, depth: usize, text: &mut String) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            text.push('\n');
            block(node, depth + 1, text);
        }
        Value::List(items) if !items.is_empty() => {
            text.push('\n');
            block(node, depth + 1, text);
        }
        _ => {
            let _ = writeln!(text, " {}", line(node));
        }
    }
}

fn line(node: &Node) -> String {
    match &node.value {
        Value::Map(_) => "{}".to_owned(),
        Value::List(_) => "[]".to_owned(),
        Value::Scalar { text, is_plain: true } if plain(text) == Plain::Nothing => "null".to_owned(),
        Value::Scalar { text, is_plain } => quoted(text, *is_plain),
    }
}

/// The text as it must be written so that it is read as it was: a word that may be
/// more than a text stays as it is if it was without quotes, and gets them if not.
fn quoted(text: &str, may_be_more: bool) -> String {
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./+%=* ()".contains(&byte))
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"/+.-".contains(&byte))
        && !text.starts_with("- ")
        && text != "-"
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.ends_with(' ');
    if is_word && (may_be_more || plain(text) == Plain::Text) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}
