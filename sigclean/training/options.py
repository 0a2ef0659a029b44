"""The options of training: one dataclass is the truth for the command line, YAML, run folder, card.

Names are the CycleGAN reference's, or those that Hugging Face users know; docs/training.md maps
both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sigclean.errors import DataError
from sigclean.hub.client import REPO_ID

AT_LEAST_ONE = frozenset((
    "batch_size", "gradient_accumulation_steps", "checkpointing_steps", "logging_steps",
    "ngf", "ngf_A", "ndf", "n_layers_D", "drawn", "epoch_count", "lr_decay_iters", "ddp_timeout",
))  # fmt: skip
CHOICES = {
    "direction": ("AtoB", "BtoA"),
    "preprocess": ("letterbox", "crop", "none"),
    "norm": ("", "instance", "batch", "none"),
    "init_type": ("normal", "xavier", "kaiming", "orthogonal"),
    "lr_policy": ("linear", "step", "plateau", "cosine"),
    "gan_mode": ("lsgan", "vanilla", "wgangp", "hinge"),
    "mixed_precision": ("", "no", "fp16", "bf16"),
    "report_to": ("none", "tensorboard", "wandb"),
    "hub_strategy": ("end", "checkpoint"),
}


def option(default: Any, help: str, group: str, *, secret: bool = False) -> Any:
    """A field with what `--help` says of it; a secret one is never written down."""
    return field(default=default, metadata={"help": help, "group": group, "secret": secret})


@dataclass(frozen=True)
class TrainConfig:
    """Defaults are the reference implementation's where it has the option."""

    # data
    dataroot: str = option("", "folder with trainA, trainB (testA, testB), or one of clean "
                           "pictures alone: noise is then made on the fly", "data")  # fmt: skip
    dataset: str = option("", "instead: a Hub dataset user/repo, or a local one", "data")
    dataset_config: str = option("", "its configuration", "data")
    dataset_split: str = option("train", "its split", "data")
    streaming: bool = option(False, "read it while training: for sets larger than the disk", "data")
    clean_column: str = option("", "its column of clean pictures; the first if empty", "data")
    noisy_column: str = option("", "its column of noisy pictures of the same", "data")
    drawn: int = option(400, "with no data given: how many signatures to draw", "data")
    noisy: str = option("", "folder of real noisy pictures, beside noise on the fly", "data")
    direction: str = option("AtoB", "AtoB, or BtoA where trainB holds the clean pictures", "data")
    serial_batches: bool = option(False, "take pictures in order, not at random", "data")
    max_dataset_size: int = option(0, "use so many pictures of each domain; 0 = all", "data")
    unpaired_share: float = option(0.2, "least share of real noisy pictures in domain B", "data")
    test_fraction: float = option(0.1, "of clean pictures alone: share kept for validation", "data")
    max_bad_files: int = option(10, "files that may be skipped because they are broken", "data")
    dataloader_num_workers: int = option(1, "processes that read pictures", "data")
    # pictures
    size: int = option(0, "side of the square that the cleaner works at; 0 = that of the data "
                       "set's squares, else 512", "pictures")  # fmt: skip
    preprocess: str = option("letterbox", "letterbox to --load_size, then crop; crop without "
                             "scaling; or none", "pictures")  # fmt: skip
    load_size: int = option(0, "side pictures are letterboxed to; 0 = --size", "pictures")
    crop_size: str = option("256", "256, 512x256 (width x height), or 0 = all", "pictures")
    no_flip: bool = option(False, "do not mirror pictures", "pictures")
    # noise
    noise: str = option("all", "on the fly: all, or families joined by commas", "noise")
    fonts: str = option("", "folder of fonts; the system's if empty", "noise")
    documents: str = option("", "folder of pages without signatures", "noise")
    papers: str = option("", "folder of papers and blank cheques", "noise")
    stamps: str = option("", "folder of stamps, transparent or on white", "noise")
    # networks
    weights: str = option("", "start G_B from a weights folder, user/repo or `default`; it "
                          "decides --netG", "networks")  # fmt: skip
    grow: bool = option(False, "make the eraser of --weights as large as a new one is, without "
                        "changing what it does", "networks")  # fmt: skip
    netG: str = option("eraser", "generator G_B, the cleaner", "networks")
    netG_A: str = option("unet_256", "generator G_A, which makes noise", "networks")
    netD: str = option("basic", "discriminators: basic, n_layers or pixel", "networks")
    ngf: int = option(64, "width of a resnet or unet G_B", "networks")
    ngf_A: int = option(64, "width of G_A", "networks")
    ndf: int = option(64, "width of the discriminators", "networks")
    n_layers_D: int = option(3, "strided layers of --netD n_layers", "networks")
    norm: str = option("", "instance, batch or none; each network's own if empty", "networks")
    dropout: bool = option(False, "in resnet and unet generators", "networks")
    init_type: str = option("normal", "normal, xavier, kaiming or orthogonal", "networks")
    init_gain: float = option(0.02, "scale of the first weights", "networks")
    # length
    batch_size: int = option(1, "pictures per process and batch", "length")
    gradient_accumulation_steps: int = option(1, "batches per step", "length")
    warmup_steps: int = option(0, "steps of G_B on pairs alone, before the others", "length")
    n_epochs: int = option(100, "epochs at the full rate", "length")
    n_epochs_decay: int = option(100, "epochs over which the rate falls to 0", "length")
    max_train_steps: int = option(0, "end after so many steps, warm-up included; 0 = all", "length")
    epoch_count: int = option(1, "the epoch that a new run begins at", "length")
    # optimization
    lr: float = option(2e-4, "Adam's rate", "optimization")
    beta1: float = option(0.5, "Adam's momentum", "optimization")
    lr_policy: str = option("linear", "linear, step, plateau or cosine", "optimization")
    lr_decay_iters: int = option(50, "step: epochs after which the rate falls to a tenth",
                                 "optimization")  # fmt: skip
    warmup_lr: float = option(2e-3, "AdamW's highest rate in the warm-up", "optimization")
    max_grad_norm: float = option(0.0, "length that gradients are cut to; 0 = 1 in the warm-up, "
                                  "none after it", "optimization")  # fmt: skip
    ema_decay: float = option(0.998, "of the averaged weights, which are kept", "optimization")
    # losses
    gan_mode: str = option("lsgan", "lsgan, vanilla, wgangp or hinge", "losses")
    pool_size: int = option(50, "generated pictures kept for the discriminators", "losses")
    lambda_A: float = option(10.0, "weight of the cycle A to B to A", "losses")
    lambda_B: float = option(10.0, "weight of the cycle B to A to B", "losses")
    lambda_identity: float = option(0.5, "weight of identity, times lambda_A/B", "losses")
    lambda_paired: float = option(0.0, "weight of the loss on pairs; 0 = pure CycleGAN", "losses")
    # speed
    mixed_precision: str = option("", "no, fp16 or bf16; else as launched", "speed")
    compile: bool = option(False, "torch.compile the networks", "speed")
    channels_last: bool = option(True, "memory format of pictures and weights", "speed")
    seed: int = option(0, "of weights, order, crops, noise and pools", "speed")
    deterministic: bool = option(False, "deterministic kernels only (a CPU's are)", "speed")
    # run
    name: str = option("sigclean", "of the run folder CHECKPOINTS_DIR/NAME", "run")
    checkpoints_dir: str = option("checkpoints", "folder of run folders", "run")
    output_dir: str = option("", "the run folder itself, instead of both", "run")
    checkpointing_steps: int = option(1000, "steps between checkpoints", "run")
    checkpoints_total_limit: int = option(2, "checkpoints kept; 0 = all", "run")
    resume_from_checkpoint: str = option("", "latest, or a checkpoint folder", "run")
    continue_train: bool = option(False, "the same as --resume_from_checkpoint latest", "run")
    ddp_timeout: int = option(1800, "seconds that a process waits for the others", "run")
    # watching
    report_to: str = option("none", "tensorboard, wandb or none", "watching")
    logging_steps: int = option(50, "steps between lines of the log", "watching")
    validation_steps: int = option(1000, "steps between validations; 0 = never", "watching")
    num_validation_images: int = option(64, "pairs of the test side to measure on", "watching")
    # Hub
    push_to_hub: bool = option(False, "upload G_B with its card", "Hub")
    hub_model_id: str = option("", "user/repo", "Hub")
    hub_revision: str = option("", "branch, made if it is not there, instead of main", "Hub")
    hub_private_repo: bool = option(False, "make a new repository private", "Hub")
    hub_token: str = option("", "instead of the one logged in with", "Hub", secret=True)
    hub_strategy: str = option("end", "end, or checkpoint: at each of them, too", "Hub")
    hub_onnx: bool = option(True, "add model.onnx at the end, to serve it without PyTorch", "Hub")
    hub_license: str = option("", "of the weights, as the Hub names it: apache-2.0", "Hub")
    hub_samples: bool = option(True, "show validation pictures in the card", "Hub")

    def __post_init__(self) -> None:
        """Raises DataError for values that cannot be; networks are checked when they are built."""
        self._check_numbers()
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                known = ", ".join(choice for choice in choices if choice)
                raise DataError(f"--{name} must be one of {known}, not {getattr(self, name)!r}")
        self._check_together()

    def _check_numbers(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            lowest = 1 if one.name in AT_LEAST_ONE else 0
            if isinstance(value, int | float) and not (value >= lowest and math.isfinite(value)):
                raise DataError(f"--{one.name} must be at least {lowest}, not {value}")
        for name in ("lr", "warmup_lr"):
            if not getattr(self, name) > 0:
                raise DataError(f"--{name} must be above 0, not {getattr(self, name)}")
        for name in ("beta1", "ema_decay", "test_fraction"):
            if getattr(self, name) >= 1:
                raise DataError(f"--{name} must be below 1, not {getattr(self, name)}")
        if self.unpaired_share > 1:
            raise DataError(f"--unpaired_share must be at most 1, not {self.unpaired_share}")

    def _check_together(self) -> None:
        if self.dataroot and self.dataset:
            raise DataError("--dataroot and --dataset are two data sets: give one of them")
        if not (self.warmup_steps or self.n_epochs or self.n_epochs_decay):
            raise DataError("nothing to train: --warmup_steps, --n_epochs, --n_epochs_decay are 0")
        for name in ("validation_steps", "num_validation_images"):
            if self.lr_policy == "plateau" and not getattr(self, name):
                raise DataError(f"--lr_policy plateau watches the validation, but --{name} is 0")
        if self.grow and not self.weights:
            raise DataError("--grow needs --weights: what is to be made larger")
        if self.gan_mode == "wgangp" and self.norm == "batch":
            raise DataError(
                "--gan_mode wgangp judges each picture by itself, which --norm batch prevents"
            )
        if self.push_to_hub and not REPO_ID.fullmatch(self.hub_model_id):
            given = f", not {self.hub_model_id!r}" if self.hub_model_id else ""
            raise DataError(f"--push_to_hub needs --hub_model_id user/repo{given}")

    @property
    def run_folder(self) -> Path:
        """Where everything of the run is written."""
        return Path(self.output_dir) if self.output_dir else Path(self.checkpoints_dir) / self.name

    @property
    def resume(self) -> str:
        """The checkpoint asked for: `latest`, a folder, or nothing."""
        return self.resume_from_checkpoint or ("latest" if self.continue_train else "")

    def public(self) -> dict[str, Any]:
        """All options but the secret ones, for the run folder and the card."""
        return {
            one.name: getattr(self, one.name) for one in fields(self) if not one.metadata["secret"]
        }
