"""Reads about assets: who may see what, and where an asset stands. Writes nothing."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, overload

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from medialib.exceptions import Missing
from medialib.models import Asset, Event, Rendition, Step

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from medialib.models import User

Row = TypeVar("Row")
_SETTLED = timedelta(seconds=2)
OPEN_STATES = (Step.State.RUNNING, Step.State.READY, Step.State.WAITING)


@dataclass(frozen=True, slots=True)
class Principals:
    """Who asks: `public`, `members`, `u:<id>`, `g:<id>`; `everything` only for superusers."""

    names: frozenset[str]
    everything: bool = False

    @classmethod
    def of(cls, user: User | AnonymousUser) -> Principals:
        """Tell what this person may see as; a person not signed in sees what is public."""
        if not user.is_authenticated or not user.is_active:
            return cls(frozenset({"public"}))
        groups = user.groups.values_list("pk", flat=True)
        names = {"public", "members", f"u:{user.pk}", *(f"g:{pk}" for pk in groups)}
        return cls(frozenset(names), everything=bool(user.is_superuser))


def shown_to(*, owner: int, visibility: str, groups: Iterable[int]) -> frozenset[str]:
    """Name those an asset is shown to: always the owner, groups only where it is for groups."""
    names = {f"u:{owner}"}
    if visibility == Asset.Visibility.GROUPS:
        names.update(f"g:{group}" for group in groups)
    if visibility in (Asset.Visibility.LIBRARY, Asset.Visibility.PUBLIC):
        names.add("members")
    if visibility == Asset.Visibility.PUBLIC:
        names.add("public")
    return frozenset(names)


def _visible(principals: Principals) -> Q:
    if principals.everything:
        return Q()
    allowed = Q()
    if "public" in principals.names:
        allowed |= Q(visibility=Asset.Visibility.PUBLIC)
    if "members" in principals.names:
        allowed |= Q(visibility=Asset.Visibility.LIBRARY)
    owners = [int(name[2:]) for name in principals.names if name.startswith("u:")]
    groups = [int(name[2:]) for name in principals.names if name.startswith("g:")]
    allowed |= Q(owner_id__in=owners)
    if groups:
        # A subquery, not a join: a join would list an asset once per matching group.
        shared = Asset.groups.through.objects.filter(group_id__in=groups).values("asset_id")
        allowed |= Q(visibility=Asset.Visibility.GROUPS, pk__in=shared)
    return allowed


@overload
def visible_assets(principals: Principals) -> QuerySet[Asset]: ...


@overload
def visible_assets(
    principals: Principals, *, among: QuerySet[Asset, Row]
) -> QuerySet[Asset, Row]: ...


def visible_assets(
    principals: Principals, *, among: QuerySet[Asset, Any] | None = None
) -> QuerySet[Asset, Any]:
    """Give the assets these principals may see, newest first; the trash is left out.

    `among` are other rows to choose from, in an order of their own.
    """
    rows = Asset.objects.all() if among is None else among
    return rows.filter(_visible(principals), deleted_at=None)


def get_asset(asset_id: uuid.UUID | str, principals: Principals, *, trashed: bool = False) -> Asset:
    """Give one asset, or raise Missing when there is none or it is not theirs to see."""
    rows = Asset.objects.filter(_visible(principals)).select_related("owner")
    if not trashed:
        rows = rows.filter(deleted_at=None)
    try:
        return rows.prefetch_related("keywords", "renditions").get(pk=asset_id)
    except (Asset.DoesNotExist, ValidationError):
        raise Missing from None


def can_edit(user: User | AnonymousUser, asset: Asset) -> bool:
    """Tell whether this person may change, label again or remove the asset."""
    return bool(
        user.is_authenticated and user.is_active and (user.is_staff or asset.owner_id == user.pk)
    )


def version_of(asset: Asset) -> str:
    """Name the state of what people say of an asset; any change of it gives another name."""
    said = [
        *(asset.title, asset.description, asset.visibility, str(asset.deleted_at)),
        *sorted(keyword.name for keyword in asset.keywords.all()),
        *sorted(str(group.pk) for group in asset.groups.all()),
    ]
    return hashlib.sha256("\0".join(said).encode()).hexdigest()[:16]


def find_duplicate(*, owner_id: int, sha256: str, but: uuid.UUID | None = None) -> Asset | None:
    """Give the owner's asset with the same bytes that is not in the trash, if there is one."""
    twins = duplicates(owner_id=owner_id, sha256=sha256)
    if but is not None:
        twins = twins.exclude(pk=but)
    return twins.first()


def duplicates(*, owner_id: int, sha256: str) -> QuerySet[Asset]:
    """Give the owner's assets with these bytes that are not in the trash, oldest first."""
    twins = Asset.objects.filter(owner_id=owner_id, sha256=sha256, deleted_at=None)
    return twins.exclude(state=Asset.State.REJECTED).order_by("created_at")


def find_fingerprint(*, owner_id: int, fingerprint: str) -> Asset | None:
    """Give the owner's asset with this fingerprint that is not in the trash, if there is one."""
    twins = Asset.objects.filter(owner_id=owner_id, fingerprint=fingerprint, deleted_at=None)
    return twins.exclude(state=Asset.State.REJECTED).order_by("created_at").first()


def rendition(asset: Asset, kind: str, *, at: int = 0) -> Rendition | None:
    """Give one rendition of an asset, from the rows already at hand where they are."""
    cache = getattr(asset, "_prefetched_objects_cache", {})
    if "renditions" in cache and kind != Rendition.Kind.FRAME:
        return next((r for r in asset.renditions.all() if r.kind == kind and r.at == at), None)
    return asset.renditions.filter(kind=kind, at=at).first()


def nearest_frame(asset: Asset, at_ms: int) -> Rendition | None:
    """Give the kept picture at this time, else the nearest one in time, None if there is none."""
    frames = asset.renditions.filter(kind=Rendition.Kind.FRAME)
    before = frames.filter(at__lte=at_ms).order_by("-at").first()
    if before is not None and before.at == at_ms:
        return before
    after = frames.filter(at__gt=at_ms).order_by("at").first()
    near = [row for row in (before, after) if row is not None]
    return min(near, key=lambda row: abs(row.at - at_ms), default=None)


def with_open_steps(rows: QuerySet[Asset]) -> QuerySet[Asset]:
    """Bring the open steps along, so that `asset_status` asks nothing for any row."""
    steps = Step.objects.filter(state__in=OPEN_STATES)
    return rows.prefetch_related(Prefetch("steps", steps, to_attr="open_step_rows"))


def open_steps(asset_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Step]]:
    """Give the steps still to be done of each asset, running ones first, in one query."""
    found: dict[uuid.UUID, list[Step]] = {}
    rows = Step.objects.filter(asset_id__in=list(asset_ids), state__in=OPEN_STATES)
    for step in sorted(rows, key=_running_first):
        found.setdefault(step.asset_id, []).append(step)
    return found


def _running_first(step: Step) -> tuple[int, int]:
    return OPEN_STATES.index(Step.State(step.state)), step.pk


_DOING = {
    Step.Kind.PREPARE: "Looking at the file",
    Step.Kind.CONVERT: "Converting",
    Step.Kind.ANALYSE: "Labelling",
    Step.Kind.COLLECT: "Reading the answer",
    Step.Kind.PICTURES: "Making pictures",
    Step.Kind.INDEX: "Putting it into search",
    Step.Kind.PURGE: "Removing",
}
_WAITING = {
    Step.WaitingFor.SLOT: "Waiting for a free slot",
    Step.WaitingFor.BUDGET: "Waiting: the budget is used up",
    Step.WaitingFor.PROVIDER: "Waiting for the labelling service",
    Step.WaitingFor.STORAGE: "Waiting for storage",
    Step.WaitingFor.SEARCH: "Waiting for search to come back",
    Step.WaitingFor.RETRY: "It went wrong once; trying again soon",
}


def step_sentence(step: Step) -> str:
    """Say in a few words what a step is doing or waiting for."""
    if step.state == Step.State.WAITING and step.waiting_for:
        return step.detail or _WAITING[Step.WaitingFor(step.waiting_for)]
    doing = _DOING[Step.Kind(step.kind)]
    if step.state == Step.State.READY:
        return f"In the queue: {doing[0].lower()}{doing[1:]}"
    return step.detail or doing


def asset_status(asset: Asset, steps: list[Step] | None = None) -> dict[str, Any]:
    """Say where an asset stands; `steps` are its open ones when the caller has them already."""
    if steps is None and hasattr(asset, "open_step_rows"):
        steps = sorted(asset.open_step_rows, key=_running_first)
    if steps is None:
        steps = open_steps([asset.pk]).get(asset.pk, [])
    first = steps[0] if steps else None
    detail = asset.detail
    if first is not None and not detail:
        detail = step_sentence(first)
    return {
        "state": asset.state,
        "code": asset.code,
        "detail": detail,
        "waiting_for": first.waiting_for if first else "",
        "progress": round(first.progress, 3) if first else (1.0 if _ended(asset) else 0.0),
    }


def _ended(asset: Asset) -> bool:
    ended = (Asset.State.SEARCHABLE, Asset.State.REJECTED, Asset.State.FAILED)
    return asset.state in ended


def visible_events(user: User, *, after: int = 0) -> QuerySet[Event]:
    """Give the events a person may hear of, oldest first: of assets they see, and their own.

    What money allows concerns the asset's owner and staff.
    """
    seen = Q(asset__in=visible_assets(Principals.of(user)).order_by().values("pk"))
    seen |= Q(asset=None, actor=user)
    rows = Event.objects.filter(seen | Q(asset=None) if user.is_staff else seen, id__gt=after)
    if not user.is_staff:
        rows = rows.exclude(~Q(asset__owner=user), type="budget.reached")
    if connection.vendor == "postgresql":
        # Numbers are given before the commit: one that is still on its way must not be passed.
        rows = rows.filter(created_at__lt=timezone.now() - _SETTLED)
    return rows.order_by("id")


def asset_history(asset: Asset, *, limit: int = 50) -> list[Event]:
    """Give what happened to an asset, newest first."""
    return list(asset.events.select_related("actor").order_by("-id")[:limit])
