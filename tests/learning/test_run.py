"""A run before it runs: what tells it from another, its folder, and recipes of several."""

import logging
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from ffmpeg_style import progress
from ffmpeg_style.commands.train import parse
from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.folders import project_folder
from ffmpeg_style.learning import photographs as photographs_module
from ffmpeg_style.learning import processor, recipe
from ffmpeg_style.learning.checkpoint import lock_folder, newest_checkpoint, save_checkpoint
from ffmpeg_style.learning.photographs import crop_at_random, prefetched
from ffmpeg_style.learning.run import prepare_run
from ffmpeg_style.learning.settings import LossWeights, TrainSettings, check_size
from ffmpeg_style.learning.weights import StoredNetwork, mean_network, read_network

SETTINGS = dict(size=32, style_size=64, steps=10, precision="float32")


@pytest.fixture
def given(tmp_path, painting, photographs, vgg_weights):
    """What `prepare_run` takes, of a folder where such a run has been begun."""
    content = tmp_path / "content"
    shutil.copytree(photographs, content)
    given = dict(
        folder=tmp_path / "run",
        paintings={"a": painting},
        content=content,
        vgg_weights=vgg_weights,
        settings=TrainSettings(**SETTINGS),
    )
    run = prepare_run(**given)
    run.folder.mkdir()
    training = {**asdict(run.settings), **run.made_of, "data": "6 photographs"}
    save_checkpoint(run.folder, 4, {"network": run.network, "training": training}, {}, [])
    return given


def other_painting(given, tmp_path):
    Image.new("RGB", (80, 80), "red").save(tmp_path / "other.png")
    return {"paintings": {"a": tmp_path / "other.png"}}


def other_photographs(given, tmp_path):
    (given["content"] / "0.jpg").rename(given["content"] / "zero.jpg")
    return {}


def other_loss_network(given, tmp_path):
    with np.load(given["vgg_weights"]) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["block1_conv1/kernel"] = arrays["block1_conv1/kernel"] * 2
    np.savez(tmp_path / "vgg.npz", **arrays)
    return {"vgg_weights": tmp_path / "vgg.npz"}


def setting(**changes):
    return lambda given, tmp_path: {"settings": TrainSettings(**{**SETTINGS, **changes})}


CHANGES = {
    "--style a": other_painting,
    "--content": other_photographs,
    "--vgg-weights": other_loss_network,
    "--size": setting(size=64),
    "--batch": setting(batch=2),
    "--rate": setting(rate=1e-4),
    "--seed": setting(seed=7),
    "--steps": setting(steps=20),
    "--style-size": setting(style_size=80),
    "--style-weight": setting(weights=LossWeights(style=3)),
    "--content-layer": setting(content_layer="block3_conv3"),
    "--consistency-weight": setting(consistency=1.0),
    "--precision": setting(precision="mixed_bfloat16"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_that_is_changed_is_refused_with_the_change_or_forked(name, given, tmp_path):
    assert prepare_run(**given), "unchanged it goes on"
    changed = {**given, **CHANGES[name](given, tmp_path)}
    with pytest.raises(InputError, match=f"go on as it was begun, with {name} ") as error:
        prepare_run(**changed)
    assert "--fork" in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).count(name) == 2, "as it was, and as it is"
    assert prepare_run(**changed, fork=True)


def test_another_version_is_refused(given, monkeypatch):
    monkeypatch.setattr("ffmpeg_style.learning.run.__version__", "99")
    with pytest.raises(InputError, match=r"ffmpeg-style 0.* found ffmpeg-style 99"):
        prepare_run(**given)


def test_intervals_may_change_and_old_checkpoints_do_not_tell(given):
    others = TrainSettings(**SETTINGS, save_every=1, sample_every=2, log_every=3)
    assert prepare_run(**{**given, "settings": others})
    header, _, _ = newest_checkpoint(given["folder"])
    old = {"network": header["network"], "training": {"steps": 10, "weights": {"style": 10.0}}}
    save_checkpoint(given["folder"], 4, old, {}, [])
    assert prepare_run(**given)


def test_a_card_has_all_that_it_takes_to_train_again(given):
    trained = read_network(given["folder"]).trained
    expected = {*asdict(TrainSettings()), "planned_steps", "paintings", "photographs"}
    expected |= {"loss_network", "version", "data"}
    expected -= {"save_every", "sample_every", "log_every"}
    assert trained.keys() == expected
    assert trained["steps"] == 4 and trained["planned_steps"] == 10
    assert trained["loss_network"]["name"] == "vgg19"
    assert len(trained["paintings"]["a"]["sha256"]) == 64
    assert trained["photographs"]["count"] == 6


def test_a_folder_is_of_one_process(tmp_path):
    again = lock_folder(tmp_path)
    holder = f"that process {os.getpid()} "
    with lock_folder(tmp_path), pytest.raises(InputError, match=holder), again:
        pass
    with lock_folder(tmp_path):
        pass


def test_damaged_checkpoints_are_not_counted(tmp_path, caplog):
    for step in (1, 5):
        save_checkpoint(tmp_path, step, {"network": {}}, {}, [])
    (tmp_path / "checkpoint-00000005.npz").write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING):
        assert newest_checkpoint(tmp_path)[0]["step"] == 1
    assert "taking checkpoint-00000001.npz in its place" in caplog.text
    save_checkpoint(tmp_path, 2, {"network": {}}, {}, [])
    names = sorted(path.name for path in tmp_path.glob("checkpoint-*"))
    assert names == ["checkpoint-00000001.npz", "checkpoint-00000002.npz"], "two good ones"


FULL = """
import sys
import numpy as np
from ffmpeg_style.learning.checkpoint import save_checkpoint
from ffmpeg_style.errors import StyleError
try:
    noise = np.random.default_rng(0).random(9999)
    save_checkpoint(sys.argv[1], 2, {"network": {}}, {"a": noise}, [])
except StyleError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path):
    """A limit on the size of files is told by the system as a full disk is."""
    save_checkpoint(tmp_path, 1, {"network": {}}, {}, [])
    result = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        capture_output=True,
        text=True,
    )
    assert "make room" in result.stdout and result.stdout.count("\n") == 1, result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000001.npz"]


@pytest.mark.parametrize(
    ("capability", "matrices", "policy"),
    [
        (None, False, "float32"),
        (None, True, "mixed_bfloat16"),
        ((7, 5), True, "float32"),
        ((8, 0), False, "mixed_bfloat16"),
    ],
)
def test_the_precision_is_that_of_the_device_that_trains(capability, matrices, policy, monkeypatch):
    monkeypatch.setattr(processor, "gpu_capability", lambda: capability)
    monkeypatch.setattr(processor, "has_bfloat16_matrices", lambda: matrices)
    assert TrainSettings().policy == policy
    assert TrainSettings(precision="float32").policy == "float32"


def test_crops_have_a_bound_that_memory_gives(monkeypatch):
    monkeypatch.setattr("ffmpeg_style.learning.settings.machine_memory", lambda: 2_800_000_000)
    check_size(TrainSettings(size=512))
    with pytest.raises(InputError, match="1000 pixels at most on this machine with 3 GB"):
        check_size(TrainSettings(size=1004))


def test_an_unknown_layer_is_told_before_weights_are_looked_for(given):
    given |= dict(settings=TrainSettings(content_layer="nope"), vgg_weights="nowhere.npz")
    with pytest.raises(InputError, match=r"a content layer out of block1_conv1, .*'nope'"):
        prepare_run(**given)


def test_a_large_jpeg_is_read_at_the_scale_that_is_needed(tmp_path, monkeypatch):
    x = np.indices((1200, 1600))[1]
    Image.fromarray((x // 8 % 256).astype("uint8")).convert("RGB").save(tmp_path / "a.jpg")
    sizes = []
    read = photographs_module.pictures.read_rgb

    def spy(*arguments):
        image = read(*arguments)
        sizes.append(min(image.size))
        return image

    monkeypatch.setattr(photographs_module.pictures, "read_rgb", spy)
    for seed in range(20):
        crop = crop_at_random(tmp_path / "a.jpg", 64, np.random.default_rng(seed))
        assert crop.shape == (64, 64, 3)
    assert max(sizes) <= 300, "1200 at a quarter or an eighth"
    assert min(sizes) >= 64


def test_items_are_read_ahead_in_their_order():
    read = []

    class Items:
        def __getitem__(self, step):
            read.append(step)
            return step

    with prefetched(Items(), range(3, 20)) as items:
        assert next(items) == 3
        assert list(items) == list(range(4, 20))
    assert sorted(read) == list(range(3, 20))
    with prefetched(Items(), range(5, 5)) as items:
        assert list(items) == []


def test_without_a_terminal_a_line_tells_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with progress.progress_bar(total=4, initial=1, unit="step") as bar:
        bar.update()
        bar.set_postfix({"total": "7.1"}, refresh=False)
        bar.update()
    lines = capsys.readouterr().err.splitlines()
    assert any("2 of 4 steps" in line and "left" in line for line in lines)
    assert "3 of 4 steps" in lines[-1] and lines[-1].endswith("left, total=7.1")
    assert not any("\r" in line for line in lines)


def test_shipped_models_have_recipes():
    models = {path.stem for path in project_folder("models").glob("*.pb")}
    folder = project_folder("models") / "recipes"
    for name in models | {"any"}:
        each = recipe.read_recipes(recipe.find_recipe(name))
        assert each[-1].path == folder / f"{name}.toml"
        assert [export["output"] for export in each[-1].exports] == [f"{name}.pb"]
        for step in each:
            for run in step.runs:
                options = parse(step.path, run)
                assert options["paintings"] or options["collection"]


def write_recipe(folder, name, text):
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_recipes_come_behind_what_they_need(tmp_path):
    run = '[[run]]\noutput = "runs/{}"\nsteps = 3\nstyle = {{ a = "a.jpg" }}\ncontent = "c"\n'
    write_recipe(tmp_path, "first", "[defaults]\nwidth = 16\nsteps = 2\n" + run.format("first"))
    write_recipe(tmp_path, "second", 'needs = ["first"]\n' + run.format("second"))
    last = write_recipe(tmp_path, "third", 'needs = ["second", "first"]\n' + run.format("third"))
    found = recipe.read_recipes(last)
    assert [each.path.stem for each in found] == ["first", "second", "third"]
    options = parse(found[0].path, found[0].runs[0])
    assert options["width"] == 16 and options["steps"] == 3
    assert list(options["paintings"]) == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run = 1 = 2", "found no TOML"),
        ("colour = 3", "found colour"),
        ("", "found no run"),
        ("[[run]]\nsteps = 3", "an output in each"),
        ('needs = ["bad"]\n[[run]]\noutput = "a"', "needs itself"),
        ('needs = ["none"]\n[[run]]\noutput = "a"', "found no file"),
    ],
)
def test_bad_recipes(text, message, tmp_path):
    path = write_recipe(tmp_path, "bad", text)
    with pytest.raises((InputError, InputNotFoundError), match=message):
        recipe.read_recipes(path)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"brush": 3}, "--brush"),
        ({"steps": "many"}, "many"),
        ({"content": "c"}, "either --style or --paintings"),
        ({"style": {"a": "a.jpg"}, "content": "c", "recipe": "b"}, "put it into needs"),
    ],
)
def test_bad_options_in_a_recipe(run, message, tmp_path):
    with pytest.raises(InputError, match=message):
        parse(tmp_path / "a.toml", {"output": "runs/a", **run})


def test_parts_of_paintings(tmp_path):
    picture = np.arange(60, dtype="uint8").reshape(4, 5, 3)
    Image.fromarray(picture).save(tmp_path / "a.png")
    recipe.crop(tmp_path / "a.png", [1, 2, 4, 4], tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as part:
        np.testing.assert_array_equal(np.asarray(part), picture[2:4, 1:4])
    with pytest.raises(InputError, match="found it at 5x4"):
        recipe.crop(tmp_path / "a.png", [1, 2, 6, 4], tmp_path / "c.png")


def test_means_of_networks():
    one, two = (
        StoredNetwork({"width": 4}, {"a": np.full(2, value)}, {"steps": int(value)})
        for value in (1.0, 5.0)
    )
    mean = mean_network({"x": one, "y": two}, {"x": 0.75, "y": 0.25})
    np.testing.assert_allclose(mean.weights["a"], 2.0)
    assert mean.trained == {"steps": 1, "mixed_with": [{"share": 0.25, "trained": {"steps": 5}}]}
    assert mean_network({"x": one}, {"x": 1.0}) == one
    with pytest.raises(InputError, match="sum to 1"):
        mean_network({"x": one, "y": two}, {"x": 0.5, "y": 0.25})
    with pytest.raises(InputError, match="alike"):
        mean_network({"x": one, "y": two._replace(settings={})}, {"x": 0.5, "y": 0.5})
