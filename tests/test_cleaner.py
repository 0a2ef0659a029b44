"""The cleaner's promises: own size, own pixels, never darker, white paper; for any weights."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from sigclean import Letterbox, SignatureCleaner
from sigclean.drawn import draw_signature
from sigclean.errors import ImageError, SigcleanError, WeightsError
from sigclean.runtimes.torch_runtime import choose_device

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Told:
    """A runtime that keeps what it is told to keep."""

    answer: Float
    multiple: int = 1
    takes_cuts: bool = False
    description: str = "told"

    def keep(self, batch: Float) -> Float:
        return np.broadcast_to(self.answer, (len(batch), *batch.shape[2:]))

    def paint(self, batch: Float) -> Float:
        return batch


def told(keep: Image.Image | float, size: int = 512) -> SignatureCleaner:
    """A cleaner that keeps where `keep`, a picture of the input's proportions, is bright."""
    if isinstance(keep, Image.Image):
        keep = np.asarray(Letterbox(size).fit(keep)[0], np.float32) / 255
    return SignatureCleaner(Told(np.float32(keep)), Letterbox(size))


def ink_of(image: Image.Image) -> Image.Image:
    """The mask of a drawn signature, a little generous: L, white on black."""
    dark = image.convert("L").point(lambda level: min(255, 3 * (255 - level)))
    return dark.filter(ImageFilter.MaxFilter(5))


def on_paper(
    image: Image.Image, paper: tuple[int, int, int], shade: float = 0.0, noise: float = 0.0
) -> Image.Image:
    """The picture on tinted paper that gets darker to the right by `shade`, with sensor noise."""
    levels = np.asarray(image, np.float64) / 255 * paper
    levels *= 1 - shade * np.linspace(0, 1, image.width)[None, :, None]
    levels += np.random.default_rng(5).normal(0, noise, levels.shape) if noise else 0
    return Image.fromarray(np.clip(levels, 0, 255).round().astype(np.uint8))


def signature(width: int = 512, height: int = 200, seed: int = 1) -> Image.Image:
    return draw_signature(np.random.default_rng(seed), width, height)


def noisy_signature(width: int = 512, height: int = 200, seed: int = 1) -> Image.Image:
    image = on_paper(signature(width, height, seed), (235, 225, 200), shade=0.2, noise=4)
    draw = ImageDraw.Draw(image)
    draw.line((0, height // 2, width, height // 2), fill=(20, 30, 40), width=max(1, height // 80))
    draw.text((width // 10, height * 3 // 4), "J. Doe, Director", fill=(60, 10, 10))
    return image


def none_darker(result: Image.Image, picture: Image.Image) -> bool:
    return bool((np.asarray(result) >= np.asarray(picture)).all())


# --- the promise -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(512, 200), (90, 140), (1, 1), (3, 700), (1900, 640)])
@pytest.mark.parametrize("weights", ["eraser_weights", "resnet_weights"])
def test_no_pixel_is_darker_whatever_the_weights(
    weights: str, size: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    cleaner = SignatureCleaner.from_pretrained(request.getfixturevalue(weights), device="cpu")
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    for picture in (Image.fromarray(noise), noisy_signature(*size) if min(size) > 50 else None):
        if picture is not None:
            result = cleaner(picture)
            assert (result.mode, result.size) == ("RGB", size)
            assert none_darker(result, picture)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from([1, 4, 32]),
)
def test_no_pixel_is_darker_whatever_is_kept(seed: int, size: tuple[int, int], grain: int) -> None:
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), np.uint8))
    coarse = rng.random((64 // grain, 64 // grain), np.float32)
    keep = np.kron(coarse, np.ones((grain, grain), np.float32))
    assert none_darker(SignatureCleaner(Told(keep), Letterbox(64))(picture), picture)


def test_no_pixel_is_darker_even_when_the_weights_are_not_numbers() -> None:
    picture = noisy_signature(120, 60)
    for value in (np.nan, np.inf, -np.inf):
        assert none_darker(told(value)(picture), picture)


# --- detail from the input ---------------------------------------------------------------------


def test_what_is_kept_on_white_paper_is_the_inputs_own() -> None:
    picture = signature(1500, 600)
    result = np.asarray(told(1.0)(picture)).astype(int)
    own = np.asarray(picture).astype(int)
    ink = own.min(axis=-1) < 225
    assert np.array_equal(result[ink], own[ink])
    assert np.abs(result - own).max() <= 16  # faint fringes may go white


def test_what_is_not_kept_is_white() -> None:
    assert np.asarray(told(0.0)(noisy_signature())).min() == 255


def test_a_large_picture_stays_sharp() -> None:
    """The scan has 3000 pixels, the keep map 512."""
    picture = signature(3000, 1200)
    result = told(ink_of(picture))(picture)
    difference = np.abs(np.asarray(result).astype(int) - np.asarray(picture)).max(axis=-1)
    ink = np.asarray(picture).min(axis=-1) < 225
    assert np.mean(difference[ink] > 10) < 0.01


def test_strokes_end_in_white_on_tinted_and_shaded_paper() -> None:
    truth = signature(1500, 600, seed=3)  # dark ink
    picture = on_paper(truth, (225, 215, 190), shade=0.3, noise=3)
    result = np.asarray(told(ink_of(truth))(picture))
    paper = np.asarray(truth).min(axis=-1) == 255
    assert np.mean(result[paper].min(axis=-1) < 250) < 0.002
    ink = np.asarray(truth).max(axis=-1) < 120
    assert np.mean(np.abs(result[ink].astype(int) - np.asarray(truth)[ink])) < 12


def test_neither_print_nor_a_wide_marker_is_taken_for_paper() -> None:
    """The marker keeps its darkness."""
    truth = Image.new("RGB", (512, 256), "white")
    ImageDraw.Draw(truth).line((60, 128, 450, 128), fill=(30, 30, 90), width=70)
    picture = on_paper(truth, (230, 230, 230))
    draw = ImageDraw.Draw(picture)
    for x in range(0, 512, 12):
        draw.rectangle((x, 10, x + 6, 70), fill="black")
    result = told(ink_of(truth))(picture)
    assert max(result.getpixel((250, 128))[:2]) < 40
    assert result.getpixel((250, 40)) == (255, 255, 255)


# --- raw, transparent, crop --------------------------------------------------------------------


def test_raw_is_the_generators_own_picture_at_the_inputs_size() -> None:
    square = noisy_signature(512, 512)
    assert np.array_equal(told(0.0)(square, raw=True), square)  # this runtime paints its input
    wide = noisy_signature(700, 150)
    raw = told(0.0)(wide, raw=True)
    assert raw.size == wide.size
    assert np.abs(np.asarray(raw).astype(int) - np.asarray(wide)).mean() < 12


def test_transparent_ink_on_white_is_the_result() -> None:
    picture = noisy_signature()
    opaque = told(ink_of(signature()))(picture)
    ink = told(ink_of(signature()))(picture, transparent=True)
    assert (ink.mode, ink.size) == ("RGBA", picture.size)
    white = Image.new("RGBA", ink.size, "white")
    white.alpha_composite(ink)
    difference = np.asarray(white.convert("RGB")).astype(int) - np.asarray(opaque)
    assert np.abs(difference).max() <= 1


def test_paper_is_fully_transparent() -> None:
    ink = told(ink_of(signature()))(noisy_signature(), transparent=True)
    paper = np.asarray(signature()).min(axis=-1) == 255
    assert np.mean(np.asarray(ink)[paper][:, 3] > 0) < 0.02


def test_crop_leaves_the_ink_and_a_margin() -> None:
    picture = Image.new("RGB", (400, 300), "white")
    picture.paste("blue", (100, 50, 200, 90))
    cropped = told(1.0)(picture, crop=True)
    assert (cropped.width, cropped.height) == (112, 52)  # 5 % of 100, and a pixel, on each side
    assert cropped.getpixel((6, 6)) == (0, 0, 255)
    assert cropped.getpixel((5, 5)) == (255, 255, 255)
    assert told(1.0)(picture, crop=True, transparent=True).size == cropped.size


def test_crop_without_ink_leaves_the_whole_picture() -> None:
    assert told(0.0)(noisy_signature(300, 100), crop=True).size == (300, 100)


# --- many pictures -----------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 3, 8])
@pytest.mark.parametrize("options", [{}, {"raw": True}, {"transparent": True}], ids=str)
def test_a_list_equals_its_pictures_one_by_one(
    batch_size: int, options: dict[str, bool], eraser_weights: Path
) -> None:
    cleaner = SignatureCleaner.from_pretrained(eraser_weights, device="cpu")
    sizes = [(512, 200), (60, 90), (300, 300), (40, 500)]
    pictures = [noisy_signature(*size, seed=seed) for seed, size in enumerate(sizes)]
    together = cleaner(pictures, batch_size=batch_size, **options)
    assert isinstance(together, list)
    for picture, result in zip(pictures, together, strict=True):
        assert np.array_equal(result, cleaner(picture, **options))


def test_an_empty_list_gives_an_empty_list() -> None:
    assert told(1.0)([]) == []


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(SigcleanError, match="batch size"):
        told(1.0)([signature()], batch_size=0)


def test_sources_of_every_kind_are_cleaned_upright(tmp_path: Path) -> None:
    picture = signature(300, 120)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    path = tmp_path / "turned.png"
    turned.save(path, exif=exif)
    sources = [path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), picture]
    results = told(1.0)([*sources, np.asarray(picture)])
    assert all(np.array_equal(result, results[0]) for result in results)
    assert results[0].size == (300, 120)


def test_a_broken_picture_is_an_image_error(tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(b"not a picture")
    with pytest.raises(ImageError, match="scan"):
        told(1.0)(tmp_path / "scan.png")


# --- loading -----------------------------------------------------------------------------------


def test_the_keep_map_of_a_picture_generator_is_how_much_darkness_it_left() -> None:
    """A generator that returns its input keeps all; one that returns white, nothing."""
    from sigclean.networks.interface import Generator
    from sigclean.runtimes.torch_runtime import TorchRuntime

    picture = signature(128, 128)
    for answer, expected in (
        (lambda x: x, picture),
        (torch.ones_like, Image.new("RGB", picture.size, "white")),
    ):
        generator = Generator()
        generator.forward = answer
        runtime = TorchRuntime(generator, torch.device("cpu"))
        result = SignatureCleaner(runtime, Letterbox(128))(picture)
        ink = np.asarray(picture).min(axis=-1) < 200
        assert np.array_equal(np.asarray(result)[ink], np.asarray(expected)[ink])


def test_the_size_comes_from_the_weights(eraser_weights: Path, resnet_weights: Path) -> None:
    for weights, size in ((eraser_weights, 256), (resnet_weights, 128)):
        cleaner = SignatureCleaner.from_pretrained(weights, device="cpu")
        assert cleaner.letterbox.size == size


def test_a_missing_weights_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="none"):
        SignatureCleaner.from_pretrained(tmp_path / "none")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is such a device here")
def test_a_device_that_is_not_there_is_an_error_never_a_fallback(eraser_weights: Path) -> None:
    with pytest.raises(SigcleanError, match="cuda"):
        SignatureCleaner.from_pretrained(eraser_weights, device="cuda")


def test_unknown_devices_and_runtimes_are_errors(eraser_weights: Path) -> None:
    with pytest.raises(SigcleanError, match="auto, cpu, cuda, mps"):
        choose_device("gpu")
    with pytest.raises(SigcleanError, match="auto, torch, onnx"):
        SignatureCleaner.from_pretrained(eraser_weights, runtime="tensorflow")
