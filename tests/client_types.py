"""Writes the client's types from the OpenAPI schema: `python -m tests.client_types` after a change.

A test compares what stands there with what would be written; it decides nothing about the API.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[1] / "medialib" / "client" / "answers.py"
# What the client's methods give; what these are made of comes along.
GIVEN = ("Asset", "Event", "Moment", "PartAddress", "SearchAnswer", "Upload")
_HEAD = '''"""What the library answers, as types. Checks nothing at run time.

`python -m tests.client_types` writes this file from the schema: do not edit it by hand.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict
'''
_PLAIN = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}


def written(schema: dict[str, Any]) -> str:
    """Write the module for a schema, as `make format` would leave it."""
    components = schema["components"]["schemas"]
    texts = [_HEAD.rstrip(), *(_definition(name, components[name]) for name in _needed(components))]
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(TARGET), "-"]
    done = subprocess.run(
        command, input="\n\n".join(texts), capture_output=True, text=True, check=True
    )
    return done.stdout


def _needed(components: dict[str, Any]) -> list[str]:
    needed: set[str] = set()
    left = list(GIVEN)
    while left:
        name = left.pop()
        if name not in needed:
            needed.add(name)
            left += re.findall(r'"#/components/schemas/(\w+)"', json.dumps(components[name]))
    return sorted(needed, key=lambda name: ("properties" in components[name], name))


def _definition(name: str, component: dict[str, Any]) -> str:
    """Define a class of fields, or a choice of words."""
    if "properties" not in component:
        return f"{name} = {_type(component)}"
    about = component["description"].splitlines()[0]
    fields = [
        f"    {field}: {_type(said)}" for field, said in sorted(component["properties"].items())
    ]
    # An answer has all its fields; only `?fields=` leaves some out.
    assert sorted(component["required"]) == sorted(component["properties"]), name
    return "\n".join([f"class {name}(TypedDict):", f'    """{about}"""', "", *fields, ""])


def _type(said: dict[str, Any]) -> str:
    """Give the annotation of a field."""
    if "enum" in said:
        return f"Literal[{', '.join(json.dumps(word) for word in said['enum'])}]"
    for several in ("oneOf", "anyOf", "allOf"):
        if several in said:
            return " | ".join(dict.fromkeys(map(_type, said[several])))
    if "$ref" in said:
        return str(said["$ref"]).rpartition("/")[2]
    kinds = said.get("type", "object")
    names = [kinds] if isinstance(kinds, str) else kinds
    return " | ".join(_named(kind, said) for kind in names)


def _named(kind: str, said: dict[str, Any]) -> str:
    if kind == "array":
        return f"list[{_type(said['items'])}]"
    if kind == "object":
        inner = said.get("additionalProperties")
        return f"dict[str, {_type(inner) if isinstance(inner, dict) and inner else 'Any'}]"
    return _PLAIN[kind]


def main() -> None:
    """Write the module."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from tests.contracts.test_schema import load

    TARGET.write_text(written(load()), encoding="utf-8")


if __name__ == "__main__":
    main()
