"""Write `hf_fairtune/recipes/README.md`: what each recipe sets, beside the default of its command and its source.

python scripts/recipes_page.py
"""

import re
from pathlib import Path

from hf_fairtune import catalog
from hf_fairtune.cli.flags import parser_of
from hf_fairtune.recipes.recipe import ROOM, names, recipe

COMMANDS = {"fairtune": "search", "swift-skin": "debias", "swift-xray": "debias"}
TOP = """# The papers' settings, and what our defaults change

Written by `python scripts/recipes_page.py` from the recipes and the flags; a test compares.

`fairtune search --recipe fairtune` and `fairtune debias --recipe swift-skin` (or `swift-xray`) take a paper's settings
in place of the defaults. A flag that is given comes before the recipe, the recipe before the default; `--recipe
own.yaml` takes a file of your own, with lines such as `num_train_epochs: 30`. The card names the recipe and what the
run has instead. In a script, for arguments of ours or of stock `transformers`:

```python
from hf_fairtune import FairTrainingArguments, recipe

args = recipe("fairtune").of(FairTrainingArguments, output_dir="out", per_device_train_batch_size=64)
```
"""


def page() -> str:
    """Return the page."""
    return "\n".join([TOP, *map(section, names())])


def section(name: str) -> str:
    """Return the table of a recipe, under what its file says at the top."""
    lines = (ROOM / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    said = [line.removeprefix("#").strip() for line in lines if line.startswith("#")]
    sources = dict(re.fullmatch(r"(\w+): .*?  # (.*)", line).groups() for line in lines if not line.startswith("#"))
    command, values = COMMANDS[name], recipe(name).values
    parser = parser_of(catalog.find("cli", command), ["--method", str(values["method"])])
    given = recipe(name).typed(parser)
    rows = []
    for flag, source in sources.items():
        default = written(parser.get_default(flag))
        shown = "the same" if default == written(given[flag]) else f"`{default}`"
        rows.append(f"| `--{flag}` | `{values[flag]}` | {shown} | {source} |")
    head = f"| flag | `{name}` | default of `fairtune {command}` | where from |\n|---|---|---|---|"
    return "\n".join([f"## `{name}`", "", *said, "", head, *rows, ""])


def written(value: object) -> str:
    """Write a value; which kernel an optimizer runs by depends on the machine and changes no setting."""
    plain = getattr(value, "value", value)
    return f"{plain:.4g}" if isinstance(plain, float) else str(plain).removesuffix("_fused")


if __name__ == "__main__":
    Path(ROOM / "README.md").write_text(page(), encoding="utf-8")
