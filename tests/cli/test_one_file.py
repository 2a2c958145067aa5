"""One new thing is one file and no other edit: a file dropped into a room is found by command, document and page."""

from __future__ import annotations

import compileall
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .new_files import CARD, COMMAND, CUT, DATASET, GAP, LOSS, METHOD, RATE, SCORE, SELECTION

ROOT = Path(__file__).parent.parent.parent / "hf_fairtune"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package that is compiled once, not by each command of each test."""
    folder = tmp_path_factory.mktemp("package") / "hf_fairtune"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(folder, quiet=1)
    return folder


@pytest.fixture
def package(compiled: Path, tmp_path: Path) -> Path:
    """A copy of the package."""
    shutil.copytree(compiled, tmp_path / "hf_fairtune")
    return tmp_path


def run(package: Path, *command: str) -> str:
    """Run Python with the copied package."""
    env = os.environ | {"PYTHONPATH": str(package)}
    done = subprocess.run(
        [sys.executable, *command], env=env, cwd=package, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fairtune(package: Path, *commands: list[str]) -> list[str]:
    """Run commands in one process, which imports once; return what each printed."""
    code = f"""
import contextlib, io, json, sys
from hf_fairtune.cli.main import main
said = []
for command in {[*commands]!r}:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            status = main(command)
        except SystemExit as leave:
            status = leave.code or 0
    said.append(out.getvalue())
    if status:
        sys.exit(f"{{command}}: {{status}} {{said[-1]}}")
print("\\n" + json.dumps(said))
"""
    found: list[str] = json.loads(run(package, "-W", "ignore", "-c", code).splitlines()[-1])
    return found


def test_a_rate_a_gap_and_a_metric_of_scores(package: Path) -> None:
    room = package / "hf_fairtune" / "audits" / "metrics"
    for name, code in {"miss_rate": RATE, "miss_rate_difference": GAP, "mean_score": SCORE, "odds_kept": CUT}.items():
        (room / f"{name}.py").write_text(f'"""{CARD.format(title=name.replace("_", " ").capitalize())}"""\n\n{code}')
    draw = np.random.default_rng(0)
    labels, sex = draw.integers(0, 2, 300), draw.choice(["F", "M"], 300)
    scores = np.clip(0.3 * labels + 0.6 * draw.random(300), 0.01, 0.99)
    pd.DataFrame({"y": labels, "p": scores, "sex": sex}).to_csv(package / "p.csv", index=False)
    rules = ["miss_rate", "miss_rate_difference", "mean_score", "min_group_mean_score", "mean_score_gap", "odds_kept"]
    lines = [f"- {{metric: {name}, within: [0, 1]}}" for name in rules]
    (package / "rules.yaml").write_text("\n".join(["rules:", *lines]))
    flags = "audit --model p.csv --label y --score p --group sex --n_boot 100 --gate rules.yaml --output_dir out"
    said, listed, card = fairtune(package, flags.split(), ["metrics"], ["metrics", "mean_score"])
    assert "pass" in said
    audit = json.loads((package / "out" / "audit.json").read_text())["audits"][1]["audit"]
    (cut,) = audit["thresholds"]
    for group in cut["groups"]:
        rates = group["rates"]
        assert rates["miss_rate"]["value"] == pytest.approx(1 - rates["tpr"]["value"])
        assert rates["miss_rate"]["low"] is not None
        assert rates["odds_kept"]["value"] == pytest.approx(rates["selection_rate"]["value"] / 2)
    gaps = cut["gaps"]
    assert gaps["miss_rate_difference"]["value"] == pytest.approx(gaps["equal_opportunity_difference"]["value"])
    assert audit["measures"]["mean_score"]["value"] == pytest.approx(scores.mean())
    assert [row["measures"]["mean_score"]["value"] for row in audit["groups"]] == pytest.approx(
        [scores[sex == name].mean() for name in "FM"]
    )
    for file in (package / "out" / "audit.html", package / "out" / "share" / "audit.html"):
        text = file.read_text().lower()
        assert "miss rate" in text or "miss_rate" in text, file
        assert "mean score" in text or "mean_score" in text, file
        assert "odds kept of flagging all" in text, file
    csv = (package / "out" / "share" / "thresholds.csv").read_text()
    assert "miss_rate" in csv
    assert "odds_kept" in csv
    assert "Miss rate difference" in listed
    assert "made for a test" in card


def test_a_command(package: Path) -> None:
    (package / "hf_fairtune" / "cli" / "greet.py").write_text(COMMAND)
    every, said, own = fairtune(package, ["--help"], ["greet", "--name", "Ann"], ["greet", "--help"])
    assert "Greet, for a test." in every
    assert said.strip() == "hello Ann"
    assert "Who is greeted." in own


def test_a_family_a_loss_and_the_direction_of_a_metric(package: Path) -> None:
    room = package / "hf_fairtune"
    shutil.copy(room / "families" / "vit.py", room / "families" / "twin.py")
    (room / "losses" / "nothing.py").write_text(LOSS)
    for name, text in {"mean_score": SCORE, "miss_rate": RATE, "miss_rate_difference": GAP}.items():
        (room / "audits" / "metrics" / f"{name}.py").write_text(f'"""{CARD.format(title=name)}"""\n\n{text}')
    code = """
import torch
from hf_fairtune.audits.compute import direction as of
from hf_fairtune.losses.loss import bias_loss_named
print(of("mean_score"), of("miss_rate_difference"))
one = torch.ones(2)
print(float(bias_loss_named("nothing")(one, one, one > 0).value))
from transformers import ViTConfig, ViTForImageClassification
from hf_fairtune.families.family import family_of
model = ViTForImageClassification(ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=8))
model.config.model_type = "twin"
print(type(family_of(model)).__module__)
"""
    assert run(package, "-W", "ignore", "-c", code).split() == [
        *("maximize", "minimize", "0.0"),
        "hf_fairtune.families.twin",
    ]


def test_a_method(package: Path, flags: list[str]) -> None:
    (package / "hf_fairtune" / "methods" / "plain.py").write_text(METHOD)
    options = ["--method", "plain", "--strength", "2.5", "--num_train_epochs", "1", "--output_dir", "out"]
    fairtune(package, ["train", *flags, *options])
    for folder in (package / "out", package / "out" / "share"):
        document = json.loads((folder / "fairtune.json").read_text())
        (method,) = [model["training"]["method"] for model in document["models"] if model["id"] == document["model"]]
        assert (method["name"], method["hyperparameters"]) == ("plain", {"strength": 2.5})
        card = (folder / "README.md").read_text()
        assert "Plain tuning of a test" in card
        assert "A plain method" in card


def test_a_selection(package: Path, flags: list[str]) -> None:
    (package / "hf_fairtune" / "selections" / "last.py").write_text(SELECTION)
    options = "--method full --num_train_epochs 1 --trials 2 --seeds 1 --baselines none"
    fairtune(package, ["search", *flags, *options.split(), "--selection", "last", "--output_dir", "out"])
    document = json.loads((package / "out" / "fairtune.json").read_text())
    search = document["run"]["search"]
    assert (search["best_trial"], search["selection"]["rule"]) == (1, "last")
    assert [(one["trial"], one["value"]) for one in search["selection"]["candidates"]] == [(1, 0.5)]
    assert "| chosen by | the last trial of a test |" in (package / "out" / "share" / "README.md").read_text()


def test_a_data_set(package: Path, base: Path) -> None:
    (package / "hf_fairtune" / "datasets" / "squares.py").write_text(DATASET)
    listed, said = fairtune(package, ["prepare"], ["prepare", "squares", "--output_dir", "squares"])
    assert "Squares of a test." in listed
    (line,) = [line for line in said.splitlines() if line.startswith("go on:")]
    assert "@misc{squares}" in said
    given = shlex.split(line.partition(" --model MODEL ")[2].partition(" --output_dir")[0])
    options = f"train --method full --model {base} --image_size 16 --use_cpu --num_train_epochs 1 --output_dir out"
    fairtune(package, [*options.split(), *given])
    document = json.loads((package / "out" / "fairtune.json").read_text())
    assert document["data"]["name"] == "table.csv"
    assert "squares" not in (package / "out" / "share" / "README.md").read_text()
    assert "table.csv" in (package / "out" / "share" / "README.md").read_text()
