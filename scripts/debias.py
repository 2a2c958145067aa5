"""Run `fairtune debias` as a script, e.g. under `accelerate launch scripts/debias.py --help`."""

import sys

from hf_fairtune.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["debias", *sys.argv[1:]]))
