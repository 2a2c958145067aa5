"""Vision Transformer (`transformers.ViTForImageClassification`): Dosovitskiy et al., ICLR 2021."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from ..errors import FairTuneError
from .family import Family


@dataclass(frozen=True)
class ViT(Family):
    """The plain ViT, whose position embeddings are stored for one image size."""

    def narrow(self, block: Any, hidden: Tensor) -> Tensor | None:
        """Return the first `read` tokens that a block gives; only keys and values are of all tokens."""
        attention, read = block.attention, hidden[:, : self.read]

        def heads(values: Tensor) -> Tensor:
            return values.unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)

        normed = block.layernorm_before(hidden)
        query = heads(attention.q_proj(normed[:, : self.read]))
        key, value = heads(attention.k_proj(normed)), heads(attention.v_proj(normed))
        mixed = scaled_dot_product_attention(query, key, value, scale=attention.scaling)
        read = read + attention.o_proj(mixed.transpose(1, 2).flatten(2))
        found: Tensor = read + block.mlp(block.layernorm_after(read))
        return found

    def resize(self, model: Any, image_size: int) -> bool:
        """Interpolate the position embeddings once, so that the saved model needs no extra argument.

        The values are those that `interpolate_pos_encoding=True` computes in every forward pass.

        Raises:
            FairTuneError: `image_size` is not a multiple of the patch size.
        """
        embeddings = getattr(model, "vit", model).embeddings
        patches = embeddings.patch_embeddings
        patch = patches.patch_size[0] if isinstance(patches.patch_size, tuple) else patches.patch_size
        if image_size % patch:
            near = max(patch, round(image_size / patch) * patch)
            raise FairTuneError(f"`image_size` is {image_size} but patches are {patch} pixels; use {near}.")
        if model.config.image_size == image_size:
            return True
        embeddings.patch_size = patch
        side = image_size // patch
        dummy = embeddings.position_embeddings.new_zeros(1, side * side + 1, model.config.hidden_size)
        with torch.no_grad():
            positions = embeddings.interpolate_pos_encoding(dummy, image_size, image_size)
        embeddings.position_embeddings = nn.Parameter(positions.clone().contiguous())
        patches.num_patches = side * side
        embeddings.image_size = patches.image_size = (image_size, image_size)
        model.config.image_size = image_size
        return True


FAMILY = ViT(stem="vit.embeddings", read=1)
