"""How long a run is, and its learning rates: a rate is a function of the step alone.

The one exception, `plateau`, watches the validation and carries a state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from sigclean.errors import DataError
from sigclean.training.options import TrainConfig

WARMUP_RISE = 200  # steps in which the warm-up's rate climbs to its highest; a fifth if it is short
STEP_FACTOR = 0.1  # of --lr_policy step, as in the reference


def steps_in_epoch(config: TrainConfig, pictures: int | None, processes: int) -> int:
    """Steps in which all processes together see as many pictures as B has.

    Raises DataError if that is not known (streaming) and --max_train_steps does not say the length.
    """
    if pictures is None:
        if not config.max_train_steps:
            raise DataError(
                "how many pictures the stream holds is not known: say --max_train_steps"
            )
        return max(config.max_train_steps - config.warmup_steps, 1)
    batch = config.batch_size * config.gradient_accumulation_steps * processes
    return math.ceil(pictures / batch)


def total_steps(config: TrainConfig, epoch: int) -> int:
    """Steps of the whole run, `epoch` being those of one pass over domain B.

    Raises DataError if --epoch_count lies behind the last one.
    """
    epochs = config.n_epochs + config.n_epochs_decay
    if config.epoch_count > max(epochs, 1):
        raise DataError(f"--epoch_count {config.epoch_count}: there are only {epochs} epochs")
    wanted = config.warmup_steps + (epochs - (config.epoch_count - 1)) * epoch
    return min(wanted, config.max_train_steps) if config.max_train_steps else wanted


def make_schedules(
    config: TrainConfig, optimizers: dict[str, Optimizer], epoch: int
) -> dict[str, LRScheduler | Plateau]:
    """One for each optimizer: `warmup`, `G` and `D`.

    Args:
        optimizers: bare ones; accelerate's wrapper would step a schedule once per process.
        epoch: steps of one pass over domain B.
    """
    end = total_steps(config, epoch)
    warmup = _warmup_rate(max(min(config.warmup_steps, end), 1))
    found: dict[str, LRScheduler | Plateau] = {"warmup": LambdaLR(optimizers["warmup"], warmup)}
    for name in ("G", "D"):
        if config.lr_policy == "plateau":
            found[name] = Plateau(optimizers[name])
        else:
            found[name] = LambdaLR(optimizers[name], _adversarial_rate(config, end, epoch))
    return found


def _warmup_rate(steps: int) -> Callable[[int], float]:
    """A rise, then half a cosine to a hundredth."""
    climb = min(WARMUP_RISE, math.ceil(steps / 5))

    def rate(step: int) -> float:
        rise = min(1.0, (step + 1) / climb)
        return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(step / steps, 1))))

    return rate


def _adversarial_rate(config: TrainConfig, end: int, epoch: int) -> Callable[[int], float]:
    """The reference's policies, by steps in place of epochs: the same rate, but without jumps.

    A run that --max_train_steps cuts short goes through the whole schedule in that time.
    """
    past = (config.epoch_count - 1) * epoch  # steps of the epochs that a run is told it has done
    steps = max(end - config.warmup_steps, 1) + past
    constant = steps * config.n_epochs / max(config.n_epochs + config.n_epochs_decay, 1)

    def linear(step: int) -> float:
        return 1 - max(0.0, step + past - constant) / (steps - constant + 1)

    def stairs(step: int) -> float:
        return STEP_FACTOR ** ((step + past) // (config.lr_decay_iters * epoch))

    def cosine(step: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * min((step + past) / steps, 1)))

    return {"linear": linear, "step": stairs, "cosine": cosine}[config.lr_policy]


def apply_rates(
    config: TrainConfig,
    optimizers: Mapping[str, Optimizer],
    schedules: Mapping[str, LRScheduler | Plateau],
) -> None:
    """Let the options decide rates and momentum, after a checkpoint has brought those it was
    written with: a run that is resumed with a lower --lr goes on with that."""
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
    """The reference's plateau: a fifth of the rate when the figure stops rising.

    The reference feeds it a constant; here it is the F-measure of the validation.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.schedule = ReduceLROnPlateau(
            optimizer, mode="max", factor=0.2, threshold=0.01, patience=5
        )

    def step(self) -> None:
        """A step of training changes nothing."""

    def watch(self, figure: float) -> None:
        """Take note of a validation's figure, the same on all processes."""
        self.schedule.step(figure)

    def get_last_lr(self) -> list[float]:
        """The rate of each group of parameters."""
        return [float(group["lr"]) for group in self.schedule.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What it has seen. The rate itself is in the optimizer's state."""
        return self.schedule.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        self.schedule.load_state_dict(state)
