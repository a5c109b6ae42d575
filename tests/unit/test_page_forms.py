"""Addresses of the pages read back what they print; what people type is cut as they mean it."""

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medialib.forms import DescribeForm, LibraryForm, split_keywords
from search.backends.base import SORTS
from search.forms import CONFIDENCES, Asked, SearchForm

_words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20).map(
    str
)


# Building the table of characters takes long the first time; that is no fault of the promise.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.builds(
        Asked,
        q=_words,
        kind=st.sampled_from(["", "photo", "video"]),
        min_confidence=st.sampled_from(CONFIDENCES),
        within=st.sampled_from(["moment", "asset"]),
        sort=st.sampled_from(SORTS),
        label=st.lists(_words, max_size=3, unique=True).map(tuple),
        category=st.lists(_words, max_size=3, unique=True).map(tuple),
        month=st.sampled_from(["", "2026-06"]),
        length=st.sampled_from(["", "short", "long"]),
        view=st.sampled_from(["", "wall"]),
    )
)
def test_a_search_survives_its_own_address(asked):
    assert SearchForm.asked(QueryDict(asked.address()[1:])) == asked


@pytest.mark.parametrize(
    "address",
    ["kind=sound", "min_confidence=71", "min_confidence=x", "sort=worst", "month=June", "length=9"],
)
def test_values_that_cannot_be_read_count_as_not_given(address):
    assert SearchForm.asked(QueryDict("q=cars&" + address)) == Asked(q="cars")


def test_a_change_leads_back_to_the_first_page():
    assert "cursor" not in Asked(q="cars", cursor="abc").address(kind="photo")


def test_filters_are_told_from_words_and_order():
    assert not Asked(q="cars", sort="title").is_filtered
    assert Asked(q="cars", min_confidence=70).is_filtered
    assert Asked(q="cars", kind="photo", sort="title").cleared == "?q=cars&sort=title"


def test_control_characters_and_endless_labels_stop_at_the_form():
    asked = SearchForm.asked(QueryDict("q=" + "a" * 900 + "%00&label=" + "b" * 900))
    # Words are never cut in silence: the search itself refuses what is too long.
    assert asked.q == "a" * 900
    assert len(asked.label[0]) == 100


@pytest.mark.parametrize("address", ["kind=sound", "state=lost", "before=../../etc"])
def test_the_library_ignores_filters_it_does_not_know(address):
    form = LibraryForm(QueryDict(address))
    form.is_valid()
    assert set(form.chosen().values()) == {""}


def test_keywords_are_cut_at_commas_and_lines():
    assert split_keywords(" beach,, summer  2026\nbeach ,") == ["beach", "summer 2026"]


def test_a_keyword_of_a_whole_sentence_is_refused_with_its_cure():
    form = DescribeForm({"keywords": "word " * 40})
    assert not form.is_valid()
    assert "put commas between keywords" in form.errors["keywords"][0]
