"""Run by test_distributed.py on one process and on two: search, train, audit; the main process writes what it saw."""

import json
import sys
from pathlib import Path

import optuna
from accelerate import PartialState
from optuna.pruners import BasePruner

from hf_fairtune import FairTrainer
from tests.conftest import table, tiny_vit
from tests.trainer.test_fitting import arguments


class OddTrials(BasePruner):
    """Stop every second trial after its second epoch."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.number % 2 == 1 and len(trial.intermediate_values) == 2


if __name__ == "__main__":
    folder, batch = Path(sys.argv[1]), int(sys.argv[2])
    args = arguments(folder, num_train_epochs=3, per_device_train_batch_size=batch, per_device_eval_batch_size=8)
    args.ddp_find_unused_parameters = False
    # 61 rows: no multiple of the batch, so that padding is added and has to be trimmed again.
    run = FairTrainer(model_init=lambda: tiny_vit(), args=args, train_dataset=table(), eval_dataset=table(61, 1))
    best = run.hyperparameter_search(n_trials=8, pruner=OddTrials())
    mask = list(run.method.mask.bits)
    run.train()
    seen = {"evaluate": run.evaluate(), "mask": mask, "rank": args.process_index, "best": best.run_id}
    seen["rows"] = len(run.predict(table(61, 1)).predictions)
    (folder / f"rank{args.process_index}.json").write_text(json.dumps(seen))
    PartialState().destroy_process_group()
