"""The recipe that the method was first trained with, kept exactly: full-width rules and a name."""

from __future__ import annotations

import cv2
import numpy as np

from sigclean.noise.page import Layer, Page

NAMES = (
    "John Smith", "Mary Johnson", "Robert Williams", "Patricia Brown", "Michael Jones",
    "Linda Garcia", "David Miller", "Elizabeth Davis", "Peter Wilson", "Anna Schmidt",
    "Thomas Anderson", "Maria Lopez", "Daniel Martin", "Sofia Rossi", "Pieter de Vries",
    "Johanna Bakker", "Erik Larsen", "Ingrid Olsen", "Jean Dupont", "Claire Moreau",
)  # fmt: skip


def seed(rng: np.random.Generator, page: Page) -> Layer:
    """1 to 4 black rules, 1 to 4 pixels thick, evenly spaced, and one printed name below.

    Each rule is moved up or down by at most 5 % of the height. The name's baseline starts at
    0.05 to 30 % of the width and 75 to 102 % of the height, font scale 0.7 to 1.7, thickness 1
    to 2: a name at the bottom may be cut off, as in the first training.
    """
    ink = np.full((page.height, page.width), 255, np.uint8)
    count = int(rng.integers(1, 5))
    for i in range(count):
        y = page.height * ((i + 1) / (count + 1) + rng.uniform(-0.05, 0.05))
        thickness = int(rng.integers(1, 5))  # cv2.line would draw five rows for a thickness of 3
        top = max(round(y - thickness / 2), 0)
        ink[top : top + thickness] = 0
    cv2.putText(
        ink,
        NAMES[int(rng.integers(len(NAMES)))],
        (
            round(page.width * rng.uniform(0.0005, 0.30)),
            round(page.height * rng.uniform(0.75, 1.02)),
        ),
        cv2.FONT_HERSHEY_SIMPLEX,
        rng.uniform(0.7, 1.7),
        0,
        int(rng.integers(1, 3)),
        cv2.LINE_AA,
    )
    return np.repeat(ink[..., None].astype(np.float32) / 255, 3, axis=2)
