"""Whether rules fit an audit, before it is computed."""

from collections.abc import Iterable, Mapping, Sequence

from ..audits.thresholds import PER_GROUP, number_in
from ..errors import FairTuneError
from .numbers import OVERALL, known
from .rules import Rule, Rules


def check_rules(
    rules: Rules,
    targets: Sequence[str],
    attributes: Mapping[str, Sequence[str]],
    policies: Sequence[str],
    compared: bool,
) -> None:
    """Refuse rules about what an audit does not have.

    Attributes are names -> groups, policies those of the thresholds; `compared` says that there is a reference model.

    Raises:
        FairTuneError: names the first rule whose target, attribute, group, threshold or comparison is not there.
    """
    for rule in rules.rules:
        if rule.wanted and not (compared and attributes):
            raise FairTuneError(f"{rule.place} is about a comparison, and the audit has none; pass --reference to it.")
        _one_of(rule, "target", targets)
        if rule.wanted is None:
            _check_place(rule, bool(attributes))
        _one_of(rule, "attribute", attributes)
        if rule.group != OVERALL:
            chosen = [attributes[rule.attribute]] if rule.attribute else attributes.values()
            _one_of(rule, "group", dict.fromkeys(name for names in chosen for name in names))
        if rule.wanted is None and known()[rule.metric].at_threshold:
            # All rows together have no cut for each group; those of an attribute do.
            by_group = not rule.of_all
            _check_threshold(rule, [name for name in policies if by_group or not canonical(name).endswith(PER_GROUP)])


def _check_place(rule: Rule, grouped: bool) -> None:
    metric, place = rule.metric, known()[rule.metric]
    if metric == "auc" and rule.attribute is not None:
        raise FairTuneError(f"{rule.place} asks the `auc` of all rows by {rule.attribute}; ask for `group_auc`.")
    if not rule.of_all and not grouped:
        raise FairTuneError(f"{rule.place} compares groups, but the audit has none; pass --group to the audit.")
    for key, asked, has in ("group", rule.group, place.by_group), ("threshold", rule.threshold, place.at_threshold):
        if asked is not None and not has:
            raise FairTuneError(f"{rule.place}: `{metric}` has no {key}; leave `{key}` out.")
    if rule.group == OVERALL and not place.of_all:
        raise FairTuneError(f"{rule.place}: all rows have no `{metric}`; ask for `auc`, or for a group.")


def _check_threshold(rule: Rule, names: Sequence[str]) -> None:
    if not any(is_threshold(name, rule.threshold) for name in names):
        asked = f"at the threshold `{rule.threshold}`" if rule.threshold else "at a threshold"
        had = ", ".join(map(canonical, names)) or "none"
        raise FairTuneError(f"{rule.place} asks `{rule.metric}` {asked}; the audit's thresholds: {had}.")


def _one_of(rule: Rule, key: str, names: Iterable[str]) -> None:
    asked = getattr(rule, key)
    if asked is not None and asked not in names:
        had = ", ".join(names) or "none"
        raise FairTuneError(f"{rule.place} is about the {key} `{asked}`; the audit has {had}.")


def is_threshold(name: str | None, asked: str | None) -> bool:
    """Tell whether a threshold is the one that a rule asks for: None asks for any, "fixed" for any number."""
    if name is None or asked is None or (asked == "fixed" and number_in(name) is not None):
        return True
    return canonical(name) == canonical(asked)


def canonical(name: str) -> str:
    """Spell a threshold in one way: `Sensitivity=0.90` is `sensitivity=0.9`, `0.50` is `0.5`."""
    words = name.lower().replace("=", "= ").split()
    spelled = [word if (value := number_in(word)) is None else f"{value:g}" for word in words]
    return " ".join(spelled).replace("= ", "=")
