"""The options of training: one dataclass is the truth for the command line and the run folder."""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from sigclean.errors import DataError

AT_LEAST_ONE = frozenset((
    "batch_size", "gradient_accumulation_steps", "checkpointing_steps", "logging_steps",
    "ngf", "ngf_A", "ndf",
))  # fmt: skip
CHOICES = {
    "init_type": ("normal", "xavier", "kaiming", "orthogonal"),
    "mixed_precision": ("", "no", "fp16", "bf16"),
}


def option(default: Any, help: str, group: str, **more: Any) -> Any:
    """A field with what `--help` says of it."""
    return field(default=default, metadata={"help": help, "group": group, **more})


@dataclass(frozen=True)
class TrainConfig:
    """Defaults are the reference implementation's where it has the option."""

    # data
    dataroot: str = option("", "folder with trainA, trainB, testA, testB; drawn if empty", "data")
    drawn: int = option(400, "without --dataroot: how many signatures to draw", "data")
    crop_size: str = option("256", "cut from the 512 square: 256, 512x256 (w x h), 0 = all", "data")
    no_flip: bool = option(False, "do not mirror pictures", "data")
    unpaired_share: float = option(0.2, "least share of real noisy pictures in domain B", "data")
    dataloader_num_workers: int = option(1, "processes that read pictures", "data")
    # networks
    netG: str = option("eraser", "generator G_B, the cleaner", "networks")
    netG_A: str = option("unet_256", "generator G_A, which makes noise", "networks")
    netD: str = option("basic", "discriminators", "networks")
    ngf: int = option(64, "width of a resnet or unet G_B", "networks")
    ngf_A: int = option(64, "width of G_A", "networks")
    ndf: int = option(64, "width of the discriminators", "networks")
    init_type: str = option("normal", "normal, xavier, kaiming or orthogonal", "networks")
    init_gain: float = option(0.02, "scale of the first weights", "networks")
    # length
    batch_size: int = option(1, "pictures per process and step", "length")
    gradient_accumulation_steps: int = option(1, "batches per step", "length")
    warmup_steps: int = option(0, "steps of G_B on pairs alone, before the others", "length")
    n_epochs: int = option(100, "epochs at the full rate", "length")
    n_epochs_decay: int = option(100, "epochs over which the rate falls to 0", "length")
    max_train_steps: int = option(0, "end after so many steps, warm-up included; 0 = all", "length")
    # optimization
    lr: float = option(2e-4, "Adam's rate", "optimization")
    beta1: float = option(0.5, "Adam's momentum", "optimization")
    warmup_lr: float = option(2e-3, "AdamW's highest rate in the warm-up", "optimization")
    pool_size: int = option(50, "generated pictures kept for the discriminators", "optimization")
    lambda_A: float = option(10.0, "weight of the cycle A to B to A", "optimization")
    lambda_B: float = option(10.0, "weight of the cycle B to A to B", "optimization")
    lambda_identity: float = option(0.5, "weight of identity, times lambda_A/B", "optimization")
    lambda_paired: float = option(0.0, "weight of the loss on pairs; 0 = pure", "optimization")
    ema_decay: float = option(0.998, "of the averaged weights of G_B that are kept", "optimization")
    mixed_precision: str = option("", "no, fp16 or bf16; else as launched", "optimization")
    seed: int = option(0, "of weights, order, crops and pools", "optimization")
    # run
    name: str = option("sigclean", "of the run folder checkpoints/NAME", "run")
    output_dir: str = option("", "the run folder itself, instead of --name", "run")
    checkpointing_steps: int = option(1000, "steps between checkpoints", "run")
    checkpoints_total_limit: int = option(2, "checkpoints kept", "run")
    resume_from_checkpoint: str = option("", "latest, or a checkpoint folder", "run")
    logging_steps: int = option(50, "steps between lines of the log", "run")
    validation_steps: int = option(1000, "steps between validations; 0 = never", "run")
    num_validation_images: int = option(64, "pairs of testA/testB to validate on", "run")
    push_to_hub: bool = option(False, "upload G_B at the end", "run")
    hub_model_id: str = option("", "user/repo", "run")
    hub_token: str = option("", "instead of the one logged in with", "run", secret=True)

    def __post_init__(self) -> None:
        """Raises DataError for values that cannot be; networks are checked when they are built."""
        for one in fields(self):
            value = getattr(self, one.name)
            lowest = 1 if one.name in AT_LEAST_ONE else 0
            if isinstance(value, int | float) and not (value >= lowest and math.isfinite(value)):
                raise DataError(f"--{one.name} must be at least {lowest}, not {value}")
        for name in ("lr", "warmup_lr"):
            if not getattr(self, name) > 0:
                raise DataError(f"--{name} must be above 0, not {getattr(self, name)}")
        for name in ("beta1", "ema_decay"):
            if getattr(self, name) >= 1:
                raise DataError(f"--{name} must be below 1, not {getattr(self, name)}")
        if self.unpaired_share > 1:
            raise DataError(f"--unpaired_share must be at most 1, not {self.unpaired_share}")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                known = ", ".join(choice for choice in choices if choice)
                raise DataError(f"--{name} must be one of {known}, not {getattr(self, name)!r}")
        if not (self.warmup_steps or self.n_epochs or self.n_epochs_decay):
            raise DataError("nothing to train: --warmup_steps, --n_epochs, --n_epochs_decay are 0")
        if self.push_to_hub and not re.fullmatch(r"[\w.-]+/[\w.-]+", self.hub_model_id):
            raise DataError(
                f"--push_to_hub needs --hub_model_id user/repo{_not(self.hub_model_id)}"
            )

    @property
    def run_folder(self) -> Path:
        """Where everything of the run is written."""
        return Path(self.output_dir) if self.output_dir else Path("checkpoints") / self.name

    def public(self) -> dict[str, Any]:
        """All options but the secret ones, for the run folder and the card."""
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if not one.metadata.get("secret")
        }


def _not(value: str) -> str:
    return f", not {value!r}" if value else ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """An argument for each field, in groups."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    types = get_type_hints(TrainConfig)
    for one in fields(TrainConfig):
        title = one.metadata["group"]
        group = groups.setdefault(title, parser.add_argument_group(title))
        assert one.default is not MISSING
        if types[one.name] is bool:
            group.add_argument(f"--{one.name}", action="store_true", help=one.metadata["help"])
        else:
            shown = "" if one.default == "" else f" ({one.default})"
            group.add_argument(
                f"--{one.name}",
                type=types[one.name],
                default=one.default,
                metavar=types[one.name].__name__.upper(),
                help=one.metadata["help"] + shown,
            )
