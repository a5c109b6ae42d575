"""Says in sentences why an asset matches. Pure; words only."""

from __future__ import annotations

from collections.abc import Callable

from labelling.taxonomy import Vocabulary
from search.backends.base import Hit
from search.conditions import Condition, Seen, Sequence, parts_of, positive_leaves

_FIELDS = {
    "title": "the title",
    "keywords": "the keywords",
    "file": "the file name",
    "description": "the description",
}
_MAX_REASONS = 6


def explainer(condition: Condition, vocabulary: Vocabulary) -> Callable[[Hit], tuple[str, ...]]:
    """Make what lists why an asset matches, the most telling first."""
    labels = [leaf for leaf in positive_leaves(condition) if isinstance(leaf, Seen)]
    above_others = tuple(dict.fromkeys(leaf for leaf in labels if leaf.below))
    sequences = _sequences(condition, vocabulary)

    def reasons(hit: Hit) -> tuple[str, ...]:
        found = [*_kinships(hit, above_others, vocabulary), *sequences]
        for leaf, name in hit.texts:
            found.append(f"“{' '.join(leaf.tokens)}” is in {_FIELDS[name]}")
        if hit.pieces:
            best = max([piece.confidence for piece in hit.pieces])
            seen = f"seen {seconds(hit.screen_ms)}; " if hit.screen_ms else ""
            found.append(f"{seen}best {best:.0f} %")
        return tuple(dict.fromkeys(found))[:_MAX_REASONS]

    return reasons


def _kinships(hit: Hit, above_others: tuple[Seen, ...], vocabulary: Vocabulary) -> list[str]:
    """Say "Sedan is a Car" where a label below the one asked for was seen."""
    if not above_others:
        return []
    seen = dict.fromkeys([label for piece in hit.pieces for label, _ in piece.labels])
    said = []
    for leaf in above_others:
        if leaf.label in seen:
            continue
        above = vocabulary.names.get(leaf.label, "")
        for label in [label for label in seen if label in leaf.below][:2]:
            name = vocabulary.names.get(label, "")
            said.append(f"{name} is {_article(above)} {above}")
    return said


def _sequences(condition: Condition, vocabulary: Vocabulary) -> list[str]:
    if isinstance(condition, Sequence):
        names = [_name(part, vocabulary) for part in condition.parts]
        if all(names):
            apart = ", further apart than you asked" if condition.unless_ms else ""
            return [", then ".join(names) + apart]
    return [said for part in parts_of(condition) for said in _sequences(part, vocabulary)]


def _name(condition: Condition, vocabulary: Vocabulary) -> str:
    leaves = [leaf for leaf in positive_leaves(condition) if isinstance(leaf, Seen)]
    return " and ".join(vocabulary.names.get(leaf.label, "") for leaf in leaves[:2])


def _article(name: str) -> str:
    return "an" if name[:1].lower() in "aeiou" else "a"


def seconds(milliseconds: int) -> str:
    """Print a time as people say it: "7 s", "1 min 12 s", "2 h 5 min"."""
    if milliseconds < 9_950:
        return f"{max(milliseconds, 100) / 1000:.1f}".removesuffix(".0") + " s"
    whole = round(milliseconds / 1000)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
