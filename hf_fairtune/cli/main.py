"""`fairtune`: find the subcommand's file, read its flags, run it, print bad input as one line."""

import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version

from .. import catalog
from ..errors import FairTuneError, first_line, listed
from ..signals import GOES_ON, Stopped, listening
from ..surroundings import disk_is_full

# Read by the libraries when they are imported, which not every command needs.
SETTINGS = {"TOKENIZERS_PARALLELISM": "false", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
# What a shell says of a program that a closed pipe ended.
PIPE_BROKEN = 141
INTERRUPTED = 128 + signal.SIGINT


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
    """Run `fairtune` and return its exit status: what the command returns or 0, 2 for bad input, 128 + a signal."""
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
        with listening():
            status = int(module.run(*parse(module, flags)) or 0)
        sys.stdout.flush()
        return status
    except FairTuneError as error:
        return _refuse(str(error), every=error.is_of_one)
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has enough: as a shell tells it, which is no verdict of a gate.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_BROKEN
    except Stopped as stop:
        return _refuse(str(stop), 128 + stop.asked)
    except KeyboardInterrupt:
        return _refuse(f"stopped by Ctrl-C; {GOES_ON}", INTERRUPTED)
    except Exception as error:  # of other processes, of the disk and of paths; others are raised again
        if (lost := lost_process(error)) is not None:
            return _refuse(f"another process of this run ended ({lost}); {GOES_ON}", every=True)
        if disk_is_full(error):
            return _refuse(f"the disk is full; free some space, then {GOES_ON}")
        if line := path_refusal(error):
            return _refuse(line)
        raise
    finally:
        # Part from the other processes of `accelerate launch`; left to the interpreter's end, this one may abort.
        torch = sys.modules.get("torch")
        if torch is not None and torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def lost_process(error: Exception) -> str | None:
    """Return what is known of another process that is gone, if that is what an error is of."""
    if "RANK" not in os.environ:
        return None
    from ..processes import lost  # of several processes alone

    return lost(error)


def _refuse(line: str, status: int = 2, *, every: bool = False) -> int:
    if every or os.environ.get("RANK", "0") == "0":
        print(f"fairtune: {' '.join(line.split())}", file=sys.stderr)
    return status


def path_refusal(error: Exception) -> str | None:
    """Return the line on a path that the system refuses, such as one without permission; None of other errors."""
    path, reason = getattr(error, "filename", None), getattr(error, "strerror", None)
    if isinstance(error, OSError) and path is not None and reason:
        return f"`{listed([path])}` cannot be used ({reason}); correct the path, or its permissions."
    if isinstance(error, ValueError) and "null byte" in str(error):
        return "a path holds the character NUL; correct it."
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):
        return f"a path leads back to itself ({first_line(error)}); correct the link."
    return None


if __name__ == "__main__":
    sys.exit(main())
