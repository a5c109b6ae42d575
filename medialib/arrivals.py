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
from typing import TypeVar

from django.db import connections

from labelling.answers import AnswerInvalid
from medialib import imports, references, referring, services
from medialib.exceptions import Duplicate, Missing, Refused
from medialib.models import Asset, User
from medialib.undo import on_failure

MOST_AT_ONCE = 16
T = TypeVar("T")
R = TypeVar("R")


class Outcome(StrEnum):
    """What became of a file."""

    IMPORTED = "imported"
    THERE = "already there"
    REFUSED = "refused"
    NOT_MEDIA = "not media"
    GONE = "gone"


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
    # Whether files are left where they are and only read there, for good.
    stay: bool = False


def known_files(owner: User) -> Callable[[imports.Found], bool]:
    """Tell files that earlier imports have brought in, so that a run which broke off goes on.

    They are known by place and size; those that stay where they are by their stamp, too.
    """
    rows = Asset.objects.filter(owner=owner, deleted_at=None).exclude(source_ref="")
    copies, staying = set(), set()
    for ref, size, name in rows.values_list("source_ref", "size", "original_name"):
        if references.is_reference(name):
            staying.add(references.parse(name))
        else:
            copies.add((ref, size))

    def is_known(found: imports.Found) -> bool:
        as_it_is = references.Reference(found.ref, found.size, found.stamp)
        return (found.ref, found.size) in copies or as_it_is in staying

    return is_known


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
    except (Refused, references.OriginalClosed) as error:
        return Arrival(candidate.found, Outcome.REFUSED, notes=(*notes, error.detail))
    return Arrival(candidate.found, Outcome.IMPORTED, asset, tuple(notes))


def _create(candidate: imports.Candidate, *, terms: Terms, answer: str) -> Asset:
    said = dict(candidate.said)
    said["keywords"] = (*terms.details.keywords, *said.get("keywords", ()))
    details = replace(terms.details, source_ref=candidate.found.ref, **said)
    with ExitStack() as stack:
        place, name = candidate.place, candidate.found.name
        beside = stack.enter_context(place.open(answer)) if answer else None
        if terms.stay:
            return referring.create_reference(
                owner=terms.owner,
                place=place.address(name),
                filename=candidate.filename,
                details=details,
                answer=beside,
            )
        return services.create_asset(
            owner=terms.owner,
            file=stack.enter_context(place.open(name)),
            filename=candidate.filename,
            details=details,
            answer=beside,
        )


def take_in_all(listing: imports.Listing, *, terms: Terms, at_once: int = 1) -> Iterator[Arrival]:
    """Make assets of the new files of a place, `at_once` of them at a time (1: in this thread).

    Gives each as it is done, in no promised order. Two equal files of one run become one asset: the
    database lets in one at a time for each owner. Raises StorageUnavailable once what was begun has
    ended; another run goes on from there.
    """

    return several(
        partial(take_in_found, listing=listing, terms=terms), listing.new, at_once=at_once
    )


def take_in_found(found: imports.Found, *, listing: imports.Listing, terms: Terms) -> Arrival:
    """Make an asset of a file of a listing, if it is media and still there."""
    try:
        candidate = listing.candidate(found)
        return take_in(candidate, terms=terms) if candidate else Arrival(found, Outcome.NOT_MEDIA)
    except Missing as error:
        return Arrival(found, Outcome.GONE, notes=(error.detail,))
    except Refused as error:
        return Arrival(found, Outcome.REFUSED, notes=(error.detail,))
    except OSError as error:
        # Our own storages' errors have other names: this one is about the file that was found.
        return Arrival(found, Outcome.REFUSED, notes=(f"It can't be read ({error.strerror}).",))


def several(work: Callable[[T], R], items: Iterable[T], *, at_once: int) -> Iterator[R]:
    """Give the results of `work` as they come, `at_once` in hand at a time (1: in this thread).

    The first failure stops what was not begun; it is raised once the rest has ended.
    """
    return map(work, items) if at_once == 1 else _in_threads(work, items, at_once)


def _in_threads(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    todo = deque(items)
    done: queue.SimpleQueue[tuple[R] | None] = queue.SimpleQueue()

    def run() -> None:
        # A failure is everybody's: nobody begins anything more.
        with on_failure(todo.clear):
            try:
                for (item,) in iter(partial(_next, todo), None):
                    done.put((work(item),))
            finally:
                # Each thread has a connection to the database of its own.
                connections.close_all()
                done.put(None)

    with ThreadPoolExecutor(threads, thread_name_prefix="arrivals") as pool:
        runs = [pool.submit(run) for _ in range(threads)]
        with on_failure(todo.clear):
            for _ in runs:
                yield from (result for (result,) in iter(done.get, None))
    for finished in runs:
        finished.result()


def _next(todo: deque[T]) -> tuple[T] | None:
    try:
        return (todo.popleft(),)
    except IndexError:
        return None


def owner_named(name: str) -> User:
    """Find on whose behalf files come in: by user name, else the first superuser; or Refused."""
    if name:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise Refused(f"There is no user {name!r}.")
        return user
    user = User.objects.filter(is_superuser=True).order_by("pk").first()
    if user is None:
        raise Refused("There is no user yet: run `make run` once, or name one with --owner.")
    return user
