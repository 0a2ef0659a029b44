"""The `config.json` of a weights folder: the generator, its arguments, and its input format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sigclean.errors import WeightsError

FORMAT_VERSION = 1
# Arguments that were added to a generator later: older folders lack them, and mean these values.
ADDED_ARGUMENTS: Mapping[str, Mapping[str, Any]] = {"eraser": {"heads": 0}}
MAX_SIZE = 4096  # pixels, so that a broken file cannot ask for all memory


@dataclass(frozen=True)
class ModelConfig:
    """The contents of `config.json`."""

    generator: str  # a name in `networks.build.GENERATORS`
    # of the generator's constructor; `save_generator` writes all of them
    arguments: Mapping[str, Any] = field(default_factory=dict)
    size: int = 512  # pixels, side of the square pictures that the generator was trained on
    padding: str = "black"  # the colour of the strips that make a picture square
    channels: str = "rgb"  # the order of the input's channels
    value_range: tuple[float, float] = (-1.0, 1.0)  # the network's values of black and white
    format_version: int = FORMAT_VERSION  # grows when older versions of sigclean would misread it

    def __post_init__(self) -> None:
        """Raise WeightsError for values that this version of sigclean does not support."""
        if self.format_version != FORMAT_VERSION:
            raise WeightsError(f"format_version is {self.format_version!r}, not {FORMAT_VERSION}")
        if not isinstance(self.generator, str):
            raise WeightsError(f"generator must be a name, not {self.generator!r}")
        if not isinstance(self.arguments, Mapping):
            raise WeightsError(f"arguments must be a table, not {self.arguments!r}")
        if type(self.size) is not int or not 1 <= self.size <= MAX_SIZE:
            raise WeightsError(f"size must be 1 to {MAX_SIZE} pixels, not {self.size!r}")
        for name, only in (("padding", "black"), ("channels", "rgb"), ("value_range", (-1, 1))):
            if getattr(self, name) != only:
                raise WeightsError(f"{name} must be {only!r}, not {getattr(self, name)!r}")

    def to_json(self) -> str:
        """Return the text of `config.json`, one field per line."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> ModelConfig:
        """Read `config.json`, ignoring unknown keys.

        Raises WeightsError, naming the file, if it is broken, incomplete or of a newer format.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:  # broken JSON or UTF-8: ValueError
            raise WeightsError(f"{path} cannot be read: {error}") from error
        return cls.from_mapping(content, path)

    @classmethod
    def from_mapping(cls, content: Any, path: Path) -> ModelConfig:
        """Build a config from JSON that was read from `path`.

        Raises WeightsError, naming the file, if it is incomplete or of a newer format.
        """
        try:
            return cls._from_mapping(content)
        except WeightsError as error:
            raise WeightsError(f"{path}: {error}") from error

    @classmethod
    def _from_mapping(cls, content: Any) -> ModelConfig:
        if not isinstance(content, dict):
            raise WeightsError("this is not the config of a sigclean model")
        version = content.get("format_version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise WeightsError("these weights need a newer version of sigclean")
        names = [one.name for one in fields(cls)]
        missing = [name for name in names if name not in content]
        if missing:
            raise WeightsError(f"{', '.join(missing)} missing")
        values = {name: content[name] for name in names}
        if isinstance(values["value_range"], list):  # JSON has no tuples
            values["value_range"] = tuple(values["value_range"])
        config = cls(**values)
        added = ADDED_ARGUMENTS.get(config.generator, {})
        return replace(config, arguments={**added, **config.arguments})
