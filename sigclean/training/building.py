"""Everything that a run of training needs, built from its options and checked before it begins."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, GradientAccumulationPlugin
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sigclean.config import ModelConfig
from sigclean.cyclegan import Networks
from sigclean.errors import SigcleanError
from sigclean.image_pool import ImagePool
from sigclean.networks import build_discriminator, build_generator, check_size, init_weights
from sigclean.training.data import Crop, Domains
from sigclean.training.options import TrainConfig
from sigclean.training.steps import Run

WARMUP_RISE = 200  # steps in which the warm-up's rate climbs to its highest; a fifth if it is short


def check(config: TrainConfig, size: int = 0) -> None:
    """Raises SigcleanError for networks that do not exist or cannot take pictures of this size.

    Args:
        size: pixels, side of the data set's squares; 0 while it is not known.
    """
    crop = Crop.parse(config.crop_size)
    width, height = crop.within(size) if size else (crop.width, crop.height)
    with torch.device("meta"):  # no memory, no arithmetic
        nets = _bare(config, size or 512)
        if not width:
            return
        try:
            nets["D_A"](torch.empty(1, 3, height, width))
        except (RuntimeError, ValueError) as error:
            raise SigcleanError(
                f"--crop_size {width}x{height} is too small for the discriminator {config.netD}"
            ) from error
    for side in (width, height):
        check_size(nets["G_A"], side)
        check_size(nets["G_B"], side)
    if size:
        check_size(nets["G_B"], size)


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Raises SigcleanError for a precision that the device does not have."""
    try:
        return Accelerator(
            mixed_precision=config.mixed_precision or None,
            gradient_accumulation_plugin=GradientAccumulationPlugin(
                num_steps=config.gradient_accumulation_steps
            ),
            # Batch norm's buffers must not be sent round between two forwards of one backward.
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
        )
    except ValueError as error:
        raise SigcleanError(f"--mixed_precision {config.mixed_precision}: {error}") from error


def build(config: TrainConfig, accelerator: Accelerator, domains: Domains) -> Run:
    """Networks, optimizers, schedules, pools, average: all on the device and wrapped.

    Raises SigcleanError if the networks cannot take the pictures.
    """
    check(config, domains.size)
    bare = _bare(config, domains.size)
    for name, module in bare.items():
        if not (name == "G_B" and config.warmup_steps):  # a warm-up wants PyTorch's own, larger
            init_weights(module, config.init_type, config.init_gain)
        module.to(memory_format=torch.channels_last)
        _mend_instance_norms(module)
    average = AveragedModel(
        bare["G_B"], multi_avg_fn=_moving_average(config.ema_decay), use_buffers=True
    ).to(accelerator.device)
    with warnings.catch_warnings():  # torch 2.13 renames broadcast_buffers; 2.8 knows no other name
        warnings.filterwarnings("ignore", "`broadcast_buffers`", FutureWarning)
        nets = Networks(**{name: accelerator.prepare(module) for name, module in bare.items()})
    optimizers = _optimizers(config, nets)
    epoch = steps_in_epoch(config, domains, accelerator.num_processes)
    schedules = _schedules(config, optimizers, epoch)
    # A prepared schedule would step once per process; a registered one is only saved.
    accelerator.register_for_checkpointing(average, *schedules.values())
    pools = {
        name: ImagePool(config.pool_size, seed=config.seed + 1000 * accelerator.process_index + i)
        for i, name in enumerate(("fake_A", "fake_B"))
    }
    prepared = {name: accelerator.prepare(one) for name, one in optimizers.items()}
    models = _model_configs(config, domains.size)
    return Run(config, accelerator, nets, average, prepared, schedules, pools, models)


def total_steps(config: TrainConfig, epoch: int) -> int:
    """Steps of the whole run, `epoch` being those of one pass over domain B."""
    wanted = config.warmup_steps + (config.n_epochs + config.n_epochs_decay) * epoch
    return min(wanted, config.max_train_steps) if config.max_train_steps else wanted


def steps_in_epoch(config: TrainConfig, domains: Domains, processes: int) -> int:
    """Steps in which all processes together see as many pictures as B has."""
    pictures = len(domains.pairs) + len(domains.unpaired)
    return math.ceil(
        pictures / (config.batch_size * config.gradient_accumulation_steps * processes)
    )


def _model_configs(config: TrainConfig, size: int) -> dict[str, ModelConfig]:
    named = {"G_A": (config.netG_A, config.ngf_A), "G_B": (config.netG, config.ngf)}
    return {
        key: ModelConfig(name, {} if name == "eraser" else {"ngf": ngf}, size=size)
        for key, (name, ngf) in named.items()
    }


def _bare(config: TrainConfig, size: int) -> dict[str, nn.Module]:
    """The four networks. Raises SigcleanError for names that do not exist."""
    generators = {
        name: build_generator(model.generator, **model.arguments)
        for name, model in _model_configs(config, size).items()
    }
    judges = {name: build_discriminator(config.netD, ndf=config.ndf) for name in ("D_A", "D_B")}
    return generators | judges


def _mend_instance_norms(module: nn.Module) -> None:
    """Hand them gradients that are contiguous.

    For a batch of one on a CPU, PyTorch (measured: 2.15) reads a channels-last gradient as if
    it were contiguous, and gives back another one without a word.
    """

    def watch(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(Tensor.contiguous)

    for layer in module.modules():
        if isinstance(layer, nn.InstanceNorm2d):
            layer.register_forward_hook(watch)


def _moving_average(decay: float) -> Callable[..., None]:
    """Of `decay` in the long run; at first of the steps there were, not of the first weights."""

    def update(averages: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        ramped = min(decay, (1 + int(count)) / (10 + int(count)))
        get_ema_multi_avg_fn(ramped)(averages, current, count)

    return update


def _optimizers(config: TrainConfig, nets: Networks) -> dict[str, Optimizer]:
    betas = (config.beta1, 0.999)
    return {
        "warmup": AdamW(nets.G_B.parameters(), config.warmup_lr, weight_decay=1e-2),
        "G": Adam([*nets.G_A.parameters(), *nets.G_B.parameters()], config.lr, betas),
        "D": Adam([*nets.D_A.parameters(), *nets.D_B.parameters()], config.lr, betas),
    }


def _schedules(
    config: TrainConfig, optimizers: dict[str, Optimizer], epoch: int
) -> dict[str, LRScheduler]:
    """Warm-up: rise, then a cosine to a hundredth. CycleGAN: constant, then linear to 0."""
    end = total_steps(config, epoch)
    warmup = max(min(config.warmup_steps, end), 1)
    adversarial = max(end - config.warmup_steps, 1)
    constant = adversarial * config.n_epochs / max(config.n_epochs + config.n_epochs_decay, 1)
    climb = min(WARMUP_RISE, math.ceil(warmup / 5))

    def cosine(step: int) -> float:
        rise = min(1.0, (step + 1) / climb)
        return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(step / warmup, 1))))

    def linear(step: int) -> float:
        return 1 - max(0.0, step - constant) / (adversarial - constant + 1)

    return {
        "warmup": LambdaLR(optimizers["warmup"], cosine),
        "G": LambdaLR(optimizers["G"], linear),
        "D": LambdaLR(optimizers["D"], linear),
    }
