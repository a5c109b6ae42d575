"""The tables of the library: assets and what belongs to them. No behaviour beyond a row's own."""

from medialib.models.asset import Asset, Keyword, Rendition, WantedFrame
from medialib.models.event import Event
from medialib.models.idempotency import KeptAnswer
from medialib.models.pulse import Pulse
from medialib.models.step import Step
from medialib.models.token import ApiToken
from medialib.models.upload import Upload
from medialib.models.user import User
from medialib.models.webhook import Delivery, Webhook

__all__ = [
    "ApiToken",
    "Asset",
    "Delivery",
    "Event",
    "KeptAnswer",
    "Keyword",
    "Pulse",
    "Rendition",
    "Step",
    "Upload",
    "User",
    "WantedFrame",
    "Webhook",
]
