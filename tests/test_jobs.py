"""The plan of a bulk cleaning: where results go, and what is refused beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sigclean.bulk.jobs import page_target, plan
from sigclean.bulk.listing import PassedOver
from sigclean.bulk.signature_places import refuse_signature_conflicts
from sigclean.errors import DataError, SigcleanError


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder in the working directory, with a sub-folder."""
    for name in ("a.jpg", "b.png", "sub/c.tif", "sub/deep/a.png", "notes.txt"):
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "scans"


def targets(inputs: list[Path], output: Path | None = None, recursive: bool = False) -> list[str]:
    """Plan; return where the results go, relative to the folder around the inputs."""
    root = inputs[0].parent if inputs[0].is_dir() else inputs[0].parent.parent
    jobs = plan([str(path) for path in inputs], output and str(output), recursive)
    return [job.target.relative_to(root).as_posix() for job in jobs]


def test_a_folder_goes_into_the_output_folder(scans: Path) -> None:
    assert targets([scans], scans.parent / "out") == ["out/a.png", "out/b.png"]


def test_recursion_keeps_the_sub_folders(scans: Path) -> None:
    found = targets([scans], scans.parent / "out", recursive=True)
    assert found == ["out/a.png", "out/b.png", "out/sub/c.png", "out/sub/deep/a.png"]


def test_a_single_file_goes_into_the_named_file(scans: Path) -> None:
    assert targets([scans / "a.jpg"], scans.parent / "x.png") == ["x.png"]
    assert targets([scans / "a.jpg"], scans.parent / "X.PNG") == ["X.PNG"]


def test_a_single_file_goes_into_the_named_folder(scans: Path) -> None:
    assert targets([scans / "a.jpg"], scans.parent / "out") == ["out/a.png"]
    (scans.parent / "out.png").mkdir()
    assert targets([scans / "a.jpg"], scans.parent / "out.png") == ["out.png/a.png"]


def test_without_an_output_results_lie_beside_their_inputs(scans: Path) -> None:
    assert targets([scans / "a.jpg"]) == ["scans/a.clean.png"]
    assert targets([scans]) == ["scans/a.clean.png", "scans/b.clean.png"]


def test_results_of_an_earlier_run_are_not_cleaned_again(scans: Path) -> None:
    for name in ("a.clean.png", "b.clean.PNG"):
        (scans / name).touch()
    assert targets([scans]) == ["scans/a.clean.png", "scans/b.clean.png"]
    assert targets([scans / "a.clean.png"]) == ["scans/a.clean.clean.png"]  # named: it is meant


def test_results_in_a_folder_below_the_inputs_are_not_cleaned_again(scans: Path) -> None:
    out = scans / "out"
    out.mkdir()
    (out / "a.png").touch()
    assert targets([scans], out, recursive=True)[:2] == ["scans/out/a.png", "scans/out/b.png"]
    assert len(targets([scans], out, recursive=True)) == 4


def test_globs_are_expanded(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scans)
    assert [job.source for job in plan(["*.[jp]*g"], "out")] == [Path("a.jpg"), Path("b.png")]
    assert len(plan(["**/*.png"], None)) == 2


def test_an_existing_file_whose_name_looks_like_a_glob_is_not_expanded(scans: Path) -> None:
    (scans / "a[1].png").touch()
    assert targets([scans / "a[1].png"]) == ["scans/a[1].clean.png"]


def test_an_input_that_is_named_twice_is_cleaned_once(scans: Path) -> None:
    assert targets([scans / "a.jpg", scans / "a.jpg"]) == ["scans/a.clean.png"]


@pytest.mark.parametrize(("output", "mark"), [("out", ""), (None, ".clean")])
def test_results_of_one_name_are_told_apart_by_the_suffixes_of_their_inputs(
    scans: Path, output: str | None, mark: str
) -> None:
    (scans / "a.png").touch()
    names = [Path(one).name for one in targets([scans], output and scans.parent / output)]
    assert names == [f"a.jpg{mark}.png", f"a.png{mark}.png", f"b{mark}.png"]


def test_files_of_one_name_in_two_folders_are_numbered(scans: Path) -> None:
    (scans / "sub" / "a.jpg").touch()
    inputs = [scans / "a.jpg", scans / "sub" / "a.jpg"]
    assert targets(inputs, scans.parent / "out") == ["out/a.jpg.1.png", "out/a.jpg.2.png"]


def test_a_name_like_that_of_a_documents_page_is_told_apart_from_it(scans: Path) -> None:
    for name in ("a.p2.jpg", "b.p2.jpg"):
        (scans / name).touch()
    inputs = [scans / name for name in ("a.pdf", "a.p2.jpg", "b.p2.jpg")]
    names = [Path(one).name for one in targets(inputs, scans.parent / "out")]
    assert names == ["a.png", "a.p2.jpg.png", "b.p2.png"]


def test_no_two_results_have_one_name_whatever_the_inputs_are_called(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    parts = ("a", ".tif", ".jpg", ".png", ".p1", ".1", ".2")
    for _ in range(200):
        count = rng.integers(1, 4, 6)
        inputs = [tmp_path / "".join(["a", *rng.choice(parts, n), ".jpg"]) for n in count]
        inputs += [tmp_path / "b" / one.name for one in inputs[:3]]
        jobs = plan([str(one) for one in inputs], str(tmp_path / "out"))
        assert len({job.target for job in jobs}) == len(jobs) == len(set(inputs))


def test_documents_of_folders_are_found(scans: Path) -> None:
    for name in ("c.pdf", "d.heic", "e.HEIF", "f.tiff"):
        (scans / name).touch()
    names = [Path(one).name for one in targets([scans], scans.parent / "out")]
    assert names == ["a.png", "b.png", "c.png", "d.png", "e.png", "f.png"]


def test_a_page_of_several_has_its_number_in_the_name() -> None:
    assert page_target(Path("out/a.png"), 2) == Path("out/a.p2.png")
    assert page_target(Path("a.clean.png"), 12) == Path("a.p12.clean.png")  # still a result


def test_files_of_folders_that_are_passed_over_are_counted_and_named(scans: Path) -> None:
    for name in ("a.docx", "b.clean.png", "b.clean.svg", "c.tar", ".hidden.txt"):
        (scans / name).touch()
    passed_over = PassedOver()
    plan([str(scans)], None, passed_over=passed_over)
    assert list(passed_over.sentences()) == [
        f"1 file was a shard beside pictures: {scans}/c.tar",
        f"2 files were not pictures: {scans}/a.docx, {scans}/notes.txt",
        f"2 files were results of an earlier run: {scans}/b.clean.svg, {scans}/b.clean.png",
    ]


@pytest.mark.parametrize("name", ["b.png", "../scans/b.png", "link.png"])
def test_a_result_never_replaces_an_input(
    name: str, scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scans)
    Path("link.png").symlink_to("b.png")
    with pytest.raises(SigcleanError, match=r"would replace the input b\.png"):
        plan(["b.png"], name)


@pytest.mark.parametrize(
    ("source", "other"),
    [("s.pdf", "s.p1.1.png"), ("s.png", "s.p12.3.png"), ("b.tar", "b/x/7.p1.1.png")],
)
def test_a_signature_never_replaces_an_input(
    source: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SigcleanError, match=f"of {source} might replace the input {other}"):
        plan([source, other], ".", check=refuse_signature_conflicts)
    assert len(plan([source, other], "out", check=refuse_signature_conflicts)) == 2
    assert len(plan([source, "s.png"], ".", check=refuse_signature_conflicts)) > 0


def test_a_folder_is_never_its_own_output(scans: Path) -> None:
    with pytest.raises(SigcleanError, match="would replace the input"):
        plan([str(scans)], str(scans))


def test_several_pictures_do_not_go_into_one_file(scans: Path) -> None:
    for inputs in ([scans], [scans / "a.jpg", scans / "b.png"], [scans / "sub"]):
        with pytest.raises(SigcleanError, match="need a folder"):
            plan([str(path) for path in inputs], "out.png")


def test_results_are_png_webp_or_jpeg(scans: Path) -> None:
    with pytest.raises(SigcleanError, match=r"write to out\.png instead of out\.bmp"):
        plan([str(scans / "a.jpg")], "out.bmp")


def test_a_file_is_no_output_folder(scans: Path) -> None:
    with pytest.raises(SigcleanError, match=r"notes\.txt is neither a folder"):
        plan([str(scans)], str(scans / "notes.txt"))


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match="holds no pictures"):
        plan([str(tmp_path)], "out")


def test_a_glob_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file matches"):
        plan([str(tmp_path / "*.png")], "out")
