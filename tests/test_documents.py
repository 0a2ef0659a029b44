"""The documents: links lead somewhere, options and modules exist, and examples can be run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sigclean.cli import COMMANDS, build_parser

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "sigclean" / "weights" / "README.md",
)
MANUALS = tuple(path for path in DOCUMENTS if path.name not in ("training.md", "CHANGELOG.md"))
MOST_WORDS = 1100  # of the README, its header for the Hub included
OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")
LAUNCHERS = {  # options of accelerate, torchrun and pytest that the documents show
    "--cpu", "--num_processes", "--nproc_per_node", "--num_machines", "--machine_rank", "--dist",
    "--main_process_ip", "--main_process_port", "--num_cpu_threads_per_process",
}  # fmt: skip
BENCHMARKS = {"--against", "--batch", "--count", "--memory", "--only", "--pages", "--users"}

in_every_document = pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def blocks(path: Path, language: str) -> list[str]:
    """The code blocks of a document that are in `language`."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.M)


def commands(path: Path) -> Iterator[str]:
    """The commands of a document's bash blocks, without comments, each in one line."""
    for block in blocks(path, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            if command := re.sub(r"(^|\s)#.*", "", line).strip():
                yield command


def command_options(name: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The options that `sigclean NAME --help` shows."""
    with pytest.raises(SystemExit):
        build_parser().parse_args([name, "--help"])
    return set(OPTION.findall(capsys.readouterr().out))


@pytest.fixture(scope="module")
def training_options() -> set[str]:
    """The options that `train.py --help` shows."""
    command = [sys.executable, str(ROOT / "train.py"), "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(OPTION.findall(said))


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").split()) < MOST_WORDS


def test_the_first_command_of_the_readme_starts_the_web_page_and_one_runs_the_tests() -> None:
    first, *_, last = commands(README)
    begin = "python3 -m venv .venv && .venv/bin/pip install"
    assert first == f"{begin} -r requirements.txt && .venv/bin/python app.py"
    assert last == f"{begin} -e '.[dev]' && .venv/bin/python -m pytest -n 2 --dist loadfile"


@in_every_document
def test_every_relative_link_leads_to_a_file(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.M)
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    inside = [target for target in targets if not re.match(r"\w+:", target)]
    assert [target for target in inside if not (path.parent / target).exists()] == []


@in_every_document
def test_every_python_example_compiles(path: Path) -> None:
    for block in blocks(path, "python"):
        compile(block, str(path), "exec")


@in_every_document
def test_every_shell_example_is_valid(path: Path) -> None:
    for block in blocks(path, "bash"):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)


def test_every_option_of_an_example_exists(
    training_options: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    known = {
        name.replace("_", "-"): command_options(name.replace("_", "-"), capsys) for name in COMMANDS
    }
    known["train.py"] = training_options
    unknown = []
    for path in DOCUMENTS:
        for command in commands(path):
            used = re.match(r".*?\b(?:sigclean ([a-z-]+)|(train\.py))(?= )(.*)", command)
            if used and (name := used[1] or used[2]):
                extra = set(OPTION.findall(used[3])) - known.get(name, set())
                unknown += [(path.name, command, option) for option in extra]
    assert unknown == []


def test_every_option_in_the_text_exists(
    training_options: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    known = set.union(
        training_options,
        LAUNCHERS,
        BENCHMARKS,
        *(command_options(name.replace("_", "-"), capsys) for name in COMMANDS),
    )
    for path in MANUALS:
        text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.M)
        spans = re.findall(r"`([^`]+)`", text)
        used = {option for span in spans for option in OPTION.findall(span) if option[:2] == "--"}
        assert used - known == set(), path.name


@pytest.mark.parametrize("name", ["clean", "extract"])
def test_every_option_of_a_command_is_explained(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (ROOT / "docs" / "command_line.md").read_text("utf-8")
    text = whole.split(f"\n## {name.capitalize()}\n")[1].split("\n## ")[0]
    long = {option for option in command_options(name, capsys) if option.startswith("--")}
    short = {"--help", "--output", "--recursive"}  # explained by -h, -o and -r
    assert {one for one in long - short - LAUNCHERS if one not in text} == set()


def test_the_readmes_recipe_is_a_configuration_of_train(
    training_options: set[str], tmp_path: Path
) -> None:
    from sigclean.training.command_line import parse

    [recipe] = blocks(README, "yaml")
    (tmp_path / "run.yaml").write_text(recipe, encoding="utf-8")
    config = parse(["--config", str(tmp_path / "run.yaml")], "")
    assert config.weights == "default"
    assert 0 < config.warmup_steps <= config.max_train_steps
    assert config.lambda_paired > 0


def test_every_file_that_is_named_exists() -> None:
    for path in DOCUMENTS:
        named = re.findall(r"`((?:sigclean|benchmarks)/[\w/.]*)`", path.read_text("utf-8"))
        assert [name for name in named if not (ROOT / name).exists()] == [], path.name


def packages(name: str) -> set[str]:
    """The requirements, with their ranges, that a list of pyproject.toml names."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    found = re.search(rf"^{name} = \[(.*?)\](?=\s*(?:#.*)?$)", text, re.DOTALL | re.M)
    assert found, name
    listed = set(re.findall(r'"([^"]+)"', found[1]))
    own = {one for one in listed if one.startswith("sigclean[")}
    extras = [extra for one in own for extra in one[len("sigclean[") : -1].split(",")]
    return set.union(listed - own, *map(packages, extras))


def test_requirements_are_those_of_the_web_page_without_pytorch() -> None:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    listed = {line for line in lines if line and not line.startswith("#")}
    assert listed == packages("dependencies") | packages("demo")
    assert not [line for line in listed if line.startswith("torch")]


def test_the_readme_lists_every_extra() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    section = text.split("[project.optional-dependencies]")[1].split("\n[")[0]
    extras = re.findall(r"^([\w-]+) = \[", section, re.M)
    shown = re.findall(r"^\| `([\w-]+)` \|", README.read_text("utf-8"), re.M)
    assert sorted(shown) == sorted(extras)
