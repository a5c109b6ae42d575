"""Reads a search page's address into one value and prints it back. Searches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict

from search.backends.base import LENGTHS, SORTS, Sort

CONFIDENCES = (0, 50, 60, 70, 80, 90, 95)
MAX_SELECTED = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for; every part of it stands in the page's address."""

    q: str = ""
    kind: str = ""
    min_confidence: int = 0
    within: str = "moment"
    sort: Sort = "relevance"
    label: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    month: str = ""
    length: str = ""
    view: str = ""
    cursor: str = ""

    def address(self, **changes: Any) -> str:
        """Print the address of this search with some parts changed, back at its first page."""
        asked = replace(self, **{"cursor": "", **changes})
        given = []
        for part in fields(asked):
            value = getattr(asked, part.name)
            if value == part.default and part.name != "q":
                continue
            values = value if isinstance(value, tuple) else (value,)
            given += [(part.name, str(one)) for one in values]
        return "?" + urlencode(given)

    @property
    def is_filtered(self) -> bool:
        """Tell whether anything narrows the search beside its words."""
        return self.address() != self.cleared

    @property
    def cleared(self) -> str:
        """Print the address of the same words without any filter."""
        return Asked(q=self.q, sort=self.sort, view=self.view).address()


class SearchForm(forms.Form):
    """The search page's parameters; a value that can't be read counts as not given."""

    kind = forms.ChoiceField(choices=[(k, k) for k in ("photo", "video")], required=False)
    min_confidence = forms.TypedChoiceField(
        choices=[(number, str(number)) for number in CONFIDENCES],
        coerce=int,
        required=False,
    )
    within = forms.ChoiceField(choices=[(w, w) for w in ("moment", "asset")], required=False)
    sort = forms.ChoiceField(choices=[(sort, sort) for sort in SORTS], required=False)
    month = forms.RegexField(r"\A\d{4}-\d{2}\Z", required=False)
    length = forms.ChoiceField(choices=[(name, name) for name, _, _ in LENGTHS], required=False)
    view = forms.ChoiceField(choices=[("wall", "wall")], required=False)
    cursor = forms.CharField(max_length=1_000, required=False)

    @classmethod
    def asked(cls, parameters: QueryDict) -> Asked:
        """Read the parameters of an address."""
        form = cls(parameters)
        form.is_valid()
        return Asked(
            # What is too long is refused by the language: cut, it would be another search.
            q=_text(parameters.get("q", "")),
            label=_several(parameters, "label"),
            category=_several(parameters, "category"),
            **_given(form.cleaned_data),
        )


def _text(value: str) -> str:
    return " ".join(value.replace("\x00", " ").split())


def _several(parameters: QueryDict, name: str) -> tuple[str, ...]:
    values = (_text(value)[:100] for value in parameters.getlist(name))
    return tuple(dict.fromkeys(value for value in values if value))[:MAX_SELECTED]


def _given(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cleaned.items() if value}
