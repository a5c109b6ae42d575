"""Settings of the benches: the real ones, on a data folder that is thrown away."""

import atexit
import os
import shutil
import tempfile

if "MEDIALIB_BENCH_FOLDER" not in os.environ:
    # Processes that a bench starts share the folder of the one that made it.
    os.environ["MEDIALIB_BENCH_FOLDER"] = tempfile.mkdtemp(prefix="medialib-bench-")
    atexit.register(shutil.rmtree, os.environ["MEDIALIB_BENCH_FOLDER"], ignore_errors=True)
os.environ["MEDIALIB_DATA_DIR"] = os.environ["MEDIALIB_BENCH_FOLDER"]

from medialib.settings import *  # noqa: F403

MEDIALIB_MIN_FREE_BYTES = 0
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.benchmarks.urls"
