"""A grid of the generators' pictures of a few inputs, which are the same at every validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from sigclean.training.data.domains import Domains
from sigclean.training.watching.validation import generate, spread

SHOWN = 4  # columns of the grid
LARGEST = 384  # pixels, side of a cell: larger squares are scaled down
SMALLEST = 128  # pixels, side of a cell: smaller squares are enlarged by a whole number
GAP = 8  # pixels between cells
LINES = 12  # lines of a row's label that would fill the height of a cell
PAGE, WORDS, EMPTY = "#e9ebf0", "#2b303b", "#d5d8de"  # colours of ground, labels, missing cells

Rows = dict[str, list[Tensor | None]]


@dataclass(frozen=True)
class FixedSamples:
    """Pictures of one side of a data set, all uint8 3 x size x size."""

    noisy: list[Tensor]  # pictures of domain B
    truth: list[Tensor | None]  # the truth of each of them, or None where it is not known
    clean: list[Tensor]  # pictures of domain A: the truths, and other pictures where there is none

    @classmethod
    def take(cls, domains: Domains, count: int = SHOWN) -> FixedSamples:
        """Take up to `count`, spread over the data; half are real noisy pictures if there are."""
        unpaired = spread(len(domains.unpaired), count // 2 if len(domains.pairs) else count)
        pairs = [
            domains.pairs[place] for place in spread(len(domains.pairs), count - len(unpaired))
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
        """The pictures that each generator translates, by its name."""
        domains = {"G_A": self.clean, "G_B": self.noisy}
        return {name: pictures for name, pictures in domains.items() if pictures}


def make_rows(
    averages: Mapping[str, nn.Module],
    fixed: FixedSamples,
    device: torch.device,
    *,
    cycle: bool,
    before: nn.Module | None = None,
) -> Rows:
    """Generate the rows of the grid by name, from `noisy` to `identity`, a picture per sample.

    Args:
        averages: the bare generators G_A and G_B.
        cycle: show G_A's pictures; for a run that trains it.
        before: the cleaner that is adapted, as it was; its pictures are shown beside.
    """
    clean = generate(averages["G_B"], fixed.noisy, device)
    rows: Rows = {"noisy": [*fixed.noisy]}
    if before is not None:
        rows["before"] = [*generate(before, fixed.noisy, device)]
    rows["clean"] = [*clean]
    if any(truth is not None for truth in fixed.truth):
        rows["truth"] = fixed.truth
    if cycle:
        rows["cycle"] = [*generate(averages["G_A"], clean, device)]
    if fixed.clean:
        rows["identity"] = [*generate(averages["G_B"], fixed.clean, device)]
    return rows


def draw_grid(rows: Rows) -> Image.Image:
    """Draw all rows in one picture, each with its name; a cell without a picture is grey."""
    first = next(one for row in rows.values() for one in row if one is not None)
    size = first.shape[-1]
    side = LARGEST if size > LARGEST else size * max(1, -(-SMALLEST // size))
    font = ImageFont.load_default(max(side // LINES, 12))
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
    if picture is None:
        return Image.new("RGB", (side, side), EMPTY)
    image = Image.fromarray(picture.permute(1, 2, 0).numpy())
    smooth = image.width > side
    return image.resize((side, side), Image.Resampling.BOX if smooth else Image.Resampling.NEAREST)
