"""Says what labelling will cost before it starts. Starts nothing, and sets no money aside."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from django.conf import settings

from labelling.backends import get_backend
from labelling.backends.base import AnalysisRequest
from medialib.models import Asset


@dataclass(frozen=True, slots=True)
class Estimate:
    """What labelling some assets will cost, in US dollars, by the prices of a certain day."""

    backend: str
    paid: bool
    photos: int
    videos: int
    duration_ms: int
    cost: Decimal
    prices_date: str

    @property
    def sentence(self) -> str:
        """Say it in words."""
        parts = []
        if self.photos:
            parts.append(f"{self.photos:,} photo{'' if self.photos == 1 else 's'}")
        if self.videos:
            minutes = self.duration_ms / 60_000
            videos = f"{self.videos:,} video{'' if self.videos == 1 else 's'}"
            parts.append(f"{videos} ({minutes:,.1f} min)")
        what = " and ".join(parts) or "Nothing"
        if not self.paid:
            return f"{what}: free with the labeller “{self.backend}”."
        return f"{what}: about {usd(self.cost)} USD at the prices of {self.prices_date}."


class _NoBytes:
    """The place of a file's bytes in a question that is about its length only."""

    path: Path | None = None

    def __init__(self, size: int) -> None:
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        """Give nothing: an estimate reads no file."""
        return b""


def usd(amount: Decimal) -> str:
    """Print an amount of money: cents, and more digits where it is less than a few of them."""
    if amount == 0 or amount >= Decimal("0.10"):
        return f"{amount:,.2f}"
    return f"{amount:.4f}"


def estimate(
    assets: Iterable[Asset], *, features: Collection[str] = ("labels",), backend: str | None = None
) -> Estimate:
    """Estimate what it costs to label assets; a video counts by the length our probe found."""
    alias = backend or settings.MEDIALIB_LABELLING
    labeller = get_backend(alias)
    photos = videos = duration_ms = 0
    cost = Decimal(0)
    for asset in assets:
        if asset.kind == Asset.Kind.PHOTO:
            photos += 1
        else:
            videos += 1
            duration_ms += asset.duration_ms
        for feature in features:
            cost += labeller.estimate(_request(asset, feature))
    return Estimate(
        backend=alias,
        paid=labeller.paid,
        photos=photos,
        videos=videos,
        duration_ms=duration_ms,
        cost=cost,
        prices_date=settings.MEDIALIB_PRICES_DATE,
    )


@dataclass(frozen=True, slots=True)
class Prices:
    """What new files will cost, in US dollars, by the prices of a certain day."""

    photo: Decimal
    minute: Decimal
    date: str


def prices() -> Prices | None:
    """Give the price of a photo and of a minute of video; None where labelling is free."""
    labeller = get_backend(settings.MEDIALIB_LABELLING)
    if not labeller.paid:
        return None
    photo = Asset(kind=Asset.Kind.PHOTO)
    minute = Asset(kind=Asset.Kind.VIDEO, duration_ms=60_000)
    costs = [labeller.estimate(_request(asset, "labels")) for asset in (photo, minute)]
    return Prices(photo=costs[0], minute=costs[1], date=settings.MEDIALIB_PRICES_DATE)


def _request(asset: Asset, feature: str) -> AnalysisRequest:
    return AnalysisRequest(
        analysis_id="",
        asset_id=str(asset.pk),
        kind=asset.kind,
        feature=feature,
        source=_NoBytes(asset.size),
        width=asset.width or 0,
        height=asset.height or 0,
        duration_ms=asset.duration_ms,
        filename=asset.original_filename,
    )
