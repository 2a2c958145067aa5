"""What leaves the building, what never does, and that the Hub gives the same model back."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from peft import LNTuningConfig, get_peft_model
from PIL import Image
from transformers import ViTImageProcessorPil

from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from hf_fairtune.document.run import Base, MethodFacts, Model, Run, Training
from hf_fairtune.errors import FairTuneError
from hf_fairtune.files import manifest
from hf_fairtune.files.folder import AUDIT, ENRICHMENT
from hf_fairtune.hub import push
from hf_fairtune.outgoing import check, publishable
from hf_fairtune.publish import publish

from .conftest import tiny_vit
from .document_samples import document
from .hub_process import client, push_elsewhere
from .hub_server import TOKEN, serve
from .hub_state import Hub

# PEFT says so of every LayerNorm it wraps.
pytestmark = pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning")

CARD = "---\nlicense: apache-2.0\nlibrary_name: transformers\ntags:\n- fairness\n---\n# Lesions\n"
CARD += "\n![Gaps](figures/gap.png)\n"
DECOYS = ("search.db", "search.db-wal", "splits.json", "run.json", "training_args.bin", "patients.csv", "job.log")
DECOYS += ("checkpoint-1/model.safetensors", "run-0/config.json", "figures/patients.csv", "figures/eye.jpg")
DECOYS += ("figures/eye.png", "figures/masks.svg", "figures/gap.svg")
DECOYS += ("adapter/optimizer.bin", "model-notes.txt", ".env", "predictions.parquet", "cache/pixels.npy")
DECOYS += ("private/maps.png", "private/maps.csv")
SENT = ["README.md", "adapter/adapter_config.json", "adapter/adapter_model.safetensors", "config.json"]
SENT += ["fairtune.json", "figures/gap.png", "model.safetensors", "preprocessor_config.json"]


def a_document(**arguments: Any) -> Document:
    """Build the document of a run as it may be shared."""
    method = MethodFacts("full", "full fine-tuning", "@article{a}", {})
    made = document({("dark",): (40, 40), ("light",): (6, 40)})
    training = Training(method, 5, [], arguments={"optim": "adamw"})
    run = Run(0, Base("tiny", "vit", 16, 1))
    models = [Model("model", "full fine-tuning", training)]
    return publish(replace(made, job="train", run=run, models=models, arguments=arguments))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    tiny_vit(1).save_pretrained(tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hand-over folder among everything else a run leaves."""
    whole = tmp_path / "fairtune-out"
    root = whole / "share"
    targets = ["q_proj", "fc1", "layernorm_before", "classifier"]
    model = get_peft_model(tiny_vit(1), LNTuningConfig(target_modules=targets))
    for parameter in model.parameters():
        parameter.data += 0.1 * parameter.requires_grad
    model.save_pretrained(root / "adapter")
    (root / "adapter" / "README.md").unlink()
    model.merge_and_unload().save_pretrained(root)
    ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(root)
    (root / "README.md").write_text(CARD)
    a_document(output_dir="/home/ann/secret-study/out", hub_token="<HUB_TOKEN>").save(root)
    for name in DECOYS:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("patient 17")
    Image.new("RGB", (2, 2)).save(root / "figures" / "gap.png")
    (root / "figures" / "linked.png").symlink_to(root / "patients.csv")
    for name in ("fairtune.json", "patients.csv", "model.safetensors"):
        (whole / name).write_text("patient 17")
    return named(whole)


def named(folder: Path) -> Path:
    """Say that a folder hands over what lies in its share/, whatever it is."""
    places = [path for path in (folder / "share").rglob("*") if path.is_file() and not path.is_symlink()]
    manifest.write(folder, [path.relative_to(folder).as_posix() for path in places])
    return folder


@pytest.fixture
def audit_folder(tmp_path: Path) -> Path:
    """The output folder of an audit."""
    root = tmp_path / "audit"
    (root / "share").mkdir(parents=True)
    for name in (*AUDIT, "predictions.csv"):
        (root / "share" / name).write_text(name)
    for name in ("audit.json", "audit.html"):
        (root / name).write_text("patient 17")
    return named(root)


def test_stock_calls_load_what_was_pushed(folder: Path, base: Path) -> None:
    with serve() as hub:
        done = client(hub.url, folder.parent / "home", "-m", "tests.hub_client", str(folder), str(base))
        assert done.returncode == 0, done.stderr + "\n".join(hub.log)
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers["model"]
    assert answers["adapter"]
    assert answers["data"]
    assert answers["card"]["license"] == "apache-2.0"
    repo = hub.repo("models", "tester/lesions")
    assert repo.private
    assert {"main", "v1"} < set(repo.refs)
    for files in [*(repo.at(ref)[1] for ref in repo.refs if repo.at(ref)[1])]:
        assert sorted(files) == SENT
        assert not [name for name, content in files.items() if b"patient 17" in content or b"secret-study" in content]
    assert "/commit/" in answers["url"]
    assert "/discussions/" in answers["request"]


def test_dry_run_lists_and_touches_no_network(folder: Path, base: Path) -> None:
    with serve() as hub:
        code = f"from hf_fairtune.hub import push\nprint(push({str(folder)!r}, 'tester/lesions', dry_run=True))"
        done = client(hub.url, folder.parent / "home", "-c", code)
    assert done.returncode == 0, done.stderr
    assert hub.log == []
    assert [line.split()[1] for line in done.stdout.splitlines()[1:]] == SENT
    assert "8 files would go to private tester/lesions" in done.stdout


def test_an_audit_sends_its_shared_files(audit_folder: Path) -> None:
    with serve() as hub:
        assert "/commit/" in push_elsewhere(hub.url, audit_folder, said="url")
        files = hub.repo("models", "tester/lesions").at("main")[1]
    assert sorted(files) == sorted(AUDIT)
    (audit_folder / "share" / ENRICHMENT).write_text("column\n")
    assert ENRICHMENT not in dict(push(audit_folder, "tester/lesions", dry_run=True).files)
    named(audit_folder)
    assert ENRICHMENT in dict(push(audit_folder, "tester/lesions", dry_run=True).files)
    assert dict(push(audit_folder, "tester/lesions", dry_run=True).files)["audit.html"] == len("audit.html")


def test_exact_counts_do_not_leave(folder: Path) -> None:
    exact = replace(document({("dark",): (40, 40)}), job="train", run=Run(0, Base("tiny", "vit", 16, 1)))
    exact.save(folder / "share")
    named(folder)
    with pytest.raises(FairTuneError, match=r"`share/fairtune.json` holds exact counts; run the job again"):
        push(folder, "tester/lesions", dry_run=True)


def test_a_folder_without_share_says_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match=r"lacks `share/`, which holds what may leave it"):
        push(tmp_path, "tester/lesions", dry_run=True)
    with pytest.raises(FairTuneError, match=r"lacks `share/`"):
        push(folder / "share", "tester/lesions", dry_run=True)
    with pytest.raises(FairTuneError, match=r"none` is no folder; pass the output folder"):
        push(tmp_path / "none", "tester/lesions", dry_run=True)


def test_refusals_of_the_hub_are_one_line(folder: Path) -> None:
    with serve() as hub:
        assert "hf auth login" in push_elsewhere(hub.url, folder, token="hf_wrong")
        assert hub.repos == {}
        for metadata, reason in (("license: none-such", "must be one of"), ("license: [", "while parsing")):
            (folder / "share" / "README.md").write_text(f"---\n{metadata}\n---\n# Lesions\n")
            named(folder)
            said = push_elsewhere(hub.url, folder)
            assert "`README.md` has metadata" in said
            assert reason in said
        assert hub.repos == {}
    (folder / "share" / "README.md").write_text(CARD)
    assert "cannot be reached" in push_elsewhere(hub.url, named(folder))


def test_public_repository_is_not_taken_for_private(folder: Path) -> None:
    with serve() as hub:
        hub.create(b'{"name": "lesions", "organization": "tester"}', {})
        assert "exists and is public" in push_elsewhere(hub.url, folder)
        assert hub.repo("models", "tester/lesions").at("main")[1] == {}


def test_the_command_sends_where_and_how_its_flags_say(
    folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    command = ["push", str(folder), "--repo", "tester/lesions", "--token", TOKEN]
    assert main([*command, "--message", "Third try", "--revision", "trial"]) == 0
    repo = hub.repo("models", "tester/lesions")
    assert sorted(repo.at("trial")[1]) == SENT
    assert repo.messages == ["Third try"]
    assert main([*command, "--create_pr"]) == 0
    assert "/discussions/" in capsys.readouterr().out
    assert repo.at("main")[1] == {}
    assert main([*command, "--public"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "`tester/lesions` is private, and a push makes nothing public that others closed" in line
    assert repo.private
    assert main([*command, "--create_pr", "--revision", "trial"]) == 2
    assert "leave one of the two out" in capsys.readouterr().err
    assert repo.at("main")[1] == {}
    assert main([*command[:-2], "--create_pr"]) == 2
    assert "the Hub refused the token" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a/b/c", "", "tester/les ions", "-x"])
def test_malformed_name_is_refused_before_anything(folder: Path, name: str) -> None:
    with pytest.raises(FairTuneError, match="is not a repository name"):
        push(folder, name, dry_run=True)


def test_only_a_whole_share_is_published(folder: Path) -> None:
    assert [path.as_posix() for path in publishable(folder)] == SENT
    (folder / "share" / "model.safetensors").unlink()
    (folder / "share" / "config.json").unlink()
    with pytest.raises(FairTuneError, match=r"share` lacks `config.json`, `model.safetensors`; run the job again"):
        publishable(folder)


@pytest.mark.parametrize("figure", ["none", "linked"])
def test_a_figure_of_the_card_that_is_no_file_is_missed(folder: Path, figure: str) -> None:
    (folder / "share" / "README.md").write_text(f"{CARD}\n![Groups](figures/{figure}.png)\n")
    with pytest.raises(FairTuneError, match=rf"share` lacks `figures/{figure}.png`; run the job again"):
        publishable(folder)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"hub_token": "abc"}, "holds the secret `hub_token`"),
        ({"note": "hf_" + "a" * 30}, "holds a Hub token"),
        ({"patient_ids": ["17", "18"]}, "lists `patient_ids`"),
        ({"clusters": ["17"]}, "lists `clusters`"),
    ],
)
def test_leaks_of_the_document_are_refused(folder: Path, arguments: dict[str, Any], said: str) -> None:
    a_document(**arguments).save(folder / "share")
    with pytest.raises(FairTuneError, match=said):
        check(folder)


@pytest.mark.parametrize("place", ["/home/ann/data", "/Users/ann/data", "C:\\\\Users\\\\ann", str(Path.home() / "x")])
def test_home_directories_are_refused(folder: Path, place: str) -> None:
    (folder / "share" / "adapter" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": place}))
    with pytest.raises(FairTuneError, match="names a home directory"):
        check(folder)


def test_addresses_are_not_taken_for_home_directories(folder: Path) -> None:
    (folder / "share" / "README.md").write_text(CARD + "see https://example.org/home/page and docs/users/guide\n")
    check(folder)
