"""Uploads in parts as storage sees them, the same on disk and in a bucket. Knows no models.

On disk the parts come to us; in a bucket they go straight there, and its own list of parts is
the truth about what has arrived.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from medialib import part_files, storage
from medialib.exceptions import Conflict, Missing, Refused

MAX_PARTS = 10_000
ADDRESS_SECONDS = part_files.TICKET_SECONDS


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file of `size` bytes is cut; parts are numbered from 1, only the last is shorter."""

    upload: str
    name: str
    size: int
    part_size: int
    provider_id: str = ""

    @property
    def count(self) -> int:
        """Number of parts."""
        return -(-self.size // self.part_size)

    def size_of(self, number: int) -> int:
        """Size of a part in bytes, or Refused when there is no such part."""
        if not 1 <= number <= self.count:
            raise Refused(
                f"There is no part {number}: this upload has parts 1 to {self.count}.",
                code="no_such_part",
                field="numbers",
            )
        return min(self.part_size, self.size - self.offset_of(number))

    def offset_of(self, number: int) -> int:
        """First byte of a part."""
        return (number - 1) * self.part_size


def part_size_for(size: int) -> int:
    """Choose a part size that keeps a file of `size` bytes within the number of parts allowed."""
    chosen: int = settings.MEDIALIB_PART_BYTES
    while chosen * MAX_PARTS < size:
        chosen *= 2
    return chosen


def begin(plan: Plan) -> str:
    """Make room for an upload; returns the bucket's own id of it ("" on disk)."""
    if storage.on_disk():
        part_files.begin(plan.upload, size=plan.size, count=plan.count)
        return ""
    client, call = storage.bucket_call(plan.name)
    with storage.translated(plan.name):
        answer = client.create_multipart_upload(**call, ContentType="application/octet-stream")
    return str(answer["UploadId"])


def address(plan: Plan, number: int) -> str | None:
    """Give a presigned address that takes this part and no other size; None on disk."""
    size = plan.size_of(number)
    if storage.on_disk():
        return None
    client, call = storage.bucket_call(plan.name)
    part = {"UploadId": plan.provider_id, "PartNumber": number, "ContentLength": size}
    return str(
        client.generate_presigned_url(
            "upload_part", Params={**call, **part}, ExpiresIn=ADDRESS_SECONDS
        )
    )


def ticket(plan: Plan, number: int) -> str:
    """Give the signed right to send this part to our own address, on disk."""
    size = plan.size_of(number)
    return part_files.Ticket(plan.upload, number, plan.offset_of(number), size).sign()


def arrived(plan: Plan) -> list[int]:
    """List the parts that have arrived with the right size. Raises Missing when it has ended."""
    if storage.on_disk():
        return part_files.arrived(plan.upload)
    return [part["PartNumber"] for part in _bucket_parts(plan) if _fits(plan, part)]


def _fits(plan: Plan, part: dict[str, Any]) -> bool:
    number: int = part["PartNumber"]
    return number <= plan.count and plan.size_of(number) == int(part["Size"])


def _bucket_parts(plan: Plan) -> Iterator[dict[str, Any]]:
    client, call = storage.bucket_call(plan.name)
    with storage.translated(plan.name):
        pages = client.get_paginator("list_parts").paginate(**call, UploadId=plan.provider_id)
        for page in pages:
            yield from page.get("Parts", ())


def finish(plan: Plan) -> None:
    """Put the whole file under its final name, without a second copy of it.

    Safe to repeat after a break in the middle. Raises Conflict while parts are missing.
    """
    try:
        _join(plan)
    except Missing:
        # It was joined already, and the process ended before it could say so.
        if not storage.exists(plan.name) or storage.size_of(plan.name) != plan.size:
            raise


def _join(plan: Plan) -> None:
    missing = sorted(set(range(1, plan.count + 1)) - set(arrived(plan)))
    if missing:
        first = ", ".join(map(str, missing[:10]))
        raise Conflict(f"{len(missing)} of {plan.count} parts have not arrived: {first}.")
    if storage.on_disk():
        part_files.finish(plan.upload, plan.name)
        return
    whole = [
        {"PartNumber": part["PartNumber"], "ETag": part["ETag"]}
        for part in _bucket_parts(plan)
        if _fits(plan, part)
    ]
    client, call = storage.bucket_call(plan.name)
    with storage.translated(plan.name):
        client.complete_multipart_upload(
            **call, UploadId=plan.provider_id, MultipartUpload={"Parts": whole}
        )


def head(plan: Plan, length: int) -> bytes:
    """Give the first bytes of a finished upload."""
    return storage.read_range(plan.name, 0, min(length, plan.size))


def discard(plan: Plan) -> None:
    """Remove what has arrived, also of an upload that was finished but never became an asset."""
    if storage.on_disk():
        part_files.discard(plan.upload)
    elif plan.provider_id:
        _abort(plan.name, plan.provider_id)
    storage.delete(plan.name)


def _abort(name: str, provider_id: str) -> None:
    client, call = storage.bucket_call(name)
    try:
        with storage.translated(name):
            client.abort_multipart_upload(**call, UploadId=provider_id)
    except Missing:
        return


def sweep(*, known: set[str], older_than: datetime) -> int:
    """Remove unfinished uploads that no row names (a crash left them); returns how many.

    `known` holds the upload ids on disk, the bucket's own ids in a bucket.
    """
    if storage.on_disk():
        lost = [
            upload
            for upload, changed in part_files.uploads_there()
            if upload not in known and changed < older_than.timestamp()
        ]
        for upload in lost:
            part_files.discard(upload)
        return len(lost)
    return _sweep_bucket(known, older_than)


def _sweep_bucket(known: set[str], older_than: datetime) -> int:
    client, call = storage.bucket_call("assets")
    removed = 0
    with storage.translated("assets"):
        pages = client.get_paginator("list_multipart_uploads").paginate(
            Bucket=call["Bucket"], Prefix=f"{call['Key']}/"
        )
        for page in pages:
            for found in page.get("Uploads", ()):
                if found["UploadId"] in known or found["Initiated"] > older_than:
                    continue
                client.abort_multipart_upload(
                    Bucket=call["Bucket"], Key=found["Key"], UploadId=found["UploadId"]
                )
                removed += 1
    return removed
