"""Full fine-tuning: every parameter moves; the baseline ERM of MEDFAIR (Zong et al., ICLR 2023)."""

from dataclasses import dataclass
from typing import ClassVar

from .method import Method


@dataclass(kw_only=True)
class Full(Method):
    """Train all parameters, embeddings and final norm too."""

    title: ClassVar[str] = "Full fine-tuning"
    citation: ClassVar[str] = """\
@article{vapnik1999overview,
  title = {An Overview of Statistical Learning Theory},
  author = {Vladimir N. Vapnik},
  journal = {IEEE Transactions on Neural Networks},
  volume = {10},
  number = {5},
  pages = {988--999},
  year = {1999},
  doi = {10.1109/72.788640}
}"""


METHOD = Full
