"""Batches for the finder's network: what a scanner or a camera adds, the targets, and the loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sigclean.finding.network import CLASSES, STRIDE, UNIT

SPREAD = 0.09  # standard deviation of a heat's peak, as a share of the object's sides
POINTS = 9  # places about an object's centre at which its sides are learned
VISIBLE = (0.15, 0.6)  # share of an object that is on the page: less is none of it, more is it
CONTRAST, SEEN = 0.07, 0.4  # as `page_sheets.is_seen`, in parts of white
COSTS = {"heat": 1.0, "overlap": 1.5, "sides": 0.3, "ink": 2.0}  # of the parts of the loss


@dataclass(frozen=True)
class Batch:
    """B pages to learn from.

    Attributes:
        pages: Bx3xHxW in [0, 1].
        ink: BxhXw in [0, 1] at the output's size: a signature's ink.
        boxes: BxNx4 in pixels.
        classes: BxN; -1 for no object, -2 for one that is neither to be found nor a mistake.
    """

    pages: Tensor
    ink: Tensor
    boxes: Tensor
    classes: Tensor


def captured(
    pages: Tensor, ink: Tensor, sizes: Tensor, boxes: Tensor, classes: Tensor,
    canvas: tuple[int, int],
) -> Batch:  # fmt: skip
    """Show pages to a scanner or a camera that places, shades and blurs each in its own way.

    Args:
        pages, ink: Bx3xSxS and BxSxS, bytes; each page is in the top left corner, the rest white.
        sizes: Bx2, its height and width.
        boxes, classes: BxNx4, BxN.
        canvas: height and width of the batch.
    """
    high, across = canvas
    device, count = pages.device, len(pages)
    fit = (torch.tensor(canvas, device=device) / sizes).amin(dim=1).clamp(max=1.0)
    scale = fit * _mixed(count, 0.6, 0.75, 1.12, 1.0, device)
    slack = torch.tensor(canvas, device=device) - sizes * scale[:, None]
    move = torch.rand(count, 2, device=device) * slack
    move *= (torch.rand(count, 1, device=device) < 0.6).float()
    seen = _placed(pages.float() / 255 - 1, scale, move, canvas) + 1
    marked = _placed(ink[:, None].float() / 255, scale, move, canvas)
    marked = functional.max_pool2d(marked, STRIDE)[:, 0]
    shift = move.flip(1).repeat(1, 2)[:, None]
    moved = boxes * scale[:, None, None] + shift
    limits = torch.tensor([across, high, across, high], device=device)
    clipped = torch.minimum(moved.clamp(min=0), limits)
    sides, old = clipped[..., 2:] - clipped[..., :2], moved[..., 2:] - moved[..., :2]
    shown = sides.clamp(min=0).prod(dim=2) / old.prod(dim=2).clamp(min=1)
    classes = torch.where((classes >= 0) & (shown < VISIBLE[1]), -2, classes)
    classes = torch.where(shown < VISIBLE[0], -1, classes)
    seen = _seen_by_a_camera(seen)
    classes = torch.where((classes == 0) & ~_visible(seen, marked, clipped), -2, classes)
    return Batch(seen, marked, clipped, classes)


def _placed(layers: Tensor, scale: Tensor, move: Tensor, canvas: tuple[int, int]) -> Tensor:
    """Scale and move layers, BxCxSxS, onto a canvas; what is beyond them is 0."""
    side = layers.shape[-1]
    rows = torch.arange(canvas[0], device=layers.device) + 0.5
    columns = torch.arange(canvas[1], device=layers.device) + 0.5
    y = (rows[None] - move[:, :1]) / scale[:, None] * (2 / side) - 1
    x = (columns[None] - move[:, 1:]) / scale[:, None] * (2 / side) - 1
    shape = len(layers), canvas[0], canvas[1]
    grid = torch.stack([x[:, None].expand(shape), y[:, :, None].expand(shape)], dim=3)
    return functional.grid_sample(layers, grid, align_corners=False)


def _mixed(
    count: int, share: float, low: float, high: float, other: float, device: torch.device
) -> Tensor:
    """For so large a share of the pages a number between both, for the rest the other one."""
    chosen = torch.rand(count, device=device) < share
    value = torch.rand(count, device=device) * (high - low) + low
    return torch.where(chosen, value, torch.full_like(value, other))


def _seen_by_a_camera(pages: Tensor) -> Tensor:
    """One bit, grey, gamma, ink and paper levels, shade, blur, noise, and negatives."""
    count, _, height, width = pages.shape
    device = pages.device

    def mixed(share: float, low: float, high: float, other: float) -> Tensor:
        return _mixed(count, share, low, high, other, device)[:, None, None, None]

    grey = (pages * torch.tensor([0.3, 0.59, 0.11], device=device)[:, None, None]).sum(1, True)
    bits = (grey >= mixed(1.0, 0.42, 0.76, 0)).float()
    kind = torch.rand(count, 1, 1, 1, device=device)
    pages = torch.where(kind < 0.45, grey, pages)
    pages = torch.where(kind < 0.2, bits, pages).clamp(0, 1)
    pages = pages ** mixed(0.4, 0.6, 1.7, 1.0)
    black, white = mixed(0.5, 0.0, 0.25, 0.0), mixed(0.5, 0.8, 1.0, 1.0)
    tint = 1 - torch.rand(count, 3, 1, 1, device=device) * mixed(0.3, 0.0, 0.2, 0.0)
    pages = (black + (white - black) * pages) * tint
    shade = 1 - torch.rand(count, 1, 3, 3, device=device) * mixed(0.4, 0.1, 0.45, 0.0)
    shade = functional.interpolate(shade, (height, width), mode="bilinear", align_corners=True)
    pages = pages * shade
    soft = functional.avg_pool2d(pages, 3, 1, 1, count_include_pad=False)
    pages = torch.lerp(pages, soft, mixed(0.4, 0.0, 1.0, 0.0).expand_as(pages))
    noise = torch.randn(count, 1, height // 2, width // 2, device=device)
    noise = functional.interpolate(noise, scale_factor=2.0)
    pages = pages + noise * mixed(0.5, 0.005, 0.05, 0.0)
    return torch.where(mixed(0.01, 1, 1, 0) > 0, 1 - pages, pages).clamp(0, 1)


def _visible(pages: Tensor, ink: Tensor, boxes: Tensor) -> Tensor:
    """Tell of each box, BxN, whether the ink in it can be seen; pale ink is lost in a fax."""
    grey = pages.mean(dim=1, keepdim=True)
    paper = functional.avg_pool2d(functional.max_pool2d(grey, STRIDE), 9, 1, 4, False, False)
    dark = (paper + functional.max_pool2d(-grey, STRIDE))[:, 0] > CONTRAST
    inked = ink > 0.3
    amounts = [_sums(layer.float(), boxes / STRIDE) for layer in (inked & dark, inked)]
    return (amounts[0] >= SEEN * amounts[1]) & (amounts[1] > 0)


def _sums(layer: Tensor, boxes: Tensor) -> Tensor:
    """Sums of a layer, BxHxW, over boxes, BxNx4, in its cells."""
    total = functional.pad(layer.double().cumsum(1).cumsum(2), (1, 0, 1, 0))
    height, width = layer.shape[1:]
    left, top = boxes[..., 0].floor().long(), boxes[..., 1].floor().long()
    right, bottom = boxes[..., 2].ceil().long(), boxes[..., 3].ceil().long()
    rows = torch.arange(len(layer), device=layer.device)[:, None]
    x0, x1 = left.clamp(0, width), right.clamp(0, width)
    y0, y1 = top.clamp(0, height), bottom.clamp(0, height)
    return total[rows, y1, x1] - total[rows, y0, x1] - total[rows, y1, x0] + total[rows, y0, x0]


def heats(batch: Batch, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The heat that is wanted, BxCxhxw, 1 in the cell of an object's centre; and where it counts:
    false on signatures that nobody could see."""
    boxes = batch.boxes / STRIDE
    centre = ((boxes[..., :2] + boxes[..., 2:]) / 2).floor() + 0.5
    spread = ((boxes[..., 2:] - boxes[..., :2]) * SPREAD).clamp(min=0.6)
    axes = [torch.arange(side, device=boxes.device) + 0.5 for side in shape]
    across = torch.exp(-(((axes[1] - centre[..., :1]) / spread[..., :1]) ** 2) / 2)
    down = torch.exp(-(((axes[0] - centre[..., 1:]) / spread[..., 1:]) ** 2) / 2)
    wanted = []
    for number in range(CLASSES):
        own = (batch.classes == number).float()[..., None]
        wanted.append(((down * own)[..., :, None] * across[..., None, :]).amax(dim=1))
    left, top, right, bottom = (boxes[..., side, None] for side in range(4))
    hidden = (batch.classes == -2).float()[..., None]
    x = ((axes[1] > left) & (axes[1] < right)).float()
    y = ((axes[0] > top) & (axes[0] < bottom)).float() * hidden
    counts = torch.einsum("bnh,bnw->bhw", y, x) == 0
    return torch.stack(wanted, dim=1), counts[:, None]


def loss_of(output: Tensor, batch: Batch) -> dict[str, Tensor]:
    """The parts of the loss of the network's output, Bx8xhxw."""
    output = output.float()
    wanted, counts = heats(batch, output.shape[2:])
    objects = batch.classes >= 0
    number = objects.sum().clamp(min=1)
    heat = _focal(output[:, :CLASSES], wanted, counts) / number
    overlap, sides = _box_loss(output[:, CLASSES : CLASSES + 4], batch.boxes, objects)
    logits, ink = output[:, -1], batch.ink
    cost = functional.binary_cross_entropy_with_logits(logits, ink, reduction="none")
    ink_loss = (cost * (1 + 3 * ink) * counts[:, 0]).mean()
    share = logits.sigmoid() * counts[:, 0]
    common = (share * ink).sum()
    ink_loss = ink_loss * 5 + 0.2 * (1 - 2 * common / (share.sum() + ink.sum() + 1))
    parts = {"heat": heat, "overlap": overlap, "sides": sides, "ink": ink_loss}
    return {name: COSTS[name] * part for name, part in parts.items()}


def _focal(logits: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    """CornerNet's focal loss, summed."""
    share = logits.sigmoid()
    centre = wanted > 0.999
    good = functional.logsigmoid(logits) * (1 - share) ** 2
    bad = functional.logsigmoid(-logits) * share**2 * (1 - wanted) ** 4
    return -(torch.where(centre, good, bad) * (counts | centre)).sum()


def _box_loss(output: Tensor, boxes: Tensor, objects: Tensor) -> tuple[Tensor, Tensor]:
    """One less the generalised overlap, and the error of the sides, at places near the centres."""
    batch, _, height, width = output.shape
    sides = boxes[..., 2:] - boxes[..., :2]
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    moved = torch.randn(*centre.shape[:2], POINTS, 2, device=boxes.device) * SPREAD
    moved[:, :, 0] = 0
    places = centre[:, :, None] + moved.clamp(-0.3, 0.3) * sides[:, :, None]
    cells = (places / STRIDE).floor().long()
    x, y = cells[..., 0].clamp(0, width - 1), cells[..., 1].clamp(0, height - 1)
    rows = torch.arange(batch, device=boxes.device)[:, None, None]
    found = output.permute(0, 2, 3, 1)[rows, y, x]
    at = torch.stack([x, y], dim=3).float() * STRIDE + STRIDE / 2
    wanted = torch.cat([at - boxes[:, :, None, :2], boxes[:, :, None, 2:] - at], dim=3).clamp(min=1)
    given = (found.clamp(-4, 6).exp() * UNIT)[objects]
    wanted, found = wanted[objects], found[objects]
    error = (found - (wanted / UNIT).log()).abs().mean() if len(found) else found.sum()
    least, most = torch.minimum(given, wanted), torch.maximum(given, wanted)
    common = (least[..., :2] + least[..., 2:]).prod(dim=-1)
    areas = [(one[..., :2] + one[..., 2:]).prod(dim=-1) for one in (given, wanted, most)]
    union = areas[0] + areas[1] - common
    general = common / union - (areas[2] - union) / areas[2]
    return (1 - general).mean() if len(found) else found.sum(), error
