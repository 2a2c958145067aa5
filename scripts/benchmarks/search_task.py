"""A task on which a trial takes a fraction of a second: images of 4 x 4 pixels, a ViT of twelve narrow blocks.

An image is a nonlinear function of eight hidden causes; the ViT is pretrained to name combinations of them that are
not the disease. With the bias "planted" 30 % of the training patients are of a minority, whose disease shows less, and
a camera's cast tells the disease in the majority and misleads in the minority; with "none" the groups are alike.
Configurations are trained side by side, each with its own data, mask and learning rate; a configuration's numbers are
those that `FairTrainer` gives it alone (`search_check.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy
from transformers import ViTConfig, ViTForImageClassification

from hf_fairtune.audits.engine.delong import auc
from hf_fairtune.masks.space import space_of

SIZE, PATCH, WIDTH, BLOCKS, CAUSES, NAMES = 4, 4, 16, 12, 8, 12
SIZES = {"train": 192, "validation": 400, "test": 3000}
BATCH, EPOCHS = 32, 6
BETAS, EPSILON, DECAY, CLIP = (0.9, 0.999), 1e-8, 1e-4, 1.0
BIASES = ("planted", "none")


@dataclass(frozen=True)
class Rows:
    """Images [n, 3, size, size], labels [n] and groups [n]."""

    pixels: Tensor
    labels: Tensor
    groups: Tensor

    def lowest(self, logits: Tensor) -> float:
        """Return the lower group's AUC of logits [n, 2]."""
        scores = torch.softmax(logits.double(), dim=-1)[:, 1].numpy()
        labels, groups = self.labels.numpy(), self.groups.numpy()
        return min(auc(labels[groups == g], scores[groups == g]) for g in (0, 1))


@dataclass(frozen=True)
class World:
    """How causes show in pixels, which of their combinations have names, and what the disease is."""

    hidden: np.ndarray
    shown: np.ndarray
    named: np.ndarray
    disease: np.ndarray
    cast: np.ndarray

    @classmethod
    def drawn(cls, seed: int) -> World:
        """Draw a world."""
        rng = np.random.default_rng([seed, 1])
        n_pixels, n_terms = 3 * SIZE * SIZE, CAUSES + CAUSES * (CAUSES + 1) // 2
        return cls(
            rng.normal(0, 1, (CAUSES, 32)) / math.sqrt(CAUSES) * 1.5,
            rng.normal(0, 1, (32, n_pixels)) / math.sqrt(32) * 1.5,
            rng.normal(0, 1, (n_terms, NAMES)) / math.sqrt(n_terms),
            rng.normal(0, 1, n_terms) / math.sqrt(n_terms),
            rng.normal(0, 1, n_pixels),
        )

    def pixels(self, causes: np.ndarray, cast: np.ndarray, rng: np.random.Generator) -> Tensor:
        """Draw images of causes [n, 8] and the strength of a cast [n]."""
        values = np.tanh(causes @ self.hidden) @ self.shown + cast[:, None] * self.cast
        values = values + rng.normal(0, 0.3, values.shape)
        return torch.from_numpy(values.reshape(-1, 3, SIZE, SIZE)).float()

    def rows(self, n: int, bias: str, minority: float, rng: np.random.Generator) -> Rows:
        """Draw patients, of whom this share is of the minority (group 0)."""
        groups = (np.arange(n) >= round(n * minority)).astype(np.int64)
        causes = rng.normal(0, 1, (n, CAUSES))
        score = terms(causes) @ self.disease
        labels = (score + 0.3 * rng.normal(0, 1, n) > 0.3).astype(np.int64)
        sick, major = labels == 1, groups == 1
        planted = bias == "planted"
        second = np.where(major, np.where(sick, 0.9, 0.1), np.where(sick, 0.3, 0.5)) if planted else np.full(n, 0.3)
        shown = np.where(major, 1.0, 0.8)[:, None] * causes if planted else causes
        pixels = self.pixels(shown, 0.5 * (rng.random(n) < second), rng)
        return Rows(pixels, torch.from_numpy(labels), torch.from_numpy(groups))


def terms(causes: np.ndarray) -> np.ndarray:
    """Return causes [n, k] and their products, standardised."""
    first, second = np.triu_indices(causes.shape[1])
    products = causes[:, first] * causes[:, second]
    return np.concatenate([causes, (products - (first == second)) / np.where(first == second, 2**0.5, 1)], axis=1)


def pretrained(place: Path, seed: int, steps: int = 500, batch: int = 128) -> ViTForImageClassification:
    """Return the ViT of `place`, else pretrain it to name which combination of a world's causes is the strongest."""
    if (place / "config.json").is_file():
        return ViTForImageClassification.from_pretrained(place, attn_implementation="eager")
    torch.manual_seed(seed)
    config = ViTConfig(
        hidden_size=WIDTH, num_hidden_layers=BLOCKS, num_attention_heads=1, intermediate_size=2 * WIDTH,
        image_size=SIZE, patch_size=PATCH, hidden_act="relu", initializer_range=0.1, num_labels=NAMES,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager",
    )  # fmt: skip
    model, world, rng = ViTForImageClassification(config), World.drawn(seed), np.random.default_rng([seed, 2])
    torch.nn.init.normal_(model.vit.embeddings.position_embeddings, std=0.3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01, foreach=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps, pct_start=0.1)
    for step in range(steps):
        causes = rng.normal(0, 1, (batch, CAUSES))
        names = torch.from_numpy((terms(causes) @ world.named).argmax(1))
        logits = model(pixel_values=world.pixels(causes, 0.5 * (rng.random(batch) < 0.3), rng)).logits
        loss = cross_entropy(logits, names)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"pretraining {step + 1}: accuracy {(logits.argmax(1) == names).float().mean():.3f}", flush=True)
    model.save_pretrained(place)
    return model


@dataclass(frozen=True)
class Task:
    """One draw of the data, with the model that every configuration starts from."""

    model: ViTForImageClassification
    train: Rows
    validation: Rows
    test: Rows
    seed: int

    @classmethod
    def drawn(cls, place: Path, world: int, bias: str, seed: int) -> Task:
        """Draw the data and a new head by `seed`; validation and test hold half of each group."""
        model, rng = pretrained(place, world), np.random.default_rng([world, 3, seed])
        torch.manual_seed(seed)
        model.classifier = torch.nn.Linear(WIDTH, 2)
        model.num_labels = model.config.num_labels = 2
        shares = {"train": 0.3 if bias == "planted" else 0.5, "validation": 0.5, "test": 0.5}
        rows = [World.drawn(world).rows(SIZES[split], bias, share, rng) for split, share in shares.items()]
        return cls(model.eval(), *rows, seed)

    def order(self, epoch: int) -> Tensor:
        """Return the rows of an epoch (from 0) in their order."""
        return torch.from_numpy(np.random.default_rng([self.seed, epoch]).permutation(SIZES["train"]))


@dataclass(frozen=True)
class Configuration:
    """A task, a mask and a learning rate; `epochs` is the length of the schedule."""

    task: int
    bits: tuple[int, ...]
    rate: float
    epochs: int = EPOCHS


def factor(step: int, steps: int) -> float:
    """Return the share of the peak learning rate at a step: a third of linear warm-up, then a cosine."""
    warm = math.ceil(steps / 3)
    return step / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


class Lanes:
    """Configurations in training side by side, by AdamW with the Trainer's clipping; a frozen part does not move."""

    def __init__(self, tasks: Sequence[Task], lanes: Sequence[Configuration]) -> None:
        self.tasks, self.lanes, self.done = tasks, list(lanes), 0
        model = tasks[0].model
        space = space_of(model)
        movable = space.trained([1] * len(space))
        self.fixed = {k: v.detach() for k, v in model.named_parameters() if k not in movable}
        starts = [dict(tasks[lane.task].model.named_parameters()) for lane in lanes]
        self.weights = {k: torch.stack([start[k].detach() for start in starts]) for k in movable}
        self.first, self.second = ({k: torch.zeros_like(v) for k, v in self.weights.items()} for _ in range(2))
        on = [space.trained(lane.bits) for lane in lanes]
        self.trained = {k: torch.tensor([float(k in names) for names in on]) for k in movable}
        self._gradients, self._scores = vmap(grad(self._loss)), vmap(self._logits)

    def _logits(self, weights: dict[str, Tensor], pixels: Tensor) -> Tensor:
        logits: Tensor = functional_call(self.tasks[0].model, {**weights, **self.fixed}, (pixels,)).logits
        return logits

    def _loss(self, weights: dict[str, Tensor], pixels: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(self._logits(weights, pixels), labels)

    def epoch(self) -> None:
        """Train an epoch."""
        steps = SIZES["train"] // BATCH
        batches = [self.tasks[lane.task].order(self.done).split(BATCH) for lane in self.lanes]
        for place in range(steps):
            parts = [(self.tasks[lane.task].train, own[place]) for lane, own in zip(self.lanes, batches, strict=True)]
            pixels = torch.stack([train.pixels[rows] for train, rows in parts])
            labels = torch.stack([train.labels[rows] for train, rows in parts])
            self._update(self._gradients(self.weights, pixels, labels), self.done * steps + place)
        self.done += 1

    @torch.no_grad()
    def _update(self, gradients: dict[str, Tensor], step: int) -> None:
        found = {k: spread(self.trained[k], g) * g for k, g in gradients.items()}
        norm = torch.stack([g.flatten(1).square().sum(1) for g in found.values()]).sum(0).sqrt()
        clip, steps = (CLIP / (norm + 1e-6)).clamp(max=1.0), SIZES["train"] // BATCH
        rates = torch.tensor([lane.rate * factor(step, lane.epochs * steps) for lane in self.lanes])
        grown, squared = (1 - beta ** (step + 1) for beta in BETAS)
        for name, gradient in found.items():
            gradient = gradient * spread(clip, gradient)
            weights, first, second = self.weights[name], self.first[name], self.second[name]
            rate = spread(rates * self.trained[name], gradient)
            if name.endswith("weight") and "layernorm" not in name:
                weights.mul_(1 - rate * DECAY)
            first.lerp_(gradient, 1 - BETAS[0])
            second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
            weights.sub_(rate * (first / grown) / ((second / squared).sqrt() + EPSILON))

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the lanes of these places alone."""
        self.lanes = [self.lanes[place] for place in places]
        for part in (self.weights, self.first, self.second, self.trained):
            part.update({name: values[list(places)] for name, values in part.items()})

    @torch.no_grad()
    def lowest(self, split: str, places: Sequence[int]) -> list[float]:
        """Return the lower group's AUC of these lanes on a split of their task."""
        rows: list[Rows] = [getattr(self.tasks[self.lanes[place].task], split) for place in places]
        weights = {name: values[list(places)] for name, values in self.weights.items()}
        parts = [torch.stack([one.pixels[i : i + 500] for one in rows]) for i in range(0, SIZES[split], 500)]
        logits = torch.cat([self._scores(weights, part) for part in parts], dim=1)
        return [one.lowest(own) for one, own in zip(rows, logits, strict=True)]


def spread(values: Tensor, like: Tensor) -> Tensor:
    """Shape a number a lane, [n], so that it broadcasts over [n, ...]."""
    return values.view(-1, *[1] * (like.dim() - 1))
