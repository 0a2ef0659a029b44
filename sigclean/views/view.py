"""The part of an input that the network is shown."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageChops

from sigclean.arrays import Float
from sigclean.compositing.ink_colour import AUTO
from sigclean.letterbox import Box, Placement
from sigclean.views.inversion import is_black, is_inverted
from sigclean.views.padding import picture_box


@dataclass(frozen=True)
class Reading:
    """The way in which an input is read.

    Attributes:
        size: width and height of the input.
        box: the part of it without flat dark strips at its edges, see `padding`.
        inverted: its ink is bright, so its levels are inverted, see `inversion`.
        pen: the colour of the pen, see `SignatureCleaner.__call__`.
        dpi: the input's dots per inch, across and down, if it states them.
    """

    size: tuple[int, int]
    box: Box
    inverted: bool = False
    pen: str = AUTO
    dpi: tuple[float, float] | None = None

    def whole(self, part: Image.Image, ground: int | str = "white") -> Image.Image:
        """Put a picture of the size of `box` back into its place in the input."""
        if part.size == self.size:
            return part
        whole = Image.new(part.mode, self.size, ground)
        whole.paste(part, self.box)
        return whole


@dataclass(frozen=True)
class View:
    """A picture, and the part of the letterbox's square that the network is shown of it.

    Attributes:
        image: the picture inside the input's dark strips, RGB, at its own size, with dark ink.
        inner: its copy in the square, RGB; for a page cleaned in windows, the page at their scale.
        placement: the place of `inner` in the square.
        corner: left and top of `inner` in `shown`.
        shown: 3xHxW float32 in [-1, 1]: `inner` with some of the black strips; empty (3x0x0) for a
            page.
        reading: the way from the input to `image`.
        window: the side in pixels of the windows that a page is cleaned in; None for no page.
    """

    image: Image.Image
    inner: Image.Image
    placement: Placement
    corner: tuple[int, int]
    shown: Float
    reading: Reading
    window: int | None = None

    def within(self, result: Float) -> Float:
        """Crop an array laid out like `shown` (...xHxW) to the picture, without the strips."""
        left, top = self.corner
        return result[..., top : top + self.inner.height, left : left + self.inner.width]

    def whole(self, result: Image.Image) -> Image.Image:
        """Put a result of the size of `image` into its place in the input; `info` then has
        `inverted`, `window` and `dpi` as far as they apply."""
        whole = self.reading.whole(result)
        if self.reading.inverted:
            whole.info["inverted"] = True
        if self.window:
            whole.info["window"] = self.window
        if self.reading.dpi:
            whole.info["dpi"] = self.reading.dpi
        return whole


def read_picture(
    image: Image.Image, invert: str = "auto", pen: str = AUTO
) -> tuple[Image.Image, Reading]:
    """Cut off dark strips and invert bright ink; a black picture becomes white paper.

    Args:
        image: an RGB picture.
        invert: one of `inversion.INVERT`.
        pen: the colour of the pen, which is noted.
    """
    inverted, dpi = invert == "always", image.info.get("dpi")
    image = ImageChops.invert(image) if inverted else image
    size, box = image.size, picture_box(image)
    image = image if box == (0, 0, *size) else image.crop(box)
    if invert == "auto" and is_inverted(image):
        image, inverted = ImageChops.invert(image), True
    elif is_black(image):
        image = Image.new("RGB", image.size, "white")
    return image, Reading(size, box, inverted, pen, dpi)
