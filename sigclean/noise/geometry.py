"""The page as a camera sees it: turned, in perspective, curled; the truth turns with it.

Paper is printed and signed, and photographed after that. So the page is made larger first, print is
laid on it straight, and noisy picture and truth are then looked at through one `View`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sigclean.noise.fields import chance, clouds
from sigclean.noise.page import Layer, Mask

Picture = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom (exclusive) in pixels."""

STEEPEST = 22.0  # degrees
_DEEPEST = 2.5  # how many times as far as its nearest point a page's farthest one may be
_DESK_SHOWS = 0.07  # how often the page ends inside the picture
_BLACK_DESK = 0.4  # of them: scanners and apps leave black beside the page


@dataclass(frozen=True)
class View:
    """Where each pixel of the picture taken comes from on the page.

    Attributes:
        columns, rows: HxW, the page's pixel that is seen at each place.
        margins: left, top, right, bottom pixels of page that the signature's picture lacks.
        edge: the paper on the page; None where it goes on beyond what is seen.
    """

    columns: Mask
    rows: Mask
    margins: tuple[int, int, int, int]
    edge: Box | None = None

    def enlarged(self, picture: Picture) -> Picture:
        """The signature's picture on a white page as large as what is seen."""
        left, top, right, bottom = self.margins
        white = (255, 255, 255)
        return np.asarray(
            cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=white),
            np.uint8,
        )

    def seen(self, page: Layer) -> Layer:
        """The page through the camera, in [0, 1]."""
        taken = cv2.remap(
            page, self.columns, self.rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.clip(taken, 0, 1).astype(np.float32)

    def beside(self) -> Mask:
        """HxW, 1 where the picture shows the desk beside the paper."""
        if self.edge is None:
            return np.zeros(self.columns.shape, np.float32)
        left, top, right, bottom = self.edge
        inside = np.minimum.reduce(
            [self.columns - left, right - self.columns, self.rows - top, bottom - self.rows]
        )
        return np.clip(0.5 - inside, 0, 1).astype(np.float32)


def tilted(rng: np.random.Generator, picture: Picture, page_angle: float) -> Picture:
    """The signature at its own slant on the page, in degrees mostly few; the picture grows."""
    kind = rng.random()
    if kind < 0.3:
        return picture
    angle = float(rng.normal(0, 5)) if kind < 0.75 else -page_angle * float(rng.uniform(0.5, 1.1))
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(np.clip(angle, -20, 20)), 1.0)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    size = int(height * sine + width * cosine), int(height * cosine + width * sine)
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    moved = cv2.warpAffine(picture, turn, size, flags=cv2.INTER_CUBIC, borderValue=(255, 255, 255))
    return np.asarray(moved, np.uint8)


def page_angle(rng: np.random.Generator) -> float:
    """Degrees by which the page is turned: most are nearly straight, some up to `STEEPEST`."""
    kind = rng.random()
    if kind < 0.42:
        angle = rng.normal(0, 3.5)
    elif kind < 0.74:
        angle = rng.normal(0, 9)
    else:
        angle = rng.uniform(-20, 20)
    return float(np.clip(angle, -STEEPEST, STEEPEST))


def choose_view(rng: np.random.Generator, angle: float, shape: tuple[int, int], ink: Box) -> View:
    """A view of the signature, whole but for a rare cut.

    Args:
        angle: degrees that the page is turned by.
        shape: height and width of the signature's picture.
        ink: where the signature lies in it.
    """
    matrix = _lens(rng, angle, shape)
    low, high = _frame(rng, matrix, shape, ink)
    if _depth(matrix, low, high) > _DEEPEST:
        matrix = _turn(angle, shape)
        low, high = _frame(rng, matrix, shape, ink)
    width, height = (max(int(side), 16) for side in high - low)
    shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]])
    columns, rows = _sources(np.asarray(np.linalg.inv(shift @ matrix), np.float64), width, height)
    if chance(rng, 0.4):
        _bend(rng, columns, rows)
    left, top = max(0, int(-columns.min()) + 2), max(0, int(-rows.min()) + 2)
    right = max(0, int(columns.max()) + 2 - shape[1])
    bottom = max(0, int(rows.max()) + 2 - shape[0])
    edge = None
    if chance(rng, _DESK_SHOWS):
        edge = _paper_edge(rng, (left, top, right, bottom), shape)
    moved_columns, moved_rows = columns + np.float32(left), rows + np.float32(top)
    return View(moved_columns, moved_rows, (left, top, right, bottom), edge)


def desk_beside(rng: np.random.Generator, noisy: Layer, beside: Mask) -> Layer:
    """The picture with a desk, or a scanner's black, where `beside` is 1."""
    if not beside.any():
        return noisy
    if chance(rng, _BLACK_DESK):
        desk: Layer = np.zeros_like(noisy)
    else:
        height, width = beside.shape
        colour = rng.uniform(0.05, 0.85, 3) * 0.5 + rng.uniform(0.02, 0.45)
        light = 0.7 + 0.3 * clouds(rng, height, width, float(rng.uniform(2, 30)))
        desk = (light[..., None] * np.clip(colour, 0, 1)).astype(np.float32)
    return np.asarray(noisy + beside[..., None] * (desk - noisy), np.float32)


def _lens(rng: np.random.Generator, angle: float, shape: tuple[int, int]) -> Matrix:
    """The 3x3 matrix from the page to the picture: turned, and in perspective in every second."""
    height, width = shape
    turn = _turn(angle, shape)
    if chance(rng, 0.5):
        return turn
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    reach = 0.08 * min(max(height, width / 3), width)
    moved = (corners + rng.uniform(-reach, reach, (4, 2))).astype(np.float32)
    return np.asarray(turn @ cv2.getPerspectiveTransform(corners, moved))


def _turn(angle: float, shape: tuple[int, int]) -> Matrix:
    """The 3x3 matrix of a turn about the middle, counter-clockwise in degrees."""
    middle = (shape[1] / 2, shape[0] / 2)
    return np.vstack([cv2.getRotationMatrix2D(middle, angle, 1.0), [0, 0, 1]])


def _depth(matrix: Matrix, low: Matrix, high: Matrix) -> float:
    """How many times as far as the page's nearest visible point its farthest one is; infinite
    where the page reaches the horizon."""
    corners = np.array([[x, y, 1] for x in (low[0], high[0]) for y in (low[1], high[1])])
    depths = corners @ np.linalg.inv(matrix)[2]
    return float(depths.max() / depths.min()) if depths.min() > 0 else np.inf


def _frame(
    rng: np.random.Generator, matrix: Matrix, shape: tuple[int, int], ink: Box
) -> tuple[Matrix, Matrix]:
    """Upper left and lower right corner of what is seen: the ink and margins about it."""
    left, top, right, bottom = ink
    corners = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]])
    seen = corners @ matrix.T
    points = seen[:, :2] / seen[:, 2:]
    low, high = points.min(axis=0), points.max(axis=0)
    own = np.array([[left, top], [shape[1] - right, shape[0] - bottom]], np.float64)
    margins = own * rng.uniform(0.4, 1.1, (2, 2)) + rng.uniform(2, 0.06 * shape[1] + 3, (2, 2))
    if chance(rng, 0.06):  # a careless crop
        margins -= rng.uniform(0, 0.06, (2, 2)) * (high - low)
    return low - margins[0], high + margins[1]


def _sources(inverse: Matrix, width: int, height: int) -> tuple[Mask, Mask]:
    """Columns and rows of the page (HxW) that the pixels of a picture show."""
    x = np.arange(width, dtype=np.float64)[None]
    y = np.arange(height, dtype=np.float64)[:, None]
    depth = inverse[2, 0] * x + inverse[2, 1] * y + inverse[2, 2]
    columns = (inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]) / depth
    rows = (inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]) / depth
    return columns.astype(np.float32), rows.astype(np.float32)


def _bend(rng: np.random.Generator, columns: Mask, rows: Mask) -> None:
    """Curl and bumps of the paper, in place."""
    height, width = columns.shape
    along = np.linspace(-1, 1, width, dtype=np.float32)[None] - np.float32(rng.uniform(-1, 1))
    rows += along**2 * np.float32(rng.normal(0, 0.025) * height)
    if chance(rng, 0.5):
        reach = np.float32(rng.uniform(0.002, 0.012) * max(height, width))
        for part in (columns, rows):
            part += (clouds(rng, height, width, float(rng.uniform(1, 4))) - 0.5) * 2 * reach


def _paper_edge(
    rng: np.random.Generator, margins: tuple[int, int, int, int], shape: tuple[int, int]
) -> Box:
    """The paper's rectangle on the page, so near to the signature's picture that it shows."""
    left, top, right, bottom = margins
    share = rng.uniform(0, 1.2, 4)
    return (
        int(left * (1 - share[0])),
        int(top * (1 - share[1])),
        int(left + shape[1] + right * share[2]),
        int(top + shape[0] + bottom * share[3]),
    )
