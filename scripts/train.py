"""Run `fairtune train` as a script, e.g. under `accelerate launch scripts/train.py --help`."""

import sys

from hf_fairtune.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
