"""Reads a queue until told to stop. What is done with messages is the readers' business."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable

from django.db import close_old_connections

from medialib.exceptions import Wait

log = logging.getLogger(__name__)


def listen(receive: Callable[[], object]) -> None:
    """Call `receive` until the process is told to end; a queue that is away is tried again."""
    pause = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        close_old_connections()
        try:
            receive()
        except Wait as outage:
            log.warning("%s", outage.detail)
            pause.wait(outage.seconds)
