"""Whether bodies have the members and types that the published SSM model gives them.

    python shapes.py DIRECTORY

Reads each `<Operation>.request.json` and `<Operation>.reply.json` there and
prints a line for each member that the model does not know, and for each value
whose JSON type is not the model's. boto3 does not mind a number where the model
has a text; typed SDKs cannot read it. Operations that the model does not have
are the agents' own and are passed over. The last line counts the bodies.
"""

import json
import pathlib
import sys

import boto3


def is_of_type(type_name, value):
    """Whether a value is written as this type is."""
    if type_name == "boolean":
        return isinstance(value, bool)
    if type_name in ("integer", "long"):
        return isinstance(value, int) and not isinstance(value, bool)
    if type_name == "timestamp":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, {"string": str, "list": list, "map": dict, "structure": dict}[type_name])


def complaints(shape, value, path):
    """What of a value is not as its shape has it."""
    if not is_of_type(shape.type_name, value):
        yield f"{path} is no {shape.type_name}: {value!r}"
    elif shape.type_name == "structure":
        for name, member in value.items():
            if name in shape.members:
                yield from complaints(shape.members[name], member, f"{path}.{name}")
            else:
                yield f"{path}.{name} is no member of {shape.name}"
    elif shape.type_name == "list":
        for item in value:
            yield from complaints(shape.member, item, f"{path}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from complaints(shape.value, item, f"{path}.{key}")


def main():
    model = boto3.client("ssm", region_name="us-east-1").meta.service_model
    bodies = 0
    for file in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
        operation, way = file.name.split(".")[:2]
        if operation not in model.operation_names:
            continue
        operation = model.operation_model(operation)
        shape = operation.input_shape if way == "request" else operation.output_shape
        bodies += 1
        body = json.loads(file.read_text(encoding="utf-8"))
        for complaint in complaints(shape, body, file.stem):
            print(complaint)
    print(f"{bodies} bodies")


if __name__ == "__main__":
    main()
