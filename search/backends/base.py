"""The interface of a search engine: what it is asked and what it answers. Holds no engine.

Engines receive label ids, tokens and principals, never what a person typed.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Protocol

from medialib.exceptions import SearchUnavailable
from medialib.selectors import Principals
from search.conditions import Condition, InText
from search.documents import AssetDocument

Sort = Literal["relevance", "newest", "captured", "screen_time", "moments", "title"]
SORTS: tuple[Sort, ...] = ("relevance", "newest", "captured", "screen_time", "moments", "title")
FACETS = ("kind", "label", "category", "month", "length")
# Length classes of videos: name, shortest (included) and longest (excluded) in milliseconds.
LENGTHS = (("short", 0, 60_000), ("medium", 60_000, 600_000), ("long", 600_000, None))


class IndexMissing(SearchUnavailable):
    """There is no search index yet: `manage.py rebuild_search_index` makes one."""

    code = "search_missing"


class SchemaMismatch(SearchUnavailable):
    """The search index is of another version: run `manage.py rebuild_search_index`."""

    code = "search_schema"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is selected in the facets; several labels or categories must all be there."""

    kind: str = ""
    labels: tuple[int, ...] = ()
    categories: tuple[str, ...] = ()
    month: str = ""
    length: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """One question. `principals` has no default, so that nobody can forget it.

    `after` is the sort value and asset id of the last hit of the page before.
    Ranges at most `join_ms` apart become one range (None: none do; a photo has but one), then
    `moment_length` keeps those of at least and at most so many milliseconds.
    """

    principals: Principals
    condition: Condition
    anywhere: bool = False
    moment_length: tuple[int | None, int | None] | None = None
    selection: Selection = Selection()
    sort: Sort = "relevance"
    after: tuple[float | str, str] | None = None
    page_size: int = 20
    facets: tuple[str, ...] = ()
    moments_per_hit: int = 50
    join_ms: int | None = None


@dataclass(slots=True)
class Piece:
    """A matching range: where, how sure, and which labels are seen in it, surest first.

    Not frozen, as a page makes hundreds: Python takes four times as long for a frozen one.
    """

    start_ms: int
    end_ms: int
    confidence: float
    labels: tuple[tuple[int, float], ...]


@dataclass(slots=True)
class Hit:
    """A matching asset. `texts` names the best field of each matched text condition.

    Not frozen, as Piece.
    """

    asset_id: str
    sort_value: float | str
    score: float
    moment_count: int
    screen_ms: int
    pieces: tuple[Piece, ...]
    texts: tuple[tuple[InText, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to a request. Facets map a field to (value, assets) pairs, most first."""

    hits: tuple[Hit, ...]
    assets: int
    moments: int
    exact: bool
    more: bool
    facets: Mapping[str, tuple[tuple[str | int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """How the index is: a sentence for people and its sizes."""

    ok: bool
    detail: str
    assets: int = 0
    moments: int = 0
    size_bytes: int = 0


class RebuildTarget(Protocol):
    """An index being built beside the one in use; several threads may write to it."""

    def prepare(self, documents: Iterable[AssetDocument]) -> Callable[[], int]:
        """Make documents ready; what is given adds them and says how many were taken."""

    def put(self, documents: Iterable[AssetDocument]) -> int:
        """Add documents; give how many were taken."""

    def remove(self, generations: Mapping[str, int]) -> None:
        """Take assets out for this generation and all before it."""

    def held(self) -> Iterator[tuple[str, int]]:
        """Give what a rebuild that was killed has put already: asset and generation, by asset."""


class SearchBackend(abc.ABC):
    """A search engine. Every method raises SearchUnavailable when the engine is away."""

    name: ClassVar[str]
    # What an engine can do beyond the contract; tests and doctor read it.
    capabilities: ClassVar[frozenset[str]] = frozenset()

    @abc.abstractmethod
    def ensure_ready(self) -> None:
        """Make an empty index if there is none; SchemaMismatch if it is of another version."""

    @abc.abstractmethod
    def probe(self) -> None:
        """Raise IndexMissing or SchemaMismatch if the index can't be asked."""

    @abc.abstractmethod
    def put(self, documents: Iterable[AssetDocument]) -> int:
        """Add or replace documents; older generations than what is there change nothing."""

    @abc.abstractmethod
    def remove(self, generations: Mapping[str, int]) -> None:
        """Take assets out for this generation and all before it; what is not there is fine."""

    @abc.abstractmethod
    def update_facts(self, documents: Iterable[AssetDocument]) -> frozenset[str]:
        """Change all of assets but what is seen in them; the documents come without moments.

        Gives the ids that are now of that generation or a newer one. Left out are those that are
        not there, or whose moments are of another stamp: they are to be put whole.
        """

    @abc.abstractmethod
    def search(self, request: SearchRequest) -> Page:
        """Answer a request."""

    def facets(self, request: SearchRequest, fields: Collection[str]) -> Page:
        """Count the values of these fields over all matches, without a page of hits."""
        return self.search(replace(request, facets=tuple(fields), page_size=0, after=None))

    @abc.abstractmethod
    def label_counts(
        self, principals: Principals, labels: Collection[int] | None = None
    ) -> dict[int, int]:
        """Count the assets these principals would find per label; unseen labels are absent."""

    @abc.abstractmethod
    def words_seen(self, tokens: Collection[str], principals: Principals) -> frozenset[str]:
        """Give those tokens that occur in some text these principals may see."""

    @abc.abstractmethod
    def generations(self) -> Iterator[tuple[str, int]]:
        """Give every indexed asset with its generation, ordered by asset id."""

    @abc.abstractmethod
    def rebuild(self, *, made_from: str = "") -> AbstractContextManager[RebuildTarget]:
        """Build a new index beside the old one; leaving without an error puts it in its place.

        What a killed rebuild left behind is gone on with if it was made from the same; "" never is.
        """

    @abc.abstractmethod
    def health(self) -> Health:
        """Say how the index is; raises nothing."""

    def refresh(self) -> None:  # noqa: B027 - most engines have nothing to do
        """Make everything put so far visible at once; tests call it."""

    def close(self) -> None:  # noqa: B027 - engines without connections have nothing to close
        """Give connections back; the backend can be used again afterwards."""
