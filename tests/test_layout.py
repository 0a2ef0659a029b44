"""The layout of the package: imports run one way, from higher layers to lower ones.

Imports inside functions and under TYPE_CHECKING count as well.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sigclean"

# From the ground up: each imports from those before it alone. CONTRIBUTING.md says the same.
ORDER = (
    *("version", "errors", "arrays", "extras", "files"),
    *("processes", "reports"),
    *("images", "encoding", "documents", "letterbox", "metrics", "windows"),
    *("networks", "model_files", "pieces", "compositing", "runtimes"),
    *("ink", "tracing", "export", "hub"),
    *("views", "finding", "regions", "extraction", "cleaner"),
    *("drawn", "noise", "corpus"),
    *("bulk", "ray", "training", "evaluation"),
    *("demo", "commands", "cli", "__main__", "sigclean"),
)
MOST_ROOT_MODULES = 15
DEEPEST = 16  # modules in the longest chain of imports


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of the package that a module imports, wherever in its source."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import in line {node.lineno}"
            for alias in node.names:
                longer = f"{node.module}.{alias.name}"
                names.add(longer if longer in modules() else str(node.module))
    return frozenset(names & set(modules()) - {module})


def home(module: str) -> str:
    """The folder or the root module that a module belongs to."""
    return module.split(".")[1] if "." in module else "sigclean"


def test_every_module_has_a_layer() -> None:
    assert {home(module) for module in modules()} == set(ORDER)


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_imports_from_lower_layers_alone(module: str) -> None:
    if module in ("sigclean", "sigclean.cli"):  # both hand names on that they import when asked
        return
    below = ORDER[: ORDER.index(home(module)) + 1]
    wrong = [name for name in sorted(imports(module)) if home(name) not in below]
    assert not wrong, f"{module} imports {', '.join(wrong)}, which do not lie below it"


def test_there_are_no_circles_and_no_long_chains() -> None:
    depths: dict[str, int] = {}

    def depth(module: str, chain: tuple[str, ...] = ()) -> int:
        assert module not in chain, f"a circle: {' -> '.join((*chain, module))}"
        if module not in depths:
            below = [depth(name, (*chain, module)) for name in imports(module)]
            depths[module] = 1 + max(below, default=0)
        return depths[module]

    deepest = max(modules(), key=depth)
    assert depth(deepest) <= DEEPEST, f"{deepest} stands on {depth(deepest)} others in a chain"


def test_the_root_of_the_package_is_a_table_of_contents() -> None:
    names = [path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")]
    assert len(names) <= MOST_ROOT_MODULES, names


def test_every_folder_says_which_question_it_answers() -> None:
    for folder in PACKAGE.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(folder.read_text(encoding="utf-8"))), folder


def test_what_serves_never_imports_what_publishes() -> None:
    seen: set[str] = set()
    waiting = ["sigclean.cleaner"]
    while waiting:
        module = waiting.pop()
        seen.add(module)
        below = imports(module) - seen
        if module == "sigclean.cleaner":  # its method push_to_hub hands over to it when called
            below -= {"sigclean.hub.push"}
        waiting += below
    assert "sigclean.hub.resolve" in seen
    assert not seen & {"sigclean.hub.push", "sigclean.hub.upload", "sigclean.hub.publishing"}
    assert not {home(module) for module in seen} & {"export", "training", "noise", "demo"}
