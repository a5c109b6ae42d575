"""The query language: what it reads it prints, and what it can't read it refuses with a cure."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.grammar import parse
from search.query import (
    COUNTS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_TERMS,
    And,
    Category,
    Dates,
    InvalidQuery,
    Keyword,
    Kind,
    Label,
    Length,
    Mark,
    Not,
    Or,
    Phrase,
    Query,
    Span,
    Then,
    Word,
    Words,
)

_NAMES = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zs", "Zl", "Zp")), min_size=1, max_size=12
).filter(lambda text: any(ch.isalnum() for ch in text))
_LIMITS = st.none() | st.sampled_from([0.0, 35.0, 80.0, 97.25, 99.5, 100.0])
_COUNTS = st.none() | st.sampled_from(COUNTS)
_WORD = st.builds(
    Word,
    st.sampled_from(["car", "Dogs", "traffic", "12:30", "a-b", "user@home", "é"]),
    _LIMITS,
    _COUNTS,
)
_TIMES = st.integers(0, 10**9)
_SPANS = st.one_of(
    _TIMES.map(lambda low: Span(low, None)),
    _TIMES.map(lambda high: Span(None, high)),
    st.tuples(_TIMES, _TIMES).map(lambda pair: Span(min(pair), max(pair))),
)
_LEAVES = st.one_of(
    st.builds(Label, _NAMES, _LIMITS, _COUNTS),
    st.builds(Phrase, _NAMES, st.sampled_from(["", "file"])),
    st.builds(Kind, st.sampled_from(["photo", "video"])),
    st.builds(Category, _NAMES),
    st.builds(Keyword, _NAMES),
    st.builds(Mark, st.just("source"), _NAMES),
    st.sampled_from([Mark("has", "boxes"), Mark("is", "failed"), Mark("owner", "me")]),
    st.sampled_from(
        [
            Dates("date", "2026", "2026"),
            Dates("captured", "2026-06", "2026-08-03"),
            Dates("date", "", "2026-02-28"),
            Dates("date", "2026-02", ""),
        ]
    ),
    st.builds(Length, _SPANS),
)


def _flat(kind):
    """Two parts or more; parts of the same sort are what brackets print."""
    return lambda nodes: st.lists(nodes, min_size=2, max_size=3).map(
        lambda parts: kind(tuple(parts))
    )


def _thens(nodes):
    return st.lists(st.tuples(nodes, _TIMES), min_size=2, max_size=3).map(
        lambda pairs: Then(tuple(node for node, _ in pairs), tuple(gap for _, gap in pairs[1:]))
    )


def _grown(nodes):
    single = nodes.filter(lambda node: not isinstance(node, Not))
    return st.one_of(_flat(And)(nodes), _flat(Or)(nodes), _thens(nodes), single.map(Not))


_WORDS = st.lists(_WORD, min_size=1, max_size=3).map(lambda words: Words(tuple(words)))
_TREES = st.recursive(_LEAVES | _WORDS, _grown, max_leaves=8)
_QUERIES = st.builds(
    Query,
    st.none() | _TREES,
    _LIMITS,
    st.booleans(),
    st.none() | _SPANS,
    _COUNTS,
    st.none() | _TIMES,
)


@given(_QUERIES)
@settings(max_examples=300, deadline=None)
def test_a_printed_query_parses_back_to_the_same_tree(query):
    assert parse(str(query)) == query


@given(st.text(max_size=80) | st.text('ab ()"-@:.|&0129ANDORTHEW', max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_text_parses_to_what_prints_the_same_or_is_refused_with_a_place(text):
    query, refused = _read(text)
    if refused is not None:
        assert 0 <= refused.position <= len(text)
        assert refused.cure
        assert refused.status == 400
    else:
        assert parse(str(query)) == query
        assert str(parse(str(query))) == str(query)


def _read(text):
    try:
        return parse(text), None
    except InvalidQuery as refused:
        return None, refused


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("cars people", "cars people"),
        ("cars AND people", "cars AND people"),
        ("cars -people dog", "cars AND NOT (people) AND dog"),
        ("a OR b AND c", "a OR b AND c"),
        ("(a OR b) c", "(a OR b) AND c"),
        ("dog THEN car", "dog THEN car WITHIN 10s"),
        ("car AFTER dog WITHIN 1m30s", "dog THEN car WITHIN 1m30s"),
        ("a THEN b WITHIN 2s THEN c", "a THEN b WITHIN 2s THEN c WITHIN 10s"),
        ("car@80 conf:>70", "car@80 conf:70"),
        ('label:"Traffic Light"@90', 'label:"Traffic Light"@90'),
        ("conf:80 a within:asset OR b", "a OR b conf:80 within:asset"),
        ("cars, people!", "cars people"),
        ("date:2026-06..", "date:2026-06.."),
        ("text:harbour file:img", '"harbour" AND file:"img"'),
        ("dur:>=90", "dur:>1m30s"),
        ("car#2 label:Dog@80#3", "car#2 AND label:Dog@80#3"),
        ('label:"C#2"', 'label:"C#2"'),
        ("car count:>2", "car count:>=3"),
        ("car#1 count:1", "car"),
        ("car join:2 owner:ME", "car AND owner:me join:2s"),
        (
            'source:"Nikon Z6" is:failed -has:boxes',
            'source:"Nikon Z6" AND is:failed AND NOT has:boxes',
        ),
        ("", ""),
        ("  ,;  ", ""),
    ],
)
def test_the_language_is_printed_in_one_form(text, canonical):
    assert str(parse(text).tree or "") in canonical
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ('cars "red', 5, "quotation mark"),
        ("((cars)", 0, "never closed"),
        ("cars)", 4, "never opened"),
        ("cars ()", 6, "nothing between"),
        ("cars AND", 8, "nothing after “AND”"),
        ("OR cars", 0, "nothing before “OR”"),
        ("cars conf:>9000", 5, "not a confidence"),
        ("cars#7", 0, "counts are 1, 2, 3, 4, 5, 10"),
        ("cars count:>=6", 5, "can't be counted"),
        ("count:many", 0, "can't be counted"),
        ("join:soon", 0, "not a length of time"),
        ("dogs is:lost", 5, "is: can't be"),
        ("owner:anna", 0, "owner: can't be"),
        ('kind:"photo"#2', 0, "no count"),
        ("car@101", 0, "not a confidence"),
        ("date:2026-13..", 0, "not a date"),
        ("date:2026-02..2025-01", 0, "ends before it begins"),
        ("kind:film", 0, "no kind"),
        ("knd:photo", 0, "kind:"),
        ("dur:fast", 0, "not a length of time"),
        ("cars WITHIN soon", 5, "WITHIN needs a time"),
        ("cars WITHIN 5s", 5, "THEN"),
        ("(cars conf:80)", 6, "whole search"),
        ("-within:asset", 1, "whole search"),
        ("conf:80 conf:90", 8, "twice"),
        ("label: Car", 0, "needs a value"),
        ('"…"', 0, "no words"),
        ("x" * (MAX_LENGTH + 1), MAX_LENGTH, "at most"),
        ("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1), MAX_DEPTH, "deep"),
        ("(" * 200, MAX_DEPTH, "deep"),
        (" OR ".join("a" for _ in range(MAX_TERMS + 1)), 5 * MAX_TERMS, "at most"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place_with_a_cure(text, position, words):
    with pytest.raises(InvalidQuery, match=words) as refused:
        parse(text)
    assert refused.value.position == position


def test_null_bytes_and_lone_surrogates_are_read_as_spaces():
    assert str(parse("cars\x00people\ud800dogs")) == "cars people dogs"
