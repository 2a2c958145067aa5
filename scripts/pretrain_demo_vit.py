"""Pretrain the small ViT of `fairtune demo` on generated shapes: the recipe of `hf_fairtune/demo_vit/`.

It learns to name twelve kinds of outline in any colour on any background, and never sees a lesion, a skin tone or the
second camera of the demo data. The defaults wrote the packaged weights: 6,000 steps, drawn on the fly.
"""

import argparse
import math
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm.auto import tqdm
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

CLASSES = (
    "ellipse", "box", "three_lobes", "five_lobes", "star", "slightly_wavy",
    "wavy", "wavy_on_one_side", "crescent", "ring", "two_blobs", "scattered",
)  # fmt: skip


def draw(n: int, size: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw `n` images in [-1, 1], their classes and the masks of their shapes."""
    labels = torch.randint(len(CLASSES), (n,), generator=rng)
    shape = outline(labels, grid(n, size), rng)
    axis = grid(n, size)
    back = uniform(n, -0.9, 0.9, rng, channels=3)
    tint = normal(n, rng, channels=3)
    tint = tint / tint.square().mean(1, keepdim=True).sqrt()
    grey = torch.where(uniform(n, 0, 1, rng, channels=1) < 0.7, tint.mean(1, keepdim=True).sign(), tint)
    fore = grey * uniform(n, math.log(0.2), math.log(1.0), rng).exp()[:, None]
    fore = torch.where(back.abs() > 0.4, -back.sign() * fore.abs(), fore)  # else clipping hides the shape
    light = 0.12 * ripples(axis, 2.0, rng) + 0.05 * ripples(axis, 10.0, rng) * uniform(n, 0, 1.5, rng)
    texture = 1 + 0.3 * ripples(axis, 6.0, rng) * uniform(n, 0, 1, rng)
    lines = clutter(axis, rng) * uniform(n, -0.6, 0.6, rng)
    image = back + fore * (shape * texture)[:, None] + (light * uniform(n, 0, 1, rng) + lines)[:, None]
    noise = torch.randn(image.shape, generator=rng) * uniform(n, 0.01, 0.07, rng)[:, None]
    return (image + noise).clamp(-1, 1), labels, shape


def grid(n: int, size: int) -> tuple[Tensor, Tensor]:
    """Return the x and y of every pixel in [-1, 1], ready to broadcast over `n` images."""
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x.expand(n, size, size), y.expand(n, size, size)


def uniform(n: int, low: float, high: float, rng: torch.Generator, channels: int = 0) -> Tensor:
    """Draw one number an image (and channel), shaped to broadcast over pixels."""
    shape = (n, channels, 1, 1) if channels else (n, 1, 1)
    return low + (high - low) * torch.rand(shape, generator=rng)


def normal(n: int, rng: torch.Generator, channels: int = 0) -> Tensor:
    """Draw one standard normal number an image (and channel), shaped to broadcast over pixels."""
    return torch.randn((n, channels, 1, 1) if channels else (n, 1, 1), generator=rng)


def turned(axis: tuple[Tensor, Tensor], reach: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Move the origin by up to `reach` and turn the axes by a random angle."""
    n = len(axis[0])
    dx, dy = (a - uniform(n, -reach, reach, rng) for a in axis)
    turn = uniform(n, 0, 2 * math.pi, rng)
    return turn.cos() * dx + turn.sin() * dy, turn.cos() * dy - turn.sin() * dx


def outline(labels: Tensor, axis: tuple[Tensor, Tensor], rng: torch.Generator) -> Tensor:
    """Draw the soft mask of every image's class."""
    n, index = len(labels), labels.view(-1, 1, 1)
    u, v = turned(axis, 0.25, rng)
    v = v / uniform(n, 0.6, 1, rng)
    rho, angle = torch.hypot(u, v), torch.atan2(v, u)
    soft = uniform(n, 0.015, 0.07, rng)
    waves = sum(normal(n, rng) * (k * angle + uniform(n, 0, 6.3, rng)).cos() / 2 for k in range(3, 8))
    side = (0.5 + 0.5 * (angle - uniform(n, 0, 6.3, rng)).cos()) ** 1.5
    spikes = ((6 * angle + uniform(n, 0, 6.3, rng)).cos().abs() - 0.5) * uniform(n, 0.3, 0.6, rng)
    lobes = uniform(n, 0.15, 0.3, rng)
    bumps: dict[str, Tensor | float] = {
        "three_lobes": lobes * (3 * angle).cos(),
        "five_lobes": lobes * (5 * angle).cos(),
        "star": spikes,
        "slightly_wavy": uniform(n, 0.05, 0.09, rng) * waves,
        "wavy": uniform(n, 0.12, 0.3, rng) * waves,
        "wavy_on_one_side": uniform(n, 0.2, 0.45, rng) * waves * side,
        "box": (angle.cos().abs() ** 5 + angle.sin().abs() ** 5) ** -0.2 - 1,
    }
    border = torch.zeros_like(rho)
    for name, bump in bumps.items():
        border = torch.where(index == CLASSES.index(name), torch.as_tensor(bump), border)
    radius = uniform(n, 0.35, 0.65, rng)
    mask = torch.sigmoid((radius * (1 + border) - rho) / soft)
    bite = torch.sigmoid((radius * 0.85 - torch.hypot(u - radius * uniform(n, 0.5, 0.8, rng), v)) / soft)
    hole = torch.sigmoid((radius * uniform(n, 0.4, 0.65, rng) - rho) / soft)
    mask = torch.where(index == CLASSES.index("crescent"), mask * (1 - bite), mask)
    mask = torch.where(index == CLASSES.index("ring"), mask * (1 - hole), mask)
    several = blobs(axis, torch.where(index == CLASSES.index("two_blobs"), 2, 5), rng)
    return torch.where(index >= CLASSES.index("two_blobs"), several, mask)


def blobs(axis: tuple[Tensor, Tensor], count: Tensor, rng: torch.Generator) -> Tensor:
    """Draw `count` small ellipses an image: two far apart, or five anywhere."""
    n, drawn = len(axis[0]), torch.zeros_like(axis[0])
    turn, reach = uniform(n, 0, 2 * math.pi, rng), uniform(n, 0.35, 0.6, rng)
    for i in range(5):
        step = turn + 2 * math.pi * i / count + (0.2 * normal(n, rng))
        far = torch.where(count == 2, reach, reach * uniform(n, 0.7, 1.2, rng))
        rho = torch.hypot(axis[0] - far * step.cos(), axis[1] - far * step.sin())
        size = torch.where(count == 2, uniform(n, 0.2, 0.35, rng), uniform(n, 0.08, 0.2, rng))
        drawn = torch.maximum(drawn, torch.where(i < count, torch.sigmoid((size - rho) / 0.03), 0.0))
    return drawn


def ripples(axis: tuple[Tensor, Tensor], frequency: float, rng: torch.Generator) -> Tensor:
    """Draw smooth spots of mean 0 and variance about 1: four random waves an image."""
    n = len(axis[0])
    waves = (
        (frequency * (normal(n, rng) * axis[0] + normal(n, rng) * axis[1]) + uniform(n, 0, 6.3, rng)).cos()
        for _ in range(4)
    )
    return sum(waves, torch.zeros_like(axis[0])) / math.sqrt(2)


def clutter(axis: tuple[Tensor, Tensor], rng: torch.Generator) -> Tensor:
    """Draw up to three long thin curved lines an image."""
    n, drawn = len(axis[0]), torch.zeros_like(axis[0])
    for _ in range(3):
        along, across = turned(axis, 0.9, rng)
        line = (-(((across - 0.25 * normal(n, rng) * along**2) / 0.04) ** 2)).exp()
        drawn = torch.maximum(drawn, torch.where(uniform(n, 0, 1, rng) < 0.4, line, 0.0))
    return drawn


def measures(shapes: Tensor) -> Tensor:
    """Measure every mask: area, outline, place and the two axes, standardised over the batch."""
    x, y = grid(len(shapes), shapes.shape[-1])
    area = shapes.mean((1, 2)) + 1e-3
    left, top = (shapes * x).mean((1, 2)) / area, (shapes * y).mean((1, 2)) / area
    dx, dy = x - left.view(-1, 1, 1), y - top.view(-1, 1, 1)
    wide, tall, slant = ((shapes * moment).mean((1, 2)) / area for moment in (dx * dx, dy * dy, dx * dy))
    spread, skew = wide + tall, torch.hypot(wide - tall, 2 * slant)
    steps = torch.gradient(shapes, dim=(1, 2))
    outline_length = torch.hypot(*steps).mean((1, 2))
    found = torch.stack(
        (area.log(), (outline_length**2 / area).log(), left, top, (spread / area).log(), skew / spread), dim=1
    )
    return (found - found.mean(0)) / found.std(0)


def build(size: int, patch: int, width: int) -> ViTForImageClassification:
    """Build the untrained model, its head naming the classes."""
    names = dict(enumerate(CLASSES))
    config = ViTConfig(
        hidden_size=width,
        num_hidden_layers=12,
        num_attention_heads=4,
        intermediate_size=4 * width,
        image_size=size,
        patch_size=patch,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.05,
        id2label=names,
        label2id={name: i for i, name in names.items()},
    )
    return ViTForImageClassification(config)


def pretrain(model: ViTForImageClassification, args: argparse.Namespace) -> None:
    """Train on freshly drawn batches: AdamW, 5 % linear warm-up, cosine to zero.

    Two linear heads, dropped afterwards, also predict the mask of the shape from the patch tokens and its
    measures from the class token: with the names alone the model stays at chance for thousands of steps.
    """
    rng, patch = torch.Generator().manual_seed(args.seed), args.patch_size
    masker, measurer = nn.Linear(args.width, patch * patch), nn.Linear(args.width, 6)
    torch.nn.init.normal_(model.vit.embeddings.position_embeddings, std=0.3)
    parameters = [*model.parameters(), *masker.parameters(), *measurer.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=args.learning_rate, weight_decay=0.05, betas=(0.9, 0.98), fused=True)
    warm = max(1, args.steps // 20)

    def factor(step: int) -> float:
        done = (step - warm) / max(1, args.steps - warm)
        return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * done))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    model.train()
    progress = tqdm(range(args.steps), desc="pretraining", mininterval=2.0)
    for step in progress:
        images, labels, shapes = draw(args.batch_size, args.image_size, rng)
        tokens = model.vit(pixel_values=images).last_hidden_state
        logits = model.classifier(tokens[:, 0])
        wanted = functional.unfold(shapes[:, None], patch, stride=patch).transpose(1, 2)
        naming = functional.cross_entropy(logits, labels)
        masking = functional.binary_cross_entropy_with_logits(masker(tokens[:, 1:]), wanted)
        measuring = functional.mse_loss(measurer(tokens[:, 0]), measures(shapes))
        (naming + 2 * masking + measuring).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 50 == 0:
            accuracy = (logits.argmax(-1) == labels).float().mean()
            losses = {
                "naming": f"{naming.item():.3f}",
                "masking": f"{masking.item():.3f}",
                "measuring": f"{measuring.item():.3f}",
            }
            progress.set_postfix(losses | {"accuracy": f"{accuracy.item():.3f}"})


@torch.no_grad()
def evaluate(model: ViTForImageClassification, size: int, seed: int) -> float:
    """Return the accuracy on 2,000 fresh images."""
    model.eval()
    images, labels, _ = draw(2000, size, torch.Generator().manual_seed(seed))
    guesses = torch.cat([model(pixel_values=part).logits.argmax(-1) for part in images.split(250)])
    return (guesses == labels).float().mean().item()


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output_dir", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--learning_rate", type=float, default=2e-3)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--patch_size", type=int, default=8)
    parser.add_argument("--image_size", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    args, start = parse(), time.perf_counter()
    torch.manual_seed(args.seed)
    model = build(args.image_size, args.patch_size, args.width)
    pretrain(model, args)
    accuracy = evaluate(model, args.image_size, args.seed + 1)
    model.save_pretrained(args.output_dir)
    size = {"height": args.image_size, "width": args.image_size}
    mean = [0.5, 0.5, 0.5]
    ViTImageProcessor(size=size, resample=2, image_mean=mean, image_std=mean).save_pretrained(args.output_dir)
    print(f"accuracy on fresh images {accuracy:.3f}, {time.perf_counter() - start:.0f} s, {args.output_dir}")


if __name__ == "__main__":
    main()
