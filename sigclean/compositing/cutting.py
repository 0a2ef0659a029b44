"""The part of a result that is kept, its size in pixels, and its ground."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from sigclean.compositing.results import ink_bounds, ink_box, transparent_ink
from sigclean.errors import SigcleanError, TooLargeError
from sigclean.images import MAX_PIXELS
from sigclean.letterbox import Box, stretch

MOST_SIDE = 7000  # pixels that a side may be asked to have: a square has 49 megapixels


@dataclass(frozen=True)
class Cut:
    """The size of a result.

    Attributes:
        crop: cut to the ink, with a margin of a twentieth of its longer side, less at the picture's
            edges; a picture without ink stays whole.
        margin: pixels of the input around the ink on every side, in place of that margin; paper is
            added at the picture's edges.
        width, height: pixels of the result. The ink keeps its shape: what is missing to a width and
            a height is paper. None follows from the other one.
    """

    crop: bool = False
    margin: int | None = None
    width: int | None = None
    height: int | None = None

    def check(self) -> None:
        """Raise SigcleanError if a number is out of range."""
        least = {"margin": 0, "width": 1, "height": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= MOST_SIDE:
                raise SigcleanError(f"a {name} is {low} to {MOST_SIDE} pixels, not {value}")

    def apply(self, clean: Image.Image) -> Image.Image:
        """Cut and resize a clean picture, RGB on white.

        A resolution in `info["dpi"]` is scaled with the pixels, so that strokes keep their true
        size. No pixel gets darker than the darkest one that it shows.

        Raises TooLargeError if a margin makes more than `images.MAX_PIXELS` pixels.
        """
        if self.margin is not None:
            cut = _with_margin(clean, self.margin)
        else:
            cut = clean.crop(ink_box(clean)) if self.crop else clean
        return self._sized(cut) if self.width or self.height else cut

    def _sized(self, image: Image.Image) -> Image.Image:
        room = (self.width or MOST_SIDE, self.height or MOST_SIDE)
        scale = min(room[0] / image.width, room[1] / image.height)
        inner = (_side(image.width, scale, room[0]), _side(image.height, scale, room[1]))
        size = (self.width or inner[0], self.height or inner[1])
        result = Image.new("RGB", size, "white")
        corner = ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2)
        result.paste(stretch(image, inner), corner)
        result.info = dict(image.info)
        if dpi := image.info.get("dpi"):
            result.info["dpi"] = (
                dpi[0] * inner[0] / image.width,
                dpi[1] * inner[1] / image.height,
            )
        return result


def dress(clean: Image.Image, cut: Cut, transparent: bool) -> Image.Image:
    """Cut a clean picture, RGB on white, and make its paper transparent if that is asked for."""
    result = cut.apply(clean)
    return transparent_ink(result) if transparent else result


def check_pixels(box: Box) -> None:
    """Raise TooLargeError if a box with its margin has more pixels than a picture may."""
    width, height = box[2] - box[0], box[3] - box[1]
    if width * height > MAX_PIXELS:
        raise TooLargeError(
            f"with this margin the result has {width}x{height} pixels: "
            f"at most {MAX_PIXELS // 1_000_000} megapixels are made"
        )


def _side(length: int, scale: float, most: int) -> int:
    return min(max(1, round(length * scale)), most)


def _with_margin(image: Image.Image, margin: int) -> Image.Image:
    bounds = ink_bounds(image)
    if bounds is None:
        return image
    left, top, right, bottom = bounds
    box = (left - margin, top - margin, right + margin, bottom + margin)
    check_pixels(box)
    result = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), "white")
    inside = (
        max(box[0], 0),
        max(box[1], 0),
        min(box[2], image.width),
        min(box[3], image.height),
    )
    result.paste(image.crop(inside), (inside[0] - box[0], inside[1] - box[1]))
    result.info = dict(image.info)
    return result
