"""A search engine so naive that it can't be wrong: sets of half seconds, walked one by one.

Also makes the seeded library that engines are compared over.
"""

import random
import uuid
from dataclasses import dataclass, field
from itertools import product

from search import text
from search.backends.base import LENGTHS
from search.conditions import (
    STEPS,
    TEXT_WEIGHTS,
    All,
    AnyOf,
    Between,
    HasKeyword,
    InCategory,
    InText,
    OfKind,
    Seen,
    Sequence,
    Without,
    positive_leaves,
)
from search.documents import AssetDocument
from search.results import label_score

TICK = 500
LABELS = range(1, 21)
# child → everything above it; label 20 is in no asset.
ANCESTORS = {3: (1,), 4: (1,), 5: (3, 1), 6: (2,), 7: (2,), 8: (7, 2), 9: (1, 2)}
CATEGORIES = {1: "Vehicles", 2: "Animals", 10: "Nature", 11: "Nature", 12: "Food"}
WORDS = ["harbour", "beach", "birthday", "market", "rain", "concert"]
PRINCIPALS = ["public", "members", "u:1", "u:2", "g:1", "g:2"]
DAY = 86_400_000


def below(label):
    return frozenset(child for child, above in ANCESTORS.items() if label in above)


def make_library(seed, *, assets):
    chance = random.Random(seed)
    return [make_document(chance) for _ in range(assets)]


def make_document(chance, *, asset_id=None, generation=1):
    video = chance.random() < 0.7
    ticks = chance.randint(4, 40) if video else 0
    moments = tuple(_moments(chance, ticks) if video else _photo_moments(chance))
    seen = {moment[0] for moment in moments}
    lineage = seen.union(*(ANCESTORS.get(label, ()) for label in seen))
    words = [" ".join(chance.choices(WORDS, k=chance.randint(0, 3))) for _ in range(4)]
    keywords = tuple(sorted(set(chance.choices(WORDS, k=chance.randint(0, 2)))))
    return AssetDocument(
        asset_id=asset_id or str(uuid.UUID(int=chance.getrandbits(128))),
        generation=generation,
        kind="video" if video else "photo",
        principals=frozenset(chance.sample(PRINCIPALS, chance.randint(1, 3))),
        title=words[0],
        title_text=" ".join(text.tokens(words[0])),
        file_text=" ".join(text.file_tokens(words[1])),
        keywords_text=f" {text.BORDER} ".join(" ".join(text.tokens(word)) for word in keywords),
        description_text=" ".join(text.tokens(words[3])),
        keywords=keywords,
        categories=tuple(sorted({CATEGORIES[label] for label in lineage if label in CATEGORIES})),
        created_ms=chance.randint(0, 120) * DAY,
        captured_ms=chance.choice([None, chance.randint(0, 120) * DAY]),
        duration_ms=chance.choice([ticks * TICK, 90_000, 700_000]) if video else 0,
        moments=moments,
        ancestors={label: ANCESTORS.get(label, ()) for label in seen},
    )


def _moments(chance, ticks):
    for label in chance.sample(range(1, 20), chance.randint(0, 8)):
        at = chance.randint(0, 6)
        while at < ticks:
            end = min(at + chance.randint(1, 9), ticks)
            yield (label, at * TICK, end * TICK, round(chance.uniform(20, 100), 2), 1)
            at = end + chance.choice([0, 0, 1, 3, 12])


def _photo_moments(chance):
    for label in chance.sample(range(1, 20), chance.randint(0, 6)):
        yield (label, 0, 0, round(chance.uniform(20, 100), 2), 1)


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
        found = set()
        for chain in product(*(runs(self.of(part)[1]) for part in condition.parts)):
            links = zip(chain, chain[1:], condition.gaps_ms, strict=False)
            if all(a[0] < b[0] and (b[0] - a[1]) * TICK <= gap for a, b, gap in links):
                found |= set(range(chain[0][0], chain[-1][1]))
        return False, found


def label_ticks(document, seen):
    ticks = set()
    for label, start, end, confidence, _ in document.moments:
        if label in {seen.label, *below(seen.label)} and confidence >= STEPS[seen.step]:
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
    best = max(row[3] for row in document.moments if row[0] in labels)
    ticks = label_ticks(document, Seen(seen.label))
    length = max([document.duration_ms, *(row[2] for row in document.moments)])
    share = 0.0 if document.kind == "photo" else len(ticks) * TICK / length
    return label_score(best=best, share=share, ranges=len(runs(ticks)))


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


class Questions:
    """Makes random requests, all shapes alike."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def condition(self, depth=0):
        shapes = [self.seen, self.seen, self.seen, self.fact]
        if depth < 3:
            shapes += [self.all, self.all, self.all, self.any, self.without, self.sequence]
        return self.chance.choice(shapes)(depth)

    def seen(self, _depth):
        label = self.chance.choice(LABELS)
        step = self.chance.choice([0, 0, 1, 6, 12, len(STEPS) - 1])
        weight = (0.3, 0.55, 0.8, 1.0)[label % 4]
        return Seen(label, step, weight, below(label))

    def fact(self, _depth):
        low, high = sorted(self.chance.sample(range(121), 2))
        words = text.tokens(" ".join(self.chance.choices(WORDS, k=self.chance.choice([1, 1, 2]))))
        return self.chance.choice(
            [
                InText(words),
                InText(words[:1], self.chance.choice(list(TEXT_WEIGHTS))),
                OfKind(self.chance.choice(["photo", "video"])),
                InCategory(self.chance.choice(list(CATEGORIES.values()))),
                HasKeyword(self.chance.choice(WORDS)),
                Between("created", low * DAY, high * DAY),
                Between("captured", low * DAY, self.chance.choice([None, high * DAY])),
                Between("length", self.chance.choice([None, 3_000]), 90_001),
            ]
        )

    def all(self, depth):
        parts = [self.condition(depth + 1) for _ in range(self.chance.randint(1, 3))]
        if self.chance.random() < 0.3:
            parts.append(self.without(depth + 1))
        return All(tuple(parts))

    def any(self, depth):
        return AnyOf(tuple(self.condition(depth + 1) for _ in range(self.chance.randint(1, 3))))

    def without(self, depth):
        return Without(self.condition(depth + 1))

    def sequence(self, depth):
        parts = tuple(self.condition(depth + 2) for _ in range(self.chance.randint(2, 3)))
        return Sequence(parts, tuple(self.chance.choice([0, 1_000, 4_000]) for _ in parts[1:]))
