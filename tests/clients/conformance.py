"""Requests that keep to the published SSM model, and requests that break it.

    python conformance.py OPERATION...

Walks the model that the installed boto3 has, and prints a JSON line per request:

    {"case": "CreateAssociation MaxErrors pattern", "operation": "CreateAssociation",
     "expect": "ValidationException", "at": "maxErrors", "body": {...}}

For each operation there is one minimal valid request (`expect` is "accepted",
with the names of the errors that the model gives the operation), and for each
constraint of each member one request that breaks that constraint and no other
member's; for each member one whose JSON type is wrong, and a valid one that
gives it (`expect` is "known", `pointer` says where it stands). Operations that
the model does not have are passed over: they are the agents' own.
"""

import json
import re
import sys

import boto3

# Valid texts to choose from: the first that a member's pattern and length allow.
TEXTS = [
    "text", "i-0123456789abcdef0", "mi-0123456789abcdef0", "3f0c1a52-7c2a-486d-9c4e-d866fde08e71",
    "1", "$LATEST", "1.0", "100%", "/AWS::EC2::Instance", "AWS:Thing", "123456789012", "2025-03-10T12:00:00Z",
    "arn:aws:iam::123456789012:role/thing", "https://bucket.s3.amazonaws.com/key", "https://example.com",
]
# Texts that some pattern does not allow.
MISFITS = ["!", "", " ", "\n", "!!!!", "!" * 36]
# Where required members alone make no call: it takes one of several.
ONE_OF = {
    "CreateAssociation": {"Targets": [{"Key": "InstanceIds", "Values": ["*"]}]},
    "DeleteAssociation": {"AssociationId": "3f0c1a52-7c2a-486d-9c4e-d866fde08e71"},
    "DescribeAssociation": {"AssociationId": "3f0c1a52-7c2a-486d-9c4e-d866fde08e71"},
    "SendCommand": {"InstanceIds": ["i-0123456789abcdef0"]},
}
WRONG = {"string": 7, "integer": "two", "long": "two", "boolean": "yes", "timestamp": [], "list": {}, "map": [],
         "structure": []}


def compiled(pattern):
    """The pattern in Python's dialect, over the whole text, with Java's ASCII classes."""
    text = re.sub(r"\\p\{L\}", "A-Za-z\u00c0-\u024f", pattern)
    text = text.replace(r"\p{N}", "0-9").replace(r"\p{Z}", " ").replace("(?i)all", "[Aa][Ll][Ll]")
    return re.compile(f"(?:{text})\\Z", re.ASCII)


def matches(shape, text):
    """Whether a text keeps to all of a shape's constraints."""
    if "pattern" in shape.metadata and not compiled(shape.metadata["pattern"]).match(text):
        return False
    if getattr(shape, "enum", None) and text not in shape.enum:
        return False
    return shape.metadata.get("min", 0) <= len(text) <= shape.metadata.get("max", len(text))


def text_of(shape, number=0):
    """A valid text; another for another number where the shape is free."""
    texts = list(shape.enum or TEXTS)
    least = shape.metadata.get("min", 0)
    texts += ["k%d" % number + "a" * max(0, least - 2), "a" * least]
    if number:
        texts.insert(0, texts[-2])
    for text in texts:
        if matches(shape, text):
            return text
    sys.exit(f"no valid text is known for {shape.name}: add one to TEXTS")


def valid(shape):
    """The least valid value of a shape: required members, shortest lists."""
    if shape.type_name == "structure":
        return {name: valid(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [valid(shape.member)] * shape.metadata.get("min", 0)
    if shape.type_name == "map":
        return {text_of(shape.key, number): valid(shape.value) for number in range(shape.metadata.get("min", 0))}
    if shape.type_name in ("integer", "long"):
        return max(shape.metadata.get("min", 1), 1)
    return {"boolean": True, "timestamp": 1741608000}.get(shape.type_name) or text_of(shape)


def given(shape):
    """A valid value of a shape that holds something."""
    if shape.type_name == "list":
        return valid(shape) or [given(shape.member)]
    if shape.type_name == "map":
        return valid(shape) or {text_of(shape.key): given(shape.value)}
    return valid(shape)


def misfit(shape):
    """A text that breaks a shape's pattern."""
    pattern = compiled(shape.metadata["pattern"])
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", sys.maxsize)
    for text in MISFITS:
        if least <= len(text) <= most and not pattern.match(text):
            return text
    sys.exit(f"no text is known that breaks the pattern of {shape.name}: add one to MISFITS")


def of_length(shape, length):
    """A list, map or text of this length, its parts valid."""
    if shape.type_name == "list":
        return [valid(shape.member)] * length
    if shape.type_name == "map":
        return {text_of(shape.key, number + 1): valid(shape.value) for number in range(length)}
    text = text_of(shape)
    return (text + text[-1:] * length)[:length] if text else "a" * length


def violations(shape):
    """The names of a shape's constraints, each with a value that breaks it."""
    limits, is_number = shape.metadata, shape.type_name in ("integer", "long")
    if is_number:
        if "min" in limits:
            yield "min", limits["min"] - 1
        if "max" in limits:
            yield "max", limits["max"] + 1
        return
    if limits.get("min", 0) > 0:
        yield "min", of_length(shape, limits["min"] - 1)
    if "max" in limits:
        yield "max", of_length(shape, limits["max"] + 1)
    if getattr(shape, "enum", None):
        yield "enum", "no-such-word"
    if "pattern" in limits:
        yield "pattern", misfit(shape)


def lower_first(name):
    return name[:1].lower() + name[1:]


class Walk:
    """All requests of one operation."""

    def __init__(self, operation, shape):
        self.operation = operation
        self.shape = shape
        self.minimal = {**valid(shape), **ONE_OF.get(operation, {})}

    def say(self, case, expect, body, **more):
        line = {"case": f"{self.operation} {case}", "operation": self.operation, "expect": expect, **more}
        print(json.dumps({**line, "body": body}))

    def members(self, shape, path, at, pointer, put, open_shapes):
        """The members of a structure; `put` makes the request around its value."""
        for name, member in shape.members.items():
            below = f"{path}.{name}".lstrip(".")
            told_at = f"{at}.{lower_first(name)}".lstrip(".")
            around = lambda value, name=name: put({**self.base(shape, path), name: value})
            if name in shape.required_members:
                lacking = {key: value for key, value in self.base(shape, path).items() if key != name}
                self.say(f"{below} required", "ValidationException", put(lacking), at=told_at)
            self.member(member, below, told_at, f"{pointer}/{name}", around, open_shapes)

    def base(self, shape, path):
        return self.minimal if not path else valid(shape)

    def member(self, shape, path, at, pointer, put, open_shapes):
        """One member: what breaks it, and what is beneath it."""
        self.say(f"{path} known", "known", put(given(shape)), pointer=pointer)
        self.say(f"{path} type", "SerializationException", put(WRONG[shape.type_name]))
        for constraint, value in violations(shape):
            self.say(f"{path} {constraint}", "ValidationException", put(value), at=at)
        if shape.name in open_shapes:
            return
        open_shapes = open_shapes | {shape.name}
        if shape.type_name == "structure":
            self.members(shape, path, at, pointer, put, open_shapes)
        elif shape.type_name == "list":
            item = shape.member
            whole = lambda value: put([value] + [valid(item)] * (shape.metadata.get("min", 1) - 1))
            # What has no members of its own is told of at the list that holds it.
            told_at = f"{at}.1.member" if item.type_name in ("structure", "map") else at
            self.member(item, f"{path}.member", told_at, f"{pointer}/0", whole, open_shapes)
        elif shape.type_name == "map":
            key = text_of(shape.key)
            for constraint, text in violations(shape.key):
                self.say(f"{path}.key {constraint}", "ValidationException", put({text: valid(shape.value)}), at=at)
            around = lambda value: put({key: value})
            self.member(shape.value, f"{path}.value", at, f"{pointer}/{key}", around, open_shapes)


def main():
    model = boto3.client("ssm", region_name="us-east-1").meta.service_model
    for name in sys.argv[1:]:
        if name not in model.operation_names:
            continue
        operation = model.operation_model(name)
        walk = Walk(name, operation.input_shape)
        walk.say("minimal", "accepted", walk.minimal, errors=[shape.name for shape in operation.error_shapes])
        walk.members(operation.input_shape, "", "", "", lambda body: body, frozenset())


if __name__ == "__main__":
    main()
