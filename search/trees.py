"""Reads a search that a program sends as a JSON tree. Pure; gives the same tree as the language.

`{"all": [...]}`, `{"any": [...]}`, `{"none": [...]}` and `{"then": [...], "within_ms": 10000}` hold
trees; every other object is one term, named as a field of the language is.
"""

from __future__ import annotations

from typing import Any

from search.fields import EXAMPLES, Modifier, confidence, count, read_field
from search.query import (
    DEFAULT_GAP_MS,
    MAX_DEPTH,
    MAX_TERMS,
    And,
    InvalidQuery,
    Label,
    Node,
    Not,
    Or,
    Query,
    Then,
    leaves,
)

_BRANCHES = ("all", "any", "none", "then")
_MAX_GAP_MS = 3_600_000


def read_tree(given: Any) -> Query:
    """Read a tree; raise InvalidQuery that names the place by its path ("query.all[1]")."""
    tree = _node(given, "query", depth=0)
    if sum(1 for _ in leaves(tree)) > MAX_TERMS:
        raise _refused("query", f"A search has at most {MAX_TERMS} terms.", "Leave some out.")
    return Query(tree)


def _node(given: Any, path: str, *, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise _refused(path, f"Trees go at most {MAX_DEPTH} deep.", "Use fewer levels.")
    if not isinstance(given, dict) or not given:
        raise _refused(path, "Here an object is needed.", 'Write for instance {"label": "Car"}.')
    branch = next((name for name in _BRANCHES if name in given), None)
    if branch is None:
        return _term(given, path)
    _only(given, path, {branch, "within_ms"} if branch == "then" else {branch})
    parts = _parts(given[branch], f"{path}.{branch}", depth=depth)
    if branch == "then":
        return _then(parts, given.get("within_ms", DEFAULT_GAP_MS), path)
    if branch == "none":
        parts = tuple(Not(part) for part in parts)
    if branch == "all":
        # "none" inside "all" is taken away from the moments beside it, not from whole assets.
        parts = tuple(one for part in parts for one in _spread(part))
    if len(parts) == 1:
        return parts[0]
    return Or(parts) if branch == "any" else And(parts)


def _spread(part: Node) -> tuple[Node, ...]:
    return part.parts if isinstance(part, And) else (part,)


def _parts(given: Any, path: str, *, depth: int) -> tuple[Node, ...]:
    if not isinstance(given, list) or not 0 < len(given) <= MAX_TERMS:
        raise _refused(path, f"Here a list of 1 to {MAX_TERMS} trees is needed.", "Give one.")
    return tuple(_node(part, f"{path}[{at}]", depth=depth + 1) for at, part in enumerate(given))


def _then(parts: tuple[Node, ...], gap: Any, path: str) -> Node:
    if len(parts) < 2:
        raise _refused(f"{path}.then", "One after the other needs two.", "Add a tree.")
    if isinstance(gap, bool) or not isinstance(gap, int) or not 0 <= gap <= _MAX_GAP_MS:
        raise _refused(f"{path}.within_ms", "This is no gap.", f"Give 0 to {_MAX_GAP_MS:,}.")
    return Then(parts, (gap,) * (len(parts) - 1))


def _term(given: dict[str, Any], path: str) -> Node:
    known = [name for name in EXAMPLES if name in given]
    if not known:
        detail = f"No field is named here. Known are {', '.join(EXAMPLES)}."
        raise _refused(path, detail, "Use one of them.")
    name = "label" if "label" in known else known[0]
    _only(given, path, {"label", "min_confidence", "count"} if name == "label" else {name})
    value = given[name]
    if not isinstance(value, str) or _whole(value) != value:
        raise _refused(f"{path}.{name}", "Here a text is needed.", 'Write for instance "Car".')
    try:
        read = read_field(name, value, limit="", position=0)
        if isinstance(read, Modifier):
            raise _refused(path, f"{name} holds for the whole search.", "Give it as a parameter.")
        return _limited(read, given) if isinstance(read, Label) else read
    except InvalidQuery as error:
        error.field = path if error.field == "q" else error.field
        raise


def _limited(label: Label, given: dict[str, Any]) -> Label:
    sure, many = given.get("min_confidence"), given.get("count")
    return Label(
        label.name,
        None if sure is None else confidence(_number(sure), position=0),
        None if many is None else count(_number(many), position=0),
    )


def _number(value: Any) -> str:
    return f"{value:g}" if type(value) in (int, float) else str(value)[:20]


def _whole(text: str) -> str:
    """Put question marks for halves of characters, which JSON may hold and answers may not."""
    return text.encode("utf-8", "replace").decode()


def _only(given: dict[str, Any], path: str, known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise _refused(path, f"“{_whole(unknown[0][:50])}” does not belong here.", "Leave it out.")


def _refused(path: str, detail: str, cure: str) -> InvalidQuery:
    error = InvalidQuery(detail, cure=cure)
    error.field = path
    return error
