"""Every fixture that several files share, every marker and every skip."""

import os
import signal
import subprocess

import aiortc  # noqa: F401 - libsrtp takes TensorFlow's OpenSSL for its own where that came first
import numpy as np
import pytest
from PIL import Image

MARKERS = {
    "arm": "cross-compiles the engine for ARM, and runs it emulated: `make test-arm`",
    "graphs": "runs 300 networks drawn by lot, and 500 broken ones: `make check-graphs`",
    "matrix": "builds every series of FFmpeg, for two hours or so: `make test-matrix`",
    "live": "measures the live server, for a quarter of an hour: `make check-live`",
}
FIGURES = pytest.StashKey()


def pytest_configure(config):
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    if not config.option.markexpr:
        config.option.markexpr = " and ".join(f"not {name}" for name in MARKERS)
    # A shell starts what runs in the background with SIGINT ignored, `nohup` with SIGHUP, and
    # children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI nothing is missing: a skip there is a failure."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr[2]}"
    return report


def pytest_terminal_summary(terminalreporter, config):
    """What was measured, in columns."""
    rows = config.stash.get(FIGURES, [])
    if rows:
        terminalreporter.section("figures")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.line("  ".join(cells).rstrip())


@pytest.fixture
def figure(request):
    """A function of (what, figure, bar, good) that notes what was measured, with what it should be.

    All are told in the end; a test fails when one is not good.
    """
    rows = request.config.stash.setdefault(FIGURES, [])
    missed = []

    def note(what, value, bar, good):
        rows.append((what, value, bar, "" if good else "MISSED"))
        missed.extend([] if good else [f"{what}: {value}, expected {bar}"])

    yield note
    assert not missed, missed


@pytest.fixture(scope="session")
def ffmpeg():
    """The patched ffmpeg, a `pathlib.Path`; its ffprobe lies beside it."""
    from ffmpeg_style.errors import InputNotFoundError
    from ffmpeg_style.ffmpeg.program import ffmpeg_path

    try:
        return ffmpeg_path()
    except InputNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def chromium():
    """Headless Chromium, of 1280x900 pixels."""
    from helpers.live import open_chromium

    yield from _until_used(open_chromium(), "no chromedriver: install chromium and chromium-driver")


@pytest.fixture(scope="module")
def firefox():
    """Headless Firefox."""
    from helpers.live import open_firefox

    yield from _until_used(open_firefox(), "no Firefox: install firefox-esr")


def _until_used(browser, missing):
    if browser is None:
        pytest.skip(missing)
    yield browser
    browser.quit()


@pytest.fixture(params=["chromium", "firefox"])
def browser(request):
    """Each of the browsers."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def fuzzer():
    """Clang has libFuzzer, which is a package of its own."""
    command = ["clang", "-fsanitize=fuzzer", "-x", "c", "-", "-o", "/dev/null"]
    target = b"int LLVMFuzzerTestOneInput(const char *data, long size) { return 0; }"
    try:
        subprocess.run(command, input=target, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no libFuzzer: install clang and the libclang-rt-dev of its version")


@pytest.fixture
def check_in_tree(tmp_path):
    """A function of a series that has been built: asks FFmpeg's own tools about the filter.

    They compile its sources again, with warnings as errors, and run the FATE test of the patch.
    """
    from helpers import graphs

    from ffmpeg_style.folders import build_folder

    def make(series, *arguments):
        tree = build_folder() / "work" / series / "ffmpeg"
        result = subprocess.run(["make", "-C", tree, *arguments], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def check(series):
        libavfilter = build_folder() / "work" / series / "ffmpeg" / "libavfilter"
        ours = [libavfilter / "vf_styletransfer.c", *libavfilter.glob("styletransfer/**/*.c")]
        names = [f"libavfilter/{path.relative_to(libavfilter)}" for path in ours]
        as_if_new = [argument for name in names for argument in ("-W", name)]
        objects = [name.removesuffix(".c") + ".o" for name in names]
        compiled = make(series, "CC=gcc -Werror", *as_if_new, *objects)
        assert all(f"CC\t{name}" in compiled for name in objects)

        model = graphs.contract_graph(tmp_path / "wave.pb")
        fate = make(series, "fate-filter-styletransfer", f"STYLETRANSFER_MODEL={model}")
        assert "TEST    filter-styletransfer" in fate
        assert "styletransfer" not in make(series, "fate-list"), "it needs a model"

    return check


@pytest.fixture
def eager():
    """TensorFlow computes at once: a few steps take less time so than their graph takes to trace.

    Tests of the command train by graphs, as users do.
    """
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    """A folder of six small photographs: smooth noise, which has edges and flat parts."""
    folder = tmp_path_factory.mktemp("photographs")
    random = np.random.default_rng(1)
    for index in range(6):
        coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((120, 96), Image.BICUBIC).save(folder / f"{index}.jpg")
    return folder


@pytest.fixture(scope="session")
def painting(tmp_path_factory):
    """A striped image that stands in for a painting."""
    path = tmp_path_factory.mktemp("paintings") / "stripes.png"
    y, x = np.mgrid[0:80, 0:100]
    stripes = np.stack([(x + y) % 16 * 16, x % 8 * 30, y * 3], axis=-1).astype(np.uint8)
    Image.fromarray(stripes).save(path)
    return path


@pytest.fixture(scope="session")
def vgg_weights(tmp_path_factory):
    """Weights of the shape of VGG-19's and of random values that keep the features' size."""
    from ffmpeg_style.learning.vgg import expected_shapes

    path = tmp_path_factory.mktemp("vgg") / "vgg19.npz"
    random = np.random.default_rng(2)
    arrays = {}
    for name, shape in expected_shapes("vgg19").items():
        spread = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) == 4 else 0
        arrays[name] = (random.standard_normal(shape) * spread).astype("float32")
    np.savez(path, **arrays)
    return path
