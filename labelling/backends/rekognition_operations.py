"""The table of Rekognition's operations that are used. A new feature is a line here and a parser.

The parser is a line of `labelling.parsers`, the price one of `MEDIALIB_PRICES`. Quota, money,
collecting and the keeping of raw answers know nothing but this table's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One way of looking: what is called and what can be asked of it.

    `start` names the operation that costs money, as in `MEDIALIB_PRICES`; `read` the one that reads
    a job's pages, empty for those that answer at once. `asks` and `reads_by` are what their calls
    ask for beside the media: not all of them take a least confidence or an order.
    """

    feature: str
    kind: str
    start: str
    read: str = ""
    has_min_confidence: bool = True
    has_filters: bool = False
    has_image_properties: bool = False
    asks: Mapping[str, Any] = field(default_factory=dict)
    reads_by: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_job(self) -> bool:
        """Tell whether it starts a job that goes on by itself and takes a place."""
        return bool(self.read)

    @property
    def actions(self) -> tuple[str, ...]:
        """Name the permissions that the caller needs of Rekognition."""
        return tuple(f"rekognition:{name}" for name in (self.start, self.read) if name)


OPERATIONS = {
    (operation.feature, operation.kind): operation
    for operation in (
        Operation("labels", "photo", "DetectLabels", has_filters=True, has_image_properties=True),
        Operation(
            *("labels", "video", "StartLabelDetection", "GetLabelDetection"),
            has_filters=True,
            reads_by={"SortBy": "TIMESTAMP"},
        ),
    )
}


def method_name(operation: str) -> str:
    """Give the client's method of an operation: GetLabelDetection → get_label_detection."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
