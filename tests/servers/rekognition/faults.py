"""Errors and losses that a test asks for: of this operation, so many times, after so many."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tests.servers.rekognition.refusals import Refusal, refusal


@dataclass(slots=True)
class Fault:
    """`code` is answered instead of doing the work; `lost` does the work and drops the answer.

    `held` does the work and keeps the answer back: a test kills who waits for it meanwhile.
    """

    operation: str
    code: str = ""
    message: str = ""
    times: int = 1
    # Let so many calls through first.
    after: int = 0
    lost: bool = False
    held: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


class Faults:
    """The faults that are still to come, in the order they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._coming.append(fault)

    def next(self, operation: str) -> Fault | None:
        """Take the fault that this call meets, if any."""
        with self._lock:
            for fault in self._coming:
                if fault.operation != operation or fault.times <= 0:
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    return None
                fault.times -= 1
                return fault
            return None


def raised(fault: Fault) -> Refusal:
    return refusal(fault.code, fault.message)
