"""Makes Rekognition's requests from our settings: filters, references, tokens. Calls nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from labelling.backends.base import AnalysisRequest
from labelling.backends.rekognition_operations import Operation
from medialib.storage import BucketObject


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for, by settings: the least confidence, filters by exact names, extras."""

    min_confidence: float = 50.0
    labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    without_categories: tuple[str, ...] = ()
    image_properties: bool = False
    topic: str = ""
    role: str = ""

    def filters(self) -> dict[str, Any]:
        """Give the filters that are set, by their names in requests."""
        named = {
            "LabelInclusionFilters": self.labels,
            "LabelExclusionFilters": self.without_labels,
            "LabelCategoryInclusionFilters": self.categories,
            "LabelCategoryExclusionFilters": self.without_categories,
        }
        return {name: list(values) for name, values in named.items() if values}


def photo_request(operation: Operation, options: Options) -> dict[str, Any]:
    """Make all of a photo's request but the picture itself."""
    wanted = _asked(operation, options)
    if operation.has_image_properties and options.image_properties:
        wanted["Features"] = ["GENERAL_LABELS", "IMAGE_PROPERTIES"]
    return wanted


def video_request(
    operation: Operation, options: Options, place: BucketObject, request: AnalysisRequest
) -> dict[str, Any]:
    """Make a video's request, whole: sent again it is the same, so it is the same job."""
    wanted = _asked(operation, options)
    wanted |= {"Video": {"S3Object": s3_object(place)}, "JobTag": request.analysis_id}
    if options.topic and options.role:
        wanted["NotificationChannel"] = {"SNSTopicArn": options.topic, "RoleArn": options.role}
    wanted["ClientRequestToken"] = _token(operation, wanted, place, attempt=request.attempt)
    return wanted


def _asked(operation: Operation, options: Options) -> dict[str, Any]:
    wanted: dict[str, Any] = dict(operation.asks)
    if operation.has_min_confidence:
        wanted["MinConfidence"] = options.min_confidence
    if operation.has_filters and options.filters():
        wanted["Settings"] = {"GeneralLabels": options.filters()}
    return wanted


def s3_object(place: BucketObject) -> dict[str, str]:
    """Name an object in a bucket; its version too where there are several."""
    named = {"Bucket": place.bucket, "Name": place.key}
    return {**named, "Version": place.version} if place.version else named


def object_version(place: BucketObject) -> str:
    """Say which bytes these are: the version, or the tag where a bucket keeps only one."""
    return place.version or place.tag


def _token(
    operation: Operation, wanted: dict[str, Any], place: BucketObject, *, attempt: int
) -> str:
    """Hash all that makes a run this run: for 7 days the same token is answered by the same job."""
    parts = [operation.start, wanted, object_version(place), attempt]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
