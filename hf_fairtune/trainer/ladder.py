"""A ladder of repairs in the order of cost: the first that is enough on validation is taken; the test split waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from accelerate.utils import broadcast_object_list

from ..audits.audit_table import ARGMAX, audit_table
from ..data.fair_dataset import FairDataset
from ..document.document import Audited, Document
from ..document.estimate import NAN, Estimate
from ..document.gate import Gate
from ..document.ladder import Ladder, Rung
from ..document.run import Model
from ..gate.check import check_rules
from ..gate.judge import judge
from ..gate.rules import PASS, Rule, Rules
from ..methods.method import Method
from ..selections.objective import Objective, Scored
from .audits import MODEL, VALIDATION
from .baselines import beside
from .kept_rung import FOLDER, KeptRung, keep, kept_rung, restore
from .selecting import unscored
from .stages import start_model

if TYPE_CHECKING:
    from .fair import FairTrainer

BETTER = "better"
# That a group gained, and that no group's fall beyond the margin is left open.
IS_BETTER = Rules(BETTER, (Rule("rule 1", "verdict", wanted="fairer"),))
LOWEST = Objective("min_group_auc", maximize=True)
# Its replicates are those of an audit; chance alone is no part of a rule.
N_BOOT = 2000


@dataclass
class Climb:
    """Trains methods one after another until one is enough, each in `<output_dir>/rungs/<method>`.

    A rung that is done is kept, so that after a kill it is not trained again.

    Args:
        trainer: whose model is the one before; its audits hold that one's scores of validation as `before`.
        before: id of the model before.
        methods: in the order of cost.
        rules: what is enough.
        train: trains a trainer, from its last whole checkpoint.
        done: rungs that were trained, or found on disk.
    """

    trainer: FairTrainer
    before: str
    methods: Sequence[Method]
    rules: Rules
    train: Callable[[FairTrainer], None]
    done: list[KeptRung] = field(default_factory=list)

    def rungs(self) -> Iterator[Rung]:
        """Yield the rungs as they are done, up to the first that is enough."""
        for method in self.methods:
            self.done.append(self._kept(method) or self._trained(method))
            yield self.done[-1].rung
            if self.done[-1].rung.verdict == PASS:
                return

    def ladder(self) -> Ladder:
        """Return what the rungs show: the last is chosen if it is enough, else by `cheapest` on validation."""
        rungs = [one.rung for one in self.done]
        is_enough = rungs[-1].verdict == PASS
        chosen, best, error = (-1, None, NAN) if is_enough else cheapest(self._scored(), self.trainer.args.seed)
        entries = judged_entries(self._data(), self._before(), self.trainer.args.seed)
        return Ladder(
            self.rules.file,
            attribute_of(entries),
            lowest(entries),
            rungs,
            [method.title for method in self.methods[len(rungs) :]],
            rungs[chosen].method,
            is_enough,
            self._needless(entries),
            "" if best is None else rungs[best].method,
            error,
        )

    def adopt(self, ladder: Ladder) -> None:
        """Make the chosen rung's model the trainer's, as if the trainer had trained it."""
        trainer = self.trainer
        method, kept = self._named(ladder.chosen), next(one for one in self.done if one.rung.method == ladder.chosen)
        found = self._restored(method)
        trainer.method = trainer.open_method = trainer.training_log.method = found.method
        trainer.model = trainer.model_wrapped = found.model
        trainer.facts, trainer.base_name, trainer.ladder = found.facts, found.base_name, ladder
        trainer.training_log.kept, trainer.training_log.steps = kept.training, kept.training.steps
        if trainer.audits is not None:
            trainer.audits.forget(MODEL)

    def score(self) -> None:
        """Audit the models of the rungs that were not chosen on the test splits, beside the model before."""
        audits, data, ladder = self.trainer.audits, self._data(), self.trainer.ladder
        assert audits is not None
        assert ladder is not None
        for one in self.done:
            name = one.rung.method
            if name == ladder.chosen:
                continue
            found = self._restored(self._named(name))
            assert found.audits is not None
            scores = {split: found.audits.scores(MODEL, split) for split in (VALIDATION, *data.test_splits)}
            audits.take(Model(name, one.rung.title, one.training, None, [self.trainer.args.seed]), scores)
            for split in data.test_splits:
                audits.add(name, split, self.before)

    def _needless(self, entries: Sequence[Audited]) -> bool:
        """Tell whether the model before was enough; a rule on a comparison cannot tell."""
        compares = any(rule.wanted for rule in self.rules.rules)
        return not compares and enough(self._data(), entries, self.rules).verdict == PASS

    def _scored(self) -> Scored:
        """Return validation with the scores of every rung that is done."""
        scores = []
        for one in self.done:
            found = self._restored(self._named(one.rung.method))
            assert found.audits is not None
            scores.append(found.audits.scores(MODEL, VALIDATION))
        return Scored(*unscored(self.trainer), np.stack(scores))

    def _named(self, name: str) -> Method:
        return next(method for method in self.methods if method.name == name)

    def _data(self) -> FairDataset:
        assert self.trainer.data is not None
        return self.trainer.data

    def _before(self) -> np.ndarray:
        assert self.trainer.audits is not None
        return self.trainer.audits.scores(self.before, VALIDATION)

    def _folder(self, method: Method) -> Path:
        return Path(self.trainer.args.output_dir) / FOLDER / method.name

    def _kept(self, method: Method) -> KeptRung | None:
        """Read a rung that is done, on every process."""
        found = kept_rung(self._folder(method)) if self.trainer.is_world_process_zero() else None
        kept: KeptRung | None = broadcast_object_list([found])[0]
        return kept

    def _beside(self, method: Method) -> FairTrainer:
        return beside(self.trainer, Path(FOLDER) / method.name, replace(method), self.trainer.args.seed)

    def _restored(self, method: Method) -> FairTrainer:
        """Return a trainer with the model of a rung that is done."""
        found = self._beside(method)
        # Without what the preparation attached for the training.
        found.model = found.model_wrapped = start_model(found)
        restore(self._folder(method), found.model)
        found.model.to(found.args.device)
        return found

    def _trained(self, method: Method) -> KeptRung:
        found = self._beside(method)
        self.train(found)
        assert found.audits is not None
        scores, seed = found.audits.scores(MODEL, VALIDATION), self.trainer.args.seed
        entries = judged_entries(self._data(), scores, seed, self.before, self._before())
        gate = enough(self._data(), entries, self.rules)
        seconds = sum(step.seconds for step in found.training_log.steps)
        chose = method.needs.attribute_at_validation
        rung = Rung(method.name, method.title, seconds, lowest(entries), gate.verdict, gate.rows, chose)
        kept = KeptRung(rung, found.training_log.training(found))
        if self.trainer.is_world_process_zero():
            keep(self._folder(method), kept, start_model(found), found.model)
        self.trainer.accelerator.wait_for_everyone()
        return kept


def cheapest(scored: Scored, seed: int) -> tuple[int, int | None, float]:
    """Return the first model whose lowest AUC of a group is within one standard error of the best, and the best.

    Last comes the error: of the difference of the two, by `Objective.errors`, NaN where no resample tells it; the
    best is then taken. Where no model has such an AUC, the first is taken and none is the best.
    """
    values = LOWEST.values(scored)
    if np.isnan(values).all():
        return 0, None, NAN
    best = int(np.nanargmax(values))
    errors = LOWEST.errors(scored, best, N_BOOT, seed)
    within = np.flatnonzero(values[best] - values <= errors)
    chosen = int(within[0]) if len(within) else best
    return chosen, best, float(errors[chosen])


def cuts_of(data: FairDataset) -> tuple[str, ...]:
    """Return the thresholds that rules can ask for: validation has no other rows to fit one on."""
    return (ARGMAX,) if data.task == "multiclass" else ("0.5",)


def check_enough(data: FairDataset, rules: Rules, scores: np.ndarray) -> None:
    """Refuse rules that validation cannot answer, before anything is trained; scores are of any model.

    Raises:
        FairTuneError: names the first rule whose target, attribute, group or threshold is not there.
    """
    table = data.scored(VALIDATION, scores)
    groups = {attribute.name: attribute.names for attribute in table.attributes}
    check_rules(rules, table.targets, groups, cuts_of(data), compared=True)


def judged_entries(
    data: FairDataset, scores: np.ndarray, seed: int, reference: str = "", others: np.ndarray | None = None
) -> list[Audited]:
    """Audit a model's scores of validation, beside those of a reference if there is one."""
    table = data.scored(VALIDATION, scores, others)
    return audit_table(
        table,
        model=MODEL,
        split=VALIDATION,
        reference=reference,
        policies=cuts_of(data),
        exclude=list(data.exclude),
        include=list(data.include),
        n_boot=N_BOOT,
        n_permutations=0,
        seed=seed,
    )


def enough(data: FairDataset, entries: Sequence[Audited], rules: Rules) -> Gate:
    """Judge the audits of validation by the rules, on whole intervals."""
    return judge(Document("audit", data.facts(), MODEL, [Model(MODEL, MODEL)], list(entries)), rules)


def attribute_of(entries: Sequence[Audited]) -> str:
    """Return the last attribute, which is what training knows."""
    return [entry.attribute for entry in entries if entry.attribute is not None][-1]


def lowest(entries: Sequence[Audited]) -> Estimate:
    """Return the lowest AUC of a group by the last attribute, of several classes the lowest of all."""
    own = [entry.audit.min_group_auc for entry in entries if entry.attribute == attribute_of(entries)]
    found = min((one for one in own if one.defined), key=attrgetter("value"), default=own[0])
    return Estimate(found.value, found.low, found.high, found.method, found.reasons)
