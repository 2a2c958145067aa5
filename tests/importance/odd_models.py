"""Models that a formula by layer would get wrong, or has none for."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Odd(nn.Module):
    """Patches of an image as a sequence of 16 positions of 12 features, then what a subclass does with them."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(12, 12)
        self.head = nn.Linear(12, 2)

    def between(self, x: Tensor) -> Tensor:
        """Change the sequence, [n, 16, 12]."""
        return self.inner(x).tanh()

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return the logits, [n, 2]."""
        patches = F.pixel_unshuffle(pixel_values[:, :, :8, :8], 2).flatten(2).mT
        logits: Tensor = self.head(self.between(patches).mean(1))
        return logits


class PositionsFirst(Odd):
    """Gives its layer the positions first: with as many rows as positions nothing in the shapes says so."""

    def between(self, x: Tensor) -> Tensor:
        return self.inner(x.transpose(0, 1)).tanh().transpose(0, 1)


class Twice(Odd):
    """Calls one layer twice."""

    def between(self, x: Tensor) -> Tensor:
        return self.inner(self.inner(x).tanh())


class Tied(Odd):
    """Two layers of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Linear(12, 12)
        self.other.weight = self.inner.weight

    def between(self, x: Tensor) -> Tensor:
        return self.other(self.inner(x).tanh())


class Borrowed(Odd):
    """Uses a layer's weight outside the layer too."""

    def between(self, x: Tensor) -> Tensor:
        return F.linear(self.inner(x).tanh(), self.inner.weight)


class Doubling(nn.Linear):
    """A linear layer whose forward is its own."""

    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


class Subclassed(Odd):
    """Has a layer that computes something else than its base class."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Doubling(12, 12)


class Lone(Odd):
    """Has parameters outside layers: one broadcast over rows, one by feature, one of first dimension 1 used whole."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1, 16, 12))
        self.scale = nn.Parameter(torch.zeros(12))
        self.unused = nn.Parameter(torch.zeros(1, 3))

    def between(self, x: Tensor) -> Tensor:
        return (self.inner(x + self.place) * self.scale).tanh()


class Whole(Odd):
    """A parameter of first dimension 1 that is not broadcast: a copy for every row does not fit."""

    def __init__(self) -> None:
        super().__init__()
        self.row = nn.Parameter(torch.zeros(1, 12))

    def between(self, x: Tensor) -> Tensor:
        return self.inner(x) * self.row.reshape(12)


class InPlace(Odd):
    """Changes outputs in place, the first layer's too, and passes an input by name.

    The output of a linear layer on sequences is a view, and changing a view in place takes its hooks away.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(12, 12)
        self.image = nn.Conv2d(12, 12, 1)

    def between(self, x: Tensor) -> Tensor:
        maps = F.relu_(self.first(x)).mT.unflatten(2, (4, 4))
        hidden: Tensor = self.inner(input=self.image(maps).relu_().flatten(2).mT).relu_()
        return hidden


class Layers(Odd):
    """Layers of every kind that has a formula, with options that a formula may forget."""

    def __init__(self) -> None:
        super().__init__()
        self.dilated = nn.Conv2d(12, 12, 3, padding="same", dilation=2, groups=2)
        self.strided = nn.Conv2d(12, 12, (3, 2), stride=(1, 2), padding=(1, 0), bias=False)
        self.even = nn.Conv2d(12, 12, 2, padding="same", dilation=3)
        self.reflecting = nn.Conv2d(12, 12, 3, padding=1, padding_mode="reflect")
        self.depthwise = nn.Conv2d(12, 24, 3, padding=1, groups=12)
        self.pointwise = nn.Conv2d(24, 12, 1)
        self.batch = nn.BatchNorm2d(12)
        self.group = nn.GroupNorm(3, 12)
        self.layer = nn.LayerNorm((8, 12), bias=False)
        self.table = nn.Embedding(5, 12, padding_idx=0)

    def between(self, x: Tensor) -> Tensor:
        maps = x.mT.unflatten(2, (4, 4))
        maps = self.even(self.strided(self.dilated(maps)).repeat_interleave(2, dim=3))
        maps = self.pointwise(self.depthwise(self.reflecting(self.batch(maps))).relu_())
        steps = self.group(maps).flatten(2).mT
        steps = self.layer(steps.unflatten(1, (2, 8))).flatten(1, 2)
        codes = (x.detach()[:, :, 0].abs() * 3).long().clamp(max=4)
        hidden: Tensor = self.inner(steps + self.table(codes)).tanh()
        return hidden


class Mixing(Odd):
    """Normalises over the batch even in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(16, track_running_stats=False)

    def between(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.norm(self.inner(x))
        return hidden


SLOW: dict[type[Odd], set[str]] = {
    PositionsFirst: {"inner.weight", "inner.bias"},
    Twice: {"inner.weight", "inner.bias"},
    Tied: {"inner.weight", "inner.bias", "other.bias"},
    Borrowed: {"inner.weight"},
    Subclassed: {"inner.weight", "inner.bias"},
    Lone: {"scale"},
    Whole: {"row"},
    InPlace: {"inner.weight", "inner.bias"},
    Layers: {"reflecting.weight", "reflecting.bias"},
}
