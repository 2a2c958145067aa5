"""Audit a `transformers` pipeline by group: score a table of images, audit the scores, write the page and its tables.

python scripts/stock_audit.py my-team/melanoma lesions.csv diagnosis malignant sex
"""

import sys

from transformers import pipeline

from hf_fairtune import Document, PredictionArguments, audit_table, score_dataset
from hf_fairtune.data.facts import audit_data
from hf_fairtune.document.document import Settings
from hf_fairtune.document.run import Model
from hf_fairtune.show.files import write_audit


def main(model: str, table: str, label: str, positive: str, group: str, folder: str = "audit") -> None:
    """Write the exact audit into `folder`, and what may be shared into its `share/`."""
    data = PredictionArguments(label=[label], positive=[positive], group=[group], dataset=table)
    images = score_dataset(pipeline("image-classification", model), None, data)
    audits = audit_table(images.table, n_permutations=1000)
    facts, models = audit_data(images.table, images.name, data), [Model("model", model)]
    for path in write_audit(Document("audit", facts, "model", models, audits, Settings(1000, "holm")), folder):
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
