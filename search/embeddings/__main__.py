"""Writes the vectors of the shipped label names anew: `python -m search.embeddings`."""

import sys

from search.embeddings.nearest import write_shipped

sys.stdout.write(f"{write_shipped()} names have their vectors.\n")
