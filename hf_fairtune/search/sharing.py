"""Several runs on one storage: their names, and whose files a choice among all trials would read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import optuna

from ..errors import FairTuneError
from ..files.atomic import write_atomically

FILE_NAME = "search.run"
# User attribute of the study, by run: the rule that reads files of the trials.
READS = "reads of "


def run_of(folder: Path) -> str:
    """Return what names the run of a folder in a storage that others may share; it moves with the folder."""
    path = folder / FILE_NAME
    if not path.is_file():
        write_atomically(path, uuid4().hex)
    return path.read_text(encoding="utf-8").strip()


@dataclass(frozen=True)
class Shared:
    """A study in a storage that runs of several folders may share.

    Args:
        study: opened.
        run: of this folder.
        place: of the study, for people.
    """

    study: optuna.Study
    run: str
    place: str

    def join(self, rule: str) -> None:
        """Join the runs of the study, "" being no rule that reads what trials leave in their output_dir.

        Raises:
            FairTuneError: there are several runs, and one of them has such a rule.
        """
        self.study.set_user_attr(READS + self.run, rule)
        known = self.study.user_attrs
        rules = [rule for name, rule in known.items() if name.startswith(READS) and rule is not None]
        if len(rules) > 1 and any(rules):
            self.study.set_user_attr(READS + self.run, None)
            raise FairTuneError(
                f"the study {self.place} has runs of several output_dirs, but `{max(rules)}` reads scores or weights "
                "of every trial in its own; choose the selection `best` and the combination `none` in each, or give "
                "another `study_name`."
            )
