"""A push to the Hub: one commit of what may leave, private by default, refused in one line."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from huggingface_hub import CommitInfo, CommitOperationAdd, HfApi, ModelCard
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError
from huggingface_hub.utils import validate_repo_id

from .connection import OFFLINE, silence
from .document.document import RUN_FILE, Document
from .errors import FairTuneError, first_line
from .files.folder import AUDIT, SHARE, check_ended
from .files.lock import check_free
from .outgoing import CARD, check, check_whole, publishable

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class PushResult:
    """What was sent, or would be: `files` as (path, bytes), `url` of the commit or None after a dry run."""

    repo_id: str
    private: bool
    files: list[tuple[str, int]]
    url: str | None = None

    def __str__(self) -> str:
        verb = "would go to" if self.url is None else "went to"
        place = f"{'private' if self.private else 'public'} {self.repo_id}"
        head = f"{len(self.files)} files {verb} {place}; bytes of each:"
        lines = [f"{size:>12,}  {path}" for path, size in self.files]
        return "\n".join([head, *lines, *([self.url] if self.url else [])])


@dataclass(frozen=True)
class Target:
    """Where a commit goes, in the words of `huggingface_hub.upload_folder`; a branch that is new is made.

    Raises:
        FairTuneError: it cannot work, whatever the Hub says.
    """

    repo_id: str
    private: bool = True
    commit_message: str | None = None
    revision: str | None = None
    create_pr: bool = False
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            validate_repo_id(self.repo_id)
        except HFValidationError:
            raise FairTuneError(f"`{self.repo_id}` is not a repository name; write it as `user/name`.") from None
        if self.revision is not None and (not self.revision.strip() or COMMIT.fullmatch(self.revision)):
            raise FairTuneError(f"the revision `{self.revision}` is no branch, which a commit needs; name one.")
        if self.create_pr and self.revision not in (None, "main"):
            raise FairTuneError(
                f"a pull request is one to main, not to the revision `{self.revision}`; leave one of the two out."
            )
        if self.commit_message is not None and not self.commit_message.strip():
            raise FairTuneError("the message of the commit is empty; write one, or leave it out.")

    def check_answer(self) -> None:
        """Refuse a Hub that does not answer, before anything begins."""
        if (reason := silence()) is not None:
            raise FairTuneError(unreachable(HfApi().endpoint, reason))

    def send(self, root: Path, names: list[Path]) -> CommitInfo:
        """Send files of a folder as one commit; any refusal is one line."""
        api, revision = HfApi(token=self.token), self.revision
        try:
            if Path(CARD) in names:
                check_card(root / CARD)
            repo = api.create_repo(self.repo_id, private=self.private, exist_ok=True).repo_id
            self._check_visibility(api, repo)
            # The Hub makes what lies under refs/, such as a pull request, itself.
            if revision and not self.create_pr and not revision.startswith("refs/"):
                api.create_branch(repo, branch=revision, exist_ok=True)
            return api.create_commit(
                repo,
                [CommitOperationAdd(name.as_posix(), root / name) for name in names],
                commit_message=self.commit_message or _message(root, names),
                revision=revision,
                create_pr=self.create_pr,
            )
        except (HTTPError, OSError, RuntimeError) as error:
            # The upload of one file fails by an error whose cause alone says why.
            cause = error.__cause__ if isinstance(error, RuntimeError) else error
            if not isinstance(cause, HTTPError | OSError):
                raise
            raise FairTuneError(refusal(cause, self.repo_id, api.endpoint)) from None

    def _check_visibility(self, api: HfApi, repo: str) -> None:
        """Refuse a repository that is not as private as asked; whoever closed one may keep more in it than this."""
        private = bool(api.model_info(repo).private)
        if self.private and not private:
            raise FairTuneError(f"`{repo}` exists and is public; make it private, or ask for a public push.")
        if private and not self.private:
            raise FairTuneError(
                f"`{repo}` is private, and a push makes nothing public that others closed; "
                "push in private, or open it in its settings on the Hub."
            )


def push(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = True,
    dry_run: bool = False,
    commit_message: str | None = None,
    revision: str | None = None,
    create_pr: bool = False,
    token: str | None = None,
    edited_card: bool = False,
) -> PushResult:
    """Send the `share/` of a run or an audit to the Hub as one commit; a dry run lists it and touches no network.

    Raises:
        FairTuneError: the folder is written to, not as it was handed over (its card may be where `edited_card`), or
            may not leave, or the Hub refused; always one line.
    """
    target = Target(repo_id, private, commit_message, revision, create_pr, token)
    check_free(folder)
    check_ended(folder)
    check_whole(folder, edited_card)
    check(folder)
    root, names = Path(folder) / SHARE, publishable(folder)
    files = [(name.as_posix(), (root / name).stat().st_size) for name in names]
    if dry_run:
        return PushResult(repo_id, private, files)
    target.check_answer()
    done = target.send(root, names)
    return PushResult(done.repo_url.repo_id, private, files, done.pr_url or done.commit_url)


def _message(root: Path, names: list[Path]) -> str:
    if Path(RUN_FILE) not in names:
        return "Add an audit by group" if Path(AUDIT[0]) in names else "Add a model"
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
    what = "unset it" if reason == OFFLINE else "check the network"
    return f"the Hub ({endpoint}) cannot be reached ({reason}); {what}."


def refusal(error: Exception, repo_id: str, endpoint: str) -> str:
    """Say in one line why the Hub did not take the folder."""
    if not isinstance(error, HfHubHTTPError):
        return unreachable(endpoint, type(error).__name__)
    if error.response.status_code in (401, 403):
        return f"the Hub refused the token for `{repo_id}`; run `hf auth login` or set HF_TOKEN to one that may write."
    return f"the Hub refused `{repo_id}` ({first_line(error)})."
