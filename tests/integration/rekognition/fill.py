"""Fill a fresh library with media whose labelling is queued; a test's other process.

`python -m tests.integration.rekognition.fill <how many videos> [<how many photos>]`
"""

from __future__ import annotations

import os
import sys
from decimal import Decimal
from typing import Any


def main() -> None:
    """Make the tables, a cap and the assets."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medialib.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from labelling import budget
    from medialib.models import User

    call_command("migrate", verbosity=0)
    budget.set_cap(budget.LIBRARY, "month", Decimal(1000), actor=None)
    owners = [User.objects.create_user(name) for name in ("ann", "ben")]
    videos, photos = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for number in range(videos + photos):
        # Photos lie evenly among the videos.
        total = videos + photos
        is_video = (number + 1) * videos // total > number * videos // total
        add(owners[number % 2], is_video=is_video, name=f"{number}")


def add(owner: Any, *, is_video: bool, name: str) -> None:
    """Keep a clip or a photo as preparation leaves it, and queue its labelling."""
    from labelling import services
    from medialib import pipeline, storage
    from medialib.models import Asset
    from medialib.models.asset import new_id
    from tests import samples

    data = samples.clip(seconds=3.0) if is_video else samples.photo(size=(640, 480))
    asset_id = new_id()
    original_name = f"assets/{asset_id}/original"
    storage.write_bytes(original_name, data)
    asset = Asset.objects.create(
        id=asset_id,
        owner=owner,
        kind="video" if is_video else "photo",
        original_filename=name,
        original_name=original_name,
        size=len(data),
        duration_ms=3000 if is_video else 0,
        width=320 if is_video else 640,
        height=180 if is_video else 480,
        state=Asset.State.LABELLING,
    )
    for analysis in services.queue_analyses(asset):
        pipeline.add_analysis_step(analysis)


if __name__ == "__main__":
    main()
