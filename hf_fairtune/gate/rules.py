"""A gate's rules, read from YAML; every error names the rule and its line."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from ..document.gate import GateVerdict, Wanted
from ..errors import FairTuneError, first_line
from .numbers import OVERALL, known

PASS: GateVerdict = "pass"
FAIL: GateVerdict = "fail"
UNSURE: GateVerdict = "insufficient evidence"
EXAMPLE = "such as `rules: [{metric: min_group_auc, at_least: 0.8}]`"
Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class Bound:
    """A closed range; an open end is infinite."""

    low: float = -math.inf
    high: float = math.inf

    def judge(self, low: float, high: float) -> GateVerdict:
        """Judge an interval: "pass" if all of it lies inside, "fail" if all of it lies outside on one side.

        Anything else is "insufficient evidence", and so is an interval that lacks an end: a rule is never kept by a
        point without inference.
        """
        if not (math.isfinite(low) and math.isfinite(high)):
            return UNSURE
        if self.low <= low and high <= self.high:
            return PASS
        return FAIL if high < self.low or low > self.high else UNSURE


@dataclass(frozen=True)
class Rule:
    """One rule: a bound on a metric, or what a comparison with the reference must say.

    Args:
        place: how messages name it, such as "rule 2 (line 7)".
        metric: name of the number; "verdict" for the verdict of a comparison.
        bound: range in which the whole confidence interval must lie.
        wanted: "fairer" or "no level-down"; None for a metric.
        target, attribute, threshold, group: what it is about; None for every one there is.
    """

    place: str
    metric: str
    bound: Bound = Bound()
    wanted: Wanted | None = None
    target: str | None = None
    attribute: str | None = None
    threshold: str | None = None
    group: str | None = None

    @property
    def of_all(self) -> bool:
        """Tell whether it is about all rows together."""
        return self.metric == "auc" or (self.group == OVERALL and self.attribute is None)

    def is_about(self, target: str, attribute: str | None) -> bool:
        """Tell whether it is about an audit; `attribute` None is that of all rows."""
        chosen = attribute is None if self.of_all else attribute is not None and self.attribute in (None, attribute)
        return chosen and self.target in (None, target)


@dataclass(frozen=True)
class Rules:
    """The rules of a file, and its base name."""

    file: str
    rules: tuple[Rule, ...]


class _Keys(BaseModel):
    """The keys of a rule in the file."""

    model_config = ConfigDict(extra="forbid")

    metric: Text | None = None
    verdict: Wanted | None = None
    target: Text | None = None
    attribute: Text | None = None
    threshold: Text | None = None
    group: Text | None = None
    at_least: FiniteFloat | None = None
    at_most: FiniteFloat | None = None
    within: tuple[FiniteFloat, FiniteFloat] | None = None


def read_rules(path: str | Path) -> Rules:
    """Read a gate's rules from a YAML file, see `parse_rules`."""
    path = Path(path)
    try:
        return parse_rules(path.read_text(encoding="utf-8-sig"), path.name)
    except FileNotFoundError:
        raise FairTuneError(f"`{path}` does not exist; pass a YAML file of rules, {EXAMPLE}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FairTuneError(
            f"`{path}` cannot be read ({first_line(error)}); pass a YAML file of rules, {EXAMPLE}."
        ) from None


def parse_rules(text: str, file: str) -> Rules:
    """Read a gate's rules from YAML: a mapping with one list `rules` of mappings.

    A rule is `metric` with one of `at_least`, `at_most` and `within: [low, high]`, or `verdict` alone; `target`,
    `attribute`, `threshold` and `group` narrow it, and what is not narrowed is meant for every one there is. `file` is
    the name that messages and the verdict have.

    Raises:
        FairTuneError: a rule cannot be understood; the message names rule and line.
    """
    try:
        # Scalars stay text, so that the group `no` is not taken for False.
        top, content = yaml.compose(text, yaml.BaseLoader), yaml.load(text, yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise FairTuneError(f"`{file}` is not YAML ({' '.join(str(error).split())}); write {EXAMPLE}.") from None
    if top is None:
        raise FairTuneError(f"`{file}` is empty, and a gate without rules keeps nothing out; write {EXAMPLE}.")
    _check_mapping(top, f"`{file}`")
    if set(content) != {"rules"} or not isinstance(content["rules"], list) or not content["rules"]:
        raise FairTuneError(f"`{file}` must hold one list `rules` with at least one rule, {EXAMPLE}.")
    nodes, rules = top.value[0][1].value, []
    for number, (node, keys) in enumerate(zip(nodes, content["rules"], strict=True), start=1):
        place = f"rule {number} (line {node.start_mark.line + 1})"
        _check_mapping(node, place)
        rules.append(_rule(keys, place))
    return Rules(file, tuple(rules))


def _check_mapping(node: yaml.Node, place: str) -> None:
    if not isinstance(node, yaml.MappingNode):
        raise FairTuneError(f"{place} is not a mapping of keys to values; write it {EXAMPLE}.")
    keys = [str(key.value) for key, _ in node.value]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise FairTuneError(f"{place} gives `{twice[0]}` twice; give it once.")


def _rule(content: dict[str, Any], place: str) -> Rule:
    try:
        keys = _Keys.model_validate(content)
    except ValidationError as error:
        first, choices = error.errors()[0], ", ".join(_Keys.model_fields)
        key, given = first["loc"][0], first["input"]
        raise FairTuneError(f"{place} has {given!r} as `{key}` ({first['msg']}); keys are {choices}.") from None
    about = keys.target, keys.attribute, keys.threshold, keys.group
    bounds = {key: getattr(keys, key) for key in ("at_least", "at_most", "within") if getattr(keys, key) is not None}
    if (keys.metric is None) == (keys.verdict is None):
        raise FairTuneError(f"{place} must give either `metric` or `verdict`.")
    if keys.verdict:
        extra = [key for key in ("threshold", "group", *bounds) if getattr(keys, key) is not None]
        if extra:
            raise FairTuneError(f"{place} is about a verdict and takes no `{extra[0]}`; leave it out.")
        return Rule(place, "verdict", Bound(), keys.verdict, *about)
    if keys.metric not in known():
        raise FairTuneError(f"{place} has the metric `{keys.metric}`; choose from {', '.join(known())}.")
    if len(bounds) != 1:
        raise FairTuneError(f"{place} has {len(bounds)} bounds; give one of at_least, at_most, within.")
    low, high = keys.within or (keys.at_least, keys.at_most)
    bound = Bound(-math.inf if low is None else low, math.inf if high is None else high)
    _check_bound(keys.metric, bound, place)
    return Rule(place, keys.metric, bound, None, *about)


def _check_bound(metric: str, bound: Bound, place: str) -> None:
    """Refuse an empty range, and a bound that the metric cannot reach, such as a percentage."""
    if bound.low >= bound.high:
        raise FairTuneError(f"{place} has `within: [{bound.low:g}, {bound.high:g}]`; give the lower end first.")
    low, high = known()[metric].limits
    for end in (bound.low, bound.high):
        if math.isfinite(end) and not low <= end <= high:
            raise FairTuneError(
                f"{place} bounds `{metric}` by {end:g}, but it lies between {low:g} and {high:g}; write a share."
            )
