"""From a keep map at the network's size to a clean picture at the input's own: detail, no halos.

Everything here is NumPy and Pillow on pictures of 8 bits; no network, no weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from sigclean.ink_colour import FOREIGN, OWN, own_share, pen_colour

UInt8 = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float32]

WHITE = 255
KEEP_NONE = 0.1  # of the keep map: below it nothing is kept
KEEP_ALL = 0.35  # and above it everything; smooth between
FLOOR = 0.02  # darkness relative to the paper: up to here it is paper on the cleanest picture
ROUGHNESS_FACTOR = 3.0  # rough paper: its median darkness times this is paper as well ...
FLOOR_MAX = 0.12  # ... up to here, lest pencil goes
RAMP = 2.5  # from RAMP times the floor on, all darkness counts as ink
TILE = 16  # pixels of the network's picture: the paper's level is known per tile of this side
SAMPLES = 8  # per tile and axis
PAPER_QUANTILE = 0.8  # of the brightness in a tile: print and rules cover less than the rest
PAPER_KEEP = 0.1  # what the keep map says of pixels that may be paper is below this
KNOWN = 0.25  # share of such pixels that a tile needs to be believed
BLOCK = 1 << 18  # pixels that are computed at once: fits caches, memory stays flat at 50 megapixels
INK_LEVEL = 225  # darker in any channel is ink when cropping
MARGIN = 0.05  # around the ink when cropping, of the longer side of the ink

_LUMA: Float = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601


def _smoothstep(values: Float, low: float, high: float) -> Float:
    """0 up to `low`, 1 from `high` on, with a level tangent at both."""
    t: Float = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


_STRENGTH = _smoothstep(np.arange(256, dtype=np.float32) / np.float32(255), KEEP_NONE, KEEP_ALL)
"""What share of the ink stays, by level of the keep map."""


def clean_picture(image: Image.Image, square: Image.Image, keep: Image.Image) -> Image.Image:
    """The input's own ink on white paper. No pixel is darker than the input's, in any channel.

    The paper is divided away, so that the soft edges of strokes end in white on tinted or shaded
    paper too; what is then not darker than paper is white, wherever the blurred edge of the
    enlarged keep map may lie.

    Args:
        image: RGB, the input.
        square: RGB, the same picture at the network's scale, without the strips.
        keep: L, of the input's size, 255 where ink is kept.
    """
    paper = paper_levels(square, keep)
    floor = paper_floor(image, paper, keep)
    pen = _pen(square, paper, keep)
    result = np.full((image.height, image.width, 3), WHITE, np.uint8)
    for top, bottom in row_blocks(image.width, image.height):
        box = (0, top, image.width, bottom)
        share = np.asarray(keep.crop(box)).ravel()
        where = np.flatnonzero(share > KEEP_NONE * 255)
        if where.size:
            own = _pixels(image.crop(box), where)
            level = _pixels(paper_rows(paper, image.size, top, bottom), where)
            ink = _keep_ink(own, level, _STRENGTH.take(share.take(where)), floor, pen)
            result[top:bottom].reshape(-1, 3)[where] = ink
    return Image.fromarray(result)


def paper_levels(square: Image.Image, keep: Image.Image) -> Image.Image:
    """The paper's colour, an RGB picture of one pixel per tile; white where none can be seen.

    Ink that is kept is left out, pits of print are filled from around, gradients survive.
    """
    columns, rows = -(-square.width // TILE), -(-square.height // TILE)
    size = (columns * SAMPLES, rows * SAMPLES)
    colours = _tiles(np.asarray(square.resize(size, Image.Resampling.BOX)))
    kept = _tiles(
        np.asarray(keep.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))[..., None]
    )
    level, share = _tile_quantile(colours, kept[..., 0] < PAPER_KEEP * 255)
    level = _fill(level, share >= KNOWN)
    return Image.fromarray(np.rint(_close(level)).astype(np.uint8))


def paper_floor(image: Image.Image, paper: Image.Image, keep: Image.Image) -> float:
    """Up to which darkness relative to the paper a pixel is paper: fibres, sensor noise, JPEG."""
    size = (min(image.width, 256), min(image.height, 256))
    pixels = np.asarray(image.resize(size, Image.Resampling.NEAREST))
    levels = np.asarray(paper.resize(size, Image.Resampling.BILINEAR))
    free = np.asarray(keep.resize(size, Image.Resampling.NEAREST)) < PAPER_KEEP * 255
    if not free.any():
        return FLOOR
    rough = np.abs(1 - pixels[free] / np.maximum(levels[free], 1, dtype=np.float32))
    median = np.median(_across_channels(np.maximum, rough))
    return float(np.clip(ROUGHNESS_FACTOR * median, FLOOR, FLOOR_MAX))


def transparent_ink(image: Image.Image) -> Image.Image:
    """RGBA whose alpha is the ink's darkness; on white it looks like `image`, to a rounding."""
    result = np.zeros((image.height, image.width, 4), np.uint8)
    for top, bottom in row_blocks(image.width, image.height):
        dark = WHITE - np.asarray(image.crop((0, top, image.width, bottom))).reshape(-1, 3)
        alpha = _across_channels(np.maximum, dark)
        where = np.flatnonzero(alpha)
        alpha = alpha.take(where)
        share = dark.take(where, axis=0) / alpha[:, None].astype(np.float32)
        ink = np.column_stack([np.rint(WHITE * (1 - share)), alpha])
        result[top:bottom].reshape(-1, 4)[where] = ink
    return Image.fromarray(result)


def ink_box(image: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (exclusive) of the ink with a margin; all of it without ink."""
    channels = image.split()
    masks = [channel.point([WHITE] * INK_LEVEL + [0] * (256 - INK_LEVEL)) for channel in channels]
    boxes = [box for box in (mask.getbbox() for mask in masks) if box]
    if not boxes:
        return 0, 0, image.width, image.height
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
    margin = 1 + round(MARGIN * max(right - left, bottom - top))
    return (
        max(left - margin, 0),
        max(top - margin, 0),
        min(right + margin, image.width),
        min(bottom + margin, image.height),
    )


def keep_from_pictures(noisy: Float, clean: Float) -> Float:
    """The keep map that a generator without one implies: how much of the darkness it left.

    Args:
        noisy, clean: Nx3xHxW in [-1, 1], a generator's input and output.

    Returns:
        NxHxW in [0, 1]; 0 where the input is paper.
    """
    before, after = _darkness(noisy), _darkness(clean)
    share = np.clip(after / np.maximum(before, FLOOR), 0, 1) * (before > FLOOR)
    return share.astype(np.float32)


def _darkness(pictures: Float) -> Float:
    """Nx3xHxW in [-1, 1] to NxHxW in [0, 1]."""
    luma: Float = np.tensordot(_LUMA, pictures, axes=(0, 1))
    return ((1 - luma) / 2).astype(np.float32, copy=False)


def _pixels(image: Image.Image, where: npt.NDArray[np.intp]) -> UInt8:
    """Nx3: the pixels of an RGB picture with these numbers, counted row by row."""
    return np.asarray(image).reshape(-1, 3).take(where, axis=0)  # a mask would be 10 times slower


def _pen(square: Image.Image, paper: Image.Image, keep: Image.Image) -> Float | None:
    """See `pen_colour`; from a quarter of the pixels of the square, which is enough to tell."""
    size = (-(-square.width // 2), -(-square.height // 2))
    levels = np.asarray(paper.resize(size, Image.Resampling.BILINEAR)).reshape(-1, 3)
    kept = np.asarray(keep.resize(size, Image.Resampling.NEAREST)).ravel()
    own = np.asarray(square.resize(size, Image.Resampling.NEAREST)).reshape(-1, 3)
    return pen_colour(1 - _relative(own, levels), _STRENGTH.take(kept))


def _relative(own: UInt8, paper: UInt8) -> Float:
    """Nx3 in [0, 1]: 1 is paper."""
    return np.minimum(own / np.maximum(paper, 1).astype(np.float32), 1)


def _keep_ink(own: UInt8, paper: UInt8, share: Float, floor: float, pen: Float | None) -> UInt8:
    """The result, Nx3, from the input, its paper, and the share of the ink that is kept (N)."""
    relative = _relative(own, paper)
    if pen is not None:
        share = share * _smoothstep(own_share(1 - relative, pen), FOREIGN, OWN)
    darkest = _across_channels(np.minimum, relative)
    ink = _smoothstep(1 - darkest, floor, RAMP * floor) * share
    lightened = WHITE - (WHITE * (1 - relative)) * ink[:, None]
    return np.maximum(np.rint(lightened).astype(np.uint8), own)


def _across_channels(function: np.ufunc, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """N, from Nx3: np.minimum or np.maximum of the channels, 20 times as fast as min(axis=-1)."""
    red, green, blue = pixels.T
    return function(function(red, green), blue)


def paper_rows(paper: Image.Image, size: tuple[int, int], top: int, bottom: int) -> Image.Image:
    """Rows `top` to `bottom` of the paper enlarged to `size`."""
    scale = paper.height / size[1]
    box = (0.0, top * scale, float(paper.width), bottom * scale)
    return paper.resize((size[0], bottom - top), Image.Resampling.BILINEAR, box=box)


def row_blocks(width: int, height: int) -> Iterator[tuple[int, int]]:
    """Top and bottom (exclusive) of runs of rows with about `BLOCK` pixels each."""
    rows = max(1, BLOCK // width)
    return ((top, min(top + rows, height)) for top in range(0, height, rows))


def _tiles(pixels: UInt8) -> UInt8:
    """(R*SAMPLES)x(C*SAMPLES)xK to RxCx(SAMPLES**2)xK."""
    rows, columns = pixels.shape[0] // SAMPLES, pixels.shape[1] // SAMPLES
    split = pixels.reshape(rows, SAMPLES, columns, SAMPLES, -1).swapaxes(1, 2)
    return split.reshape(rows, columns, SAMPLES**2, -1)


def _tile_quantile(colours: UInt8, free: npt.NDArray[np.bool_]) -> tuple[Float, Float]:
    """Per tile the `PAPER_QUANTILE` of its free pixels (RxCx3) and their share (RxC)."""
    ordered = np.sort(np.where(free[..., None], colours, 0), axis=2)  # the free ones come last
    count = free.sum(axis=2)
    total = free.shape[2]
    index = total - count + np.floor(PAPER_QUANTILE * np.maximum(count - 1, 0)).astype(np.intp)
    index = np.minimum(index, total - 1)[..., None, None]
    level = np.take_along_axis(ordered, index, axis=2)[:, :, 0]
    return level.astype(np.float32), (count / total).astype(np.float32)


def _fill(level: Float, known: npt.NDArray[np.bool_]) -> Float:
    """Give unknown tiles the mean of the known around them, ring by ring; white without any."""
    if not known.any():
        return np.full_like(level, WHITE)
    while not known.all():
        weight = _neighbours(known[..., None].astype(np.float32)).sum(axis=-1)
        mean = _neighbours(level * known[..., None]).sum(axis=-1) / np.maximum(weight, 1)
        level = np.where(known[..., None], level, mean)
        known = known | (weight[..., 0] > 0)
    return level


def _close(level: Float) -> Float:
    """Fill pits up to two tiles wide (bold print), leave gradients, smooth what noise is left."""
    filled = _neighbours(_neighbours(level, "edge").max(axis=-1), "edge").min(axis=-1)
    return _neighbours(filled, "edge").mean(axis=-1)


def _neighbours(grid: Float, pad: Literal["constant", "edge"] = "constant") -> Float:
    """RxCxK to RxCxKx9: each tile with the eight around it."""
    padded = np.pad(grid, ((1, 1), (1, 1), (0, 0)), mode=pad)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return windows.reshape(*grid.shape, 9)
