"""Where the trials of a search lie, so that several workers share them."""

from dataclasses import asdict, dataclass, field

from ..search.study_options import GRACE, STUDY_NAME, SearchOptions, StudyOptions


@dataclass
class SharingArguments:
    """How workers share a search."""

    storage: str | None = field(
        default=None,
        metadata={
            "help": "URL of a database that shares the trials among workers on several machines; best without "
            "password (PGPASSWORD, ~/.pgpass). A shared --output_dir shares checkpoints and winner too. Default: "
            "search.db there, for one machine. With any number of workers presets and random draws are the same; "
            "others depend on the trials that had ended."
        },
    )
    study_name: str = field(default=STUDY_NAME, metadata={"help": "Name of the search in --storage."})
    grace_period: int = field(
        default=GRACE,
        metadata={
            "help": "Seconds without a heartbeat in --storage after which another machine's trial is run again."
        },
    )

    def options(self) -> StudyOptions:
        """Return where the study lies."""
        given: SearchOptions = {
            "storage": self.storage,
            "study_name": self.study_name,
            "grace_period": self.grace_period,
        }
        return StudyOptions.of(None, given)

    def public(self) -> dict[str, object]:
        """Return these arguments as they may be written down: of the storage its place, without host and password."""
        place = self.options().place
        own = {"storage": place, "study_name": None, "grace_period": None}
        return {name: value for name, value in {**asdict(self), **own}.items() if name not in own or value is not None}
