"""Audit a table whose groups have hostile names, and write what each output makes of them.

    python scripts/hostile_names.py --page scripts/hostile_names.md

The page shows the line of each output that holds the name; `tests/show/test_hostile.py` tests them all.
"""

import argparse
import io
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from hf_fairtune.cli.main import main as fairtune

# Names by a word that finds them in each output.
NAMES = {
    "31mred": "\x1b[31mred\x1b]8;;https://example.org\x1b\\",
    "Two": "# One\r\n## Two",
    "A1": "=HYPERLINK(A1)",
    "SUM": "@SUM(1)\t|cmd",
    "passwd": "$\\input{/etc/passwd}$",
    "license": "---\nlicense: mit",
    "iframe": "![x](http://a.b/x.png)<iframe>",
    "etc/no": "../../etc/no\u202e\x00",
}
HEAD = """# Hostile names

    python scripts/hostile_names.py --page scripts/hostile_names.md

An audit of generated rows whose groups have these names: escapes of a terminal, headings and front matter of Markdown,
formulas of a spreadsheet, a command of LaTeX, markup and an image of HTML, a path with a mark that turns text around.
Each output keeps the name as a name; the start of its line is shown as it is in the file. Shared are
{files}. `tests/show/test_hostile.py` tests every
output, those of runs and comparisons too."""
# Where the line of a group begins in each output.
STARTS = {"groups.csv": "y,group,", "audit.tex": "", "factors.md": "| ", "audit.html": '<tr><th scope="row">'}
WIDTH = 70


def audited(folder: Path) -> Path:
    """Audit generated rows, and return the folder of what is shared."""
    draw, n = np.random.default_rng(0), 4000
    labels = draw.integers(0, 2, n)
    frame = pd.DataFrame({"y": labels, "p": draw.normal(labels), "group": draw.choice([*NAMES.values()], n)})
    frame.to_json(folder / "rows.json", orient="records")
    flags = ["--label", "y", "--score", "p", "--group", "group", "--output_dir", str(folder / "out")]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert fairtune(["audit", str(folder / "rows.json"), *flags, "--n_boot", "50", "--n_permutations", "50"]) == 0
    return folder / "out" / "share"


def refused(folder: Path) -> str:
    """Return the line where a group is to be left out that is none."""
    flags = ["--label", "y", "--score", "p", "--group", "group", "--output_dir", str(folder / "no")]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
        assert fairtune(["audit", str(folder / "rows.json"), *flags, "--exclude", "\x1b[2J\u202enone"]) == 2
    return said.getvalue().splitlines()[-1]


def code(text: str) -> str:
    """Show text as it is, in a cell of a table."""
    return f"<code>{escape(text).replace('|', '&#124;')}</code>"


def page(folder: Path) -> str:
    """Return the page."""
    shared = audited(folder)
    texts = {name: (shared / name).read_text(encoding="utf-8").splitlines() for name in STARTS}
    parts = [HEAD.format(files=", ".join(f"`{path.name}`" for path in sorted(shared.iterdir())))]
    for word, name in NAMES.items():
        rows = [f"### {code(repr(name)[1:-1])}\n", "| output | line |", "|---|---|"]
        for output, start in STARTS.items():
            lines = (line.removeprefix("<tbody>") for line in texts[output])
            line = next(line for line in lines if line.startswith(start) and word in line[: WIDTH + len(start)])
            rows.append(f"| {output} | {code(line[:WIDTH])} |")
        parts.append("\n".join(rows))
    return "\n\n".join([*parts, f"### An error line\n\n{code(refused(folder))}"]) + "\n"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, help="where the page is written")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        text = page(Path(root))
    print(text)
    if asked.page:
        asked.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
