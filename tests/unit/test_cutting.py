"""Cutting many assets at once gives what each one's moments say, however they are parted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.backends import cutting, timeline
from search.backends.cutting_few import cut_few
from search.backends.opensearch.bodies import bodies_of
from search.backends.sqlite.labels import labels_of
from search.conditions import STEPS, counted_key
from search.documents import AssetDocument
from search.query import COUNTS
from search.ranges import union
from tests.search_oracle import score_units

ABOVE = {1: (8,), 2: (8, 9), 3: ()}


@st.composite
def documents(draw):
    kind = draw(st.sampled_from(["video", "photo"]))
    rows = []
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, 12)) * 250
        end = start + draw(st.integers(0, 6)) * 250
        sure = draw(st.sampled_from([20.0, 35.0, 64.99, 70.0, 99.5]))
        many = draw(st.sampled_from([0, 1, 2, 3, 12]))
        rows.append((draw(st.integers(1, 4)), start, end, sure, many))
    length = draw(st.integers(0, 5_000)) if kind == "video" else 0
    return AssetDocument(
        asset_id="a",
        generation=1,
        kind=kind,
        principals=frozenset(),
        duration_ms=length,
        moments=tuple(rows),
        ancestors=ABOVE,
    )


def keys_of(row):
    """Name the label, those above it, and each of them with the counts it reaches."""
    labels = (row[0], *ABOVE.get(row[0], ()))
    return {counted_key(each, n) for each in labels for n in (0, *COUNTS) if row[4] >= n}


def ranges_at(document, key, step):
    rows = [row for row in document.moments if key in keys_of(row) and row[3] >= STEPS[step]]
    if document.kind == "photo":
        return [(0, 1)] if rows else []
    return union([row[1:3] for row in rows if row[1] < row[2]])


def score(document, key):
    ranges = ranges_at(document, key, 0)
    best = max(row[3] for row in document.moments if key in keys_of(row))
    length = max([document.duration_ms, *(row[2] for row in document.moments)])
    seen = sum(end - start for start, end in ranges)
    share = seen / length if document.kind == "video" and length else 0.0
    return score_units(best=best, share=share, ranges=len(ranges))


@pytest.mark.parametrize(("moments", "bits"), [(20_000, 1 << 18), (5, 1 << 18), (20_000, 64)])
def test_every_mask_says_when_its_label_is_seen(monkeypatch, moments, bits) -> None:
    monkeypatch.setattr(cutting, "_MOMENTS_AT_ONCE", moments)
    monkeypatch.setattr(cutting, "_BITS_AT_ONCE", bits)

    @settings(max_examples=150, deadline=None)
    @given(st.lists(documents(), max_size=5))
    def check(given_ones):
        parts = list(cutting.portions(given_ones))
        assert [document for part in parts for document in part] == given_ones
        for part in parts:
            look_through(part, cutting.cut_many(part, cutting.columns(part)))
            look_through(part, cut_few(part))

    check()


def look_through(part, cut):
    plain = cut.first_counted.tolist()
    for at, document in enumerate(part):
        first, after = cut.first_label[at : at + 2].tolist()
        edges = cut.edges[slice(*cut.first_edge[at : at + 2])].tolist()
        expected = sorted(set().union(*map(keys_of, document.moments)))
        keys = cut.key[first:after].tolist()
        assert keys == expected
        assert keys[: plain[at] - first] == [key for key in expected if key < 1 << 27]
        assert cut.units[first:after].tolist() == [score(document, key) for key in keys]
        for label, key in zip(range(first, after), keys, strict=True):
            for step in range(len(STEPS)):
                value = timeline.unpack(cut.masks[label], step)
                assert timeline.ranges_of(value, edges) == ranges_at(document, key, step)
            levels = slice(*cut.first_level[label : label + 2])
            for step, many in zip(cut.step[levels], cut.ranges[levels], strict=True):
                assert many == len(ranges_at(document, key, step))


@given(st.lists(documents(), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_what_engines_keep_of_an_asset_does_not_depend_on_the_others(given_ones) -> None:
    # So many are cut in another way than each alone.
    many = given_ones * 100
    assert list(bodies_of(many)) == [next(bodies_of([each])) for each in given_ones] * 100
    alone = [labels_of(cutting.cut([each]))[0] for each in given_ones]
    assert labels_of(cutting.cut(many)) == alone * 100
    for labels, document in zip(alone, given_ones, strict=True):
        for key, _, *counts, _ in labels.rows:
            expected = [len(ranges_at(document, key, step)) for step in range(len(STEPS))]
            assert counts == expected


def test_portions_are_never_more_than_is_cut_at_once() -> None:
    row = (1, 0, 250, 90.0, 1)
    sizes = [0, 1_001, *[1_000] * 25, 30_000, 3_000, 1, *[0] * 450]
    common = {"asset_id": "a", "generation": 1, "kind": "video", "principals": frozenset()}
    given_ones = [AssetDocument(**common, moments=(row,) * size) for size in sizes]
    parts = [[len(each.moments) for each in part] for part in cutting.portions(given_ones)]
    assert [size for part in parts for size in part] == sizes
    assert all(len(part) <= 200 for part in parts)
    assert [part for part in parts if max(part) > 1_000] == [[1_001], [30_000], [3_000]]
    shared = [part for part in parts if max(part) <= 1_000]
    assert [(len(part), sum(part)) for part in shared] == [
        *[(1, 0), (20, 20_000), (5, 5_000)],
        *[(200, 1), (200, 0), (51, 0)],
    ]
