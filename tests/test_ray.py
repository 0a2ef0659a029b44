"""`--engine ray` on a real cluster of two nodes, and on object storage of S3's protocol."""

from __future__ import annotations

import io
import json
import shlex
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from waiting import wait_until

from sigclean.bulk.inputs import InputOptions
from sigclean.bulk.picture_worker import OutputStyle
from sigclean.cli import build_parser, main
from sigclean.drawn import draw_signature
from sigclean.errors import DataError, SigcleanError
from sigclean.ray import CleanPictures
from sigclean.ray.manifest import PartedManifest
from sigclean.ray.places import filesystem, is_url, list_files
from sigclean.ray.units import Unit
from sigclean.ray.worker import Task, UnitWorker

ray = pytest.importorskip("ray")
COUNT = 12
BUCKET = "s3://scans"
EXAMPLES = Path(__file__).parents[1] / "examples" / "ray"
MODEL = {"runtime": "onnx"}  # which takes less time to start than PyTorch


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """An S3 server of this machine with one bucket, which the cluster's nodes know as well."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "of-the-test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        filesystem(BUCKET)[0].mkdir("scans")
        yield BUCKET
    server.stop()


@pytest.fixture(scope="module")
def cluster(storage: str) -> Iterator[Any]:
    """Two nodes of one core each, and one without cores that keeps the cluster's state."""
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        nodes.add_node(num_cpus=1)
        nodes.add_node(num_cpus=1)
        ray.init(address=nodes.address, log_to_driver=False, logging_level="CRITICAL")
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in a folder and one below it, a broken one, and a text."""
    folder = tmp_path_factory.mktemp("in") / "scans"
    (folder / "below").mkdir(parents=True)
    for number in range(COUNT):
        place = folder / ("below" if number % 3 == 0 else ".") / f"{number:02}.png"
        draw_signature(np.random.default_rng(number), 200, 80).save(place)
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "notes.txt").touch()
    return folder


@pytest.fixture(scope="module")
def expected(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of the threads of one process."""
    out = tmp_path_factory.mktemp("expected")
    assert main([*command(scans, out), "-r"]) == 1
    found = results(out)
    assert len(found) == COUNT
    return found


def command(source: object, out: object, *more: str) -> list[str]:
    return ["clean", str(source), "-o", str(out), "--runtime", "onnx", *more]


def on_ray(source: object, out: object, *more: str) -> list[str]:
    return command(source, out, "--engine", "ray", *more)


def results(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")
    }


def entries(manifest: Path | str) -> list[dict[str, Any]]:
    return list(PartedManifest(str(manifest)).entries())


def test_a_folder_has_the_bytes_of_one_machine_and_each_picture_one_entry(
    cluster: Any,
    scans: Path,
    expected: dict[str, bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*on_ray(scans, tmp_path), "-r"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"sigclean: {scans}/broken.png is not a picture that can be read",
        f"sigclean: 1 of {COUNT + 1} pictures could not be cleaned",
        f"sigclean: 1 file was not a picture: {scans}/notes.txt",
    ]
    assert results(tmp_path) == expected
    found = entries(tmp_path / "manifest.jsonl")
    assert sorted(one["source"] for one in found) == sorted(map(str, scans.rglob("*.png")))
    assert {one["source"]: one for one in found if one["status"] == "cleaned"}.keys() == {
        str(scans / name) for name in expected
    }


def test_a_rerun_does_what_the_manifest_lacks(
    cluster: Any,
    scans: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [*on_ray(scans, tmp_path, "--skip-existing"), "-r"]
    words += ["--manifest", str(tmp_path / "all.parquet")]
    assert main(words) == 1
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    Image.new("RGB", (60, 40), "white").save(scans / "new.png")
    try:
        assert main(words) == 1  # the broken one is tried again
    finally:
        (scans / "new.png").unlink()
    assert f"skipped {COUNT} of {COUNT + 2}: done" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    sources = [one["source"] for one in entries(tmp_path / "all.parquet")]
    assert len(sources) == len(set(sources)) == COUNT + 2


def test_a_parquet_file_is_shared_by_row_groups_and_a_tar_file_cleaned_whole(
    cluster: Any, scans: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = sorted(expected)
    rows = [{"bytes": (scans / name).read_bytes(), "path": name} for name in names]
    shard = tmp_path / "shard.parquet"
    pq.write_table(pa.table({"image": rows, "n": range(COUNT)}), shard, row_group_size=5)
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        for name in names:
            tar.add(scans / name, name)
    out, alone = tmp_path / "out", tmp_path / "alone"
    shards = [str(shard), str(tmp_path / "shard.tar")]
    assert main(["clean", *shards, *on_ray("", out)[2:]]) == 0
    assert main(["clean", *shards, *command("", alone)[2:]]) == 0
    parts = sorted(out.glob("shard-*-of-00003.parquet"))
    table = pa.concat_tables([pq.read_table(part) for part in parts])
    assert table.to_pylist() == pq.read_table(alone / "shard.parquet").to_pylist()
    assert (out / "shard.tar").read_bytes() == (alone / "shard.tar").read_bytes()
    found = {one["source"]: one["target"] for one in entries(out / "manifest.jsonl")}
    assert len(found) == 2 * COUNT
    assert found[f"{shard}#7"] == f"{parts[1]}#2"


def test_object_storage_is_read_and_written(
    cluster: Any, storage: str, scans: Path, expected: dict[str, bytes]
) -> None:
    files, _ = filesystem(storage)
    files.put(f"{scans}/", "scans/in/", recursive=True)
    words = [*on_ray(f"{storage}/in", f"{storage}/out"), "-r"]
    assert main(words) == 1
    folder, names = list_files(f"{storage}/out", recursive=True)
    assert folder == f"{storage}/out"
    done = {name: files.cat_file(f"scans/out/{name}") for name in names if name.endswith(".png")}
    assert done == expected
    found = {one["source"]: one for one in entries(f"{storage}/out/manifest.jsonl")}
    assert found.keys() == {f"{storage}/in/{name}" for name in (*expected, "broken.png")}
    assert found[f"{storage}/in/01.png"]["target"] == f"{storage}/out/01.png"
    sentence = found[f"{storage}/in/broken.png"]["error"]
    assert sentence == f"{storage}/in/broken.png is not a picture that can be read"


def test_a_parquet_file_in_object_storage_is_read_where_it_lies(
    cluster: Any, storage: str, scans: Path, expected: dict[str, bytes]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = sorted(expected)
    files, _ = filesystem(storage)
    with files.open("scans/shards/a.parquet", "wb") as file:
        rows = [{"bytes": (scans / name).read_bytes(), "path": name} for name in names]
        pq.write_table(pa.table({"image": rows}), file, row_group_size=7)
    words = on_ray(f"{storage}/shards/*.parquet", f"{storage}/clean")
    words += ["--manifest", f"{storage}/log/all.parquet"]
    assert main(words) == 0
    assert len(entries(f"{storage}/log/all.parquet")) == COUNT
    parts = files.glob("scans/clean/a-*.parquet")
    tables = [pq.read_table(io.BytesIO(files.cat_file(part))) for part in sorted(parts)]
    cleaned = [row["image"]["bytes"] for table in tables for row in table.to_pylist()]
    assert cleaned == [expected[name] for name in names]


def test_signatures_are_extracted_as_on_one_machine(
    cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pages = [draw_signature(np.random.default_rng(number), 300, 120) for number in (1, 2)]
    document = tmp_path / "two.pdf"
    pages[0].save(document, save_all=True, append_images=pages[1:])
    shard, content = tmp_path / "shard.parquet", document.read_bytes()
    rows = [{"bytes": content, "path": "two.pdf"}] * 3
    pq.write_table(pa.table({"document": rows}), shard, row_group_size=2)
    report = tmp_path / "report.csv"
    words = ["extract", str(document), str(shard), "--runtime", "onnx", "-o"]
    assert main([*words, str(tmp_path / "a")]) == 0
    more = ["--engine", "ray", "--report", str(report)]
    assert main([*words, str(tmp_path / "b"), *more]) == 0
    assert "8 signatures on 8 of 8 pages" in capsys.readouterr().err
    assert results(tmp_path / "a") == results(tmp_path / "b")
    assert f"\n{document},1,1," in report.read_text()
    lines = (tmp_path / "a/signatures.jsonl").read_text().splitlines()
    alone = {one["source"]: one["box"] for one in map(json.loads, lines)}
    found = entries(tmp_path / "b/signatures.jsonl")
    assert {one["source"]: one["box"] for one in found} == alone


def test_fewer_signatures_than_before_leave_no_older_ones_in_object_storage(
    storage: str, tmp_path: Path
) -> None:
    import pyarrow as pa

    page = draw_signature(np.random.default_rng(1), 300, 120)
    page.save(tmp_path / "page.png")
    place, name = filesystem(f"{storage}/older")
    older = ["page.p1.2.png", "page.p1.2.svg", "page.p1.3.png", "page.p1.5.png", "other.p1.2.png"]
    for one in older:
        place.pipe_file(f"{name}/{one}", b"older")
    unit = Unit(f"{tmp_path}/page.png", f"{storage}/older/page.png")
    task = Task(True, OutputStyle(), InputOptions(), MODEL, str(tmp_path))
    [entry] = UnitWorker(task)(pa.Table.from_pylist([asdict(unit)])).to_pylist()
    assert entry["status"] == "cleaned"
    left = [one.rpartition("/")[2] for one in filesystem(f"{storage}/older")[0].ls(name)]
    assert sorted(left) == ["other.p1.2.png", "page.p1.1.png", "page.p1.5.png"]


@pytest.mark.slow
def test_a_node_that_is_killed_costs_nothing(cluster: Any, scans: Path, tmp_path: Path) -> None:
    folder, count = tmp_path / "in", 600
    folder.mkdir()
    contents = [path.read_bytes() for path in sorted(scans.glob("[0-9]*.png"))]
    for number in range(count):
        (folder / f"{number:03}.png").write_bytes(contents[number % len(contents)])
    assert main(command(folder, tmp_path / "alone")) == 0
    out = tmp_path / "out"
    victim = cluster.add_node(num_cpus=1)

    def kill() -> None:
        wait_until(lambda: len(list(out.glob("*.png"))) > count // 4)
        cluster.remove_node(victim, allow_graceful=False)

    killer = Thread(target=kill)
    killer.start()
    assert main(on_ray(folder, out)) == 0
    killer.join()
    assert results(out) == results(tmp_path / "alone")
    sources = [one["source"] for one in entries(out / "manifest.jsonl")]
    assert len(sources) == len(set(sources)) == count


@pytest.mark.slow
def test_after_the_head_was_killed_a_rerun_does_the_rest(scans: Path, tmp_path: Path) -> None:
    folder, count = tmp_path / "in", 400
    folder.mkdir()
    contents = [path.read_bytes() for path in sorted(scans.glob("[0-9]*.png"))]
    for number in range(count):
        (folder / f"{number:03}.png").write_bytes(contents[number % len(contents)])
    out, manifest = tmp_path / "out", tmp_path / "out/manifest.jsonl"
    words = on_ray(folder, out, "--ray-address", "local", "--skip-existing")
    command_line = [sys.executable, "-m", "sigclean", *words]
    run = subprocess.Popen(command_line, stderr=subprocess.DEVNULL)
    wait_until(lambda: any(manifest.glob("part-*.jsonl")))
    run.kill()  # the head of this cluster ends with the command that started it
    run.wait()
    assert 0 < len(entries(manifest)) < count
    again = subprocess.run(command_line, capture_output=True, text=True)
    assert again.returncode == 0
    assert "sigclean: skipped " in again.stderr
    assert main(command(folder, tmp_path / "alone")) == 0
    assert results(out) == results(tmp_path / "alone")
    sources = [one["source"] for one in entries(manifest)]
    assert len(sources) == len(set(sources)) == count


def test_a_bucket_that_is_missing_is_not_made(
    cluster: Any, storage: str, scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(on_ray(scans / "01.png", "s3://absent/out")) == 1
    assert "s3://absent/out/01.png cannot be written: " in capsys.readouterr().err
    assert filesystem("s3://absent")[0].ls("") == ["scans"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["s3://nowhere/x", "-o", "out"], "s3://nowhere/x cannot be read"),
        (["what://x/y", "-o", "out"], "what://x/y cannot be reached: Protocol not known: what"),
        (["a.png"], "--engine ray needs a folder or URL for its results: -o OUT"),
        (["-", "-o", "out"], "--engine ray is for files"),
        (["a.png", "-o", "out", "--manifest", "m"], "end its name in .jsonl or .parquet"),
        (["a.png", "-o", "out", "--weights", "/no/model"], "no such weights folder: /no/model"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    words: list[str],
    said: str,
    cluster: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    draw_signature(np.random.default_rng(1), 90, 40).save("a.png")
    assert main(["clean", *words, "--engine", "ray"]) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert said in sentence


def test_an_output_that_is_full_ends_the_run_with_one_sentence(
    cluster: Any, read_only_folder: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    draw_signature(np.random.default_rng(1), 90, 40).save(tmp_path / "a.png")
    manifest = ["--manifest", str(tmp_path / "m.jsonl")]
    assert main(on_ray(tmp_path / "a.png", read_only_folder, *manifest)) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert str(read_only_folder) in sentence
    assert entries(tmp_path / "m.jsonl") == []


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from sigclean.ray.cluster import connect

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        address = "{}:{}".format(*closed.getsockname())
        with pytest.raises(SigcleanError, match=f"{address}: no cluster answers there"):
            connect(address)
    monkeypatch.setattr("sigclean.ray.cluster.version", lambda _: "1.13.0")
    with pytest.raises(SigcleanError, match=r"Ray 1\.13\.0 is too old: pip install"):
        connect("auto")
    monkeypatch.setattr("sigclean.extras.find_spec", lambda _: None)
    with pytest.raises(SigcleanError, match=r"--engine ray needs ray and .*sigclean\[ray\]"):
        connect("auto")


def test_pictures_of_a_pipeline_are_cleaned_and_broken_ones_are_rows(
    cluster: Any, scans: Path, expected: dict[str, bytes]
) -> None:
    import ray

    dataset = ray.data.read_binary_files(str(scans), include_paths=True, file_extensions=["png"])
    cleaned = dataset.map_batches(
        CleanPictures,
        fn_constructor_kwargs={"model": MODEL},
        batch_size=4,
        concurrency=1,  # the other core reads
    )
    rows = {str(Path(row["path"]).relative_to(scans)): row for row in cleaned.take_all()}
    assert {name: row["clean"] for name, row in rows.items() if row["clean"]} == expected
    assert rows["broken.png"]["status"] == "failed"
    assert "is not a picture" in rows["broken.png"]["error"]
    assert np.isnan(rows["broken.png"]["ink"])


def test_a_data_set_is_cleaned_without_a_cluster(scans: Path, expected: dict[str, bytes]) -> None:
    import datasets

    names = sorted(expected)[:3]
    rows = {"scan": [{"bytes": (scans / name).read_bytes(), "path": name} for name in names]}
    data = datasets.Dataset.from_dict(rows, datasets.Features({"scan": datasets.Image()}))
    step = CleanPictures("scan", model=MODEL)
    cleaned = data.map(step, batched=True, batch_size=2)
    assert [row["clean"] for row in cleaned] == [expected[name] for name in names]
    arrays = CleanPictures("image", model=MODEL)
    picture = np.asarray(Image.open(scans / names[0]).convert("RGB"))
    one = arrays({"image": [picture, np.zeros((2, 2, 7)), None]})
    assert list(one["status"]) == ["cleaned", "failed", "failed"]
    with pytest.raises(DataError, match="there is no column scan, but image"):
        step({"image": [picture]})


def test_the_example_of_a_cluster_is_what_ray_up_takes() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = Path(ray.__file__).parent / "autoscaler" / "ray-schema.json"
    config = yaml.safe_load((EXAMPLES / "cluster.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(config, json.loads(schema.read_text(encoding="utf-8")))


def test_the_example_of_a_job_gives_a_command_that_exists() -> None:
    job = yaml.safe_load((EXAMPLES / "rayjob.yaml").read_text(encoding="utf-8"))
    name, *arguments = shlex.split(job["spec"]["entrypoint"])
    args = build_parser().parse_args(arguments)
    assert (name, args.engine, args.skip_existing) == ("sigclean", "ray", True)
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    images = [one["image"] for group in groups for one in group["template"]["spec"]["containers"]]
    assert len(set(images)) == 1 and len(images) == 2


def test_urls_are_told_from_paths() -> None:
    assert [is_url(name) for name in ("s3://b/x", "hf://datasets/a/b", "C:/x", "file:///x")] == [
        True, True, False, False,
    ]  # fmt: skip
