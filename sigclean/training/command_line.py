"""The options of training from a command line and a YAML file, and back to a YAML file."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

from sigclean.errors import DataError
from sigclean.files import atomic_write_text
from sigclean.training.options import TrainConfig
from sigclean.training.recipes import (
    ADAPT,
    DEFAULT_RECIPE,
    FINETUNE,
    RECIPES,
    recipe_options,
)

CONFIG_FILE = "config.yaml"
TRUTH = {"true": True, "yes": True, "on": True, "1": True}
TRUTH |= {"false": False, "no": False, "off": False, "0": False}


def parse(argv: Sequence[str] | None, description: str | None) -> TrainConfig:
    """The options of a command line, then of its --config file, its recipe, and the defaults.

    Exits with 2 for an option that does not exist. Raises DataError for invalid values.
    """
    given = vars(_parser(description).parse_args(argv))
    file = given.pop("config", None)
    written = read_options(Path(file)) if file else {}
    if written.get("recipe", "") not in ("", given.get("recipe", written.get("recipe", ""))):
        raise DataError(
            f"{file} holds options of --recipe {written['recipe']}, which would win over those of "
            f"{given['recipe'] or 'none'}: leave out one of the two"
        )
    chosen = {**written, **given}
    recipe = chosen.setdefault("recipe", ADAPT if chosen.get("adapt") else DEFAULT_RECIPE)
    if recipe and recipe not in RECIPES:
        return TrainConfig(recipe=recipe)  # which says what there is
    _check_networks(recipe, chosen)
    return TrainConfig(**{**recipe_options(recipe, chosen), **chosen})


def _check_networks(recipe: str, chosen: Mapping[str, Any]) -> None:
    """Raises DataError for a network that the packaged weights of a recipe would replace."""
    packaged = recipe in (FINETUNE, ADAPT) and "weights" not in chosen
    if packaged and chosen.get("netG", "eraser") != "eraser":
        raise DataError(
            f"--netG {chosen['netG']} begins with new weights, and --recipe {recipe} with the "
            "packaged ones: add --recipe scratch"
        )


def read_options(path: Path) -> dict[str, Any]:
    """The options that a YAML file sets. Raises DataError, naming the file and what is wrong."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from error
    except yaml.YAMLError as error:
        raise DataError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise DataError(f"{path} must hold lines of the form option: value")
    types = get_type_hints(TrainConfig)
    if unknown := [name for name in content if name not in types]:
        raise DataError(f"{path}: unknown option {unknown[0]!r}")
    return {name: _value(types[name], name, value, path) for name, value in content.items()}


def write_options(config: TrainConfig, path: Path) -> None:
    """Write all options but secret ones, in their groups, as a file for `--config`."""
    import yaml

    lines, group = [], ""
    for one in fields(config):
        if one.metadata["secret"]:
            continue
        if one.metadata["group"] != group:
            group = one.metadata["group"]
            lines.append(f"# {group}\n")
        lines.append(yaml.safe_dump({one.name: getattr(config, one.name)}, allow_unicode=True))
    atomic_write_text(path, "".join(lines))


def _value(kind: type, name: str, value: Any, path: Path) -> Any:
    """Convert a YAML value to an option's type.

    To YAML 256 is a number, also as a --crop_size; 1e-4 is text, also as a learning rate; `no` is
    false, also as a --mixed_precision; and no value at all is an empty text.
    """
    if kind is str and value in (None, False):
        return "" if value is None else "no"
    try:
        return _convert(kind, value)
    except (TypeError, ValueError, argparse.ArgumentTypeError):
        raise DataError(f"{path}: {name} must be {_KINDS[kind]}, not {value!r}") from None


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _convert(kind: type, value: Any) -> Any:
    """Convert a plain value. Raises ValueError for one of another kind."""
    if kind is bool:
        return _bool(str(value))
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError
    if kind is int and isinstance(value, float) and not value.is_integer():
        raise ValueError
    return kind(value)


def _bool(word: str) -> bool:
    if word.lower() not in TRUTH:
        raise argparse.ArgumentTypeError(f"must be true or false, not {word!r}")
    return TRUTH[word.lower()]


def _parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with an argument for each field; arguments that are not given set nothing."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=partial(
            argparse.RawDescriptionHelpFormatter, max_help_position=36, width=100
        ),
        usage="train.py [--config FILE] [options]",  # ninety options would bury an error message
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("--config", metavar="FILE", help="YAML of options; the command line wins")
    types = get_type_hints(TrainConfig)
    groups: dict[str, argparse._ArgumentGroup] = {}
    for one in fields(TrainConfig):
        title = one.metadata["group"]
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        kind, text = types[one.name], one.metadata["help"]
        if kind is bool:
            more: dict[str, Any] = {"type": _bool, "nargs": "?", "const": True}
            more |= {"metavar": "true|false"}
        else:
            more = {"type": kind, "metavar": {str: "TEXT", int: "N", float: "X"}[kind]}
        if one.default not in ("", None) and one.default is not False:
            text += f" ({str(one.default).lower() if kind is bool else one.default})"
        groups[title].add_argument(f"--{one.name}", help=text.replace("%", "%%"), **more)
    return parser
