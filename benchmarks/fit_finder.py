"""Train the network of `sigclean.finding` on drawn pages, on a GPU.

    python benchmarks/fit_finder.py DATA --seconds 400 --workers 8 --output finder.pt

DATA holds `clean/<set>/` (signatures on white; the sets of `finder_sources.WORDS` are words, which
are none), `documents`, `stamps`, `papers` (with cheques and forms) and `fonts`, and if there are
any `noisy` and `truth`: real crops of one signature, and its ink alone under the same names.

Workers make pages all the time; the GPU keeps the last of them, and shows each several times, each
time as another scanner or camera sees it. The learning rate follows the clock, as nobody knows how
many steps there will be. Every eighth file is held out, for the figures that are printed.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
from finder_batches import Batch, loss_of
from finder_network import FinderNetwork
from finder_pool import CANVAS, Crew, Pool, start_crew
from torch import Tensor

from sigclean.arrays import Float
from sigclean.finding.boxes import overlaps
from sigclean.finding.network import decode

EVERY = 30.0  # seconds between two lines of figures
RATE, LAST_RATE, WARM = 2e-3, 1e-5, 150  # learning rates, and steps until the first is reached
DECAY = 0.998  # of the moving average of the weights, for a step
THRESHOLDS = (0.2, 0.3, 0.4, 0.5)


def main() -> None:
    """Train, print figures, save."""
    args = _arguments()
    begin = time.monotonic()
    crew = start_crew(args)
    print(f"workers started, {time.monotonic() - begin:.0f} s", flush=True)
    try:
        train(args, crew, begin)
    finally:
        crew.stop()


def train(args: argparse.Namespace, crew: Crew, begin: float) -> None:
    """Train until the time is over."""
    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    torch.manual_seed(args.seed)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    rng = np.random.default_rng(args.seed)
    model = FinderNetwork().to(device, memory_format=torch.channels_last)
    if args.resume:
        model.load_state_dict(torch.load(args.resume, map_location=device)["ema"])
    ema = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.02)
    pool = Pool(args.pool, device, tuple(args.canvas))
    held_out = Pool(args.held_out, device, tuple(args.canvas))
    while pool.count < args.first or held_out.count < args.held_out:
        take(crew, pool, held_out)
        time.sleep(0.02)
    tests = held_out_batches(held_out)
    started = shown_last = time.monotonic()
    print(
        f"{parameters(model)} parameters; first {pool.count} pages, {started - begin:.0f} s",
        flush=True,
    )
    step, size, sums = 0, args.batch, {}
    while True:
        now = time.monotonic()
        share = (now - started) / max(args.seconds - 8 - (started - begin), 1)
        if now - shown_last > EVERY or share >= 1:
            report(args, ema, tests, step, sums, pool, now - begin)
            shown_last, sums = time.monotonic(), {}
        if share >= 1:
            break
        take(crew, pool, held_out)
        rate = args.rate * min(1.0, (step + 1) / WARM)
        rate = LAST_RATE + (rate - LAST_RATE) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
        for group in optimizer.param_groups:
            group["lr"] = rate
        try:
            parts = one_step(model, optimizer, pool.batch(rng, size))
        except torch.cuda.OutOfMemoryError:
            size = max(size // 2, 2)
            optimizer.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            print(f"out of memory: batches of {size} from now on", flush=True)
            continue
        step += 1
        for name, part in parts.items():
            sums[name] = sums.get(name, 0) + part.detach()
        sums["steps"] = sums.get("steps", 0) + 1
        follow(ema, model, min(DECAY, (1 + step) / (10 + step)))


def one_step(
    model: FinderNetwork, optimizer: torch.optim.Optimizer, batch: Batch
) -> dict[str, Tensor]:
    """Learn from a batch; a gradient that is not finite counts as 0."""
    pages = batch.pages.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cuda", torch.bfloat16, enabled=pages.is_cuda):
        output = model(pages)
    parts = loss_of(output, batch)
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(parts.values())).sum().backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.copy_(torch.where(torch.isfinite(norm), parameter.grad, 0))
    optimizer.step()
    return parts


@torch.no_grad()
def follow(ema: FinderNetwork, model: FinderNetwork, decay: float) -> None:
    """Move the average of the weights towards the weights."""
    own = [value for value in ema.state_dict().values() if value.is_floating_point()]
    new = [value for value in model.state_dict().values() if value.is_floating_point()]
    torch._foreach_lerp_(own, new, 1 - decay)


def take(crew: Crew, pool: Pool, held_out: Pool) -> None:
    """Take the pages that are ready."""
    for is_held_out, *page in crew.taken():
        if not is_held_out:
            pool.add(*page)
        elif held_out.count < len(held_out.pages):
            held_out.add(*page)


def held_out_batches(pool: Pool) -> list[Batch]:
    """Capture the held-out pages once."""
    batches = []
    for wide in (False, True):
        places = torch.from_numpy(np.flatnonzero(pool.wide[: len(pool)] == wide))
        for part in places.split(8):
            one = pool.shown(part, wide)
            batches.append(
                Batch((one.pages * 255).byte(), one.ink, one.boxes.cpu(), one.classes.cpu())
            )
    return batches


def report(
    args: argparse.Namespace, ema: FinderNetwork, tests: list[Batch], step: int, sums: dict,
    pool: Pool, seconds: float,
) -> None:  # fmt: skip
    """Print the losses and the figures of the held-out pages; save the weights."""
    steps = max(sums.pop("steps", 1), 1)
    losses = "  ".join(f"{name} {float(value) / steps:.3f}" for name, value in sums.items())
    figures = measured(ema, tests)
    text = "  ".join(f"{least}: {recall:.1%} {false:.2f}" for least, recall, false in figures)
    print(
        f"{seconds:4.0f} s  step {step}  pages {pool.count}  {losses}  found, false a page  {text}",
        flush=True,
    )
    draft = args.output.with_suffix(".draft")
    torch.save(
        {"ema": ema.state_dict(), "step": step, "pages": pool.count, "figures": figures}, draft
    )
    draft.replace(args.output)


@torch.no_grad()
def measured(model: FinderNetwork, tests: list[Batch]) -> list[tuple[float, float, float]]:
    """For thresholds of the score: the share of signatures found, and false boxes a page."""
    device = next(model.parameters()).device
    pages = signatures = 0
    hits, false = np.zeros(len(THRESHOLDS)), np.zeros(len(THRESHOLDS))
    for batch in tests:
        with torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda"):
            output = model(batch.pages.float() / 255)
        pages += len(output)
        for own, boxes, classes in zip(
            output.float().cpu().numpy(), batch.boxes.numpy(), batch.classes.numpy(), strict=True
        ):
            sight = decode(own)
            signatures += int((classes == 0).sum())
            for place, least in enumerate(THRESHOLDS):
                found = sight.boxes[sight.scores >= least]
                right, wrong = counted(found, boxes[classes == 0], boxes[classes == -2])
                hits[place] += right
                false[place] += wrong
    rows = zip(THRESHOLDS, hits / max(signatures, 1), false / max(pages, 1), strict=True)
    return [(least, float(recall), float(wrong)) for least, recall, wrong in rows]


def counted(found: Float, truths: Float, hidden: Float) -> tuple[int, int]:
    """Count signatures found, and boxes that are of none; each box is one of Nx4."""
    left = list(range(len(truths)))
    wrong = 0
    for box in found:
        shares = overlaps(truths[left], box) if left else np.zeros(1)
        if left and shares.max() > 0.5:
            left.pop(int(shares.argmax()))
        elif not len(hidden) or overlaps(hidden, box).max() < 0.3:
            wrong += 1
    return len(truths) - len(left), wrong


def parameters(model: FinderNetwork) -> int:
    """Count the weights."""
    return sum(parameter.numel() for parameter in model.parameters())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the network that finds signatures.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, default=Path("finder.pt"))
    parser.add_argument("--seconds", type=float, default=420, help="of the whole run")
    parser.add_argument("--workers", type=int, default=5, help="processes that make pages")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pool", type=int, default=1500, help="pages on the GPU, 6.6 MB each")
    parser.add_argument("--first", type=int, default=256, help="pages before the first step")
    parser.add_argument("--held-out", type=int, default=160, help="pages for the figures")
    parser.add_argument("--canvas", type=int, nargs=2, default=CANVAS, help="sides of a batch")
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--resume", type=Path, help="begin with the weights of this file")
    parser.add_argument("--device")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
