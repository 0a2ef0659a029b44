"""The appearance of results on the web page: their paper, size and ink."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from sigclean.compositing.compose import ink_box, transparent_ink
from sigclean.ink import recolour

Clean = Callable[[Image.Image], Image.Image]
"""Takes an RGB picture, returns the signature in RGB on white, of the same size."""

PAPERS = ("transparent", "white")
SIZES = ("original", "cropped")
INKS = ("as is", "black", "blue")
PNG_LEVEL = 4  # compression, 0 to 9: half the bytes of level 1 in 1.5 times its time


@dataclass(frozen=True)
class Appearance:
    """The paper, size and ink of a result: one of `PAPERS`, `SIZES` and `INKS` each."""

    paper: str = PAPERS[0]
    size: str = SIZES[0]
    ink: str = INKS[0]

    def apply(self, clean: Image.Image) -> Image.Image:
        """Turn RGB on white into the picture that was asked for, RGBA or RGB on white."""
        if self.size == "cropped":
            clean = clean.crop(ink_box(clean))
        if self.paper == "transparent":
            clean = transparent_ink(clean)
        return clean if self.ink == "as is" else recolour(clean, self.ink)

    def suffix(self) -> str:
        """The end of a result's name: `clean`, `transparent`, or one of them with the ink."""
        paper = "transparent" if self.paper == "transparent" else "clean"
        return paper if self.ink == "as is" else f"{paper}-{self.ink}"
