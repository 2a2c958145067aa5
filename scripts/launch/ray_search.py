"""Start workers of one search on a Ray cluster, one a GPU: python scripts/launch/ray_search.py --workers 4 -- FLAGS.

FLAGS are those of `fairtune search`, with a `--storage` and an `--output_dir` that all machines of the cluster reach.
Ray starts the workers, starts those again whose machine it loses, and shows their output; the study hands out trials.
"""

import argparse
import sys
from collections.abc import Sequence

import ray

from hf_fairtune.cli.main import main


@ray.remote(max_retries=3)
def work(flags: Sequence[str]) -> int:
    """Be a worker; return its exit code."""
    return main(["search", *flags])


def run(argv: Sequence[str]) -> int:
    """Start the workers, wait for them, and return 0 if all ended well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--gpus", type=float, default=1, help="GPUs of a worker; 0 for none.")
    parser.add_argument("--address", help="Of the cluster, as in `ray.init`. Default: this machine alone.")
    parser.add_argument("flags", nargs="+")
    given = parser.parse_args(argv)
    ray.init(address=given.address)
    codes = ray.get([work.options(num_gpus=given.gpus).remote(given.flags) for _ in range(given.workers)])
    ray.shutdown()
    return max(codes)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
