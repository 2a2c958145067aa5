"""`fairtune`: find the subcommand's file, read its flags, run it, print bad input as one line."""

import errno
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from .. import catalog
from ..errors import FairTuneError

# Read by the libraries when they are imported, which not every command needs.
SETTINGS = {"TOKENIZERS_PARALLELISM": "false", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
# What a shell says of a program that a closed pipe ended.
PIPE_BROKEN = 141
# How a library says of a full disk: `torch.save` only that what it wrote is not there as it closes its file.
FULL = (
    "no space left", "disk is full", "disk full", "pytorchstreamwriter failed writing", "iostream error",
    "unexpected pos ",
)  # fmt: skip


def overview() -> str:
    """Return what `fairtune --help` prints."""
    lines = [f"  {name:<8} {catalog.about('cli', name)}" for name in catalog.names("cli")]
    return "\n".join(
        [
            "Make image classifiers fair to patients: audit by group, search what to fine-tune, publish.",
            "",
            "usage: fairtune COMMAND [args.yaml] [flags]        fairtune COMMAND --help        fairtune --version",
            "",
            *lines,
            "",
            "Flags may stand in a yaml or json file, which comes first; those typed after it override it.",
            "First look, no data and no network needed:  fairtune demo",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fairtune` and return its exit status: what the command returns or 0, and 2 for bad input."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"fairtune {version('hf-fairtune')}")
        return 0
    command, flags = arguments[0], arguments[1:]
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        if command not in (known := catalog.names("cli")):
            raise FairTuneError(f"`{command}` is not a command; choose from {', '.join(known)}.")
        from .flags import parse

        module = catalog.find("cli", command)
        status = int(module.run(*parse(module, flags)) or 0)
        sys.stdout.flush()
        return status
    except FairTuneError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has enough: as a shell tells it, which is no verdict of a gate.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_BROKEN
    except KeyboardInterrupt:
        return _refuse("stopped; the same command goes on from here.")
    except Exception as error:  # libraries wrap a full disk in errors of their own; others are raised again
        if not disk_is_full(error):
            raise
        return _refuse("the disk is full; free some space, then the same command goes on from here.")
    finally:
        # Part from the other processes of `accelerate launch`; left to the interpreter's end, this one may abort.
        torch = sys.modules.get("torch")
        if torch is not None and torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _refuse(line: str) -> int:
    if os.environ.get("RANK", "0") == "0":
        print(f"fairtune: {' '.join(line.split())}", file=sys.stderr)
    return 2


def disk_is_full(error: BaseException | None) -> bool:
    """Tell whether an error, or one it came from, is a full disk; each library reports it in its own way."""
    while error is not None:
        if getattr(error, "errno", None) == errno.ENOSPC or any(text in str(error).lower() for text in FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    sys.exit(main())
