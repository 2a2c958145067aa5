"""Run `fairtune audit` as a script, e.g. under `accelerate launch scripts/audit.py --help`."""

import sys

from hf_fairtune.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["audit", *sys.argv[1:]]))
