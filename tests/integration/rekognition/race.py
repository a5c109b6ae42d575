"""One of several processes that race for slots and start jobs: run by a test, prints what it did.

`python -m tests.integration.rekognition.race <how many analyses>`: works off steps of analyses that
are in the database, as a worker does, until none of them is left.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time


def main() -> None:
    """Work until nothing is left, or for a quarter of an hour."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medialib.settings")
    import django

    django.setup()
    from medialib import steps

    # What a worker of this name held when it was killed is given back at once.
    if name := os.environ.get("MEDIALIB_WORKER_NAME"):
        steps.release_worker(name)
    work()


def work() -> None:
    """Work off steps of labelling until none is left."""
    from medialib import pipeline, steps
    from medialib.models import Step

    kinds = (Step.Kind.ANALYSE, Step.Kind.COLLECT)
    end = time.monotonic() + 900
    while time.monotonic() < end:
        pipeline.dispatch()
        open_ = Step.objects.filter(kind__in=kinds, state__in=steps.OPEN)
        ready = list(open_.filter(state=Step.State.READY).order_by("-priority", "pk")[:3])
        if ready:
            pipeline.run_step(random.choice(ready).pk)
        elif not open_.exists():
            return
        else:
            threading.Event().wait(0.05)
    sys.exit("There is still work after a quarter of an hour.")


if __name__ == "__main__":
    main()
