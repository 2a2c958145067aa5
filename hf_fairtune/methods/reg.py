"""FullFT-Reg, a comparison of SWiFT: all parameters on rows as they are, with a fairness constraint."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from .constrained import Constrained
from .facts import View


@dataclass(kw_only=True)
class Reg(Constrained):
    """Minimise SWiFT's eq. 10 on the training split whole, as Cherepanova et al. (2021): no set is balanced."""

    title: ClassVar[str] = "FullFT-Reg"
    views: ClassVar[Mapping[str, View]] = MappingProxyType({"train": View("train", augmented=True)})


METHOD = Reg
