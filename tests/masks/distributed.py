"""Run by test_distributed.py on two processes: train under a mask; each process writes the weights it ends with."""

import sys
from pathlib import Path

import torch
from accelerate import PartialState

from hf_fairtune.masks.eval_mode import EvalModeCallback
from hf_fairtune.masks.soft_mask_callback import SoftMaskCallback
from tests.masks.training import Plain, Small, trained, trainer_of, uniform

STEPS = {"max_steps": 4, "optimizer": "decay", "max_grad_norm": 1.0}

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    shared = {**STEPS, "per_device_train_batch_size": 4, "ddp_find_unused_parameters": False}
    seen = {"weights": trained(Plain(), folder, SoftMaskCallback(uniform(Plain())), **shared)}
    held = Small()
    seen["before"] = {name: buffer.clone() for name, buffer in held.named_buffers()}
    trainer = trainer_of(held, folder, EvalModeCallback(dropout=True), **shared)
    trainer.train()
    seen["after"] = dict(held.named_buffers())
    seen["wrapped"] = type(trainer.model_wrapped).__name__
    torch.save(seen, folder / f"rank{trainer.args.process_index}.pt")
    PartialState().destroy_process_group()
