"""No code that lies beside a model, in a pickle or in a repository is run, and nothing asks whether to."""

import ast
import json
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from transformers import ViTImageProcessor

from hf_fairtune.cli.main import main
from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.timm_vit import weights_in
from hf_fairtune.loading import load_classifier, load_processor, load_with_new_head
from hf_fairtune.trainer.checkpoints import load_weights
from tests.conftest import tiny_vit

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "hf_fairtune").rglob("*.py"))
# What builds an object from its description, whoever wrote that; and who may import a module by its name.
AUTO = {"AutoConfig", "AutoImageProcessor", "AutoModelForImageClassification", "AutoModel", "AutoProcessor"}
NEVER = {
    *("eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "marshal.loads", "joblib.load"),
    *("os.system", "os.popen", "pd.read_pickle", "shelve.open", "dill.loads", "yaml.unsafe_load", "yaml.full_load"),
    *("evaluate.load", "torch.hub.load", "torch.jit.load", "timm.create_model"),
}
IMPORTERS = {"hf_fairtune/__init__.py", "hf_fairtune/catalog.py"}
SAFE_LOADERS = {"yaml.BaseLoader", "yaml.SafeLoader", "Texts", "OnceLoader"}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of a file with the dotted name of what is called."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call: ast.Call, name: str) -> str | None:
    return next((ast.unparse(one.value) for one in call.keywords if one.arg == name), None)


def trouble(path: Path) -> list[str]:
    """List the calls of a file that may run what they load."""
    found = []
    for name, call in calls(path):
        owner, _, last = name.rpartition(".")
        loader = keyword(call, "Loader") or (ast.unparse(call.args[1]) if len(call.args) > 1 else None)
        bad = {
            name in NEVER,
            owner in AUTO
            and last in ("from_pretrained", "from_config")
            and keyword(call, "trust_remote_code") != "False",
            keyword(call, "trust_remote_code") not in (None, "False"),
            name == "torch.load" and keyword(call, "weights_only") != "True",
            keyword(call, "allow_pickle") not in (None, "False"),
            name == "yaml.load" and loader not in SAFE_LOADERS,
            keyword(call, "shell") is not None,
            last == "import_module" and path.relative_to(ROOT).as_posix() not in IMPORTERS,
        }
        found += [f"{path.name}:{call.lineno}: {name}"] if True in bad else []
    return found


def test_no_call_runs_what_it_loads() -> None:
    assert not [line for path in FILES for line in trouble(path)]


@pytest.mark.parametrize(
    "line",
    [
        "AutoModelForImageClassification.from_pretrained(name)",
        "AutoConfig.from_pretrained(name, trust_remote_code=asked)",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, yaml.Loader)",
        "subprocess.run(text, shell=True)",
        "importlib.import_module(name)",
        "eval(text)",
    ],
)
def test_a_call_that_would_is_found(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file.py").write_text(line)
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert len(trouble(tmp_path / "file.py")) == 1


def test_readers_of_yaml_make_no_objects() -> None:
    """What is not of yaml's own safe loaders derives from one."""
    sources = "".join(path.read_text(encoding="utf-8") for path in FILES)
    assert "class Texts(yaml.BaseLoader)" in sources
    assert "class OnceLoader(yaml.SafeLoader)" in sources


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that code from elsewhere would write; no question is answered."""

    def asked(*_: object) -> str:
        raise AssertionError("it asked")

    monkeypatch.setattr("builtins.input", asked)
    return tmp_path / "ran"


class Bomb:
    """Writes a file as it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.place),)


def with_code(folder: Path, ran: Path, kind: str) -> Path:
    """Write a model whose files name classes of `own.py`, of a type that transformers has or not."""
    tiny_vit().save_pretrained(folder)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')\nclass C: pass\nclass M: pass\nclass P: pass\n")
    names = {"AutoConfig": "own.C", "AutoModelForImageClassification": "own.M", "AutoImageProcessor": "own.P"}
    for name, more in (("config.json", {"model_type": kind}), ("preprocessor_config.json", {})):
        path = folder / name
        content = json.loads(path.read_text()) | more | {"auto_map": names}
        if kind != "vit":
            content.pop("image_processor_type", None)
        path.write_text(json.dumps(content))
    return folder


def test_code_beside_a_model_is_refused(tmp_path: Path, ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = with_code(tmp_path / "model", ran, "unheard")
    line = f"`{folder}` brings code of its own (`auto_map` in its files), which is never run; give a model of a type"
    for load in (load_classifier, load_processor, lambda name: load_with_new_head(name, ["a", "b"])):
        with pytest.raises(FairTuneError) as refused:
            load(str(folder))
        assert line in str(refused.value).replace("`--model ", "`")
    assert main(["units", str(folder)]) == 2
    assert line in capsys.readouterr().err.replace("`--model ", "`")
    assert not ran.exists()


def test_a_known_type_is_that_of_transformers(tmp_path: Path, ran: Path) -> None:
    folder = str(with_code(tmp_path / "model", ran, "vit"))
    assert type(load_classifier(folder)).__name__ == "ViTForImageClassification"
    assert type(load_with_new_head(folder, ["a", "b"])).__name__ == "ViTForImageClassification"
    assert type(load_processor(folder)).__module__.startswith("transformers.models.vit")
    assert not ran.exists()


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_attention_from_the_hub_is_refused(tmp_path: Path, key: str) -> None:
    model = tiny_vit()
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {key: "team/kernel"}))
    for load in (load_classifier, lambda name: load_with_new_head(name, ["a", "b"])):
        with pytest.raises(FairTuneError, match=r"wants the attention `team/kernel`, which is code from the Hub"):
            load(str(tmp_path))
    load_weights(model, tmp_path)  # of a checkpoint the weights alone count


def test_a_pickle_among_weights_is_not_run(tmp_path: Path, ran: Path) -> None:
    tiny_vit().save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").unlink()
    for write in (
        lambda path: torch.save({"a": Bomb(ran)}, path),
        lambda path: path.write_bytes(pickle.dumps(Bomb(ran), 2)),
    ):
        write(tmp_path / "model" / "pytorch_model.bin")
        write(tmp_path / "weights.pth")
        with pytest.raises(FairTuneError, match="is no image classifier: a pickle of more than tensors"):
            load_classifier(str(tmp_path / "model"))
        with pytest.raises(FairTuneError, match="is no file of weights"):
            weights_in(tmp_path / "weights.pth")
    assert not ran.exists()
    pickle.loads(pickle.dumps(Bomb(ran), 2))
    assert ran.exists()
