"""Units: spaces of every architecture, and a user's own in a file."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from transformers import PreTrainedModel, ViTConfig

from hf_fairtune.document.run import MaskUnit
from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.head import heads_of
from hf_fairtune.families.parts import parts_of
from hf_fairtune.masks.config import MaskConfig
from hf_fairtune.masks.mask import Mask, apply_mask
from hf_fairtune.masks.proposals import FreeBits
from hf_fairtune.masks.space import Unit, space_of, space_of_parts
from hf_fairtune.masks.units_file import read_units, units_text
from hf_fairtune.methods.facts import Facts
from hf_fairtune.methods.fairtune import FairTune
from tests.conftest import tiny_vit
from tests.families.backbones import backbone, images

OWN = "early: [vit.layers.0]\nlate queries: [vit.layers.1.attention.q_proj.weight, vit.layers.2.attention.q_proj]\n"


def trained(model: Any) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("name", "granularity", "units"),
    [
        ("vit", "paper36", ["block0.layernorms", "block0.attention", "block0.mlp"]),
        ("swin", "stages", ["stage0.layernorms", "stage0.attention", "stage0.mlp"]),
        ("resnet", "stages", ["stage0.norm", "stage0.convolution"]),
        ("mobilenet_v2", "stages", ["stage0.norm", "stage0.convolution"]),
    ],
)
def test_the_units_of_an_architecture(name: str, granularity: str, units: list[str]) -> None:
    space = space_of(backbone(name))
    assert space.granularity == granularity
    assert [unit.name for unit in space.units][: len(units)] == units


@pytest.mark.parametrize("granularity", ["paper36", "attention12", "layernorm12", "split48", "stages", "blocks"])
@pytest.mark.parametrize("name", ["vit", "swin", "dinov2"])
def test_a_transformer_has_every_granularity(name: str, granularity: str) -> None:
    """All units together are all parts of the blocks that the granularity names, once."""
    space = space_of(backbone(name), granularity)
    names = [name for unit in space.units for name in unit.parameters]
    assert len(names) == len({*names})
    kinds = {kind for unit in space.units for kind in unit.kinds}
    assert {*names} == {p for part in parts_of(backbone(name)) if part.kind in kinds for p in part.parameters}


def test_an_architecture_without_attention_has_no_paper_space() -> None:
    with pytest.raises(FairTuneError, match="block 0 of `resnet` has no norm1, norm2; choose stages, blocks or auto"):
        space_of(backbone("resnet"), "paper36")


def test_a_model_without_blocks_takes_the_users_units() -> None:
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))
    with pytest.raises(FairTuneError, match="`Sequential` has no repeated blocks"):
        space_of(model, head="2")
    first = Unit("first", 0, ("first",), ("1.weight", "1.bias"))
    own = space_of_parts(Facts.of(model, {}, head="2").parts, own=[first])
    apply_mask(model, Mask((1,), "units"), own)
    assert trained(model) == {"1.weight", "1.bias", "2.weight", "2.bias"}


def test_a_file_of_units_is_written_and_read_back(tmp_path: Path) -> None:
    for name in ("vit", "swin", "efficientnet"):
        model = backbone(name)
        space, path = space_of(model), tmp_path / f"{name}.yaml"
        path.write_text(units_text(space))
        found = read_units(str(path), [name for name, _ in model.named_parameters()], space.head)
        assert [(unit.name, {*unit.parameters}) for unit in found] == [
            (unit.name, {*unit.parameters}) for unit in space.units
        ]


def test_a_users_units_are_trained_recorded_and_kept_in_the_adapter(tmp_path: Path) -> None:
    path = tmp_path / "units.yaml"
    path.write_text(OWN.replace("q_proj.weight", "q_proj"))
    method = FairTune(mask="01", units=str(path))
    # What the file holds is the method's from here on.
    path.write_text("other: [vit.layers.0]\n")
    assert FairTune(**method.hyperparameters()) == method
    model: Any = method.prepare(tiny_vit(), Facts.of(tiny_vit(), {}))
    late = {f"vit.layers.{i}.attention.q_proj" for i in (1, 2)}
    assert {name.split(".ln_tuning_layers")[0].removeprefix("base_model.model.") for name in trained(model)} == {
        *late,
        "classifier",
    }
    record = method.record().mask
    assert record is not None
    assert (record.granularity, record.bits) == ("units", [0, 1])
    assert record.units[1] == MaskUnit("late queries", 0, ["late queries"], 2 * (16 * 16 + 16))
    model.save_pretrained(tmp_path)
    again = get_peft_model(tiny_vit(), MaskConfig.from_pretrained(str(tmp_path)))
    assert trained(again) == trained(model)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "is no mapping of units to lists of names"),
        ("a: vit.layers.0\n", "is no mapping of units to lists of names"),
        ("a: [vit.layers.7]\n", "`units`: `vit.layers.7` is no parameter or module of the model"),
        ("a: [vit.layers.0]\nb: [vit.layers.0.mlp]\n", "of the unit `b` is in the unit `a` too; name it once"),
        ("a: [classifier]\n", "`classifier.weight` of the unit `a` is part of the head, always trained"),
        ("a: [", "cannot be read"),
        ("a: [vit.layers.0]\na: [vit.layers.1]\n", "'a' stands twice"),
        ("a: []\n", "is no mapping of units to lists of names"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path, model = tmp_path / "units.yaml", tiny_vit()
    path.write_text(text)
    with pytest.raises(FairTuneError, match=message) as refused:
        read_units(str(path), [name for name, _ in model.named_parameters()], ["classifier.weight", "classifier.bias"])
    assert "\n" not in str(refused.value)


def test_all_of_ones_own_units_is_a_preset() -> None:
    own = [Unit(name, 0, (name,), (f"vit.layers.{i}.mlp.fc1.weight",)) for i, name in enumerate("ab")]
    space = space_of(tiny_vit(), own=own)
    assert space.preset("all") == (1, 1)
    assert [preset.name for preset in FreeBits().presets(space)] == ["all", "all", "linear"]


def test_a_config_serves_several_models() -> None:
    """It stays as it is; statistics of frozen batch norms are kept in each."""
    config = MaskConfig(mask="convolution")
    for _ in range(2):
        model = get_peft_model(backbone("resnet"), config)
        before = {name: values.clone() for name, values in model.named_buffers()}
        model.train()(pixel_values=images())
        assert all(torch.equal(values, before[name]) for name, values in model.named_buffers())
    assert (config.mask, config.target_modules) == ("convolution", None)


def test_a_classifier_of_ones_own_has_a_head() -> None:
    """Its class says neither what it is nor what lies inside."""

    class Lesions(PreTrainedModel):
        config_class = ViTConfig

        def __init__(self, config: ViTConfig) -> None:
            super().__init__(config)
            self.vit = tiny_vit().vit
            self.classifier = torch.nn.Linear(16, 2)

    assert heads_of(Lesions(ViTConfig())) == ["classifier"]
    assert heads_of(tiny_vit().vit) == []


@pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning")
def test_names_that_the_model_lacks_are_refused() -> None:
    own = space_of(tiny_vit(), own=[Unit("a", 0, ("a",), ("vit.layers.0.mlp.fc3.weight",))])
    with pytest.raises(FairTuneError, match="`vit.layers.0.mlp.fc3.weight` is no parameter of the model"):
        apply_mask(tiny_vit(), Mask((1,), "units"), own)
    with pytest.raises(FairTuneError, match="the model has an adapter already"):
        FairTune(mask="attention").prepare(get_peft_model(tiny_vit(), MaskConfig(mask="mlp")), Facts())


def test_units_and_a_granularity_are_one_too_many() -> None:
    with pytest.raises(FairTuneError, match="`granularity` is 'blocks' beside `units`; leave one of them out"):
        FairTune(units='{"a": ["vit.layers.0"]}', granularity="blocks")
    with pytest.raises(FairTuneError, match="`granularity` is 'blocks' beside `units`; leave one of them out"):
        MaskConfig(units={"a": ["vit.layers.0"]}, granularity="blocks")
