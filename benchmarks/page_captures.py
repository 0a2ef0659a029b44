"""The scanner and the camera of `signed_pages`."""

from __future__ import annotations

import io

import cv2
import numpy as np
from page_sheets import Box, Rng, Sheet
from PIL import Image, ImageFilter

from sigclean.images import read_image
from sigclean.noise.fields import clouds

LIGHT = 8  # pixels of the page for one of the light's map


def photographed(rng: Rng, sheet: Sheet) -> Sheet:
    """The page on a desk, in perspective and turned by up to 15 degrees."""
    width, height = sheet.picture.size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-15, 15), 1.0)
    moved = corners @ turn[:, :2].T + turn[:, 2]
    moved += rng.uniform(-0.07, 0.07, (4, 2)) * min(width, height)
    low, high = moved.min(axis=0), moved.max(axis=0)
    room = rng.uniform(-0.01, 0.08, 2) * (high - low)
    size = tuple(int(side) for side in high - low + 2 * room)
    matrix = cv2.getPerspectiveTransform(corners, (moved - low + room).astype(np.float32))
    ground = tuple(rng.uniform(13, 204, 3).tolist())
    page = cv2.warpPerspective(
        np.asarray(sheet.picture), matrix, size, flags=cv2.INTER_AREA, borderValue=ground
    )
    light = 0.65 + 0.35 * clouds(rng, size[1] // LIGHT + 1, size[0] // LIGHT + 1, 2.0)
    light = cv2.resize(light.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    taken = cv2.multiply(page, cv2.merge([light] * 3), dtype=cv2.CV_8U)
    truths = [
        Image.fromarray(cv2.warpPerspective(np.asarray(one), matrix, size))
        for one in sheet.signatures
    ]
    boxes = [[_moved(box, matrix) for box in kind] for kind in (sheet.answers, sheet.stamps)]
    return Sheet(Image.fromarray(taken), sheet.inch, truths, *boxes)


def _moved(box: Box, matrix: np.ndarray) -> Box:
    """The box about the corners of a box that was seen in perspective."""
    left, top, right, bottom = box
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    moved = cv2.perspectiveTransform(corners[None], matrix)[0]
    low, high = np.floor(moved.min(axis=0)), np.ceil(moved.max(axis=0))
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def captured(rng: Rng, page: Image.Image, in_colour: bool) -> Image.Image:
    """Turn a page into a fax, or a JPEG scan in grey or colour, with noise and shade."""
    kind = "colour" if in_colour else str(rng.choice(["bilevel", "grey", "colour"]))
    if kind == "bilevel":
        level = int(rng.uniform(115, 190))
        return page.convert("L").point([0] * level + [255] * (256 - level)).convert("RGB")
    page = page.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.8) * max(page.size) / 2500))
    pixels = np.asarray(page.convert("L").convert("RGB") if kind == "grey" else page, np.float32)
    tint = np.float32(0.93) if kind == "grey" else np.array([0.97, 0.94, 0.86], np.float32)
    shade = np.linspace(1, rng.uniform(0.8, 1), page.width, dtype=np.float32)[None, :, None]
    noise = rng.normal(0, 5, (page.height // 2 + 1, page.width // 2 + 1, 1)).astype(np.float32)
    noise = noise.repeat(2, axis=0).repeat(2, axis=1)[: page.height, : page.width]
    seen = (15 + 0.94 * pixels) * tint * shade + noise
    file = io.BytesIO()
    levels = np.rint(np.clip(seen, 0, 255)).astype(np.uint8)
    Image.fromarray(levels).save(file, "JPEG", quality=int(rng.integers(60, 92)))
    return read_image(file)
