"""The table of backbones in `hf_fairtune/families/README.md`, which tests hold cell by cell."""

from pathlib import Path

import hf_fairtune

README = Path(hf_fairtune.__file__).parent / "families" / "README.md"
COLUMNS = ("audit", "mask search", "repair", "full training")


def committed() -> dict[str, dict[str, str]]:
    """Read the cells of the table by backbone and column."""
    rows = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in rows]
    return {name.strip("`"): dict(zip(COLUMNS, own, strict=True)) for name, *own in cells}
