"""Train a signature cleaner.

    sigclean prepare SIGNATURES -o datasets/mine --noisy REAL_NOISY
    accelerate launch train.py --dataroot datasets/mine                        # as configured
    accelerate launch --cpu --num_processes 2 train.py --dataroot datasets/mine
    accelerate launch --num_processes 4 --mixed_precision bf16 train.py --dataroot datasets/mine
    python train.py --max_train_steps 200                                # drawn signatures, to try

The cleaner is checkpoints/NAME/G_B at all times: `sigclean clean --weights checkpoints/NAME/G_B`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from sigclean.errors import SigcleanError
from sigclean.train_config import TrainConfig, add_options


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, train, push. Returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    try:
        config = TrainConfig(**vars(parser.parse_args(argv)))
        from sigclean.training import train  # torch and accelerate: after --help and typing errors

        cleaner = train(config)
    except SigcleanError as error:
        print(f"train.py: error: {error}", file=sys.stderr)
        return 1
    print(cleaner)
    return 0


if __name__ == "__main__":
    sys.exit(main())
