#!/usr/bin/env python3
"""Writes what the published SSM model allows as our own table of constraints.

Run it with an interpreter that has botocore installed, from anywhere:

    target/aws-clients/bin/python scripts/constraints.py

It reads botocore's SSM model and writes `plane/src/validate/model.json`: per
operation a row per member path with its type, whether it must be there, its
length or range, its words, its pattern, and whether its value is secret.
Nothing else of the model is taken. In a path `member` stands for each of a
list, `key` and `value` for those of a map. Where a shape holds itself, the row
names the path whose shape it has (`same`).

Patterns are translated from Java's dialect: the whole text must match, and the
classes `\\w`, `\\d`, `\\s` are ASCII. With `--check` nothing is written; the exit
code says whether the table is up to date.
"""

import gzip
import json
import pathlib
import re
import sys

import botocore

# What the plane answers, or will: the public operations of State Manager and around it.
OPERATIONS = """
AddTagsToResource CancelCommand CreateActivation CreateAssociation CreateAssociationBatch CreateDocument
DeleteActivation DeleteAssociation DeleteDocument DeleteInventory DeregisterManagedInstance
DescribeActivations DescribeAssociation DescribeAssociationExecutionTargets DescribeAssociationExecutions
DescribeAutomationExecutions DescribeDocument DescribeEffectiveInstanceAssociations
DescribeInstanceAssociationsStatus DescribeInstanceInformation DescribeInstanceProperties
GetAutomationExecution GetCalendarState GetCommandInvocation GetConnectionStatus GetDocument GetInventory
GetInventorySchema GetParameters ListAssociationVersions ListAssociations ListCommandInvocations ListCommands
ListComplianceItems ListComplianceSummaries ListDocumentVersions ListDocuments ListInventoryEntries
ListResourceComplianceSummaries ListTagsForResource PutComplianceItems PutInventory RemoveTagsFromResource
SendCommand StartAssociationsOnce UpdateAssociation UpdateAssociationStatus UpdateDocument
UpdateDocumentDefaultVersion UpdateManagedInstanceRole
""".split()

# Where the service takes more than its model says. Seen from the real agent.
TAKES_MORE = {
    # It also reports InProgress, TimedOut and Skipped by this call.
    ("UpdateAssociationStatus", "AssociationStatus.Name"): ["enum"],
}

# The model sets these lists no maximum; there is one here, for each filter is
# asked of thousands of nodes while all other calls wait.
FILTERS = ["AssociationFilterList", "Filters", "FiltersWithOperator", "InstanceInformationFilterList"]
MOST_FILTERS = 100

# Java's `.` leaves out every line terminator.
ANY = r"[^\n\r\x{85}\x{2028}\x{2029}]"
CLASSES = {"w": "a-zA-Z0-9_", "d": "0-9", "s": r" \t\n\x0b\f\r"}

TARGET = pathlib.Path(__file__).resolve().parent.parent / "plane/src/validate/model.json"


def model():
    """The SSM model of the installed botocore."""
    path = pathlib.Path(botocore.__file__).parent / "data/ssm/2014-11-06/service-2.json.gz"
    with gzip.open(path) as file:
        return json.load(file)


def translated(pattern):
    """A Java pattern in the dialect of the crate `regex`; None where a class is not known."""
    result, is_in_class, at = [], False, 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            following = pattern[at + 1]
            if following in "pP":
                end = pattern.index("}", at) + 1
                result.append(pattern[at:end])
                at = end
                continue
            if following in CLASSES:
                result.append(CLASSES[following] if is_in_class else f"[{CLASSES[following]}]")
            elif following.isalnum():
                sys.exit(f"the pattern {pattern} has an escape that is not translated: \\{following}")
            else:
                result.append("/" if following == "/" else "\\" + following)
            at += 2
            continue
        if character == "[" and is_in_class or "&&" in pattern[at : at + 2]:
            sys.exit(f"the pattern {pattern} nests classes, which is not translated")
        if character == "[":
            is_in_class = True
        elif character == "]":
            is_in_class = False
        result.append(ANY if character == "." and not is_in_class else character)
        at += 1
    return f"^(?:{''.join(result)})$"


def compiled(pattern):
    """How a pattern is matched: a regular expression, and for one that only
    counts a great many characters, their number beside it."""
    counted = re.fullmatch(r"\^\.\{1,(\d{4,})\}\$", pattern)
    if counted:
        return {"regex": f"^(?:{ANY}+)$", "most": int(counted[1])}
    return {"regex": translated(pattern)}


class Table:
    """The rows of one operation after another."""

    def __init__(self, shapes):
        self.shapes = shapes
        self.patterns = {}

    def rows(self, operation, shape):
        """The rows of an operation's request, in the model's order."""
        rows = []
        self.members(rows, operation, self.shapes[shape], "", {})
        return rows

    def members(self, rows, operation, shape, path, open_shapes):
        """The rows beneath a structure, list or map."""
        below = lambda name: f"{path}.{name}" if path else name
        if shape["type"] == "structure":
            required = shape.get("required", [])
            for name, member in shape["members"].items():
                self.row(rows, operation, member["shape"], below(name), name in required, open_shapes)
        elif shape["type"] == "list":
            self.row(rows, operation, shape["member"]["shape"], below("member"), False, open_shapes)
        elif shape["type"] == "map":
            self.row(rows, operation, shape["key"]["shape"], below("key"), False, open_shapes)
            self.row(rows, operation, shape["value"]["shape"], below("value"), False, open_shapes)

    def row(self, rows, operation, name, path, is_required, open_shapes):
        """The row of one member, and those beneath it."""
        shape = self.shapes[name]
        row = {"path": path, "type": {"long": "integer"}.get(shape["type"], shape["type"])}
        if is_required:
            row["required"] = True
        for limit in ("min", "max", "enum", "pattern", "sensitive"):
            if limit in shape and limit not in TAKES_MORE.get((operation, path), []):
                row[limit] = shape[limit]
        if path in FILTERS:
            row.setdefault("max", MOST_FILTERS)
        if "pattern" in row:
            self.patterns[row["pattern"]] = compiled(row["pattern"])
        rows.append(row)
        if name in open_shapes:
            row["same"] = open_shapes[name]
        else:
            self.members(rows, operation, shape, path, {**open_shapes, name: path})


def written(table, operations):
    """The table as text: a row a line."""
    line = lambda value: json.dumps(value, ensure_ascii=False)
    version = f"SSM 2014-11-06 as botocore {botocore.__version__} has it"
    lines = ["{", f'"model": {line(version)},', '"patterns": {']
    patterns = [f"{line(text)}: {line(how)}" for text, how in sorted(table.patterns.items())]
    lines += [",\n".join(patterns), "},", '"operations": {']
    blocks = []
    for name, rows in operations.items():
        block = ",\n".join(line(row) for row in rows)
        blocks.append(f"{line(name)}: [\n{block}\n]" if rows else f"{line(name)}: []")
    lines += [",\n".join(blocks), "}", "}"]
    return "\n".join(lines) + "\n"


def main():
    published = model()
    table = Table(published["shapes"])
    operations = {}
    for name in sorted(OPERATIONS):
        operations[name] = table.rows(name, published["operations"][name]["input"]["shape"])
    text = written(table, operations)
    if "--check" in sys.argv[1:]:
        sys.exit(0 if TARGET.read_text(encoding="utf-8") == text else f"{TARGET.name} is out of date")
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
