"""Audit a `transformers` pipeline by group: score a table of images, put the numbers together, write the page.

python scripts/stock_audit.py my-team/melanoma lesions.csv diagnosis malignant sex
"""

import sys
from pathlib import Path

from transformers import pipeline

from hf_fairtune import PredictionArguments, audit_attributes, score_dataset
from hf_fairtune.audits.document import document
from hf_fairtune.page.files import write_audit


def main(model: str, table: str, label: str, positive: str, group: str, folder: str = "audit") -> None:
    """Write the page and its tables into `folder`."""
    data = PredictionArguments(label=[label], positive=[positive], group=[group], dataset=table)
    images = score_dataset(pipeline("image-classification", model), None, data)
    source = {"kind": "model", "name": images.name, "model": model, "split": None}
    told = document(images.table, audit_attributes(images.table), source)
    Path(folder).mkdir(parents=True, exist_ok=True)
    told.save(folder)
    for path in write_audit(told.to_dict(), folder):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
