"""Reads a queue until told to stop. What is done with messages is the readers' business."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from typing import Protocol

from django.db import close_old_connections

from medialib.exceptions import Wait

log = logging.getLogger(__name__)


class Receive(Protocol):
    """Takes what is in a queue, or comes within so many seconds; gives how much that was."""

    def __call__(self, *, seconds: int = 20) -> int: ...


def listen(receive: Receive, *, once: bool = False) -> None:
    """Call `receive` until the process is told to end; a queue that is away is tried again.

    `once` ends when the queue is empty, and raises Wait when it is away.
    """
    if once:
        while receive(seconds=1):
            continue
        return
    pause = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        close_old_connections()
        try:
            receive()
        except Wait as outage:
            log.warning("%s", outage.detail)
            pause.wait(outage.seconds)
