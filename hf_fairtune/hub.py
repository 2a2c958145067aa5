"""What may leave the building, and pushing it: `share/` by an allow-list, private by default."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from huggingface_hub import CommitOperationAdd, HfApi, ModelCard
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError
from huggingface_hub.utils import validate_repo_id

from .connection import silence
from .document.document import AUDIT_FILE, RUN_FILE, Document
from .document.scalar import Argument
from .errors import FairTuneError, first_line
from .folder import AUDIT, AVERAGE, ENRICHMENT, MEMBERS, SHARE

CARD = "README.md"
RUN = (CARD, "config.json", RUN_FILE, "preprocessor_config.json")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors")
ADAPTER = ("adapter/adapter_config.json", "adapter/adapter_model.safetensors", "adapter/README.md")
ENSEMBLE = (AVERAGE, *(f"{MEMBERS}/*/{name}" for name in ("config.json", "preprocessor_config.json", *WEIGHTS)))
FIGURE = re.compile(r"\]\((figures/[\w-]+\.png)\)")
TEXTS = {".json", ".md", ".html", ".csv", ".tex"}

SECRET = re.compile(r"\bhf_[A-Za-z0-9]{20,}\b")
HOME = re.compile(r"(?<![\w.:/])/(home|Users|root)/\w|[A-Za-z]:\\+Users\\", re.IGNORECASE)
PATIENTS = re.compile(r"(^|_)(ids?|patients?|clusters?|rows?)$")


@dataclass(frozen=True)
class PushResult:
    """What was sent, or would be: `files` as (path, bytes), `url` of the commit or None after a dry run."""

    repo_id: str
    private: bool
    files: list[tuple[str, int]]
    url: str | None = None

    def __str__(self) -> str:
        verb = "would go to" if self.url is None else "went to"
        head = f"{len(self.files)} files {verb} {'private' if self.private else 'public'} {self.repo_id}"
        lines = [f"{size:>12,}  {path}" for path, size in self.files]
        return "\n".join([head, *lines, *([self.url] if self.url else [])])


def publishable(folder: str | Path) -> list[Path]:
    """List what may leave a folder of a run or an audit, as sorted paths inside its `share/`.

    Anything unnamed here stays, and so does a picture that the card does not show. Links are left out: what they
    point to was not made by the job.

    Raises:
        FairTuneError: the folder is no output folder, or its `share/` is not whole; says what lacks.
    """
    root = (Path(folder) / SHARE).resolve()
    if not root.is_dir():
        raise FairTuneError(
            f"`{folder}` lacks `{SHARE}/`, which holds what may leave it; pass the output folder of a finished run or "
            "audit, or run it again."
        )
    audit, card = (root / AUDIT[0]).is_file(), root / CARD
    needed = AUDIT if audit else RUN
    if card.is_file() and not audit:
        needed += tuple(sorted(set(FIGURE.findall(card.read_text(encoding="utf-8", errors="replace")))))
    allowed = (*needed, ENRICHMENT) if audit else (*needed, *WEIGHTS, *ADAPTER, *ENSEMBLE)
    found = {
        path.relative_to(root)
        for pattern in allowed
        for path in root.glob(pattern)
        if path.is_file() and path.resolve() == path
    }
    missing = [name for name in needed if Path(name) not in found]
    missing += [] if audit or any(path.match("model*.safetensors") for path in found) else [WEIGHTS[0]]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise FairTuneError(f"`{folder}/{SHARE}` lacks {names}; run the job again, which writes it.")
    return sorted(found)


def check(folder: str | Path) -> None:
    """Refuse a folder whose shared files would tell of a patient, a secret or a home directory.

    Raises:
        FairTuneError: says which file, what was found and what to do.
    """
    root = Path(folder) / SHARE
    for path in publishable(folder):
        if path.name in (RUN_FILE, AUDIT_FILE):
            _check_document(Document.load(root / path), path)
        if path.suffix in TEXTS:
            text = (root / path).read_text(encoding="utf-8", errors="replace")
            if SECRET.search(text):
                raise FairTuneError(f"`{path}` holds a Hub token; remove it there and revoke the token.")
            if found := HOME.search(text) or re.search(re.escape(str(Path.home())), text):
                place = text[found.start() : found.start() + 40].split("\n")[0]
                raise FairTuneError(f"`{path}` names a home directory (`{place}`); use a Hub id or a relative path.")


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


def push(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = True,
    dry_run: bool = False,
    revision: str | None = None,
    create_pr: bool = False,
    token: str | None = None,
) -> PushResult:
    """Send the `share/` of a run or an audit to the Hub as one commit; a dry run lists it and touches no network.

    Raises:
        FairTuneError: the folder may not leave, or the Hub refused; always one line.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        raise FairTuneError(f"`{repo_id}` is not a repository name; write it as `user/name`.") from None
    check(folder)
    root, names = Path(folder) / SHARE, [path.as_posix() for path in publishable(folder)]
    files = [(name, (root / name).stat().st_size) for name in names]
    if dry_run:
        return PushResult(repo_id, private, files)
    api = HfApi(token=token)
    if (reason := silence()) is not None:
        raise FairTuneError(unreachable(api.endpoint, reason))
    try:
        if CARD in names:
            check_card(root / CARD)
        repo = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        if private and not api.model_info(repo).private:
            raise FairTuneError(f"`{repo}` exists and is public; make it private, or pass `private=False`.")
        if revision and not create_pr:
            api.create_branch(repo, branch=revision, exist_ok=True)
        operations = [CommitOperationAdd(name, root / name) for name in names]
        message = _message(root)
        done = api.create_commit(repo, operations, commit_message=message, revision=revision, create_pr=create_pr)
    except (HTTPError, OSError) as error:
        raise FairTuneError(refusal(error, repo_id, api.endpoint)) from None
    return PushResult(repo, private, files, done.pr_url or done.commit_url)


def _message(root: Path) -> str:
    if not (root / RUN_FILE).is_file():
        return "Add an audit by group"
    document = Document.load(root)
    return f"Add {document.model_named(document.model).title} model, adapter and document"


def check_card(path: Path) -> None:
    """Ask the Hub whether the card's metadata is valid, before anything is created there."""
    try:
        ModelCard.load(path).validate()
    except (HTTPError, OSError):  # some are value errors, too
        raise
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise FairTuneError(f"`{CARD}` has metadata the Hub does not take ({reason}); mend the card.") from None


def unreachable(endpoint: str, reason: str) -> str:
    """Say in one line that the Hub does not answer."""
    return f"the Hub ({endpoint}) cannot be reached ({reason}); check the network, or pass `dry_run=True`."


def refusal(error: Exception, repo_id: str, endpoint: str) -> str:
    """Say in one line why the Hub did not take the folder."""
    if not isinstance(error, HfHubHTTPError):
        return unreachable(endpoint, type(error).__name__)
    if error.response.status_code in (401, 403):
        return f"the Hub refused the token for `{repo_id}`; run `hf auth login` or set HF_TOKEN to one that may write."
    return f"the Hub refused `{repo_id}` ({first_line(error)})."
