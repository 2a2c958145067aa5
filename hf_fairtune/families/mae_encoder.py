"""The encoder of a masked autoencoder (`vit_mae`, He et al., CVPR 2022) as the start of a ViT classifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import ViTConfig, ViTForImageClassification, ViTMAEConfig

from ..errors import FairTuneError, listed

MODEL_TYPE, BECOMES = "vit_mae", "vit"
DECODER, HEAD = "decoder.", "classifier."
# What the configurations of both say of the encoder.
SHARED = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act", "layer_norm_eps",
    "hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range", "image_size", "patch_size",
    "num_channels", "qkv_bias",
)  # fmt: skip


@dataclass(frozen=True)
class LoadedKeys:
    """Names of tensors: taken from the checkpoint, left in it, and new random numbers."""

    taken: tuple[str, ...]
    left: tuple[str, ...]
    new: tuple[str, ...]


def classifier_of_mae(name: str, labels: Sequence[str]) -> tuple[Any, LoadedKeys]:
    """Load a ViT classifier with the encoder of an autoencoder, a new head on the class token, and no decoder.

    The authors fine-tune on the mean of the patches or on the class token, which do equally well; `ViT` of
    transformers has the class token. Weights are float32.

    Args:
        name: folder or Hub id of a `vit_mae` checkpoint, of the whole autoencoder or its encoder alone.
        labels: names of the classes.

    Raises:
        FairTuneError: a weight of the encoder is not there or does not fit, or the checkpoint holds weights of
            something else.
        OSError: it cannot be read.
    """
    encoder = {key: value for key, value in ViTMAEConfig.from_pretrained(name).to_dict().items() if key in SHARED}
    config = ViTConfig(**encoder, id2label=dict(enumerate(labels)), label2id={key: i for i, key in enumerate(labels)})
    model, found = ViTForImageClassification.from_pretrained(
        name, config=config, dtype=torch.float32, output_loading_info=True
    )
    new, left = sorted(found["missing_keys"]), sorted(found["unexpected_keys"])
    wrong = [key for key in new if not key.startswith(HEAD)] + [key for key in left if not key.startswith(DECODER)]
    wrong += [key for key, *_ in found["mismatched_keys"]]
    if wrong:
        raise FairTuneError(
            f"`{name}` is no whole autoencoder of transformers: {len(wrong)} weights are missing, of another shape or "
            f"not known ({listed(wrong, 3)}); convert it to `ViTMAEForPreTraining` first."
        )
    taken = tuple(key for key in model.state_dict() if key not in new)
    return model, LoadedKeys(taken, tuple(left), tuple(new))
