"""What an ONNX file of ours says about itself, in its metadata."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeGuard

from sigclean.errors import WeightsError, reason
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import WEIGHTS_FILE

METADATA_KEY = "sigclean"


@dataclass(frozen=True)
class OnnxFacts:
    """What serving needs to know of a graph.

    Attributes:
        config: the contents of config.json.
        multiple: of what the sides of its pictures are multiples.
        takes_cuts: the letterbox's strips may be left away: they tell the network nothing.
        weights: SHA-256 of the model.safetensors that it was made from.
        beside: it reads its weights from that file, which must lie beside it.
    """

    config: Mapping[str, Any]
    multiple: int
    takes_cuts: bool
    weights: str
    beside: bool

    def to_json(self) -> str:
        """The text of the metadata."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | None, path: Path) -> OnnxFacts:
        """Raises WeightsError, naming the file, if it is none that `sigclean export` wrote."""
        try:
            facts = cls(**json.loads(text or ""))
        except (ValueError, TypeError) as error:
            raise WeightsError(
                f"{path} is an ONNX file, but none of sigclean's: make one with "
                "`sigclean export --onnx`"
            ) from error
        facts.model_config(path)
        return facts

    def model_config(self, path: Path) -> ModelConfig:
        """Raises WeightsError, naming the file, if this version cannot serve it."""
        return ModelConfig.from_mapping(self.config, path)


def is_onnx_file(source: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether weights that somebody named are an ONNX file, by the name."""
    named = isinstance(source, str | os.PathLike) and str(source).lower().endswith(".onnx")
    return named and not Path(str(source)).is_dir()


def onnx_file(source: str | os.PathLike[str], revision: str | None) -> Path:
    """Where it is. Raises WeightsError if it is not there, or a revision of it is asked for."""
    path = Path(source).expanduser()
    if not path.is_file():
        raise WeightsError(f"{path} does not exist")
    if revision is not None:
        raise WeightsError(f"{path} is a file: only a Hub repository has revisions")
    return path


def weights_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits. Raises WeightsError if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {reason(error)}") from error


def check_weights(facts: OnnxFacts, file: Path) -> None:
    """Raises WeightsError if the weights beside the file are not those that it was made from."""
    weights = file.with_name(WEIGHTS_FILE)
    if facts.beside and weights_digest(weights) != facts.weights:
        raise WeightsError(
            f"{file} was made from other weights than the {WEIGHTS_FILE} beside it: make it again "
            f"with `sigclean export --onnx {file} --weights {file.parent}`"
        )
