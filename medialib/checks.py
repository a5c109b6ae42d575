"""System checks: settings that can't work are named at start, each with its cure."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from medialib import storage, upload_news
from medialib.models import Asset
from search import embeddings
from search.backends import get_backend

# An OpenSearch server's address follows behind the scheme.
_SEARCH_ENGINES = ("sqlite", "opensearch+https", "opensearch+http")
# Amazon S3 takes no part below this size but the last.
_LEAST_PART_BYTES = 5 * 1024**2


@register()
def check_choices(**_: Any) -> list[CheckMessage]:
    """Name variables whose value is none of those that exist."""
    choices = {
        "MEDIALIB_LABELLING": (settings.MEDIALIB_LABELLING, tuple(settings.LABELLING_BACKENDS)),
        "MEDIALIB_SEARCH": (settings.MEDIALIB_SEARCH, _SEARCH_ENGINES),
        "MEDIALIB_DEFAULT_VISIBILITY": (
            settings.MEDIALIB_DEFAULT_VISIBILITY,
            tuple(Asset.Visibility.values),
        ),
        "MEDIALIB_MAIL_UPLOADS": (settings.MEDIALIB_MAIL_UPLOADS, upload_news.CHOICES),
    }
    return [
        Error(
            f"{name} is {value!r}, which this version does not have.",
            hint=f"Set it to one of: {', '.join(known)}.",
            id=f"medialib.E{number:03}",
        )
        for number, (name, (value, known)) in enumerate(choices.items(), start=1)
        if value not in known
    ]


@register()
def check_drops(**_: Any) -> list[CheckMessage]:
    """Places of drops that nobody would hear of, or that the library itself writes into."""
    places = settings.MEDIALIB_DROPS
    found = [
        f"MEDIALIB_DROPS holds {url!r}: places are such as s3://bucket/folder."
        for url in places
        if not url.removeprefix("s3://").strip("/") or not url.startswith("s3://")
    ]
    if bool(places) != bool(settings.MEDIALIB_DROPS_QUEUE_URL):
        found.append("MEDIALIB_DROPS and MEDIALIB_DROPS_QUEUE_URL are set together, or neither.")
    home = f"{settings.MEDIALIB_STORAGE.rstrip('/')}/"
    found += [
        f"MEDIALIB_DROPS holds {url!r}, which the library itself writes into (MEDIALIB_STORAGE)."
        for url in places
        if home.startswith(f"{url}/")
    ]
    return [Error(words, id="medialib.E012") for words in found]


@register()
def check_search(**_: Any) -> list[CheckMessage]:
    """An address of a search server that can't be read is named before anybody searches."""
    try:
        get_backend()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="medialib.E011")]
    return []


@register()
def check_embeddings(**_: Any) -> list[CheckMessage]:
    """Packages that understanding by meaning needs and that are not part of the default run."""
    if not settings.MEDIALIB_EMBEDDINGS or embeddings.is_installed():
        return []
    return [Error(embeddings.NOT_INSTALLED, id="medialib.E014")]


@register()
def check_heartbeat(**_: Any) -> list[CheckMessage]:
    """A lease that ends before its next heartbeat would be taken from a healthy worker."""
    if settings.MEDIALIB_HEARTBEAT_SECONDS * 2 < settings.MEDIALIB_LEASE_SECONDS:
        return []
    return [
        Error(
            "MEDIALIB_LEASE_SECONDS must be more than twice MEDIALIB_HEARTBEAT_SECONDS.",
            id="medialib.E010",
        )
    ]


@register()
def check_parts(**_: Any) -> list[CheckMessage]:
    """Parts that storage would refuse, when somebody has already sent them all."""
    least = 1 if storage.on_disk() else _LEAST_PART_BYTES
    if least <= settings.MEDIALIB_PART_BYTES:
        return []
    return [Error(f"MEDIALIB_PART_BYTES must be {least} or more here.", id="medialib.E013")]
