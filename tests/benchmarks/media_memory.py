"""What a process's memory comes to while it serves or prepares a large file; run as a child.

`python -m tests.benchmarks.media_memory wsgi|asgi|worker ASSET` prints the peak's growth in bytes.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
from typing import Any

from tests.benchmarks.measure import peak_rss_bytes


def wsgi(asset_id: str) -> None:
    """Send the whole original as a WSGI server would: chunk by chunk."""
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": f"/media/{asset_id}/playback",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
        "QUERY_STRING": "",
    }
    said: list[str] = []
    body = application(environ, lambda status, headers: said.append(status))
    _check(said[0].startswith("200"), sum(map(len, body)))


def asgi(asset_id: str) -> None:
    """Send it as an ASGI server would."""
    asyncio.run(_asgi(asset_id))


async def _asgi(asset_id: str) -> None:
    from django.core.asgi import get_asgi_application

    application = get_asgi_application()
    path = f"/media/{asset_id}/playback"
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "server": ("localhost", 80),
        "scheme": "http",
    }
    asked, sent, statuses = [], [0], []

    async def receive() -> dict[str, Any]:
        if asked:
            await asyncio.sleep(3600)
        asked.append(1)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        else:
            sent[0] += len(message.get("body", b""))

    await application(scope, receive, send)
    _check(statuses == [200], sent[0])


def _check(fine: bool, count: int) -> None:
    assert fine, "The file was not sent."
    assert count == int(os.environ["MEDIALIB_BENCH_SIZE"]), count


def worker(asset_id: str) -> None:
    """Prepare the asset, and convert it where it has to be."""
    from medialib import preparing
    from medialib.models import Asset

    asset = Asset.objects.get(pk=asset_id)
    if preparing.prepare(asset):
        preparing.convert(asset, report=lambda progress, detail: None, cancelled=lambda: False)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"
    import django

    django.setup()
    import medialib.pipeline
    import medialib.urls  # noqa: F401
    from medialib.models import User

    User.objects.count()
    idle = peak_rss_bytes()
    {"wsgi": wsgi, "asgi": asgi, "worker": worker}[sys.argv[1]](sys.argv[2])
    print(peak_rss_bytes() - idle)
