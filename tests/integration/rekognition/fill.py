"""Fill a fresh library with short videos whose labelling is queued; a test's other process.

`python -m tests.integration.rekognition.fill <how many>`
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
    data = samples.clip(seconds=3.0)
    for number in range(int(sys.argv[1])):
        asset_id = new_id()
        name = f"assets/{asset_id}/video"
        storage.write_bytes(name, data)
        asset = Asset.objects.create(
            id=asset_id,
            owner=owners[number % 2],
            kind="video",
            original_filename=f"{number}.mp4",
            original_name=name,
            size=len(data),
            duration_ms=3000,
            width=320,
            height=180,
            state=Asset.State.LABELLING,
        )
        for analysis in services.queue_analyses(asset):
            pipeline.add_analysis_step(analysis)


if __name__ == "__main__":
    main()
