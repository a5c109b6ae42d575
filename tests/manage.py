"""Runs the project's commands in processes of their own, on a database and a folder of a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.service import ROOT


class Manage:
    """`manage.py` on one database; nobody listens to its queue."""

    def __init__(self, database: str, folder: Path) -> None:
        self.environment = {
            **os.environ,
            "DATABASE_URL": database,
            "MEDIALIB_DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "medialib.settings",
            "CELERY_BROKER_URL": "memory://",
            "PYTHONUNBUFFERED": "1",
        }

    def __call__(self, *arguments: str) -> str:
        """Run a command to its good end; gives what it printed."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert "Traceback" not in err, err
        return out

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command whose output the test reads."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
