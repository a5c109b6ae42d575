"""Makes assets of files that were found: one, or several at a time. Every feeder ends here.

Finding files, and telling people about them, is the feeders' business.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from django.db import connections

from labelling.answers import AnswerInvalid
from medialib import imports, services
from medialib.exceptions import Duplicate, Refused
from medialib.models import Asset, User
from medialib.undo import on_failure

MOST_AT_ONCE = 16


class Outcome(StrEnum):
    """What became of a file."""

    IMPORTED = "imported"
    THERE = "already there"
    REFUSED = "refused"
    NOT_MEDIA = "not media"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that was dealt with: where it was found, what became of it, and what to say of it."""

    found: imports.Found
    outcome: Outcome
    asset: Asset | None = None
    # Why it is not in the library, or not as it was meant to be.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """On whose behalf files come in, and what is said of all of them."""

    owner: User
    details: services.Details


def take_in(candidate: imports.Candidate, *, terms: Terms) -> Arrival:
    """Make an asset of a file; one that can't be taken is told, not raised.

    A labelling answer beside it that can't be read is left out. Raises StorageUnavailable.
    """
    notes: list[str] = []
    try:
        try:
            asset = _create(candidate, terms=terms, answer=candidate.answer)
        except AnswerInvalid as error:
            notes.append(f"{candidate.answer} is not used: {error.detail}")
            asset = _create(candidate, terms=terms, answer="")
    except Duplicate as error:
        return Arrival(candidate.found, Outcome.THERE, notes=(*notes, error.detail))
    except Refused as error:
        return Arrival(candidate.found, Outcome.REFUSED, notes=(*notes, error.detail))
    return Arrival(candidate.found, Outcome.IMPORTED, asset, tuple(notes))


def _create(candidate: imports.Candidate, *, terms: Terms, answer: str) -> Asset:
    said = dict(candidate.said)
    said["keywords"] = (*terms.details.keywords, *said.get("keywords", ()))
    details = replace(terms.details, source_ref=candidate.found.ref, **said)
    with ExitStack() as stack:
        place = candidate.place
        return services.create_asset(
            owner=terms.owner,
            file=stack.enter_context(place.open(candidate.found.name)),
            filename=candidate.filename,
            details=details,
            answer=stack.enter_context(place.open(answer)) if answer else None,
        )


def take_in_all(listing: imports.Listing, *, terms: Terms, at_once: int = 1) -> Iterator[Arrival]:
    """Make assets of the new files of a place, `at_once` of them at a time (1: in this thread).

    Gives each as it is done, in no promised order. Two equal files of one run become one asset: the
    database lets in one at a time for each owner. Raises StorageUnavailable once what was begun has
    ended; another run goes on from there.
    """

    def look(found: imports.Found) -> Arrival:
        candidate = listing.candidate(found)
        return take_in(candidate, terms=terms) if candidate else Arrival(found, Outcome.NOT_MEDIA)

    return map(look, listing.new) if at_once == 1 else _in_threads(look, listing.new, at_once)


def _in_threads(
    look: Callable[[imports.Found], Arrival], files: Iterable[imports.Found], threads: int
) -> Iterator[Arrival]:
    todo = deque(files)
    done: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()

    def run() -> None:
        # A failure is everybody's: nobody begins anything more.
        with on_failure(todo.clear):
            try:
                for found in iter(partial(_next, todo), None):
                    done.put(look(found))
            finally:
                # Each thread has a connection to the database of its own.
                connections.close_all()
                done.put(None)

    with ThreadPoolExecutor(threads, thread_name_prefix="arrivals") as pool:
        runs = [pool.submit(run) for _ in range(threads)]
        with on_failure(todo.clear):
            for _ in runs:
                yield from iter(done.get, None)
    for finished in runs:
        finished.result()


def _next(todo: deque[imports.Found]) -> imports.Found | None:
    try:
        return todo.popleft()
    except IndexError:
        return None
