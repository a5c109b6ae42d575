"""`manage.py serve`: the whole service on this machine in one supervised command."""

from __future__ import annotations

import http.client
import logging
import socket
import sys
import threading
import time
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError

from medialib import demo, pulses, steps
from medialib.management import startup
from medialib.management.supervisor import Part, Supervisor

log = logging.getLogger(__name__)
_WORKERS = {"heavy": 1, "light": 2}
_READY_SECONDS = 90
# Being root is the container's business, and a complaint at each start helps nobody.
_NO_ROOT_WARNING = "ignore:You're running the worker with superuser privileges"


class Command(BaseCommand):
    help = "Run the whole library here: web server, two workers, scheduler. Ctrl-C ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the address to listen on."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", default=8000, type=int, help="port to listen on; 0 picks one")
        parser.add_argument("--no-demo", action="store_true", help="leave an empty library empty")

    def handle(self, **options: Any) -> None:
        """Refuse with one sentence, or serve until told to stop."""
        try:
            self._serve(options["host"], options["port"], demo_wanted=not options["no_demo"])
        except startup.CannotStart as reason:
            sys.exit(str(reason))
        except KeyboardInterrupt:
            sys.exit(130)

    def _serve(self, host: str, port: int, *, demo_wanted: bool) -> None:
        folder: Path = settings.MEDIALIB_DATA_DIR
        lock = startup.DataFolderLock(folder)
        with startup.open_socket(host, port) as listening:
            address = startup.address_of(listening)
            lock.note(address)
            if left := startup.prepare():
                self._say(left)
            login = startup.first_login(folder)
            for worker in _WORKERS:
                _release_worker(worker, died=False)
            pulses.forget()
            supervisor = Supervisor(
                folder=settings.BASE_DIR, say=self._say, on_death=_release_worker
            )
            supervisor.start(_web_server(listening))

            def go_on(trouble: str) -> None:
                # The first page is what a person waits for: the others start behind it.
                for part in (*_BEHIND, *_listeners()):
                    supervisor.start(part)
                if trouble:
                    self._say(trouble)
                else:
                    self._greet(address, login)
                if demo_wanted and demo.is_wanted():
                    self._say("The demo library is being added in the background.")
                    supervisor.start(Part("demo filler", "django", ("fill_demo",), once=True))

            threading.Thread(
                target=lambda: supervisor.call(partial(go_on, _await_answer(listening))),
                daemon=True,
            ).start()
            supervisor.run()
        self._say("The library has ended.")

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    def _greet(self, address: str, login: startup.FirstLogin | None) -> None:
        self._say(f"\n  Your library: {address}")
        if login is not None:
            self._say(f"  Sign in as:   {login.username}   password: {login.password}")
            self._say(
                f"  (kept in {settings.MEDIALIB_DATA_DIR / 'first-login'} until you change it)"
            )
        self._say("  Ctrl-C ends it.\n")


def _web_server(listening: socket.socket) -> Part:
    number = listening.fileno()
    return Part("web server", "medialib.management.web", (str(number),), inherits=(number,))


def _worker(name: str, threads: int) -> Part:
    lean = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--pool", "threads")
    return Part(
        f"{name} worker",
        "celery",
        (
            *(*_CELERY, "worker", *_QUIET, *lean, "--queues", name),
            *("--concurrency", str(threads), "--hostname", f"{name}@%h"),
        ),
        environment={"MEDIALIB_WORKER_NAME": name, "PYTHONWARNINGS": _NO_ROOT_WARNING},
    )


_CELERY = ("-A", "medialib", "--quiet")
_QUIET = ("--loglevel", "WARNING")
_BEHIND = (
    *(_worker(name, threads) for name, threads in _WORKERS.items()),
    Part("scheduler", "celery", (*_CELERY, "beat", *_QUIET)),
)


def _listeners() -> tuple[Part, ...]:
    """Give the readers of those queues that there are."""
    queues = {
        "notices": settings.MEDIALIB_NOTICES_QUEUE_URL,
        "drops": settings.MEDIALIB_DROPS_QUEUE_URL,
    }
    return tuple(
        Part(f"reader of {name}", "django", (f"read_{name}",))
        for name, url in queues.items()
        if url
    )


def _release_worker(part: str, *, died: bool = True) -> None:
    """Let others take over at once what a dead worker was doing."""
    worker = part.removesuffix(" worker")
    if worker not in _WORKERS:
        return
    try:
        steps.release_worker(worker, died=died)
    except DatabaseError as error:
        # Nothing is lost: its leases end by themselves within a minute.
        log.warning("The steps of the %s worker wait for their leases to end: %s", worker, error)


def _await_answer(listening: socket.socket) -> str:
    """Wait until the web server answers; gives a sentence if it does not as it should.

    The open socket makes this wait instead of poll.
    """
    deadline = time.monotonic() + _READY_SECONDS
    host, port = startup.reachable(listening)
    while (left := deadline - time.monotonic()) > 0:
        connection = http.client.HTTPConnection(host, port, timeout=left)
        try:
            connection.request("GET", "/healthz", headers={"Host": "localhost"})
            status = connection.getresponse().status
        except (ConnectionError, http.client.HTTPException):
            # That web process died over it; the next one is already on its way.
            continue
        except OSError:
            break
        finally:
            connection.close()
        if status == http.client.OK:
            return ""
        return f"The web server answers with an error ({status}); the lines above say why."
    return f"The web server has not answered within {_READY_SECONDS} s."
