"""See the whole of it in a few minutes: generated skin lesions, a small pretrained ViT, no network.

Writes lesions with a planted bias against dark skin, searches the mask, trains the winner and full fine-tuning,
and prints how each treats each group.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import hf_fairtune

from ..data.arguments import DataArguments
from ..datasets.lesions import DATASET, write_lesions
from ..folder import check, check_place
from ..trainer.arguments import FairTrainingArguments
from . import search
from .flags import with_method
from .job import Job
from .model import ModelArguments

EXAMPLE = """  fairtune demo
  fairtune demo --trials 20 --output_dir fairtune-demo-20"""


@dataclass
class DemoArguments:
    """The few things to change."""

    output_dir: str = field(default="fairtune-demo", metadata={"help": "Where everything goes."})
    trials: int = field(default=8, metadata={"help": "Trials of the search."})
    num_train_epochs: float = field(default=8.0, metadata={"help": "Epochs of a trial and of the final trainings."})
    seed: int = field(default=0, metadata={"help": "Seed of images, search and training."})


ARGUMENTS = (DemoArguments,)


def run(demo: DemoArguments) -> None:
    """Run `fairtune search` on the generated lesions."""
    # A ViT 240 times smaller than ViT-B takes ten times its learning rates.
    searching = search.SearchArguments(
        trials=demo.trials, baselines=["full"], learning_rate_low=1e-4, learning_rate_high=1e-2
    )
    folder = Path(demo.output_dir).absolute()
    data = DataArguments(
        dataset=str(folder / "lesions"),
        label=DATASET.label,
        positive=list(DATASET.positive),
        group=list(DATASET.groups),
        cluster=DATASET.cluster,
        smallest_crop=1.0,
        data_cache=str(folder / "pixels"),
    )
    training = FairTrainingArguments(
        output_dir=demo.output_dir,
        num_train_epochs=demo.num_train_epochs,
        per_device_train_batch_size=32,
        seed=demo.seed,
        use_cpu=True,
    )
    model = ModelArguments(model=str(Path(hf_fairtune.__file__).parent / "demo_vit"))
    (*_, kind, _) = with_method([], *search.ARGUMENTS)
    hyperparameters = kind()
    # A folder of another run is refused before anything is written into it.
    check_place(folder)
    check(folder, Job(data, model, hyperparameters, training, asdict(searching)).fingerprint)
    lesions = write_lesions(folder / "lesions", seed=demo.seed)
    print(f"generated lesions in {lesions}: malignant or benign, skin light or dark", flush=True)
    search.run(data, model, searching, hyperparameters, training)
