"""The metadata of the ONNX files that `sigclean export` writes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from sigclean.errors import WeightsError, reason
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import WEIGHTS_FILE

METADATA_KEY = "sigclean"


@dataclass(frozen=True)
class OnnxFacts:
    """The facts about a graph that serving needs."""

    config: Mapping[str, Any]  # the contents of config.json
    multiple: int  # pixels; height and width must be multiples of it
    takes_cuts: bool  # the letterbox's strips may be cut off, since they tell the network nothing
    weights: str  # SHA-256 of the model.safetensors that the graph was made from
    beside: bool  # the graph reads its weights from that file, which must lie beside it

    @classmethod
    def from_json(cls, text: str | None, path: Path) -> OnnxFacts:
        """Read the metadata of the file at `path`.

        Raises WeightsError, naming the file, if `sigclean export` did not write it, a newer version
        did, or it was made from other weights than those beside it.
        """
        try:
            facts = cls(**json.loads(text or ""))
        except (ValueError, TypeError) as error:
            raise WeightsError(
                f"{path} is an ONNX file, but not one of sigclean's: make one with "
                "`sigclean export --onnx`"
            ) from error
        facts.model_config(path)
        facts._check_weights(path)
        return facts

    def model_config(self, path: Path) -> ModelConfig:
        """Return the config. Raises WeightsError, naming the file, if it cannot be served."""
        return ModelConfig.from_mapping(self.config, path)

    def _check_weights(self, path: Path) -> None:
        """Raise WeightsError if the weights beside the file are not those it was made from."""
        if self.beside and weights_digest(path.with_name(WEIGHTS_FILE)) != self.weights:
            raise WeightsError(
                f"{path} was made from other weights than the {WEIGHTS_FILE} beside it: make it "
                f"again with `sigclean export --onnx {path} --weights {path.parent}`"
            )


def is_onnx_file(source: object) -> TypeGuard[str | os.PathLike[str]]:
    """Tell whether the weights that a user named are an ONNX file, judging by the name."""
    named = isinstance(source, str | os.PathLike) and str(source).lower().endswith(".onnx")
    return named and not Path(str(source)).is_dir()


def onnx_file(source: str | os.PathLike[str], revision: str | None) -> Path:
    """Return the path of an ONNX file. Raises WeightsError if it is missing or has a revision."""
    path = Path(source).expanduser()
    if not path.is_file():
        raise WeightsError(f"{path} does not exist")
    if revision is not None:
        raise WeightsError(f"{path} is a file: only a Hub repository has revisions")
    return path


def weights_digest(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file. Raises WeightsError if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {reason(error)}") from error
