"""The time of assets, cut, and what is seen between the cuts, in columns. Says what, not how."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cut:
    """Some assets, cut at every start and end of a moment (see timeline.py).

    Labels stand in order of asset and `Seen.key`; a level of a label is a confidence step at which
    something changes: the highest at which its mask holds. Each `first_…` says where what belongs
    to an asset or a label begins, and last of all where everything ends.
    """

    # In milliseconds.
    edges: Numbers
    first_edge: Numbers
    # Of each label its key and its score in units.
    key: Numbers
    units: Numbers
    first_label: Numbers
    # Of each asset: the first of the labels that were seen several times at once.
    first_counted: Numbers
    # Of each level its step and how many ranges its mask has.
    step: Numbers
    ranges: Numbers
    first_level: Numbers
    # Of each label its masks, as timeline.unpack reads them.
    masks: list[bytes]

    def packed_edges(self) -> list[bytes]:
        """Write the cuts of each asset as stored: timeline.unpack_edges reads them."""
        edges = self.edges.astype("<i8")
        return [edges[begin:end].tobytes() for begin, end in pairwise(self.first_edge.tolist())]
