"""Run `fairtune demo` as a script, e.g. under `accelerate launch scripts/demo.py --help`."""

import sys

from hf_fairtune.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
