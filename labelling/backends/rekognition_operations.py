"""The table of Rekognition's operations that are used. A new feature is a line here and a parser.

Quota, money, collecting and the keeping of raw answers know nothing but this table's columns.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One way of looking: what is called and what can be asked of it.

    `start` names the operation that costs money, as in `MEDIALIB_PRICES`; `read` the one that reads
    a job's pages, empty for those that answer at once.
    """

    feature: str
    kind: str
    start: str
    read: str = ""
    has_filters: bool = False
    has_image_properties: bool = False

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
        Operation("labels", "video", "StartLabelDetection", "GetLabelDetection", has_filters=True),
    )
}


def method_name(operation: str) -> str:
    """Give the client's method of an operation: GetLabelDetection → get_label_detection."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
