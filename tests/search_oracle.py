"""A search engine so naive that it can't be wrong: sets of half seconds, walked one by one.

Looks over the library of tests/search_library.py, or any other.
"""

from dataclasses import dataclass, field
from itertools import product
from math import floor, log2, sqrt

from search.backends.base import LENGTHS
from search.conditions import (
    STEPS,
    TEXT_WEIGHTS,
    All,
    AnyOf,
    InText,
    Seen,
    Sequence,
    Without,
    positive_leaves,
)
from tests.search_library import ANCESTORS, DAY, TICK, below


@dataclass
class Answer:
    ids: list = field(default_factory=list)
    hits: dict = field(default_factory=dict)
    moments: int = 0
    facets: dict = field(default_factory=dict)


class Oracle:
    def __init__(self, library):
        self.library = library

    def search(self, request):
        answer, rows = Answer(), []
        passing = {name: [] for name in request.facets}
        for document in self.visible(request.principals):
            value = _Asset(document, request).value()
            if value is None:
                continue
            missed = _missed(document, request.selection)
            for name in request.facets:
                if missed <= {name}:
                    passing[name].append(document)
            if missed:
                continue
            hit = _hit(document, request, value)
            rows.append((hit["sort"], document.asset_id))
            answer.hits[document.asset_id] = hit
            answer.moments += len(hit["pieces"])
        answer.ids = [asset_id for _, asset_id in sorted(rows)]
        answer.facets = {name: _facet(name, documents) for name, documents in passing.items()}
        return answer

    def visible(self, principals):
        return [
            document
            for document in self.library
            if principals.everything or document.principals & principals.names
        ]

    def label_counts(self, principals):
        counts = {}
        for document in self.visible(principals):
            for label in _lineage(document):
                counts[label] = counts.get(label, 0) + 1
        return counts


def _lineage(document):
    seen = {moment[0] for moment in document.moments}
    return seen.union(*(ANCESTORS.get(label, ()) for label in seen))


class _Asset:
    """One asset under one request; a value is (whole, set of ticks)."""

    def __init__(self, document, request):
        self.document = document
        self.anywhere = request.anywhere
        self.request = request

    def value(self):
        whole, ticks = self.of(self.request.condition)
        ticks = self.bridged(ticks)
        if self.request.moment_length is not None:
            low, high = self.request.moment_length
            if self.document.kind == "photo":
                return None
            kept = [
                (start, end)
                for start, end in runs(ticks)
                if (end - start) * TICK >= (low or 0)
                and (high is None or (end - start) * TICK <= high)
            ]
            whole, ticks = False, {tick for start, end in kept for tick in range(start, end)}
        return (whole, ticks) if whole or ticks else None

    def bridged(self, ticks):
        """The ticks, with those between two of them that are near enough to each other."""
        if self.request.join_ms is None:
            return ticks
        longest = self.request.join_ms // TICK
        ends = [end for _, end in runs(ticks)]
        between = (range(end, end + longest + 1) for end in ends)
        gaps = (gap for gap in between if any(tick in ticks for tick in gap))
        bridges = (range(gap.start, min(set(gap) & ticks)) for gap in gaps)
        return ticks.union(*bridges)

    def of(self, condition):
        name = type(condition).__name__.lower()
        return getattr(self, f"of_{name}")(condition)

    def of_seen(self, seen):
        return False, label_ticks(self.document, seen)

    def of_intext(self, leaf):
        return bool(text_field(self.document, leaf)), set()

    def of_ofkind(self, leaf):
        return self.document.kind == leaf.kind, set()

    def of_incategory(self, leaf):
        return leaf.name in self.document.categories, set()

    def of_haskeyword(self, leaf):
        return leaf.folded in self.document.keywords, set()

    def of_marked(self, leaf):
        return leaf.mark in self.document.marks, set()

    def of_between(self, leaf):
        values = {
            "created": self.document.created_ms,
            "captured": self.document.captured_ms,
            "length": self.document.duration_ms if self.document.kind == "video" else None,
        }
        value = values[leaf.field]
        inside = (
            value is not None
            and (leaf.low is None or value >= leaf.low)
            and (leaf.high is None or value < leaf.high)
        )
        return inside, set()

    def of_all(self, condition):
        whole, ticks = True, set()
        for part in condition.parts:
            if not isinstance(part, Without):
                whole, ticks = self.both((whole, ticks), self.of(part))
        for part in condition.parts:
            if isinstance(part, Without):
                whole, ticks = self.minus((whole, ticks), self.of(part.part))
        return whole, ticks

    def both(self, left, right):
        if self.anywhere:
            if not (any(left) and any(right)):
                return False, set()
            return left[0] and right[0], left[1] | right[1]
        ticks = left[1] & right[1]
        ticks |= right[1] if left[0] else set()
        ticks |= left[1] if right[0] else set()
        return left[0] and right[0], ticks

    def minus(self, left, right):
        if right[0] or (self.anywhere and right[1]):
            return False, set()
        return left[0] and not right[1], left[1] - right[1]

    def of_anyof(self, condition):
        values = [self.of(part) for part in condition.parts]
        return any(whole for whole, _ in values), set().union(*(ticks for _, ticks in values))

    def of_without(self, condition):
        return not any(self.of(condition.part)), set()

    def of_sequence(self, condition):
        if self.document.kind == "photo":
            return False, set()
        if condition.unless_ms and self.chains(condition.parts, condition.unless_ms):
            return False, set()
        return False, self.chains(condition.parts, condition.gaps_ms)

    def chains(self, parts, gaps_ms):
        found = set()
        for chain in product(*(runs(self.of(part)[1]) for part in parts)):
            links = zip(chain, chain[1:], gaps_ms, strict=False)
            if all(a[0] < b[0] and (b[0] - a[1]) * TICK <= gap for a, b, gap in links):
                found |= set(range(chain[0][0], chain[-1][1]))
        return found


def label_ticks(document, seen):
    ticks = set()
    for label, start, end, confidence, instances in document.moments:
        meant = label in {seen.label, *below(seen.label)} and instances >= seen.count
        if meant and confidence >= STEPS[seen.step]:
            ticks |= {0} if document.kind == "photo" else set(range(start // TICK, end // TICK))
    return ticks


def text_field(document, leaf):
    """The best field in which the tokens stand side by side, "" if there is none."""
    for name in TEXT_WEIGHTS:
        words = getattr(document, f"{name}_text").split()
        for at in range(len(words)):
            inside = tuple(words[at : at + len(leaf.tokens)]) == leaf.tokens
            if inside and leaf.field in ("", name):
                return name
    return ""


def runs(ticks):
    starts = sorted(tick for tick in ticks if tick - 1 not in ticks)
    ends = sorted(tick + 1 for tick in ticks if tick + 1 not in ticks)
    return list(zip(starts, ends, strict=True))


def score_of(document, condition):
    scored = _label_part(document, condition)
    total = scored[0] if scored else 0.0
    for leaf in dict.fromkeys(positive_leaves(condition)):
        if isinstance(leaf, InText) and (name := text_field(document, leaf)):
            total += TEXT_WEIGHTS[name] * len(leaf.tokens)
    return round(total, 4)


def _label_part(document, condition):
    if isinstance(condition, Seen):
        return _stored_score(document, condition), condition.weight
    if not isinstance(condition, All | AnyOf | Sequence):
        return None
    parts = [scored for part in condition.parts if (scored := _label_part(document, part))]
    if len(parts) < 2:
        return parts[0] if parts else None
    weights = [weight for _, weight in parts]
    if isinstance(condition, AnyOf):
        return max(score for score, _ in parts), sum(weights) / len(weights)
    mean = sum(score * weight for score, weight in parts) / sum(weights)
    return mean, sum(weights) / len(weights)


def _stored_score(document, seen):
    if not label_ticks(document, seen):
        return 0.0
    labels = {seen.label, *below(seen.label)}
    best = max(row[3] for row in document.moments if row[0] in labels and row[4] >= seen.count)
    ticks = label_ticks(document, Seen(seen.label, count=seen.count))
    length = max([document.duration_ms, *(row[2] for row in document.moments)])
    share = 0.0 if document.kind == "photo" else len(ticks) * TICK / length
    return score_units(best=best, share=share, ranges=len(runs(ticks))) / 10_000


def score_units(*, best, share, ranges):
    """Score a label in an asset, in ten-thousandths, from its best confidence in percent."""
    seen = 0.3 * min(1, sqrt(share)) + 0.2 * min(1, log2(1 + ranges) / 6)
    return floor((0.5 * best / 100 + seen) * 10_000 + 0.5)


def _hit(document, request, value):
    _, ticks = value
    video = document.kind == "video"
    pieces = []
    for start, end in runs(ticks):
        labels = {}
        for leaf in positive_leaves(request.condition):
            if isinstance(leaf, Seen):
                _add_seen(labels, document, request.condition, leaf, range(start, end))
        surest = tuple(sorted(labels.items(), key=lambda pair: (-pair[1], pair[0])))
        best = surest[0][1] if surest else 0.0
        times = (start * TICK, end * TICK) if video else (0, 0)
        pieces.append((*times, best, surest))
    score = score_of(document, request.condition)
    screen = len(ticks) * TICK if video else 0
    sort = {
        "relevance": -score,
        "newest": -document.created_ms,
        "captured": 2**62 if document.captured_ms is None else -document.captured_ms,
        "screen_time": -screen,
        "moments": -len(pieces),
        "title": document.title,
    }[request.sort]
    return {"sort": sort, "score": score, "screen": screen, "pieces": tuple(pieces)}


def _add_seen(labels, document, condition, leaf, ticks):
    for label, start, end, confidence, _ in document.moments:
        covers = {0} if document.kind == "photo" else set(range(start // TICK, end // TICK))
        steps = [
            other.step
            for other in positive_leaves(condition)
            if isinstance(other, Seen) and label in {other.label, *below(other.label)}
        ]
        counts = label in {leaf.label, *below(leaf.label)} and confidence >= STEPS[min(steps)]
        if counts and covers & set(ticks):
            labels[label] = max(confidence, labels.get(label, 0.0))


def _missed(document, selection):
    passes = {
        "kind": selection.kind in ("", document.kind),
        "label": set(selection.labels) <= _lineage(document),
        "category": set(selection.categories) <= set(document.categories),
        "month": selection.month in ("", _month(document)),
        "length": selection.length in ("", _length(document)),
    }
    return {name for name, passed in passes.items() if not passed}


def _month(document):
    shown = document.created_ms if document.captured_ms is None else document.captured_ms
    # The library's days run from 1 January 1970 to the first of May.
    day = shown // DAY
    for month, days in enumerate((31, 28, 31, 30), start=1):
        if day < days:
            return f"1970-{month:02d}"
        day -= days
    return "1970-05"


def _length(document):
    if document.kind == "photo":
        return ""
    return next(
        name
        for name, low, high in LENGTHS
        if low <= document.duration_ms and (high is None or document.duration_ms < high)
    )


def _facet(name, documents):
    values = {
        "kind": lambda document: [document.kind],
        "label": _lineage,
        "category": lambda document: document.categories,
        "month": lambda document: [_month(document)],
        "length": lambda document: [_length(document)] if _length(document) else [],
    }[name]
    counts = {}
    for document in documents:
        for value in values(document):
            counts[value] = counts.get(value, 0) + 1
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
