"""Metrics by group in `evaluate`, offline: no class of ours but the module.

python scripts/stock_evaluate.py predictions.csv y p sex
"""

import sys
from pathlib import Path

import evaluate
import pandas as pd

import hf_fairtune


def main(table: str, label: str, score: str, group: str) -> None:
    """Print the metrics of a table of predictions, by the column `group`."""
    rows = pd.read_csv(table)
    metric = evaluate.load(str(Path(hf_fairtune.__file__).parent / "fairness_metric"))
    groups = rows[group].fillna("missing").astype(str)
    print(metric.compute(references=rows[label], predictions=rows[score], groups=groups))


if __name__ == "__main__":
    main(*sys.argv[1:])
