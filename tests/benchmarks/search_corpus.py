"""Makes the documents of a large library, seeded: Zipf labels, 30 % photos. Measures nothing."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator

from search.documents import AssetDocument

LABELS = 2_500
PARENTS = 120
_VIDEO_MOMENTS, _PHOTO_MOMENTS = 69, 6
_HOUR = 3_600_000


class Corpus:
    """A library of `assets` assets and some fifty times as many moments."""

    def __init__(self, *, assets: int) -> None:
        self.assets = assets
        self.chance = random.Random(1)
        self.labels = list(range(PARENTS + 1, LABELS + 1))
        # Label 121 is the commonest; each has up to two labels above it.
        self.weights = [1 / (rank + 3) for rank in range(len(self.labels))]
        parents = random.Random(2)
        self.above = {
            label: tuple(parents.sample(range(1, PARENTS + 1), parents.choice([0, 1, 1, 2])))
            for label in self.labels
        }
        self.below: dict[int, set[int]] = {}
        for label, above in self.above.items():
            for parent in above:
                self.below.setdefault(parent, set()).add(label)

    def documents(self) -> Iterator[AssetDocument]:
        """Give the documents one by one."""
        for number in range(self.assets):
            yield self.document(number)

    def document(
        self, number: int, *, generation: int = 1, moments: int | None = None
    ) -> AssetDocument:
        """Make one document; its id follows from its number."""
        video = number % 10 >= 3
        rows = tuple(self._moments(video, moments or (_VIDEO_MOMENTS if video else _PHOTO_MOMENTS)))
        return AssetDocument(
            asset_id=str(uuid.UUID(int=(0x0198 << 112) + number)),
            generation=generation,
            kind="video" if video else "photo",
            principals=frozenset({"members", f"u:{number % 50}"}),
            title=f"clip {number}",
            title_text=f"clip {number}",
            file_text=f"img {number} mp4",
            categories=tuple(sorted({f"Category {row[0] % 40}" for row in rows})),
            created_ms=number * 60_000,
            duration_ms=600_000 if video else 0,
            moments=rows,
            ancestors={row[0]: self.above[row[0]] for row in rows},
        )

    def _moments(self, video: bool, count: int) -> Iterator[tuple[int, int, int, float, int]]:
        # An asset shows few labels, and each of them again and again.
        own = self.chance.choices(self.labels, self.weights, k=max(3, count // 4))
        seen = set()
        for _ in range(count):
            label = self.chance.choice(own)
            start = self.chance.randrange(0, 590_000, 500) if video else 0
            end = start + self.chance.randrange(500, 10_000, 500) if video else 0
            if (label, start) not in seen:
                seen.add((label, start))
                yield label, start, end, round(self.chance.uniform(35, 99.9), 2), 1

    def questions(self, count: int) -> list[tuple[int, int]]:
        """Give pairs of labels, from the head and from the tail alike."""
        chance = random.Random(3)
        ranks = [int(len(self.labels) * (place / count) ** 3) for place in range(count)]
        others = chance.sample(ranks, count)
        return [
            (self.labels[rank], self.labels[other if other != rank else other + 1])
            for rank, other in zip(ranks, others, strict=True)
        ]
