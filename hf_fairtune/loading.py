"""Pretrained classifiers and their processors, loaded from a folder or the Hub and checked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from accelerate import PartialState
from safetensors import SafetensorError
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageClassification

from .connection import hub_or_cache
from .data.limits import check_sides
from .document.data import Task
from .errors import FairTuneError, first_line, listed
from .families.head import heads_of, is_multi_label, order_classes
from .families.mae_encoder import MODEL_TYPE, LoadedKeys, classifier_of_mae
from .families.one_logit import has_one_logit, two_logits
from .files import manifest
from .files.folder import AVERAGE, MEMBERS, check_ended
from .scoring import class_names

# What transformers raises: nothing there, something else there, a type that it has no class of, a pickle of more than
# tensors, a library that it needs and is not installed, cut weights, or weights of other shapes.
UNLOADABLE = (OSError, ValueError, ImportError, KeyError, UnpicklingError, SafetensorError, RuntimeError)


def check_folder(name: str) -> None:
    """Check that a folder, if it is one of a run, is of a finished one whose weights are as they were handed over.

    Raises:
        FairTuneError: the run is at work or was stopped, or the weights are others.
    """
    folder = Path(name).expanduser()
    check_ended(folder)
    for path in folder.glob("model*.safetensors") if (folder / manifest.FILE_NAME).is_file() else ():
        manifest.check_file(folder, path.name)


def load_processor(name: str) -> Any:
    """Load the image processor of a model."""
    with hub_or_cache(name), loadable(f"--model {name}", "has no image processor"):
        processor = AutoImageProcessor.from_pretrained(name, backend="pil", trust_remote_code=False)
    check_sides(processor)
    return processor


def load_config(name: str) -> Any:
    """Load the configuration of a model, whose code is that of transformers.

    Raises:
        FairTuneError: it names code of its own: a class, or attention of a kernel on the Hub.
        OSError, ValueError, ImportError: there is none, or none of transformers.
    """
    config = AutoConfig.from_pretrained(name, trust_remote_code=False)
    if "/" in (attention := str(config._attn_implementation)):
        raise FairTuneError(
            f"`{name}` wants the attention `{attention}`, which is code from the Hub and is never run; remove "
            "`attn_implementation` from its config.json."
        )
    return config


@contextmanager
def loadable(given: str, what: str = "is no image classifier") -> Iterator[None]:
    """Say in one line why what the body loads, `given` by a name or a flag, is not what is wanted."""
    try:
        yield
    except FairTuneError:
        raise
    except UNLOADABLE as error:
        if "trust_remote_code" in str(error):
            raise FairTuneError(
                f"`{given}` brings code of its own (`auto_map` in its files), which is never run; give a model of a "
                "type that transformers has."
            ) from error
        # torch's own line tells how to run the pickle.
        pickled = isinstance(error, UnpicklingError)
        reason = "a pickle of more than tensors, which is never run" if pickled else first_line(error)
        raise FairTuneError(f"`{given}` {what}: {reason}") from error


def load_with_new_head(name: str, labels: Sequence[str]) -> Any:
    """Load a model with a new head of these classes, which the Trainer seeds; of an autoencoder its encoder."""
    names = dict(enumerate(labels))
    check_folder(name)
    with hub_or_cache(name), loadable(f"--model {name}"):
        if load_config(name).model_type == MODEL_TYPE:
            model, keys = classifier_of_mae(name, labels)
            say_keys(keys)
            return model
        return AutoModelForImageClassification.from_pretrained(
            name,
            dtype=torch.float32,
            num_labels=len(names),
            id2label=names,
            label2id={label: i for i, label in names.items()},
            ignore_mismatched_sizes=True,
            trust_remote_code=False,
        )


@cache
def say_keys(keys: LoadedKeys) -> None:
    """Say once which weights of an autoencoder are used, on the main process."""
    if PartialState().is_main_process:
        decoder = f"{len(keys.left)} of its decoder are left" if keys.left else "it has no decoder"
        print(f"note: {len(keys.taken)} tensors are the autoencoder's; {decoder}; new are {', '.join(keys.new)}")


def load_with_own_head(name: str, labels: Sequence[str], head: str | None = None, task: Task = "binary") -> Any:
    """Load a model with its own head, its classes or findings in the order of `labels`.

    Raises:
        FairTuneError: it is no image classifier, or has others.
    """
    model = load_classifier(name)
    if task != "binary":
        return _ordered(model, labels, head, task)
    if has_one_logit(model):
        negative = model.config.id2label[0] == labels[0]
        model = two_logits(model, head)
        model.config.id2label = {0: labels[1], 1: labels[0]} if negative else model.config.id2label
    if (count := model.config.num_labels) != 2:
        raise FairTuneError(
            f"the model has {count} classes but two are wanted; give a model of two, or leave out --positive for one "
            "class a value of --label."
        )
    heads = heads_of(model, head)
    if positive_column(model.config.id2label, labels[1]) == 0:
        order_classes(model, heads, (1, 0))
    names = dict(enumerate(labels))
    model.config.id2label, model.config.label2id = names, {label: i for i, label in names.items()}
    return model


def _ordered(model: Any, labels: Sequence[str], head: str | None, task: Task) -> Any:
    """Return a model with its classes or findings, found by their names, in the order of `labels`."""
    own = [str(model.config.id2label[i]) for i in range(model.config.num_labels)]
    if sorted(own) != sorted(labels):
        raise FairTuneError(
            f"the model's classes are {listed(own, 30)}, those of the data {listed(labels, 30)}; rename the model's "
            "`id2label`, or leave out rows of other classes."
        )
    if is_multi_label(model) != (task == "multilabel"):
        what = "finds each class by itself" if is_multi_label(model) else "chooses one of its classes"
        raise FairTuneError(f"the model {what} (`problem_type` in its config.json), which these labels do not fit.")
    order = [own.index(label) for label in labels]
    if order != sorted(order):
        order_classes(model, heads_of(model, head), order)
    return model


def load_classifier(name: str) -> Any:
    """Load a model as it is, in float32: half precision would round its scores and its small steps."""
    if name.startswith((".", "/", "~")) and not Path(name).expanduser().exists():
        raise FairTuneError(f"`{name}` does not exist; give the folder or the Hub id of an image classifier.")
    check_folder(name)
    if (Path(name).expanduser() / MEMBERS).is_dir():
        raise FairTuneError(
            f"`{name}` holds several models whose probabilities are averaged; give one of them, such as "
            f"{Path(name) / MEMBERS / '0'}, or a table of their mean (`{AVERAGE}` there makes it)."
        )
    with hub_or_cache(name), loadable(name):
        load_config(name)
        model, loaded = AutoModelForImageClassification.from_pretrained(
            name, dtype=torch.float32, output_loading_info=True, trust_remote_code=False
        )
    lacking = sorted({*loaded["missing_keys"], *(key for key, *_ in loaded["mismatched_keys"])})
    if lacking:
        raise FairTuneError(
            f"`{name}` lacks {len(lacking)} weights of an image classifier ({', '.join(lacking[:3])}), which would be "
            "random numbers; give a model that was fine-tuned for classification."
        )
    broken = [key for key, parameter in model.named_parameters() if not parameter.isfinite().all()]
    if broken:
        raise FairTuneError(
            f"`--model {name}` has NaN or infinite weights in `{broken[0]}`; train it or copy it again."
        )
    model.config.id2label = dict(enumerate(class_names(model)))
    return model


def positive_column(names: dict[int, str], positive: str) -> int:
    """Return the logit of the positive class, by name, as a guess would flip the audit; unnamed labels are 0 and 1."""
    if positive in names.values():
        return next(i for i, name in names.items() if name == positive)
    if set(names.values()) == {"LABEL_0", "LABEL_1"}:
        return 1
    raise FairTuneError(
        f"the model's classes are {', '.join(names.values())}, but the positive label is {positive!r}; "
        "name the class that means disease with --positive, or rename the model's `id2label`."
    )
