"""Workers that are killed at every write of the road from queued to labelled; a test's process.

`python -m tests.integration.rekognition.mortal <every how many writes> <moment> …`: for photos and
videos, a worker queues one and is killed (SIGKILL) before or after its n-th write to the database,
and the next one finishes it first. Before a write means: what was done in between, a call or a
file, is done and not noted. Prints [kind, moment, n, SQL of the write] for each kill, one a line.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

_WRITES = ("INSERT", "UPDATE", "DELETE")
_MOST = 200


def main() -> None:
    """Go through all kinds, moments and numbers."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medialib.settings")
    import django

    django.setup()
    # Loaded once, here: every worker is a copy of this process.
    for name in ("boto3", "storages.backends.s3", "tests.samples", "medialib.pipeline"):
        import_module(name)
    every, *moments = sys.argv[1:]
    assert not _forked(_begin)
    for kind in ("video", "photo"):
        for moment in moments:
            for number in range(1, _MOST, int(every)):
                if not _dies(kind, moment, number):
                    break
            else:
                sys.exit("It never ends.")


def _dies(kind: str, moment: str, number: int) -> bool:
    """Kill one worker at its n-th write; False if it had fewer and ended by itself."""
    reader, writer = os.pipe()
    status = _forked(lambda: _live(kind, moment, number, writer))
    os.close(writer)
    with os.fdopen(reader) as told:
        sql = told.read()
    if os.WIFSIGNALED(status):
        sys.stdout.write(f"{json.dumps([kind, moment, number, sql])}\n")
        return True
    assert status == 0, "the worker failed"
    return False


def _forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own, which shares no connection; gives its status."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def _begin() -> None:
    from tests.integration.rekognition import fill

    sys.argv[1:] = ["0"]
    fill.main()


def _live(kind: str, moment: str, number: int, told: int) -> None:
    """Finish what the dead have left; then work until death."""
    from django.db import connection

    from medialib import steps
    from medialib.models import User
    from tests.integration.rekognition import fill, race

    steps.release_worker(os.environ["MEDIALIB_WORKER_NAME"])
    race.work()
    fill.add(User.objects.earliest("pk"), is_video=kind == "video", name=kind)
    with connection.execute_wrapper(_Death(moment, number, told)):
        race.work()


class _Death:
    """Counts the writes of a process and ends it at one of them."""

    def __init__(self, moment: str, number: int, told: int) -> None:
        self._moment = moment
        self._left = number
        self._told = told

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self._left -= sql.lstrip().startswith(_WRITES)
        is_last = self._left == 0 and sql.lstrip().startswith(_WRITES)
        if is_last and self._moment == "before":
            self._die(sql)
        result = execute(sql, params, many, context)
        if is_last:
            self._die(sql)
        return result

    def _die(self, sql: str) -> None:
        os.write(self._told, sql[:100].encode())
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
