"""What may leave the building, and pushing it: an allow-list, no small counts, private by default."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi, ModelCard
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError
from huggingface_hub.utils import validate_repo_id

from .errors import FairTuneError
from .record import FILE_NAME, Record
from .small_cells import SMALL, counts_of, groups_to_merge, splits_of, suppress_small_cells

REQUIRED = ("README.md", "config.json", FILE_NAME, "preprocessor_config.json")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors")
ADAPTER = ("adapter/adapter_config.json", "adapter/adapter_model.safetensors", "adapter/README.md")
FIGURES = ("figures/*.png", "figures/*.svg")

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
    """List what may leave a hand-over folder, as sorted relative paths; anything unnamed here stays.

    Links are left out: what they point to was not made by the job.

    Raises:
        FairTuneError: the folder is not a hand-over folder.
    """
    root = Path(folder).resolve()
    found = {
        path.relative_to(root)
        for pattern in (*REQUIRED, *WEIGHTS, *ADAPTER, *FIGURES)
        for path in root.glob(pattern)
        if path.is_file() and path.resolve() == path
    }
    missing = [name for name in REQUIRED if Path(name) not in found]
    missing += [] if any(path.match("model*.safetensors") for path in found) else [WEIGHTS[0]]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise FairTuneError(f"`{folder}` lacks {names}; pass the folder of a finished fairtune job, or run it first.")
    return sorted(found)


def check(folder: str | Path) -> None:
    """Refuse to publish a folder whose files would tell of a patient, a secret or a home directory.

    Raises:
        FairTuneError: says which file, what was found and what to do.
    """
    paths = publishable(folder)
    record = read_record(folder)
    for name, value in items_of(record):
        if PATIENTS.search(name) and isinstance(value, (list, dict)) and value:
            raise FairTuneError(f"`{FILE_NAME}` lists `{name}`; remove it, a record holds counts, never ids.")
        if (name == "token" or name.endswith("_token")) and value and not str(value).startswith("<"):
            raise FairTuneError(f"`{FILE_NAME}` holds the secret `{name}`; remove it there and revoke the token.")
    public = suppress_small_cells(record)
    for path in (path for path in paths if path.suffix in {".json", ".md", ".svg"}):
        text = (Path(folder) / path).read_text(encoding="utf-8")
        if SECRET.search(text):
            raise FairTuneError(f"`{path}` holds a Hub token; remove it there and revoke the token.")
        if path.name != FILE_NAME and (found := HOME.search(text) or re.search(re.escape(str(Path.home())), text)):
            place = text[found.start() : found.start() + 40].split("\n")[0]
            raise FairTuneError(f"`{path}` names a home directory (`{place}`); use a Hub id or a relative path.")
    refuse_small_counts(record, public, (Path(folder) / "README.md").read_text(encoding="utf-8"))


def refuse_small_counts(record: dict[str, Any], public: dict[str, Any], card: str) -> None:
    """Refuse a record too small to publish, and a card with a row that the record hides."""
    for split in splits_of(public):
        for group, counts in counts_of(public, split).items():
            if any(n in SMALL for n in counts.values()):
                raise FairTuneError(
                    f"split `{split}` has 1-10 images of a label in all (`{group}`); too few to publish."
                )
    hidden = {group for split in splits_of(record) for group in groups_to_merge(counts_of(record, split))}
    for line in card.splitlines():
        cells = [cell.strip(" *`") for cell in line.strip().strip("|").split("|")]
        if (
            line.lstrip().startswith("|")
            and hidden & set(cells)
            and any(c.isdigit() and int(c) in SMALL for c in cells)
        ):
            raise FairTuneError(f"`README.md` shows small counts (`{line.strip()}`); write it from the merged record.")


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
    """Send a hand-over folder to the Hub as one commit; a dry run lists it and touches no network.

    The record is sent without small cells and local paths; the local file stays whole.

    Raises:
        FairTuneError: the folder may not leave, or the Hub refused; always one line.
    """
    check_name(repo_id)
    check(folder)
    contents: dict[str, bytes | Path] = {path.as_posix(): Path(folder) / path for path in publishable(folder)}
    public = without_paths(suppress_small_cells(read_record(folder)))
    contents[FILE_NAME] = (json.dumps(public, indent=2, ensure_ascii=False) + "\n").encode()
    files = [(path, len(c) if isinstance(c, bytes) else c.stat().st_size) for path, c in contents.items()]
    if dry_run:
        return PushResult(repo_id, private, files)
    api = HfApi(token=token)
    try:
        check_card(Path(folder) / "README.md")
        repo = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        if private and not api.model_info(repo).private:
            raise FairTuneError(f"`{repo}` exists and is public; make it private, or pass `private=False`.")
        if revision and not create_pr:
            api.create_branch(repo, branch=revision, exist_ok=True)
        operations = [CommitOperationAdd(path, content) for path, content in contents.items()]
        message = f"Add {read_record(folder)['method']} model, adapter and record"
        done = api.create_commit(repo, operations, commit_message=message, revision=revision, create_pr=create_pr)
    except (HTTPError, OSError) as error:
        raise FairTuneError(refusal(error, repo_id, api.endpoint)) from None
    return PushResult(repo, private, files, done.pr_url or done.commit_url)


def check_name(repo_id: str) -> None:
    """Refuse a repository name the Hub would not take."""
    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        raise FairTuneError(f"`{repo_id}` is not a repository name; write it as `user/name`.") from None


def check_card(path: Path) -> None:
    """Ask the Hub whether the card's metadata is valid, before anything is created there."""
    try:
        ModelCard.load(path).validate()
    except (HTTPError, OSError):
        raise
    except Exception as error:  # the YAML parser's errors have no class in common with huggingface_hub's
        reason = " ".join(str(error).split())
        raise FairTuneError(f"`README.md` has metadata the Hub does not take ({reason}); mend the card.") from None


def refusal(error: Exception, repo_id: str, endpoint: str) -> str:
    """Tell in one line why the Hub did not take the folder."""
    if not isinstance(error, HfHubHTTPError):
        return f"{endpoint} cannot be reached ({type(error).__name__}); check the network, or pass `dry_run=True`."
    if error.response.status_code in (401, 403):
        return f"the Hub refused the token for `{repo_id}`; run `hf auth login` or set HF_TOKEN to one that may write."
    return f"the Hub refused `{repo_id}` ({str(error).splitlines()[0]})."


def read_record(folder: str | Path) -> dict[str, Any]:
    """Read the folder's record as plain JSON values."""
    return dict(vars(Record.load(folder)))


def items_of(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key of a JSON tree with its value."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if isinstance(key, str):
            yield key, value
        yield from items_of(value)


def without_paths(node: Any) -> Any:
    """Shorten every absolute path in a JSON tree to its last part."""
    if isinstance(node, dict):
        return {key: without_paths(value) for key, value in node.items()}
    if isinstance(node, list):
        return [without_paths(value) for value in node]
    if isinstance(node, str) and re.match(r"[/~]|[A-Za-z]:\\", node):
        return re.split(r"[/\\]", node.rstrip("/\\"))[-1]
    return node
