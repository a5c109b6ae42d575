"""Tells whether a call of a webhook is the library's own and new. Standard library only."""

from __future__ import annotations

import hashlib
import hmac
import time

TOLERANCE_SECONDS = 300.0


class WrongSignature(ValueError):
    """This call is not to be believed."""


def verify_webhook(
    body: bytes,
    header: str | None,
    secret: str,
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> None:
    """Raise WrongSignature unless the library sent these very bytes within `tolerance` seconds.

    `header` is `Medialib-Signature` (`t=<seconds since 1970>,v1=<hex>`), `secret` what was shown
    when the webhook was made, `body` the bytes as they came, not what was parsed of them. A call
    that somebody recorded and sends again is refused once it is older than that; within that time
    `Medialib-Delivery` tells a repeated one. `now` is the present moment, for tests.
    """
    parts = [part.strip().partition("=") for part in (header or "").split(",")]
    moments = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if len(moments) != 1 or not given:
        raise WrongSignature("The header Medialib-Signature is missing or can't be read.")
    [moment] = moments
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 12):
        raise WrongSignature("The signature's time can't be read.")
    # The time is signed, too, so it is looked at only once the signature holds.
    signed = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    matches = [hmac.compare_digest(signed.encode(), value.encode()) for value in given]
    if not any(matches):
        raise WrongSignature("The signature is not that of this body and secret.")
    if abs((time.time() if now is None else now) - int(moment)) > tolerance:
        raise WrongSignature("The call is too old (or a clock is wrong): it may be a replay.")
