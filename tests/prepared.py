"""A data folder as a first start leaves it, made once and copied: tables, vocabulary, login, token.

Making it takes a process some seconds, and many tests start a service. `serve` itself looks at a
copy as at any folder that it finds, and brings it up to date. Asserts nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PLACES = ROOT / ".pytest_cache"
_BEGIN = """
from django.conf import settings
from django.core.management import call_command
from medialib.management import startup
startup.prepare()
startup.first_login(settings.MEDIALIB_DATA_DIR)
call_command("create_token", "admin", "--scopes", "{scopes}")
"""
SCOPES = "read,upload,edit,analyse"


def copy_to(folder: Path, environment: Mapping[str, str]) -> str:
    """Fill an empty data folder; gives the token that the first person has there."""
    made = kept("prepared", _key(), lambda place: _make(place, environment))
    shutil.copytree(made / "data", folder, dirs_exist_ok=True)
    return (made / "token").read_text()


def kept(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """Give the folder of a kind and key with what was made in it, by the first who asked.

    It has an empty folder `data` to begin with. What was made under an older key goes.
    """
    place = _PLACES / kind
    place.mkdir(parents=True, exist_ok=True)
    made = place / key
    # Several processes test at a time: one makes it, the others wait.
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "done").exists():
            for old in place.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            (made / "data").mkdir(parents=True)
            make(made)
            (made / "done").touch()
    return made


def _key() -> str:
    """Name it after the tables that it has."""
    digest = hashlib.sha256()
    for path in sorted(ROOT.glob("*/migrations/*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _make(made: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", _BEGIN.format(scopes=SCOPES)],
        cwd=ROOT,
        env={**environment, "MEDIALIB_DATA_DIR": str(made / "data")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (made / "token").write_text(done.stdout.split()[-1])
