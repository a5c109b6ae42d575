"""What the library answers, as types. Checks nothing at run time.

`python -m tests.client_types` writes this file from the schema: do not edit it by hand.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

AssetKindEnum = Literal["photo", "video"]

AssetStateEnum = Literal["preparing", "labelling", "searchable", "rejected", "failed"]

FeatureEnum = Literal["labels", "moderation", "text", "faces", "segments", "custom", "speech"]

StatusEnum = Literal["QUEUED", "IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED"]

TypeEnum = Literal["label", "category", "text", "filter", "relation"]

UploadStateEnum = Literal["open", "complete", "abandoned"]

VisibilityEnum = Literal["private", "groups", "library", "public"]


class Analysis(TypedDict):
    """Our record of one labelling run."""

    asset_id: str
    backend: str
    code: str
    cost: str
    created_at: str
    current: bool
    detail: str
    detections: int
    ended_at: str | None
    feature: FeatureEnum
    id: str
    model_version: str
    notes: list[str]
    progress: float
    status: StatusEnum


class Asset(TypedDict):
    """One kept photo or video."""

    captured_at: str | None
    content_type: str
    created_at: str
    description: str
    duration_ms: int
    height: int | None
    id: str
    is_demo: bool
    is_reference: bool
    keywords: list[str]
    kind: AssetKindEnum
    original_filename: str
    owner: str
    playback_url: str | None
    poster_url: str | None
    sha256: str
    size: int
    status: Status
    title: str
    url: str
    visibility: VisibilityEnum
    warnings: list[str]
    width: int | None


class Event(TypedDict):
    """Something that happened."""

    asset_id: str | None
    batch: str | None
    created_at: str
    data: dict[str, Any]
    id: int
    type: str


class FacetValue(TypedDict):
    """A value of a facet."""

    count: int
    selected: bool
    value: str


class FoundAsset(TypedDict):
    """An asset as a list of hits shows it."""

    captured_at: str | None
    created_at: str
    duration_ms: int
    height: int | None
    id: str
    is_demo: bool
    kind: AssetKindEnum
    playback_url: str | None
    poster_url: str | None
    state: AssetStateEnum
    title: str
    url: str
    width: int | None


class FoundMoment(TypedDict):
    """A span that matches, half-open; 0, 0 in a photo."""

    confidence: float
    end_ms: int
    label: str
    labels: list[SeenLabel]
    start_ms: int
    thumbnail_url: str
    url: str


class Moment(TypedDict):
    """A span in which a label is seen; milliseconds, half-open; a photo has 0, 0."""

    confidence: float
    end_ms: int
    instances: int
    label: str
    mean_confidence: float
    screen_share: float
    start_ms: int
    thumbnail_url: str | None
    url: str


class PartAddress(TypedDict):
    """Where one part goes; the address takes this part and no other size, for an hour."""

    headers: dict[str, str]
    number: int
    size: int
    url: str


class Result(TypedDict):
    """An asset that matches."""

    asset: FoundAsset
    moment_count: int
    moments: list[FoundMoment]
    screen_ms: int
    why: list[str]


class SearchAnswer(TypedDict):
    """What a search answers."""

    facets: dict[str, list[FacetValue]]
    near_misses: list[Result]
    next: str | None
    query: UnderstoodQuery
    results: list[Result]
    total: Total
    unlooked: Unlooked | None


class SeenLabel(TypedDict):
    """A label seen in a moment."""

    confidence: float
    label: str


class Status(TypedDict):
    """Where an asset stands."""

    analyses: list[Analysis]
    code: str
    detail: str
    progress: float
    state: AssetStateEnum
    waiting_for: str


class Total(TypedDict):
    """How much was found."""

    assets: int
    exact: bool
    moments: int


class Understood(TypedDict):
    """What a piece of the search was understood as."""

    negated: bool
    reason: str
    text: str
    type: TypeEnum
    value: str


class UnderstoodQuery(TypedDict):
    """The search as it was understood."""

    canonical: str
    suggestions: list[str]
    text: str
    understood: list[Understood]


class Unlooked(TypedDict):
    """What search could not look at."""

    unlabelled: int
    waiting: int


class Upload(TypedDict):
    """A file on its way in, part by part."""

    arrived: list[int]
    arrived_bytes: int
    asset_url: str | None
    expires_at: str
    filename: str
    fingerprint: str
    id: str
    part_count: int
    part_size: int
    size: int
    state: UploadStateEnum
