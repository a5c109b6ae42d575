"""Answers as JSON, written by orjson. The bytes are those of the framework's own renderer.

Only numbers with an exponent are spelled otherwise (`1e16`, not `1e+16`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

# Dates and times go by the framework's rules.
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
# JavaScript took these two for ends of lines; JSON allows to write them so.
_LINE_ENDS = (("\u2028".encode(), b"\\u2028"), ("\u2029".encode(), b"\\u2029"))


class AnswerEncoder(JSONEncoder):
    """The framework's encoder, which knows values of ours as well."""

    def default(self, obj: Any) -> Any:
        """Give what stands for a value that JSON does not know."""
        if is_dataclass(obj) and not isinstance(obj, type):
            return asdict(obj)
        return super().default(obj)


class AnswerRenderer(JSONRenderer):
    """Writes JSON quickly; frozen values are written field by field, in their order."""

    encoder_class = AnswerEncoder

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Write an answer; what orjson can't write, and indented answers, the framework does."""
        if data is None or "indent" in (accepted_media_type or ""):
            return super().render(data, accepted_media_type, renderer_context)
        try:
            written = orjson.dumps(data, default=_default, option=_OPTIONS)
        except orjson.JSONEncodeError:
            return super().render(data, accepted_media_type, renderer_context)
        for end, escaped in _LINE_ENDS:
            written = written.replace(end, escaped)
        return written


_default = AnswerEncoder().default
