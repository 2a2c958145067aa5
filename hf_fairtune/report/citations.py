"""The paper of each method, as BibTeX."""

from __future__ import annotations

from ..record import Record

FAIRTUNE = """\
@inproceedings{dutt2024fairtune,
  title = {{FairTune}: Optimizing Parameter Efficient Fine Tuning for Fairness in Medical Image Analysis},
  author = {Raman Dutt and Ondrej Bohdal and Sotirios A. Tsaftaris and Timothy Hospedales},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}"""
SWIFT = """\
@article{yan2025swift,
  title = {{SWiFT}: Soft-Mask Weight Fine-tuning for Bias Mitigation},
  author = {Junyu Yan and Feng Chen and Yuyang Xue and Yuning Du and Konstantinos Vilouras and
            Sotirios A. Tsaftaris and Steven McDonagh},
  journal = {Machine Learning for Biomedical Imaging},
  year = {2025},
  doi = {10.59275/j.melba.2025-de23}
}"""
BMFT = """\
@inproceedings{xue2024bmft,
  title = {{BMFT}: Achieving Fairness via Bias-based Weight Masking Fine-tuning},
  author = {Yuyang Xue and Junyu Yan and Raman Dutt and Fasih Haider and Jingshuai Liu and Steven McDonagh and
            Sotirios A. Tsaftaris},
  booktitle = {MICCAI Workshop on Fairness of AI in Medical Imaging},
  year = {2024},
  eprint = {2408.06890},
  archivePrefix = {arXiv}
}"""
PAPERS = {"fairtune": FAIRTUNE, "swift": SWIFT, "bmft": BMFT}


def citation(record: Record) -> str:
    """Return the paper of the record's method; of its job's method where it is a control without one."""
    return PAPERS.get(record.method, SWIFT if record.job == "debias" else FAIRTUNE)
