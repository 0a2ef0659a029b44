"""The pool of earlier generated pictures, for the discriminators (Shrivastava et al. 2017)."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from accelerate import Accelerator


class ImagePool:
    """Holds `size` generated pictures; half the time D judges one of them in place of a new one.

    All processes share one pool: each holds a copy, sees the pictures of all and makes the same
    exchanges, so that the copies stay equal. What D sees does not depend on how the pictures of a
    step are split: one process with four pictures and two with two exchange alike, if rank 0 has
    the batch's first pictures and rank 1 the next.

    Args:
        size: pictures; 0 for no pool at all.
        seed: of the exchanges, the same on all processes.
        accelerator: of the processes that share the pool; all of them must query it together,
            with batches of one size.
    """

    def __init__(self, size: int, seed: int = 0, accelerator: Accelerator | None = None) -> None:
        self.size = size
        self.images: list[Tensor] = []
        self.random = random.Random(seed)
        self.accelerator = accelerator

    @torch.no_grad()
    def query(self, images: Tensor) -> Tensor:
        """Exchange pictures of a batch for older ones, each half the time.

        Takes BxCxHxW and returns the same shape and memory format, without gradient.
        """
        given = images.detach()
        if not self.size:
            return given
        everyone = self._gather(given)
        exchanged = [self._exchange(image) for image in everyone]
        first = len(given) * (self.accelerator.process_index if self.accelerator else 0)
        answer = torch.empty_like(given)  # keeps channels last, which torch.stack would not
        for place, image in zip(answer, exchanged[first:], strict=False):
            place.copy_(image)
        return answer

    def _gather(self, images: Tensor) -> Tensor:
        """The pictures of all processes, in the order of their ranks."""
        if self.accelerator is None or self.accelerator.num_processes == 1:
            return images
        return self.accelerator.gather(images.contiguous())

    def _exchange(self, image: Tensor) -> Tensor:
        if len(self.images) < self.size:
            self.images.append(image.clone())  # a view would keep its whole batch
            return image
        if self.random.random() < 0.5:
            return image
        index = self.random.randrange(self.size)
        old, self.images[index] = self.images[index], image.clone()
        return old

    def state_dict(self) -> dict[str, Any]:
        """The pictures and the random state, which are the same on all processes."""
        return {"images": self.images, "random": self.random.getstate()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state that `state_dict` gave."""
        device = self.accelerator.device if self.accelerator else None
        self.images = [image.to(device=device) for image in state["images"]]
        version, internal, gauss = state["random"]
        self.random.setstate((version, tuple(internal), gauss))
