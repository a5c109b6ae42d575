"""Turns a condition into one SQL statement and one function per row. Runs neither.

The statement finds a superset quickly and exactly decides what are plain facts of an asset; the
function decides the rest on the time masks, as integers (see timeline.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any
from uuid import UUID

from search.backends import combining
from search.backends.base import SearchRequest, Selection
from search.backends.sqlite import values
from search.backends.sqlite.values import Match, Value
from search.conditions import (
    TEXT_WEIGHTS,
    All,
    AnyOf,
    Between,
    Condition,
    Fact,
    HasKeyword,
    InCategory,
    InText,
    Marked,
    OfKind,
    Seen,
    Sequence,
    Without,
    has_ranges,
    positive_leaves,
)

_SORT_COLUMNS = {
    "newest": "-a.created",
    "captured": "coalesce(-a.captured, 1 << 62)",
    "title": "a.title",
}
_FACET_COLUMNS = ("a.video", "a.month", "a.length_class", "d.labels", "d.categories")
SELECTABLE = ("kind", "label", "category", "month", "length")


@dataclass(slots=True)
class Statement:
    """A statement to run, what finds the matches in its rows, and where further columns stand."""

    sql: str
    parameters: dict[str, Any]
    match: Match
    texts: list[tuple[InText, int]]
    selected: dict[str, int]
    facets: int | None


@dataclass(frozen=True, slots=True)
class LabelPage:
    """The statements of the commonest request, one label: SQL alone counts, sorts and cuts."""

    totals: str
    rows: str
    facets: str
    parameters: dict[str, Any]
    step: int


@dataclass(slots=True)
class Compiler:
    """Collects joins, columns and parameters while it walks over one request's condition."""

    request: SearchRequest
    parameters: dict[str, Any] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    # Label terms in the order of their joins; those in `needed` must be there in every hit.
    aliases: dict[Seen, str] = field(default_factory=dict)
    needed: list[Seen] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)

    def compile(self, *, counts: dict[int, int]) -> Statement:
        """Build the statement; it begins with the label that `counts` says is the rarest."""
        self.counts = counts
        condition = self.request.condition
        self.needed = sorted(set(_needed(condition)), key=lambda seen: counts.get(seen.label, 0))
        for seen in self.needed:
            self._alias(seen)
        where = [self._superset(part) for part in _facts(condition)]
        match = self._together(condition) or values.each(self._value(condition, top=True))
        score = self._score(condition)
        texts = [
            (leaf, self._column(self._text_weight(leaf)))
            for leaf in dict.fromkeys(positive_leaves(condition))
            if isinstance(leaf, InText)
        ]
        selected = self._selections(where)
        facets = self._facet_columns()
        where.append(self._access())
        fixed = ["a.id", "a.uuid", "a.video", self._sort_column(), self._edges_column()]
        columns = ", ".join([*fixed, score[0] if score else "0.0", *self.columns])
        sql = f"SELECT {columns} FROM {self._tables()} WHERE {_all(where)}"
        return Statement(sql, self.parameters, match, texts, selected, facets)

    def label_page(self) -> LabelPage | None:
        """Build plain statements if the request is one label with facts, best first; else None."""
        request = self.request
        needed = list(_needed(request.condition))
        facts = _facts(request.condition)
        selected = request.selection != Selection()
        if (
            len(needed) != 1
            or any(has_ranges(fact) for fact in facts)
            or any(isinstance(leaf, InText) for leaf in positive_leaves(request.condition))
            or (request.sort, request.moment_length) != ("relevance", None)
            or request.join_ms is not None
            or (selected and request.facets)
        ):
            return None
        self.needed = needed
        self._alias(needed[0])
        where = [self._superset(fact) for fact in facts]
        self._selections(where)
        test = _all([*where, self._access()])
        tables, column = self._tables(), f"t0.n{needed[0].step}"
        if test == "1":
            totals = f"asset_label t0 WHERE t0.label = {int(needed[0].key)} AND {column} > 0"
        else:
            totals = f"{tables} WHERE {test}"
        return LabelPage(
            totals=f"SELECT count(*), coalesce(sum({column}), 0) FROM {totals}",
            rows=f"SELECT -t0.score, a.uuid, a.id, a.video, t0.masks FROM {tables} WHERE {test}"
            f"{self._after()} ORDER BY t0.score DESC, a.uuid LIMIT {request.page_size + 1}",
            facets=f"SELECT {', '.join(_FACET_COLUMNS)} FROM {tables} WHERE {test}",
            parameters=self.parameters,
            step=needed[0].step,
        )

    def _after(self) -> str:
        if self.request.after is None:
            return ""
        score = self.parameter(-float(self.request.after[0]))
        uuid = self.parameter(UUID(self.request.after[1]).bytes)
        return f" AND (t0.score < {score} OR (t0.score = {score} AND a.uuid > {uuid}))"

    # ---- columns and parameters ----------------------------------------------------------------

    def parameter(self, value: Any) -> str:
        """Bind a value and give its placeholder."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"

    def _column(self, expression: str) -> int:
        self.columns.append(expression)
        return values.FIXED + len(self.columns) - 1

    def _sort_column(self) -> str:
        return _SORT_COLUMNS.get(self.request.sort, "0")

    def _needs_edges(self) -> bool:
        request = self.request
        return (
            request.sort == "screen_time"
            or request.moment_length is not None
            or request.join_ms is not None
            or _has_sequence(request.condition)
        )

    def _edges_column(self) -> str:
        return "d.edges" if self._needs_edges() else "NULL"

    def _facet_columns(self) -> int | None:
        if not self.request.facets:
            return None
        first, *_ = [self._column(column) for column in _FACET_COLUMNS]
        return first

    def _selections(self, where: list[str]) -> dict[str, int]:
        """Filter by what is selected; with facets asked for, only note who passes which."""
        tests = self._selection_tests(self.request.selection)
        if self.request.facets:
            return {name: self._column(test) for name, test in tests.items()}
        where.extend(tests.values())
        return {}

    def _selection_tests(self, selection: Selection) -> dict[str, str]:
        tests: dict[str, list[str]] = {name: [] for name in SELECTABLE}
        if selection.kind:
            tests["kind"].append(self._fact(OfKind(selection.kind)))
        tests["label"] += [self._has_label(Seen(label)) for label in selection.labels]
        tests["category"] += [self._fact(InCategory(name)) for name in selection.categories]
        if selection.month:
            tests["month"].append(f"a.month = {self.parameter(selection.month)}")
        if selection.length:
            tests["length"].append(f"a.length_class = {self.parameter(selection.length)}")
        return {name: _all(parts) for name, parts in tests.items() if parts}

    def _access(self) -> str:
        principals = self.request.principals
        if principals.everything:
            return "1"
        names = ", ".join(self.parameter(name) for name in sorted(principals.names))
        return f"a.access IN (SELECT access FROM access_name WHERE name IN ({names}))"

    # ---- which rows ----------------------------------------------------------------------------

    def _alias(self, seen: Seen) -> str:
        return self.aliases.setdefault(seen, f"t{len(self.aliases)}")

    def _tables(self) -> str:
        tables: list[str] = []
        for seen in self.needed:
            alias = self.aliases[seen]
            same = f" AND {alias}.asset = t0.asset" if tables else ""
            on = f" ON {alias}.label = {int(seen.key)} AND {alias}.n{seen.step} > 0{same}"
            # CROSS JOIN keeps this order: the rarest label first.
            tables.append(f"asset_label {alias}{on if tables else ''}")
            if len(tables) == 1:
                first = f"t0.label = {int(seen.key)} AND t0.n{seen.step} > 0"
        text = " CROSS JOIN ".join(tables)
        text = f"{text} CROSS JOIN asset a ON a.id = t0.asset AND {first}" if tables else "asset a"
        for seen, alias in self.aliases.items():
            if seen not in self.needed:
                text += (
                    f" LEFT JOIN asset_label {alias} ON {alias}.label = {int(seen.key)}"
                    f" AND {alias}.asset = a.id AND {alias}.n{seen.step} > 0"
                )
        if self._needs_edges() or self.request.facets:
            text += " JOIN asset_detail d ON d.asset = a.id"
        return text

    def _superset(self, condition: Condition) -> str:
        """Give SQL true for every asset that can match; exact for plain facts."""
        if isinstance(condition, Seen):
            return self._has_label(condition)
        if isinstance(condition, All | Sequence):
            return _all(self._superset(part) for part in condition.parts)
        if isinstance(condition, AnyOf):
            return f"({' OR '.join(self._superset(part) for part in condition.parts) or '0'})"
        if isinstance(condition, Without):
            exact = not has_ranges(condition.part)
            return f"NOT {self._superset(condition.part)}" if exact else "1"
        return self._fact(condition)

    def _has_label(self, seen: Seen) -> str:
        return (
            f"a.id IN (SELECT asset FROM asset_label WHERE label = {int(seen.key)}"
            f" AND n{seen.step} > 0)"
        )

    def _fact(self, fact: Fact) -> str:
        if isinstance(fact, OfKind):
            return f"(a.video = {int(fact.kind == 'video')})"
        if isinstance(fact, InText):
            return self._text(fact, fact.field)
        if isinstance(fact, Between):
            return self._between(fact)
        kind, value = _exact_word(fact)
        return (
            f"(a.id IN (SELECT asset FROM asset_word WHERE kind = '{kind}'"
            f" AND value = {self.parameter(value)}))"
        )

    def _between(self, between: Between) -> str:
        column = {"created": "a.created", "captured": "a.captured", "length": "a.length"}
        name = column[between.field]
        tests = ["a.video"] if between.field == "length" else [f"{name} IS NOT NULL"]
        if between.low is not None:
            tests.append(f"{name} >= {int(between.low)}")
        if between.high is not None:
            tests.append(f"{name} < {int(between.high)}")
        return _all(tests)

    def _text(self, leaf: InText, column: str) -> str:
        phrase = '"' + " ".join(token.replace('"', "") for token in leaf.tokens) + '"'
        match = self.parameter(f"{{{column}}} : {phrase}" if column else phrase)
        return f"(a.id IN (SELECT rowid FROM words WHERE words MATCH {match}))"

    def _text_weight(self, leaf: InText) -> str:
        fields = [leaf.field] if leaf.field else list(TEXT_WEIGHTS)
        cases = " ".join(
            f"WHEN {self._text(leaf, name)} THEN {TEXT_WEIGHTS[name] * len(leaf.tokens)!r}"
            for name in fields
        )
        return f"CASE {cases} ELSE 0.0 END"

    # ---- the relevance -------------------------------------------------------------------------

    def _score(self, condition: Condition) -> tuple[str, float] | None:
        """Give SQL for the label score and its weight: All and Sequence mean, AnyOf maximum."""
        if isinstance(condition, Seen):
            column = f"{self._alias(condition)}.score"
            needed = condition in self.needed
            return (column if needed else f"coalesce({column}, 0.0)"), condition.weight
        if not isinstance(condition, All | AnyOf | Sequence):
            return None
        parts = [scored for part in condition.parts if (scored := self._score(part))]
        if len(parts) < 2:
            return parts[0] if parts else None
        weights = [weight for _, weight in parts]
        mean = sum(weights) / len(weights)
        if isinstance(condition, AnyOf):
            return f"max({', '.join(text for text, _ in parts)})", mean
        summed = " + ".join(f"{weight!r} * {text}" for text, weight in parts)
        return f"(({summed}) / {sum(weights)!r})", mean

    # ---- the value of a row --------------------------------------------------------------------

    def _value(self, condition: Condition, *, top: bool = False) -> Value:
        if not has_ranges(condition):
            # At the top the statement has decided it already.
            return values.whole if top else itemgetter(self._column(self._superset(condition)))
        if isinstance(condition, Seen):
            return values.seen(self._mask(condition), condition.step)
        if isinstance(condition, All):
            return self._all(condition, top=top)
        if isinstance(condition, AnyOf):
            return combining.any_of([self._value(part) for part in condition.parts])
        if isinstance(condition, Without):
            return combining.without(self._value(condition.part))
        if isinstance(condition, Sequence):
            return combining.sequence(
                [self._value(part) for part in condition.parts],
                condition.gaps_ms,
                condition.unless_ms,
                edges_of=values.edges_of,
            )
        raise TypeError(condition)

    def _together(self, condition: Condition) -> Match | None:
        """Give the quick way for labels at the same time, some of them negated; else None."""
        if not isinstance(condition, All) or self.request.anywhere:
            return None
        parts = [part for part in condition.parts if has_ranges(part)]
        wanted = [part for part in parts if isinstance(part, Seen)]
        unwanted = [part.part for part in parts if isinstance(part, Without)]
        negated = [part for part in unwanted if isinstance(part, Seen)]
        if not wanted or len(wanted) + len(negated) != len(parts):
            return None
        return values.together(
            [(self._mask(seen), seen.step) for seen in wanted],
            [(self._mask(seen), seen.step) for seen in negated],
        )

    def _mask(self, seen: Seen) -> int:
        return self._column(f"{self._alias(seen)}.masks")

    def _all(self, condition: All, *, top: bool) -> Value:
        parts = [part for part in condition.parts if has_ranges(part) or not top]
        wanted = [part for part in parts if not isinstance(part, Without)]
        unwanted = [part.part for part in parts if isinstance(part, Without)]
        return combining.fold(
            [self._value(part, top=top and isinstance(part, All)) for part in wanted],
            [self._value(part) for part in unwanted],
            anywhere=self.request.anywhere,
        )


def _exact_word(fact: HasKeyword | InCategory | Marked) -> tuple[str, str]:
    if isinstance(fact, HasKeyword):
        return "keyword", fact.folded
    return ("mark", fact.mark) if isinstance(fact, Marked) else ("category", fact.name)


def _needed(condition: Condition) -> Iterable[Seen]:
    if isinstance(condition, Seen):
        yield condition
    elif isinstance(condition, All | Sequence):
        for part in condition.parts:
            yield from _needed(part)


def _facts(condition: Condition) -> list[Condition]:
    """List what the statement has to test besides the labels that it joins anyway."""
    if isinstance(condition, Seen):
        return []
    if isinstance(condition, All):
        return [fact for part in condition.parts for fact in _facts(part)]
    return [condition]


def _has_sequence(condition: Condition) -> bool:
    if isinstance(condition, Sequence):
        return True
    parts = condition.parts if isinstance(condition, All | AnyOf) else ()
    if isinstance(condition, Without):
        parts = (condition.part,)
    return any(_has_sequence(part) for part in parts)


def _all(tests: Iterable[str]) -> str:
    wanted = [test for test in tests if test != "1"]
    return f"({' AND '.join(wanted)})" if wanted else "1"
