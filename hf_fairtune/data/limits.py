"""How much of an image file is read and decoded at most, by variables of the environment."""

import os
from typing import Any

from ..errors import FairTuneError

PIXELS, BYTES = "FAIRTUNE_MAX_PIXELS", "FAIRTUNE_MAX_BYTES"
# An image processor needs up to twenty bytes a pixel while it resizes an image: here 2 GB.
USUAL = {PIXELS: 100_000_000, BYTES: 500_000_000}
# Pixels of the longer side that an image processor may give; no classifier takes more.
SIDE = 4096


def allowed(variable: str) -> int:
    """Return the most pixels or bytes of an image, as the environment says or as usual.

    Raises:
        FairTuneError: the variable is no whole number above 0.
    """
    asked = os.environ.get(variable, "").strip()
    if not asked:
        return USUAL[variable]
    if not asked.isdecimal() or not int(asked):
        raise FairTuneError(f"{variable} is `{asked}`; set it to a whole number above 0, or unset it.")
    return int(asked)


def refusal(count: int, variable: str) -> str:
    """Say in few words that an image has more pixels or bytes than allowed, and by what; "" where it has not."""
    most, what = allowed(variable), variable.rpartition("_")[2].lower()
    return f"{count:,} {what}, above {variable}={most}" if count > most else ""


def check_sides(processor: Any) -> None:
    """Check that an image processor makes images of a size that a classifier takes, before it makes one.

    Raises:
        FairTuneError: a side, or what is cropped to it, is longer than 4,096 pixels.
    """
    settings: list[Any] = [getattr(processor, name, None) for name in ("size", "crop_size", "pad_size")]
    sides = [side for one in settings if one is not None for side in _numbers(one)]
    share = getattr(processor, "crop_pct", None)
    # ConvNeXt and timm resize to more than they keep.
    longest = max(sides, default=0) / (share if isinstance(share, float) and 0 < share < 1 else 1)
    if longest > SIDE:
        raise FairTuneError(
            f"{type(processor).__name__} makes images of {longest:,.0f} pixels a side, but {SIDE:,} are the most; "
            "correct its preprocessor_config.json."
        )


def _numbers(size: Any) -> list[float]:
    """Return the numbers of a size: one number, several, or several by name."""
    several = (
        size if isinstance(size, list | tuple) else [size] if isinstance(size, int | float) else dict(size).values()
    )
    return [float(one) for one in several if isinstance(one, int | float)]
