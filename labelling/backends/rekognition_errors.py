"""Translates Rekognition's errors, once, into few of ours: each says what to do. Calls nothing."""

from __future__ import annotations

import re

from labelling.backends.base import PagesLost
from medialib.exceptions import MedialibError, StepFailed, Wait

_THROTTLED_SECONDS = 15.0
_AWAY_SECONDS = 30.0
_QUOTA_SECONDS = 30.0
_CREDENTIALS_SECONDS = 300.0


class Throttled(Wait):
    """The provider asks for patience: the same call is made again later."""


class QuotaFull(Wait):
    """The account runs as many jobs as it may: the place is kept, the call made again later."""


class MediaRefused(StepFailed):
    """The provider can't take this file: final, with what to do."""


class NotPermitted(StepFailed):
    """The credentials don't allow it: final until somebody allows it."""


class RunGone(StepFailed):
    """The run's results are not kept any more."""


class RunFailed(StepFailed):
    """The provider gave up on it; the sentence holds its own words."""


_THROTTLING = frozenset(
    (
        "ThrottlingException",
        "Throttling",
        "ProvisionedThroughputExceededException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "SlowDown",
    )
)
_AWAY = frozenset(("InternalServerError", "ServiceUnavailable", "ServiceUnavailableException"))
_FORBIDDEN = frozenset(("AccessDeniedException", "AccessDenied", "UnauthorizedOperation"))
_UNKNOWN_CALLER = frozenset(
    (
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "InvalidClientTokenId",
        "MissingAuthenticationTokenException",
        "IncompleteSignatureException",
    )
)
_EXPIRED = frozenset(("ExpiredTokenException", "ExpiredToken", "RequestExpired"))
_MEDIA = {
    "VideoTooLargeException": (
        "video_too_large",
        "Rekognition takes videos of up to 10 GB and 6 hours; this one is larger. "
        "Cut it into parts, or label it here (backend “local”).",
    ),
    "ImageTooLargeException": (
        "image_too_large",
        "This picture is larger than Rekognition takes (5 MB as bytes, 15 MB in a bucket, "
        "10,000 pixels a side). Label it here (backend “local”).",
    ),
    "InvalidImageFormatException": (
        "image_format",
        "Rekognition can't read this picture: it takes JPEG and PNG only. "
        "Label it here (backend “local”).",
    ),
}


def translate(
    code: str, message: str, *, operation: str, region: str, status: int = 400
) -> MedialibError:
    """Give the error of ours for an answer of the provider that is an error."""
    if code in _THROTTLING:
        words = "Rekognition asks to go slower; it is tried again by itself."
        return Throttled("provider", seconds=_THROTTLED_SECONDS, detail=words)
    if code == "LimitExceededException":
        words = "The account runs as many Rekognition jobs as it may; waiting for one to end."
        return QuotaFull("slot", seconds=_QUOTA_SECONDS, detail=words)
    if code in _AWAY or status >= 500:
        return away("Rekognition has trouble of its own; it is tried again by itself.")
    if code in _EXPIRED:
        words = "The credentials for Amazon have expired; it goes on once there are new ones."
        return Throttled("provider", seconds=_CREDENTIALS_SECONDS, detail=words)
    if code == "InvalidPaginationTokenException":
        return PagesLost()
    return _final(code, message, operation=operation, region=region)


def away(sentence: str) -> Throttled:
    """Make the error for a provider that can't be reached."""
    return Throttled("provider", seconds=_AWAY_SECONDS, detail=sentence)


def _final(code: str, message: str, *, operation: str, region: str) -> StepFailed:
    if code in _MEDIA:
        reason, sentence = _MEDIA[code]
        return MediaRefused(sentence, code=reason)
    if code == "InvalidS3ObjectException":
        return MediaRefused(
            f"Rekognition can't read this file in its bucket. The bucket must be in the region "
            f"{region}, and the credentials must allow s3:GetObject (and kms:Decrypt if it is "
            "encrypted by a key of yours).",
            code="media_unreachable",
        )
    if code in _FORBIDDEN:
        return _not_permitted(message, operation=operation)
    if code in _UNKNOWN_CALLER:
        return NotPermitted(
            "Amazon does not know these credentials: set ones that are valid, then try again.",
            code="not_permitted",
        )
    if code == "ResourceNotFoundException":
        return RunGone(
            "Rekognition has no results of this run any more: it keeps them for 7 days. "
            "Label it again.",
            code="run_gone",
        )
    return StepFailed(
        f"Rekognition did not take the request ({code}): {_words(message)}", code="request_refused"
    )


def _not_permitted(message: str, *, operation: str) -> NotPermitted:
    """Name the permission that is missing: the one the provider names, else the call's own."""
    named = re.search(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)", message)
    permission = named.group(1) if named else f"rekognition:{operation}"
    return NotPermitted(
        f"The credentials for Amazon lack the permission {permission}: allow it "
        "(`manage.py iam_policy` prints what is needed), then try again.",
        code="not_permitted",
    )


def run_failed(message: str) -> RunFailed:
    """Make the error for a job that ended as FAILED."""
    return RunFailed(f"Rekognition could not label this: {_words(message)}", code="run_failed")


def _words(message: str) -> str:
    """Pass the provider's words on, on one line and without account numbers."""
    line = " ".join(message.split())[:200]
    words = re.sub(r"\b\d{12}\b", "…", line) or "no reason given"
    return words if words.endswith((".", "!", "?")) else f"{words}."
