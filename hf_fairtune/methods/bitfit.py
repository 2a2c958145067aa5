"""BitFit (Ben Zaken et al., ACL 2022): train the biases alone, and the head."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ..errors import FairTuneError
from ..families.parts import HEAD, parts_of
from ..masks.eval_mode import hold_statistics
from .facts import Facts
from .method import Method, flag

ALL = "all"


@dataclass(kw_only=True)
class BitFit(Method):
    """Train every bias, those of norms too, and the whole head; weights stay bit for bit (section 3).

    A bias is a parameter whose name ends in "bias": what is added to features, not a table of positions. Running
    statistics of a batch norm are kept still where none of its parameters is trained.
    """

    title: ClassVar[str] = "BitFit"
    citation: ClassVar[str] = """\
@inproceedings{benzaken2022bitfit,
  title = {{BitFit}: Simple Parameter-efficient Fine-tuning for Transformer-based Masked Language-models},
  author = {Elad Ben Zaken and Yoav Goldberg and Shauli Ravfogel},
  booktitle = {Proceedings of the 60th Annual Meeting of the Association for Computational Linguistics},
  pages = {1--9},
  year = {2022},
  doi = {10.18653/v1/2022.acl-short.1}
}"""
    trains: ClassVar[str] = "biases and the head"
    takes_mask: ClassVar[bool] = False

    biases: str = flag(ALL, "Kinds of parts whose biases move, such as attention,mlp; `fairtune units` lists them.")

    def prepare(self, model: Any, facts: Facts) -> Any:
        """Train the biases of the parts asked for, and the head.

        Raises:
            FairTuneError: a part that the model lacks, or no bias in any.
        """
        parts = parts_of(model, facts.head)
        head = {name for part in parts if part.kind == HEAD for name in part.parameters}
        kinds = {part.kind for part in parts} - {HEAD}
        asked = kinds if self.biases == ALL else {kind.strip() for kind in self.biases.split(",")}
        if unknown := sorted(asked - kinds):
            raise FairTuneError(f"`biases` names {unknown[0]!r}; choose {ALL}, or of {', '.join(sorted(kinds))}.")
        biases = {
            name
            for part in parts
            if part.kind in asked
            for name in part.parameters
            if name.rpartition(".")[2].endswith("bias")
        }
        if not biases:
            raise FairTuneError(
                f"{', '.join(sorted(asked))} of this model have no bias, so that {self.name} would train the head "
                "alone; choose fairtune with --mask linear for that."
            )
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name in biases | head)
        hold_statistics(model)
        return model


METHOD = BitFit
