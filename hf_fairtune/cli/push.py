"""Push what a finished run or audit shares to the Hub: the folder share/ alone, private unless asked otherwise."""

from dataclasses import dataclass, field

from .. import hub

EXAMPLE = """  fairtune push fairtune-lesions --repo my-team/fair-lesions --dry_run
  fairtune push fairtune-lesions --repo my-team/fair-lesions"""


@dataclass
class PushArguments:
    """What goes where."""

    run: str = field(metadata={"help": "Output folder of a finished run or audit; its share/ is sent."})
    repo: str = field(metadata={"help": "Hub repository, e.g. my-team/fair-lesions."})
    dry_run: bool = field(default=False, metadata={"help": "List what would go, and send nothing."})
    public: bool = field(
        default=False, metadata={"help": "Make a new repository public; one that is private stays so, and is refused."}
    )
    edited_card: bool = field(
        default=False,
        metadata={"help": "Send a README.md that was edited by hand; the rest is as handed over."},
    )
    message: str | None = field(default=None, metadata={"help": "Message of the commit. Default: what is added."})
    revision: str | None = field(default=None, metadata={"help": "Branch, made if it is new. Default: main."})
    create_pr: bool = field(default=False, metadata={"help": "Open a pull request."})
    token: str | None = field(
        default=None, metadata={"help": "Token that may write. Default: HF_TOKEN, or that of `hf auth login`."}
    )


POSITIONAL = "--run"
ARGUMENTS = (PushArguments,)


def run(arguments: PushArguments) -> None:
    """Push, and print where to."""
    done = hub.push(
        arguments.run,
        arguments.repo,
        private=not arguments.public,
        dry_run=arguments.dry_run,
        commit_message=arguments.message,
        revision=arguments.revision,
        create_pr=arguments.create_pr,
        token=arguments.token,
        edited_card=arguments.edited_card,
    )
    print(done)
