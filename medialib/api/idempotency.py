"""`Idempotency-Key`: a creating call that is repeated is answered again, not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from medialib.exceptions import Conflict, Refused
from medialib.http.authentication import signed_in
from medialib.http.rendering import AnswerRenderer
from medialib.models import KeptAnswer
from medialib.undo import on_failure

HEADER = "Idempotency-Key"
PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="A key of your choice, up to 100 characters: repeated within 24 hours, the call "
    "is not done again but answered again, with `Idempotency-Replayed: true`.",
)
PROBLEM_STATUSES = {
    "409": "A call with this Idempotency-Key is still going on",
    "422": "This Idempotency-Key was used for another call",
}
_MAX = 100
# A call that has not ended by then was lost with its process.
_LOST_AFTER = timedelta(minutes=15)

Method = Callable[..., Response]


def idempotent(method: Method) -> Method:
    """Make a view's creating method repeatable with a key; without one nothing changes."""

    @wraps(method)
    def answer(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER, "")
        if not key:
            return method(self, request, *args, **kwargs)
        if len(key) > _MAX or not key.isprintable():
            raise Refused(f"{HEADER} has up to {_MAX} printable characters.", code="invalid")
        kept, is_new = _claim(request, key)
        if not is_new:
            return _replay(kept)
        # If nothing is made, the same key may try again.
        with on_failure(kept.delete):
            response = method(self, request, *args, **kwargs)
        kept.status = response.status_code
        kept.body = AnswerRenderer().render(response.data).decode()
        kept.location = response.headers.get("Location", "")
        kept.save(update_fields=["status", "body", "location"])
        return response

    # Read by the schema.
    answer.problem_statuses = PROBLEM_STATUSES  # type: ignore[attr-defined]
    return answer


def _claim(request: Request, key: str) -> tuple[KeptAnswer, bool]:
    user = signed_in(request)
    call = _call_of(request)
    now = timezone.now()
    old = KeptAnswer.objects.filter(user=user, key=key)
    old.filter(created_at__lt=now - timedelta(hours=settings.MEDIALIB_IDEMPOTENCY_HOURS)).delete()
    old.filter(status=0, created_at__lt=now - _LOST_AFTER).delete()
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(user=user, key=key, call=call), True
    except IntegrityError:
        kept = old.first()
    if kept is None or not kept.status:
        raise Conflict("The call with this Idempotency-Key is still going on.")
    if kept.call != call:
        raise Refused(
            "This Idempotency-Key was used for another call.", code="idempotency_key_reused"
        )
    return kept, False


def _call_of(request: Request) -> str:
    """Tell calls apart: by address and body, or by the names and sizes of what a form sends."""
    said: list[Any] = [request.method, request.get_full_path()]
    if isinstance(request.data, QueryDict):
        said += [(name, request.data.getlist(name)) for name in sorted(request.data)]
        said = json.loads(json.dumps(said, default=lambda file: [file.name, file.size]))
    else:
        said.append(request.data)
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _replay(kept: KeptAnswer) -> Response:
    headers = {"Idempotency-Replayed": "true"}
    if kept.location:
        headers["Location"] = kept.location
    return Response(json.loads(kept.body), status=kept.status, headers=headers)


def forget_old_answers() -> int:
    """Remove answers whose day is over; returns how many."""
    before = timezone.now() - timedelta(hours=settings.MEDIALIB_IDEMPOTENCY_HOURS)
    return KeptAnswer.objects.filter(created_at__lt=before).delete()[0]
