"""A command's flags are the fields of its dataclasses."""

import argparse
import difflib
import logging
import os
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import huggingface_hub
import transformers
from transformers import HfArgumentParser

from .. import catalog
from ..errors import FairTuneError
from ..recipes.flag_file import ENDINGS, YAML, FlagFile, flag_file
from ..recipes.recipe import Recipe, names, recipe

HELP_ALL = ("--help_all", "--help-all")
# The flag of a command that keeps the name of its file of flags.
CONFIG = "--config"
RECIPE = "Settings in place of the defaults of flags that are not given"
HELP = {"-h", "--help", *HELP_ALL}


class Parser(HfArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> Any:
        """Raise instead of printing the usage of two hundred flags."""
        raise FairTuneError(f"{message}; see `{self.prog} --help`.")


def with_method(argv: Sequence[str], *kinds: Any) -> tuple[Any, ...]:
    """Return dataclasses of flags, and before the last, the training arguments, the hyper-parameters of the method.

    What the training arguments name in `orders` is no method, but an order of several with flags of its own.
    """
    followed = recipe_of(argv)
    method = given(argv, "--method") or (followed and followed.values.get("method")) or kinds[-1].method
    if (own_flags := getattr(kinds[-1], "orders", {}).get(method)) is not None:
        return *kinds[:-1], own_flags, kinds[-1]
    known = catalog.find("methods", str(method)).METHOD
    return *kinds[:-1], known.arguments_type(), kinds[-1]


def given(argv: Sequence[str], flag: str) -> str | None:
    """Return the last value that a flag is given, else the one that the file of flags has."""
    found = [b for a, b in zip(argv, argv[1:], strict=False) if a == flag]
    found += [a.partition("=")[2] for a in argv if a.startswith(f"{flag}=")]
    if not found and (file := file_of(argv)) and isinstance(value := file.values.get(flag.lstrip("-")), str):
        return value
    return found[-1] if found else None


def file_of(argv: Sequence[str]) -> FlagFile | None:
    """Return the file of flags, if that comes first."""
    if argv and argv[0] == CONFIG:
        argv = argv[1:]
    named = argv and not argv[0].startswith("-") and argv[0].endswith(ENDINGS)
    return flag_file(argv[0]) if named else None


def recipe_of(argv: Sequence[str]) -> Recipe | None:
    """Return the recipe that is asked for."""
    name = given(argv, "--recipe")
    return None if name is None else recipe(name)


def parser_of(module: ModuleType, argv: Sequence[str] = ()) -> Parser:
    """Build the parser of a command from its docstring, `EXAMPLE` and `ARGUMENTS`: dataclasses.

    Where the last of these has a `method`, its hyper-parameters are flags, too.
    """
    kinds, trains = module.ARGUMENTS, hasattr(module.ARGUMENTS[-1], "method")
    if trains:
        kinds = with_method(argv, *kinds)
    name = module.__name__.rpartition(".")[2]
    parser = Parser(
        kinds,
        prog=f"fairtune {name}",
        description=module.__doc__,
        epilog=f"example:\n{module.EXAMPLE}",
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("--help", action="store_true", help="Show this.")
    if trains:
        parser.add_argument(*HELP_ALL, action="store_true", help="Show rare and stock flags, too.")
        parser.add_argument("--recipe", metavar="RECIPE", help=f"{RECIPE}: {', '.join(names())}, or a yaml file.")
        # A run is taken up again by its folder, so that there is none by default.
        parser._option_string_actions["--output_dir"].required = True
        follow(parser, recipe_of(argv), argv)
    follow(parser, file_of(argv), argv)
    return parser


def follow(parser: Parser, followed: FlagFile | None, argv: Sequence[str]) -> None:
    """Make the values of a recipe or a file the defaults of those flags that are not given."""
    values = followed.typed(parser) if followed else {}
    words = {word.partition("=")[0] for word in argv}
    for action in parser._actions:
        if action.dest in values and words.isdisjoint(action.option_strings):
            action.default, action.required = values[action.dest], False


def parse(module: ModuleType, argv: Sequence[str]) -> tuple[Any, ...]:
    """Read the flags of a command into its dataclasses; `--help` prints and leaves.

    A yaml or json file of flags may come first; one that is given beside it wins. The first argument of a command may
    stand without its flag, `POSITIONAL`, as in `fairtune report RUN`; json is then no file of flags, as `fairtune
    audit` reads predictions from it. A command with `PASSES_ON = True` also gets, last, the list of those flags that
    are not its own.
    """
    silence()
    argv, passes_on = list(argv), getattr(module, "PASSES_ON", False)
    own = getattr(module, "POSITIONAL", None)
    if own and argv and not argv[0].startswith("-") and (own == CONFIG or not argv[0].endswith(YAML)):
        argv = [own, *argv]
    if HELP & set(argv):
        from .help import print_help  # whoever runs a command needs none of it

        parser, positional = parser_of(module, argv), getattr(module, "POSITIONAL", None)
        print_help(parser, list(parser.dataclass_types), positional, not set(HELP_ALL).isdisjoint(argv))
        raise SystemExit(0)
    parser = parser_of(module, argv)
    words = argv if argv[:1] == [CONFIG] or file_of(argv) is None else argv[1:]
    try:
        *parsed, _, rest = parser.parse_args_into_dataclasses(words, True, look_for_args_file=False)
    except (ImportError, OSError, ValueError) as error:  # a package or a file that a training argument needs
        raise FairTuneError(str(error)) from error
    if followed := recipe_of(argv) if hasattr(module.ARGUMENTS[-1], "method") else None:
        parsed[-1].followed = followed.facts(parser, vars(parser.parse_known_args(words)[0]))
    if passes_on:
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
    # The libraries read their variable themselves, when they are imported.
    if not os.environ.get("TRANSFORMERS_VERBOSITY"):
        transformers.logging.set_verbosity_error()
    if not os.environ.get("HF_HUB_VERBOSITY"):
        huggingface_hub.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("optuna").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="peft")
