"""Takes back what was begun when the rest of it fails. Knows nothing of what that is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def on_failure(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo` if the block is left by any exception, even by Ctrl-C; the exception goes on."""
    with contextlib.ExitStack() as begun:
        begun.callback(undo)
        yield
        begun.pop_all()
