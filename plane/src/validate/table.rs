//! What each member of each request may be, read from tables.
//!
//! `model.json` is made by `scripts/constraints.py` from the published model;
//! `agent.json` is our own and holds the operations that only agents call. Both
//! have the same form, a row per member path. They are read once, at the first
//! request, into shapes that know their members; the walk over a request is
//! `walk`'s work.
//!
//! Invariant: a shape's members stand in the model's order, for violations are
//! told in it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::pattern::{Pattern, Recipe};

/// The tables as they are in the program.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for text in [include_str!("model.json"), include_str!("agent.json")] {
        table.add(serde_json::from_str(text).expect("a test reads it"));
    }
    table
});

/// The shape of an operation's request, if it has one here.
pub(super) fn request(operation: &str) -> Option<&'static Shape> {
    TABLE.requests.get(operation).map(|&number| TABLE.shape(number))
}

/// The shape of this number.
pub(super) fn shape(number: ShapeNumber) -> &'static Shape {
    TABLE.shape(number)
}

/// The pattern of this number.
pub(super) fn pattern(number: usize) -> &'static Pattern {
    &TABLE.patterns[number]
}

/// What a value may be.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// The least length or value.
    pub(super) min: Option<i64>,
    /// The greatest length or value.
    pub(super) max: Option<i64>,
    /// The words that a text may be, if it is one of a set.
    pub(super) words: Vec<String>,
    /// Which pattern a text must match.
    pub(super) pattern: Option<usize>,
    /// Whether it must not be printed.
    pub(super) is_secret: bool,
}

/// What a value is made of.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    Integer,
    Boolean,
    /// Seconds since 1970, as a number.
    Instant,
    Structure(Vec<Member>),
    /// With the shape of each of its items, unless they are free.
    List(Option<ShapeNumber>),
    /// With the shapes of its keys and values, unless they are free.
    Map(Option<ShapeNumber>, Option<ShapeNumber>),
}

/// A member of a structure.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) is_required: bool,
    pub(super) shape: ShapeNumber,
}

/// Where a shape is in the table. A shape may hold itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShapeNumber(usize);

#[derive(Debug, Default)]
struct Table {
    requests: BTreeMap<String, ShapeNumber>,
    shapes: Vec<Shape>,
    patterns: Vec<Pattern>,
}

/// A file of rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Where it comes from.
    #[serde(rename = "model")]
    _model: String,
    patterns: BTreeMap<String, Recipe>,
    operations: BTreeMap<String, Vec<Row>>,
}

/// What one member of a request may be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    path: String,
    #[serde(rename = "type")]
    kind: RowKind,
    #[serde(default)]
    required: bool,
    min: Option<i64>,
    max: Option<i64>,
    #[serde(rename = "enum", default)]
    words: Vec<String>,
    pattern: Option<String>,
    #[serde(default)]
    sensitive: bool,
    /// The path whose shape this one has.
    same: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RowKind {
    String,
    Integer,
    Boolean,
    Timestamp,
    Structure,
    List,
    Map,
}

impl Table {
    fn shape(&self, number: ShapeNumber) -> &Shape {
        &self.shapes[number.0]
    }

    fn add(&mut self, file: File) {
        let first = self.patterns.len();
        let texts: Vec<String> = file.patterns.keys().cloned().collect();
        self.patterns.extend(file.patterns.into_iter().map(|(text, recipe)| Pattern::new(text, recipe)));
        for (operation, rows) in file.operations {
            let root = self.put(Shape::free(Kind::Structure(Vec::new())));
            self.requests.insert(operation, root);
            let mut by_path = BTreeMap::from([(String::new(), root)]);
            for row in rows {
                let (parent, name) = row.path.rsplit_once('.').unwrap_or(("", &row.path));
                let parent = by_path[parent];
                let number = match &row.same {
                    Some(path) => by_path[path],
                    None => self.put(shape_of(&row, &texts, first)),
                };
                self.hang(parent, name, number, row.required);
                by_path.insert(row.path, number);
            }
        }
    }

    fn put(&mut self, shape: Shape) -> ShapeNumber {
        self.shapes.push(shape);
        ShapeNumber(self.shapes.len() - 1)
    }

    /// Makes a shape part of another.
    fn hang(&mut self, parent: ShapeNumber, name: &str, shape: ShapeNumber, is_required: bool) {
        match (&mut self.shapes[parent.0].kind, name) {
            (Kind::Structure(members), name) => {
                members.push(Member { name: name.to_owned(), is_required, shape });
            }
            (Kind::List(item), "member") => *item = Some(shape),
            (Kind::Map(key, _), "key") => *key = Some(shape),
            (Kind::Map(_, value), "value") => *value = Some(shape),
            (kind, name) => panic!("{kind:?} has no {name}; a test reads every row"),
        }
    }
}

impl Shape {
    fn free(kind: Kind) -> Self {
        Self { kind, min: None, max: None, words: Vec::new(), pattern: None, is_secret: false }
    }

    /// Whether it is told of at the list or map that holds it, having no
    /// members to name.
    pub(super) fn is_plain(&self) -> bool {
        match self.kind {
            Kind::Structure(_) | Kind::Map(..) => false,
            Kind::List(item) => item.is_none_or(|item| shape(item).is_plain()),
            Kind::Text | Kind::Integer | Kind::Boolean | Kind::Instant => true,
        }
    }
}

fn shape_of(row: &Row, texts: &[String], first: usize) -> Shape {
    let kind = match row.kind {
        RowKind::String => Kind::Text,
        RowKind::Integer => Kind::Integer,
        RowKind::Boolean => Kind::Boolean,
        RowKind::Timestamp => Kind::Instant,
        RowKind::Structure => Kind::Structure(Vec::new()),
        RowKind::List => Kind::List(None),
        RowKind::Map => Kind::Map(None, None),
    };
    let pattern = row.pattern.as_ref().map(|pattern| {
        first + texts.iter().position(|text| text == pattern).expect("a test reads every row")
    });
    Shape { kind, min: row.min, max: row.max, words: row.words.clone(), pattern, is_secret: row.sensitive }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_constraints() {
        for operation in shared::operation::NAMES {
            assert!(request(operation).is_some(), "{operation}: add it to scripts/constraints.py");
        }
    }

    #[test]
    fn every_pattern_compiles_and_means_the_whole_text() {
        let node = r"(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)";
        let target_key =
            r"^[\p{L}\p{Z}\p{N}_.:/=\-@]*$|resource-groups:ResourceTypeFilters|resource-groups:Name";
        let cases = [
            (node, "i-0123456789abcdef0", "i-123"),
            (node, "mi-0123456789abcdef0", "i-0123456789abcdef0\n"),
            (node, "i-01234567", "i-012345é7"),
            (r"^[a-zA-Z0-9_\-.:/]{3,128}$", "arn:aws:ssm:us-east-1:111122223333:document/Mine", "x!"),
            (r"^[a-zA-Z0-9_\-.]{3,128}$", "My-Document.1_a", "a/b"),
            ("([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)", "$LATEST", "x$LATEST"),
            ("([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)", "12", "0"),
            (target_key, "tag:Größe", "tag;x"),
            (target_key, "resource-groups:Name", "a\nb"),
            ("^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$", "0%", "101%"),
            ("^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$", "100%", "0"),
            (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "", "a;b"),
            (r"^\/[\w\.\-\:\/]*$", "/AWS::EC2::Instance", "AWS::EC2::Instance"),
            (r"^(?!\s*$).+", "an alarm", "  "),
            (r"^(?!\s*$).+", "a", "a\u{2028}b"),
            ("^.{1,100000}$", &"é".repeat(100_000), &"e".repeat(100_001)),
            ("^(AWS|Custom):.*$", "AWS:Application", "aws:Application"),
        ];
        for (text, good, bad) in cases {
            let pattern = TABLE.patterns.iter().find(|pattern| pattern.text == text).expect(text);
            assert!(pattern.matches(good), "{good} as {text}");
            assert!(!pattern.matches(bad), "{bad} as {text}");
        }
        for pattern in &TABLE.patterns {
            pattern.matches("");
        }
    }

    #[test]
    fn a_shape_may_hold_itself() {
        let Kind::Structure(members) = &request("GetInventory").unwrap().kind else { panic!() };
        let aggregators = members.iter().find(|member| member.name == "Aggregators").unwrap().shape;
        let Kind::List(Some(item)) = shape(aggregators).kind else { panic!() };
        let Kind::Structure(members) = &shape(item).kind else { panic!() };
        let inner = members.iter().find(|member| member.name == "Aggregators").unwrap().shape;
        assert_eq!(inner, aggregators);
    }
}
