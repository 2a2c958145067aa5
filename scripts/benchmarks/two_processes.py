"""Run every command on two processes and on one, with as many images a step; say what is equal and what differs.

OMP_NUM_THREADS=1 python scripts/benchmarks/two_processes.py --folder /tmp/two_processes
"""

from __future__ import annotations

import argparse
import json
import math
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file

DATA = "--label label --positive malignant --group skin --cluster patient_id --image_size 16"
TRAINED = f"{DATA} --num_train_epochs 3 --seed 3 --use_cpu"
RATES = "--learning_rate_low 1e-3 --learning_rate_high 1e-2"
BATCH = 32
COMMANDS = {
    "train": f"train --model {{base}} {TRAINED} --method full --learning_rate 3e-3",
    "search": f"search --model {{base}} {TRAINED} --trials 4 --baselines full --baseline_trials 2",
    "debias": f"debias --model {{one}}/train {TRAINED} --seeds 1 --head_learning_rate 0.02",
    "audit": f"audit --model {{one}}/train {DATA}",
    "compare": f"compare --models {{base}} {TRAINED.replace(' --seed 3', '')} --methods full swift --trials 2 {RATES}",
}
RECORDS = ("fairtune.json", "audit.json", "benchmark.json")
# Of a comparison the models that its repairs start from.
UNIT = "units/*/*/*/*"
MODELS = ("*.safetensors", f"{UNIT}/model/*.safetensors")
# What says how long, when, where and in how many parts.
APART = (
    "seconds",
    "created",
    "runtime",
    "preparation_time",
    "per_second",
    "processes",
    "batch_size",
    "hardware",
    "output_dir",
)


class Found(NamedTuple):
    """Two runs of a command beside each other.

    Args:
        equal: entries of the record that are equal.
        numbers: of those that are not, the largest difference of two numbers, over the larger one if that is above 1.
        other: names of other entries that differ.
        weights: largest difference of two weights; NaN where there is no model.
    """

    equal: int
    numbers: float
    other: list[str]
    weights: float


def flags(command: str, places: Mapping[str, Path], batch: int) -> list[str]:
    """Return the flags of a command; `places` has the dataset, `base`, `one` and the folder of the runs."""
    more = ["--dataset", str(places["dataset"]), "--data_cache", str(places["cache"])]
    more += ["--output_dir", str(places["folder"] / command)]
    more += [] if command == "audit" else ["--per_device_train_batch_size", str(batch)]
    repair = {"num_train_epochs": 3, "per_device_train_batch_size": batch}
    more += ["--repair", json.dumps(repair)] if command == "compare" else []
    return [*COMMANDS[command].format(**places).split(), *more]


def entries(record: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield every entry of a record that does not say how long or where, by its name."""
    if any(part in name.rpartition(".")[2] for part in APART):
        return
    if isinstance(record, dict):
        for key, value in record.items():
            yield from entries(value, f"{name}.{key}")
    elif isinstance(record, list):
        for place, value in enumerate(record):
            yield from entries(value, f"{name}[{place}]")
    else:
        yield name, record


def scores(folder: Path) -> Iterator[tuple[str, object]]:
    """Yield the scores that the trainings of a comparison left, by their names."""
    for path in folder.glob(f"{UNIT}/scores.npz"):
        with np.load(path) as file:
            yield from entries({name: file[name].tolist() for name in file.files}, str(path.relative_to(folder)))


def compared(one: Path, two: Path) -> Found:
    """Set two folders of a command side by side."""
    file = next(name for name in RECORDS if (one / name).is_file())
    records = [dict((*entries(json.loads((place / file).read_text())), *scores(place))) for place in (one, two)]
    equal, numbers, other = 0, 0.0, sorted(records[0].keys() ^ records[1].keys())
    for name in records[0].keys() & records[1].keys():
        values = records[0][name], records[1][name]
        if values[0] == values[1]:
            equal += 1
        elif all(isinstance(value, float) for value in values):
            first, second = map(float, values)  # type: ignore[arg-type]
            numbers = max(numbers, abs(first - second) / max(1.0, abs(first), abs(second)))
        else:
            other.append(name)
    weights = [[load_file(path) for pattern in MODELS for path in sorted(place.glob(pattern))] for place in (one, two)]
    apart = math.nan
    for own, others in zip(*weights, strict=True):
        assert own.keys() == others.keys()
        for name, tensor in own.items():
            moved = float((tensor.double() - others[name].double()).abs().max()) if tensor.numel() else 0.0
            apart = moved if math.isnan(apart) else max(apart, moved)
    return Found(equal, numbers, other, apart)


def launched(words: list[str], processes: int) -> None:
    """Run a command on so many processes."""
    start = [sys.executable, "-m"]
    if processes > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        start += f"accelerate.commands.launch --multi_gpu --num_processes {processes} --num_machines 1".split()
        start += f"--mixed_precision no --dynamo_backend no --main_process_port {port} -m".split()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    subprocess.run([*start, "hf_fairtune", *words], check=True, env=environment, stdout=subprocess.DEVNULL)


def main() -> None:
    """Print a row a command."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    from hf_fairtune.datasets.lesions import write_lesions

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    ViTForImageClassification(ViTConfig(image_size=16, patch_size=8, **size)).save_pretrained(folder / "base")
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder / "base")
    places = {"dataset": write_lesions(folder / "lesions", n=300, image_size=16), "base": folder / "base"}
    places |= {"one": folder / "one", "cache": folder / "cache"}
    print("| command | equal entries | largest difference of numbers | other entries | of weights |")
    print("|---|---|---|---|---|")
    for command in COMMANDS:
        for processes, name in ((1, "one"), (2, "two")):
            words = flags(command, places | {"folder": folder / name}, BATCH // processes)
            launched(words, processes)
        found = compared(folder / "one" / command, folder / "two" / command)
        other = ", ".join(found.other) or "none"
        print(f"| {command} | {found.equal} | {found.numbers:.1e} | {other} | {found.weights:.1e} |", flush=True)


if __name__ == "__main__":
    main()
