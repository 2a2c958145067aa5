"""Hit every command by every signal at random moments, and compare what it leaves with an uninterrupted run.

    python scripts/benchmarks/kills.py --hits 1200 --page scripts/benchmarks/kills.md

Runs from a checkout, as it fires at what tests/kills prepares. Exits with 1 where anything differs.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
os.environ["HF_HUB_OFFLINE"] = "1"

from tests.kills.firing import import_all
from tests.kills.targets import TARGETS, Ground
from tests.kills.volley import ENDS, Volley, volley


@dataclass(frozen=True)
class Shot:
    """A command, a signal, how often, and the seed of the moments."""

    command: str
    signal: signal.Signals
    hits: int
    seed: int


def fire_at(shot: Shot) -> tuple[Shot, Volley]:
    """Hit one command by one signal, in a folder of its own."""
    draw = random.Random(f"{shot.command} {shot.signal.name} {shot.seed}")
    with tempfile.TemporaryDirectory() as root, Ground.prepare(Path(root)) as ground:
        return shot, volley(TARGETS[shot.command], ground, [shot.signal], shot.hits, draw)


def row(shot: Shot, found: Volley) -> str:
    """Write a line of the table."""
    low, middle, high = np.quantile(found.moments or [0.0], (0.1, 0.5, 0.9))
    equal = f"{found.runs} of {found.runs}" if not found.wrong else f"**no**: {found.wrong[0][:200]}"
    name = shot.command.replace("_", " ")
    return f"| {name} | {shot.signal.name} | {len(found.moments)} | {low:.2f}, {middle:.2f}, {high:.2f} | {equal} |"


def main() -> int:
    """Fire, print the table, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hits", type=int, default=1200, help="signals in all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="commands fired at together")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--commands", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--page", type=Path, help="where the table is written")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    import_all()
    each = -(-asked.hits // (len(asked.commands) * len(ENDS)))
    shots = [Shot(name, stop, each, asked.seed) for name in asked.commands for stop in ENDS]
    with multiprocessing.get_context("fork").Pool(asked.jobs, maxtasksperchild=1) as pool:
        done = list[tuple[Shot, Volley]]()
        for one in tqdm(pool.imap_unordered(fire_at, shots), total=len(shots), desc="commands × signals"):
            tqdm.write("\n".join([row(*one), *one[1].wrong]))
            done.append(one)
    done.sort(key=lambda one: shots.index(one[0]))
    head = "| command | signal | hits | seconds to the hit: 10 %, median, 90 % | runs equal to an uninterrupted one |"
    total = sum(len(found.moments) for _, found in done)
    runs = sum(found.runs for _, found in done)
    wrong = sum(bool(found.wrong) for _, found in done)
    table = "\n".join([head, "|---|---|---|---|---|", *(row(*one) for one in done)])
    said = f"{total} hits in {runs} runs; {wrong} of {len(done)} pairs of command and signal with a difference."
    print(f"{table}\n\n{said}")
    if asked.page:
        asked.page.write_text(PAGE.format(table=table, said=said, hits=asked.hits, seed=asked.seed), encoding="utf-8")
    return int(wrong > 0)


PAGE = """# Kills

    python scripts/benchmarks/kills.py --hits {hits} --seed {seed} --page scripts/benchmarks/kills.md

A process runs a command on generated images and is hit by a signal at a random moment. It is started again, and hit
again, until it ends by itself. After each hit every file that is not hidden must be whole. At the end every file must
equal that of an uninterrupted run: weights, scores and figures byte for byte, records, cards and pages but for
times, the study trial by trial; of a push, what the Hub holds. Checkpoints are left out, as a signal adds some. A
command may end with 0, by the signal or with 128 + the signal, and print no traceback.

{table}

{said}
"""

if __name__ == "__main__":
    sys.exit(main())
