"""The engine for numpy arrays, against TensorFlow itself."""

import contextlib
import gc
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import graphs

import ffmpeg_style
from ffmpeg_style import Engine
from ffmpeg_style.painting import STEADY

# What a fresh process does: in this one TensorFlow is loaded for good.
PROCESS = """
import sys
import numpy as np
from ffmpeg_style import Engine
assert "tensorflow" not in sys.modules
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of graphs: of one style, of two, of others, and a large one."""
    folder = tmp_path_factory.mktemp("models")
    graphs.contract_graph(folder / "wave.pb")
    graphs.contract_graph(folder / "both.pb", ["wave", "scream"])
    graphs.wide_graph(folder / "wide.pb")
    return folder


@pytest.fixture(scope="module")
def engine(models):
    with Engine(models / "both.pb", steady=0) as engine:
        yield engine


@pytest.fixture(autouse=True)
def _same_settings(engine):
    yield
    engine.style, engine.strength, engine.colors = None, 1, "style"


def random_frames(count, height=48, width=64, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def run_process(code):
    # This process has set it for itself; whoever sets it wants to see TensorFlow's lines.
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, "-c", PROCESS + code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("size", [(48, 64), (16, 16), (239, 321)])
def test_a_frame_is_painted_as_tensorflow_does(engine, models, size):
    frame = random_frames(1, *size)[0]
    expected = graphs.run_graph(models / "both.pb", frame)
    np.testing.assert_array_equal(engine(frame), expected)


def test_an_iterator_gives_the_same_in_order(engine):
    frames = random_frames(20)
    painted = engine(iter(frames))
    assert iter(painted) is painted
    for frame, result in zip(frames, painted, strict=True):
        np.testing.assert_array_equal(result, engine(frame))


@pytest.mark.parametrize(("height", "width", "held"), [(360, 640, 12), (361, 640, 6)])
def test_an_iterator_reads_ahead_until_the_engine_is_full(models, height, width, held):
    read = []
    frames = [*random_frames(1, height, width)] * 20
    with Engine(models / "wave.pb", requests=3) as engine:
        painted = engine(read.append(i) or frame for i, frame in enumerate(frames))
        assert read == []
        next(painted)
        assert len(read) == held + 1  # with the one that found no room
        assert len(list(painted)) == 19


def test_frames_of_different_sizes_in_one_iterator(engine):
    frames = [random_frames(1, 16 + 3 * i, 90 - 5 * i)[0] for i in range(10)]
    assert [painted.shape for painted in engine(frames)] == [frame.shape for frame in frames]


def test_the_source_is_left_alone_and_may_be_reused_at_once(engine):
    frames = random_frames(8)
    buffer = np.empty_like(frames[0])

    def reuse():
        for frame in frames:
            buffer[:] = frame
            yield buffer

    for frame, painted in zip(frames, engine(reuse()), strict=True):
        np.testing.assert_array_equal(painted, engine(frame))
    frame = frames[0].copy()
    frame.flags.writeable = False
    engine(frame)
    np.testing.assert_array_equal(frame, frames[0])


@pytest.mark.parametrize(
    "view",
    [np.s_[::-1], np.s_[:, ::-1], np.s_[..., ::-1], np.s_[::2, ::3], np.s_[5:40, 7:50]],
    ids=["bottom-up", "mirrored", "bgr", "steps", "part"],
)
def test_any_layout_in_memory(engine, view):
    frame = random_frames(1, 96, 96)[0][view]
    np.testing.assert_array_equal(engine(frame), engine(np.ascontiguousarray(frame)))


def test_style_strength_and_colors_change_at_run_time(engine, models):
    frame = random_frames(1)[0]
    first, second = (graphs.run_graph(models / "both.pb", frame, w) for w in ([1, 0], [0, 1]))
    for style, expected in [("scream", second), (1, second), ("wave", first), (None, first)]:
        engine.style = style
        np.testing.assert_array_equal(engine(frame), expected)
    mixed = graphs.run_graph(models / "both.pb", frame, [0.25, 0.75])
    for style in ("wave:1+scream:3", {"wave": 1, "scream": 3}):
        engine.style = style
        np.testing.assert_array_equal(engine(frame), mixed)
    engine.style = "wave"
    engine.strength = 0.5
    between = (frame.astype(int) + first) / 2
    assert np.abs(engine(frame) - between).max() <= 1
    engine.strength = 0
    np.testing.assert_array_equal(engine(frame), frame)
    engine.strength, engine.colors = 1, "content"
    assert np.any(engine(frame) != first)
    assert (engine.style, engine.strength, engine.colors) == ("wave", 1, "content")


def test_a_refused_change_leaves_things_as_they_were(engine):
    for name, value in [("style", "nope"), ("strength", 7), ("colors", "mine")]:
        before = getattr(engine, name)
        with pytest.raises(ValueError, match=str(value)):
            setattr(engine, name, value)
        assert getattr(engine, name) == before


def still_life(count, seed=0):
    """A texture under a camera's noise."""
    random = np.random.default_rng(seed)
    texture = np.repeat(np.repeat(random.integers(30, 226, (6, 8, 3)), 8, 0), 8, 1)
    return (texture + random.integers(-3, 4, (count, 48, 64, 3))).astype(np.uint8)


@pytest.mark.parametrize("mix", [{}, {"strength": 0.5}, {"colors": "content"}])
def test_paintings_of_a_video_hold_each_other_whatever_the_requests(models, mix):
    frames = still_life(12)
    with Engine(models / "wave.pb", steady=0, **mix) as engine:
        alone = np.stack([engine(frame) for frame in frames]).astype(int)
    results = []
    for requests in (1, 3):
        with Engine(models / "wave.pb", requests=requests, **mix) as engine:
            assert engine.steady == STEADY
            results.append(np.stack(list(engine(iter(frames)))))
            assert np.array_equal(engine(frames[5]), alone[5])  # a photograph
            waits = [engine.submit(frame) for frame in frames]
            assert np.array_equal([wait() for wait in waits], results[-1])
    held, again = results
    assert np.array_equal(held, again)
    assert np.array_equal(held[0], alone[0])
    if not mix:  # otherwise the source shows, which shimmers itself
        shimmer = np.abs(np.diff(alone[4:], axis=0)).mean()
        assert np.abs(np.diff(held[4:].astype(int), axis=0)).mean() < 0.8 * shimmer


def test_steady_holds_the_same_whoever_helps(models):
    """A frame has more bands than threads, of which the last is cut; each moves and shimmers."""
    noise = np.random.default_rng(5)
    scene = noise.integers(0, 256, (40, 50, 3)).repeat(5, 0).repeat(5, 1)
    frames = [
        np.uint8(np.clip(np.roll(scene, (3 * i, -2 * i), (0, 1)) + noise.normal(0, 4), 0, 255))
        for i in range(8)
    ]
    results = []
    for requests, threads in ((1, 1), (1, 2), (1, 5), (2, 1), (2, 3)):
        with Engine(models / "wave.pb", requests=requests, threads=threads) as engine:
            results.append(list(engine(frames)))
    with Engine(models / "wave.pb", steady=0) as engine:
        assert not np.array_equal(results[0], list(engine(frames)))
    for other in results[1:]:
        assert np.array_equal(results[0], other)


def test_steady_begins_anew_with_the_style_and_the_size(models):
    frames = still_life(6)
    with Engine(models / "both.pb", requests=1) as engine:
        wave, scream = [engine(frame) for frame in frames], []
        engine.style = "scream"
        scream = [engine(frame) for frame in frames]

        def turning():
            for index, frame in enumerate(frames):
                engine.style = "wave" if index < 3 else "scream"
                yield frame

        turned = list(engine(turning()))
        assert np.array_equal(turned[3], scream[3])
        assert not np.array_equal(turned[4], scream[4])
        engine.style = "wave"
        small = list(engine(frame if i < 3 else frame[:32] for i, frame in enumerate(frames)))
        assert np.array_equal(small[3], engine(frames[3][:32]))
        assert not np.array_equal(small[1], wave[1])


def test_what_an_engine_tells_of_itself(models):
    with Engine(models / "both.pb", requests=3, threads=1, device="cpu") as engine:
        assert engine.name == "wave-scream"
        assert engine.styles == ("wave", "scream")
        assert engine.card["format"] == "ffmpeg-style/1"
        assert engine.size == (0, 0)
        assert (engine.requests, engine.threads, engine.device) == (3, 1, "cpu")
        assert engine.precision in ("fp32", "bf16", "int16")
        assert Path(engine.library).exists() and engine.version[0].isdecimal()
        assert "wave-scream" in repr(engine)
    assert engine.styles == ("wave", "scream")
    assert "closed" in repr(engine)


def test_graphs_of_others(tmp_path):
    frame = random_frames(1)[0]
    for name, (low, high) in graphs.RANGES.items():
        model = graphs.float_graph(tmp_path / f"{name}.pb", name)
        with Engine(model, range=name) as engine:
            assert engine.card == {} and engine.styles == (name,)
            painted = engine(frame)
        expected = graphs.run_graph(graphs.contract_graph(tmp_path / "contract.pb"), frame)
        assert np.abs(painted.astype(int) - expected).max() <= 1, (low, high)
    with Engine(graphs.float_graph(tmp_path / "frame.pb", input_name="frame")) as engine:
        engine(frame)
    model = graphs.float_graph(tmp_path / "two.pb", distractors=True)
    with Engine(model, input="image", output="painted") as engine:
        engine(frame)


def differences(painted, expected):
    return np.abs(painted.astype(int) - expected).max()


@pytest.mark.parametrize("kind", ["channels_first", "leftovers", "mixed_ranges"])
def test_graphs_of_others_without_a_word(tmp_path, kind):
    """What runs is found in the graph, and what nothing depends on is left alone."""
    frame = random_frames(1)[0]
    expected = graphs.run_graph(graphs.contract_graph(tmp_path / "contract.pb"), frame)
    with Engine(graphs.foreign_graph(tmp_path / "foreign.pb", kind)) as engine:
        assert differences(engine(frame), expected) <= 1


def test_a_range_for_each_image(tmp_path):
    frame = random_frames(1)[0]
    expected = graphs.run_graph(graphs.contract_graph(tmp_path / "contract.pb"), frame)
    model = graphs.foreign_graph(tmp_path / "foreign.pb", "mixed_ranges")
    for settings in (
        {"input_range": "255", "output_range": "1"},
        {"range": "255", "output_range": "1"},
        {"range": "1", "input_range": "255"},
    ):
        with Engine(model, **settings) as engine:
            assert differences(engine(frame), expected) <= 1
    with Engine(model, range="255") as engine:
        assert engine(frame).max() <= 1


@pytest.mark.parametrize("kind", ["weights", "number"])
def test_styles_of_others(tmp_path, kind):
    """A placeholder beside the image's is fed from the style."""
    frame = random_frames(1)[0]
    contract = graphs.contract_graph(tmp_path / "contract.pb", ["a", "b", "c"])
    with Engine(graphs.foreign_graph(tmp_path / "foreign.pb", kind)) as engine:
        assert engine.styles == ("0", "1", "2")
        for style in range(3):
            engine.style = style
            expected = graphs.run_graph(contract, frame, np.eye(3)[style])
            assert differences(engine(frame), expected) <= 1
        mix = {0: 0.25, 2: 0.75}
        if kind == "weights":
            engine.style = mix
            assert (
                differences(engine(frame), graphs.run_graph(contract, frame, [0.25, 0, 0.75])) <= 1
            )
        else:
            with pytest.raises(ValueError, match="one style"):
                engine.style = mix


def test_a_frame_that_the_memory_is_too_small_for_is_refused(models):
    with Engine(models / "wide.pb", requests=2, max_memory=100 << 20) as engine:
        engine(random_frames(1)[0])
        with pytest.raises(
            ValueError, match=r"1920x1080 pixels takes about 1\.. GB .* limit is 0\.1 GB"
        ):
            engine(random_frames(1, 1080, 1920)[0])
        engine(random_frames(1)[0])
    with pytest.raises(ValueError, match="max_memory"):
        Engine(models / "wide.pb", max_memory=-1)


def test_as_many_frames_at_a_time_as_memory_goes(models, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    frame = np.full((240, 320, 3), 9, np.uint8)
    with Engine(models / "wide.pb", max_memory=60 << 20) as engine:
        requests = engine.requests
        for painted in engine([frame] * (requests + 1)):
            assert painted.shape == frame.shape
    told = [message for message in caplog.messages if "frames are painted at a time" in message]
    assert len(told) == (requests > 1)


def test_memory_is_reckoned_behind_paddings_that_the_graph_computes():
    """As the shipped models do, whose first convolution makes 2.1 GB of floats of such a frame."""
    model = Path(__file__).parents[2] / "models" / "wave.pb"
    with (
        Engine(model, requests=1, max_memory=2 << 30) as engine,
        pytest.raises(ValueError, match=r"7680x4320 pixels takes about 4\.. GB"),
    ):
        engine(np.zeros((4320, 7680, 3), np.uint8))


def test_a_model_that_no_frame_is_small_enough_for_is_refused_at_once(tmp_path):
    """Of 16,777,216 channels of each pixel."""
    model = graphs.blown_up_graph(tmp_path / "model.pb", "channels")
    with pytest.raises(ValueError, match=r"no more than 16x16 pixels takes about 17\.. GB"):
        Engine(model, max_memory=1 << 30)


@pytest.mark.parametrize("kind", graphs.BLOWN_UP)
def test_a_model_that_makes_too_much_of_a_frame_is_refused(tmp_path, kind):
    model = graphs.blown_up_graph(tmp_path / "model.pb", kind)
    with pytest.raises(ValueError, match=r"takes about \d\d+\.\d GB"):
        Engine(model, requests=1, max_memory=1 << 30)(np.zeros((360, 640, 3), np.uint8))


def test_loading_takes_no_stderr_from_others():
    """Programs that another thread starts while TensorFlow loads keep theirs."""
    model = Path(__file__).parents[2] / "models" / "wave-fast.pb"
    result = run_process(f"""
import subprocess, threading
programs, opened = [], threading.Event()
def start():
    while not opened.is_set():
        programs.append(subprocess.Popen(["sh", "-c", "sleep 1; echo here >&2"]))
        opened.wait(0.02)
thread = threading.Thread(target=start)
thread.start()
Engine({str(model)!r})
opened.set()
thread.join()
for program in programs:
    program.wait()
print(len(programs))
""")
    assert result.returncode == 0, result.stderr
    assert result.stderr == "here\n" * int(result.stdout)


@pytest.mark.parametrize(
    ("frame", "error", "words"),
    [
        (np.zeros((48, 64, 3), np.float32), TypeError, r"float32 \[48, 64, 3\]"),
        (np.zeros((48, 64), np.uint8), ValueError, r"uint8 \[48, 64\]"),
        (np.zeros((48, 64, 4), np.uint8), ValueError, r"uint8 \[48, 64, 4\]"),
        (np.zeros((2, 48, 64, 3), np.uint8), ValueError, r"uint8 \[2, 48, 64, 3\]"),
        (np.zeros((4, 4, 3), np.uint8), ValueError, "4x4 pixels"),
        (np.zeros((0, 64, 3), np.uint8), ValueError, "64x0 pixels"),
        (3, TypeError, "found int"),
        (None, TypeError, "found NoneType"),
    ],
)
def test_what_is_no_frame_is_refused(engine, frame, error, words):
    with pytest.raises(error, match=words) as raised:
        engine(frame)
    assert isinstance(raised.value, ffmpeg_style.StyleError)
    with pytest.raises((ValueError, TypeError)):
        list(engine([random_frames(1)[0], frame]))
    engine(random_frames(1)[0])


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"style": "nope"}, ValueError, "'nope'.*wave, scream"),
        ({"style": {"wave": -1}}, ValueError, "-1"),
        ({"strength": 7}, ValueError, "7; expected 0"),
        ({"strength": float("nan")}, ValueError, "nan"),
        ({"colors": "mine"}, ValueError, "expected style, content"),
        ({"precision": "fp64"}, ValueError, "expected auto, fp32, bf16, int16"),
        ({"range": 255}, ValueError, "expected auto, 255"),
        ({"requests": 0}, ValueError, "requests"),
        ({"requests": 65}, ValueError, "64"),
        ({"threads": 2.5}, ValueError, "threads"),
        ({"device": "tpu"}, ValueError, "tpu"),
        ({"device": "gpu:99"}, RuntimeError, "gpu:99"),
        ({"input": "nope"}, ValueError, "nope"),
        ({"input": "a\0b"}, ValueError, "NUL"),
        ({"max_model_bytes": 100}, ValueError, "100"),
    ],
)
def test_settings_that_cannot_be_right(models, settings, error, words):
    with pytest.raises(error, match=words) as raised:
        Engine(models / "both.pb", **settings)
    assert isinstance(raised.value, ffmpeg_style.StyleError)


@pytest.mark.parametrize("name", graphs.BAD)
def test_a_bad_model_is_refused(tmp_path, name):
    bad = graphs.BAD[name]
    path = bad.write(tmp_path / "bad.pb")
    with pytest.raises(FileNotFoundError if name == "missing" else ValueError) as raised:
        Engine(path)
    if name != "missing":
        assert all(word in str(raised.value) for word in bad.words)
    assert "\n" not in str(raised.value)


def test_a_frame_beyond_the_limit_is_refused(models):
    with Engine(models / "wave.pb", max_pixels=48 * 64) as engine:
        engine(random_frames(1)[0])
        with pytest.raises(ValueError, match="limit is 3072"):
            engine(random_frames(1, 49)[0])


def test_a_painting_that_fails_is_an_error_and_the_engine_lives_on(tmp_path):
    with Engine(graphs.WRONG_SIZE.write(tmp_path / "wrong.pb")) as engine:
        for _ in range(2):
            with pytest.raises((ValueError, RuntimeError), match="styled"):
                engine(random_frames(1)[0])


def test_a_closed_engine_says_so(models):
    engine = Engine(models / "wave.pb")
    painted = engine(iter(random_frames(10)))
    next(painted)
    engine.close()
    engine.close()
    for use in (
        lambda: next(painted),
        lambda: engine(random_frames(1)[0]),
        lambda: setattr(engine, "strength", 0.5),
    ):
        with pytest.raises(RuntimeError, match="closed"):
            use()


def test_threads_share_an_engine(engine):
    frames = random_frames(6)
    expected = [engine(frame) for frame in frames]
    failures = []

    def paint(index):
        for _ in range(10):
            if not np.array_equal(engine(frames[index]), expected[index]):
                failures.append(index)
        for result, right in zip(engine(iter(frames)), expected, strict=True):
            if not np.array_equal(result, right):
                failures.append(index)

    threads = [threading.Thread(target=paint, args=(index,)) for index in range(len(frames))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_iterators_that_are_left_half_way_and_taken_up_again(engine):
    frames = random_frames(6)
    expected = [engine(frame) for frame in frames]
    one, other = engine(iter(frames)), engine(iter(frames))
    del_me = engine(iter(frames))
    next(del_me)
    del del_me
    results = [(next(one), next(other)) for _ in frames]
    for (a, b), right in zip(results, expected, strict=True):
        np.testing.assert_array_equal(a, right)
        np.testing.assert_array_equal(b, right)


def test_closing_while_another_thread_waits(models):
    engine = Engine(models / "wide.pb", requests=2)
    outcome = []
    begun = threading.Event()

    def paint():
        try:
            for _ in engine(iter(random_frames(200, 256, 256))):
                begun.set()
        except RuntimeError as error:
            outcome.append(str(error))

    thread = threading.Thread(target=paint)
    thread.start()
    assert begun.wait(60)
    engine.close()
    thread.join(60)
    assert len(outcome) == 1 and "closed" in outcome[0]


def test_painting_releases_the_gil(models):
    """While a thread paints, this one runs on: it counts what fits into that time."""
    frame = random_frames(1, 512, 512)[0]
    with Engine(models / "wide.pb") as engine:
        thread = threading.Thread(target=engine, args=(frame,))
        turns = 0
        thread.start()
        while thread.is_alive():
            turns += 1
    assert turns > 1000


def test_a_forked_process_is_told_to_open_its_own(models):
    result = run_process(f"""
import os
engine = Engine({str(models / "wave.pb")!r})
child = os.fork()
if not child:
    try:
        engine(np.zeros((48, 64, 3), np.uint8))
    except RuntimeError as error:
        print(error, flush=True)
    engine.close()
    del engine
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""")
    assert result.returncode == 0, result.stderr
    assert "before a fork" in result.stdout and result.stdout.endswith("7\n")


def test_engines_leave_no_memory_behind(models):
    def live():
        with Engine(models / "wave.pb") as engine:
            painted = engine(iter(random_frames(4, 1024, 1024)))
            next(painted)

    for _ in range(10):
        live()
    gc.collect()
    before = resident_bytes()
    for _ in range(30):  # a frame kept by each would be 94 MB
        live()
    gc.collect()
    assert resident_bytes() - before < 32 * 2**20


def test_painting_leaves_no_memory_behind(engine):
    frame = random_frames(1, 256, 256)[0]
    for _ in range(50):
        engine(frame)
    before = resident_bytes()
    for _ in range(300):  # a frame kept each time would be 59 MB
        engine(frame)
    assert resident_bytes() - before < 16 * 2**20


def test_an_engine_is_opened_once_and_not_copied(engine, models):
    with pytest.raises(RuntimeError, match="once"):
        engine.__init__(models / "wave.pb")
    with pytest.raises(TypeError):
        pickle.dumps(engine)
    engine(random_frames(1)[0])


def test_tensorflow_is_found_without_being_imported(models):
    result = run_process(f"""
painted = Engine({str(models / "wave.pb")!r})(np.zeros((48, 64, 3), np.uint8))
assert "tensorflow" not in sys.modules
import tensorflow as tf
print(tf.constant(painted).shape)
""")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "(48, 64, 3)\n"


def test_without_tensorflow_the_error_tells_what_to_install(models):
    result = run_process(f"""
try:
    Engine({str(models / "both.pb")!r}, library="/nowhere/libtensorflow.so.2")
except OSError as error:
    print(error)
""")
    assert "pip install tensorflow" in result.stdout and "/nowhere" in result.stdout


def test_the_engine_speaks_by_logging(models):
    result = run_process(f"""
import logging
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
Engine({str(models / "wave.pb")!r})
""")
    assert "INFO:ffmpeg_style:model 'wave'" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("import ffmpeg_style; ffmpeg_style.find_model; ffmpeg_style.Engine", "PackageError: "),
        ("from ffmpeg_style.cli import main; main(['models'])", "ffmpeg-style: "),
    ],
)
def test_an_uncompiled_package_says_what_to_type(use, told, tmp_path):
    package = Path(ffmpeg_style.__file__).parent
    (tmp_path / "ffmpeg_style").mkdir()
    for source in package.glob("[!_]*"):
        (tmp_path / "ffmpeg_style" / source.name).symlink_to(source)
    (tmp_path / "ffmpeg_style" / "__init__.py").symlink_to(package / "__init__.py")
    # An editable install would find the extension of the checkout by a finder of its own.
    code = f"""
import sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
{use}
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == (2 if told == "ffmpeg-style: " else 1)
    sentence = result.stderr.splitlines()[-1]
    assert told in sentence and sentence.endswith("or `pip install .`")


def test_only_the_module_is_exported():
    from ffmpeg_style import _engine

    symbols = subprocess.run(
        ["nm", "-D", "--defined-only", _engine.__file__], capture_output=True, text=True
    ).stdout
    assert [line.split()[-1] for line in symbols.splitlines()] == ["PyInit__engine"]


def test_an_interrupted_close_can_be_repeated(tmp_path):
    """A Ctrl-C while it waits for a frame that is being painted."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    def paint():
        with contextlib.suppress(ffmpeg_style.StyleError):
            engine(np.zeros((720, 1280, 3), np.uint8))

    engine = Engine(graphs.wide_graph(tmp_path / "wide.pb"), requests=1)
    painter = threading.Thread(target=paint)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        painter.start()
        time.sleep(0.3)
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            engine.close()
            time.sleep(60)  # It was quicker than the signal.
    finally:
        signal.signal(signal.SIGALRM, before)
    engine.close()
    painter.join()
    assert "closed" in repr(engine)
