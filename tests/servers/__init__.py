"""What tests need beside Python: a server, a browser. Says what to do when it is not there."""

from __future__ import annotations

import os

import pytest

# What takes long by itself is left out of `make test`; `.ci/run` has it.
LONG = bool(os.environ.get("MEDIALIB_LONG_TESTS"))
long = pytest.mark.skipif(not LONG, reason="It takes long (MEDIALIB_LONG_TESTS=1).")


def require(condition: object, sentence: str) -> None:
    """Go on if the condition holds; else skip with the sentence, or fail where all must run."""
    if condition:
        return
    if os.environ.get("MEDIALIB_REQUIRE_SERVERS"):
        pytest.fail(sentence)
    pytest.skip(sentence)
