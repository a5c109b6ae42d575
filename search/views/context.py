"""Shapes a search answer for its page: rows of assets, strips of moments, facets. Reads only."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import date_format

from medialib.models import Asset, Rendition
from medialib.selectors import Principals, visible_assets
from medialib.templatetags.medialib_words import fragment
from medialib.views.cards import AssetCard, make_cards, with_posters
from search.forms import Asked
from search.results import FacetValue, FoundMoment, Result, SearchAnswer, Unlooked
from search.views.chips import Chip, make_chips

# A row shows so many pictures; its strip shows every moment of the answer.
PICTURES = 8
FACET_VALUES = 8
MAX_LABELS = 8
_FACET_NAMES = {
    "kind": "Kind",
    "label": "Also seen",
    "category": "Category",
    "length": "Length",
    "month": "Month",
}
_VALUE_NAMES = {
    ("kind", "video"): "Videos",
    ("kind", "photo"): "Photos",
    ("length", "short"): "under 1 min",
    ("length", "medium"): "1 to 10 min",
    ("length", "long"): "10 min and more",
}


@dataclass(frozen=True, slots=True)
class MomentPicture:
    """A moment as a picture with its time, and where a click on it leads."""

    label: str
    start_ms: int
    end_ms: int
    confidence: float
    labels: str
    url: str
    picture_url: str
    at_ms: int

    @property
    def length_ms(self) -> int:
        """Give the length; a photo's is 0."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Board:
    """A video's storyboard: where its sheet of tiles is, and how it is cut."""

    url: str
    interval_ms: int
    columns: int
    tile_width: int
    tile_height: int
    tiles: int


@dataclass(frozen=True, slots=True)
class Row:
    """An asset that matches."""

    card: AssetCard
    url: str
    why: tuple[str, ...]
    moment_count: int
    screen_ms: int
    pictures: list[MomentPicture]
    more: int
    strip: list[MomentPicture]
    boxes_url: str
    board: Board | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A facet's value, and the address that selects it or lets it go."""

    name: str
    count: int
    selected: bool
    url: str


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet: the first values are shown at once."""

    name: str
    first: list[Choice]
    rest: list[Choice]
    is_selected: bool


@dataclass(frozen=True, slots=True)
class Found:
    """All that the page shows of an answer."""

    chips: list[Chip]
    explained: list[Chip]
    can_loosen: bool
    suggestions: list[tuple[str, str]]
    canonical: str
    assets: int
    moments: int
    exact: bool
    rows: list[Row]
    near: list[Row]
    unlooked: Unlooked | None
    facets: list[Facet]
    next_url: str
    list_url: str
    wall_url: str


def shape(answer: SearchAnswer, asked: Asked, *, principals: Principals) -> Found:
    """Shape an answer; assets are read in three queries, however many there are."""
    ids = [result.asset_id for result in (*answer.results, *answer.near_misses)]
    chips = make_chips(asked, answer.query.understood)
    rows = with_posters(visible_assets(principals).filter(pk__in=ids))
    cards = {card.id: card for card in make_cards(rows)}
    boards = _boards(cards)
    return Found(
        chips=chips,
        explained=[chip for chip in chips if chip.reasons and not chip.note],
        can_loosen=asked.within == "asset" or _labels(answer) > 1,
        suggestions=[(text, asked.address(q=text)) for text in answer.query.suggestions],
        canonical=answer.query.canonical,
        assets=answer.total.assets,
        moments=answer.total.moments,
        exact=answer.total.exact,
        rows=_rows(answer.results, cards, boards, asked),
        near=_rows(answer.near_misses, cards, boards, asked),
        unlooked=answer.unlooked,
        facets=_facets(_news(answer), asked),
        next_url=asked.address(cursor=answer.next) if answer.next else "",
        list_url=asked.address(view=""),
        wall_url=asked.address(view="wall"),
    )


def _boards(cards: Collection[str]) -> dict[str, Board]:
    sheets = Rendition.objects.filter(asset_id__in=cards, kind=Rendition.Kind.STORYBOARD)
    return {
        str(asset_id): Board(url=reverse("media-storyboard", args=[asset_id]), **details)
        for asset_id, details in sheets.values_list("asset_id", "details")
    }


def _rows(
    results: Sequence[Result],
    cards: Mapping[str, AssetCard],
    boards: Mapping[str, Board],
    asked: Asked,
) -> list[Row]:
    # An asset removed since the index last heard of it is left out.
    shown = (result for result in results if result.asset_id in cards)
    return [
        _row(result, cards[result.asset_id], asked, board=boards.get(result.asset_id))
        for result in shown
    ]


def _row(result: Result, card: AssetCard, asked: Asked, *, board: Board | None) -> Row:
    names = dict.fromkeys(seen.label for moment in result.moments for seen in moment.labels)
    query = urlencode([("q", asked.q), *(("label", name) for name in list(names)[:MAX_LABELS])])
    page = f"{card.url}?{query}"
    strip = [_picture(moment, card, page) for moment in result.moments]
    best = sorted(strip, key=lambda picture: -picture.confidence)[:PICTURES]
    pictures = sorted(best, key=lambda picture: picture.start_ms)
    first = pictures[0].url if pictures and card.is_video else page
    return Row(
        card=card,
        url=first if len(pictures) == 1 else page,
        why=result.why,
        moment_count=result.moment_count,
        screen_ms=result.screen_ms,
        pictures=pictures,
        more=max(0, result.moment_count - len(pictures)),
        strip=strip if card.is_video else [],
        boxes_url=_boxes_url(card, list(names)[:MAX_LABELS], pictures),
        board=board,
    )


def _boxes_url(card: AssetCard, names: list[str], pictures: list[MomentPicture]) -> str:
    """Print where the boxes of a row's pictures are asked for; "" if nothing is drawn there."""
    if not (names and card.poster_url):
        return ""
    times = dict.fromkeys(picture.at_ms for picture in pictures)
    asked = [*(("label", name) for name in names), *(("at", at) for at in times)]
    return f"{reverse('asset-boxes', args=[card.id])}?{urlencode(asked)}"


def _picture(moment: FoundMoment, card: AssetCard, page: str) -> MomentPicture:
    if card.kind == Asset.Kind.PHOTO:
        picture, url = card.poster_url, page
    else:
        picture = reverse("media-frame", args=[card.id, moment.start_ms]) if card.poster_url else ""
        url = f"{page}#t={fragment(moment.start_ms)},{fragment(moment.end_ms)}"
    return MomentPicture(
        label=moment.label,
        start_ms=moment.start_ms,
        end_ms=moment.end_ms,
        confidence=moment.confidence,
        labels=", ".join(seen.label for seen in moment.labels) or moment.label,
        url=url,
        picture_url=picture,
        at_ms=moment.start_ms if card.is_video else 0,
    )


def _labels(answer: SearchAnswer) -> int:
    """Count the words that stand for labels: "together" means something from two on."""
    return len({piece.text for piece in answer.query.understood if piece.type == "label"})


def _news(answer: SearchAnswer) -> dict[str, tuple[FacetValue, ...]]:
    """Leave the labels that were asked for out of what is "also seen"."""
    asked_for = {piece.value for piece in answer.query.understood if piece.type == "label"}
    labels = answer.facets.get("label", ())
    also = tuple(one for one in labels if one.selected or one.value not in asked_for)
    return {**answer.facets, "label": also}


def _facets(facets: dict[str, tuple[FacetValue, ...]], asked: Asked) -> list[Facet]:
    shaped = []
    for field, name in _FACET_NAMES.items():
        choices = [_choice(field, value, asked) for value in facets.get(field, ())]
        selected = any(choice.selected for choice in choices)
        if len(choices) > 1 or selected:
            first, rest = choices[:FACET_VALUES], choices[FACET_VALUES:]
            shaped.append(Facet(name, first, rest, selected))
    return shaped


def _choice(field: str, value: FacetValue, asked: Asked) -> Choice:
    name = _VALUE_NAMES.get((field, value.value)) or _month(field, value.value)
    return Choice(
        name, value.count, value.selected, asked.address(**{field: _next(field, value, asked)})
    )


def _next(field: str, value: FacetValue, asked: Asked) -> str | tuple[str, ...]:
    """Give the field's value after a click: several labels may be selected, one kind only."""
    chosen: str | Sequence[str] = getattr(asked, field)
    if isinstance(chosen, str):
        return "" if value.selected else value.value
    others = tuple(one for one in chosen if one.casefold() != value.value.casefold())
    return others if value.selected else (*others, value.value)


def _month(field: str, value: str) -> str:
    if field != "month":
        return value
    try:
        return date_format(datetime.date.fromisoformat(f"{value}-01"), "F Y")
    except ValueError:
        return value
