"""Any picture into the network's square and back: pure geometry, invertible, known exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

SIZE = 512  # pixels: the side of the square that the default model was trained at
REDUCING_GAP = 3.0  # large pictures are first box-averaged to 3 times the target: fast, no aliasing
BLOCK = 1 << 18  # pixels that are worked on at once: they fit into caches

Box = tuple[int, int, int, int]  # left, top, right, bottom (exclusive) in pixels


@dataclass(frozen=True)
class Placement:
    """The place of a picture in the square.

    Attributes:
        width, height: the picture's own size in pixels.
        left, top: the corner of its shrunk or enlarged copy in the square.
        inner_width, inner_height: the size of that copy; outside it are the black strips.
    """

    width: int
    height: int
    left: int
    top: int
    inner_width: int
    inner_height: int

    @property
    def box(self) -> Box:
        """The copy's left, top, right and bottom (exclusive) in the square."""
        right, bottom = self.left + self.inner_width, self.top + self.inner_height
        return self.left, self.top, right, bottom


@dataclass(frozen=True)
class Letterbox:
    """The longest side becomes `size`, the aspect is kept, black strips fill the rest.

    Training and serving use this same code, so that the network is served what it was trained on.
    """

    size: int = SIZE

    def place(self, width: int, height: int) -> Placement:
        """Place a `width` x `height` picture; its copy is at least one pixel wide and high."""
        longest = max(width, height)
        inner_width = max(1, round(width * self.size / longest))
        inner_height = max(1, round(height * self.size / longest))
        left, top = (self.size - inner_width) // 2, (self.size - inner_height) // 2
        return Placement(width, height, left, top, inner_width, inner_height)

    def shrink(self, image: Image.Image) -> tuple[Image.Image, Placement]:
        """Make the picture's copy in the square, without the strips; returns it with its place."""
        placement = self.place(*image.size)
        return resize(image, (placement.inner_width, placement.inner_height)), placement

    def fit(self, image: Image.Image) -> tuple[Image.Image, Placement]:
        """Put the picture into the square of its mode; returns the square and the placement."""
        inner, placement = self.shrink(image)
        square = Image.new(image.mode, (self.size, self.size))  # zeros: black, or transparent
        square.paste(inner, (placement.left, placement.top))
        return square, placement

    def cut(self, placement: Placement, multiple: int, strip: int) -> Box:
        """Choose the part of the square that holds the copy and some of the strips around it.

        Args:
            multiple: divides the sides of the part, as it divides `size`.
            strip: pixels of a strip that the part has on each side at least, if there are as many.

        Returns:
            Left, top, right, bottom (exclusive) in the square.
        """
        left, right = self._span(placement.left, placement.inner_width, multiple, strip)
        top, bottom = self._span(placement.top, placement.inner_height, multiple, strip)
        return left, top, right, bottom

    def _span(self, start: int, length: int, multiple: int, strip: int) -> tuple[int, int]:
        """Choose start and stop along one axis: the copy lies in the middle, as in the square."""
        side = min(-(-(length + 2 * strip) // multiple) * multiple, self.size)
        first = min(max(start - (side - length) // 2, 0), self.size - side)
        return first, first + side

    def restore(self, image: Image.Image, placement: Placement) -> Image.Image:
        """Cut the picture out of the square, at its own size; nothing of the strips enters.

        Raises ValueError if `image` is not `size` x `size`.
        """
        if image.size != (self.size, self.size):
            raise ValueError(f"expected {self.size}x{self.size} pixels, got {image.size}")
        return self.enlarge(image.crop(placement.box), placement)

    def enlarge(self, inner: Image.Image, placement: Placement) -> Image.Image:
        """Resample what has the size of the picture's copy to the picture's own size."""
        size = (placement.width, placement.height)
        return resize(inner, size, enlarge=Image.Resampling.BILINEAR)


def resize(
    image: Image.Image,
    size: tuple[int, int],
    box: Box | None = None,
    enlarge: Image.Resampling = Image.Resampling.BICUBIC,
) -> Image.Image:
    """Resample a picture to `size` without aliasing, or only the part of the result in `box`.

    Shrinking uses Hamming: sharp, and without dark or light rings.
    """
    return _resample(image, size, box, enlarge, REDUCING_GAP)


def stretch(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    """Resample a picture to `size`, or only the part of the result in `box`: parts fit together
    without seams, and no level lies outside the picture's own."""
    return _resample(image, size, box, Image.Resampling.BILINEAR)


def _resample(
    image: Image.Image,
    size: tuple[int, int],
    box: Box | None,
    enlarge: Image.Resampling,
    gap: float | None = None,
) -> Image.Image:
    left, top, right, bottom = box or (0, 0, *size)
    if image.size == size:
        return image.crop((left, top, right, bottom))
    shrinks = size[0] * size[1] < image.width * image.height
    across, down = image.width / size[0], image.height / size[1]
    return image.resize(
        (right - left, bottom - top),
        Image.Resampling.HAMMING if shrinks else enlarge,
        box=(left * across, top * down, right * across, bottom * down),
        reducing_gap=gap,
    )


def row_blocks(width: int, height: int) -> Iterator[tuple[int, int]]:
    """Divide a picture into runs of rows with about `BLOCK` pixels each, so that memory stays flat
    at 50 megapixels; yields top and bottom (exclusive)."""
    rows = max(1, BLOCK // width)
    return ((top, min(top + rows, height)) for top in range(0, height, rows))
