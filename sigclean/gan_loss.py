"""What generated and real pictures cost the generators and discriminators."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def gan_loss(scores: Tensor, real: bool) -> Tensor:
    """LSGAN (Mao et al. 2017): squared distance of raw scores from 1 (real) or 0 (generated)."""
    return F.mse_loss(scores, torch.full_like(scores, float(real)))
