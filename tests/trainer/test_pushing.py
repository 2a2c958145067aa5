"""A trainer's push does what its arguments say, and what it cannot do is one line before anything is sent."""

import inspect
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitInfo, ModelCard
from transformers import AutoModelForImageClassification, Trainer, TrainerCallback, ViTImageProcessor

from hf_fairtune import FairTrainer, FairTuneError
from hf_fairtune.data.arguments import DataArguments
from hf_fairtune.data.fair_dataset import FairDataset, load_fair_dataset
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.methods.full import Full
from tests.conftest import table, tiny_vit
from tests.hub_server import TOKEN, Handler
from tests.hub_state import Hub, Refusal, Repo
from tests.trainer.test_fair import arguments

REPO = "tester/lesions"
CARD = "---\nlicense: apache-2.0\n---\n# Lesions\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FairDataset:
    """120 generated images in three splits."""
    folder = write_lesions(tmp_path_factory.mktemp("data") / "lesions", n=120, image_size=16)
    flags = DataArguments(str(folder), "label", ["malignant"], ["skin"], "patient_id", image_size=16)
    return load_fair_dataset(flags, ViTImageProcessor(size={"height": 16, "width": 16}))


Made = Callable[..., FairTrainer]


@pytest.fixture(params=["data", "plain"])
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Build a trainer of `REPO`, with the splits or without."""
    monkeypatch.setattr("hf_fairtune.handover.write_card", lambda _, folder: (folder / "README.md").write_text(CARD))
    rows: dict[str, Any] = {"train_dataset": table(), "eval_dataset": table(16, 1)}
    if request.param == "data":
        rows = {"data": request.getfixturevalue("data")}

    def make(**options: Any) -> FairTrainer:
        args = arguments(tmp_path / "out", **{"hub_model_id": REPO, **options})
        return FairTrainer(tiny_vit(), args, method=Full(), **rows)

    return make


def repo(hub: Hub) -> Repo:
    return hub.repo("models", REPO)


def test_the_signature_is_stock() -> None:
    def known(kind: type[Trainer]) -> dict[str, object]:
        parameters = inspect.signature(kind.push_to_hub).parameters.values()
        return {one.name: one.default for one in parameters if one.kind is not one.VAR_KEYWORD}

    assert list(known(FairTrainer).items()) == [*known(Trainer).items(), ("create_pr", False)]


def test_what_is_asked_for_is_done(hub: Hub, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    done = made().push_to_hub("Third try", token=TOKEN, revision="trial", private=False)
    assert isinstance(done, CommitInfo)
    assert repo(hub).messages == ["Third try"]
    assert not repo(hub).private
    assert "config.json" in repo(hub).at("trial")[1]
    assert repo(hub).at("main")[1] == {}


def test_a_pull_request_leaves_main_alone(hub: Hub, made: Made) -> None:
    done = made().push_to_hub(create_pr=True)
    assert isinstance(done, CommitInfo)
    assert done.pr_url is not None
    assert repo(hub).at("main")[1] == {}
    assert repo(hub).private


def test_a_push_in_the_background_ends_before_its_files_are_written_again(hub: Hub, made: Made) -> None:
    trainer = made()
    done = trainer.push_to_hub(blocking=False)
    assert isinstance(done, Future)
    trainer.save_model()
    assert done.done()
    assert repo(hub).refs["main"] == done.result().oid


def test_the_arguments_of_the_training_are_honoured(hub: Hub, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    trainer = made(hub_token=TOKEN, hub_revision="trial", hub_private_repo=False)
    trainer.push_to_hub()
    assert not repo(hub).private
    assert "config.json" in repo(hub).at("trial")[1]
    assert TOKEN.encode() not in b"".join(repo(hub).at("trial")[1].values())
    trainer.push_to_hub(revision="main")
    assert "config.json" in repo(hub).at("main")[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"revision": "0" * 40}, "the revision `0{40}` is no branch"),
        ({"revision": "v1", "create_pr": True}, "a pull request is one to main, not to the revision `v1`"),
        ({"commit_message": ""}, "the message of the commit is empty"),
    ],
)
def test_what_cannot_be_is_refused_before_anything(hub: Hub, made: Made, options: dict[str, Any], said: str) -> None:
    trainer = made()
    with pytest.raises(FairTuneError, match=said):
        trainer.push_to_hub(**options)
    assert hub.log == []
    assert not (Path(trainer.args.output_dir) / "config.json").exists()


def test_a_silent_hub_is_told_at_once(made: Made) -> None:
    with pytest.raises(FairTuneError, match="cannot be reached"):
        made().push_to_hub(blocking=False)


def test_callbacks_hear_of_a_push(hub: Hub, made: Made) -> None:
    heard = []

    class Listener(TrainerCallback):
        def on_push_begin(self, *_: Any, **__: Any) -> None:
            heard.append(len(hub.log))

    trainer = made()
    trainer.add_callback(Listener())
    trainer.push_to_hub()
    assert heard == [0]


@pytest.mark.parametrize("made", ["plain"], indirect=True)
def test_without_splits_the_model_goes_and_the_rest_stays(hub: Hub, made: Made) -> None:
    trainer = made(push_to_hub=True, hub_token=TOKEN)
    trainer.model.add_model_tags(["tiny"])
    out = Path(trainer.args.output_dir)
    for name in ("search.db", "splits.json", "fairtune.json"):
        (out / name).write_text("patient 17")
    trainer.save_model()
    assert (out / "training_args.bin").is_file()
    assert set(repo(hub).at("main")[1]) == {"README.md", "config.json", "model.safetensors"}
    assert repo(hub).private
    card = ModelCard(repo(hub).at("main")[1]["README.md"].decode())
    assert "generated_from_trainer" in card.data.tags
    assert "tiny" in card.data.tags
    trainer.push_to_hub(license="mit", tags="lesions")
    card = ModelCard(repo(hub).at("main")[1]["README.md"].decode())
    assert card.data.license == "mit"
    assert {"lesions", "tiny"} <= set(card.data.tags)
    (out / "back").mkdir()
    for name, content in repo(hub).at("main")[1].items():
        (out / "back" / name).write_bytes(content)
    back = AutoModelForImageClassification.from_pretrained(out / "back")
    assert back.classifier.weight.equal(trainer.model.classifier.weight)


def test_the_card_is_ours_where_there_is_a_document(tmp_path: Path, data: FairDataset, undrawn: None) -> None:
    trainer = FairTrainer(tiny_vit(), arguments(tmp_path / "out", max_steps=1), data=data, method=Full())
    trainer.train()
    trainer.audit("test", n_boot=20, n_permutations=20)
    trainer.create_model_card(license="mit")
    text = (tmp_path / "out" / "README.md").read_text()
    assert ModelCard(text).data.license == "mit"
    assert "generated_from_trainer" not in text
    with pytest.raises(FairTuneError, match="takes a `license`, not `language`, `tags`"):
        trainer.create_model_card(language="en", tags=["x"])


@pytest.mark.parametrize("made", ["plain"], indirect=True)
def test_the_card_is_stock_where_there_is_none(made: Made) -> None:
    trainer = made()
    trainer.create_model_card(tags=["x"])
    card = ModelCard.load(Path(trainer.args.output_dir) / "README.md")
    assert {"x", "generated_from_trainer"} <= set(card.data.tags)


@pytest.mark.parametrize("made", ["data"], indirect=True)
def test_a_license_goes_onto_the_card_that_is_pushed(hub: Hub, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_: object, folder: Path, license: str) -> None:
        (folder / "README.md").write_text(CARD.replace("apache-2.0", license))

    monkeypatch.setattr("hf_fairtune.trainer.pushing.write_card", write)
    trainer = made()
    trainer.push_to_hub(license="mit")
    assert b"license: mit" in repo(hub).at("main")[1]["README.md"]
    with pytest.raises(FairTuneError, match="not `tags`"):
        trainer.push_to_hub(tags="x")


def test_a_file_that_the_hub_does_not_take_is_one_line(hub: Hub, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Handler._answer

    def full(handler: Handler, served: Hub, body: bytes) -> tuple[bytes, dict[str, str]]:
        if handler.path.startswith("/lfs/"):
            raise Refusal(400, "", "storage is full")
        return answer(handler, served, body)

    monkeypatch.setattr(Handler, "_answer", full)
    with pytest.raises(FairTuneError, match=r"^the Hub refused `tester/lesions` \(.*\)\.$"):
        made().push_to_hub()
    done = made().push_to_hub(blocking=False)
    assert isinstance(done, Future)
    with pytest.raises(FairTuneError, match=r"^the Hub refused `tester/lesions`"):
        done.result()
    assert repo(hub).at("main")[1] == {}


@pytest.mark.parametrize(
    ("closed", "asked", "said"),
    [
        (True, False, "`tester/lesions` is private, and a push makes nothing public"),
        (False, None, "`tester/lesions` exists and is public"),
    ],
)
def test_a_push_opens_and_closes_no_repository(
    hub: Hub, made: Made, closed: bool, asked: bool | None, said: str
) -> None:
    found = hub.repos["models", REPO] = Repo("models", REPO, closed)
    found.commit("main", {})
    with pytest.raises(FairTuneError, match=said):
        made().push_to_hub(private=asked)
    assert found.private is closed
    assert found.at("main")[1] == {}
