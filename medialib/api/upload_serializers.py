"""What goes in and out of the part protocol, described with units and ranges. No logic."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medialib.api.serializers import SaidSerializer
from medialib.models import Upload

MAX_NUMBERS = 100


class UploadCreateSerializer(SaidSerializer):
    """A file that is to come in parts, and what is said of it."""

    filename = serializers.CharField(max_length=1000, help_text="The file's own name.")
    size = serializers.IntegerField(
        min_value=0, max_value=2**50, help_text="Size of the whole file in bytes."
    )
    content_type = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="What the client takes it for; what is neither video nor photo is refused.",
    )
    sha256 = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=64,
        help_text="SHA-256 of the whole file, hex; then a file you have is refused at once, "
        "and the bytes that arrive are checked against it.",
    )
    fingerprint = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=64,
        help_text="SHA-256, hex, of the size in decimal digits followed by the first MiB and the "
        "last MiB of the file; a file you have is refused at once.",
    )
    batch = serializers.UUIDField(
        required=False, help_text="An id of your choice for files that belong together."
    )


class UploadSerializer(serializers.Serializer[Any]):
    """A file on its way in, part by part."""

    id = serializers.UUIDField(help_text="Id of the upload; its asset will have the same.")
    state = serializers.ChoiceField(Upload.State.choices, help_text="Where it stands.")
    filename = serializers.CharField(help_text="The file's own name, as text.")
    size = serializers.IntegerField(help_text="Size of the whole file in bytes.")
    fingerprint = serializers.CharField(help_text="As it was announced, or empty.")
    part_size = serializers.IntegerField(
        help_text="Size of each part in bytes; the last one is what is left."
    )
    part_count = serializers.IntegerField(help_text="Number of parts, counted from 1.")
    arrived = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Numbers of the parts that are there, as storage says.",
    )
    arrived_bytes = serializers.IntegerField(help_text="Bytes in the parts that are there.")
    expires_at = serializers.DateTimeField(
        help_text="When it is given up if nobody asks for addresses any more (UTC)."
    )
    asset_url = serializers.URLField(allow_null=True, help_text="Its asset, once it is complete.")


class PartNumbersSerializer(serializers.Serializer[Any]):
    """The parts that are to be sent next."""

    numbers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10_000),
        min_length=1,
        max_length=MAX_NUMBERS,
        help_text="Up to 100 numbers of parts, counted from 1.",
    )


class PartAddressSerializer(serializers.Serializer[Any]):
    """Where one part goes; the address takes this part and no other size, for an hour."""

    number = serializers.IntegerField(help_text="Number of the part.")
    url = serializers.URLField(help_text="Where its bytes are PUT; needs no token.")
    size = serializers.IntegerField(help_text="Size of the part in bytes.")
    headers = serializers.DictField(
        child=serializers.CharField(), help_text="Headers to send along."
    )


class UploadFilterSerializer(serializers.Serializer[Any]):
    """Filters of the list of uploads."""

    fingerprint = serializers.CharField(
        required=False, max_length=64, help_text="Only those announced with this fingerprint."
    )
