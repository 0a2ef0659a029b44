"""Any picture into the network's square and back: pure geometry, invertible, known exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

SIZE = 512  # pixels: the side of the square that the default model was trained at
REDUCING_GAP = (
    3.0  # large pictures are box-averaged to 3x the target first: much faster, no aliasing
)

BLOCK = 1 << 18  # pixels that are worked on at once: fits caches

Box = tuple[int, int, int, int]  # left, top, right, bottom (exclusive) in pixels


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in the square.

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
        """Left, top, right, bottom (exclusive) of the copy in the square."""
        return (
            self.left,
            self.top,
            self.left + self.inner_width,
            self.top + self.inner_height,
        )


@dataclass(frozen=True)
class Letterbox:
    """The longest side becomes `size`, the aspect is kept, black strips fill the rest.

    Training and serving use this same code, so that the network is served what it was trained on.
    """

    size: int = SIZE

    def place(self, width: int, height: int) -> Placement:
        """The placement of a `width` x `height` picture; its copy is at least one pixel wide."""
        longest = max(width, height)
        inner_width = max(1, round(width * self.size / longest))
        inner_height = max(1, round(height * self.size / longest))
        left, top = (self.size - inner_width) // 2, (self.size - inner_height) // 2
        return Placement(width, height, left, top, inner_width, inner_height)

    def shrink(self, image: Image.Image) -> tuple[Image.Image, Placement]:
        """The picture's copy in the square, without the strips, and its placement."""
        placement = self.place(*image.size)
        return _resize(image, (placement.inner_width, placement.inner_height)), placement

    def fit(self, image: Image.Image) -> tuple[Image.Image, Placement]:
        """The picture in the square (same mode, `size` x `size`) and its placement."""
        inner, placement = self.shrink(image)
        square = Image.new(image.mode, (self.size, self.size))  # zeros: black, or transparent
        square.paste(inner, (placement.left, placement.top))
        return square, placement

    def cut(self, placement: Placement, multiple: int, strip: int) -> Box:
        """The part of the square that holds the copy and some of the strips around it.

        Args:
            multiple: what the part's sides are to be multiples of, as `size` is.
            strip: pixels of a strip that the part has on each side at least, where there are as
                many.

        Returns:
            Left, top, right, bottom (exclusive) in the square.
        """
        left, right = self._span(placement.left, placement.inner_width, multiple, strip)
        top, bottom = self._span(placement.top, placement.inner_height, multiple, strip)
        return left, top, right, bottom

    def _span(self, start: int, length: int, multiple: int, strip: int) -> tuple[int, int]:
        """The copy in the middle of it, as it is in the square."""
        side = min(-(-(length + 2 * strip) // multiple) * multiple, self.size)
        first = min(max(start - (side - length) // 2, 0), self.size - side)
        return first, first + side

    def restore(self, image: Image.Image, placement: Placement) -> Image.Image:
        """The picture at its own size again. Nothing of the strips enters, not even at the edge."""
        if image.size != (self.size, self.size):
            raise ValueError(f"expected {self.size}x{self.size} pixels, got {image.size}")
        return self.enlarge(image.crop(placement.box), placement)

    def enlarge(self, inner: Image.Image, placement: Placement) -> Image.Image:
        """What belongs to the picture's copy in the square, at the picture's own size."""
        return _resize(
            inner, (placement.width, placement.height), enlarge=Image.Resampling.BILINEAR
        )


def stretch(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    """A picture resampled to `size`, or of that only the part in `box`: seamless."""
    left, top, right, bottom = box or (0, 0, *size)
    if image.size == size:
        return image.crop((left, top, right, bottom))
    shrinks = size[0] * size[1] < image.width * image.height
    across, down = image.width / size[0], image.height / size[1]
    return image.resize(
        (right - left, bottom - top),
        Image.Resampling.HAMMING if shrinks else Image.Resampling.BILINEAR,
        box=(left * across, top * down, right * across, bottom * down),
    )


def row_blocks(width: int, height: int) -> Iterator[tuple[int, int]]:
    """Top and bottom (exclusive) of runs of rows with about `BLOCK` pixels each, which are worked
    on one after another, so that memory stays flat at 50 megapixels."""
    rows = max(1, BLOCK // width)
    return ((top, min(top + rows, height)) for top in range(0, height, rows))


def _resize(
    image: Image.Image,
    size: tuple[int, int],
    enlarge: Image.Resampling = Image.Resampling.BICUBIC,
) -> Image.Image:
    """Resample without aliasing. Shrinking uses Hamming: sharp, and without dark or light rings."""
    if size == image.size:
        return image.copy()
    shrinks = size[0] * size[1] < image.width * image.height
    resample = Image.Resampling.HAMMING if shrinks else enlarge
    return image.resize(size, resample, reducing_gap=REDUCING_GAP)
