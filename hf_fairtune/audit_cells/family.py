"""The family of comparisons, without its number where that tells which withheld groups can be compared."""

from __future__ import annotations

import re
from typing import Any

from .few import Triple
from .scope import Scope

Row = dict[str, Any]
NUMBER = re.compile(r"^\d+ comparisons?: ")
GONE = "; they are withheld, as they would tell how many of the withheld groups can be compared"


def told_family(public: Row, scope: Scope, few: set[Triple]) -> Row:
    """Withhold how many comparisons were made, and with it the adjusted p-values, where any is withheld.

    Holm's factor is that number, less those with smaller p: an adjusted p next to its p tells it, and that tells how
    many of the withheld groups have cases enough to be compared.

    Args:
        few: groups of few patients, whose comparisons are withheld, too.
    """
    if not few and not any(_is_mute(pair, scope) for pair in public["pairs"]):
        return public
    family = public["options"]["family"] and NUMBER.sub("", public["options"]["family"]) + GONE
    audits = [e | {"audit": e["audit"] | {"pairs": _plain(e["audit"]["pairs"])}} for e in public["audits"]]
    pairs = _plain(public["pairs"])
    return public | {"options": public["options"] | {"family": family}, "pairs": pairs, "audits": audits}


def _is_mute(pair: Row, scope: Scope) -> bool:
    return bool({pair["group"], pair["reference"]} & scope.mute(pair["target"], pair["attribute"]))


def _plain(pairs: list[Row]) -> list[Row]:
    return [pair | {"p_adjusted": None} for pair in pairs]
