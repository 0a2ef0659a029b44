"""The report of an evaluation: its page and tables; and two evaluations compared."""

from __future__ import annotations

import base64
import html.parser
import io
from pathlib import Path

import pytest
from PIL import Image

from sigclean.errors import DataError
from sigclean.evaluation.comparing import pair, read_evaluation
from sigclean.evaluation.pictures import ShownCase, most_changed, worst
from sigclean.evaluation.report import NamedEvaluation, render
from sigclean.evaluation.scores import CaseScores, Evaluation, Verification
from sigclean.evaluation.writing import short_comparison, short_table, write_comparison
from sigclean.reports.embedding import LONGEST_SIDE, data_url


def case(name: str, family: str, f: float) -> CaseScores:
    cleaned = {"f": f, "recall": f, "precision": f, "drd": 2.0, "invented_same_level": 0.0}
    return CaseScores(name, family, {"f": 0.5, "recall": 1.0, "precision": 0.3}, cleaned)


def evaluation(model: str, shares: dict[tuple[str, str], float], **more: object) -> Evaluation:
    cases = tuple(case(name, family, f) for (family, name), f in shares.items())
    return Evaluation(model, {"seed": 7}, cases, **more)  # type: ignore[arg-type]


def verified(eer: float) -> Verification:
    return Verification(eer, 1 - eer, 20, 10, (0.0, eer, 1.0), (1.0, eer, 0.0))


ONE = evaluation(
    "one",
    {("none", "a"): 1.0, ("rules", "a"): 0.9, ("rules", "b"): 0.7, ("stamp", "a"): 0.8},
    verification={"clean": verified(0.1), "noisy": verified(0.3), "cleaned": verified(0.12)},
)
OTHER = evaluation(
    "other", {("none", "a"): 1.0, ("rules", "a"): 0.95, ("rules", "b"): 0.2, ("stamp", "a"): 0.9}
)
REAL = Evaluation("one", {}, (CaseScores("a.jpg", "real", {}, {"kept": 0.8, "invented": 0.0}),))


class _Tags(html.parser.HTMLParser):
    """Checks that tags are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def lines(text: str) -> dict[str, list[str]]:
    return {row.split()[0]: row.split()[1:] for row in text.splitlines()}


def test_a_page_stands_alone() -> None:
    shown = [ShownCase("rules: b", "F 70.00", (("noisy", Image.new("RGB", (30, 20))),))]
    page = render([NamedEvaluation("cleaned", ONE)], shown)
    assert _Tags(page).open == []
    assert "http" not in page.replace("http://www.w3.org", "")
    assert 'src="data:image/' in page


def test_the_recovered_share_of_the_error_rate_is_told() -> None:
    page = render([NamedEvaluation("cleaned", ONE)], [])
    assert "<dt>Error rate recovered</dt><dd>90.0 <small>%</small>" in page


@pytest.mark.parametrize("found", [REAL, Evaluation("one", {}, ())], ids=["real", "nothing"])
def test_figures_that_were_not_measured_are_left_out(found: Evaluation) -> None:
    page = render([NamedEvaluation("cleaned", found)], [])
    assert _Tags(page).open == []
    assert "Plots" not in page
    assert "verification" not in page
    assert "Precision</dt>" not in page


def test_names_of_files_and_models_are_escaped() -> None:
    bad = "<script>alert(1)</script>"
    shown = [ShownCase(bad, bad, ((bad, Image.new("RGB", (9, 9))),))]
    found = evaluation(bad, {(bad, bad): 0.5})
    page = render([NamedEvaluation(bad, found), NamedEvaluation("B", found)], shown, [bad])
    assert bad not in page
    assert _Tags(page).open == []


def test_two_models_stand_side_by_side_with_their_differences() -> None:
    page = render([NamedEvaluation("A", ONE), NamedEvaluation("B", OTHER)], [], ["Beware"])
    assert "Beware" in page
    assert '<td class="worse">-22.50</td>' in page, "rules: 80 becomes 57.5"
    assert '<td class="better">+10.00</td>' in page, "stamp: 80 becomes 90"


def test_more_ink_kept_is_neither_better_nor_worse() -> None:
    more = Evaluation("two", {}, (CaseScores("a.jpg", "real", {}, {"kept": 0.9}),))
    page = render([NamedEvaluation("A", REAL), NamedEvaluation("B", more)], [])
    assert "<td>+10.00</td>" in page


def test_the_worst_cases_come_first() -> None:
    assert list(worst(ONE, 2)) == [("rules", "b"), ("stamp", "a")]
    assert list(worst(REAL)) == [("real", "a.jpg")]


def test_the_largest_change_comes_first_for_better_or_worse() -> None:
    found = most_changed(pair(ONE, OTHER), 2)
    assert list(found) == [("rules", "b"), ("stamp", "a")]
    assert found["rules", "b"].startswith("A: F 70.00")
    assert "B: F 20.00" in found["rules", "b"]


def test_the_short_table_has_noisy_cleaned_and_the_worst_tenth() -> None:
    table = lines(short_table(ONE))
    assert table["rules"][:4] == ["2", "50.00", "80.00", "70.00"]
    assert table["mean"][:4] == ["3", "50.00", "80.00", "70.00"], "clean input is apart"
    assert short_table(ONE).splitlines()[-1] == (
        "noise raises the equal error rate from 10.00 % to 30.00 %, cleaning lowers it to 12.00 %"
    )


def test_without_truth_the_short_table_tells_how_much_ink_is_kept() -> None:
    assert lines(short_table(REAL))["real"] == ["1", "-", "80.00", "80.00"]


def test_the_short_comparison_tells_the_difference() -> None:
    assert lines(short_comparison(pair(ONE, OTHER)))["rules"] == [
        "2", "80.00", "57.50", "-22.50", "70.00", "20.00", "-50.00"
    ]  # fmt: skip


def test_evaluations_are_compared_on_the_pictures_that_both_have() -> None:
    less = evaluation("less", {("rules", "b"): 0.9, ("form", "z"): 0.1})
    found = pair(ONE, less)
    assert [one.name for one in found.one.cases] == ["b"]
    assert [one.cleaned["f"] for one in found.other.cases] == [0.9]
    assert found.left_out == 4


def test_evaluations_of_other_pictures_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="one and less were measured on different pictures"):
        pair(ONE, evaluation("less", {("form", "z"): 0.1}))


def test_a_comparison_writes_what_it_compared(tmp_path: Path) -> None:
    said = write_comparison(tmp_path, [ONE, OTHER], [None, None], [])
    assert read_evaluation(tmp_path / "evaluation-A.json") == ONE
    assert read_evaluation(tmp_path / "evaluation-B.json") == OTHER
    assert str(tmp_path / "index.html") in said
    assert (tmp_path / "index.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("content", [b"{}", b"\xff\xfe", b"[1, 2]", b""])
def test_a_file_that_is_no_evaluation_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"some\.json is not an evaluation that sigclean wrote"):
        read_evaluation(path)


def test_large_pictures_are_made_smaller_for_the_page() -> None:
    url = data_url(Image.new("RGB", (3000, 1000), "white"))
    picture = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
    assert picture.size == (LONGEST_SIDE, LONGEST_SIDE // 3)
