"""An optimizer of one's own bound to the parameters that a method trains, where it was made of the plain model's."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from ..errors import FairTuneError
from ..families.moved import COPY, ORIGINAL

logger = logging.getLogger(__name__)
WAY = "give `optimizer_cls_and_kwargs` or `args.optim`, which the trainer makes of what it trains"


def rebind(optimizer: Optimizer | None, model: Any, before: Mapping[int, nn.Parameter]) -> None:
    """Put the parameters that a prepared model trains into an optimizer, in place, group by group.

    A trained copy of a parameter takes the place of the parameter that it is a copy of. What is new, such as an
    adapter's matrices, goes where there is one group to go to. What no longer trains leaves. Schedulers stay, as the
    groups do.

    Args:
        optimizer: made of the plain model's parameters; None for none.
        model: as the method trains it.
        before: parameters of the plain model by id.

    Raises:
        FairTuneError: it is not certain where a parameter belongs, or the optimizer has taken steps.
    """
    if optimizer is None:
        return
    trained = {name: values for name, values in model.named_parameters() if values.requires_grad}
    new = {name: values for name, values in trained.items() if id(values) not in before}
    place = {id(values): at for at, group in enumerate(optimizer.param_groups) for values in group["params"]}
    if not new:
        if left := sum(id(values) not in place for values in trained.values()):
            logger.warning("`optimizers` leaves %d of %d trained tensors as they are.", left, len(trained))
        return
    if optimizer.state:
        raise FairTuneError(f"`optimizers` has taken steps with parameters that the method replaces; {WAY}.")
    originals, goes = originals_of(model), {}
    for name, values in trained.items():
        source = originals.get(name, None if name in new else values)
        # An original that the user left out has no group, what is new has that of all where there is one.
        at = place.get(id(source)) if source is not None else 0 if len(optimizer.param_groups) == 1 else None
        if at is None:
            raise FairTuneError(
                f"`optimizers` has no parameter that `{name}` stands for, which the method trains; {WAY}."
            )
        goes[id(values)] = at
    for at, group in enumerate(optimizer.param_groups):
        group["params"][:] = [values for values in trained.values() if goes[id(values)] == at]


def originals_of(model: Any) -> dict[str, nn.Parameter]:
    """Return, by the name of each copy that PEFT trains in place of a parameter, that parameter."""
    known = dict(model.named_parameters(remove_duplicate=False))
    found = {}
    for name in known:
        for copy, original in ((f"{COPY}.", ORIGINAL), (".modules_to_save.default.", ".original_module.")):
            if copy in name:
                found[name] = known[name.replace(copy, original)]
    return found
