"""Push a hand-over folder, then load all of it back with stock calls; prints what held as JSON.

Run as a process of its own, as huggingface_hub reads its environment at import: `python -m tests.hub_client FOLDER`.
"""

import json
import sys
import tempfile
from typing import Any

import torch
from datasets import ClassLabel, Dataset, Features, Image, load_dataset
from huggingface_hub import ModelCard, snapshot_download
from peft import PeftModel
from PIL import Image as PIL
from transformers import AutoImageProcessor, AutoModelForImageClassification

from hf_fairtune.hub import push

REPO, BASE, DATA = "tester/lesions", "tester/base", "tester/images"


def logits(model: torch.nn.Module, processor: Any) -> torch.Tensor:
    """Classify one fixed picture."""
    picture = PIL.effect_mandelbrot((16, 16), (-2, -1.5, 1, 1.5), 50).convert("RGB")
    with torch.no_grad():
        return model.eval()(**processor(picture, return_tensors="pt")).logits


def model_comes_back(folder: str) -> bool:
    """Compare the merged model of the Hub with the folder's, bit for bit."""
    there = AutoModelForImageClassification.from_pretrained(REPO), AutoImageProcessor.from_pretrained(REPO)
    here = AutoModelForImageClassification.from_pretrained(folder), AutoImageProcessor.from_pretrained(folder)
    return torch.equal(logits(*there), logits(*here))


def adapter_comes_back(folder: str, base: str) -> bool:
    """Compare the adapter of the Hub on the base of the Hub with both of the disk, and with the merged model."""
    AutoModelForImageClassification.from_pretrained(base).push_to_hub(BASE, private=True)
    processor = AutoImageProcessor.from_pretrained(folder)
    there = PeftModel.from_pretrained(AutoModelForImageClassification.from_pretrained(BASE), REPO, subfolder="adapter")
    here = PeftModel.from_pretrained(AutoModelForImageClassification.from_pretrained(base), f"{folder}/adapter")
    merged = AutoModelForImageClassification.from_pretrained(REPO)
    results = [logits(model, processor) for model in (there, here, there.merge_and_unload(), merged)]
    return all(torch.equal(result, results[0]) for result in results)


def data_comes_back() -> bool:
    """Push eight pictures with labels and read them again."""
    pictures = [PIL.new("RGB", (4, 4), (30 * i, 0, 0)) for i in range(8)]
    features = Features({"image": Image(), "labels": ClassLabel(names=["benign", "malignant"])})
    made = Dataset.from_dict({"image": pictures, "labels": [0, 1] * 4}, features=features)
    made.push_to_hub(DATA, private=True)
    back = load_dataset(DATA, split="train", cache_dir=tempfile.mkdtemp())
    same = [a.tobytes() == b.tobytes() for a, b in zip(back["image"], pictures, strict=True)]
    return back.features == features and list(back["labels"]) == [0, 1] * 4 and all(same)


def main(folder: str, base: str) -> None:
    """Do all of it and print the answers."""
    done = push(folder, REPO)
    again = push(folder, REPO, revision="v1")
    proposal = push(folder, REPO, create_pr=True)
    answers = {
        "url": done.url,
        "branch": again.url,
        "request": proposal.url,
        "card": ModelCard.load(REPO).data.to_dict(),
        "model": model_comes_back(f"{folder}/share"),
        "adapter": adapter_comes_back(f"{folder}/share", base),
        "data": data_comes_back(),
        "snapshot": snapshot_download(REPO),
    }
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
