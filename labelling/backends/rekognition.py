"""Labels by Amazon Rekognition: photos at once, videos as jobs whose pages are read later.

Slots, money and the keeping of answers are the services' work. boto3 is loaded at the first call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar

import orjson

from labelling import quota
from labelling.backends.base import (
    AnalysisRequest,
    Cancelled,
    Charge,
    LabellingBackend,
    Prepared,
    Progress,
    Started,
    Unanswered,
)
from labelling.backends.rekognition_errors import (
    MediaRefused,
    NotPermitted,
    away,
    run_failed,
    translate,
)
from labelling.backends.rekognition_operations import OPERATIONS, Operation, method_name
from labelling.backends.rekognition_requests import (
    Options,
    object_version,
    photo_request,
    s3_object,
    video_request,
)
from labelling.prices import Price, price_of, units_of
from labelling.reading import Piece
from medialib import storage
from medialib.exceptions import StepFailed, Wait

_MAX_VIDEO_BYTES = 10 * 1024**3
_MAX_VIDEO_MS = 6 * 3600 * 1000
_MAX_BYTES_SENT = 5 * 1024**2
_LEAST_SIDE = 80
_GOOD_SIZE = (640, 480)
_SMALL = (
    "This is smaller than the 640 × 480 pixels that Rekognition recommends: it may miss things."
)
# The spacing of looks grows with the wait, so that a long run is asked about rarely.
_GROWTH = 0.2
_LONGEST_PAUSE = 300.0
_UNREACHABLE = "Rekognition can't be reached; it is tried again by itself."
_CALL_KINDS = ("start", "get", "detect")


class RekognitionBackend(LabellingBackend):
    """Finds some three thousand labels; costs money, by the image and by the minute."""

    queue: ClassVar[str] = "light"
    paid: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        *,
        region: str = "",
        endpoint: str = "",
        jobs: int = 20,
        jobs_reserved: int = 2,
        calls_per_second: Sequence[float] = (5, 5, 5),
        poll_seconds: float = 5.0,
        deadline_hours: float = 24.0,
        **options: Any,
    ) -> None:
        super().__init__(name)
        self.region = region
        self.jobs = max(1, jobs - jobs_reserved)
        self._endpoint = endpoint or None
        self._paces = dict(zip(_CALL_KINDS, calls_per_second, strict=True))
        self._poll_seconds = poll_seconds
        self._deadline_seconds = deadline_hours * 3600
        # Lists come from the environment; a frozen value holds tuples.
        frozen: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in options.items()
        }
        self._options = Options(**frozen)

    @property
    def model_version(self) -> str:
        """Only the answers know: the provider changes its model by itself."""
        return ""

    def labels(self) -> None:
        """There are thousands, and more with every model: the vocabulary lists them."""

    def features(self, kind: str) -> frozenset[str]:
        """Name what its table of operations can look for in a photo or a video."""
        return frozenset(feature for feature, of in OPERATIONS if of == kind)

    def _operation(self, request: AnalysisRequest) -> Operation:
        return OPERATIONS[request.feature, request.kind]

    # ---- before anything is paid ----------------------------------------------------------------

    def prepare(self, request: AnalysisRequest) -> Prepared:
        """Refuse what would fail after paying; fix the request, its token and the bytes' version.

        A second try finds the request of the first and changes nothing of it.
        """
        if "request" in request.parameters:
            return Prepared(request.parameters, request.object_version, self._notes(request))
        operation = self._operation(request)
        place = storage.in_bucket(request.object_name) if request.object_name else None
        if request.kind == "video":
            wanted = self._video(operation, request, place)
        else:
            wanted = self._photo(operation, request, place)
        version = object_version(place) if place else request.object_version
        parameters = {**request.parameters, "operation": operation.start, "request": wanted}
        return Prepared(parameters, version, self._notes(request))

    def _notes(self, request: AnalysisRequest) -> tuple[str, ...]:
        sides = sorted((request.width, request.height))
        good = sorted(_GOOD_SIZE)
        return (_SMALL,) if sides[0] < good[0] or sides[1] < good[1] else ()

    def _video(
        self,
        operation: Operation,
        request: AnalysisRequest,
        place: storage.BucketObject | None,
    ) -> dict[str, Any]:
        if place is None:
            raise MediaRefused(
                "Rekognition reads videos from an S3 bucket only, and this one lies on a disk. "
                "Set MEDIALIB_STORAGE to a bucket, or label it here (backend “local”).",
                code="needs_bucket",
            )
        if place.endpoint and not self._endpoint:
            raise MediaRefused(
                "Rekognition reads videos from Amazon's own S3 only, and this library's bucket is "
                "on another server. Label it here (backend “local”).",
                code="needs_bucket",
            )
        if self.region not in ("", place.region):
            raise MediaRefused(
                f"Rekognition is asked in {self.region} and reads buckets there only; this video "
                f"lies in {place.region}. Label it here (backend “local”).",
                code="other_region",
            )
        if place.size > _MAX_VIDEO_BYTES or request.duration_ms > _MAX_VIDEO_MS:
            raise translate("VideoTooLargeException", "", operation=operation.start, region="")
        return video_request(operation, self._options, place, request)

    def _photo(
        self,
        operation: Operation,
        request: AnalysisRequest,
        place: storage.BucketObject | None,
    ) -> dict[str, Any]:
        if min(request.width, request.height) < _LEAST_SIDE:
            raise MediaRefused(
                f"This picture is smaller than Rekognition takes ({_LEAST_SIDE} pixels a side).",
                code="image_too_small",
            )
        wanted = photo_request(operation, self._options)
        if place is not None and self._can_read(place):
            wanted["Image"] = {"S3Object": s3_object(place)}
        elif request.source.size > _MAX_BYTES_SENT:
            raise translate("ImageTooLargeException", "", operation=operation.start, region="")
        return wanted

    def _can_read(self, place: storage.BucketObject) -> bool:
        """Tell whether the provider reaches the bucket: same region, and both are of one house."""
        same_house = bool(place.endpoint) == bool(self._endpoint)
        return same_house and place.region == (self.region or place.region)

    def takes_slot(self, request: AnalysisRequest) -> bool:
        """Only jobs are limited in number."""
        return self._operation(request).is_job

    def charge(self, request: AnalysisRequest) -> Charge:
        """Say what a run will be charged for, by the price table."""
        operation = self._operation(request)
        price = price_of(operation.start)
        units = units_of(operation.start, duration_ms=request.duration_ms)
        return Charge(operation.start, units, price.cost(units) + self._extras(operation, units))

    def _extras(self, operation: Operation, units: Decimal) -> Decimal:
        if not (operation.has_image_properties and self._options.image_properties):
            return Decimal(0)
        extra: Price = price_of(f"{operation.start}:IMAGE_PROPERTIES")
        return extra.cost(units)

    # ---- calls ----------------------------------------------------------------------------------

    def start(
        self, request: AnalysisRequest, *, on_progress: Progress, cancelled: Cancelled
    ) -> Started:
        """Start a video's job, or label a photo at once."""
        operation = self._operation(request)
        wanted = dict(self.prepare(request).parameters["request"])
        if operation.is_job:
            quota.pace(f"{self.name}:start", per_second=self._paces["start"])
            answer = json.loads(self._call(operation.start, wanted, paid=True))
            return Started(job_id=str(answer["JobId"]))
        if "Image" not in wanted:
            wanted["Image"] = {"Bytes": request.source.read_at(0, request.source.size)}
        quota.pace(f"{self.name}:detect", per_second=self._paces["detect"])
        page = json.loads(self._call(operation.start, wanted, paid=True))
        on_progress(1.0)
        return Started(job_id="", pages=[page])

    def is_running(self, job_id: str, *, feature: str) -> bool:
        """Ask for one row of the answer, to see how the job stands."""
        operation = OPERATIONS[feature, "video"]
        try:
            body = self._call(*self._page(operation, job_id, token="", rows=1))
        except StepFailed:
            return False
        return bool(json.loads(body).get("JobStatus") == "IN_PROGRESS")

    def read(
        self, job_id: str, *, feature: str, token: str = "", waited_seconds: float = 0.0
    ) -> Iterator[Piece]:
        """Read the pages of a job that has ended, from `token` on.

        While one page is being worked on, the next one is on its way.
        """
        operation = OPERATIONS[feature, "video"]
        with ThreadPoolExecutor(max_workers=1) as ahead:
            coming = ahead.submit(self._call, *self._page(operation, job_id, token=token))
            while True:
                text = coming.result()
                page = orjson.loads(text)
                status = page.get("JobStatus")
                if status == "IN_PROGRESS":
                    raise self._not_yet(waited_seconds)
                if status == "FAILED":
                    raise run_failed(str(page.get("StatusMessage") or ""))
                if token := page.get("NextToken") or "":
                    coming = ahead.submit(self._call, *self._page(operation, job_id, token=token))
                yield Piece(page, text.decode())
                if not token:
                    return

    def _not_yet(self, waited_seconds: float) -> Wait | StepFailed:
        if waited_seconds > self._deadline_seconds:
            hours = self._deadline_seconds / 3600
            return StepFailed(
                f"Rekognition has not ended this run within {hours:g} hours. Label it again.",
                code="provider_timeout",
            )
        pause = max(self._poll_seconds, min(_LONGEST_PAUSE, waited_seconds * _GROWTH))
        return Wait("provider", seconds=pause, detail="Rekognition is looking at it.")

    def _page(
        self, operation: Operation, job_id: str, *, token: str, rows: int = 1000
    ) -> tuple[str, dict[str, Any]]:
        """Make the call for a page, once it may be made."""
        quota.pace(f"{self.name}:get", per_second=self._paces["get"])
        wanted: dict[str, Any] = {**operation.reads_by, "JobId": job_id, "MaxResults": rows}
        return operation.read, {**wanted, "NextToken": token} if token else wanted

    def _call(self, operation: str, wanted: dict[str, Any], *, paid: bool = False) -> bytes:
        """Make one call; gives the answer as it came. All errors are translated here."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConnectTimeoutError,
            EndpointConnectionError,
            NoCredentialsError,
            ParamValidationError,
        )

        client = self._payer if paid else self._reader
        try:
            answer = getattr(client, method_name(operation))(**wanted)
        except ClientError as error:
            told = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
            raise translate(
                str(told.get("Code", "")),
                str(told.get("Message", "")),
                operation=operation,
                region=client.meta.region_name,
                status=status,
            ) from error
        except ParamValidationError as error:
            raise StepFailed(f"This can't be asked of Rekognition: {error}", code="bad") from error
        except NoCredentialsError:
            raise NotPermitted(
                "There are no credentials for Amazon where its tools look for them "
                "(environment, ~/.aws, or the machine's role).",
                code="not_permitted",
            ) from None
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise away(_UNREACHABLE) from error
        except BotoCoreError as error:
            raise Unanswered("provider", seconds=30.0, detail=_UNREACHABLE) from error
        return bytes(answer["Body"])

    @cached_property
    def _payer(self) -> Any:
        """The client of calls that cost money: never repeated behind our back."""
        return self._client(attempts=1)

    @cached_property
    def _reader(self) -> Any:
        """The client of calls that cost nothing."""
        return self._client(attempts=3)

    def _client(self, *, attempts: int) -> Any:
        from medialib import aws

        client = aws.client(
            "rekognition",
            endpoint_url=self._endpoint,
            region=self.region or None,
            read_timeout=60.0,
            attempts=attempts,
        )
        # Answers are kept as they came and read by ourselves: parsing them by their model first
        # would take several times as long.
        client.meta.events.register("before-parse.rekognition", _keep_body)
        return client


def _keep_body(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    if response_dict["status_code"] == 200:
        customized_response_dict["Body"] = response_dict["body"]
        response_dict["body"] = b"{}"
