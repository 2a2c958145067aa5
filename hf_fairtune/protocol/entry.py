"""The rows of a comparison: methods with their hyper-parameters, and the knobs that the search draws."""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .. import catalog
from ..audits.compute import direction, greater_is_better
from ..errors import FairTuneError
from ..masks.granularities import PRESETS
from ..methods.method import Method, method_named
from ..recipes.flag_file import Value, read_as, typed_as
from ..search.modes import MODES
from ..selections.selection import selection_named
from ..trainer.arguments import FairTrainingArguments

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._=+-]*")
OWN = ("name", "method", "knobs", "mode", "objective", "selection", "training")
# Those that may be lists or mappings; several objectives are a row each.
LISTS = ("knobs", "objective", "training")
# Arguments of a training that a comparison sets, and what to do instead.
TAKEN = {
    "method": "name it among `methods`",
    "seed": "give `seeds`",
    "output_dir": "every training has a folder of its own below that of the comparison",
    "push_to_hub": "push a model that you train by `fairtune train`",
}
# Of a mask search: random trials in place of a sampler's, and a mask that each seed draws.
CONTROLS = (
    {"name": "random search", "method": "fairtune", "mode": "random"},
    {"name": "random mask", "method": "fairtune", "mask": "random"},
)


@dataclass(frozen=True)
class Entry:
    """A row: a method as the protocol gives it, before any search.

    Args:
        name: of the row, and of its folder; unique.
        method: with the hyper-parameters given.
        knobs: hyper-parameters that the search draws beside the learning rate.
        mode: of its search; None for that of the protocol.
        objective: of its search; None for that of the protocol.
        selection: rule that chooses its winner; None for that of the protocol.
        training: arguments of its trainings in place of the protocol's, such as a sampler.
    """

    name: str
    method: Method
    knobs: tuple[str, ...] = ()
    mode: str | None = None
    objective: str | None = None
    selection: str | None = None
    training: Mapping[str, object] = field(default_factory=dict)

    @property
    def repairs(self) -> bool:
        """Tell whether the method starts from a trained model."""
        return not self.method.needs.original_training_data

    @property
    def is_tuned(self) -> bool:
        """Tell whether there is anything to search: a learning rate, or a knob."""
        steps = self.method.arguments().get("num_train_epochs") != 0
        return steps or bool(self.knobs)


def entries_of(listed: Sequence[str | Mapping[str, Any]]) -> list[Entry]:
    """Read the rows: a method's or a preset mask's name, or a mapping of hyper-parameters.

    A list as value makes a row for each of its values, and several lists one for each combination. A mapping may also
    be a JSON text. Its keys beside hyper-parameters are `method`, `name`, `knobs`, `mode`, `objective`,
    `selection` and `training`.

    Raises:
        FairTuneError: an unknown method, hyper-parameter or knob, or two rows of one name.
    """
    found = [entry for one in listed for entry in _entries(_decoded(one))]
    names = [entry.name for entry in found]
    if not names:
        raise FairTuneError("`methods` is empty; name one or more, such as `methods: [full, swift]`.")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise FairTuneError(f"`methods` has two rows named `{twice}`; give one of them another `name`.")
    return found


def _decoded(one: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(one, Mapping):
        return one
    if not one.lstrip().startswith("{"):
        return {"method": one}
    try:
        decoded: Mapping[str, Any] = json.loads(one)
    except ValueError as error:
        raise FairTuneError(f'`methods`: {one} is no JSON ({error}); write e.g. {{"method": "sam"}}.') from error
    return decoded


def _entries(given: Mapping[str, Any]) -> Iterable[Entry]:
    if "method" not in given:
        raise FairTuneError(f"`methods`: {json.dumps(dict(given))} names no `method`; add e.g. method: swift.")
    for key in OWN:
        if key not in LISTS and isinstance(given.get(key), list | dict):
            raise FairTuneError(f"`methods`: `{key}` is {given[key]}, but takes one value; write a row for each.")
    method, name = str(given["method"]), str(given.get("name", given["method"]))
    values = {key: value for key, value in given.items() if key not in OWN or key == "objective"}
    if method in PRESETS:
        method, values = "fairtune", {"mask": method, **values}
    known = [*catalog.names("methods"), *PRESETS]
    if method not in known:
        near = [f"`{one}`" for one in difflib.get_close_matches(method, known, n=3)]
        do = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(sorted(known))}."
        raise FairTuneError(f"`methods`: `{method}` is no method; {do}")
    mode = given.get("mode")
    if mode is not None and mode not in MODES:
        raise FairTuneError(f"`methods`: the mode of `{name}` is {mode!r}; choose from {', '.join(MODES)}.")
    varied = {key: value for key, value in values.items() if isinstance(value, list)}
    if empty := next((key for key, value in varied.items() if not value), None):
        raise FairTuneError(f"`methods`: `{empty}` of `{name}` is an empty list; give values, or leave it out.")
    for chosen in itertools.product(*varied.values()):
        own = dict(zip(varied, map(str, chosen), strict=True))
        found = _entry("-".join([name, *own.values()]), method, {**values, **own}, given.get("knobs"))
        yield replace(found, mode=mode, selection=given.get("selection"), training=_training(name, given))


def _entry(name: str, method: str, values: Mapping[str, Any], knobs: Any) -> Entry:
    if not NAME.fullmatch(name):
        raise FairTuneError(
            f"`methods`: the name `{name}` is that of a folder, too; use letters, digits and ` ._=+-`."
        )
    objective = values.get("objective")
    if objective is not None and greater_is_better(str(objective)) is None:
        direction(str(objective))
    texts: dict[str, Value] = {
        key: str(value) for key, value in values.items() if value is not None and key not in OWN
    }
    kind = method_named(method).arguments_type()
    built = method_named(method, **vars(read_as(kind, texts, f"methods: {name}")))
    wanted = [one for one in built.knobs() if one not in texts] if knobs is None else _names(knobs)
    if fixed := next((one for one in wanted if one in texts), None):
        raise FairTuneError(f"`methods`: `{fixed}` of `{name}` is given and a knob to draw; leave one of them out.")
    return Entry(name, built, built.tuned(*wanted).searched, objective=objective)


def _training(name: str, given: Mapping[str, Any]) -> dict[str, object]:
    """Read the arguments of trainings that a row has of its own, and check its rule of selection."""
    if given.get("selection") is not None:
        check_selection(str(given["selection"]))
    own = given.get("training") or {}
    if not isinstance(own, Mapping):
        raise FairTuneError(f"`methods`: `training` of `{name}` is {own}; write a mapping such as {{sampler: group}}.")
    texts: dict[str, Value] = {key: str(value) for key, value in own.items()}
    check_shared(texts, f"methods: {name}: training")
    return typed_as(FairTrainingArguments, texts, f"methods: {name}: training")


def check_shared(given: Mapping[str, object], title: str) -> None:
    """Refuse arguments of trainings that a comparison sets itself; the error line begins with `title`."""
    if taken := next((name for name in TAKEN if name in given), None):
        raise FairTuneError(f"`{title}`: `{taken}` is not free in a comparison; {TAKEN[taken]}.")


def check_selection(rule: str) -> None:
    """Refuse a rule of selection that is none, or that trains its finalists again, outside a comparison's budget."""
    if selection_named(rule).refits:
        raise FairTuneError(f"`selection` {rule} trains its finalists again; choose another rule.")


def _names(knobs: Any) -> list[str]:
    return list(knobs) if isinstance(knobs, list) else [] if knobs in ("none", "") else [str(knobs)]
