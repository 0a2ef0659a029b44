"""The training loop: paired warm-up of the cleaner, then CycleGAN, on any number of processes."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor
from tqdm import tqdm

from sigclean.errors import DataError, SigcleanError
from sigclean.training import checkpoints
from sigclean.training.building import build, check, make_accelerator, steps_in_epoch, total_steps
from sigclean.training.data import (
    Crop,
    Domains,
    Sample,
    SignatureData,
    StepSampler,
    stream,
    to_range,
)
from sigclean.training.options import TrainConfig
from sigclean.training.steps import Run, train_step
from sigclean.training.validation import validate
from sigclean.weights_folder import save_generator


def train(config: TrainConfig) -> Path:
    """Train as the options say.

    Returns:
        The weights folder of the cleaner: `<run folder>/G_B`, averaged weights.

    Raises:
        SigcleanError: options, data or checkpoint cannot be used, which is found before anything
            is trained; or memory ends, or a loss is no number any more.
    """
    check(config)
    accelerator = make_accelerator(config)
    checkpoint = _checkpoint(config, accelerator.num_processes)
    set_seed(config.seed)
    root = _dataroot(config, accelerator)
    domains = Domains.read(root, "train")
    run = build(config, accelerator, domains)
    if accelerator.is_main_process:
        config.run_folder.mkdir(parents=True, exist_ok=True)
        _write_json(config.run_folder / "config.json", {**config.public(), "dataroot": str(root)})
    accelerator.wait_for_everyone()
    start = checkpoints.load(accelerator, checkpoint, run.pools) if checkpoint else 0
    try:
        _loop(run, domains, _test_domains(run, root, domains.size), start)
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "not enough memory" not in str(error):
            raise
        raise SigcleanError("out of memory: lower --batch_size, --crop_size or --ngf_A") from error
    accelerator.end_training()
    return config.run_folder / "G_B"


def save_weights(run: Run) -> None:
    """The generators as weights folders, G_B averaged; only the main process writes."""
    if not run.accelerator.is_main_process:
        return
    folder = run.config.run_folder
    save_generator(run.average.module, run.model_config["G_B"], folder / "G_B")
    bare = run.accelerator.unwrap_model(run.nets.G_A)
    save_generator(bare, run.model_config["G_A"], folder / "G_A")


def _checkpoint(config: TrainConfig, processes: int) -> Path | None:
    """What to resume from. Raises DataError if it cannot be, or if an earlier run would be lost."""
    if config.resume_from_checkpoint:
        checkpoint = checkpoints.find(config.run_folder, config.resume_from_checkpoint)
        checkpoints.check(checkpoint, processes, config.public())
        return checkpoint
    if checkpoints.checkpoints(config.run_folder):
        raise DataError(
            f"{config.run_folder} holds checkpoints of an earlier run: "
            "go on with --resume_from_checkpoint latest, or give another --name or --output_dir"
        )
    return None


def _loop(run: Run, domains: Domains, test: Domains | None, start: int) -> None:
    config, accelerator = run.config, run.accelerator
    end = total_steps(config, steps_in_epoch(config, domains, accelerator.num_processes))
    batches = _batches(run, domains, start, end)
    bar = tqdm(
        total=end, initial=start, unit="step", disable=not accelerator.is_main_process or None
    )
    for step in range(start + 1, end + 1):
        parts = train_step(run, batches, warmup=step <= config.warmup_steps)
        bar.update()
        due = step % config.checkpointing_steps == 0 or step == end
        if step % config.logging_steps == 0 or due:
            _log(run, step, parts, bar)
        if config.validation_steps and (step % config.validation_steps == 0 or step == end):
            _validate(run, step, test)
        if due:
            checkpoints.save(
                accelerator, config.run_folder, step, config.public(), run.pools,
                config.checkpoints_total_limit,
            )  # fmt: skip
            save_weights(run)
    bar.close()


def _batches(run: Run, domains: Domains, start: int, end: int) -> Iterator[Sample]:
    """The warm-up's stream of pairs, then the adversarial stage's of both domains."""
    config, accelerator = run.config, run.accelerator
    per_step = config.gradient_accumulation_steps
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
            config.batch_size, begin * per_step, accelerator.process_index,
            accelerator.num_processes,
        )  # fmt: skip
        batches = stream(data, sampler, config.dataloader_num_workers)
        for _ in range((last - begin) * per_step):
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


def _log(run: Run, step: int, parts: dict[str, Tensor], bar: tqdm) -> None:
    """Raises SigcleanError if a loss is no number: nothing is saved of such weights."""
    values = {name: round(float(value), 4) for name, value in parts.items()}
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    if broken:
        raise SigcleanError(
            f"the loss {broken[0]} is {values[broken[0]]} at step {step}: "
            "lower the learning rate and resume from the last checkpoint"
        )
    if run.accelerator.is_main_process:
        bar.set_postfix(values)
        _append(run.config.run_folder / "log.jsonl", {"step": step, **values})


def _validate(run: Run, step: int, test: Domains | None) -> None:
    """On the main process alone: it calls the average, which no other process waits for."""
    if not run.accelerator.is_main_process or test is None:
        return
    samples = run.config.run_folder / "samples" / f"{step:08d}.png"
    figures = validate(
        run.average.module, test, run.config.num_validation_images, run.accelerator.device, samples
    )
    if not figures:
        return
    _append(run.config.run_folder / "log.jsonl", {"step": step, **figures})
    shown = ", ".join(f"{name} {value}" for name, value in figures.items())
    tqdm.write(f"step {step}: {shown}", file=sys.stderr)


def _append(path: Path, record: dict) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _test_domains(run: Run, root: Path, size: int) -> Domains | None:
    """The held-out side, if it has pairs. Raises DataError if its pictures are of another size."""
    try:
        test = Domains.read(root, "test")
    except DataError as error:
        if run.accelerator.is_main_process and run.config.validation_steps:
            tqdm.write(f"no validation: {error}", file=sys.stderr)
        return None
    if test.size != size:
        raise DataError(
            f"{root}: the training pictures are of {size} pixels, the test's of {test.size}"
        )
    return test if test.pairs else None


def _dataroot(config: TrainConfig, accelerator: Accelerator) -> Path:
    """The data set named, or one of drawn signatures made in the run folder."""
    if config.dataroot:
        return Path(config.dataroot)
    from sigclean.prepare import Recipe, prepare

    root = config.run_folder / "data"
    if accelerator.is_main_process:
        prepare(
            None,
            root,
            Recipe(seed=config.seed),
            drawn=config.drawn,
            workers=os.cpu_count() or 1,
            progress=sys.stderr.isatty(),
        )
    accelerator.wait_for_everyone()
    return root
