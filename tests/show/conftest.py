"""Documents of real runs on generated rows: an audit of a table, a search of the demo, a repair."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from hf_fairtune.show.card import card as rendered
from hf_fairtune.show.card import pictures

FOLDER = Path(__file__).parent
Edit = Callable[[dict[str, Any]], Any]


def held(name: str, edit: Edit = lambda content: None) -> Document:
    """Read a document, its JSON changed by `edit`, which may also return another."""
    content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    changed = edit(content)
    return Document.from_json(json.dumps(content if changed is None else changed))


def edited(document: Document, edit: Edit) -> Document:
    """Change the JSON of a document."""
    content = json.loads(document.to_json())
    changed = edit(content)
    return Document.from_json(json.dumps(content if changed is None else changed))


@pytest.fixture(scope="session")
def audit() -> Document:
    """An audit by sex, skin and both, with clusters, a reference, a gate, and a group without the finding."""
    return held("audit")


@pytest.fixture(scope="session")
def search() -> Document:
    """A search on the demo's images, beside full fine-tuning."""
    return held("search")


@pytest.fixture(scope="session")
def repair() -> Document:
    """A repair of the demo's model, before and after."""
    return held("repair")


@pytest.fixture(scope="session")
def of_classes(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """An audit of four classes by sex: of df every cell is small, of bcc that of women; nv is ranked worst."""
    path, rng = tmp_path_factory.mktemp("classes") / "scores.csv", np.random.default_rng(0)
    sizes = {"df": (4, 5), "bcc": (5, 15), "mel": (40, 40), "nv": (60, 60)}
    rows = [(name, sex) for name, both in sizes.items() for sex, n in zip("FM", both, strict=True) for _ in range(n)]
    frame = pd.DataFrame(rows, columns=["dx", "sex"])
    own = frame["dx"].to_numpy()[:, None] == np.array([*sizes])
    scores = np.exp(rng.normal(size=own.shape) + own * [3, 3, 2, 1])
    frame[[*map("score_{}".format, sizes)]] = scores / scores.sum(axis=1, keepdims=True)
    frame.to_csv(path, index=False)
    found = list[Document]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hf_fairtune.cli.audit.audit_text", lambda document, **_: found.append(document))
        few = ["--n_boot", "60", "--n_permutations", "60"]
        flags = ["--label", "dx", "--score", *map("score_{}".format, sizes), "--group", "sex"]
        assert main(["audit", str(path), *flags, *few]) == 0
    return found[0]


def many_trials(content: dict[str, Any], n: int = 40) -> None:
    """Give a search many trials: the held ones again, with other numbers, values and masks."""
    trials = content["run"]["search"]["trials"]
    for number in range(len(trials), n):
        trial = copy.deepcopy(trials[number % 8])
        value = None if trial["value"] is None else trial["value"] - number / 1000
        mask = [(bit + number) % 2 for bit in trial["mask"]]
        trials.append(trial | {"number": number, "preset": None, "value": value, "mask": mask})


def only(content: dict[str, Any], attribute: str) -> dict[str, Any]:
    """Keep the audit by one attribute, and return it."""
    content["audits"] = [entry for entry in content["audits"] if entry["attribute"] == attribute]
    return content["audits"][0]["audit"]


def card(document: Document, license: str | None = None) -> str:
    """Render the card with every figure that applies."""
    return rendered(document, pictures(document), license)


def bare(content: dict[str, Any]) -> None:
    """Keep one model, without audits, search and mask."""
    content["audits"] = []
    content["models"] = content["models"][:1]
    content["models"][0]["training"]["mask"] = content["run"]["search"] = None


def unmoved(content: dict[str, Any], key: str, by: float) -> None:
    """Let a comparison show nothing but one rate of one group that moved, at each threshold."""
    found = next(entry["comparison"] for entry in content["audits"] if entry["comparison"])
    found["verdict"], found["margin"] = "not shown", 0.0
    still = {"value": 0.0, "low": -0.1, "high": 0.1}
    for item in (found["auc"], found["min_group_auc"], found["auc_gap"]):
        item |= still
    for row in found["groups"]:
        row["auc"] |= still
        row["joint"] |= still
        row["fall"] = 0.1
    for place, row in ((place, row) for cut in found["thresholds"] for place, row in enumerate(cut["groups"])):
        for rate in ("tpr", "fpr"):
            row["rates"][rate] |= still
        row["rates"][key] |= {} if place else {"value": by, "low": by - 0.1, "high": by + 0.1}
