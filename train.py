r"""Train a signature cleaner.

    accelerate launch train.py --adapt SCANS --dataroot SIGNATURES        # from scans alone
    accelerate launch train.py --dataroot SIGNATURES --documents FORMS    # from pairs, made of both
    accelerate launch --num_processes 4 --mixed_precision bf16 train.py --config run.yaml
    torchrun --nproc_per_node 2 train.py --dataroot datasets/mine         # two CPU processes
    python train.py --recipe cyclegan --dataroot datasets/mine            # the original method

On two machines of four GPUs, on the first with --machine_rank 0, on the second with 1:

    accelerate launch --num_machines 2 --num_processes 8 --machine_rank 0 \
        --main_process_ip ADDRESS --main_process_port 29500 train.py --config run.yaml

The cleaner is checkpoints/NAME/G_B at all times: `sigclean clean --weights checkpoints/NAME/G_B`.
docs/training.md describes the recipes, and maps the options of the original PyTorch CycleGAN.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sigclean.errors import ProcessLostError, ReportedElsewhereError, SigcleanError, reason
from sigclean.training.command_line import parse
from sigclean.training.options import TrainConfig

CARD = Path(__file__).parent / "model_card.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the options and train; returns the exit status."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")  # the same errors come as exceptions
    try:
        return _run(parse(argv, __doc__))
    except ProcessLostError as error:
        from sigclean.training.stopping import leave

        leave(_fail(error))
    except SigcleanError as error:
        return _fail(error)
    except ModuleNotFoundError as error:
        return _fail(f"training needs {error.name}: pip install 'sigclean[train]'")
    except OSError as error:  # a full disk, a vanished drive
        return _fail(f"{error.filename or 'the system'}: {reason(error)}")
    except KeyboardInterrupt:
        return _fail("interrupted: --resume_from_checkpoint latest resumes the run", 130)


def _run(config: TrainConfig) -> int:
    from accelerate import PartialState  # after --help and typing errors: this takes seconds

    from sigclean.training.loop import train
    from sigclean.training.stopping import exit_status

    outcome = train(config, CARD)
    if not PartialState().is_main_process:
        return 0  # a launcher ends all processes when one fails: the main one may still have to say
    print(outcome.cleaner)
    if outcome.address:
        print(outcome.address)
    if outcome.stopped is None:
        return 0
    said = "the state is saved, --resume_from_checkpoint latest resumes the run"
    print(f"train.py: stopped by {outcome.stopped}: {said}", file=sys.stderr)
    return exit_status(outcome.stopped)


def _fail(error: SigcleanError | str, status: int = 1) -> int:
    if not isinstance(error, ReportedElsewhereError):
        print(f"train.py: error: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
