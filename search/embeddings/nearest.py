"""Finds the labels nearest in meaning to a word. Decides nothing: search/reader.py does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelling.taxonomy import Vocabulary
from search.embeddings import minilm
from search.embeddings.minilm import Vectors

# The vectors of the names that are shipped; `python -m search.embeddings` writes them.
SHIPPED = Path(__file__).with_name("labels.npz")
_MOST = 3


@dataclass(frozen=True, slots=True)
class Near:
    """A label's name, and how near it is: the cosine of the angle between the vectors."""

    name: str
    cosine: float


@dataclass(frozen=True, slots=True)
class _Names:
    version: str
    names: tuple[str, ...]
    vectors: Vectors


# Those of the vocabulary asked for last.
_kept: list[_Names] = []


def nearest(word: str, vocabulary: Vocabulary) -> Sequence[Near]:
    """List the labels nearest to a word, nearest first; hidden ones are left out.

    Raises minilm.NoWeights. The first call in a process loads the network: about a second.
    """
    network = minilm.load()
    known = _names_of(vocabulary)
    likeness = known.vectors @ network.embed([word])[0]
    best = np.argsort(-likeness)[:_MOST]
    return [Near(known.names[place], float(likeness[place])) for place in best]


def _names_of(vocabulary: Vocabulary) -> _Names:
    if not _kept or _kept[0].version != vocabulary.version:
        names = tuple(
            name for label, name in vocabulary.names.items() if label not in vocabulary.hidden
        )
        _kept[:] = [_Names(vocabulary.version, names, _vectors_of(names))]
    return _kept[0]


def _vectors_of(names: Sequence[str]) -> Vectors:
    """Give the vectors of names; only those that are not shipped are worked out."""
    with np.load(SHIPPED, allow_pickle=False) as shipped:
        places = {name: place for place, name in enumerate(shipped["names"].tolist())}
        held = shipped["vectors"].astype(np.float32)
    fresh = [name for name in names if name not in places]
    vectors = np.vstack([held, minilm.load().embed(fresh)]) if fresh else held
    places |= {name: len(held) + place for place, name in enumerate(fresh)}
    return np.ascontiguousarray(vectors[[places[name] for name in names]])


def write_shipped() -> int:
    """Work out the vectors of all names that are shipped and keep them; give their number."""
    names = list(Vocabulary.from_csv().names.values())
    vectors = minilm.load().embed(names).astype(np.float16)
    np.savez_compressed(SHIPPED, names=np.array(names), vectors=vectors)
    return len(names)
