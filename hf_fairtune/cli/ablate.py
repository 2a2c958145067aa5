"""Repair once for each value of a flag and each seed, and set the results side by side.

All flags but those below are those of `fairtune debias`; `{seed}` in a flag stands for the seed. A run that is
finished is not run again. One command makes a table of the SWiFT paper:

  table 6   --vary mask=none,random,hard,soft
  table 7   --vary normalization=min-max,z-score
  table 8   --vary steps=both,extractor,head
  table 9   --vary reinit=mean,none,full
  figure 7  --vary external_fraction=0.2,0.4,0.6,0.8,1
  methods   --vary method=full,bmft,swift
"""

from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from ..document.document import Document
from ..errors import FairTuneError
from ..folder import write_atomically
from ..methods.method import method_named
from ..show.ablation import ablation_rows, ablation_table
from ..show.classes import several
from . import debias
from .flags import parse

EXAMPLE = """  fairtune ablate --vary mask=none,random,hard,soft --seeds 0 1 2 --output_dir masks \\
      --model my-team/melanoma --dataset lesions.csv --label malignant --positive yes --group skin_type:3"""
PASSES_ON = True
OWN = ("seed", "seeds", "output_dir", "vary")


@dataclass
class AblationArguments:
    """What to vary."""

    vary: str = field(metadata={"help": "FLAG=VALUE,VALUE,...: a flag of `fairtune debias` and its values."})
    output_dir: str = field(metadata={"help": "Where the table and, in FLAG-VALUE/seed-SEED, the runs go."})
    seeds: list[int] = field(default_factory=lambda: [0], metadata={"help": "Seeds of each value."})


ARGUMENTS = (AblationArguments,)


def run(ablation: AblationArguments, flags: list[str]) -> None:
    """Run what is not finished yet, and write and print the table."""
    name, values = varied(ablation.vary)
    if len(set(ablation.seeds)) < len(ablation.seeds):
        raise FairTuneError(f"`--seeds {' '.join(map(str, ablation.seeds))}` names one twice; name each once.")
    folder = Path(ablation.output_dir)
    planned = list(product(values, ablation.seeds))
    # All flags are read before the first run, which may take hours.
    parsed = [flags_of(flags, name, value, seed, folder) for value, seed in planned]
    runs: dict[str, list[Document]] = {}
    for (value, seed), found in zip(planned, parsed, strict=True):
        print(f"== {name} {value}, seed {seed}", flush=True)
        job = debias.complete(*found)
        runs.setdefault(value, []).append(Document.load(job.folder))
    rows = ablation_rows(runs)
    text = to_json({"flag": name, "seeds": ablation.seeds, "rows": rows}, indent=2, inf_nan_mode="null").decode()
    write_atomically(folder / "ablation.json", text + "\n")
    table = ablation_table(name, rows, len(ablation.seeds), several(runs[values[0]][0]))
    write_atomically(folder / "ablation.txt", table + "\n")
    print(table)


def flags_of(flags: list[str], name: str, value: str, seed: int, folder: Path) -> tuple[Any, ...]:
    """Return what `fairtune debias` is given in one run."""
    own = [flag.replace("{seed}", str(seed)) for flag in flags]
    own += [
        f"--{name}",
        value,
        "--seed",
        str(seed),
        "--seeds",
        "1",
        "--output_dir",
        str(folder / f"{name}-{value}" / f"seed-{seed}"),
    ]
    parsed = parse(debias, own)
    method_named(parsed[-1].method, **vars(parsed[-2]))
    return parsed


def varied(text: str) -> tuple[str, list[str]]:
    """Read FLAG=VALUE,VALUE,..."""
    name, _, listed = text.lstrip("-").partition("=")
    values = [value for value in listed.split(",") if value]
    if not name or not values or len(set(values)) < len(values):
        raise FairTuneError(f"`--vary {text}` is not FLAG=VALUE,VALUE; write e.g. --vary mask=none,soft.")
    if name in OWN:
        raise FairTuneError(f"`--vary {text}`: {name} is set by `fairtune ablate`; name seeds by --seeds 0 1 2.")
    return name, values
