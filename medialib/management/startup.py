"""What must be true before the service runs: one per data folder, a free port, tables, a login.

Starts no process; each refusal is one sentence with its cure.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from django.core.management import call_command

from labelling import vocabulary
from medialib.exceptions import SearchUnavailable
from medialib.models import User
from search import services as search

_FIRST_USER = "admin"


class CannotStart(Exception):
    """The service can't start; the sentence says why and what to do."""


class DataFolderLock:
    """Holds a data folder for one service; the system lets go of it when the process ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "service.lock"
        self._file: TextIO = self._path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(
                f"A library already runs on {folder}: {self._holder()}. Use that one, end it, "
                "or set MEDIALIB_DATA_DIR to another folder."
            ) from None
        self.note("")

    def note(self, address: str) -> None:
        """Write down who holds the folder and where it answers, for whoever comes second."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"process {os.getpid()}" + (f", {address}" if address else ""))
        self._file.flush()

    def _holder(self) -> str:
        self._file.seek(0)
        return self._file.read().strip() or "it is just starting"


def open_socket(host: str, port: int) -> socket.socket:
    """Open the listening socket of the web server, inheritable by it."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        raise CannotStart(
            f"Port {port} on {host} can't be opened ({error.strerror or error}). "
            f"Choose another one, for instance: make run PORT={port + 1}"
        ) from None
    listening.set_inheritable(True)
    return listening


def reachable(listening: socket.socket) -> tuple[str, int]:
    """Say by which host and port this machine itself reaches the socket."""
    host, port = listening.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port


def address_of(listening: socket.socket) -> str:
    """Say where a browser on this machine finds the service."""
    host, port = reachable(listening)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def prepare() -> str:
    """Bring tables, vocabulary and index up to date; changes nothing where that is done.

    Gives a sentence if something is left that a person has to do, else nothing.
    """
    call_command("migrate", verbosity=0, interactive=False)
    vocabulary.load_vocabulary()
    try:
        if search.prepare_index():
            return ""
    except SearchUnavailable as error:
        return f"{error.detail} All else works; new uploads become searchable when it is back."
    return "The search index is of another version: run `manage.py rebuild_search_index`."


@dataclass(frozen=True, slots=True)
class FirstLogin:
    """The login made for an empty library; the password is known until it has been used."""

    username: str
    password: str


def first_login(folder: Path) -> FirstLogin | None:
    """Make the first login, or find the one that nobody has used yet.

    Its password lies in a file for this account alone, and leaves with its first change.
    """
    path = folder / "first-login"
    if not User.objects.exists():
        password = secrets.token_urlsafe(9)
        _write_secret(path, f"{_FIRST_USER} {password}\n")
        User.objects.create_superuser(_FIRST_USER, password=password)
        return FirstLogin(_FIRST_USER, password)
    if not path.exists():
        return None
    username, _, password = path.read_text().strip().partition(" ")
    user = User.objects.filter(username=username).first()
    if user is None or not user.check_password(password):
        path.unlink()
        return None
    return None if user.last_login else FirstLogin(username, password)


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
