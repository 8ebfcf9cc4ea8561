//! Finding all mistakes in a tree, not only the first.
//!
//! Types stop at the first mistake. What they stopped at is then taken out of the
//! tree, and they read again, until they have nothing to say. What follows from
//! something that was taken out, such as its key being missing, is not told.
//!
//! A part of a scenario may lack keys which another part has. Types read a map's
//! keys before they miss one, so a map that lacks a key is right as far as it
//! goes; it is taken out, and nothing is told.

use serde::Deserialize;

use super::{Node, Problem, Step, Value, Wrong};

/// More mistakes than these are not looked for.
const MOST: usize = 50;

/// What the tree says, or all that is wrong with it.
pub fn value_of<T: for<'de> Deserialize<'de>>(tree: &Node) -> Result<T, Vec<Problem>> {
    match T::deserialize(tree) {
        Ok(value) => Ok(value),
        Err(first) => Err(problems::<T>(tree.clone(), first.here(&tree.place), false)),
    }
}

/// Whether the tree is right as far as it goes: keys may be missing. Which of its
/// nodes are choices is known afterwards.
pub fn check_alone<T: for<'de> Deserialize<'de>>(tree: &Node) -> Result<(), Vec<Problem>> {
    let Err(first) = T::deserialize(tree) else { return Ok(()) };
    let problems = problems::<T>(tree.clone(), first.here(&tree.place), true);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn problems<T: for<'de> Deserialize<'de>>(mut tree: Node, first: Problem, may_miss: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut next = Some(first);
    while let Some(problem) = next.take() {
        let path: Vec<Step> = problem.path.iter().rev().cloned().collect();
        let is_told = match (&problem.wrong, find(&tree, &path)) {
            (Wrong::Missing(_), _) if may_miss => false,
            (Wrong::Missing(key), Some(node)) => !node.wounds.keys.iter().any(|taken| taken == key),
            (Wrong::Value(_), Some(node)) => !node.wounds.is_hurt,
            (_, None) => true,
        };
        if is_told {
            problems.push(problem);
        }
        if path.is_empty() || problems.len() >= MOST || !take_out(&mut tree, &path) {
            break;
        }
        next = T::deserialize(&tree).err().map(|problem| problem.here(&tree.place));
    }
    problems
}

fn find<'a>(tree: &'a Node, path: &[Step]) -> Option<&'a Node> {
    path.iter().try_fold(tree, |node, step| match (&node.value, step) {
        (Value::Map(entries), Step::Key { index, .. }) => entries.get(*index).map(|entry| &entry.node),
        (Value::List(items), Step::Item { index, .. }) => items.get(*index),
        _ => None,
    })
}

/// Takes out what stands at this path. What it stood in is hurt by that.
fn take_out(tree: &mut Node, path: &[Step]) -> bool {
    let Some((last, way)) = path.split_last() else { return false };
    let mut node = tree;
    for step in way {
        node.wounds.is_hurt = true;
        let next = match (&mut node.value, step) {
            (Value::Map(entries), Step::Key { index, .. }) => entries.get_mut(*index).map(|e| &mut e.node),
            (Value::List(items), Step::Item { index, .. }) => items.get_mut(*index),
            _ => None,
        };
        let Some(next) = next else { return false };
        node = next;
    }
    node.wounds.is_hurt = true;
    match (&mut node.value, last) {
        (Value::Map(entries), Step::Key { index, key }) if *index < entries.len() => {
            entries.remove(*index);
            node.wounds.keys.push(key.clone());
            true
        }
        (Value::List(items), Step::Item { index, .. }) if *index < items.len() => {
            items.remove(*index);
            true
        }
        _ => false,
    }
}
