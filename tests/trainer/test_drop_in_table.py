"""Every field of `TrainingArguments` as the table in `scripts/drop_in/fields.md` says: the table is what is tried."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import EvalPrediction, Trainer, TrainingArguments

from hf_fairtune import FairTrainer, FairTuneError
from tests.conftest import table, tiny_vit

pytestmark = pytest.mark.filterwarnings("ignore:`gradient_checkpointing:FutureWarning")
PAGE = Path(__file__).parent.parent.parent / "scripts" / "drop_in" / "fields.md"
ROWS = [line.strip("| \n").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
TIMES = ("runtime", "per_second", "total_flos")
SHORT: dict[str, Any] = {
    "num_train_epochs": 1, "per_device_train_batch_size": 8, "learning_rate": 1e-3, "save_strategy": "no",
    "eval_strategy": "epoch", "use_cpu": True, "report_to": "none", "disable_tqdm": True,
}  # fmt: skip


def tried() -> Iterator[Any]:
    """Yield what each row tries, and what it says comes of it."""
    for name, *cells in ROWS:
        options, result = (cells[0], cells[1]) if len(cells) == 2 else ("", cells[0].removeprefix("| "))
        for place, text in enumerate(re.findall(r"`({.*?})`(?= |$)", options)):
            yield pytest.param(json.loads(text), result, id=f"{name}-{place}")


def accuracy(prediction: EvalPrediction) -> dict[str, float]:
    """A metric of a user's own, as transformers' example script has it."""
    return {"accuracy": float((np.argmax(prediction.predictions, axis=1) == prediction.label_ids).mean())}


def trained(kind: type[Trainer], folder: Path, options: dict[str, Any], rows: Any) -> Trainer:
    args = TrainingArguments(str(folder), **{**SHORT, **options})
    run = kind(tiny_vit(), args, train_dataset=rows, eval_dataset=rows, compute_metrics=accuracy)
    run.train()
    return run


def log(run: Trainer) -> list[dict[str, float]]:
    """Return what was logged, but for times."""
    return [{k: v for k, v in line.items() if not any(word in k for word in TIMES)} for line in run.state.log_history]


def test_every_field_is_in_the_table() -> None:
    listed = re.findall(r"`(\w+)`", " ".join(name for name, *_ in ROWS))
    assert set(listed) == {one.name for one in fields(TrainingArguments) if one.init}
    assert {cells[-1].split(":")[0].removeprefix("| ") for _, *cells in ROWS} == {
        "same",
        "alike",
        "refused",
        "untried",
    }


@pytest.mark.parametrize(("options", "result"), [*tried()])
def test_a_field_works_as_the_table_says(
    tmp_path: Path, options: dict[str, Any], result: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = table(24)
    # The arguments set it for the whole process.
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "false")
    what, _, line = result.partition(": ")
    if what == "refused":
        with pytest.raises(FairTuneError) as refused:
            trained(FairTrainer, tmp_path, options, rows)
        assert str(refused.value).startswith(line.partition("; else")[0])
        assert "\n" not in str(refused.value)
        return
    stock = trained(Trainer, tmp_path / "stock", options, rows.remove_columns("groups"))
    ours = trained(FairTrainer, tmp_path / "ours", options, rows)
    pairs = list(zip(ours.model.parameters(), stock.model.parameters(), strict=True))
    if what == "same":
        assert all(torch.equal(one, other) for one, other in pairs)
        assert log(ours) == log(stock)
    else:
        assert what == "alike"
        for one, other in pairs:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
        assert [line.keys() for line in log(ours)] == [line.keys() for line in log(stock)]
    assert any(not torch.equal(one, other) for (one, _), other in zip(pairs, tiny_vit().parameters(), strict=True))
