"""`python -m tests.benchmarks [--smoke] [NAME…]`: run the bench modules and print their tables.

`--smoke` only shows that they still run, on small data; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    """Run every `bench_*.py` beside this file, or those that are named."""
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--smoke", action="store_true", help="small data: do they still run?")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(known)}")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(known):
        sys.exit(f"There is no bench {', '.join(sorted(unknown))}; there are: {', '.join(known)}.")
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"
    import django

    from tests.benchmarks.measure import machine

    django.setup()
    print(f"Measured on: {machine()}" + (" (smoke: figures mean nothing)" * chosen.smoke))
    for name in chosen.names or known:
        print(f"\n### {name}", flush=True)
        print(importlib.import_module(f"tests.benchmarks.bench_{name}").main(chosen.smoke))


if __name__ == "__main__":
    main()
