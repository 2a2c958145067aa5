"""Of the groups that are withheld, nobody can tell which is the small one: two tables look alike but for AUCs."""

import copy
import json
from typing import Any

import pytest

from hf_fairtune.audit_cells.blank import COUNTS_WITHHELD, WITHHELD
from hf_fairtune.audit_cells.suppress import suppress_audit

from ..page.samples import document

CELLS = {("A",): (200, 400), ("B",): (60, 150), ("C",): (14, 36), ("D",): (5, 80)}
FAMILY = "{} comparisons: every group with the reference of its attribute, over all attributes and targets"


def audited(estimable: bool) -> dict[str, Any]:
    """Audit groups of which D, withheld with C, has an interval or none; all that it takes part in is as it does."""
    made = document(cells=CELLS, attributes=1, extras=("reference", "gate"))
    made["options"]["family"] = FAMILY.format(3 if estimable else 2)
    (entry,) = made["audits"]
    audit, (change,) = entry["audit"], made["comparisons"]
    change["verdict"] = "pareto-better" if estimable else "mixed"
    audit["min_group_auc"] |= {"group": "A", "value": 0.7}
    audit["auc_gap"] |= {"best": "B", "worst": "A"}
    told = [audit["min_group_auc"], audit["auc_gap"], audit["es_auc"], change["min_group_auc"], change["auc_gap"]]
    told += [cut[key] for cut in audit["thresholds"] for key in cut if key.endswith("_difference")]
    for item in () if estimable else told:
        item |= {"low": None, "high": None, "reason": "no interval: `D`: 5 positives, fewer than 10"}
    for pairs in (made["pairs"], audit["pairs"]):
        for pair in pairs:
            known = pair["p"] is not None
            pair["p_adjusted"] = (3 if estimable else 2) * pair["p"] if known else None
    return made


def test_what_takes_part_has_an_interval_or_none_alike() -> None:
    one, two = (suppress_audit(audited(estimable)) for estimable in (True, False))
    assert {row["group"] for row in one["groups"] if row["auc"] is None} == {"C", "D"}
    assert json.dumps(one) == json.dumps(two)
    assert one["audits"][0]["audit"]["min_group_auc"]["value"] == 0.7
    assert one["audits"][0]["audit"]["min_group_auc"]["reason"] == WITHHELD


def test_the_number_of_comparisons_is_not_told() -> None:
    public = suppress_audit(audited(True))
    assert not any(letter.isdigit() for letter in public["options"]["family"])
    pairs = [*public["pairs"], *public["audits"][0]["audit"]["pairs"]]
    assert {pair["p_adjusted"] for pair in pairs} == {None}
    assert any(pair["p"] is not None for pair in pairs)


def test_without_a_withheld_pair_the_family_is_told() -> None:
    made = document(cells={("A",): (200, 400), ("B",): (60, 150)}, attributes=1)
    made["options"]["family"] = FAMILY.format(1)
    public = suppress_audit(made)
    assert public["options"] == made["options"]
    assert public["pairs"][0]["p_adjusted"] is not None


def test_reasons_do_not_say_whose_count_it_is() -> None:
    assert "in this or another group" in WITHHELD
    assert "in this or another group" in COUNTS_WITHHELD


@pytest.mark.parametrize("lacks", ["C", "D"])
def test_a_ranking_does_not_tell_who_lacks_a_class(lacks: str) -> None:
    made = audited(False)
    (entry,) = made["rankings"]
    before = copy.deepcopy(entry["groups"])
    entry["groups"] = [row for row in before if row["group"] != lacks]
    entry["left_out"] = [lacks]
    assert suppress_audit(made)["rankings"][0]["left_out"] == ["C", "D"]
