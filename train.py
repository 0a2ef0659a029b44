"""Train a signature cleaner.

    sigclean prepare SIGNATURES -o datasets/mine --noisy REAL_NOISY
    accelerate launch train.py --dataroot datasets/mine                        # as configured
    accelerate launch --cpu --num_processes 2 train.py --dataroot datasets/mine
    accelerate launch --num_processes 4 --mixed_precision bf16 train.py --dataroot datasets/mine
    python train.py --max_train_steps 200                                # drawn signatures, to try

The cleaner is checkpoints/NAME/G_B at all times: `sigclean clean --weights checkpoints/NAME/G_B`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sigclean.errors import SigcleanError
from sigclean.training.command_line import parse
from sigclean.training.launching import processes_to_start, run_processes
from sigclean.training.options import TrainConfig


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, train, push. Returns the exit status."""
    try:
        config = parse(argv, __doc__)
        if count := processes_to_start():
            return run_processes(count, [sys.executable, *sys.argv])
        _run(config)
    except SigcleanError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        return _fail(f"training needs {error.name}: pip install 'sigclean[train]'")
    except OSError as error:  # a full disk, a vanished drive
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}")
    except KeyboardInterrupt:
        print("train.py: interrupted: --resume_from_checkpoint latest goes on", file=sys.stderr)
        return 130
    return 0


def _run(config: TrainConfig) -> None:
    from accelerate import PartialState  # after --help and typing errors: this takes seconds

    from sigclean.training.loop import train

    cleaner = train(config)
    if PartialState().is_main_process:
        print(cleaner)
        if config.push_to_hub:
            print(_push(cleaner, config))


def _push(cleaner: Path, config: TrainConfig) -> str:
    """Upload, and return the commit's address. Raises SigcleanError, which says what is kept."""
    from sigclean.hub import push_folder

    try:
        return push_folder(cleaner, config.hub_model_id, token=config.hub_token or None)
    except SigcleanError as error:
        raise SigcleanError(
            f"the weights are kept in {cleaner}, but were not uploaded: {error} "
            f"(try again: sigclean publish {config.hub_model_id} --weights {cleaner})"
        ) from error


def _fail(message: str) -> int:
    print(f"train.py: error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
