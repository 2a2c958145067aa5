"""PEFT configs as `peft_config`, and optimizers of one's own bound to what a method trains."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import IA3Config, LNTuningConfig, LoHaConfig, LoraConfig, PeftConfig, PeftModel, PromptTuningConfig
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from transformers import Trainer, ViTForImageClassification, ViTImageProcessorPil

from hf_fairtune import DataArguments, FairTrainer, FairTuneError, MaskConfig, load_fair_dataset
from hf_fairtune.data.fair_dataset import FairDataset
from hf_fairtune.datasets.lesions import write_lesions
from hf_fairtune.methods.adapter import read_config, warn_of_frozen_head, written
from hf_fairtune.methods.fairtune import FairTune
from hf_fairtune.methods.full import Full
from hf_fairtune.methods.plain import Plain
from hf_fairtune.methods.swift import Swift
from tests.conftest import table, tiny_vit
from tests.trainer.test_drop_in import arguments

BOTH = ["q_proj", "v_proj"]
HEAD = {"modules_to_save": ["classifier"]}
CONFIGS: list[PeftConfig] = [
    MaskConfig(mask="attention"),
    MaskConfig(mask="010000001"),
    LoraConfig(target_modules=BOTH, r=4, **HEAD),
    LoHaConfig(target_modules=["fc1"], r=2, **HEAD),
    IA3Config(target_modules=["k_proj", "v_proj"], feedforward_modules=[], **HEAD),
    LNTuningConfig(target_modules=["layernorm_before"], **HEAD),
]
each_config = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: type(config).__name__)
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning"),
    pytest.mark.filterwarnings("ignore:Unexpected keyword arguments:UserWarning"),
]
OPTIMIZED = [{"method": FairTune(mask="attention")}, {"peft_config": CONFIGS[2]}]


def trainer(folder: Path, model: Any = None, **options: Any) -> FairTrainer:
    splits = {"train_dataset": table(24), "eval_dataset": table(64, 1)}
    names = ("peft_config", "method", "optimizers", "model_init")
    known = {name: options.pop(name) for name in names if name in options}
    start = None if "model_init" in known else tiny_vit() if model is None else model
    return FairTrainer(start, arguments(folder, **options), **splits, **known)


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: values.detach().clone() for name, values in model.named_parameters()}


def moved(run: Trainer, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, values in run.model.named_parameters() if not torch.equal(values, before[name])}


def trained(run: Trainer) -> set[str]:
    return {name for name, values in run.model.named_parameters() if values.requires_grad}


@each_config
def test_a_config_is_trained_saved_and_loaded_by_stock_peft(tmp_path: Path, config: PeftConfig) -> None:
    run = trainer(tmp_path, peft_config=config, save_strategy="epoch", learning_rate=1e-2, num_train_epochs=2)
    before = weights(run.model)
    run.train()
    assert moved(run, before) == trained(run)
    assert any("classifier" in name for name in trained(run))
    run.save_model(str(tmp_path / "saved"))
    again = PeftModel.from_pretrained(tiny_vit(), tmp_path / "saved")
    pixels = table(8, 3)[:]["pixel_values"]
    with torch.no_grad():
        wanted = run.model.eval()(pixel_values=pixels).logits
        torch.testing.assert_close(again.eval()(pixel_values=pixels).logits, wanted)
        torch.testing.assert_close(again.merge_and_unload()(pixel_values=pixels).logits, wanted, rtol=1e-4, atol=1e-4)


@each_config
def test_training_by_a_config_equals_stock_bit_for_bit(tmp_path: Path, config: PeftConfig) -> None:
    """The same adapter in `Trainer`, of whose model the head is the same draw."""
    run = trainer(tmp_path / "ours", peft_config=config)
    start = {name: values.clone() for name, values in run.model.state_dict().items()}
    run.train()
    other = trainer(tmp_path / "other", peft_config=config).model
    other.load_state_dict(start)
    rows = table(24).remove_columns("groups")
    stock = Trainer(other, arguments(tmp_path / "stock", eval_strategy="no"), train_dataset=rows)
    stock.train()
    pairs = zip(stock.model.parameters(), run.model.parameters(), strict=True)
    assert all(torch.equal(one, own) for one, own in pairs)


def test_each_model_of_model_init_is_wrapped(tmp_path: Path) -> None:
    run = trainer(tmp_path, peft_config=CONFIGS[2], model_init=lambda: tiny_vit())
    best = run.hyperparameter_search(n_trials=2)
    run.train()
    assert isinstance(run.model, PeftModel)
    assert run.evaluate()["eval_min_group_auc"] == best.objective


def test_a_config_survives_as_text(tmp_path: Path) -> None:
    """It is a hyper-parameter: what a run stores, and what `--peft` reads."""
    text = written(CONFIGS[2])
    assert written(read_config(text)) == text
    (tmp_path / "lora.json").write_text(text)
    CONFIGS[2].save_pretrained(tmp_path / "adapter")
    assert json.loads(text) == {"modules_to_save": ["classifier"], "peft_type": "LORA", "r": 4, "target_modules": BOTH}
    assert Plain(peft=str(tmp_path / "lora.json")) == Plain(peft=text) == Plain(peft=str(tmp_path / "adapter"))
    assert Plain(peft=text).record().facts == {"peft_type": "LORA"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"peft_config": CONFIGS[0], "method": Full()},
            "`peft_config` and the method 'full' both say what is trained",
        ),
        (
            {"peft_config": LoraConfig(target_modules=["x"])},
            "`peft_config` does not fit the model: Target modules {'x'}",
        ),
        ({"peft_config": PromptTuningConfig(num_virtual_tokens=2)}, "`peft_config` is a PromptTuningConfig, whose"),
        ({"peft_config": CONFIGS[2], "model": PeftModel(tiny_vit(), CONFIGS[2])}, "the model is a PEFT model already"),
        (
            {"peft_config": LoraConfig(target_modules=["fc1"], alpha_pattern={"x": object()})},
            "`peft_config` is a LoraConfig with values that JSON does not hold",
        ),
    ],
)
def test_a_config_that_cannot_work_is_one_line(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(FairTuneError) as refused:
        trainer(tmp_path, **options)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["nowhere.json", "{}", '{"peft_type": "NONE"}', "[]", "{"])
def test_a_text_that_is_no_config_is_one_line(text: str) -> None:
    with pytest.raises(FairTuneError, match=r"`peft` is no PEFT config \(") as refused:
        Plain(peft=text)
    assert "\n" not in str(refused.value)


def test_a_head_that_stays_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "hf_fairtune"):
        trainer(tmp_path, peft_config=LoraConfig(target_modules=["q_proj"]))
        trainer(tmp_path, peft_config=CONFIGS[2])
    (line,) = caplog.messages
    assert line.endswith('leaves the head `classifier` as it is; add modules_to_save=["classifier"] to train it.')


def test_the_folder_of_an_adapter_is_trained_by(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its saved config says `inference_mode`, under which nothing would be trained."""
    saved = PeftModel(tiny_vit(), LoraConfig(target_modules=BOTH, **HEAD))
    saved.peft_config["default"].base_model_name_or_path = "another"
    saved.save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["inference_mode"]
    given: list[dict[str, Any]] = [
        {"method": Plain(peft=str(tmp_path / "adapter"))},
        {"peft_config": PeftConfig.from_pretrained(tmp_path / "adapter")},
    ]
    for number, options in enumerate(given):
        run = trainer(tmp_path / str(number), **options)
        before = weights(run.model)
        run.train()
        assert any("lora_" in name for name in trained(run))
        assert moved(run, before) == trained(run)
    assert not caplog.messages
    frozen = PeftModel(tiny_vit(), LoraConfig(target_modules=BOTH, inference_mode=True, **HEAD))
    warn_of_frozen_head(frozen, None)
    assert caplog.messages[0].endswith(
        'the head `classifier` as it is; add modules_to_save=["classifier"] to train it.'
    )


METHODS: list[dict[str, Any]] = [
    {"method": FairTune(mask="attention")},
    {"method": FairTune(mask="linear")},
    {"method": Full()},
    *({"peft_config": config} for config in CONFIGS[1:]),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda own: type([*own.values()][0]).__name__)
def test_an_optimizer_of_ones_own_moves_what_is_trained(tmp_path: Path, method: dict[str, Any]) -> None:
    """As that which the trainer makes of the same arguments, bit for bit, with the schedule of its own."""
    model = tiny_vit()
    optimizer = AdamW(model.parameters(), lr=0.01)
    schedule = LambdaLR(optimizer, lambda step: 1 / (1 + step))
    run = trainer(tmp_path / "own", model, optimizers=(optimizer, schedule), **method)
    before = weights(run.model)
    run.train()
    assert moved(run, before) == trained(run)
    assert run.optimizer.param_groups[0]["lr"] == pytest.approx(0.01 / 4)

    made = trainer(tmp_path / "made", **method)
    made.model.load_state_dict(before)
    parameters = [values for values in made.model.parameters() if values.requires_grad]
    made.optimizer = AdamW(parameters, lr=0.01)
    made.lr_scheduler = LambdaLR(made.optimizer, lambda step: 1 / (1 + step))
    made.train()
    assert all(torch.equal(p, q) for p, q in zip(made.model.parameters(), run.model.parameters(), strict=True))


def test_groups_of_an_optimizer_keep_their_rates(tmp_path: Path) -> None:
    """A rate of 0 for the head: the copies of the attention move, those of the head do not."""
    model = tiny_vit()
    head = [values for name, values in model.named_parameters() if "classifier" in name]
    rest = [values for name, values in model.named_parameters() if "classifier" not in name]
    optimizer = AdamW([{"params": head, "lr": 0.0}, {"params": rest, "lr": 1e-2}])
    run = trainer(tmp_path, model, method=FairTune(mask="attention"), optimizers=(optimizer, None))
    before = weights(run.model)
    run.train()
    assert moved(run, before) == {name for name in trained(run) if "classifier" not in name} != set()


def optimizer_of(model: Any, *, part: str = "", groups: int = 1) -> AdamW:
    """An optimizer of some of a model's parameters."""
    values = [values for name, values in model.named_parameters() if part in name]
    return AdamW([{"params": values[place::groups]} for place in range(groups)], lr=1e-3)


@pytest.mark.parametrize(
    ("method", "built", "message"),
    [
        (
            {"method": FairTune(mask="attention")},
            {"part": "classifier"},
            "has no parameter that `base_model.model.vit",
        ),
        ({"peft_config": CONFIGS[2]}, {"groups": 2}, "has no parameter that `base_model.model.vit.layers.0"),
        ({"method": Swift()}, {}, "cannot serve the stages of the method 'swift'"),
    ],
)
def test_an_optimizer_whose_place_is_not_certain_is_refused(
    tmp_path: Path, method: dict[str, Any], built: dict[str, Any], message: str
) -> None:
    model = tiny_vit()
    with pytest.raises(FairTuneError) as refused:
        trainer(tmp_path, model, optimizers=(optimizer_of(model, **built), None), **method)
    assert message in str(refused.value)
    assert "optimizer_cls_and_kwargs" in str(refused.value)


def test_an_optimizer_of_a_part_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As in stock it moves its part alone."""
    model = tiny_vit()
    with caplog.at_level(logging.WARNING, "hf_fairtune"):
        run = trainer(tmp_path, model, optimizers=(optimizer_of(model, part="classifier"), None), eval_strategy="no")
    before = weights(run.model)
    run.train()
    assert moved(run, before) == {"classifier.weight", "classifier.bias"}
    assert caplog.messages == ["`optimizers` leaves 54 of 56 trained tensors as they are."]


def test_an_optimizer_that_has_taken_steps_is_refused(tmp_path: Path) -> None:
    model = tiny_vit()
    optimizer = optimizer_of(model)
    model(pixel_values=table(2)[:]["pixel_values"]).logits.sum().backward()
    optimizer.step()
    with pytest.raises(FairTuneError, match="`optimizers` has taken steps"):
        trainer(tmp_path, model, method=FairTune(mask="attention"), optimizers=(optimizer, None))


@pytest.mark.parametrize("method", OPTIMIZED, ids=["mask", "lora"])
def test_a_class_of_optimizer_takes_what_is_trained(tmp_path: Path, method: dict[str, Any]) -> None:
    options = {**method, "train_dataset": table(24), "optimizer_cls_and_kwargs": (AdamW, {"lr": 0.01})}
    run = FairTrainer(tiny_vit(), arguments(tmp_path, eval_strategy="no"), **options)
    before = weights(run.model)
    run.train()
    assert moved(run, before) == trained(run)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FairDataset:
    """120 generated images in three splits."""
    folder = write_lesions(tmp_path_factory.mktemp("data") / "lesions", n=120, image_size=16)
    flags = DataArguments(str(folder), "label", ["malignant"], ["skin"], "patient_id", image_size=16)
    return load_fair_dataset(flags, ViTImageProcessorPil(size={"height": 16, "width": 16}))


@pytest.mark.parametrize("config", [CONFIGS[0], CONFIGS[2], CONFIGS[4]], ids=["mask", "lora", "ia3"])
def test_a_run_with_splits_hands_over_adapter_and_merged_model(
    tmp_path: Path, data: FairDataset, config: PeftConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_fairtune.handover.write_card", lambda document, folder: None)
    run = FairTrainer(tiny_vit(), arguments(tmp_path), data=data, peft_config=config)
    run.train()
    raw = run.audit("test", n_boot=0, n_permutations=0)
    assert run.calibrate().applied
    run.save_model()
    pixels = data.plain("test")[:]["pixel_values"]
    start = tiny_vit()
    adapted = PeftModel.from_pretrained(start, tmp_path / "adapter").eval()
    merged = ViTForImageClassification.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        wanted = run.model.eval()(pixel_values=pixels).logits
        torch.testing.assert_close(adapted(pixel_values=pixels).logits, wanted)
        torch.testing.assert_close(merged(pixel_values=pixels).logits, wanted)
    assert merged.config.label2id == {"benign": 0, "malignant": 1}
    made = run.document
    assert made.run is not None
    assert made.run.base.parameters == sum(values.numel() for values in tiny_vit().parameters())
    training = made.models[-1].training
    assert training is not None
    assert training.trainable_parameters == sum(p.numel() for p in run.model.parameters() if p.requires_grad)
    assert raw[-1].audit.min_group_auc is not None


def test_an_adapter_is_not_combined(tmp_path: Path) -> None:
    run = trainer(tmp_path, peft_config=CONFIGS[2], model_init=lambda: tiny_vit())
    with pytest.raises(FairTuneError, match="`soup` combines weights of the plain model, which the adapter"):
        run.hyperparameter_search(n_trials=2, combine="soup")


def test_a_head_under_lora_is_not_calibrated(tmp_path: Path, data: FairDataset) -> None:
    config = LoraConfig(target_modules=["q_proj", "classifier"])
    run = FairTrainer(tiny_vit(), arguments(tmp_path), data=data, peft_config=config)
    with pytest.raises(FairTuneError, match="the head is not clear, layers with two outputs are none"):
        run.calibrate()
