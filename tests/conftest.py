"""Shared by several test files: small weights, the running demo, a noisy picture."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from demo_server import CHROMIUM, Demo, start_demo
from PIL import ImageDraw

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM_ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
)

# A shell's background job ignores Ctrl-C, and so would what the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def eraser_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder of a small untrained eraser whose keep map takes all values in [0, 1]."""
    arguments = {"widths": (8, 8, 8), "encoder_depths": (1, 1, 1), "decoder_depths": (1, 1)}
    folder = tmp_path_factory.mktemp("eraser")
    return save_untrained("eraser", arguments, 256, 2, folder, spread=2.0)


@pytest.fixture(scope="session")
def resnet_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder of a small untrained ResNet generator, which has no keep map."""
    folder = tmp_path_factory.mktemp("resnet")
    return save_untrained("resnet_6blocks", {"ngf": 4}, 128, 3, folder)


def save_untrained(
    generator: str,
    arguments: dict[str, Any],
    size: int,
    seed: int,
    folder: Path,
    spread: float | None = None,
) -> Path:
    """Save a generator with random weights to a folder; returns the folder.

    Args:
        spread: the standard deviation of the weights of its head; None for the usual one.
    """
    import torch

    from sigclean.model_files.config import ModelConfig
    from sigclean.model_files.weights_folder import save_generator
    from sigclean.networks.build import build_generator

    torch.manual_seed(seed)
    built = build_generator(generator, **arguments)
    if spread is not None:
        torch.nn.init.normal_(built.head.weight, std=spread)
    return save_generator(built, ModelConfig(generator, arguments, size=size), folder)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, eraser_weights: Path) -> Iterator[Demo]:
    """The running demo, for all tests that only look at it."""
    running = start_demo(tmp_path_factory.mktemp("demo"), eraser_weights, "default")
    yield running
    running.stop()


@pytest.fixture
def noisy_file(tmp_path: Path) -> Path:
    """A drawn signature of 640x280 under two ruled lines."""
    from sigclean.drawn import draw_signature

    picture = draw_signature(np.random.default_rng([2, 3]), 640, 280)
    draw = ImageDraw.Draw(picture)
    for y in (90, 170):
        draw.line((0, y, 640, y), fill="black", width=2)
    path = tmp_path / "my scan.png"
    picture.save(path)
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KB, with room for some results."""
    with mounted(tmp_path / "disk", "size=64k") as place:
        yield place


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nobody can write, not even root."""
    with mounted(tmp_path / "read_only", "ro,size=64k") as place:
        yield place


@contextmanager
def mounted(place: Path, options: str) -> Iterator[Path]:
    """Mount a disk in memory at `place`; skips the test where that is not possible."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", place]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium; without one the test is skipped."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("needs chromium on the PATH")
    with sync_playwright() as playwright:
        arguments = CHROMIUM_ARGUMENTS.split()
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    """The page in a window of its own."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.goto(demo.url)
    yield opened
    opened.close()
