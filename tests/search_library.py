"""The seeded library that engines are compared over, and random questions about it."""

import random
import uuid
from dataclasses import replace

from search import text
from search.conditions import (
    STEPS,
    TEXT_WEIGHTS,
    All,
    AnyOf,
    Between,
    HasKeyword,
    InCategory,
    InText,
    Marked,
    OfKind,
    Seen,
    Sequence,
    Without,
)
from search.documents import AssetDocument
from search.query import COUNTS

TICK = 500
LABELS = range(1, 21)
# child → everything above it; label 20 is in no asset.
ANCESTORS = {3: (1,), 4: (1,), 5: (3, 1), 6: (2,), 7: (2,), 8: (7, 2), 9: (1, 2)}
CATEGORIES = {1: "Vehicles", 2: "Animals", 10: "Nature", 11: "Nature", 12: "Food"}
WORDS = ["harbour", "beach", "birthday", "market", "rain", "concert"]
MARKS = ["boxes", "unlabelled", "failed", "owner:1", "source:nikon z6"]
PRINCIPALS = ["public", "members", "u:1", "u:2", "g:1", "g:2"]
DAY = 86_400_000


def below(label):
    return frozenset(child for child, above in ANCESTORS.items() if label in above)


def make_library(seed, *, assets):
    chance = random.Random(seed)
    made = [make_document(chance) for _ in range(assets * 4 // 5)]
    # Copies tie with their originals in every sort.
    copies = chance.sample(made, assets - len(made))
    return made + [replace(copy, asset_id=_asset_id(chance)) for copy in copies]


def _asset_id(chance):
    return str(uuid.UUID(int=chance.getrandbits(128)))


def make_document(chance, *, asset_id=None, generation=1):
    video = chance.random() < 0.7
    ticks = chance.randint(4, 40) if video else 0
    moments = tuple(_moments(chance, ticks) if video else _photo_moments(chance))
    seen = {moment[0] for moment in moments}
    lineage = seen.union(*(ANCESTORS.get(label, ()) for label in seen))
    words = [" ".join(chance.choices(WORDS, k=chance.randint(0, 3))) for _ in range(4)]
    keywords = tuple(sorted(set(chance.choices(WORDS, k=chance.randint(0, 2)))))
    return AssetDocument(
        asset_id=asset_id or _asset_id(chance),
        generation=generation,
        kind="video" if video else "photo",
        principals=frozenset(chance.sample(PRINCIPALS, chance.randint(1, 3))),
        title=words[0],
        title_text=" ".join(text.tokens(words[0])),
        file_text=" ".join(text.file_tokens(words[1])),
        keywords_text=f" {text.BORDER} ".join(" ".join(text.tokens(word)) for word in keywords),
        description_text=" ".join(text.tokens(words[3])),
        keywords=keywords,
        marks=tuple(sorted(chance.sample(MARKS, chance.randint(0, 2)))),
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
            yield (label, at * TICK, end * TICK, round(chance.uniform(20, 100), 2), many(chance))
            at = end + chance.choice([0, 0, 1, 3, 12])


def _photo_moments(chance):
    for label in chance.sample(range(1, 20), chance.randint(0, 6)):
        yield (label, 0, 0, round(chance.uniform(20, 100), 2), many(chance))


def many(chance):
    """How many are seen at once; mostly one."""
    return chance.choice([0, 1, 1, 1, 2, 3, 4, 7, 12])


class Questions:
    """Makes random requests, all shapes alike; `rich`: with counts, marks and near misses."""

    def __init__(self, seed, *, rich=False):
        self.chance = random.Random(seed)
        self.rich = rich

    def condition(self, depth=0):
        shapes = [self.seen, self.seen, self.seen, self.fact]
        if depth < 3:
            shapes += [self.all, self.all, self.all, self.any, self.without, self.sequence]
        return self.chance.choice(shapes)(depth)

    def common(self):
        """What people ask most: a label, two at once, one without another."""
        first, second = (Seen(n, 0, 1.0, below(n)) for n in self.chance.sample(range(1, 12), 2))
        either = AnyOf((second, Seen(12)))
        return self.chance.choice(
            [
                first,
                All((first, second)),
                All((first, Without(second))),
                All((first, second, Without(Seen(12)))),
                All((first, either)),
                All((OfKind("video"), Without(second))),
                Sequence((first, second), (2_000,)),
            ]
        )

    def seen(self, _depth):
        label = self.chance.choice(LABELS)
        step = self.chance.choice([0, 0, 1, 6, 12, len(STEPS) - 1])
        weight = (0.3, 0.55, 0.8, 1.0)[label % 4]
        count = self.chance.choice([0, *COUNTS]) if self.rich else 0
        return Seen(label, step, weight, below(label), count=count)

    def fact(self, _depth):
        if self.rich and self.chance.random() < 0.5:
            return Marked(self.chance.choice([*MARKS, "owner:99"]))
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
        gaps = tuple(self.chance.choice([0, 1_000, 4_000]) for _ in parts[1:])
        if self.rich and self.chance.random() < 0.5:
            return Sequence(parts, tuple(gap + 5_000 for gap in gaps), unless_ms=gaps)
        return Sequence(parts, gaps)
