"""The card that training writes: model_card.md with the facts of a run, whatever they hold."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, meta
from PIL import Image

from sigclean.errors import DataError, one_line
from sigclean.model_files.config import ModelConfig
from sigclean.model_files.names import DEFAULT_WEIGHTS
from sigclean.training.card import CardFacts, Measured, check_template, code, fill_card
from sigclean.training.card_facts import chosen_options, newest_samples
from sigclean.training.options import TrainConfig

TEMPLATE = Path(__file__).parents[1] / "model_card.md"
MEASURED = Measured(
    1000,
    12,
    {"f": 90.12, "recall": 91.0, "precision": 89.5, "psnr": 25.25},
    {"f": 60.5, "recall": 99.0, "precision": 43.0, "psnr": 12.0},
)
FACTS = CardFacts(
    name="mine",
    source="user/repo",
    model=ModelConfig("eraser", {"widths": (16, 32)}, size=64),
    weight_count=1_806_388,
    license="",
    base_model="",
    dataset="signatures",
    on_hub=False,
    noise="",
    noisy="",
    clean=100,
    pairs=80,
    unpaired=20,
    options={"batch_size": 4},
    step=1200,
    end=1200,
    ended=True,
    adapted="",
    warmup_steps=100,
    processes=2,
    batch=8,
    precision="float32",
    device="CPU",
    seed=1,
    versions={"sigclean": "1.0", "torch": "2.8"},
    measured=MEASURED,
    samples=True,
)


def fill(**changes: Any) -> str:
    return fill_card(TEMPLATE, replace(FACTS, **changes))


def header(card: str) -> dict[str, Any]:
    found = yaml.safe_load(card.split("---\n")[1])
    assert isinstance(found, dict)
    return found


# --- template and facts -------------------------------------------------------------------------


def test_the_template_uses_all_facts_and_no_others() -> None:
    environment = Environment()
    environment.filters |= {"code": code, "yaml": str}
    asked = meta.find_undeclared_variables(environment.parse(TEMPLATE.read_text("utf-8")))
    assert asked == {one.name for one in fields(CardFacts)} | {"card_data", "figures"}


def test_what_the_template_says_of_itself_is_not_in_a_card() -> None:
    assert "A template" in TEMPLATE.read_text("utf-8").splitlines()[0]
    assert fill().startswith("---\n")
    assert "A template" not in fill()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: No such file"),
        ("{% if %}", "is not a template of a card"),
        ("{{ ", "is not a template of a card"),
    ],
)
def test_a_template_that_cannot_be_used_is_found_before_training(
    tmp_path: Path, text: str | None, words: str
) -> None:
    path = tmp_path / "card.md"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        check_template(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_template_that_asks_for_an_unknown_fact_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text("{{ fame }}")
    with pytest.raises(DataError, match=r"card\.md cannot be filled: 'fame' is undefined"):
        fill_card(tmp_path / "card.md", FACTS)


# --- what the Hub reads -------------------------------------------------------------------------


def test_the_header_says_what_the_model_is_and_how_good() -> None:
    found = header(fill())
    assert found["pipeline_tag"] == "image-to-image"
    assert found["library_name"] == "sigclean"
    assert "eraser" in found["tags"]
    [index] = found["model-index"]
    [result] = index["results"]
    assert index["name"] == "mine"
    assert result["dataset"]["name"] == "signatures, held out"
    assert {one["type"]: one["value"] for one in result["metrics"]} == {
        "f1": 90.12,
        "recall": 91.0,
        "precision": 89.5,
        "psnr": 25.25,
    }


def test_a_data_set_and_first_weights_of_the_hub_are_named_in_the_header() -> None:
    found = header(fill(dataset="user/signatures", on_hub=True, base_model="user/older"))
    assert found["datasets"] == ["user/signatures"]
    assert found["base_model"] == "user/older"
    assert "datasets" not in header(fill())


names = st.text(min_size=1) | st.sampled_from(
    ["a: b", '"', "'", "{{ x }}", "{% raw %}", "---", "\n---\n# b\n", "`", "|", "<script>", "no"]
)


@settings(max_examples=30, deadline=None)
@given(name=names, dataset=names, value=names)
def test_names_cannot_break_the_card(name: str, dataset: str, value: str) -> None:
    card = fill(name=name, dataset=dataset, options={"fonts": value, "seed": 3})
    assert header(card).keys() == header(fill()).keys()
    assert isinstance(header(card)["model-index"][0]["name"], str)
    structure = [[line for line in text.splitlines() if line.startswith(("---", "```", "##", "|"))]
                 for text in (card, fill())]  # fmt: skip
    assert structure[0] == structure[1]
    options = card.split("```yaml\n")[2].split("\n```\n")[0]
    assert yaml.safe_load(options) == {"fonts": one_line(value), "seed": 3}


# --- what people read ---------------------------------------------------------------------------


def test_figures_are_shown_beside_those_of_the_noisy_pictures() -> None:
    card = fill()
    assert "| F-measure of the ink, one pixel tolerance (%) | 60.50 | 90.12 |" in card
    assert "| PSNR (dB) | 12.00 | 25.25 |" in card
    assert "Of 12 pairs that were held out, after step 1,000" in card
    assert "Of 1 pair that was held out" in fill(measured=replace(MEASURED, pairs=1))


def test_a_run_without_figures_says_so_and_claims_none() -> None:
    card = fill(measured=None)
    assert "None were measured" in card
    assert "model-index" not in header(card)


def test_the_sample_grid_is_shown_only_where_there_is_one() -> None:
    assert "](samples.png)" in fill()
    assert "samples.png" not in fill(samples=False)


def test_a_run_that_has_not_ended_says_so() -> None:
    assert "1,200 steps, the first 100 of G_B alone on pairs." in fill()
    assert "1,000 of 1,200 steps planned: **training has not ended**" in fill(
        step=1000, ended=False
    )
    assert "of G_B alone" not in fill(warmup_steps=0)


def test_the_origin_of_data_is_left_to_the_owner() -> None:
    card = fill()
    assert header(card)["license"] == "other"
    assert "**Not stated yet.**" in card.split("## Data: provenance and licence")[1]


def test_a_licence_that_was_named_is_in_the_header_and_the_origin_still_open() -> None:
    card = fill(license="apache-2.0")
    assert header(card)["license"] == "apache-2.0"
    assert "license_name" not in header(card)
    assert "The weights are licensed `apache-2.0`" in card
    assert "**Where the pictures come\nfrom is not stated yet**" in card


def test_the_card_of_the_packaged_model_has_the_figures_of_its_table_in_the_header() -> None:
    text = (DEFAULT_WEIGHTS / "README.md").read_text("utf-8")
    data = ModelCard(text).data
    assert (data.library_name, data.pipeline_tag) == ("sigclean", "image-to-image")
    assert data.license == "apache-2.0"
    lines = [[cell.strip(" *") for cell in line.split("|")] for line in text.splitlines()]
    [names] = [cells for cells in lines if cells[1:3] == ["noise", "noisy F"]]
    [mean] = [cells for cells in lines if cells[1:2] == ['mean without "none"']]
    table = dict(zip(names, mean, strict=True))
    shown = {one.metric_type: one.metric_value for one in data.eval_results or ()}
    assert shown == {
        "f1": float(table["cleaned F"]),
        "recall": float(table["recall"]),
        "precision": float(table["precision"]),
        "psnr": float(table["PSNR cleaned"]),
        "ssim": float(table["SSIM"]),
    }
    for section in ("## Limits", "## Out of scope", "## Data: provenance and licence"):
        assert section in text
    assert "](samples.png)" in text
    assert (DEFAULT_WEIGHTS / "samples.png").is_file()


def test_drawn_signatures_and_unknown_counts_are_stated() -> None:
    card = fill(dataset="", noise="all", clean=None, pairs=None)
    assert "Data: signatures that sigclean drew itself; nobody's signature is among them." in card
    assert "Noise was made on the fly, anew in every epoch" in card
    assert "| noisy, the clean one known | not known: streamed |" in card
    assert "nobody's signature" not in fill(dataset="", noisy="scans")
    assert "without a truth: the folder `scans`." in fill(dataset="", noisy="scans")


# --- from options to facts ----------------------------------------------------------------------


def test_options_tell_names_of_folders_and_never_the_way_to_them(tmp_path: Path) -> None:
    for name in ("sigs", "fonts", "weights"):
        (tmp_path / name).mkdir()
    config = TrainConfig(
        dataroot=f"{tmp_path}/sigs/", fonts=str(tmp_path / "fonts"),
        weights=str(tmp_path / "weights"), output_dir=str(tmp_path / "run"), batch_size=4,
    )  # fmt: skip
    options = chosen_options(config)
    assert options == {"dataroot": "sigs", "fonts": "fonts", "weights": "weights", "batch_size": 4}


def test_options_of_the_hub_are_kept_as_they_are_and_secrets_are_not_options() -> None:
    config = TrainConfig(dataset="user/set", weights="user/older", hub_token="hf_secret")
    assert chosen_options(config) == {"dataset": "user/set", "weights": "user/older"}


def test_the_newest_grid_is_shown_unless_signatures_are_private(tmp_path: Path) -> None:
    config = TrainConfig(output_dir=str(tmp_path))
    assert newest_samples(config) is None
    (tmp_path / "samples").mkdir()
    for step in (900, 1000):
        Image.new("RGB", (2, 2)).save(tmp_path / "samples" / f"{step:08d}.png")
    assert newest_samples(config) == tmp_path / "samples" / "00001000.png"
    assert newest_samples(replace(config, hub_samples=False)) is None


def test_a_step_that_was_not_made_is_not_told_as_warm_up() -> None:
    assert "0 of 1,200 steps planned: **training has not ended**.\n" in fill(step=0, ended=False)
