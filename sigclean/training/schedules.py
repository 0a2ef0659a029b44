"""The length of a run, and its learning rates, which are functions of the step alone.

The one exception, `plateau`, watches the validation and carries a state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from sigclean.errors import DataError
from sigclean.training.options import TrainConfig

WARMUP_RISE = 200  # steps in which the warm-up's learning rate rises, or a fifth of a short one
STEP_FACTOR = 0.1  # of --lr_policy step, as in the original PyTorch CycleGAN


@dataclass(frozen=True)
class Timetable:
    """The length of a run, in steps."""

    warmup: int  # of the warm-up, with which the run begins
    end: int  # the last step of the run
    epoch: int  # of one pass over domain B by all processes together
    skipped: int = 0  # of the epochs before --epoch_count


def plan_steps(config: TrainConfig, pictures: int | None, processes: int) -> Timetable:
    """The length of the run that the options describe.

    Args:
        pictures: of domain B; None if a stream does not know.

    Raises DataError if --epoch_count lies behind the last epoch, or neither the stream nor
    --max_train_steps says the length.
    """
    epochs, skipped = config.n_epochs + config.n_epochs_decay, config.epoch_count - 1
    if config.epoch_count > max(epochs, 1):
        raise DataError(f"--epoch_count {config.epoch_count}: there are only {epochs} epochs")
    if pictures is None:
        if not config.max_train_steps:
            raise DataError(
                "how many pictures the stream holds is not known: say --max_train_steps"
            )
        epoch = max(config.max_train_steps - config.warmup_steps, 1)
    else:
        batch = config.batch_size * config.gradient_accumulation_steps * processes
        epoch = math.ceil(pictures / batch)
    end = config.warmup_steps + (epochs - skipped) * epoch
    end = min(end, config.max_train_steps or end)
    return Timetable(min(config.warmup_steps, end), end, epoch, skipped * epoch)


def make_schedules(
    config: TrainConfig, optimizers: dict[str, Optimizer], steps: Timetable
) -> dict[str, LRScheduler | Plateau]:
    """Make a schedule for each optimizer: `warmup`, `G` and `D`.

    Args:
        optimizers: bare ones; accelerate's wrapper would step a schedule once per process.
    """
    found: dict[str, LRScheduler | Plateau] = {
        "warmup": LambdaLR(optimizers["warmup"], _warmup_factor(max(steps.warmup, 1)))
    }
    for name in ("G", "D"):
        if config.lr_policy == "plateau":
            found[name] = Plateau(optimizers[name])
        else:
            found[name] = LambdaLR(optimizers[name], _adversarial_factor(config, steps))
    return found


def _warmup_factor(steps: int) -> Callable[[int], float]:
    """A rise to 1, then half a cosine down to a hundredth."""
    climb = min(WARMUP_RISE, math.ceil(steps / 5))

    def factor(step: int) -> float:
        rise = min(1.0, (step + 1) / climb)
        return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(step / steps, 1))))

    return factor


def _adversarial_factor(config: TrainConfig, steps: Timetable) -> Callable[[int], float]:
    """The original's policies, by steps in place of epochs: the same course, without jumps.

    A run that --max_train_steps cuts short goes through the whole schedule in that time.
    """
    past = steps.skipped
    total = max(steps.end - steps.warmup, 1) + past
    constant = total * config.n_epochs / max(config.n_epochs + config.n_epochs_decay, 1)

    def linear(step: int) -> float:
        return 1 - max(0.0, step + past - constant) / (total - constant + 1)

    def stairs(step: int) -> float:
        return STEP_FACTOR ** ((step + past) // (config.lr_decay_iters * steps.epoch))

    def cosine(step: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * min((step + past) / total, 1)))

    return {"linear": linear, "step": stairs, "cosine": cosine}[config.lr_policy]


def apply_rates(
    config: TrainConfig,
    optimizers: Mapping[str, Optimizer],
    schedules: Mapping[str, LRScheduler | Plateau],
) -> None:
    """Replace the learning rates and the momentum of a checkpoint by those of the options.

    So a run that is resumed with a lower --lr continues with that.
    """
    for name, schedule in schedules.items():
        base = config.warmup_lr if name == "warmup" else config.lr
        for group in optimizers[name].param_groups:
            factor = base / group.get("initial_lr", base)
            group["initial_lr"] = base
            if name != "warmup":
                group["betas"] = (config.beta1, group["betas"][1])
            if isinstance(schedule, Plateau):
                group["lr"] *= factor
            elif isinstance(schedule, LambdaLR):
                schedule.base_lrs = [base]
                group["lr"] = base * schedule.lr_lambdas[0](schedule.last_epoch)


class Plateau:
    """The original's `plateau`: a fifth of the learning rate when a figure stops rising.

    The original feeds it a constant; here it is the F-measure of the validation.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.schedule = ReduceLROnPlateau(
            optimizer, mode="max", factor=0.2, threshold=0.01, patience=5
        )

    def step(self) -> None:
        """Do nothing: a step of training changes no learning rate."""

    def watch(self, figure: float) -> None:
        """Take note of a validation's figure, the same on all processes."""
        self.schedule.step(figure)

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group of parameters."""
        return [float(group["lr"]) for group in self.schedule.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The figures seen; the learning rate itself is in the optimizer's state."""
        return self.schedule.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state that `state_dict` gave."""
        self.schedule.load_state_dict(state)
