"""Compare methods on tasks: each gets the same rows, trials, criterion and seeds, and is tested once a seed.

A protocol file names tasks, methods and what they share; every flag below may be a key of it. A task is a table, an
attribute and a model: the flags of the data (`fairtune train --help`), `model`, and `test: [NAME=PATH]` for further
test sets. A method is a name (`fairtune methods`), a preset mask, or a mapping:

  method, name        which, and what its row is called
  any flag of it      given, not searched; a list of values makes a row for each
  knobs               hyper-parameters that its search draws beside the learning rate; [] for none
  objective, selection, mode, training
                      in place of those that all share

A repair, such as swift, starts from the trained model of the reference (--base), seed by seed. Without a file,
--methods and the flags of the data make a comparison on one task; flags of `fairtune train`, such as
--num_train_epochs, are then shared by all trainings but repairs, which have their own (`fairtune debias --help`, and
--repair).

Run the same command again to go on after a kill, in another terminal to share the work, or with more methods, tasks or
seeds. What was there before cannot change. Under `accelerate launch` several devices share each training.
OUTPUT_DIR/progress.txt says how far it is; compare.html is the report.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import FairTuneError
from ..processes import is_main, once
from ..protocol.comparison import compare
from ..protocol.entry import CONTROLS, check_shared, entries_of
from ..protocol.protocol import Protocol, Settings
from ..protocol.published import published_numbers
from ..protocol.task import TaskArguments, tasks_of
from ..recipes.flag_file import Value, read_as
from ..show.benchmark_files import write_benchmark
from ..show.benchmark_page import benchmark_text
from ..trainer.arguments import FairTrainingArguments
from ..trainer.repair_arguments import RepairTrainingArguments

EXAMPLE = """  fairtune compare protocol.yaml --output_dir compared
  fairtune compare --dataset lesions.csv --label malignant --positive yes --group sex --num_train_epochs 10 \\
      --models google/vit-base-patch16-224 --methods full groupdro swift --output_dir compared

  protocol.yaml:
    tasks:
      lesions-age: {dataset: lesions.csv, label: malignant, positive: yes, group: "age:60", cluster: patient_id}
    models: [google/vit-base-patch16-224]
    methods:
      - full
      - {method: sam, rho: 0.1}
      - {method: swift, mask: [none, hard, soft]}
      - {name: balanced, method: full, training: {sampler: group}}
    seeds: [0, 1, 2]
    trials: 8
    training: {num_train_epochs: 10}
    repair: {num_train_epochs: 5}"""
POSITIONAL = "--config"
PASSES_ON = True


@dataclass
class CompareArguments:
    """What is compared, and where."""

    output_dir: str = field(metadata={"help": "Where the comparison goes; the same command takes up what is there."})
    config: str | None = field(default=None, metadata={"help": "Protocol file, yaml or json, whose keys are flags."})
    tasks: str | None = field(default=None, metadata={"help": "Tasks as JSON: flags of the data, by the task's name."})
    methods: list[str] = field(
        default_factory=lambda: ["full", "linear", "groupdro", "fairtune"],
        metadata={"help": 'Rows: methods, preset masks, or JSON such as \'{"method": "sam", "rho": 0.1}\'.'},
    )
    training: str | None = field(
        default=None, metadata={"help": "Flags that all trainings share, as JSON; see `fairtune train --help`."}
    )
    repair: str | None = field(
        default=None, metadata={"help": "Flags that all repairs share, as JSON; see `fairtune debias --help`."}
    )
    published: str | None = field(
        default=None, metadata={"help": "Published numbers to stand beside ours, as JSON: file and table."}
    )
    differences: list[str] = field(default_factory=list, metadata={"help": "Known differences to these."})
    max_hours: float = field(
        default=float("inf"), metadata={"help": "Hours after which this command begins nothing new."}
    )


ARGUMENTS = (CompareArguments, Settings)


def run(arguments: CompareArguments, settings: Settings, flags: list[str]) -> None:
    """Run the comparison, or the rest of it; print and write what it found."""
    folder = Path(arguments.output_dir)
    say = partial(print, flush=True)
    found = compare(protocol_of(arguments, settings, flags), folder, arguments.max_hours, say)
    if found is None:
        return
    pages = once(partial(write_benchmark, found, folder))
    if is_main():
        print(f"{benchmark_text(found)}\n\nwritten: {', '.join(str(page) for page in pages)}")


def protocol_of(arguments: CompareArguments, settings: Settings, flags: list[str]) -> Protocol:
    """Read the protocol; flags of a training or a task, which are not the command's own, are in `flags`."""
    passed = passed_on(flags)
    own = {name: value for name, value in passed.items() if name in TaskArguments.__dataclass_fields__}
    tasks = mapping(arguments.tasks, "tasks")
    if own and tasks:
        raise FairTuneError(f"`--{next(iter(own))}` is of one task, but `tasks` names them; write it there.")
    tasks = tasks or ({Path(str(own.get("dataset", "task"))).stem: own} if own else {})
    shared = {name: value for name, value in passed.items() if name not in own}
    named = tasks_of(tasks, settings.models)
    training, repair = {**mapping(arguments.training, "training"), **shared}, mapping(arguments.repair, "repair")
    check_shared(training, "training")
    check_shared(repair, "repair")
    return Protocol(
        settings,
        named,
        entries_of([*arguments.methods, *(CONTROLS if settings.controls else ())]),
        read_as(FairTrainingArguments, training, "training"),
        read_as(RepairTrainingArguments, repair, "repair"),
        published_numbers(mapping(arguments.published, "published"), arguments.config, named),
        arguments.differences,
    )


def mapping(text: str | None, name: str) -> Mapping[str, Any]:
    """Read a flag that is a JSON mapping.

    Raises:
        FairTuneError: it is none.
    """
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise FairTuneError(f"`{name}` is {text}; write a mapping of names to values.")
    return found


def passed_on(flags: list[str]) -> dict[str, Value]:
    """Return flags that are not the command's own, and their values, by name."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in flags:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            found.setdefault(name, []).extend([value] if equals else [])
        elif not name:
            raise FairTuneError(f"`{word}` belongs to no flag; put one before it.")
        else:
            found[name].append(word)
    return {name: values[0] if len(values) == 1 else values or "true" for name, values in found.items()}
