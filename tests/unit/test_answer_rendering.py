"""Answers of the API are the JSON that the framework itself would write, byte by byte."""

from __future__ import annotations

import datetime
import json
import math
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from rest_framework.renderers import JSONRenderer

from medialib.http.rendering import AnswerRenderer
from medialib.models import Asset

_SECOND = datetime.datetime(2026, 6, 1, 10, 0, 0, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    label: str
    confidence: float


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        "",
        None,
        {"title": "Straße am Möhnesee 東京 🙂", "quoted": 'a "b" \\ / \t\x1f\x7f'},
        # Both end a line in old JavaScript.
        {"lines": "one\u2028two\u2029three"},
        {"whole": [0, -1, 2**53, 2**63, 2**64, 10**30], "true": True},
        {"broken": [0.0, -0.0, 87.35, 0.1 + 0.2, 99.99999999999999, 1 / 3]},
        {"times": [_SECOND, _SECOND.replace(microsecond=1), _SECOND.replace(tzinfo=None)]},
        {"place": _SECOND.astimezone(ZoneInfo("Europe/Berlin")), "day": _SECOND.date()},
        {"clock": datetime.time(1, 2, 3, 4), "span": datetime.timedelta(minutes=90)},
        {"id": uuid.UUID(int=7), "price": Decimal("0.0010"), "bytes": b"plain"},
        {"state": Asset.State.SEARCHABLE, "lazy": lazystr("later"), "safe": mark_safe("<b>")},
        {1: "one", None: "none", False: "no"},
        OrderedDict(z=1, a=(1, 2), b={3}),
        {"rows": Asset.State.values, "generated": (letter for letter in ())},
    ],
)
def test_an_answer_has_the_bytes_that_the_framework_writes(data: object):
    assert AnswerRenderer().render(data) == JSONRenderer().render(data)


def test_values_of_ours_are_written_field_by_field():
    data = {"labels": (Seen("Car", 99.5), Seen("Dog", 40.0))}

    written = b'{"labels":[{"label":"Car","confidence":99.5},{"label":"Dog","confidence":40.0}]}'
    assert AnswerRenderer().render(data) == written


def test_who_asks_for_indented_answers_gets_the_same_indented():
    data = {"labels": [Seen("Car", 99.5)]}

    text = AnswerRenderer().render(data, "application/json; indent=4").decode()

    assert json.loads(text) == json.loads(AnswerRenderer().render(data))
    assert '\n    "labels": [' in text


def test_what_no_json_can_hold_is_never_written():
    with pytest.raises(UnicodeEncodeError):
        AnswerRenderer().render({"half": "\ud800"})
    with pytest.raises(TypeError, match="not JSON serializable"):
        AnswerRenderer().render({"what": object()})
    # Browsers write it so, too; the framework would end the whole answer with an error.
    assert AnswerRenderer().render({"confidence": math.nan}) == b'{"confidence":null}'
