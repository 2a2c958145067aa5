"""The pretrained classifier a command starts from."""

from dataclasses import dataclass, field


@dataclass
class ModelArguments:
    """Which pretrained model."""

    model: str = field(
        metadata={
            "help": "Hub id or folder of an image classifier, e.g. google/vit-base-patch16-224; for training, also of "
            "a masked autoencoder (vit_mae).",
            "aliases": ["--model_name_or_path"],
        }
    )
