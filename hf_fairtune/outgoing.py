"""What may leave the building: `share/`, or a model alone, by an allow-list, and no secret, patient or home in it."""

import re
from collections.abc import Iterator
from pathlib import Path

from .document.document import AUDIT_FILE, RUN_FILE, Document
from .document.scalar import Argument
from .errors import FairTuneError
from .files import manifest
from .files.folder import AUDIT, AVERAGE, DELTA, ENRICHMENT, MEMBERS, SHARE

CARD = "README.md"
RUN = (CARD, "config.json", RUN_FILE, "preprocessor_config.json")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors")
ADAPTER = tuple(f"adapter/{name}" for name in ("adapter_config.json", "adapter_model.safetensors", "mask.json"))
# What a stock `Trainer` saves of a model; its `training_args.bin` names folders of yours, and may hold a token.
TAKEN = ("adapter_config.json", "adapter_model.safetensors", "mask.json")
SAVED = (CARD, "config.json", "preprocessor_config.json", *TAKEN, *WEIGHTS)
ENSEMBLE = (AVERAGE, *(f"{MEMBERS}/*/{name}" for name in ("config.json", "preprocessor_config.json", *WEIGHTS)))
FIGURE = re.compile(r"\]\((figures/[\w-]+\.png)\)")
TEXTS = {".json", ".md", ".html", ".csv", ".tex"}

SECRET = re.compile(r"\bhf_[A-Za-z0-9]{20,}\b")
HOME = re.compile(r"(?<![\w.:/])/(home|Users|root)/\w|[A-Za-z]:\\+Users\\", re.IGNORECASE)
# A path from the root that is a whole value of a config.
PLACE = re.compile(r'"((?:/|[A-Za-z]:\\\\)[^"\n]+)"')
PATIENTS = re.compile(r"(^|_)(ids?|patients?|clusters?|rows?)$")


def publishable(folder: str | Path) -> list[Path]:
    """List what may leave a folder of a run or an audit: of what it handed over in `share/`, by sorted paths there.

    Anything unnamed here stays, so does what lies there without having been handed over, and a picture that the card
    does not show. Links are left out: what they point to was not made by the job.

    Raises:
        FairTuneError: the folder is no output folder, or its `share/` is not whole; says what lacks.
    """
    root = _shared(folder)
    named = {Path(name).relative_to(SHARE) for name in manifest.load(Path(folder)) if Path(name).parts[0] == SHARE}
    found, needed = allowed(root) & named, _needed(root)
    missing = [name for name in needed if Path(name) not in found]
    missing += [] if _is_audit(root) or any(path.match("model*.safetensors") for path in found) else [WEIGHTS[0]]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise FairTuneError(f"`{folder}/{SHARE}` lacks {names}; run the job again, which writes it.")
    return sorted(found)


def _shared(folder: str | Path) -> Path:
    root = (Path(folder) / SHARE).resolve()
    if not Path(folder).is_dir():
        raise FairTuneError(f"`{folder}` is no folder; pass the output folder of a finished run or audit.")
    if not root.is_dir():
        raise FairTuneError(
            f"`{folder}` lacks `{SHARE}/`, which holds what may leave it; pass the output folder of a finished run or "
            "audit, or run it again."
        )
    return root


def allowed(root: Path) -> set[Path]:
    """List the files of a hand-over, or of its `share/`, whose names may leave, as paths below a resolved folder."""
    needed = _needed(root)
    patterns = (*needed, ENRICHMENT) if _is_audit(root) else (*needed, *WEIGHTS, *ADAPTER, DELTA, *ENSEMBLE)
    paths = {path for pattern in patterns for path in root.glob(pattern)}
    return {path.relative_to(root) for path in paths if path.is_file() and path.resolve() == path}


def _is_audit(root: Path) -> bool:
    return (root / AUDIT[0]).is_file() and not (root / RUN_FILE).is_file()


def _needed(root: Path) -> tuple[str, ...]:
    """List what a whole `share/` has, and the figures that its card shows."""
    card = root / CARD
    if _is_audit(root):
        return AUDIT
    shown = FIGURE.findall(card.read_text(encoding="utf-8", errors="replace")) if card.is_file() else ()
    return (*RUN, *sorted({*shown}))


def check_whole(folder: str | Path, edited_card: bool = False) -> None:
    """Refuse a folder with a file that is not as it was handed over; its card may be, where `edited_card` says so.

    Raises:
        FairTuneError: names the file, and says what to do.
    """
    _shared(folder)
    shared, (own, sent) = Path(folder) / SHARE, manifest.CARDS
    if not edited_card and manifest.is_edited(folder, sent):
        raise FairTuneError(
            f"`{shared / CARD}` was edited since it was handed over; add --edited_card to send it as it is, or "
            f"`fairtune report {folder}` writes it again."
        )
    manifest.check(folder, manifest.CARDS if edited_card else (own,))


def check(folder: str | Path) -> None:
    """Refuse a folder whose shared files would tell of a patient, a secret or a home directory.

    Raises:
        FairTuneError: says which file, what was found and what to do.
    """
    root = Path(folder) / SHARE
    for path in publishable(folder):
        if path.name in (RUN_FILE, AUDIT_FILE):
            _check_document(Document.load(root / path), path)
        _check_text(root, path)


def saved(folder: str | Path) -> list[Path]:
    """List the model that a stock `Trainer` saved in a folder, of all that a training leaves there.

    Raises:
        FairTuneError: one of its files would tell a secret or a home directory.
    """
    root = Path(folder).resolve()
    found = {path.relative_to(root) for pattern in SAVED for path in root.glob(pattern) if path.resolve() == path}
    for path in found:
        _check_text(root, path)
    return sorted(found)


def _check_text(root: Path, path: Path) -> None:
    if path.suffix in TEXTS:
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        if SECRET.search(text):
            raise FairTuneError(f"`{path}` holds a Hub token; remove it there and revoke the token.")
        if found := HOME.search(text) or re.search(re.escape(str(Path.home())), text):
            place = text[found.start() : found.start() + 40].split("\n")[0]
            raise FairTuneError(f"`{path}` names a home directory (`{place}`); use a Hub id or a relative path.")
        for place in PLACE.findall(text) if path.suffix == ".json" else ():
            if Path(place).exists():
                raise FairTuneError(f"`{path}` names a place on this machine (`{place}`); use a Hub id or a name.")


def _check_document(document: Document, path: Path) -> None:
    if document.shared is None:
        raise FairTuneError(f"`{SHARE}/{path}` holds exact counts; run the job again, which writes the shared one.")
    for name, value in _free_values(document):
        if PATIENTS.search(name) and isinstance(value, list) and value:
            raise FairTuneError(f"`{path}` lists `{name}`; remove it, a document holds sizes, never ids.")
        if (name == "token" or name.endswith("_token")) and value and not str(value).startswith("<"):
            raise FairTuneError(f"`{path}` holds the secret `{name}`; remove it there and revoke the token.")


def _free_values(document: Document) -> Iterator[tuple[str, Argument]]:
    """Yield what the document holds under names that its types leave free."""
    yield from document.arguments.items()
    for training in (model.training for model in document.models if model.training):
        yield from training.arguments.items()
        yield from training.method.hyperparameters.items()
        for step in training.steps:
            yield from step.facts.items()
