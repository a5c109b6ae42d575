"""Runs one part of the service so that it can not outlive its supervisor; decides nothing.

`python -m medialib.management.child LIFELINE MODULE ARGUMENT…` runs MODULE as `python -m` would.
LIFELINE is the number of a pipe whose other end only the supervisor holds: when the supervisor is
gone, by whatever death, the pipe ends, and so does this process with its whole group. That is safe
at any moment, because everything the service does survives a kill.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Tie this process to its supervisor, then become the module that the arguments name."""
    lifeline = int(sys.argv[1])
    os.set_inheritable(lifeline, False)
    threading.Thread(target=_end_with_supervisor, args=(lifeline,), daemon=True).start()
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_supervisor(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
