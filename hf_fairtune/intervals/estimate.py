"""A number with its confidence interval, the method that made it and, where it is undefined, the reason."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A value and its interval; NaN where undefined or withheld, and then `reason` says why.

    A finite value with NaN bounds is a point without inference: too few cases, or a resample that never varies.
    """

    value: float
    low: float
    high: float
    method: str
    reason: str | None = None


def undefined(method: str, reason: str) -> Estimate:
    """Return an estimate without a value, for `reason`."""
    return Estimate(NAN, NAN, NAN, method, reason)


def plain(value: Any) -> Any:
    """Turn dataclasses, tuples and NaN (any depth) into what JSON knows: dict, list and None."""
    if hasattr(value, "__dataclass_fields__"):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
