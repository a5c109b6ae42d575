"""Fill a fresh library with media whose labelling is queued; a test's other process.

`python -m tests.integration.rekognition.fill <how many videos> [<how many photos>]`
"""

from __future__ import annotations

import os
import sys
from decimal import Decimal


def main() -> None:
    """Make the tables, a cap and the assets."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medialib.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from labelling import budget, services
    from medialib import pipeline, storage
    from medialib.models import Asset, User
    from medialib.models.asset import new_id
    from tests import samples

    call_command("migrate", verbosity=0)
    budget.set_cap(budget.LIBRARY, "month", Decimal(1000), actor=None)
    owners = [User.objects.create_user(name) for name in ("ann", "ben")]
    videos, photos = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for number in range(videos + photos):
        # Photos lie evenly among the videos.
        total = videos + photos
        is_video = (number + 1) * videos // total > number * videos // total
        data = samples.clip(seconds=3.0) if is_video else samples.photo(size=(640, 480))
        asset_id = new_id()
        name = f"assets/{asset_id}/original"
        storage.write_bytes(name, data)
        asset = Asset.objects.create(
            id=asset_id,
            owner=owners[number % 2],
            kind="video" if is_video else "photo",
            original_filename=f"{number}",
            original_name=name,
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
