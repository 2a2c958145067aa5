"""Run `fairtune compare` as a script, e.g. under `accelerate launch scripts/compare.py --help`."""

import sys

from hf_fairtune.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["compare", *sys.argv[1:]]))
