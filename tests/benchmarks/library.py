"""Fills a library with made-up assets and moments, and builds the index; measures nothing.

`python -m tests.benchmarks.library COUNT` does it in the data folder MEDIALIB_BENCH_FOLDER.
"""

from __future__ import annotations

import os
import random
import sys
import uuid
from collections.abc import Iterator

MOMENTS_EACH = 40
# By how often they occur.
_NAMES = (
    *("Car", "Person", "Dog", "Cat", "Bottle", "Bicycle", "Bus", "Truck", "Boat", "Bird", "Horse"),
    *("Chair", "Table", "Cup", "Laptop", "Tree", "Road", "Building", "Sky", "Sea", "Beach"),
    *("Snow", "Night", "City", "Forest", "Flower", "Food", "Ball", "Hat"),
)


def fill(count: int) -> None:
    """Make assets (every fifth a photo) with moments of common and rare labels; index them."""
    from django.core.management import call_command

    from labelling.models import Label, Moment
    from labelling.vocabulary import load_vocabulary
    from medialib.models import Asset, User
    from search import services as search

    call_command("migrate", verbosity=0)
    load_vocabulary()
    owner, _ = User.objects.get_or_create(
        username="bench", defaults={"is_superuser": True, "is_staff": True}
    )
    labels = sorted(
        Label.objects.filter(name__in=_NAMES), key=lambda label: _NAMES.index(label.name)
    )
    chance = random.Random(3)
    assets = Asset.objects.bulk_create(_assets(count, owner), batch_size=500)
    Moment.objects.bulk_create(_moments(assets, labels, chance), batch_size=5_000)
    search.rebuild()


def _assets(count: int, owner: object) -> Iterator[object]:
    from medialib.models import Asset

    for number in range(count):
        photo = number % 5 == 0
        yield Asset(
            owner=owner,
            kind=Asset.Kind.PHOTO if photo else Asset.Kind.VIDEO,
            title=f"Reel {number}",
            original_filename=f"IMG_{number:05}.{'jpg' if photo else 'mp4'}",
            original_name=str(uuid.uuid4()),
            size=1,
            width=1280,
            height=720,
            duration_ms=0 if photo else 600_000,
            state=Asset.State.SEARCHABLE,
        )


def _moments(assets: list, labels: list, chance: random.Random) -> Iterator[object]:
    from labelling.models import Analysis, Moment

    analyses = [
        Analysis(asset=asset, backend="local", status="SUCCEEDED", current=True) for asset in assets
    ]
    Analysis.objects.bulk_create(analyses, batch_size=500)
    # A few labels are everywhere, most are rare, as in real libraries.
    weights = [1 / place for place in range(1, len(labels) + 1)]
    for analysis in analyses:
        photo = analysis.asset.kind == "photo"
        for label in chance.choices(labels, weights, k=3 if photo else MOMENTS_EACH):
            start = 0 if photo else chance.randrange(0, 590_000, 500)
            confidence = round(chance.uniform(40, 99), 2)
            yield Moment(
                asset=analysis.asset,
                analysis=analysis,
                label=label,
                start_ms=start,
                end_ms=0 if photo else start + chance.randrange(500, 10_000, 500),
                confidence=confidence,
                mean_confidence=confidence,
                screen_share=0.1,
            )


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"
    import django

    django.setup()
    fill(int(sys.argv[1]))
