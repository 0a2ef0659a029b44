"""Train a signature cleaner.

    accelerate launch train.py --dataroot SIGNATURES                      # one GPU, or the CPU
    accelerate launch --num_processes 4 --mixed_precision bf16 train.py --config run.yaml
    accelerate launch --cpu --num_processes 2 train.py --dataroot datasets/mine
    python train.py --max_train_steps 200 --warmup_steps 200              # drawn ones, to try

and, on two machines of four GPUs, with --machine_rank 0 and 1:

    accelerate launch --num_machines 2 --num_processes 8 --machine_rank 0 \
        --main_process_ip ADDRESS --main_process_port 29500 train.py --config run.yaml

The cleaner is checkpoints/NAME/G_B at all times: `sigclean clean --weights checkpoints/NAME/G_B`.
docs/training.md says more, and which of the CycleGAN reference's options are called what.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sigclean.errors import ProcessLostError, ReportedElsewhereError, SigcleanError, reason
from sigclean.training.command_line import parse
from sigclean.training.launching import processes_to_start, run_processes
from sigclean.training.options import TrainConfig

CARD = Path(__file__).parent / "model_card.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and train. Returns the exit status."""
    try:
        config = parse(argv, __doc__)
        if share := processes_to_start():
            return run_processes(share, [sys.executable, *sys.argv])
        return _run(config)
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
        return _fail("interrupted: --resume_from_checkpoint latest goes on", 130)


def _run(config: TrainConfig) -> int:
    from accelerate import PartialState  # after --help and typing errors: this takes seconds

    from sigclean.training.loop import train
    from sigclean.training.stopping import exit_status

    outcome = train(config, CARD)
    if PartialState().is_main_process:
        print(outcome.cleaner)
        if outcome.address:
            print(outcome.address)
        if outcome.stopped:
            said = "the state is saved, --resume_from_checkpoint latest goes on"
            print(f"train.py: stopped by {outcome.stopped}: {said}", file=sys.stderr)
    return exit_status(outcome.stopped) if outcome.stopped else 0


def _fail(error: SigcleanError | str, status: int = 1) -> int:
    if not isinstance(error, ReportedElsewhereError):
        print(f"train.py: error: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
