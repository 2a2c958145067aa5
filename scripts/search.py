"""Run `fairtune search` as a script, e.g. under `accelerate launch scripts/search.py --help`."""

import sys

from hf_fairtune.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["search", *sys.argv[1:]]))
