"""The history of generated pictures that discriminators also judge (Shrivastava et al. 2017)."""

from __future__ import annotations

import random

import torch
from torch import Tensor


class ImagePool:
    """The last `size` generated pictures, so that D also judges older ones (Shrivastava 2017)."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size = size
        self.images: list[Tensor] = []
        self.random = random.Random(seed)

    def query(self, images: Tensor) -> Tensor:
        """For each picture of the batch, itself or, half the time, an older one in exchange."""
        return torch.stack([self._exchange(image) for image in images.detach()])

    def _exchange(self, image: Tensor) -> Tensor:
        if len(self.images) < self.size:
            self.images.append(image.clone())  # a view would keep its whole batch
            return image
        if not self.size or self.random.random() < 0.5:
            return image
        index = self.random.randrange(self.size)
        old, self.images[index] = self.images[index], image.clone()
        return old

    def state_dict(self) -> dict:
        """The pictures and the state of the draw."""
        return {"images": self.images, "random": self.random.getstate()}

    def load_state_dict(self, state: dict) -> None:
        """Continue where `state_dict` was taken."""
        self.images = list(state["images"])
        version, internal, gauss = state["random"]
        self.random.setstate((version, tuple(internal), gauss))
