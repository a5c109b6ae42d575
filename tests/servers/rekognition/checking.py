"""Checks requests and answers by botocore's model of the service, and by what botocore leaves out.

Its own validator knows required members, types and minima; maxima, patterns and enums are added.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import botocore.session
from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

from tests.servers.rekognition.refusals import Refusal

PREFIX = "RekognitionService."
# Errors that the front end answers though the model does not name them.
FRONT_END = frozenset(("ValidationException", "AccessDeniedException", "InvalidSignatureException"))


class ServiceModel:
    """The service as botocore describes it."""

    def __init__(self) -> None:
        self._model = botocore.session.get_session().get_service_model("rekognition")
        self._validator = ParamValidator()

    def operation(self, target: str) -> OperationModel:
        name = target.removeprefix(PREFIX)
        if not target.startswith(PREFIX) or name not in self._model.operation_names:
            raise Refusal("UnknownOperationException", "")
        return self._model.operation_model(name)

    def read_input(self, operation: OperationModel, wanted: Any) -> dict[str, Any]:
        """Decode and check a request; raises the ValidationException of the front end."""
        decoded = _decode(operation.input_shape, wanted)
        report = self._validator.validate(decoded, operation.input_shape)
        if report.has_errors():
            raise Refusal("ValidationException", _sentence(report.generate_report()))
        for problem in _beyond(operation.input_shape, decoded, ""):
            raise Refusal("ValidationException", problem)
        return decoded

    def check_output(self, operation: OperationModel, answer: dict[str, Any]) -> None:
        """Fail loudly if the double's own answer is not one that the service could give."""
        report = self._validator.validate(answer, operation.output_shape)
        assert not report.has_errors(), report.generate_report()
        problems = list(_beyond(operation.output_shape, answer, ""))
        assert not problems, problems

    def check_error(self, operation: OperationModel, code: str) -> None:
        """Fail loudly for an error that this operation can't answer."""
        known = {shape.name for shape in operation.error_shapes} | FRONT_END
        assert code in known, f"{operation.name} never answers {code}"


def _sentence(report: str) -> str:
    return f"1 validation error detected: {report.splitlines()[-1]}"


def _decode(shape: Shape, value: Any) -> Any:
    """Turn base64 into bytes wherever the model says blob."""
    if shape.type_name == "structure" and isinstance(value, dict):
        return {
            name: _decode(shape.members[name], inner) if name in shape.members else inner
            for name, inner in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_decode(shape.member, inner) for inner in value]
    if shape.type_name == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error:
            raise Refusal("SerializationException", "") from None
    return value


def _beyond(shape: Shape, value: Any, path: str) -> Any:
    """Name what breaks a maximum, a pattern or an enum."""
    if shape.type_name == "structure":
        for name, inner in value.items():
            yield from _beyond(shape.members[name], inner, f"{path}.{name}".lstrip("."))
        return
    if shape.type_name == "list":
        for inner in value:
            yield from _beyond(shape.member, inner, path)
    yield from _broken(shape, value, path)


def _broken(shape: Shape, value: Any, path: str) -> Any:
    limit = shape.metadata.get("max")
    measured = len(value) if isinstance(value, str | bytes | list) else value
    if limit is not None and measured > limit:
        yield _told(path, value, f"Member must have value less than or equal to {limit}")
    pattern = shape.metadata.get("pattern")
    if pattern and isinstance(value, str) and not re.fullmatch(pattern, value):
        yield _told(path, value, f"Member must satisfy regular expression pattern: {pattern}")
    enum = getattr(shape, "enum", None)
    if enum and value not in enum:
        yield _told(path, value, f"Member must satisfy enum value set: {enum}")


def _told(path: str, value: Any, rule: str) -> str:
    return (
        f"1 validation error detected: Value '{str(value)[:50]}' at '{path}' failed to satisfy "
        f"constraint: {rule}"
    )
