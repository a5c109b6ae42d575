"""Fetches OpenSearch once, starts it, waits until it is well, stops it. Knows nothing of search."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import require

# What the contract is kept on: the newest release, and the last one of the line before it.
NEWEST = "3.8.0.0"
OLDEST = "2.19.1.0"
_OLDEST_JAVA = 21
_POM = Path(__file__).with_name("pom.xml")
_CACHE = Path(__file__).parents[3] / ".servers"
_JAVA_HELP = (
    "Java 21 or newer is not here, which OpenSearch needs: install a JDK of that age "
    "(it is looked for in JAVA_HOME, on the PATH and under /usr/lib/jvm)."
)
_MAVEN_HELP = "Maven is not here, which brings OpenSearch for the tests: install `mvn` (maven)."
_CONFIGURATION = """
network.host: 127.0.0.1
discovery.type: single-node
action.auto_create_index: false
cluster.routing.allocation.disk.threshold_enabled: false
transport.port: {transport}
"""
# The runner takes no others.
_HTTP_PORTS = range(9_201, 9_299)
_TRANSPORT_PORTS = range(20_000, 30_000)
_OPTIONS = ("-Xms1g", "-Xmx1g", "-Dlog4j2.disable.jmx=true", "-Dio.netty.noUnsafe=true")
_MAIN = "org.codelibs.opensearch.runner.OpenSearchRunner"


@dataclass(slots=True)
class Server:
    """A server that can be stopped and started again over the same folder."""

    folder: Path
    java: Path
    library: Path
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Give its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it is well."""
        configuration = self.folder / "configuration"
        configuration.mkdir(parents=True, exist_ok=True)
        (configuration / "opensearch.yml").write_text(
            _CONFIGURATION.format(transport=_free_port(range(20_000, 30_000)))
        )
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(self.java), *_OPTIONS, "-cp", f"{self.library}/*", _MAIN),
                    *("-basePath", str(self.folder / "data"), "-confPath", str(configuration)),
                    *("-clusterName", "tests", "-numOfNode", "1"),
                    *("-baseHttpPort", str(self.port - 1)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._await_health()

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(timeout=20)
        self._process = None

    def _await_health(self) -> None:
        deadline = time.monotonic() + 120
        address = f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=5s"
        while time.monotonic() < deadline:
            # While it starts it refuses connections, then answers that it has no master yet.
            with (
                contextlib.suppress(OSError, urllib.error.URLError),
                urllib.request.urlopen(address, timeout=10) as answer,
            ):
                if json.load(answer)["status"] in ("green", "yellow"):
                    return
            assert self._process is not None
            ended = self._process.poll()
            assert ended is None, f"OpenSearch ended with {ended}: {self._last_words()}"
            threading.Event().wait(0.2)
        raise AssertionError(f"OpenSearch did not start: {self._last_words()}")

    def _last_words(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-2_000:]


@contextlib.contextmanager
def running(folder: Path, *, release: str = NEWEST) -> Iterator[Server]:
    """Serve out of a folder until the block ends; skips the test where it can't run."""
    java = _java()
    require(java, _JAVA_HELP)
    assert java is not None
    server = Server(folder, java, _library(release), _free_port(_HTTP_PORTS))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _java() -> Path | None:
    """Find a Java that is new enough."""
    home = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    found = [Path(home) / "bin" / "java"] if home else []
    found += [Path(on_path)] if on_path else []
    found += sorted(Path("/usr/lib/jvm").glob("*/bin/java"), reverse=True)
    return next((java for java in found if java.is_file() and _age(java) >= _OLDEST_JAVA), None)


def _age(java: Path) -> int:
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    return int(version[1]) if version else 0


def _library(release: str) -> Path:
    """Give the folder of a server's files; Maven fills it once for every release."""
    library = _CACHE / f"opensearch-{release}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "opensearch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.is_dir():
            _fetch(library, release)
    return library


def _fetch(library: Path, release: str) -> None:
    maven = shutil.which("mvn")
    require(maven, _MAVEN_HELP)
    half = library.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={half}")
    fetched = subprocess.run(
        [str(maven), "-B", "-q", "-f", str(_POM), f"-Drunner={release}", *goal],
        capture_output=True,
        text=True,
        check=False,
    )
    require(
        fetched.returncode == 0,
        f"Maven could not fetch OpenSearch: {(fetched.stdout + fetched.stderr)[-800:]}",
    )
    half.rename(library)


def _free_port(ports: range) -> int:
    for port in random.SystemRandom().sample(ports, len(ports)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("No free port was found.")
