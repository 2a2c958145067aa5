"""Models that take patches of images in place of images."""

from typing import Any

from ..errors import FairTuneError
from .head import plain

# By `config.model_type`, a checkpoint of the same kind that takes images.
INSTEAD = {"siglip2": "google/siglip2-base-patch16-224, which is a `siglip`"}


def check_takes_images(model: Any) -> None:
    """Refuse a model that is called with patches, their mask and their places (NaFlex).

    Raises:
        FairTuneError: it is one.
    """
    kind = getattr(getattr(plain(model), "config", None), "model_type", None)
    if kind in INSTEAD:
        raise FairTuneError(
            f"`{kind}` takes patches of images of any shape, but images of one size are given here; load a checkpoint "
            f"of one size, such as {INSTEAD[kind]}."
        )
