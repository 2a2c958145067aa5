"""Encoders under timm's names against a forward pass written out, and against timm itself where it is installed."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from hf_fairtune.errors import FairTuneError
from hf_fairtune.families.timm_vit import HEAD_WIDTHS, encoder_of_timm, weights_in

from .backbones import images

WIDTH, HEADS, PATCH, SIZE, DEPTH = 16, 2, 8, 32, 2
Weights = dict[str, Tensor]


def weights(scaled: bool = False) -> Weights:
    """Draw the weights of a tiny transformer by timm's names."""
    draw = torch.Generator().manual_seed(0)
    shapes = {"cls_token": (1, 1, WIDTH), "pos_embed": (1, 17, WIDTH), "norm.weight": (WIDTH,), "norm.bias": (WIDTH,)}
    shapes |= {"patch_embed.proj.weight": (WIDTH, 3, PATCH, PATCH), "patch_embed.proj.bias": (WIDTH,)}
    for i in range(DEPTH):
        layers = {"attn.qkv": (48, WIDTH), "attn.proj": (WIDTH, WIDTH), "mlp.fc1": (32, WIDTH), "mlp.fc2": (WIDTH, 32)}
        for name, shape in (layers | {"norm1": (WIDTH,), "norm2": (WIDTH,)}).items():
            shapes |= {f"blocks.{i}.{name}.weight": shape, f"blocks.{i}.{name}.bias": shape[:1]}
        shapes |= {f"blocks.{i}.ls{k}.gamma": (WIDTH,) for k in (1, 2)} if scaled else {}
    return {name: torch.randn(shape, generator=draw) * 0.3 for name, shape in shapes.items()}


def features(own: Weights, pixels: Tensor) -> Tensor:
    """Return the tokens after the last norm, [n, 17, 16], as the papers write a vision transformer."""

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ own[f"{name}.weight"].mT + own[f"{name}.bias"]

    def norm(x: Tensor, name: str) -> Tensor:
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-6).sqrt()
        return x * own[f"{name}.weight"] + own[f"{name}.bias"]

    patches = F.conv2d(pixels, own["patch_embed.proj.weight"], own["patch_embed.proj.bias"], stride=PATCH)
    x = torch.cat([own["cls_token"].expand(len(pixels), -1, -1), patches.flatten(2).mT], 1) + own["pos_embed"]
    for i in range(DEPTH):
        block, ones = f"blocks.{i}.", torch.ones(WIDTH)
        q, k, v = (
            linear(norm(x, f"{block}norm1"), f"{block}attn.qkv").unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        )
        shares = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
        mixed = (shares @ v).transpose(1, 2).flatten(2)
        x = x + own.get(f"{block}ls1.gamma", ones) * linear(mixed, f"{block}attn.proj")
        hidden = F.gelu(linear(norm(x, f"{block}norm2"), f"{block}mlp.fc1"))
        x = x + own.get(f"{block}ls2.gamma", ones) * linear(hidden, f"{block}mlp.fc2")
    return norm(x, "norm")


@torch.no_grad()
def tokens(model: Any) -> Tensor:
    return model(images()).last_hidden_state


@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "layer scale"])
def test_features_are_those_written_out(scaled: bool) -> None:
    own = weights(scaled)
    model, keys = encoder_of_timm(own, head_width=WIDTH // HEADS)
    torch.testing.assert_close(tokens(model), features(own, images()), rtol=1e-4, atol=1e-5)
    assert set(keys.taken) == {name for name, _ in model.named_parameters()}
    assert (keys.left, model.config.image_size, model.config.patch_size) == ((), SIZE, PATCH)


def test_features_are_timms() -> None:
    try:
        import timm
    except (ImportError, RuntimeError) as error:  # torchvision without its compiled part is a RuntimeError
        pytest.skip(f"timm cannot be imported ({error}): install timm and torchvision to compare with it")
    sizes = {"img_size": SIZE, "patch_size": PATCH, "embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS}
    options = {"num_classes": 0, "init_values": 1e-5, "dynamic_img_size": True, "mlp_ratio": 2}
    other = timm.create_model("vit_large_patch16_224", **sizes, **options).eval()
    other.load_state_dict(weights(scaled=True))
    model, _ = encoder_of_timm(other.state_dict(), head_width=WIDTH // HEADS)
    with torch.no_grad():
        torch.testing.assert_close(tokens(model), other.forward_features(images()), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(tokens(model)[:, 0], other(images()), rtol=1e-4, atol=1e-5)


def autoencoder(folder: Path) -> Path:
    """Write RETFound's kind of file: of the whole autoencoder, beside what its training was called with."""
    decoder = {"mask_token": torch.ones(1, 1, 8), "decoder_pos_embed": torch.ones(1, 17, 8)}
    decoder |= {"decoder_blocks.0.norm1.weight": torch.ones(8)}
    torch.save({"model": weights() | decoder, "args": argparse.Namespace(epochs=800), "epoch": 1}, folder / "a.pth")
    return folder / "a.pth"


def two_towers(folder: Path) -> Path:
    """Write BiomedCLIP's kind of file: the trunk in open_clip's vision tower, its projection, and a text tower."""
    others = {"visual.head.proj.weight": torch.ones(8, WIDTH), "text.proj.0.weight": torch.ones(8, 8)}
    trunk = {f"visual.trunk.{name}": values for name, values in weights().items()}
    torch.save(trunk | others | {"logit_scale": torch.ones(())}, folder / "open_clip_pytorch_model.bin")
    return folder / "open_clip_pytorch_model.bin"


def alone(folder: Path) -> Path:
    """Write UNI's kind of file: the encoder alone."""
    save_file(weights(scaled=True), folder / "model.safetensors")
    return folder / "model.safetensors"


LEFT = {
    autoencoder: ("decoder_blocks.0.norm1.weight", "decoder_pos_embed", "mask_token"),
    two_towers: ("logit_scale", "text.proj.0.weight", "visual.head.proj.weight"),
    alone: (),
}


@pytest.mark.parametrize("write", LEFT, ids=lambda write: write.__name__)
def test_files_of_each_kind(write: Any, tmp_path: Path) -> None:
    model, keys = encoder_of_timm(weights_in(write(tmp_path)), head_width=WIDTH // HEADS)
    wanted = features(weights(scaled=write is alone), images())
    torch.testing.assert_close(tokens(model), wanted, rtol=1e-4, atol=1e-5)
    assert keys.left == LEFT[write]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"fc_norm.weight": torch.ones(WIDTH)}, "1 weights have no place .* (fc_norm.weight)"),
        ({"reg_token": torch.ones(1, 4, WIDTH)}, "no place .* (reg_token)"),
        ({"pos_embed": torch.ones(1, 16, WIDTH)}, "16 positions and a class token; .* a square of patches"),
        ({"cls_token": None}, "17 positions and no class token"),
        ({"norm.bias": None}, "1 weights of the encoder are missing (layernorm.bias)"),
        ({"blocks.1.mlp.fc1.weight": torch.ones(8, WIDTH)}, "do not fit a ViT of transformers"),
        ({"patch_embed.proj.weight": None}, "no weight ends in `patch_embed.proj.weight`"),
    ],
)
def test_another_kind_of_transformer_is_one_line(change: dict[str, Tensor | None], line: str) -> None:
    own = {name: values for name, values in (weights() | change).items() if values is not None}
    with pytest.raises(FairTuneError, match=line.replace("(", r"\(").replace(")", r"\)")) as found:
        encoder_of_timm(own, head_width=WIDTH // HEADS)
    assert "\n" not in str(found.value)


def test_the_width_of_a_head_is_wanted_where_none_is_usual() -> None:
    """Widths of other models divide by 64 as well, and would load as heads that they do not have."""
    with pytest.raises(FairTuneError, match="blocks have 16 features, .*; give `head_width`"):
        encoder_of_timm(weights())
    assert set(HEAD_WIDTHS) == {192, 384, 768, 1024}


def test_no_file_of_weights(tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="`.*nothing.pth` is no file of weights"):
        weights_in(tmp_path / "nothing.pth")
    for content in ([1, 2], {"epoch": 3}, {"model": Path()}):
        torch.save(content, tmp_path / "odd.pth")
        with pytest.raises(FairTuneError, match="is no file of weights|holds no tensors by name"):
            weights_in(tmp_path / "odd.pth")
