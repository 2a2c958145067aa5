"""A vision transformer under timm's names, as published medical encoders have them, read without timm."""

import argparse
import math
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import ViTConfig, ViTModel

from ..errors import FairTuneError, first_line, listed
from .mae_encoder import LoadedKeys

PATCHES = "patch_embed.proj.weight"
OUTSIDE = {
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "norm": "layernorm",
}
INSIDE = {
    "norm1": "layernorm_before",
    "attn.proj": "attention.o_proj",
    "norm2": "layernorm_after",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
# Layer scale -> the layer whose output it multiplies.
SCALED = {"ls1.gamma": "attn.proj", "ls2.gamma": "mlp.fc2"}
# Heads and decoders, which are left.
LEFT = re.compile(r"(mask_token|decoder_|head\.)")
# Features an attention head, by those of a block: of ViT-Ti, S, B and L. Others differ, as ViT-H with 80 does.
HEAD_WIDTHS, EPSILON = dict.fromkeys((192, 384, 768, 1024), 64), 1e-6


def weights_in(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint by name: of its part `model` or `state_dict`, where it has such a part.

    Raises:
        FairTuneError: there is no file, or it holds something else than weights.
    """
    try:
        if Path(path).suffix == ".safetensors":
            found: Any = load_file(path)
        else:
            # Training scripts keep their flags beside the weights.
            with torch.serialization.safe_globals([argparse.Namespace]):
                found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, pickle.UnpicklingError, RuntimeError, SafetensorError) as error:
        raise FairTuneError(f"`{path}` is no file of weights: {first_line(error)}") from error
    parts = (found.get(name) for name in ("model", "state_dict")) if isinstance(found, Mapping) else ()
    chosen: Any = next((part for part in parts if isinstance(part, Mapping)), found)
    if not isinstance(chosen, Mapping) or not any(isinstance(value, Tensor) for value in chosen.values()):
        raise FairTuneError(f"`{path}` holds no tensors by name; give a state dict of a vision transformer.")
    return {str(name): value for name, value in chosen.items() if isinstance(value, Tensor)}


def encoder_of_timm(weights: Mapping[str, Tensor], head_width: int | None = None) -> tuple[ViTModel, LoadedKeys]:
    """Return the encoder of transformers that computes what timm's does, up to rounding; weights are float32.

    Layer scales are multiplied into the layers before them. The names may have a prefix, as `visual.trunk.` of
    open_clip. A classifier reads the class token after the last norm, as timm's `global_pool="token"` does.

    Args:
        weights: by timm's names, of a class token and square patches.
        head_width: features an attention head, which no weight tells; by default 64 for blocks of 192, 384, 768 or
            1024 features, and wanted for others.

    Raises:
        FairTuneError: they are of another kind of transformer, or `head_width` is wanted.
    """
    prefix = next((name.removesuffix(PATCHES) for name in sorted(weights, key=len) if name.endswith(PATCHES)), None)
    if prefix is None:
        raise FairTuneError(f"no weight ends in `{PATCHES}`; give a vision transformer by timm's names.")
    own = {name.removeprefix(prefix): values.float() for name, values in weights.items() if name.startswith(prefix)}
    config = _config(own, head_width)
    left = {name for name in own if LEFT.match(name)}
    state, used = _renamed(own, config.num_hidden_layers)
    odd = sorted(set(own) - left - used)
    if odd:
        raise FairTuneError(
            f"{len(odd)} weights have no place in a ViT of transformers ({listed(odd, 3)}); give an encoder with a "
            "class token, layer norms and one MLP a block."
        )
    model = ViTModel(config, add_pooling_layer=False)
    try:
        missing = model.load_state_dict(state, strict=False).missing_keys
    except RuntimeError as error:
        raise FairTuneError(f"the weights do not fit a ViT of transformers ({first_line(error)}).") from error
    if missing:
        raise FairTuneError(f"{len(missing)} weights of the encoder are missing ({listed(missing, 3)}).")
    others = {name for name in weights if not name.startswith(prefix)} | {prefix + name for name in left}
    return model.eval(), LoadedKeys(tuple(state), tuple(sorted(others)), ())


def _config(own: Mapping[str, Tensor], head_width: int | None) -> ViTConfig:
    """Read the sizes off the weights."""
    width, channels, patch, _ = own[PATCHES].shape
    blocks = {int(name.split(".")[1]) for name in own if name.startswith("blocks.")}
    tokens = own["pos_embed"].shape[1] if "pos_embed" in own else 0
    side = math.isqrt(max(tokens - 1, 0))
    head_width = head_width or HEAD_WIDTHS.get(width)
    if head_width is None:
        raise FairTuneError(
            f"the blocks have {width} features, and the weights do not tell how many an attention head has; give "
            "`head_width`, the features of a block divided by its heads (80 for ViT-H, 88 for g, 104 for G)."
        )
    if not blocks or "cls_token" not in own or side * side != tokens - 1 or width % head_width:
        raise FairTuneError(
            f"the weights have {len(blocks)} blocks of {width} features, {tokens} positions and "
            f"{'a' if 'cls_token' in own else 'no'} class token; a ViT with a class token, a square of patches and "
            f"heads of {head_width} features is wanted."
        )
    hidden = own["blocks.0.mlp.fc1.weight"].shape[0] if "blocks.0.mlp.fc1.weight" in own else 0
    return ViTConfig(
        hidden_size=width,
        num_hidden_layers=max(blocks) + 1,
        num_attention_heads=width // head_width,
        intermediate_size=hidden,
        image_size=side * patch,
        patch_size=patch,
        num_channels=channels,
        layer_norm_eps=EPSILON,
    )


def _renamed(own: Mapping[str, Tensor], blocks: int) -> tuple[dict[str, Tensor], set[str]]:
    """Return the weights by the names of transformers, and which of the given ones these are."""
    state, used = dict[str, Tensor](), set[str]()

    def take(name: str, scale: Tensor | None = None) -> dict[str, Tensor]:
        """Return a parameter, or those of a layer, by the end of their names."""
        found = {end: own[name + end] for end in ("", ".weight", ".bias") if name + end in own}
        used.update(name + end for end in found)
        if scale is None:
            return found
        return {end: (v.double() * scale.double().view(-1, *[1] * (v.ndim - 1))).float() for end, v in found.items()}

    for name, new in OUTSIDE.items():
        state |= {new + end: values for end, values in take(name).items()}
    for number in range(blocks):
        block, layer = f"blocks.{number}.", f"layers.{number}."
        scales = {target: take(block + name).get("") for name, target in SCALED.items()}
        for name, new in INSIDE.items():
            state |= {layer + new + end: values for end, values in take(block + name, scales.get(name)).items()}
        for end, values in take(f"{block}attn.qkv").items():
            for kind, part in zip("qkv", values.chunk(3), strict=True):
                state[f"{layer}attention.{kind}_proj{end}"] = part.clone()
    return state, used
