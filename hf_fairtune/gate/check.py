"""Whether a gate fits an audit, told before the audit is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import catalog
from ..metrics.metric import Gap, Rate
from ..metrics.operating_threshold import PER_GROUP
from .judge import judge
from .metrics import ACROSS, CALIBRATION, DIFFERENCES, RATES
from .numbers import OVERALL, canonical
from .rules import Rules

EMPTY = {"value": None, "low": None, "high": None, "reason": "not computed yet"}
Row = dict[str, Any]


def check_rules(
    rules: Rules,
    targets: Sequence[str],
    attributes: Mapping[str, Sequence[str]],
    policies: Sequence[str],
    compared: bool,
) -> None:
    """Refuse rules about what the audit will not have.

    Args:
        rules: of the gate.
        targets: names of the targets.
        attributes: name of each attribute -> its groups.
        policies: of the thresholds, as `parse_policy` reads them.
        compared: whether there is a reference model.

    Raises:
        FairTuneError: a rule's target, attribute, group, threshold or comparison will not be there.
    """
    entries = [_entry(t, name, groups, policies) for t in targets for name, groups in attributes.items()]
    # All rows together have no cut for each group; those of an attribute do.
    common = [policy for policy in policies if not canonical(policy).endswith(PER_GROUP)]
    told: Row = {"target": None, "model": "", "reference": "", "verdict": "not shown", "groups": [], "excluded": []}
    pairs = [(target, name) for target in targets for name in attributes] if compared else []
    skeleton = {
        "targets": [{"name": target} for target in targets],
        "attributes": [{"name": name} for name in attributes],
        "overall": [_entry(target, None, [], common) for target in targets],
        "audits": entries,
        "comparisons": [told | {"target": t, "attribute": name, "auc_gap": EMPTY} for t, name in pairs],
    }
    judge(skeleton, rules)


def _entry(target: str, attribute: str | None, groups: Sequence[str], policies: Sequence[str]) -> Row:
    named = [{"group": name} for name in groups]
    scored = dict.fromkeys(CALIBRATION.values(), EMPTY)
    audit = {
        **dict.fromkeys(("auc", *ACROSS), EMPTY),
        "excluded": [],
        "groups": [row | {"auc": None, "auc_low": None, "auc_high": None, "reason": None} for row in named],
        "pairs": [row | {"auc_difference": EMPTY} for row in named],
        "cross_group": [row | {"bpsn": EMPTY, "bnsp": EMPTY} for row in named],
        "calibration": {"groups": [row | scored for row in ({"group": OVERALL}, *named)]},
        "thresholds": [_threshold(policy, named) for policy in policies],
    }
    return {"target": target, "attribute": attribute, "audit": audit}


def _threshold(policy: str, named: list[Row]) -> Row:
    try:
        chosen: Row = {"policy": "fixed", "value": float(policy), "fitted_on": None}
    except ValueError:
        chosen = {"policy": canonical(policy), "value": None, "fitted_on": "other rows"}
    rates = {"rates": dict.fromkeys(_named(Rate), EMPTY)} | dict.fromkeys(RATES, EMPTY)
    gaps = {"measures": dict.fromkeys(_named(Gap), EMPTY)} | dict.fromkeys(DIFFERENCES, EMPTY)
    return (
        chosen
        | gaps
        | {"degenerate": False, "overall": {"group": OVERALL} | rates, "groups": [row | rates for row in named]}
    )


def _named(kind: type) -> list[str]:
    """List the metrics of a kind."""
    found = {name: getattr(catalog.find("metrics", name), "METRIC", None) for name in catalog.names("metrics")}
    return [name for name, metric in found.items() if isinstance(metric, kind)]
