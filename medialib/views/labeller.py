"""What the pages say about the labeller in use: its name, its limits, what it can find."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from labelling.backends import get_backend

_NOTES = {
    "local": "local (NanoDet): {count} everyday objects; good for side views, weak from above and "
    "for small things. Not a replacement for Rekognition.",
    "rekognition": "Amazon Rekognition: more than 3,000 labels: objects, scenes and actions.",
}
_EXAMPLES = ("Car", "Person", "Dog", "Cat", "Bicycle", "Bottle", "Cup", "Boat")


@dataclass(frozen=True, slots=True)
class Labeller:
    """The labeller that new uploads go to; `labels` is empty where its list has no end."""

    name: str
    note: str
    labels: tuple[str, ...]
    examples: tuple[str, ...]


def current_labeller() -> Labeller:
    """Describe the labeller of the settings."""
    alias = settings.MEDIALIB_LABELLING
    labels = tuple(sorted(get_backend(alias).labels() or ()))
    examples = tuple(name for name in _EXAMPLES if not labels or name in labels)
    note = _NOTES.get(alias, alias).format(count=len(labels))
    return Labeller(name=alias, note=note, labels=labels, examples=examples[:4])


def backend_note(alias: str, *, model_version: str) -> str:
    """Say which labeller gave an answer."""
    names = {"local": "local (NanoDet)", "rekognition": "Amazon Rekognition"}
    if alias == "recorded":
        return f"imported answer ({model_version})" if model_version else "imported answer"
    return names.get(alias, alias)
