"""FullFT-FDR, a comparison of SWiFT: all parameters on the balanced external set, with a fairness constraint."""

from dataclasses import dataclass
from typing import ClassVar

from .constrained import Constrained


@dataclass(kw_only=True)
class Fdr(Constrained):
    """Minimise SWiFT's eq. 10 on the external set, where every group has equally many rows of each label.

    With alpha 1, the prediction loss alone, it is `rw`. Elsewhere FDR is the name of Mao et al.'s last-layer method,
    see `llft`.
    """

    title: ClassVar[str] = "FullFT-FDR"


METHOD = Fdr
