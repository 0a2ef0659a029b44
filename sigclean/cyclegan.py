"""CycleGAN (Zhu et al. 2017, arXiv 1703.10593): its losses, pool and the paired extension.

G_A: A to B, G_B: B to A (the cleaner); D_A judges pictures of A, D_B pictures of B. In the paper's
terms G_A is G, G_B is F, D_A is D_X and D_B is D_Y. Names of the generators' losses are the
reference's; its code calls D_A what judges G_A's pictures, which is D_B here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigclean.eraser import Eraser

INK_WEIGHT = 5.0  # of an ink pixel against a paper pixel: paper is twenty times as frequent
PRINT_WEIGHT = 2.0  # of a pixel of noise: what must go
STRIP_WEIGHT = 0.02  # of the black strips: kept as they are, but hardly worth learning
FAINTEST_INK = 0.08  # darkness below which a pixel of the truth is paper, not stroke


@dataclass
class Networks:
    """The four networks, wrapped or bare."""

    G_A: nn.Module
    G_B: nn.Module
    D_A: nn.Module
    D_B: nn.Module


@dataclass(frozen=True)
class LossWeights:
    """The reference's weights; `paired` is the share of the direct loss on pairs."""

    cycle_A: float = 10.0
    cycle_B: float = 10.0
    identity: float = 0.5
    paired: float = 0.0


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


def gan_loss(scores: Tensor, real: bool) -> Tensor:
    """LSGAN (Mao et al. 2017): squared distance of raw scores from 1 (real) or 0 (generated)."""
    return F.mse_loss(scores, torch.full_like(scores, float(real)))


def paired_loss(
    clean: Tensor, logits: Tensor | None, noisy: Tensor, truth: Tensor, paired: Tensor
) -> Tensor:
    """Direct loss on pairs whose truth is known.

    A keep map is held to the share of the input's darkness that is signature, by cross entropy
    with ink pixels weighted, plus Dice on ink (both as in binary segmentation) and L1 on the
    picture. Generators without a keep map are judged by the same terms on the picture's darkness.

    Args:
        clean: the generator's picture of `noisy`, Bx3xHxW in [-1, 1].
        logits: Bx1xHxW of its keep map, or None.
        paired: B, 1 where `truth` is one, 0 where it is to be ignored.
    """
    target, weight = keep_target(noisy, truth)
    weight = weight * paired.view(-1, 1, 1, 1)
    total = weight.sum().clamp(min=1.0)
    if logits is None:
        share = _darkness(clean) / _darkness(noisy).clamp(min=1 / 255)
        entropy = (weight * (share.clamp(0, 1) - target) ** 2).sum() / total
        keep = share.clamp(0, 1)
    else:
        entropy = (
            weight * F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        ).sum() / total
        keep = torch.sigmoid(logits)
    shown = paired.view(-1, 1, 1, 1) * (1 - strips(noisy))
    dice = 1 - (2 * (shown * keep * target).sum() + 1) / (shown * (keep + target)).sum().add(1)
    distance = (shown * (clean - truth).abs()).sum() / (3 * shown.sum().clamp(min=1.0))
    return entropy + 0.5 * dice + distance


@torch.no_grad()
def keep_target(noisy: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """What share of each input pixel's darkness is signature, and how much the pixel counts.

    Both Bx1xHxW. The share is 1 wherever a stroke lies on white paper, its soft edge included.
    """
    ink, seen = _darkness(truth), _darkness(noisy)
    share = (ink / seen.clamp(min=1 / 255)).clamp(0, 1) * (ink > FAINTEST_INK)
    weight = 1 + (INK_WEIGHT - 1) * share + (PRINT_WEIGHT - 1) * seen * (1 - share)
    strip = strips(noisy)
    return torch.where(strip > 0, torch.ones_like(share), share), torch.where(
        strip > 0, torch.full_like(weight, STRIP_WEIGHT), weight
    )


def strips(pictures: Tensor) -> Tensor:
    """Bx1xHxW, 1 on rows and columns that are black from side to side: the letterbox's strips.

    A full-width black rule counts too, so only runs of such rows from the border on do.
    """
    black = (pictures.amax(dim=1, keepdim=True) <= -1).float()
    rows, columns = black.amin(dim=3, keepdim=True), black.amin(dim=2, keepdim=True)
    return torch.maximum(_from_border(rows, 2), _from_border(columns, 3)).expand_as(black)


def _from_border(run: Tensor, dim: int) -> Tensor:
    forward = run.cumprod(dim)
    backward = run.flip(dim).cumprod(dim).flip(dim)
    return torch.maximum(forward, backward)


def _darkness(pictures: Tensor) -> Tensor:
    """Bx3xHxW in [-1, 1] to Bx1xHxW in [0, 1]: of the darkest channel, so that all inks count."""
    return (1 - pictures.amin(dim=1, keepdim=True)) / 2


def translate(generator: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
    """The generator's pictures, and the logits of its keep map if it predicts one.

    It is called once, through its wrapper, so that gradients are shared between processes.
    """
    if isinstance(getattr(generator, "module", generator), Eraser):
        return generator(pictures, return_logits=True)
    return generator(pictures), None


def warmup_loss(generator: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The paired loss alone, before the discriminators join."""
    clean, logits = translate(generator, batch["real_B"])
    return paired_loss(clean, logits, batch["real_B"], batch["truth"], batch["paired"])


def generator_loss(
    nets: Networks, batch: dict[str, Tensor], weights: LossWeights
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """The loss of both generators on one batch; freeze the discriminators first.

    Returns:
        The sum, its parts under the reference's names, and the pictures made.
    """
    real_a, real_b = batch["real_A"], batch["real_B"]
    fake_b = nets.G_A(real_a)
    fake_a, logits = translate(nets.G_B, real_b)
    rec_a, rec_b = nets.G_B(fake_b), nets.G_A(fake_a)
    parts = {
        "G_A": gan_loss(nets.D_B(fake_b), True),
        "G_B": gan_loss(nets.D_A(fake_a), True),
        "cycle_A": weights.cycle_A * F.l1_loss(rec_a, real_a),
        "cycle_B": weights.cycle_B * F.l1_loss(rec_b, real_b),
    }
    if weights.identity:
        share_a, share_b = weights.cycle_A * weights.identity, weights.cycle_B * weights.identity
        parts["idt_A"] = share_b * F.l1_loss(nets.G_A(real_b), real_b)
        parts["idt_B"] = share_a * F.l1_loss(nets.G_B(real_a), real_a)
    if weights.paired:
        loss = paired_loss(fake_a, logits, real_b, batch["truth"], batch["paired"])
        parts["paired"] = weights.paired * loss
    made = {"fake_A": fake_a, "fake_B": fake_b, "rec_A": rec_a, "rec_B": rec_b}
    return torch.stack(list(parts.values())).sum(), parts, made


def discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Half the sum of the losses on real and generated pictures, as the reference weighs it."""
    loss_real = gan_loss(discriminator(real), True)
    return 0.5 * (loss_real + gan_loss(discriminator(fake.detach()), False))
