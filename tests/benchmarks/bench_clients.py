"""Large uploads beside what they replace, and webhooks to a slow receiver."""

from __future__ import annotations

import contextlib
import http.client
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.benchmarks.importing import import_ratio
from tests.benchmarks.measure import PAIRS, Ratio, compare, met, table
from tests.benchmarks.relay import relayed

if TYPE_CHECKING:
    from medialib.client.library import Library
    from tests.servers.versitygw import Gateway

MIB = 1024**2
SIZE, SMOKE_SIZE = 1024 * MIB, 40 * MIB
HOOKS, SMOKE_HOOKS = 1_000, 20


def main(smoke: bool) -> str:
    """Measure and draw the table."""
    rows = [*_imports(smoke), *_disk(smoke), *_bucket(smoke), *_webhooks(smoke)]
    return table(rows)


def _imports(smoke: bool) -> list[tuple[str, str, str, str]]:
    ratio = import_ratio(photos=4, pairs=2) if smoke else import_ratio()
    what = "import of 500 small photos until prepared: assets per CPU second ÷ (hash + caged probe "
    what += "+ insert by hand)"
    good = "met" if ratio.middle >= 0.7 else "met within the noise"
    # More is better here: only an upper bound below the goal is a miss.
    return [(what, "≥ 0.7", str(ratio), "missed" if ratio.high < 0.7 else good)]


def _pairs(smoke: bool) -> int:
    return 1 if smoke else PAIRS


@contextlib.contextmanager
def _file(smoke: bool) -> Iterator[Path]:
    """Give a clip blown up by noise to the size wanted."""
    from tests import samples

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.mp4"
        clip = samples.clip(seconds=1.0)
        padding = (SMOKE_SIZE if smoke else SIZE) - len(clip)
        with path.open("wb") as file:
            file.write(clip + padding.to_bytes(4, "big") + b"free")
            block = os.urandom(MIB)
            for at in range(0, padding - 8, MIB):
                file.write(block[: min(MIB, padding - 8 - at)])
        yield path


def _disk(smoke: bool) -> list[tuple[str, str, str, str]]:
    from medialib.client.library import Library
    from tests import service

    with tempfile.TemporaryDirectory() as folder, _file(smoke) as path:
        limits = {"MEDIALIB_MAX_UPLOAD_BYTES": str(4 * SIZE)}
        with service.running(Path(folder), **limits) as running:
            library = Library(running.url, running.token, timeout=300)
            web = _web_process(folder)
            grown: list[float] = []

            def parts() -> float:
                before = _peak(web)
                return _sent(library, path, then=lambda: grown.append((_peak(web) - before) / MIB))

            def form() -> float:
                started = time.perf_counter()
                asset_id = _form(running.url, running.token, path)
                seconds = time.perf_counter() - started
                library.wait(asset_id)
                return seconds

            copies = _copies(library, path, Path(folder))
            ratio = compare(parts, form, pairs=_pairs(smoke))
    what = "1 GB upload in parts to disk, wall ÷ one form post of the same file"
    growth = max(grown)
    return [
        (what, "≤ 0.8", _figures(ratio), ratio.verdict(0.8)),
        ("its growth of the web process", "≤ 30 MB", f"{growth:.1f} MB", met(growth <= 30)),
        ("its room on the disk, in copies of the file", "1", f"{copies:.3f}", met(copies < 1.02)),
    ]


def _sent(library: Library, path: Path, *, then: Callable[[], None]) -> float:
    """Upload a file, look at something, and wait until it is searchable; the upload's seconds."""
    started = time.perf_counter()
    asset = library.upload(path, force=True)
    seconds = time.perf_counter() - started
    then()
    library.wait(asset["id"])
    return seconds


def _copies(library: Library, path: Path, folder: Path) -> float:
    """Upload once and give the most room that was taken meanwhile, relative to the file."""
    before = _taken(folder)
    most = [0]
    asset = library.upload(
        path, force=True, on_progress=lambda *_: most.append(_taken(folder) - before)
    )
    most.append(_taken(folder) - before)
    library.wait(asset["id"])
    return max(most) / path.stat().st_size


def _taken(folder: Path) -> int:
    """Give the bytes that a folder takes on the disk; holes in files take none."""
    taken = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            taken += path.stat().st_blocks * 512
    return taken


def _figures(ratio: Ratio) -> str:
    return f"{ratio}: {ratio.ours_seconds:.2f} s ÷ {ratio.floor_seconds:.2f} s"


def _form(url: str, token: str, path: Path) -> str:
    """Post a file as a form, as curl would; gives the asset's id."""
    import json

    head = (
        b'--mark\r\nContent-Disposition: form-data; name="file"; filename="large.mp4"\r\n'
        b"Content-Type: video/mp4\r\n\r\n"
    )
    tail = b"\r\n--mark--\r\n"
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300, blocksize=MIB)
    with contextlib.closing(connection), path.open("rb") as file:
        connection.putrequest("POST", "/api/assets/?force=true")
        connection.putheader("Authorization", f"Bearer {token}")
        connection.putheader("Content-Type", "multipart/form-data; boundary=mark")
        size = len(head) + path.stat().st_size + len(tail)
        connection.putheader("Content-Length", str(size))
        connection.endheaders(head)
        while block := file.read(MIB):
            connection.send(block)
        connection.send(tail)
        answer = connection.getresponse()
        body = json.loads(answer.read())
    assert answer.status == 201, body
    return str(body["id"])


def _web_process(folder: str) -> int:
    marker = f"MEDIALIB_DATA_DIR={folder}\0".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes()
            if b"medialib.management.web" in line and marker in (entry / "environ").read_bytes():
                return int(entry.name)
    raise LookupError("The web process is not there.")


def _peak(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise LookupError("The process tells no memory.")


def _bucket(smoke: bool) -> list[tuple[str, str, str, str]]:
    """Send presigned parts to a real S3 server; boto3's own upload beside it."""
    from medialib.client.library import Library
    from tests import service
    from tests.servers import versitygw

    what = "1 GB upload to an S3 server by presigned parts ÷ bare boto3 `upload_file`"
    if versitygw.program() is None:
        return [(what, "≤ 1.3", "no S3 server here", "not measured")]
    with (
        tempfile.TemporaryDirectory() as folder,
        _file(smoke) as path,
        versitygw.running(Path(folder) / "s3") as gateway,
    ):
        place = {"MEDIALIB_STORAGE": "s3://media/library", **gateway.environment}
        with (
            service.running(Path(folder) / "data", **place) as running,
            relayed(running.url) as door,
        ):
            library = Library(door.url, running.token, timeout=300)
            web = _web_process(str(Path(folder) / "data"))
            ratio, moved = _beside_boto3(
                library,
                gateway,
                path,
                passed=lambda: door.passed + _through_files(web),
                smoke=smoke,
            )
    share = max(moved) / (SMOKE_SIZE if smoke else SIZE)
    through = f"{max(moved) / 1024:.0f} KiB by its door and its files ({share:.4%})"
    return [
        (what, "≤ 1.3", _figures(ratio), ratio.verdict(1.3)),
        ("what passed the web process meanwhile", "calls only", through, met(share < 0.01)),
    ]


def _beside_boto3(
    library: Library, gateway: Gateway, path: Path, *, passed: Callable[[], int], smoke: bool
) -> tuple[Ratio, list[int]]:
    """Give the ratio, and the bytes that passed the web process during each of our uploads."""
    client = gateway.client()
    moved: list[int] = []

    def parts() -> float:
        before = passed()
        return _sent(library, path, then=lambda: moved.append(passed() - before))

    def bare() -> float:
        started = time.perf_counter()
        client.upload_file(str(path), "media", "bare")
        return time.perf_counter() - started

    # Amazon's library and what else is loaded once is loaded by this one.
    parts()
    moved.clear()
    ratio = compare(parts, bare, pairs=_pairs(smoke))
    client.close()
    return ratio, moved


def _through_files(process: int) -> int:
    """Give the bytes that a process has read and written so far, sockets left out (Linux)."""
    lines = dict(line.split(": ") for line in Path(f"/proc/{process}/io").read_text().splitlines())
    return int(lines["rchar"]) + int(lines["wchar"])


def _webhooks(smoke: bool) -> list[tuple[str, str, str, str]]:
    """Deliver to a receiver that takes 50 ms for each; the longest round is what a worker gives."""
    import ipaddress

    from django.conf import settings
    from django.core.management import call_command

    from medialib import assets, webhooks
    from medialib.models import Delivery, User
    from tests.receiver import receiving

    call_command("migrate", verbosity=0)
    settings.MEDIALIB_WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    owner, _ = User.objects.get_or_create(username="hooks")
    count = SMOKE_HOOKS if smoke else HOOKS
    rounds = []
    with receiving() as receiver:
        receiver.seconds = 0.05
        webhook, _ = webhooks.make(owner, url=receiver.url, types=["batch.finished"])
        for _ in range(count):
            assets.note("batch.finished", actor=owner)
        while len(receiver.calls) < count:
            started = time.perf_counter()
            webhooks.run_round()
            rounds.append(time.perf_counter() - started)
        heard = {headers["Medialib-Delivery"] for headers, _ in receiver.calls}
        once = len(receiver.calls) == len(heard) == count
    delivered = Delivery.objects.filter(webhook=webhook, state="delivered").count()
    figures = f"{delivered} delivered, each once: {once}; longest round {max(rounds):.1f} s"
    what = f"{count:,} webhook deliveries to a slow receiver (50 ms each)"
    goal = "none lost, no worker held for more than 10 s"
    good = once and delivered == count and max(rounds) < 10
    return [(what, goal, figures, met(good))]
