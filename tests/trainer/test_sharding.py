"""FSDP2 on two processes: scored, trained, stopped, gone on and saved, with the weights of DDP.

Accelerate has FSDP on accelerators alone. Here its own code runs on the CPU, where processes pass for those of GPUs.
"""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from accelerate.state import PartialState
from accelerate.utils import DistributedType
from safetensors.torch import load_file
from torch import nn
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.groupdro import GroupDro
from hf_fairtune.methods.method import Method, method_named
from hf_fairtune.methods.sam import Sam
from hf_fairtune.signals import Stopped
from hf_fairtune.trainer.sharding import refuse_sharding
from tests.conftest import table, tiny_vit
from tests.processes import together
from tests.trainer.moments import signal_in_step
from tests.trainer.test_fair import arguments


def as_on_accelerators() -> None:
    """Let processes on the CPU pass for those of GPUs; of a process that is a test's own."""
    begin = PartialState.__init__

    def begin_on_gpus(self: PartialState, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        if self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_GPU

    PartialState.__init__ = begin_on_gpus  # type: ignore[method-assign]


class Kinds(TrainerCallback):
    """Note what the parameters are while they are trained."""

    def __init__(self) -> None:
        self.divided: set[bool] = set()

    def on_step_end(self, *_: Any, model: nn.Module, **__: Any) -> None:
        self.divided |= {isinstance(parameter, DTensor) for parameter in model.parameters()}


def trainer_of(folder: Path, method: Method, **sharding: Any) -> FairTrainer:
    """Two epochs of three steps; a last batch of 13 rows is scored by two processes."""
    args = arguments(folder, per_device_train_batch_size=8, learning_rate=0.01, **sharding)
    return FairTrainer(tiny_vit(), args, method=method, train_dataset=table(), eval_dataset=table(61, 1))


def trained(folder: Path, signalled: bool, **sharding: Any) -> dict[str, Any]:
    """Train a mask, which PEFT holds, perhaps with a stop by a signal, and by a loss of all processes' rows."""
    kinds, masked = Kinds(), partial(trainer_of, folder / "mask", FairTune(mask="000010101"), **sharding)
    run = masked()
    seen: dict[str, Any] = {"before": run.evaluate()["eval_loss"]}
    if signalled:
        with pytest.raises(Stopped), signal_in_step(2):
            run.train()
        run = masked()
    run.add_callback(kinds)
    run.train(resume_from_checkpoint=signalled)
    seen |= {"steps": run.state.global_step, "divided": [*kinds.divided], "after": run.evaluate()["eval_loss"]}
    robust, sharp = (trainer_of(folder / one.name, one, **sharding) for one in (GroupDro(), Sam(rho=0.1)))
    robust.train()
    sharp.train()
    for name, one in {"mask": run, "robust": robust, "sharp": sharp}.items():
        one.save_model(str(folder / name))
        one.accelerator.wait_for_everyone()
        (file,) = (folder / name).glob("*model.safetensors")
        seen[name] = {key: float(values.double().sum()) for key, values in load_file(file).items()}
    return seen


def both(folder: Path) -> list[dict[str, Any]]:
    """Return what DDP and FSDP have made."""
    whole = trained(folder / "ddp", False, ddp_find_unused_parameters=False)
    as_on_accelerators()
    return [whole, trained(folder / "fsdp", True, fsdp=True)]


def test_fsdp_equals_ddp(tmp_path: Path) -> None:
    found = together(partial(both, tmp_path), tmp_path)
    assert found[0] == found[1]
    whole, divided = found[0]
    assert (whole.pop("divided"), divided.pop("divided")) == ([False], [True])
    assert (whole["steps"], len(whole["robust"])) == (6, 56)
    assert whole["after"] != whole["before"]
    for name, values in whole.items():
        assert divided[name] == pytest.approx(values, abs=1e-6), name


@pytest.mark.parametrize("method", ["swift", "swad", "scratch"])
def test_methods_that_copy_parameters_are_refused(tmp_path: Path, method: str) -> None:
    args = arguments(tmp_path)
    refuse_sharding(args, method_named(method), None)
    args.fsdp = True  # type: ignore[assignment]
    with pytest.raises(
        FairTuneError, match=f"^`fsdp` is True, but the method '{method}' copies or changes parameters"
    ):
        refuse_sharding(args, method_named(method), None)
    refuse_sharding(args, method_named("sam"), None)
    with pytest.raises(FairTuneError, match="^`fsdp` trains other tensors than those of an optimizer of your own"):
        refuse_sharding(args, method_named("sam"), object())
    args.gradient_accumulation_steps = 2
    refuse_sharding(args, method_named("full"), None)
    with pytest.raises(FairTuneError, match="'sam' takes the gradient of each batch, and there is one after 2 alone"):
        refuse_sharding(args, method_named("sam"), None)
