"""The options of training: command line, YAML file, run folder and card all follow one dataclass.

Names are those of the original PyTorch CycleGAN (junyanz/pytorch-CycleGAN-and-pix2pix), or those
that Hugging Face users know; docs/training.md maps both.
"""

import math
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from sigclean.errors import DataError
from sigclean.hub.client import REPO_ID

AT_LEAST_ONE = frozenset((
    "batch_size", "gradient_accumulation_steps", "checkpointing_steps", "logging_steps",
    "ngf", "ngf_A", "ndf", "n_layers_D", "drawn", "epoch_count", "lr_decay_iters", "ddp_timeout",
))  # fmt: skip
CHOICES = {
    "recipe": ("", "finetune", "adapt", "scratch", "cyclegan"),
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


def _option(group: str, default: Any, help: str, *, secret: bool = False) -> Any:
    """A field with its text for `--help`; the value of a secret one is never written down."""
    return field(default=default, metadata={"help": help, "group": group, "secret": secret})


(
    _recipe, _data, _pictures, _noise, _networks, _length, _optimization, _losses, _speed, _run,
    _watching, _hub,
) = (
    partial(_option, group)
    for group in ("recipe", "data", "pictures", "noise", "networks", "length", "optimization",
                  "losses", "speed", "run", "watching", "Hub")
)  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """All options of a run; defaults are the original's where it has the option."""

    # recipe
    recipe: str = _recipe("", "what sets the other options: finetune (the default: from the "
                          "packaged weights, on pairs), adapt (from scans alone), scratch (new "
                          "weights), or cyclegan (the original method); options that are given "
                          "win")  # fmt: skip
    adapt: str = _recipe("", "folder of scans of the documents to adapt to, without clean "
                         "versions; sets --recipe adapt")  # fmt: skip
    # data
    dataroot: str = _data("", "folder with trainA, trainB (testA, testB), or of clean pictures "
                          "alone, on which noise is then made on the fly")  # fmt: skip
    dataset: str = _data("", "in place of --dataroot: a Hub dataset user/repo, or a local one")
    dataset_config: str = _data("", "configuration of --dataset")
    dataset_split: str = _data("train", "split of --dataset")
    streaming: bool = _data(False, "read --dataset while training, for sets larger than the disk")
    clean_column: str = _data("", "column of --dataset with clean pictures; the first if empty")
    noisy_column: str = _data("", "column of --dataset with noisy pictures of the same signatures")
    drawn: int = _data(400, "number of signatures that sigclean draws itself, if no data are given")
    noisy: str = _data("", "folder of real noisy pictures, used in addition to noise on the fly")
    direction: str = _data("AtoB", "AtoB, or BtoA where trainB holds the clean pictures")
    serial_batches: bool = _data(False, "take pictures in order, not at random")
    max_dataset_size: int = _data(0, "use at most this many pictures of each domain; 0 = all")
    unpaired_share: float = _data(0.2, "where domain B has noisy pictures without a known clean "
                                  "one, at least this share of its samples is drawn from them, "
                                  "from 0 to 1")  # fmt: skip
    test_fraction: float = _data(
        0.1, "share of the signatures kept for validation, if clean pictures alone are given"
    )
    max_bad_files: int = _data(10, "broken files that are skipped before the run stops")
    dataloader_num_workers: int = _data(1, "processes that read pictures")
    # pictures
    size: int = _pictures(0, "side in pixels of the square that the cleaner works at; 0 = that of "
                          "the data set's squares, else 512")  # fmt: skip
    preprocess: str = _pictures("letterbox", "letterbox: fit each picture into a square of "
                                "--load_size, then cut --crop_size from it; crop: cut without "
                                "scaling; none: pictures as they are")  # fmt: skip
    load_size: int = _pictures(0, "side in pixels of the square that training pictures are fitted "
                               "into; 0 = --size")  # fmt: skip
    crop_size: str = _pictures("256", "pixels that one training sample shows of that square: 256, "
                               "512x256 (width x height), or 0 = all; at most "
                               "--load_size")  # fmt: skip
    no_flip: bool = _pictures(False, "do not mirror pictures")
    # noise
    noise: str = _noise("all", "noise made on the fly: all, a mix, or families joined by commas: "
                        "seed, paper, cheque, document, form, rules, text, stamp, frame, office, "
                        "dirt, scan, photo, colour, turned, bars")  # fmt: skip
    unsigned_share: float = _noise(0.0, "share of the pictures with noise made on the fly that "
                                   "show the noise without a signature, from 0 to 1; they teach "
                                   "to erase all of it")  # fmt: skip
    fonts: str = _noise("", "folder of fonts; the system's if empty")
    documents: str = _noise("", "folder of scanned pages without signatures")
    papers: str = _noise("", "folder of pictures of papers and blank cheques")
    stamps: str = _noise("", "folder of pictures of stamps, on transparent or white paper")
    # networks
    weights: str = _networks("", "start G_B from a weights folder, user/repo or `default`; it "
                             "decides --netG")  # fmt: skip
    grow: bool = _networks(False, "make the eraser of --weights as large as a new one is, without "
                           "changing what it does")  # fmt: skip
    freeze_norms: bool = _networks(False, "keep the statistics of the batch norms of --weights, "
                                   "in the warm-up as well")  # fmt: skip
    netG: str = _networks("eraser", "generator G_B, the cleaner: eraser, resnet_9blocks, "
                          "resnet_6blocks, unet_256 or unet_128")  # fmt: skip
    netG_A: str = _networks("unet_256", "generator G_A, which adds noise; choices as for --netG")
    netD: str = _networks("basic", "discriminators: basic, n_layers or pixel")
    ngf: int = _networks(64, "width of a resnet or unet G_B")
    ngf_A: int = _networks(64, "width of G_A")
    ndf: int = _networks(64, "width of the discriminators")
    n_layers_D: int = _networks(3, "strided layers of --netD n_layers")
    norm: str = _networks("", "instance, batch or none; each network's own if empty")
    dropout: bool = _networks(False, "use dropout in resnet and unet generators")
    init_type: str = _networks("normal", "initial weights: normal, xavier, kaiming or orthogonal")
    init_gain: float = _networks(0.02, "scale of the initial weights")
    # length
    batch_size: int = _length(1, "pictures per process and batch")
    gradient_accumulation_steps: int = _length(1, "batches per step")
    warmup_steps: int = _length(0, "number of first steps, in which G_B is trained alone, on pairs")
    n_epochs: int = _length(100, "epochs at the full learning rate")
    n_epochs_decay: int = _length(100, "epochs over which the learning rate falls to 0")
    max_train_steps: int = _length(0, "end after this many steps, warm-up included; 0 = all epochs")
    max_train_seconds: int = _length(0, "end after the step in which so many seconds have passed "
                                     "since training began; 0 = never")  # fmt: skip
    epoch_count: int = _length(1, "number of the first epoch of a new run")
    # optimization
    lr: float = _optimization(2e-4, "Adam's learning rate")
    beta1: float = _optimization(0.5, "Adam's momentum")
    lr_policy: str = _optimization("linear", "course of the learning rate: linear, step, plateau "
                                   "or cosine")  # fmt: skip
    lr_decay_iters: int = _optimization(50, "with --lr_policy step: epochs after which the "
                                        "learning rate falls to a tenth, again and "
                                        "again")  # fmt: skip
    warmup_lr: float = _optimization(2e-3, "AdamW's highest learning rate in the warm-up")
    max_grad_norm: float = _optimization(0.0, "clip the gradients of each optimizer to this norm; "
                                         "0 = to 1 in the warm-up, not at all after "
                                         "it")  # fmt: skip
    ema_decay: float = _optimization(0.998, "share that the moving average of the generators' "
                                     "weights keeps at each step; the averages are what is saved "
                                     "as G_A and G_B, and 0 saves the last weights")  # fmt: skip
    # losses
    gan_mode: str = _losses("lsgan", "adversarial loss: lsgan, vanilla, wgangp or hinge")
    pool_size: int = _losses(50, "generated pictures kept for the discriminators")
    lambda_A: float = _losses(10.0, "weight of the cycle A to B to A")
    lambda_B: float = _losses(10.0, "weight of the cycle B to A to B")
    lambda_identity: float = _losses(
        0.5, "weight of the identity loss, relative to --lambda_A and --lambda_B"
    )
    lambda_paired: float = _losses(0.0, "weight of the loss on pairs; 0 = pure CycleGAN")
    # speed
    mixed_precision: str = _speed("", "no, fp16 or bf16; empty = as the launcher was told")
    compile: bool = _speed(False, "torch.compile the networks")
    channels_last: bool = _speed(True, "store pictures and weights in the channels-last memory "
                                 "format")  # fmt: skip
    cuda_graphs: bool = _speed(False, "on one GPU, record each pass of a step once and repeat it, "
                               "which saves the launches of its operators")  # fmt: skip
    seed: int = _speed(0, "seed of weights, order, crops, noise and pools")
    deterministic: bool = _speed(False, "let GPUs use deterministic algorithms alone, which are "
                                 "slower, so that a run can be repeated bit by bit; on a CPU every "
                                 "run can")  # fmt: skip
    # run
    name: str = _run("sigclean", "name of the run folder, CHECKPOINTS_DIR/NAME")
    checkpoints_dir: str = _run("checkpoints", "folder of run folders")
    output_dir: str = _run("", "the run folder itself, in place of --checkpoints_dir and --name")
    checkpointing_steps: int = _run(1000, "steps between checkpoints")
    checkpoints_total_limit: int = _run(2, "checkpoints kept; 0 = all")
    resume_from_checkpoint: str = _run("", "latest, or a checkpoint folder")
    continue_train: bool = _run(False, "the same as --resume_from_checkpoint latest")
    ddp_timeout: int = _run(1800, "seconds that a process waits for the others before it gives up")
    # watching
    report_to: str = _watching("none", "tracker: tensorboard, wandb or none")
    logging_steps: int = _watching(50, "steps between lines of the log")
    validation_steps: int = _watching(1000, "steps between validations; 0 = never")
    num_validation_images: int = _watching(64, "pairs of the test side to measure on")
    # Hub
    push_to_hub: bool = _hub(False, "upload G_B with its card")
    hub_model_id: str = _hub("", "repository to upload to, user/repo")
    hub_revision: str = _hub("", "branch to upload to, created if it does not exist; main if empty")
    hub_private_repo: bool = _hub(False, "make a new repository private")
    hub_token: str = _hub("", "Hub token; empty = the one that `hf auth login` stored", secret=True)
    hub_strategy: str = _hub("end", "upload at the end, or with checkpoint at each checkpoint, too")
    hub_onnx: bool = _hub(True, "at the end make G_B/model.onnx, which serves without PyTorch; it "
                          "is uploaded with the rest")  # fmt: skip
    hub_license: str = _hub("", "licence of the weights, as the Hub names it: apache-2.0")
    hub_samples: bool = _hub(True, "show validation pictures in the card")

    def __post_init__(self) -> None:
        """Raises DataError for invalid values; networks are checked when they are built."""
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
        for name in ("unpaired_share", "unsigned_share"):
            if getattr(self, name) > 1:
                raise DataError(f"--{name} must be at most 1, not {getattr(self, name)}")

    def _check_together(self) -> None:
        if self.dataroot and self.dataset:
            raise DataError("--dataroot and --dataset are two data sets: give one of them")
        if not (self.warmup_steps or self.n_epochs or self.n_epochs_decay):
            raise DataError("nothing to train: --warmup_steps, --n_epochs, --n_epochs_decay are 0")
        for name in ("validation_steps", "num_validation_images"):
            if self.lr_policy == "plateau" and not getattr(self, name):
                raise DataError(f"--lr_policy plateau watches the validation, but --{name} is 0")
        self._check_recipe()
        if self.freeze_norms and not self.weights:
            raise DataError("--freeze_norms needs --weights, which have statistics to keep")
        if self.grow and not self.weights:
            raise DataError("--grow needs --weights, the eraser to make larger")
        if self.gan_mode == "wgangp" and self.norm == "batch":
            raise DataError(
                "--gan_mode wgangp judges each picture by itself, which --norm batch prevents"
            )
        if self.push_to_hub and not REPO_ID.fullmatch(self.hub_model_id):
            given = f", not {self.hub_model_id!r}" if self.hub_model_id else ""
            raise DataError(f"--push_to_hub needs --hub_model_id user/repo{given}")

    def _check_recipe(self) -> None:
        if self.recipe == "adapt" and not self.adapt:
            raise DataError("--recipe adapt needs --adapt, the folder of scans")
        if not self.adapt:
            return
        if self.recipe not in ("", "adapt"):
            raise DataError(f"--adapt goes with --recipe adapt, not {self.recipe}")
        for name, value in (("dataset", self.dataset), ("noisy", self.noisy)):
            if value:
                raise DataError(f"--adapt takes the place of --{name}: leave that out")
        if not self.weights:
            raise DataError("--adapt needs --weights, the model to adapt: default, for example")
        if self.grow:
            raise DataError("--adapt blends the new weights with the old: leave --grow out")
        if self.num_validation_images < 2:
            raise DataError(
                "--adapt is judged on held-out pairs of two kinds: --num_validation_images "
                "must be at least 2"
            )

    @property
    def run_folder(self) -> Path:
        """The folder that everything of the run is written to."""
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
