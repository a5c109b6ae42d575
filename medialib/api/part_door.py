"""Takes parts of uploads off the wire under ASGI, straight into their place in the file.

Django's own ASGI door first collects every body in a temporary file; here a part is written as
it comes. The signed address is all that is asked for, so no session and no database are needed.
Under WSGI, `medialib.api.uploads.PartView` does the same.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from medialib.exceptions import MedialibError, Refused
from medialib.http.problems import CONTENT_TYPE, handle
from medialib.part_files import PartWriter, Ticket

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_PATH = re.compile(r"/api/uploads/([0-9a-f-]{36})/parts/([0-9]{1,5})/")
_ENOUGH = 1024 * 1024


class PartDoor:
    """Lets PUTs of parts in by itself and leaves everything else to the application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = None
        if scope["type"] == "http" and scope["method"] == "PUT":
            found = _PATH.fullmatch(scope["path"])
        if found is None:
            await self._application(scope, receive, send)
            return
        try:
            await _take(scope, receive, upload=found[1], number=int(found[2]))
        except MedialibError as error:
            answer = await asyncio.to_thread(handle, error, {})
            assert answer is not None, "our own errors have answers"
            await _drain(receive, scope)
            await _answer(send, answer.status_code, json.dumps(answer.data).encode())
        else:
            await _answer(send, 204, b"")


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def _take(scope: Scope, receive: Receive, *, upload: str, number: int) -> None:
    headers = _headers(scope)
    query = parse_qs(scope["query_string"].decode("latin-1"))
    text = headers.get("content-length", "")
    ticket = Ticket.read(query.get("ticket", [""])[0], upload=upload, number=number)
    length = int(text) if text.isdigit() else None
    with PartWriter(ticket, length=length, digest=headers.get("content-digest", "")) as part:
        waiting = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused("The connection broke: send it again.", code="broken")
            waiting += message.get("body", b"")
            more = message.get("more_body", False)
            if waiting and (len(waiting) >= _ENOUGH or not more):
                # Writing may wait for the disk, and the loop serves everybody.
                await asyncio.to_thread(part.write, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(part.finish)


async def _drain(receive: Receive, scope: Scope) -> None:
    """Read what is still coming, so that the sender gets to the answer; not without end."""
    left = 64 * _ENOUGH
    if "content-length" not in _headers(scope):
        return
    while left > 0:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
        left -= len(message.get("body", b""))


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    if body:
        headers.append((b"content-type", CONTENT_TYPE.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
