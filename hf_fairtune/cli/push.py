"""Push what a finished run or audit shares to the Hub: the folder share/ alone, private unless asked otherwise."""

from dataclasses import dataclass, field

from .. import hub

EXAMPLE = """  fairtune push fairtune-lesions --repo my-team/fair-lesions --dry-run
  fairtune push fairtune-lesions --repo my-team/fair-lesions"""


@dataclass
class PushArguments:
    """What goes where."""

    run: str = field(metadata={"help": "Output folder of a finished run or audit; its share/ is sent."})
    repo: str = field(metadata={"help": "Hub repository, e.g. my-team/fair-lesions."})
    dry_run: bool = field(default=False, metadata={"help": "List what would go, and send nothing."})
    public: bool = field(default=False, metadata={"help": "Make the repository public."})


POSITIONAL = "--run"
ARGUMENTS = (PushArguments,)


def run(arguments: PushArguments) -> None:
    """Push, and print where to."""
    print(hub.push(arguments.run, arguments.repo, private=not arguments.public, dry_run=arguments.dry_run))
