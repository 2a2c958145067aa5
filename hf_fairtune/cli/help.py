"""What `fairtune COMMAND --help` prints: flags in groups, required ones first, each with its default and choices."""

import argparse
from dataclasses import fields
from enum import Enum
from functools import partial
from typing import Any

TITLES = DATA, MODEL, FAIRNESS, TRAINING, OUTPUT, OTHERS = "Data", "Model", "Fairness", "Training", "Output", "Flags"
# The group of a flag where it is not that of its dataclass.
GROUPS = {
    "group": FAIRNESS, "explain": FAIRNESS, "method": FAIRNESS, "model": MODEL, "reference_model": MODEL,
    "head": MODEL, "split": DATA, "fit_on": DATA, "output_dir": OUTPUT, "share": OUTPUT, "report_to": OUTPUT,
    "push_to_hub": OUTPUT, "hub_model_id": OUTPUT, "contact": OUTPUT,
}  # fmt: skip
# What a command itself asks for, by a line that names the columns there are.
ASKED = {"label", "group"}
# The fields of TrainingArguments that are no plumbing to Trainer users; for some a text shorter than stock's.
SHOWN = {
    "num_train_epochs": "", "learning_rate": "", "lr_scheduler_type": "", "warmup_steps": "", "weight_decay": "",
    "per_device_train_batch_size": "", "per_device_eval_batch_size": "",
    "gradient_accumulation_steps": "Batches whose gradients make one step.",
    "seed": "Of splits, weights, batches and search.",
    "bf16": "Train in bfloat16.",
    "use_cpu": "Leave an accelerator alone.",
    "dataloader_num_workers": "Processes that load images; 0: this one.",
    "output_dir": "", "push_to_hub": "", "hub_model_id": "",
    "report_to": "Logger that is installed, such as tensorboard or wandb.",
}  # fmt: skip
# What a recipe sets and hardly anybody else.
RARE = {"decay_all", "schedule_per", "activation_gb"}
# Characters of a list of choices from which on a text tells where to find it.
LONGEST = 80


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Marks what is required, and shows every default that the text does not tell."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text, default = action.help or "", action.default
        if action.required:
            return f"Required. {text}"
        if default is None or default is False or default == [] or "efault" in text:
            return text
        if isinstance(default, Enum):
            default = default.value
        shown = f"{default:.3g}" if isinstance(default, float) else str(default).replace("%", "%%")
        return f"{text.removesuffix('.')}. Default: {shown}."


def print_help(parser: argparse.ArgumentParser, kinds: list[Any], positional: str | None, everything: bool) -> None:
    """Print the help of the dataclasses `kinds`; with `everything` that of rare and stock flags, too."""
    stock = [base for kind in kinds for base in kind.__mro__ if base.__name__ == "TrainingArguments"]
    known = {entry.name for base in stock for entry in fields(base)}
    hidden = set() if everything else known - set(SHOWN) | RARE
    # The few flags of a command with one dataclass need no groups.
    group_of = {entry.name: group(kind, entry.name) for kind in kinds if len(kinds) > 1 for entry in fields(kind)}
    group_of |= {"recipe": TRAINING} if group_of else {}
    titled: dict[str, list[argparse.Action]] = {title: [] for title in TITLES}
    for action in parser._actions:
        if action.dest not in hidden:
            simplify(action)
            action.help = (action.dest in known and SHOWN.get(action.dest)) or action.help
            titled[group_of.get(action.dest, OTHERS)].append(action)
    needed = [action for actions in titled.values() for action in actions if action.required]
    first = [str(action.metavar) for action in needed if action.option_strings[0] == positional]
    flags = [f"{action.option_strings[0]} {action.metavar}" for action in needed]
    flags = [flag for flag in flags if flag.partition(" ")[0] != positional]
    parser.usage = " ".join([parser.prog, *first, *flags, "[flags]"])
    parser.formatter_class = partial(HelpFormatter, max_help_position=28, width=100)
    parser._action_groups.clear()
    for title, actions in titled.items():
        actions.sort(key=lambda action: (not action.required, action.dest != "method"))
        parser.add_argument_group(title)._group_actions.extend(actions)
    parser.print_help()


def group(kind: Any, name: str) -> str:
    """Return the group of a flag of a dataclass."""
    if any(base.__name__ == "TrainingArguments" for base in kind.__mro__):
        return GROUPS.get(name, TRAINING)
    return GROUPS.get(name, DATA if ".data." in kind.__module__ else FAIRNESS)


def simplify(action: argparse.Action) -> None:
    """Reduce a flag to one spelling and a short name of its value; mark it where the command itself asks for it."""
    action.option_strings = action.option_strings[:1]
    action.required |= action.dest in ASKED and not action.default
    choices = ", ".join(map(str, action.choices or ()))
    action.metavar = None if choices and len(choices) < LONGEST else action.dest.rpartition("_")[2].upper()
    if action.nargs == "?":
        action.nargs = 0  # true, without saying so
    if action.option_strings[0].startswith("--no_") and action.help:
        # The parser gives the flag that turns something off the help of the one that turns it on.
        action.help = f"Do not: {action.help[0].lower()}{action.help[1:]}"
