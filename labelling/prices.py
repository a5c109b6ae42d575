"""What provider calls cost, by the price table of the settings. Spends and remembers nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from django.conf import settings

from medialib.exceptions import StepFailed

_CENT_OF_CENT = Decimal("0.000001")
_MINUTE_MS = 60_000
_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of an operation costs, in US dollars; `unit` is `image` or `minute`."""

    operation: str
    unit: str
    amount: Decimal

    def cost(self, units: Decimal) -> Decimal:
        """Give the cost of so many units, rounded up to a millionth of a dollar."""
        return (self.amount * units).quantize(_CENT_OF_CENT, rounding=ROUND_UP)


def price_of(operation: str) -> Price:
    """Give the price of an operation by its provider's name, such as `StartLabelDetection`.

    An operation without a price is never called: StepFailed says what is missing.
    """
    try:
        unit, amount = settings.MEDIALIB_PRICES[operation]
    except KeyError:
        message = f"There is no price for {operation} in MEDIALIB_PRICES, so it is not called."
        raise StepFailed(message, code="no_price") from None
    return Price(operation, unit, Decimal(str(amount)))


def minutes(duration_ms: int) -> Decimal:
    """Give the minutes that are paid for a video: begun seconds count, at least one of them.

    The provider's own example bills parts of minutes; the rounding to seconds is ours, and upwards.
    """
    seconds = max(1, -(-duration_ms // _SECOND_MS))
    return (Decimal(seconds * _SECOND_MS) / _MINUTE_MS).quantize(
        Decimal("0.0001"), rounding=ROUND_UP
    )


def units_of(operation: str, *, duration_ms: int = 0) -> Decimal:
    """Give the units of one call: one image, or a video's minutes."""
    return minutes(duration_ms) if price_of(operation).unit == "minute" else Decimal(1)


def cost_of(operation: str, *, duration_ms: int = 0) -> Decimal:
    """Give the cost of one call in US dollars."""
    return price_of(operation).cost(units_of(operation, duration_ms=duration_ms))
