"""The trainer, with real code on small data."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from PIL import Image
from tensorboardX.proto.event_pb2 import Event, SessionLog

from ffmpeg_style.cli import main
from ffmpeg_style.errors import InputError, StoppedError
from ffmpeg_style.free_photographs import free_photographs
from ffmpeg_style.graphs.card import FORMAT
from ffmpeg_style.graphs.frozen_graph import GraphRunner, read_graph
from ffmpeg_style.learning import training
from ffmpeg_style.learning.checkpoint import load_checkpoint, newest_checkpoint, save_checkpoint
from ffmpeg_style.learning.export import export, write_graph
from ffmpeg_style.learning.networks import (
    MARGIN,
    StyleNetwork,
    set_weight_values,
    weight_values,
    with_margin,
    without_margin,
)
from ffmpeg_style.learning.photographs import Photographs, read_image
from ffmpeg_style.learning.run import prepare_run
from ffmpeg_style.learning.settings import TrainSettings, named_paintings
from ffmpeg_style.learning.training import (
    SO_FAR,
    DistillationTrainer,
    NotFiniteError,
    Pace,
    Scalars,
    make_trainer,
    run,
    train,
    write_samples,
)
from ffmpeg_style.learning.weights import read_network

STEPS = 20
SMALL = ("--size", "64", "--width", "4", "--style-size", "64", "--sample-every", "10")
SMALLEST = dict(architecture="fast", width=4)


@pytest.fixture(scope="module")
def arguments(photographs, painting, vgg_weights):
    """What every ``ffmpeg-style train`` of these tests has in common."""
    inputs = ("--style", painting, "--content", photographs, "--vgg-weights", vgg_weights)
    return [sys.executable, "-m", "ffmpeg_style", "train", *map(str, inputs), *SMALL]


def start(arguments, *more):
    return subprocess.Popen(
        [*arguments, *map(str, more)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(arguments, *more):
    process = start(arguments, *more)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


@pytest.fixture(scope="module")
def undisturbed(arguments, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    code, output = finish(arguments, "--output", folder, "--steps", STEPS, "--save-every", 2)
    assert code == 0, output
    return folder


def test_run_leaves_checkpoints_samples_and_scalars(undisturbed):
    names = sorted(path.name for path in undisturbed.iterdir())
    assert names == [
        ".lock",
        "checkpoint-00000018.npz",
        "checkpoint-00000020.npz",
        "samples-00000010.jpg",
        "samples-00000020.jpg",
        "scalars",
    ]
    assert list((undisturbed / "scalars").iterdir())
    with Image.open(undisturbed / "samples-00000020.jpg") as sheet:
        assert sheet.size == (4 * 256, 2 * 256)


def test_killed_at_five_moments_ends_with_the_same_weights(arguments, undisturbed, tmp_path):
    moments = random.Random(7)
    for kill in range(5):
        least = 2 + 2 * kill
        process = start(arguments, "--output", tmp_path, "--steps", STEPS, "--save-every", 2)
        wait_for_step(tmp_path, least, process)
        time.sleep(moments.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL, output
    code, output = finish(arguments, "--output", tmp_path, "--steps", STEPS, "--save-every", 2)
    assert code == 0, output
    header, weights, optimizer = newest_checkpoint(tmp_path)
    expected_header, expected_weights, expected_optimizer = newest_checkpoint(undisturbed)
    assert f"ffmpeg-style export {tmp_path} NAME.pb" in output
    assert header == expected_header
    for name, value in expected_weights.items():
        np.testing.assert_array_equal(weights[name], value, err_msg=name)
    for value, expected in zip(optimizer, expected_optimizer, strict=True):
        np.testing.assert_array_equal(value, expected)


def wait_for_step(folder, step, process):
    """Return when a checkpoint of that step or a later one is there, or the process has ended."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if any(int(path.stem[-8:]) >= step for path in folder.glob("checkpoint-*.npz")):
            return
        time.sleep(0.01)
    assert process.poll() is not None, "no checkpoint within two minutes"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_saves_and_leaves(arguments, tmp_path, number):
    process = start(arguments, "--output", tmp_path, "--steps", 100_000, "--save-every", 5)
    wait_for_step(tmp_path, 5, process)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number, output
    step = newest_checkpoint(tmp_path)[0]["step"]
    assert output == (
        f"ffmpeg-style: stopped at step {step}; the same command goes on from there\n"
    )
    code, output = finish(arguments, "--output", tmp_path, "--steps", step, "--fork")
    assert code == 0, output
    assert f"has its {step} steps already" in output
    assert newest_checkpoint(tmp_path)[0]["step"] == step


@pytest.mark.usefixtures("eager")
def test_signal_that_comes_while_samples_are_written(
    tmp_path, photographs, painting, vgg_weights, monkeypatch
):
    def signalled(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        write_samples(*arguments)

    monkeypatch.setattr(training, "write_samples", signalled)
    settings = TrainSettings(steps=5, size=32, style_size=32, sample_every=2)
    shared = dict(vgg_weights=vgg_weights, network=SMALLEST, progress=False)
    with pytest.raises(StoppedError, match="stopped at step 2") as stopped:
        train(tmp_path, {"a": painting}, photographs, settings=settings, **shared)
    assert stopped.value.exit_code == 143
    assert newest_checkpoint(tmp_path)[0]["step"] == 2
    assert (tmp_path / "samples-00000002.jpg").exists()


def test_samples_are_of_readable_photographs(tmp_path, photographs):
    trainer = DistillationTrainer(*(StyleNetwork(**SMALLEST).build_weights() for _ in range(2)))
    content, output = tmp_path / "content", tmp_path / "output"
    shutil.copytree(photographs, content)
    output.mkdir()
    for name in "0a.jpg", "1a.jpg", "2a.jpg", "3a.jpg":  # Every second one, which it takes first.
        (content / name).write_bytes(b"no picture")
        (content / f"{name[0]}.jpg").rename(content / f"{name[0]}b.jpg")
    data = Photographs(content, 32)
    (content / "5.jpg").unlink()
    write_samples(trainer, data, output / "samples-00000001.jpg")
    with Image.open(output / "samples-00000001.jpg") as sheet:
        assert sheet.size == (4 * 256, 2 * 256)
    assert {"0a.jpg", "2a.jpg"} <= {path.name for path in data.unreadable}
    shutil.rmtree(content)
    write_samples(trainer, data, output / "samples-00000002.jpg")
    assert [path.name for path in output.iterdir()] == ["samples-00000001.jpg"]


def test_damaged_newest_checkpoint_falls_back_to_the_one_before(undisturbed, tmp_path):
    for path in undisturbed.glob("checkpoint-*.npz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    newest = tmp_path / "checkpoint-00000020.npz"
    newest.write_bytes(newest.read_bytes()[:-4000])
    assert newest_checkpoint(tmp_path)[0]["step"] == 18


@pytest.fixture
def prepared(tmp_path, painting, photographs, vgg_weights):
    """A run that has not begun."""
    return prepare_run(tmp_path, {"style": painting}, photographs, vgg_weights=vgg_weights)


def test_the_margin_is_judged_too(prepared):
    """What the loss network does at the border of its input must not fall into the picture."""
    network = StyleNetwork("fast", width=4).build_weights()
    trainer = make_trainer(network, prepared, {})
    images, mix = np.full((1, 32, 36, 3), 99, "float32"), np.ones((1, 1), "float32")
    batch = {"images": images, "style_weights": mix}
    result = trainer(batch)
    painted = result["images"]
    assert painted.shape == (1, 32 + 2 * MARGIN, 36 + 2 * MARGIN, 3)
    inside = painted[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    np.testing.assert_array_equal(inside, network((images, mix)))
    assert np.isfinite(trainer.compute_loss(x=batch, y_pred=result))


def test_a_rim_and_a_grid_are_charged_for(prepared, monkeypatch):
    network = StyleNetwork("fast", width=4).build_weights()
    trainer = make_trainer(network, prepared, {})
    images, mix = np.full((1, 32, 32, 3), 99, "float32"), np.ones((1, 1), "float32")
    contents = with_margin(images)
    far = without_margin(network.paint(with_margin(contents), mix))
    np.testing.assert_allclose(trainer.rim_loss(contents, mix, far), [0], atol=1e-3)
    np.testing.assert_allclose(trainer.rim_loss(contents, mix, far + 20), [19], atol=0.1)
    strokes = 20 * (np.indices((56, 56)).sum(axis=0) % 2 * 2 - 1)[None, :, :, None]
    np.testing.assert_allclose(trainer.rim_loss(contents, mix, far + strokes), [0], atol=1e-3)

    painted = far + 20 * np.sin(np.pi / 2 * (np.arange(56) + 0.5)).astype("float32")[:, None, None]
    losses = []
    for weights in (0, 0), (1, 0), (0, 1):
        monkeypatch.setattr(training, "GRID_WEIGHT", weights[0])
        monkeypatch.setattr(training, "RIM_WEIGHT", weights[1])
        batch, result = {"images": images}, {"images": painted + 20, "mixes": mix}
        losses.append(float(trainer.compute_loss(x={**batch, "style_weights": mix}, y_pred=result)))
    assert losses[1] - losses[0] == pytest.approx(20 / np.sqrt(2), rel=0.1)
    assert losses[2] - losses[0] == pytest.approx(19, rel=0.1)


def test_nan_stops_the_run_and_overwrites_nothing(tmp_path, photographs, painting):
    network = StyleNetwork("fast", width=4).build_weights()
    teacher = StyleNetwork("fast", width=4).build_weights()
    values = weight_values(teacher)
    values["output/conv/bias"][:] = np.nan
    set_weight_values(teacher, values)
    trainer = DistillationTrainer(network, teacher)
    trainer.compile(optimizer=keras.optimizers.Adam())
    save_checkpoint(tmp_path, 1, {"network": network.settings}, weight_values(network), [])
    before = (tmp_path / "checkpoint-00000001.npz").read_bytes()
    settings = TrainSettings(steps=5, size=64, save_every=1)
    with pytest.raises(NotFiniteError, match="found nan"):
        run(trainer, Photographs(photographs, 64), tmp_path, 1, Pace(settings), {}, progress=False)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-00000001.npz"]
    assert (tmp_path / "checkpoint-00000001.npz").read_bytes() == before


@pytest.mark.usefixtures("eager")
def test_weights_that_are_not_finite_are_not_saved(tmp_path, photographs, painting, vgg_weights):
    settings = TrainSettings(steps=1, size=32, style_size=32, rate=float("inf"))
    shared = dict(vgg_weights=vgg_weights, network=SMALLEST, progress=False)
    with pytest.raises(NotFiniteError, match="finite weights at step 1"):
        train(tmp_path, {"a": painting}, photographs, settings=settings, **shared)
    assert not list(tmp_path.glob("checkpoint-*"))


@pytest.mark.usefixtures("eager")
def test_precisions_agree_and_leave_no_policy(tmp_path, photographs, painting, vgg_weights):
    totals = []
    for precision in ("float32", "mixed_bfloat16"):
        network = train(
            tmp_path / precision,
            {"a": painting},
            photographs,
            network=SMALLEST,
            settings=TrainSettings(1, size=32, style_size=32, log_every=1, precision=precision),
            vgg_weights=vgg_weights,
            progress=False,
        )
        assert network.blocks[0].conv.dtype_policy.name == precision
        assert keras.config.dtype_policy().name == "float32"
        totals += scalar_values(tmp_path / precision / "scalars", "total")
    assert totals[1] == pytest.approx(totals[0], rel=0.03)
    assert totals[1] != totals[0]


def test_training_lowers_the_loss(tmp_path, photographs, painting, vgg_weights):
    settings = TrainSettings(steps=30, size=32, style_size=32, rate=3e-3, log_every=10)
    train(
        tmp_path,
        {"a": painting},
        photographs,
        network=SMALLEST,
        settings=settings,
        vgg_weights=vgg_weights,
        progress=False,
    )
    totals = scalar_values(tmp_path / "scalars", "total")
    assert len(totals) == 3
    assert totals[-1] < totals[0]


@pytest.mark.usefixtures("eager")
def test_batch_norm_learns_its_statistics(tmp_path, photographs, painting, vgg_weights):
    network = train(
        tmp_path / "run",
        {"a": painting},
        photographs,
        network=dict(architecture="fast", width=4, norm="batch"),
        settings=TrainSettings(steps=1, size=32, style_size=32),
        vgg_weights=vgg_weights,
        progress=False,
    )
    assert weight_values(network)["conv1/norm/moving_mean"].any()
    export(network, tmp_path / "a.pb")
    frame = read_image(photographs / "0.jpg")
    painted = GraphRunner(read_graph(tmp_path / "a.pb"))(frame)
    expected = keras.ops.convert_to_numpy(network((frame[None], np.ones((1, 1)))))[0]
    assert np.abs(painted - expected.clip(0, 255)).max() <= 2


TRAIN = """
import sys
from pathlib import Path
from ffmpeg_style.learning import networks
from ffmpeg_style.learning.settings import TrainSettings
from ffmpeg_style.learning.training import train

output, painting, photographs, vgg_weights, starts = sys.argv[1:]
networks.SPIKE, networks.SPIKE_WEIGHT = 0.0, 5.0  # So that a step shows that it was charged for.
for name in ("losses", "batch", "teacher", "consistency"):
    train(
        Path(output) / name,
        {"style": painting},
        photographs,
        network=dict(
            architecture="fast", width=4, norm="batch" if name == "batch" else "instance"
        ),
        settings=TrainSettings(
            3, size=32, style_size=32, precision="float32", log_every=1,
            **({"rate": 1e-3} if name == "consistency" else {"consistency": 0}),
        ),
        vgg_weights=vgg_weights,
        start=Path(starts) / name,
        teacher=Path(starts) / "losses" if name == "teacher" else None,
        progress=False,
    )
"""


def test_jax_trains_as_tensorflow_does(tmp_path, photographs, painting, vgg_weights):
    norms = {"losses": "instance", "batch": "batch", "teacher": "instance"}
    norms["consistency"] = "instance"
    # Adam's first steps follow a gradient's sign: where one is as good as zero, rounding decides.
    # Few starts part by as much as 3e-3 for that; this one, and most, by about 1e-5.
    # The mean absolute difference of the consistency loss has more such places than most. A wrong
    # gradient would show in the fourth part of a step's gain, which is 5e-3 of the loss.
    keras.utils.set_random_seed(0)
    for name, norm in norms.items():
        network = StyleNetwork("fast", width=4, norm=norm).build_weights()
        (tmp_path / name).mkdir()
        header = {"network": network.settings, "training": {}}
        save_checkpoint(tmp_path / name, 1, header, weight_values(network), [])
    for backend in ("tensorflow", "jax"):
        inputs = map(str, (tmp_path / backend, painting, photographs, vgg_weights, tmp_path))
        environment = {**os.environ, "KERAS_BACKEND": backend}
        subprocess.run([sys.executable, "-c", TRAIN, *inputs], env=environment, check=True)
    for name in norms:
        expected, found = (
            scalar_values(tmp_path / backend / name / "scalars", "total")
            for backend in ("tensorflow", "jax")
        )
        assert len(expected) == 3
        bound = 1.5e-3 if name == "consistency" else 1e-3
        assert found == pytest.approx(expected, rel=bound), name
    means = [
        newest_checkpoint(tmp_path / backend / "batch")[1]["conv1/norm/moving_mean"]
        for backend in ("tensorflow", "jax")
    ]
    np.testing.assert_allclose(*means, rtol=1e-3, atol=1e-6)


def read_events(folder):
    """The events of TensorBoard in a folder: records of length, checksum, bytes, checksum."""
    data = next(folder.iterdir()).read_bytes()
    while data:
        length = int.from_bytes(data[:8], "little")
        yield Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]


def scalar_values(folder, tag):
    """The values of a TensorBoard scalar."""
    events = read_events(folder)
    return [v.simple_value for event in events for v in event.summary.value if v.tag == tag]


def test_scalars_behind_the_last_checkpoint_are_purged(tmp_path):
    """TensorBoard forgets all from the step of a start on, which are written again."""
    with Scalars(tmp_path / "scalars", 40) as scalars:
        scalars.write(60, {"total": 1.5})
    events = list(read_events(tmp_path / "scalars"))
    assert [event.step for event in events if event.session_log.status == SessionLog.START] == [41]
    assert scalar_values(tmp_path / "scalars", "total") == [1.5]


@pytest.mark.usefixtures("eager")
def test_from_and_teacher_take_a_run(undisturbed, tmp_path, photographs, painting, vgg_weights):
    settings = TrainSettings(steps=1, size=32, style_size=32)
    shared = dict(settings=settings, vgg_weights=vgg_weights, progress=False)
    name = painting.stem
    width = dict(architecture="johnson", width=4)
    tuned = train(
        tmp_path / "tuned",
        {name: painting},
        photographs,
        network=width,
        start=undisturbed,
        **shared,
    )
    old = newest_checkpoint(undisturbed)[1]["conv1/conv/kernel"]
    change = np.abs(weight_values(tuned)["conv1/conv/kernel"] - old).max()
    assert 0 < change < 2e-3  # One step of Adam.
    train(
        tmp_path / "small",
        {name: painting},
        photographs,
        network=SMALLEST,
        teacher=undisturbed,
        **shared,
    )
    assert newest_checkpoint(tmp_path / "small")[0]["network"]["architecture"] == "fast"
    first = read_network(undisturbed).trained
    assert first["data"] == "6 photographs"
    assert read_network(tmp_path / "tuned").trained["start"] == first
    taught = read_network(tmp_path / "small").trained
    assert taught["teacher"] == first
    assert not {"weights", "style_size"} & taught.keys(), "it had no use for them"
    with pytest.raises(InputError, match="go on as it began"):
        train(tmp_path / "small", {name: painting}, photographs, network=SMALLEST, **shared)


@pytest.mark.usefixtures("eager")
def test_one_style_becomes_the_start_of_several(
    undisturbed, tmp_path, photographs, painting, vgg_weights
):
    settings = TrainSettings(steps=1, size=32, style_size=32)
    network = train(
        tmp_path,
        {"a": painting, "b": painting},
        photographs,
        network=dict(architecture="johnson", width=4),
        settings=settings,
        vgg_weights=vgg_weights,
        start=undisturbed,
        progress=False,
    )
    assert weight_values(network)["conv1/norm/gamma"].shape == (2, 4)


@pytest.mark.usefixtures("eager")
def test_styles_go_on_by_their_names(tmp_path, photographs, painting, vgg_weights):
    several = StyleNetwork("fast", ("a", "b", "c"), width=4).build_weights()
    values = weight_values(several)
    for name in values:
        if "/norm/" in name:
            values[name] = np.random.default_rng(0).uniform(0.5, 1, values[name].shape)
    header = {"network": several.settings, "training": {}}
    save_checkpoint(tmp_path, 1, header, values, [])
    network = train(
        tmp_path / "run",
        dict.fromkeys(("c", "new", "a"), painting),
        photographs,
        network=SMALLEST,
        settings=TrainSettings(steps=1, size=32, style_size=32, rate=0.0),
        vgg_weights=vgg_weights,
        start=tmp_path,
        progress=False,
    )
    for name, value in weight_values(network).items():
        old = values[name]
        expected = np.stack([old[2], old.mean(axis=0), old[0]]) if "/norm/" in name else old
        np.testing.assert_allclose(value, expected, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    "architecture, styles", [("fast", ("a",)), ("johnson", ("a", "b"))], ids=["one", "two"]
)
@pytest.mark.usefixtures("eager")
def test_from_takes_a_frozen_graph(
    architecture, styles, tmp_path, photographs, painting, vgg_weights
):
    shared = dict(network=dict(architecture=architecture, width=4), vgg_weights=vgg_weights)
    shared |= dict(content=photographs, progress=False)
    sizes = dict(size=32, style_size=32, precision="float32")
    settings = TrainSettings(steps=4, rate=1e-2, **sizes)
    first = train(tmp_path / "first", dict.fromkeys(styles, painting), settings=settings, **shared)
    path, history = tmp_path / "first.pb", read_network(tmp_path / "first").trained
    export(first, path, trained=history, licence="CC-BY-SA-4.0")
    paintings = dict.fromkeys(reversed(styles), painting)
    standing = TrainSettings(steps=1, rate=0.0, **sizes)
    network = train(tmp_path / "run", paintings, settings=standing, start=path, **shared)
    assert read_network(tmp_path / "run").trained["start"] == history
    assert read_network(tmp_path / "run").licence == "CC-BY-SA-4.0"
    frame, runner = read_image(photographs / "0.jpg"), GraphRunner(read_graph(path))
    pictures = []
    for mix in np.eye(len(styles), dtype="float32"):
        pictures.append(runner(frame, mix if len(styles) > 1 else None))
        own = keras.ops.convert_to_numpy(network((frame[None], mix[None, ::-1])))[0].clip(0, 255)
        assert np.abs(pictures[-1] - own).max() < 0.51, "of 255, 0.5 of them rounded off"
    assert pictures[0].std() > 1
    assert (pictures[0] != pictures[-1]).any() == (len(styles) > 1)


GRAPHS = {
    "another width": (dict(width=8), {}, None, "expected --architecture fast --width 8"),
    "a folded norm": (dict(norm="batch"), {}, None, "folded into its convolutions"),
    "a missing weight": ({}, {}, "conv1/conv/kernel", "conv1/conv/kernel is only in one"),
    "a missing style": ({}, {"styles": ["a", "b"]}, None, r"of shape \(2, 4\)"),
    "no card": ({}, {}, "model_card", "a graph exported by ffmpeg-style"),
}


@pytest.mark.parametrize("case", GRAPHS)
def test_graph_that_is_no_start(case, tmp_path, photographs, painting, vgg_weights):
    kind, told, missing, message = GRAPHS[case]
    network = StyleNetwork("fast", ("a",), **{"width": 4, **kind}).build_weights()
    card = {"format": FORMAT, "name": "a", "trained": {}, "licence": "", **network.settings, **told}
    graph = write_graph(network, weight_values(network), card, "float32")
    nodes = [node for node in graph.node if node.name != missing]
    path = tmp_path / "a.pb"
    path.write_bytes(tf.compat.v1.GraphDef(node=nodes).SerializeToString())
    with pytest.raises(InputError, match=message):
        train(
            tmp_path / "run",
            {"a": painting},
            photographs,
            network={**SMALLEST, "norm": network.norm},
            settings=TrainSettings(steps=1, size=32, style_size=32),
            vgg_weights=vgg_weights,
            start=path,
            progress=False,
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("eager")
def test_unreadable_photographs_are_named_at_the_end(
    tmp_path, photographs, painting, vgg_weights, caplog
):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for path in photographs.iterdir():
        (mixed / path.name).write_bytes(path.read_bytes())
    for index in range(6):
        (mixed / f"broken{index}.jpg").write_bytes(b"no picture")
    train(
        tmp_path / "run",
        {"a": painting},
        mixed,
        network=SMALLEST,
        settings=TrainSettings(steps=4, size=32, style_size=32),
        vgg_weights=vgg_weights,
        progress=False,
    )
    named = {f"broken{index}.jpg" for index in range(6) if f"broken{index}.jpg" in caplog.text}
    assert named
    assert f"{len(named)} unreadable images were passed over" in caplog.text


BAD = {
    "no style image": (["--style", "{tmp}/none.jpg"], "found no file at"),
    "a text file": (["--style", "{text}"], "found an unreadable file"),
    "broken photographs": (["--content", "{broken}"], "none readable"),
    "no network to begin with": (["--from", "{tmp}/none.npz"], "found no file at"),
    "another network to begin with": (
        ["--from", "{run}", "--architecture", "fast"],
        "expected --architecture johnson --width 4 --norm instance to begin with",
    ),
    "no graph to begin with": (["--from", "{text}.pb"], "no frozen TensorFlow graph"),
    "an empty folder": (["--content", "{empty}"], "found no image file there"),
    "no folder": (["--content", "{tmp}/none"], "found none at"),
    "weights of the wrong network": (
        ["--vgg-weights", "{wrong}"],
        "found those of another network",
    ),
    "a painting of few pixels": (["--style", "{small}"], "64 pixels or more on its short side"),
    "crops beyond the memory": (["--size", "1000000"], "a step has the memory for"),
    "no weights": (["--vgg-weights", "{tmp}/none.npz"], "found no such file"),
    "an output that cannot be written": (["--output", "{text}/run"], "expected a folder to write"),
    "another architecture": (["--output", "{run}", "--architecture", "fast"], "found one of"),
    "an unknown architecture": (["--architecture", "resnet"], "must be johnson or fast"),
    "several styles with batch norm": (["--style", "b={painting}", "--norm", "batch"], "one style"),
    "an odd size": (["--size", "50"], "multiple of 4"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(
    case, arguments, undisturbed, painting, tmp_path, tmp_path_factory, monkeypatch
):
    def never():
        raise AssertionError("it is told before TensorFlow is loaded")

    given = tmp_path_factory.mktemp("given")
    places = dict(
        tmp=given,
        text=given / "text",
        empty=given / "empty",
        broken=given / "broken",
        wrong=given / "wrong.npz",
        small=given / "small.png",
        run=undisturbed,
        painting=painting,
    )
    for name in ("text", "text.pb"):
        (given / name).write_text("This is text.")
    Image.new("RGB", (63, 200)).save(places["small"])
    places["empty"].mkdir()
    places["broken"].mkdir()
    (places["broken"] / "a.jpg").write_bytes(b"no picture")
    np.savez(places["wrong"], **{"fc/kernel": np.zeros((2, 2))})
    extra, message = BAD[case]
    extra = [value.format(**places) for value in extra]
    before = {path: path.stat().st_mtime_ns for path in undisturbed.iterdir()}
    command = replace_options(arguments, extra)
    if "--output" not in extra:
        command += ["--output", str(tmp_path / "run")]
    monkeypatch.setattr("ffmpeg_style.commands.train.start_tensorflow", never)
    result = CliRunner().invoke(main, [*command[3:], "--steps", "20"])
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert len(result.output.splitlines()) == 1
    assert not (tmp_path / "run").exists()
    assert {path: path.stat().st_mtime_ns for path in undisturbed.iterdir()} == before


def test_no_weights_and_no_network(tmp_path, monkeypatch, painting, photographs):
    monkeypatch.setenv("FFMPEG_STYLE_ASSETS", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    command = [sys.executable, "-m", "ffmpeg_style", "train", "--style", painting]
    code, output = finish(command, "--content", photographs, "--output", tmp_path / "run", *SMALL)
    assert code == 2, output
    assert "could not be downloaded (URL fetch failure" in output.splitlines()[-1]
    assert "Traceback" not in output
    assert not (tmp_path / "run").exists()


def test_paintings_may_have_names():
    given = ["wave=/data/a=b.jpg", "/data/c=d.jpg", "e=f.jpg", "g.jpg"]
    named = {name: str(path) for name, path in named_paintings(given).items()}
    assert named == {
        "wave": "/data/a=b.jpg",
        "c=d": "/data/c=d.jpg",
        "e": "f.jpg",
        "g": "g.jpg",
    }


@pytest.mark.parametrize("command", ["train", "optimize"])
@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_have_a_range(command, seed):
    result = CliRunner().invoke(main, [command, "--seed", str(seed)])
    assert result.exit_code == 2
    assert f"{seed} is not in the range" in result.output


@pytest.mark.parametrize("command", ["train", "optimize", "evaluate"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_weights_are_finite_and_not_negative(command, value):
    model = ["model.pb"] if command == "evaluate" else []
    result = CliRunner().invoke(main, [command, *model, "--style-weight", value])
    assert result.exit_code == 2
    assert "--style-weight" in result.output


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0"])
def test_rate_is_positive(value):
    result = CliRunner().invoke(main, ["train", "--rate", value])
    assert result.exit_code == 2
    assert "--rate" in result.output


def replace_options(arguments, extra):
    """The command with some options' values replaced, or added where they may come twice."""
    command = list(arguments)
    for option, value in zip(extra[::2], extra[1::2], strict=True):
        if option in command and not value.startswith("b="):
            command[command.index(option) + 1] = value
        else:
            command += [option, value]
    return command


def test_checkpoint_round_trip(tmp_path):
    weights = {"conv/kernel": np.arange(6, dtype="float32").reshape(2, 3)}
    save_checkpoint(tmp_path, 3, {"network": {"width": 4}}, weights, [np.float32(1), np.ones(2)])
    header, loaded, optimizer = load_checkpoint(tmp_path / "checkpoint-00000003.npz")
    assert header == {"step": 3, "network": {"width": 4}}
    np.testing.assert_array_equal(loaded["conv/kernel"], weights["conv/kernel"])
    assert [value.shape for value in optimizer] == [(), (2,)]


def test_drafts_of_a_killed_run_are_removed(tmp_path):
    for name in (".ffmpeg-style-1.npz", ".ffmpeg-style-2.pb"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    save_checkpoint(tmp_path, 1, {"network": {}}, {}, [])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["checkpoint-00000001.npz"]


def test_every_damage_falls_back_to_the_checkpoint_before(tmp_path):
    for step in (1, 2):
        save_checkpoint(tmp_path, step, {"network": {}}, {"a": np.ones(2)}, [])
    path = tmp_path / "checkpoint-00000002.npz"
    whole = bytearray(path.read_bytes())
    for place in [match.start() for match in re.finditer(b"PK\1\2", whole)]:
        whole[place + 10] = 99  # A method of compression that nobody knows.
    path.write_bytes(whole)
    assert newest_checkpoint(tmp_path)[0]["step"] == 1
    with open(path, "wb") as file:
        np.save(file, np.ones(2))
    assert newest_checkpoint(tmp_path)[0]["step"] == 1


def test_truncated_checkpoint_is_an_error(tmp_path):
    save_checkpoint(tmp_path, 1, {"network": {}}, {"a": np.ones(1000)}, [])
    path = tmp_path / "checkpoint-00000001.npz"
    whole = path.read_bytes()
    for cut in range(0, len(whole), len(whole) // 20):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match="damaged"):
            load_checkpoint(path)


@pytest.mark.usefixtures("eager")
def test_a_run_of_some_minutes_leaves_a_model_and_goes_on(
    tmp_path, photographs, painting, vgg_weights
):
    run, model = tmp_path / "run", tmp_path / "run" / "stripes.pb"
    arguments = ["train", "--style", str(painting), "--content", str(photographs)]
    arguments += ["--vgg-weights", str(vgg_weights), "--from", str(tmp_path / "start.pb")]
    arguments += ["--size", "32", "--style-size", "64", "--output", str(run)]
    export(StyleNetwork("fast", width=4).build_weights(), tmp_path / "start.pb")
    assert invoke([*arguments, "--minutes", "0.0001"]) == 0
    header = newest_checkpoint(run)[0]
    assert header["step"] >= 1 and header["network"]["width"] == 4
    training = header["training"]
    assert training["minutes"] == 0.0001 and training["seconds"] > 0 and "steps" not in training
    card = read_network(model, weights=False)
    assert card.settings == header["network"]
    assert card.trained["steps"] == header["step"]
    with Image.open(run / SO_FAR) as sheet:
        assert sheet.size == (4 * 256, 2 * 256)
    assert invoke([*arguments, "--minutes", "0.0001"]) == 0  # It has its time already.
    assert newest_checkpoint(run)[0]["step"] == header["step"]
    assert invoke([*arguments, "--minutes", "1", "--steps", "3"]) == 2


def invoke(arguments):
    """The exit code of ``ffmpeg-style`` with these arguments, in this process."""
    result = CliRunner().invoke(main, arguments)
    return result.exit_code


def test_the_rate_follows_the_share_of_the_time(monkeypatch):
    now = 100.0
    monkeypatch.setattr(training.time, "monotonic", lambda: now)
    pace = Pace(TrainSettings(minutes=2, rate=1e-2), seconds=30.0)
    pace.begin()
    optimizer = keras.optimizers.Adam()
    rates = []
    for second in (-30, -24, 30, 90):
        now = 100.0 + second
        pace.set_rate(optimizer)
        rates.append(float(optimizer.learning_rate))
    assert rates[:2] == pytest.approx([1e-3, 1e-2], rel=1e-3)
    assert 4e-3 < rates[2] < 6e-3
    assert rates[3] == pytest.approx(1e-4, rel=1e-3) and pace.is_over(1)


def test_photographs_of_a_dependency_serve_for_a_short_run():
    paths = free_photographs("this test")
    assert len(paths) >= 5 and all(path.is_file() for path in paths)
    item = Photographs(paths, 32)[0]
    assert item["images"].shape == (1, 32, 32, 3)
