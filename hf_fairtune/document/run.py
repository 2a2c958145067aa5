"""What a run did: the model it started from, its search, its trainings, its repair."""

from dataclasses import dataclass, field
from typing import Literal

from .estimate import NAN, Real, Reason, Size
from .ladder import Ladder
from .scalar import Argument, Scalar
from .search import Budget, Search

# The id of the model that is a search's chosen trial alone, beside what that was combined to.
SINGLE = "single"


@dataclass(frozen=True)
class Needs:
    """Where a method needs the sensitive attribute and the original training data."""

    attribute_at_train: bool = False
    attribute_at_validation: bool = False
    attribute_at_inference: bool = False
    original_training_data: bool = True


@dataclass(frozen=True)
class MethodFacts:
    """A way to fine-tune: its name, title and BibTeX, the hyper-parameters it ran with, and what it needs.

    A document of an earlier version has no `needs`.
    """

    name: str
    title: str
    citation: str
    hyperparameters: dict[str, Argument]
    needs: Needs | None = None


@dataclass(frozen=True)
class MaskUnit:
    """What a bit of a mask trains: the kinds of parts of a block or stage, and how many parameters that is."""

    name: str
    place: int
    kinds: list[str]
    parameters: int


@dataclass(frozen=True)
class MaskBits:
    """A binary mask over a model of so many `blocks`, or stages; `granularity` says what a bit stands for.

    `units` are those of the bits; a document of an earlier version has none. What was trained is kept as an adapter of
    PEFT, or as tensors where PEFT cannot copy its modules.
    """

    granularity: str
    bits: list[int]
    blocks: int
    units: list[MaskUnit] = field(default_factory=list)
    kept: Literal["adapter", "tensors"] = "adapter"


@dataclass(frozen=True)
class MaskLayer:
    """Soft-mask values of a layer (10, 50 and 90 % quantiles) and its summed importances."""

    layer: str
    parameters: int
    mean: float
    low: float
    median: float
    high: float
    prediction: float
    bias: float


@dataclass(frozen=True)
class SoftMaskFacts:
    """A measured mask: its kind, the rows it was measured on, bias terms that lacked a cell there, and its layers."""

    kind: str
    rows: Size
    empty_cells: Size
    layers: list[MaskLayer]


@dataclass(frozen=True)
class Step:
    """One step of a training: its length, and its validation metrics by epoch.

    `facts` are what the method minimised or counted, by name. `seconds` is NaN where the step was resumed.
    """

    name: str
    epochs: float
    learning_rate: Real
    seconds: Real = NAN
    batches: Size = None
    facts: dict[str, Scalar] = field(default_factory=dict)
    log: list[dict[str, Real]] = field(default_factory=list)


@dataclass(frozen=True)
class Training:
    """How a model was trained, and which of its parts; `class_weights` are those of its loss, if it had any.

    `adapter` tells that what was trained is kept as an adapter of PEFT, beside a mask's, which `mask` tells of.

    `trainable_parameters` required a gradient. The bias of a key is among them, though it never moves: the softmax of
    attention takes no notice of a constant.
    """

    method: MethodFacts
    trainable_parameters: int
    steps: list[Step]
    arguments: dict[str, Argument] = field(default_factory=dict)
    mask: MaskBits | None = None
    soft_mask: SoftMaskFacts | None = None
    class_weights: list[Real] = field(default_factory=list)
    adapter: bool = False


@dataclass(frozen=True)
class Model:
    """One classifier that a document tells of; audits name it by `id`.

    `training` is None where it came trained, `budget` where nothing was searched; `seeds` are those of its trainings.
    """

    id: str
    title: str
    training: Training | None = None
    budget: Budget | None = None
    seeds: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Base:
    """The model that a run started from."""

    name: str
    model_type: str
    image_size: int
    parameters: int


@dataclass(frozen=True)
class ExternalSet:
    """The balanced set that a repair was trained on: its split, the split it was drawn from, and how.

    Of a repair on a split as it is, both are that split.
    """

    split: str
    pool: str
    fraction: float
    replacement: bool

    @property
    def balanced(self) -> bool:
        """Tell whether rows were drawn, so that groups have equally many of each label."""
        return self.split != self.pool


@dataclass(frozen=True)
class CalibrationFacts:
    """Calibrated log-odds are slope * z + intercept; `applied` where it is in the weights, else `reasons` say why."""

    slope: float
    intercept: float
    fitted_on: str
    log_loss_before: float
    log_loss_after: float
    applied: bool
    reasons: tuple[Reason, ...] = ()

    @property
    def ranks(self) -> bool:
        """Tell whether the scores rank the rows, so that there is something to calibrate."""
        return self.slope > 0


@dataclass(frozen=True)
class ClassCalibration:
    """As `CalibrationFacts`, of several classes or findings: a logit is slope * z + intercept, by class.

    Classes of which a row has one share the slope.
    """

    slopes: dict[str, float]
    intercepts: dict[str, float]
    fitted_on: str
    log_loss_before: float
    log_loss_after: float
    applied: bool
    reasons: tuple[Reason, ...] = ()

    @property
    def ranks(self) -> bool:
        """Tell whether every class's scores rank the rows."""
        return min(self.slopes.values()) > 0


@dataclass(frozen=True)
class Repair:
    """How a trained model was repaired: on which images, in which head, calibrated how."""

    external: ExternalSet
    head: str
    calibration: CalibrationFacts | ClassCalibration | None
    seconds: Real


@dataclass(frozen=True)
class RecipeFacts:
    """Settings that a run followed: their name and values by flag, and the values that the run `changed`."""

    name: str
    values: dict[str, Argument]
    changed: dict[str, Argument]


@dataclass(frozen=True)
class Run:
    """What a run did beside its trainings, which are those of the document's models; whom to ask about it."""

    seed: int
    base: Base
    search: Search | None = None
    repair: Repair | None = None
    contact: str | None = None
    recipe: RecipeFacts | None = None
    ladder: Ladder | None = None
