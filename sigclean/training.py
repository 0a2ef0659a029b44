"""The training loop: paired warm-up of the cleaner, then CycleGAN, on any number of processes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from sigclean import checkpoints
from sigclean.config import ModelConfig
from sigclean.cyclegan import (
    ImagePool,
    LossWeights,
    Networks,
    discriminator_loss,
    generator_loss,
    warmup_loss,
)
from sigclean.data import Crop, Domains, Sample, SignatureData, StepSampler, stream, to_range
from sigclean.errors import DataError
from sigclean.networks import build_discriminator, build_generator, check_size, init_weights
from sigclean.train_config import TrainConfig
from sigclean.validation import validate
from sigclean.weights_folder import save_generator

WARMUP_RISE = 200  # steps in which the warm-up's rate climbs to its highest


@dataclass
class Run:
    """Everything a step touches."""

    config: TrainConfig
    accelerator: Accelerator
    nets: Networks
    average: AveragedModel  # of G_B
    optimizers: dict[str, Optimizer]
    schedules: dict[str, LRScheduler]
    pools: dict[str, ImagePool]
    model_config: dict[str, ModelConfig]  # of G_A and G_B


def train(config: TrainConfig) -> Path:
    """Train as the options say.

    Returns:
        The weights folder of the cleaner: `<run folder>/G_B`, averaged weights.

    Raises:
        DataError, SigcleanError: data, options or checkpoint cannot be used; nothing was trained.
    """
    accelerator = Accelerator(
        mixed_precision=config.mixed_precision,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        # Batch norm's buffers must not be sent round between two forwards of one backward.
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )
    set_seed(config.seed)
    root = _dataroot(config, accelerator)
    domains = Domains.read(root, "train")
    run = build(config, accelerator, steps_in_epoch(config, domains, accelerator.num_processes))
    if accelerator.is_main_process:
        config.run_folder.mkdir(parents=True, exist_ok=True)
        _write_json(config.run_folder / "config.json", config.public())
    accelerator.wait_for_everyone()
    start = 0
    if config.resume_from_checkpoint:
        checkpoint = checkpoints.find(config.run_folder, config.resume_from_checkpoint)
        start = checkpoints.load(accelerator, checkpoint, run.pools)
    _loop(run, domains, _test_domains(root), start)
    return config.run_folder / "G_B"


def total_steps(config: TrainConfig, epoch: int) -> int:
    """Steps of the whole run, `epoch` being those of one pass over domain B."""
    wanted = config.warmup_steps + (config.n_epochs + config.n_epochs_decay) * epoch
    return min(wanted, config.max_train_steps) if config.max_train_steps else wanted


def steps_in_epoch(config: TrainConfig, domains: Domains, processes: int) -> int:
    """Steps in which all processes together see each picture of B once."""
    pictures = len(domains.pairs) + len(domains.unpaired)
    return math.ceil(pictures / (config.batch_size * processes))


def build(config: TrainConfig, accelerator: Accelerator, epoch: int) -> Run:
    """Networks, optimizers, schedules, pools, average: all on the device and wrapped."""
    models = {
        "G_A": _model_config(config.netG_A, config.ngf_A),
        "G_B": _model_config(config.netG, config.ngf),
    }
    bare = {
        name: build_generator(model.generator, **model.arguments) for name, model in models.items()
    }
    crop = Crop.parse(config.crop_size)
    for generator in bare.values():
        for side in (crop.width or 512, crop.height or 512):
            check_size(generator, side)
    bare |= {name: build_discriminator(config.netD, ndf=config.ndf) for name in ("D_A", "D_B")}
    for name, module in bare.items():
        if not (name == "G_B" and config.warmup_steps):  # a warm-up wants PyTorch's own, larger
            init_weights(module, config.init_type, config.init_gain)
        module.to(memory_format=torch.channels_last)
    average = AveragedModel(
        bare["G_B"], multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay), use_buffers=True
    ).to(accelerator.device)
    nets = Networks(**{name: accelerator.prepare(module) for name, module in bare.items()})
    optimizers = _optimizers(config, nets)
    schedules = _schedules(config, optimizers, epoch)
    # A prepared schedule would step once per process; a registered one is only saved.
    accelerator.register_for_checkpointing(average, *schedules.values())
    pools = {
        name: ImagePool(config.pool_size, seed=config.seed + 1000 * accelerator.process_index + i)
        for i, name in enumerate(("fake_A", "fake_B"))
    }
    prepared = {name: accelerator.prepare(one) for name, one in optimizers.items()}
    return Run(config, accelerator, nets, average, prepared, schedules, pools, models)


def _loop(run: Run, domains: Domains, test: Domains | None, start: int) -> None:
    config, accelerator = run.config, run.accelerator
    end = total_steps(config, steps_in_epoch(config, domains, accelerator.num_processes))
    batches = _batches(run, domains, start, end)
    bar = tqdm(
        total=end, initial=start, unit="step", disable=not accelerator.is_main_process or None
    )
    for step in range(start + 1, end + 1):
        parts = _step(run, next(batches), warmup=step <= config.warmup_steps)
        bar.update()
        if step % config.logging_steps == 0 or step == end:
            _log(run, step, parts, bar)
        if config.validation_steps and (step % config.validation_steps == 0 or step == end):
            _validate(run, step, test)
        if step % config.checkpointing_steps == 0 or step == end:
            checkpoints.save(
                accelerator, config.run_folder, step, {"options": config.public()}, run.pools,
                config.checkpoints_total_limit,
            )  # fmt: skip
            save_weights(run)
    bar.close()


def _batches(run: Run, domains: Domains, start: int, end: int) -> Iterator[Sample]:
    """The warm-up's stream of pairs, then the adversarial stage's of both domains."""
    config, accelerator = run.config, run.accelerator
    stages = [(0, min(config.warmup_steps, end), True), (config.warmup_steps, end, False)]
    for first, last, paired_only in stages:
        if start >= last:
            continue
        data = SignatureData(
            domains,
            Crop.parse(config.crop_size, flip=not config.no_flip),
            config.seed,
            paired_only=paired_only,
            unpaired_share=config.unpaired_share,
        )
        begin = max(start, first)
        sampler = StepSampler(
            config.batch_size, begin, accelerator.process_index, accelerator.num_processes
        )
        batches = stream(data, sampler, config.dataloader_num_workers)
        for _ in range(begin, last):
            yield _to_device(next(batches), accelerator.device)


def _to_device(batch: Sample, device: torch.device) -> Sample:
    """Pictures in [-1, 1], channels last: convolutions on CPUs are a third faster so."""
    moved = {}
    for name, tensor in batch.items():
        tensor = tensor.to(device, non_blocking=True)
        if tensor.dim() == 4:
            tensor = to_range(tensor).contiguous(memory_format=torch.channels_last)
        moved[name] = tensor
    return moved


def _step(run: Run, batch: Sample, warmup: bool) -> dict[str, Tensor]:
    """One batch through the networks that the stage trains; returns the losses by name."""
    nets = run.nets
    with run.accelerator.accumulate(nets.G_A, nets.G_B, nets.D_A, nets.D_B):
        parts = _warmup_step(run, batch) if warmup else _adversarial_step(run, batch)
        if run.accelerator.sync_gradients:
            run.average.update_parameters(run.accelerator.unwrap_model(nets.G_B))
    return parts


def _warmup_step(run: Run, batch: Sample) -> dict[str, Tensor]:
    loss = warmup_loss(run.nets.G_B, batch)
    run.accelerator.backward(loss)
    if run.accelerator.sync_gradients:
        run.accelerator.clip_grad_norm_(run.nets.G_B.parameters(), 1.0)
    _advance(run, "warmup")
    return {"paired": loss.detach()}


def _adversarial_step(run: Run, batch: Sample) -> dict[str, Tensor]:
    config, nets, accelerator = run.config, run.nets, run.accelerator
    _train_mode(run)
    weights = LossWeights(
        config.lambda_A, config.lambda_B, config.lambda_identity, config.lambda_paired
    )
    discriminators = nn.ModuleList([nets.D_A, nets.D_B])
    discriminators.requires_grad_(False)  # else G's adversarial gradient is added to theirs
    loss, parts, made = generator_loss(nets, batch, weights)
    accelerator.backward(loss)
    discriminators.requires_grad_(True)
    for name, network, real, fake in (
        ("D_A", nets.D_A, batch["real_A"], "fake_A"),
        ("D_B", nets.D_B, batch["real_B"], "fake_B"),
    ):
        parts[name] = discriminator_loss(network, real, run.pools[fake].query(made[fake]))
        accelerator.backward(parts[name])
    _advance(run, "G")
    _advance(run, "D")
    return {name: part.detach() for name, part in parts.items()}


def _train_mode(run: Run) -> None:
    """After a warm-up, batch norm keeps its statistics: A, B and generated B differ too much."""
    if not run.config.warmup_steps:
        return
    for module in run.nets.G_B.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _advance(run: Run, name: str) -> None:
    run.optimizers[name].step()
    run.optimizers[name].zero_grad()
    if run.accelerator.sync_gradients:
        run.schedules[name].step()


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
    accumulated = config.gradient_accumulation_steps
    end = total_steps(config, epoch)
    warmup = max(min(config.warmup_steps, end) // accumulated, 1)
    adversarial = max((end - config.warmup_steps) // accumulated, 1)
    constant = adversarial * config.n_epochs / max(config.n_epochs + config.n_epochs_decay, 1)

    def cosine(step: int) -> float:
        rise = min(1.0, (step + 1) / WARMUP_RISE)
        return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(step / warmup, 1))))

    def linear(step: int) -> float:
        return 1 - max(0.0, step - constant) / (adversarial - constant + 1)

    return {
        "warmup": LambdaLR(optimizers["warmup"], cosine),
        "G": LambdaLR(optimizers["G"], linear),
        "D": LambdaLR(optimizers["D"], linear),
    }


def save_weights(run: Run) -> None:
    """The generators as weights folders, G_B averaged; only the main process writes."""
    if not run.accelerator.is_main_process:
        return
    folder = run.config.run_folder
    save_generator(run.average.module, run.model_config["G_B"], folder / "G_B")
    bare = run.accelerator.unwrap_model(run.nets.G_A)
    save_generator(bare, run.model_config["G_A"], folder / "G_A")


def _model_config(name: str, ngf: int) -> ModelConfig:
    return ModelConfig(name, {} if name == "eraser" else {"ngf": ngf})


def _log(run: Run, step: int, parts: dict[str, Tensor], bar: tqdm) -> None:
    if not run.accelerator.is_main_process:
        return
    values = {name: round(float(value), 4) for name, value in parts.items()}
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    if broken:
        raise DataError(
            f"the loss {broken[0]} is {values[broken[0]]} at step {step}: "
            "lower the learning rate and resume from the last checkpoint"
        )
    bar.set_postfix(values)
    _append(run.config.run_folder / "log.jsonl", {"step": step, **values})


def _validate(run: Run, step: int, test: Domains | None) -> None:
    if not run.accelerator.is_main_process or test is None:
        return
    samples = run.config.run_folder / "samples" / f"{step:08d}.png"
    figures = validate(
        run.average.module, test, run.config.num_validation_images, run.accelerator.device, samples
    )
    _append(run.config.run_folder / "log.jsonl", {"step": step, **figures})
    tqdm.write(f"step {step}: " + ", ".join(f"{name} {value}" for name, value in figures.items()))


def _append(path: Path, record: dict) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _test_domains(root: Path) -> Domains | None:
    """The held-out side, if it has pairs."""
    try:
        test = Domains.read(root, "test")
    except DataError:
        return None
    return test if test.pairs else None


def _dataroot(config: TrainConfig, accelerator: Accelerator) -> Path:
    """The data set named, or one of drawn signatures made in the run folder."""
    if config.dataroot:
        return Path(config.dataroot)
    from sigclean.prepare import Recipe, prepare

    root = config.run_folder / "data"
    if accelerator.is_main_process:
        prepare(None, root, Recipe(seed=config.seed), drawn=config.drawn)
    accelerator.wait_for_everyone()
    return root
