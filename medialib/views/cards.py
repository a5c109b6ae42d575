"""What every page says about an asset in short: its card and its state in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.urls import reverse

from medialib.models import Asset, Rendition

# Code of a state → the word on its chip, and the tone that the word is shown in.
STATE_WORDS: dict[str, tuple[str, str]] = {
    Asset.State.PREPARING: ("preparing", "accent"),
    Asset.State.LABELLING: ("labelling", "accent"),
    Asset.State.SEARCHABLE: ("searchable", "ok"),
    Asset.State.REJECTED: ("cannot be shown", "bad"),
    Asset.State.FAILED: ("failed", "bad"),
}


@dataclass(frozen=True, slots=True)
class AssetCard:
    """One asset as a grid or a list of results shows it."""

    id: str
    title: str
    kind: str
    url: str
    poster_url: str
    duration_ms: int
    taken_at: datetime
    is_demo: bool
    size: int
    state: str
    state_word: str
    state_tone: str
    detail: str

    @property
    def is_video(self) -> bool:
        """Tell whether times mean anything here."""
        return self.kind == Asset.Kind.VIDEO

    @property
    def is_settled(self) -> bool:
        """Tell whether the state needs no words of its own."""
        return self.state == Asset.State.SEARCHABLE


def with_posters(assets: QuerySet[Asset]) -> QuerySet[Asset]:
    """Fetch posters along with assets, and no other rendition: an asset may have many."""
    posters = Rendition.objects.filter(kind=Rendition.Kind.POSTER)
    return assets.prefetch_related(Prefetch("renditions", queryset=posters, to_attr="posters"))


def make_card(asset: Asset, *, has_poster: bool) -> AssetCard:
    """Describe an asset in short."""
    word, tone = STATE_WORDS[asset.state]
    return AssetCard(
        id=str(asset.pk),
        title=str(asset),
        kind=asset.kind,
        url=reverse("asset", args=[asset.pk]),
        poster_url=reverse("media-poster", args=[asset.pk]) if has_poster else "",
        duration_ms=asset.duration_ms,
        taken_at=asset.captured_at or asset.created_at,
        is_demo=asset.is_demo,
        size=asset.size,
        state=asset.state,
        state_word=word,
        state_tone=tone,
        detail=asset.detail,
    )


def make_cards(assets: Iterable[Asset]) -> list[AssetCard]:
    """Describe assets that came through `with_posters`."""
    return [make_card(asset, has_poster=bool(getattr(asset, "posters", ()))) for asset in assets]
