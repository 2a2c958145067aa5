"""Count the files and code objects of hf_fairtune that one audit of a table enters: what a reader has to know.

    python scripts/benchmarks/entered.py

A code object is a module, a class body, a function, a lambda or a comprehension; one that runs twice counts once.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pandas as pd

PACKAGE = "/hf_fairtune/"


def predictions(rows: int = 1200, seed: int = 1) -> pd.DataFrame:
    """Make a table of predictions that serves patients over 60 a little worse."""
    rng = np.random.default_rng(seed)
    y, age = (rng.random(rows) < 0.3).astype(int), rng.integers(20, 91, rows)
    p = np.clip(rng.normal(0.35 + 0.25 * y - 0.08 * y * (age > 60), 0.17), 0.001, 0.999)
    return pd.DataFrame({"y": y, "p": p.round(4), "sex": rng.choice(["F", "M"], rows), "age": age})


def entered(arguments: list[str]) -> set[CodeType]:
    """Run `fairtune` and return the code objects of the package that it enters, imports included."""
    found: set[CodeType] = set()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and PACKAGE in frame.f_code.co_filename:
            found.add(frame.f_code)

    sys.setprofile(profile)
    threading.setprofile(profile)
    try:
        from hf_fairtune.cli.main import main

        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            status = main(arguments)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    if status:
        raise SystemExit(f"fairtune ended with status {status}")
    return found


def place(code: CodeType) -> str:
    """Return the file of a code object below the package."""
    return code.co_filename.rpartition(PACKAGE)[2]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "predictions.csv"
        predictions().to_csv(table, index=False)
        flags = ["--label", "y", "--score", "p", "--group", "sex", "--group", "age:60"]
        codes = entered(["audit", str(table), *flags, "--output_dir", str(Path(folder) / "audit")])
    for room, count in Counter(str(Path(place(code)).parent) for code in codes).most_common():
        files = {place(code) for code in codes if str(Path(place(code)).parent) == room}
        print(f"{room:<16} {len(files):>4} files {count:>5} code objects")
    print(f"{'all':<16} {len({place(code) for code in codes}):>4} files {len(codes):>5} code objects")
