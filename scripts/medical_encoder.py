"""Make a folder that every command takes as `--model` of a medical encoder that is published under timm's names.

python scripts/medical_encoder.py retfound RETFound_cfp_weights.pth encoders/retfound
"""

import sys
from pathlib import Path

from transformers import CLIPImageProcessor

from hf_fairtune.families.mae_encoder import LoadedKeys
from hf_fairtune.families.timm_vit import encoder_of_timm, weights_in

IMAGENET = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
CLIP = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
BILINEAR, BICUBIC = 2, 3
# How the authors evaluate: the shorter edge for a crop of 224 pixels, the way to resize, mean and standard deviation.
PIXELS = {"retfound": (256, BICUBIC, IMAGENET), "uni": (224, BILINEAR, IMAGENET), "biomedclip": (224, BICUBIC, CLIP)}


def main(encoder: str, weights: str, folder: str, head_width: str | None = None) -> LoadedKeys:
    """Write encoder and image processor into `folder`, and say which weights were left; see `encoder_of_timm`."""
    edge, resample, (mean, std) = PIXELS[encoder]
    model, keys = encoder_of_timm(weights_in(weights), None if head_width is None else int(head_width))
    side = model.config.image_size
    processor = CLIPImageProcessor(
        size={"shortest_edge": round(edge * side / 224)},
        crop_size={"height": side, "width": side},
        resample=resample,
        image_mean=mean,
        image_std=std,
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    print(f"{Path(folder)}: {len(keys.taken)} tensors of a ViT, {len(keys.left)} left in the file")
    return keys


if __name__ == "__main__":
    main(*sys.argv[1:])
