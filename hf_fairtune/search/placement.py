"""Where Ray places the workers of a search, by the options of Ray Tune."""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from ..errors import FairTuneError

# What `resources_per_trial` calls the resources of a machine, and what Ray does.
NAMES = {"cpu": "CPU", "gpu": "GPU", "memory": "memory"}


class RayOptions(TypedDict, total=False):
    """Options of Ray Tune's `run`, as they go through the stock Trainer."""

    resources_per_trial: Mapping[str, float] | None
    max_concurrent_trials: int | None


class RemoteOptions(TypedDict, total=False):
    """What a task of Ray needs of a machine."""

    num_cpus: float
    num_gpus: float
    memory: float
    resources: dict[str, float]


@dataclass(frozen=True)
class Machine:
    """A machine of a Ray cluster, and what it has, by Ray's names."""

    host: str
    has: Mapping[str, float]


@dataclass(frozen=True)
class Placement:
    """What each worker takes of a machine, and how many work at once.

    Args:
        needs: of a worker, by `cpu`, `gpu`, `memory` in bytes, or a resource of the cluster's own; None for one CPU
            and, where the trainer has one, one GPU.
        most: workers; None for as many as the cluster has room for.
    """

    needs: Mapping[str, float] | None = None
    most: int | None = None

    @classmethod
    def of(cls, given: RayOptions) -> Placement:
        """Read what is given.

        Raises:
            FairTuneError: a worker takes nothing, or less, or none is wanted.
        """
        needs, most = given.get("resources_per_trial"), given.get("max_concurrent_trials")
        if needs is not None and (min(needs.values(), default=0) < 0 or not any(needs.values())):
            raise FairTuneError(f'`resources_per_trial` is {dict(needs)}; give what a worker takes, as {{"cpu": 1}}.')
        if most is not None and most < 1:
            raise FairTuneError(f"`max_concurrent_trials` is {most}; give 1 or more, or None for no limit.")
        return cls(needs, most)

    @property
    def gpus(self) -> int:
        """Return the GPUs that a worker sees."""
        return math.ceil((self.needs or {}).get("gpu", 0))

    def options(self) -> RemoteOptions:
        """Return what a task of Ray is to be given."""
        needs = dict(self.needs or {})
        known = RemoteOptions(num_cpus=needs.pop("cpu", 0), num_gpus=needs.pop("gpu", 0))
        if "memory" in needs:
            known["memory"] = needs.pop("memory")
        return {**known, "resources": needs}

    def room(self, machines: Sequence[Machine], local: bool) -> int:
        """Return how many workers machines have room for, up to the most that are wanted.

        Args:
            machines: of the cluster.
            local: whether the study is a file of this machine.

        Raises:
            FairTuneError: there is no room for one, or other machines have some but cannot reach the study.
        """
        places = [(machine.host, self._on(machine)) for machine in machines]
        room = sum(count for _, count in places)
        hosts = {host for host, count in places if count} | {socket.gethostname()}
        if not room:
            raise FairTuneError(
                f"`resources_per_trial` is {dict(self.needs or {})}, but no machine of the Ray cluster has as much; "
                "lower it."
            )
        if local and len(hosts) > 1:
            raise FairTuneError(
                f"the search runs on {len(hosts)} machines, but its study is a file, which serves one; give the URL "
                "of a server as `storage`."
            )
        return min(room, self.most or room)

    def _on(self, machine: Machine) -> int:
        needs = {NAMES.get(name, name): amount for name, amount in (self.needs or {}).items() if amount}
        return min(math.floor(machine.has.get(name, 0) / amount + 1e-9) for name, amount in needs.items())
