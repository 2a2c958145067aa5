"""Audit a table of 5,000,000 predictions by 20 groups: memory, time, and what a log shows meanwhile.

OMP_NUM_THREADS=1 python scripts/benchmarks/large_audit.py --folder /tmp/large_audit
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

CHUNK = 500_000


def write_table(file: Path, rows: int, sites: int, seed: int = 0) -> None:
    """Write labels, scores, sex, age and site; patients over 60 are served a little worse."""
    draw = np.random.default_rng(seed)
    for start in range(0, rows, CHUNK):
        n = min(CHUNK, rows - start)
        y, age, site = (draw.random(n) < 0.3).astype(int), draw.integers(18, 91, n), draw.integers(0, sites, n)
        odds = draw.normal(1.2 * y - 0.8 - 0.2 * (age > 60), 1)
        columns = {"y": y, "p": (1 / (1 + np.exp(-odds))).round(6), "sex": draw.choice(["F", "M"], n), "age": age}
        frame = pd.DataFrame(columns | {"site": np.char.add("S", site.astype(str))})
        frame.to_csv(file, mode="a" if start else "w", header=not start, index=False)


def main() -> None:
    """Audit in a process of its own; print its log, and what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--flags", default="", help="more flags of the audit, such as `--n_boot 200`")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    table = given.folder / f"{given.rows}-{given.sites}.csv"
    if not table.is_file():
        write_table(table, given.rows, given.sites)
    command = [sys.executable, "-m", "hf_fairtune", "audit", str(table), "--label", "y", "--score", "p"]
    command += ["--group", "site", "--output_dir", str(given.folder / "audit"), *given.flags.split()]
    start = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, spent = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    print(done.stderr)
    print(
        f"{given.rows:,} rows, {given.sites} groups, {table.stat().st_size / 1e6:.0f} MB of text: peak "
        f"{spent.ru_maxrss / 1e6:.2f} GB, {seconds:.0f} s, {spent.ru_utime + spent.ru_stime:.0f} s of the processors"
    )


if __name__ == "__main__":
    main()
