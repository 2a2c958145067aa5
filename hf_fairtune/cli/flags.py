"""A command's flags are the fields of its dataclasses; its help shows ours first and teaches by an example."""

import argparse
import difflib
import logging
import warnings
from collections.abc import Sequence
from dataclasses import field, make_dataclass
from functools import partial
from types import ModuleType
from typing import Any, get_type_hints

import huggingface_hub
import transformers
from transformers import HfArgumentParser

from .. import catalog
from ..errors import FairTuneError

HELP = {"-h", "--help", "--help-all"}
SHOWN = {
    "output_dir", "seed", "bf16", "gradient_accumulation_steps", "dataloader_num_workers", "use_cpu", "report_to",
    "push_to_hub", "hub_model_id",
}  # fmt: skip


class Parser(HfArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> Any:
        """Raise instead of printing the usage of two hundred flags."""
        raise FairTuneError(f"{message}; see `{self.prog} --help`.")


def with_method(argv: Sequence[str], *kinds: Any) -> tuple[Any, ...]:
    """Return dataclasses of flags, and before the last, the training arguments, the hyper-parameters of the method."""
    asked = [b for a, b in zip(argv, argv[1:], strict=False) if a == "--method"]
    asked += [a.partition("=")[2] for a in argv if a.startswith("--method=")]
    known = catalog.find("methods", (asked or [kinds[-1].method])[-1]).METHOD
    types = get_type_hints(known)
    own = [
        (entry.name, types[entry.name], field(default=entry.default, metadata=dict(entry.metadata)))
        for entry in known.flags()
    ]
    return *kinds[:-1], make_dataclass("MethodArguments", own), kinds[-1]


def parser_of(module: ModuleType, argv: Sequence[str] = ()) -> Parser:
    """Build the parser of a command from its docstring, `EXAMPLE` and `ARGUMENTS`: dataclasses.

    Where the last of these has a `method`, its hyper-parameters are flags, too.
    """
    kinds = module.ARGUMENTS
    if hasattr(kinds[-1], "method"):
        kinds = with_method(argv, *kinds)
    name = module.__name__.rpartition(".")[2]
    parser = Parser(
        kinds,
        prog=f"fairtune {name}",
        usage=f"fairtune {name} [flags]",
        description=module.__doc__,
        epilog=f"example:\n{module.EXAMPLE}",
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, max_help_position=32, width=119),
        allow_abbrev=False,
    )
    parser.add_argument("--help-all", action="store_true", help="show every field of TrainingArguments too")
    return parser


def print_help(parser: Parser, everything: bool) -> None:
    """Print the help, one spelling a flag, without what Trainer users know unless `everything` is wanted."""
    bases = {base for kind in parser.dataclass_types for base in kind.__mro__}
    made = [base for base in bases if base.__module__.startswith(__package__.split(".")[0])]
    ours = {name for kind in made for name in vars(kind).get("__annotations__", {})}
    # By name, as importing TrainingArguments takes seconds that commands without them need not spend.
    stock = {name for base in bases if base.__name__ == "TrainingArguments" for name in base.__dataclass_fields__}
    for action in parser._actions:
        action.option_strings = action.option_strings[:1]
        if not everything and action.dest in stock - ours - SHOWN:
            action.help = argparse.SUPPRESS
        elif action.option_strings[0].startswith("--no_") and action.help:
            # The parser gives the flag that turns something off the help of the one that turns it on.
            action.help = f"Do not: {action.help[0].lower()}{action.help[1:]}"
    parser.print_help()


def parse(module: ModuleType, argv: Sequence[str]) -> tuple[Any, ...]:
    """Read the flags of a command into its dataclasses; `--help` prints and leaves.

    The first argument of a command may stand without its flag, `POSITIONAL`, as in `fairtune report RUN`. A command
    with `PASSES_ON = True` also gets, last, the list of those flags that are not its own.
    """
    silence()
    if HELP & set(argv):
        print_help(parser_of(module, argv), "--help-all" in argv)
        raise SystemExit(0)
    argv = list(argv)
    if hasattr(module, "POSITIONAL") and argv and not argv[0].startswith("-"):
        argv = [module.POSITIONAL, *argv]
    if hasattr(module, "rewrite"):
        argv = module.rewrite(argv)
    parser = parser_of(module, argv)
    try:
        *parsed, _, rest = parser.parse_args_into_dataclasses(argv, True, look_for_args_file=False)
    except ValueError as error:
        raise FairTuneError(str(error)) from error
    if getattr(module, "PASSES_ON", False):
        return (*parsed, rest)
    if rest:
        parser.error(unknown(rest, parser))
    return tuple(parsed)


def unknown(rest: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """Say which words are no flags of a command, and which flag was perhaps meant."""
    flag = next((text.partition("=")[0] for text in rest if text.startswith("-")), None)
    if flag is None:
        return f"`{' '.join(rest)}` belongs to no flag; put one before it"
    near = difflib.get_close_matches(flag, parser._option_string_actions, n=1)
    return f"`{flag}` is no flag of this command" + (f"; did you mean `{near[0]}`?" if near else "")


def silence() -> None:
    """Keep libraries' notes on loading a new head, and on what does not concern the user, off the terminal."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    huggingface_hub.logging.set_verbosity_error()
    logging.getLogger("optuna").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="peft")
