"""The hash of a model's weights."""

import hashlib

import torch
from torch import nn

DIGITS = 16


def weights_hash(model: nn.Module) -> str:
    """Hash every tensor of a model's state by name, kind and bytes; 16 hexadecimal digits."""
    content = hashlib.sha256()
    for name, values in sorted(model.state_dict().items()):
        content.update(name.encode() + str(values.dtype).encode())
        content.update(values.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return content.hexdigest()[:DIGITS]
