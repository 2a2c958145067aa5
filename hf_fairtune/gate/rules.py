"""A gate's rules, read from YAML; every error names the rule and its line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import yaml

from ..errors import FairTuneError
from .bound import Bound
from .metrics import check_range, known

VERDICTS = ("fairer", "no level-down")
BOUNDS = ("at_least", "at_most", "within")
KEYS = ("metric", "target", "attribute", "threshold", "group", *BOUNDS, "verdict")
EXAMPLE = "such as `rules: [{metric: min_group_auc, at_least: 0.8}]`"


@dataclass(frozen=True)
class Rule:
    """One rule: a bound on a metric, or what a comparison with the reference must not or must say.

    Args:
        place: how messages name it, such as "rule 2 (line 7)".
        metric: name of the number; "verdict" for the verdict of a comparison.
        bound: range to keep; None for a verdict.
        verdict: "fairer" or "no level-down"; None for a metric.
        target, attribute, threshold, group: what it is about; None for every one there is.
    """

    place: str
    metric: str
    bound: Bound | None = None
    verdict: str | None = None
    target: str | None = None
    attribute: str | None = None
    threshold: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Rules:
    """The rules of a file, and its base name."""

    file: str
    rules: tuple[Rule, ...]


def read_rules(path: str | Path) -> Rules:
    """Read a gate's rules from a YAML file, see `parse_rules`.

    Raises:
        FairTuneError: the file cannot be read, or a rule cannot be understood.
    """
    path = Path(path)
    try:
        return parse_rules(path.read_text(encoding="utf-8-sig"), path.name)
    except FileNotFoundError:
        raise FairTuneError(f"`{path}` does not exist; pass a YAML file of rules, {EXAMPLE}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FairTuneError(f"`{path}` cannot be read ({error}); pass a YAML file of rules, {EXAMPLE}.") from None


def parse_rules(text: str, file: str) -> Rules:
    """Read a gate's rules from YAML: a mapping with one list `rules` of mappings.

    A rule is `metric` with one of `at_least`, `at_most` and `within: [low, high]`, or `verdict` alone; `target`,
    `attribute`, `threshold` and `group` narrow it, and what is not narrowed is meant for every one there is.

    Args:
        text: the YAML.
        file: name it has in messages and in the verdict.

    Raises:
        FairTuneError: a rule cannot be understood; the message names rule and line.
    """
    top = _mapping(_document(text, file), f"`{file}`")
    if set(top) != {"rules"} or not isinstance(top["rules"], yaml.SequenceNode) or not top["rules"].value:
        raise FairTuneError(f"`{file}` must hold one list `rules` with at least one rule, {EXAMPLE}.")
    nodes = enumerate(top["rules"].value, start=1)
    return Rules(file, tuple(_rule(node, f"rule {i} (line {node.start_mark.line + 1})") for i, node in nodes))


def _document(text: str, file: str) -> yaml.Node:
    """Parse the text; scalars stay text, so that a group called `no` is not taken for False."""
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise FairTuneError(f"`{file}` is not YAML ({' '.join(str(error).split())}); write {EXAMPLE}.") from None
    if node is None:
        raise FairTuneError(f"`{file}` is empty, and a gate without rules keeps nothing out; write {EXAMPLE}.")
    return node


def _mapping(node: yaml.Node, place: str) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise FairTuneError(f"{place} is not a mapping of keys to values; write it {EXAMPLE}.")
    keys = [" ".join(str(key.value).split()) for key, _ in node.value]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise FairTuneError(f"{place} gives `{twice[0]}` twice; give it once.")
    return dict(zip(keys, (value for _, value in node.value), strict=True))


def _rule(node: yaml.Node, place: str) -> Rule:
    given = _mapping(node, place)
    unknown = sorted(set(given) - set(KEYS))
    if unknown:
        raise FairTuneError(f"{place} has the key `{unknown[0]}`; choose from {', '.join(KEYS)}.")
    if ("metric" in given) == ("verdict" in given):
        raise FairTuneError(f"{place} must give either `metric` or `verdict`.")
    texts = {key: _text(given[key], place, key) for key in set(given) - set(BOUNDS)}
    if "verdict" in given:
        return _verdict(given, place, texts)
    if texts["metric"] not in known():
        raise FairTuneError(f"{place} has the metric `{texts['metric']}`; choose from {', '.join(known())}.")
    bound = _bound(given, place)
    check_range(texts["metric"], bound, place)
    about = [texts.get(key) for key in ("target", "attribute", "threshold", "group")]
    return Rule(place, texts["metric"], bound, None, *about)


def _verdict(given: dict[str, yaml.Node], place: str, texts: dict[str, str]) -> Rule:
    extra = sorted(set(given) - {"verdict", "target", "attribute"})
    if extra:
        raise FairTuneError(f"{place} is about a verdict and takes no `{extra[0]}`; leave it out.")
    if texts["verdict"] not in VERDICTS:
        raise FairTuneError(f"{place} wants the verdict `{texts['verdict']}`; choose from {', '.join(VERDICTS)}.")
    return Rule(place, "verdict", None, texts["verdict"], texts.get("target"), texts.get("attribute"))


def _text(node: yaml.Node, place: str, key: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or not node.value:
        raise FairTuneError(f"{place} gives no name as `{key}`; give one name, or leave the key out for every one.")
    return str(node.value)


def _bound(given: dict[str, yaml.Node], place: str) -> Bound:
    found = [key for key in BOUNDS if key in given]
    if len(found) != 1:
        raise FairTuneError(f"{place} has {len(found)} bounds; give one of {', '.join(BOUNDS)}.")
    key, node = found[0], given[found[0]]
    if key != "within":
        value = _number(node, place, key)
        return Bound(low=value) if key == "at_least" else Bound(high=value)
    if not isinstance(node, yaml.SequenceNode) or len(node.value) != 2:
        raise FairTuneError(f"{place} has a `within` that is no range; write `within: [0.8, 1.2]`.")
    low, high = (_number(end, place, key) for end in node.value)
    if low >= high:
        raise FairTuneError(f"{place} has `within: [{low:g}, {high:g}]`; give the lower end first.")
    return Bound(low, high)


def _number(node: yaml.Node, place: str, key: str) -> float:
    text = str(node.value) if isinstance(node, yaml.ScalarNode) else "a list or mapping"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FairTuneError(f"{place} has {text!r} as `{key}`; write a plain number such as 0.8.")
    return value
