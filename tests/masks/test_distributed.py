"""Two CPU processes under `accelerate launch`: the masked steps of one, and zeros that stay bit for bit."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from hf_fairtune.masks.soft_mask_callback import SoftMaskCallback
from tests.masks.distributed import STEPS
from tests.masks.training import Plain, start, trained, uniform

ROOT = Path(__file__).parent.parent.parent


def launch(folder: Path) -> list[dict[str, Any]]:
    """Run distributed.py and return what each process ended with."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    command += ["--main_process_port", port, "--num_machines", "1", "--mixed_precision", "no"]
    command += ["--dynamo_backend", "no", "-m", "tests.masks.distributed", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "MASTER_ADDR": "127.0.0.1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return [torch.load(folder / f"rank{rank}.pt") for rank in (0, 1)]


def test_two_processes_make_the_masked_steps_of_one(tmp_path: Path) -> None:
    ranks = launch(tmp_path)
    mask, before = uniform(Plain()), start(Plain())
    alone = trained(Plain(), tmp_path, SoftMaskCallback(mask), **STEPS)
    assert [seen["wrapped"] for seen in ranks] == ["DistributedDataParallel"] * 2
    for name, value in alone.items():
        one, other = (seen["weights"][name] for seen in ranks)
        assert torch.equal(one, other)
        assert torch.equal(one[mask[name] == 0], before[name][mask[name] == 0])
        torch.testing.assert_close(one, value, rtol=1e-5, atol=1e-6)
    for seen in ranks:
        assert all(torch.equal(buffer, seen["after"][name]) for name, buffer in seen["before"].items())
