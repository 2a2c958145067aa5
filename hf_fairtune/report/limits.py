"""What a record's results do not support, said by name."""

from __future__ import annotations

from ..record import Record
from .layout import number
from .models import compared, reported_split, reported_splits, title

OBJECTIVES = ("min_group_auc", "auc_gap", "auc")


def limits(record: Record) -> list[str]:
    """List the limits that this record has."""
    audits = compared(record)
    audit = list(audits.values())[-1] if audits else None
    said = []
    for status, meaning in MEANINGS.items():
        groups = [row["group"] for row in audit["groups"] if row["status"] == status] if audit else []
        said += [f"{status.capitalize()}: {'; '.join(groups)}. {meaning}"] if groups else []
    if audit and audit["excluded"]:
        said.append(f"Left out of the lowest group and all differences on request: {'; '.join(audit['excluded'])}.")
    said += [optimism(record) or ""]
    said += [prevalence(record) or "", one_run(record), WITHIN, *(REPAIRED if record.repair else [])]
    return [line for line in said if line]


MEANINGS = {
    "not estimable": "Fewer than 10 patients with or without the finding, or merged so that no small count is told.",
    "weak": "Fewer than 20 patients with or without the finding: their intervals hold less often than they claim.",
}
WITHIN = (
    "AUC within a group does not show how groups rank against each other under a shared threshold; "
    "the rates at each threshold do."
)
REPAIRED = (
    "Whether the model had been trained on images of the test sets before it came is not known here; if it had, it "
    "looks better before than it is.",
    "The repair knows the groups named above and no others: within a group, or for groups made otherwise, it may have "
    "made things worse, and nothing here would show it.",
    "Both models saw the same images of the test sets, so paired intervals hold for these models, not for the method: "
    "another draw of the external images or another seed gives another model.",
)


def one_run(record: Record) -> str:
    """Say what a single run on these test sets leaves open."""
    others = reported_splits(record)[1:]
    places = f" than those of {', '.join(others)}" if others else ""
    what = f"One seed and {len(others) + 1} test sets" if others else "One data set and one seed"
    return (
        f"{what}: the intervals tell of sampling patients for the test, not of training again "
        f"nor of another hospital, scanner or population{places}."
    )


def optimism(record: Record) -> str | None:
    """Set the search's best validation value beside the same measure on test."""
    split, search = reported_split(record), record.search
    if search is None or search["best_trial"] is None:
        return None
    best = next((t["value"] for t in record.trials if t["number"] == search["best_trial"]), None)
    if best is None:
        return None
    audits, name = compared(record), search["objective"].removeprefix("eval_")
    chosen = f"The winner was chosen as the best of {len(record.trials)} trials on validation"
    item = list(audits.values())[-1].get(name) if audits and name in OBJECTIVES and split == "test" else None
    if item is None or item["value"] is None:
        return f"{chosen}, where {search['objective']} was {number(best)}; such a best value is optimistic."
    model = title(list(audits)[-1])
    return (
        f"{chosen}: {name} was {number(best)} there and is {number(item['value'])} on test ({model}). "
        "The difference holds both the luck of the selection and chance; believe the test value."
    )


def prevalence(record: Record) -> str | None:
    """Set parity of predicted positives in the light of the groups' prevalence."""
    audits = compared(record)
    groups = list(audits.values())[-1]["groups"] if audits else []
    shares = {row["group"]: row["prevalence"] for row in groups if row["prevalence"] is not None}
    if len(shares) < 2:
        return None
    low, high = min(shares, key=lambda g: shares[g]), max(shares, key=lambda g: shares[g])
    return (
        f"Prevalence runs from {number(shares[low])} ({low}) to {number(shares[high])} ({high}). Where groups truly "
        "differ in it, equal shares of predicted positives (demographic parity) are not a goal of diagnosis; where "
        "patients in use differ from these images, a threshold fitted here is not at its best."
    )
