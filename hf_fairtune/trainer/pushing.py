"""What a trainer pushes: of a run with `data` what may be shared, else the model as the stock Trainer saves it."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from huggingface_hub import CommitInfo, run_as_future
from transformers import TrainingArguments
from transformers.utils import PushInProgress

from .. import handover, hub, outgoing
from ..errors import FairTuneError
from ..files import manifest
from ..files.folder import SHARE
from ..show.files import write_card
from .classes import name_classes

if TYPE_CHECKING:
    from .audited_trainer import AuditedTrainer


class CardOptions(TypedDict, total=False):
    """Options of the stock model card, under their own names."""

    language: str | None
    license: str | None
    tags: str | list[str] | None
    model_name: str | None
    finetuned_from: str | None
    tasks: str | list[str] | None
    dataset_tags: str | list[str] | None
    dataset: str | list[str] | None
    dataset_args: str | list[str] | None


def target(
    args: TrainingArguments,
    commit_message: str | None = None,
    token: str | None = None,
    revision: str | None = None,
    private: bool | None = None,
    create_pr: bool = False,
) -> hub.Target:
    """Return where a push goes: as asked, else as the arguments say; private unless public is asked for.

    Raises:
        FairTuneError: that cannot work.
    """
    name = args.hub_model_id or Path(args.output_dir).absolute().name
    private = args.hub_private_repo if private is None else private
    revision = args.hub_revision if revision is None else revision
    token = args.hub_token if token is None else token
    return hub.Target(name, private is not False, commit_message, revision, create_pr, token)


def hand_over(trainer: AuditedTrainer, folder: str) -> None:
    """Write the model under the names of its labels, and the document, into a folder."""
    assert trainer.data is not None
    model = trainer.accelerator.unwrap_model(trainer.model)
    name_classes(model, trainer.data.label_names)
    handover.write(folder, model, trainer.processing_class, trainer.document)


def push(
    trainer: AuditedTrainer, goal: hub.Target, blocking: bool, card: CardOptions
) -> CommitInfo | Future[CommitInfo] | None:
    """Save and push; other processes than the first save only."""
    trainer.callback_handler.on_push_begin(trainer.args, trainer.state, trainer.control)
    shared, folder = trainer.data is not None, Path(trainer.args.output_dir)
    trainer.save_model(_internal_call=not shared)
    if not trainer.is_world_process_zero():
        return None
    if not shared:
        tags = card.get("tags") or []
        of_model = getattr(trainer.model, "model_tags", None) or []
        card["tags"] = [*([tags] if isinstance(tags, str) else tags), *of_model] or None
        card.setdefault("model_name", goal.repo_id.rpartition("/")[2])
    if card:
        trainer.create_model_card(**card)
    if shared:
        outgoing.check(folder)
    root, names = (folder / SHARE, outgoing.publishable(folder)) if shared else (folder, outgoing.saved(folder))
    goal.check_answer()
    if blocking:
        return goal.send(root, names)
    sending = run_as_future(goal.send, root, names)
    trainer.push_in_progress = PushInProgress([sending])
    return sending


def write_cards(trainer: AuditedTrainer, options: CardOptions) -> None:
    """Write our card in the output folder, and in `share/` where there is one.

    Raises:
        FairTuneError: an option of the stock card that ours takes from the document.
    """
    if given := [f"`{name}`" for name, value in options.items() if name != "license" and value is not None]:
        raise FairTuneError(f"the card is written from the document and takes a `license`, not {', '.join(given)}.")
    folder = Path(trainer.args.output_dir)
    for place in (folder, folder / SHARE):
        if place.is_dir():
            write_card(trainer.document, place, options.get("license"))
    if (folder / manifest.FILE_NAME).is_file():
        manifest.write_again(folder)
