"""What the generators make of a few pictures, always the same ones: a grid to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from sigclean.training.data.domains import Domains
from sigclean.training.watching.validation import generate, spread

SHOWN = 4  # columns of the grid
LARGEST, SMALLEST = (
    384,
    128,
)  # pixels: sides of a cell; large squares are scaled, small ones doubled
GAP = 8  # pixels between cells
LETTERS = 12  # a cell is as high as so many lines of its label
PAGE, WORDS, EMPTY = "#e9ebf0", "#2b303b", "#d5d8de"

Rows = dict[str, list[Tensor | None]]


@dataclass(frozen=True)
class FixedSamples:
    """Pictures of one side of a data set, all uint8 3 x size x size.

    Attributes:
        noisy: of domain B.
        truth: of each of them, or None where it is not known.
        clean: of domain A: the truths, and other pictures where there is none.
    """

    noisy: list[Tensor]
    truth: list[Tensor | None]
    clean: list[Tensor]

    @classmethod
    def take(cls, domains: Domains, count: int = SHOWN) -> FixedSamples:
        """Up to `count`, spread over the data; half of them real noisy pictures if there are."""
        unpaired = spread(len(domains.unpaired), count // 2 if len(domains.pairs) else count)
        pairs = [
            domains.read_pair(place) for place in spread(len(domains.pairs), count - len(unpaired))
        ]
        others = [domains.unpaired[place] for place in unpaired]
        clean = [domains.clean[place] for place in spread(len(domains.clean), len(others))]
        truths = [truth for _, truth in pairs]
        return cls(
            [noisy for noisy, _ in pairs] + others,
            [*truths, *[None] * len(others)],
            truths + clean,
        )

    def inputs(self) -> dict[str, list[Tensor]]:
        """What each generator translates."""
        domains = {"G_A": self.clean, "G_B": self.noisy}
        return {name: pictures for name, pictures in domains.items() if pictures}


def make_rows(
    averages: Mapping[str, nn.Module], fixed: FixedSamples, device: torch.device, *, cycle: bool
) -> Rows:
    """The rows of the grid by name, from `noisy` to `identity`, one picture a sample.

    Args:
        averages: the bare generators G_A and G_B.
        cycle: whether G_A is trained at all in this run, so that what it makes is worth a row.
    """
    clean = generate(averages["G_B"], fixed.noisy, device)
    rows: Rows = {"noisy": [*fixed.noisy], "clean": [*clean]}
    if any(truth is not None for truth in fixed.truth):
        rows["truth"] = fixed.truth
    if cycle:
        rows["cycle"] = [*generate(averages["G_A"], clean, device)]
    if fixed.clean:
        rows["identity"] = [*generate(averages["G_B"], fixed.clean, device)]
    return rows


def draw_grid(rows: Rows) -> Image.Image:
    """One picture of all rows, each with its name; a cell without a picture is grey."""
    first = next(one for row in rows.values() for one in row if one is not None)
    size = first.shape[-1]
    side = LARGEST if size > LARGEST else size * max(1, -(-SMALLEST // size))
    font = ImageFont.load_default(max(side // LETTERS, 12))
    left = 2 * GAP + round(max(map(font.getlength, rows))) + GAP
    columns = max(map(len, rows.values()))
    shape = left + columns * (side + GAP), GAP + len(rows) * (side + GAP)
    grid = Image.new("RGB", shape, PAGE)
    draw = ImageDraw.Draw(grid)
    for line, (name, pictures) in enumerate(rows.items()):
        top = GAP + line * (side + GAP)
        draw.text((2 * GAP, top + side // 2), name, WORDS, font, anchor="lm")
        for column, picture in enumerate(pictures):
            grid.paste(_cell(picture, side), (left + column * (side + GAP), top))
    return grid


def _cell(picture: Tensor | None, side: int) -> Image.Image:
    from torchvision.transforms.functional import to_pil_image  # only the main process draws

    if picture is None:
        return Image.new("RGB", (side, side), EMPTY)
    image = to_pil_image(picture)
    smooth = image.width > side
    return image.resize((side, side), Image.Resampling.BOX if smooth else Image.Resampling.NEAREST)
