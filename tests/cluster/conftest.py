"""A scheduler and two workers in processes of their own, for all tests here."""

import subprocess
from contextlib import ExitStack

import dask
import pytest
from distributed import Client, LocalCluster
from helpers import graphs

from ffmpeg_style.cluster.films import Films
from ffmpeg_style.cluster.worker import CALM


@pytest.fixture(scope="session")
def cluster():
    """The address of a scheduler that has two workers."""
    options = dict(threads_per_worker=1, memory_limit=0, dashboard_address="127.0.0.1:0")
    with ExitStack() as stack:
        # Silence would be that of pytest's own handlers, for the tests that come after too.
        with dask.config.set(CALM):
            local = stack.enter_context(LocalCluster(n_workers=2, silence_logs=False, **options))
        yield local.scheduler_address


@pytest.fixture
def client(cluster):
    """A client of the scheduler, to look into its workers."""
    with Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return graphs.contract_graph(tmp_path_factory.mktemp("model") / "it's a model.pb")


@pytest.fixture(scope="session")
def make(ffmpeg, tmp_path_factory):
    """Makes a film of four seconds with sound, once: by its suffix and ffmpeg's options."""
    folder = tmp_path_factory.mktemp("films")

    def make(suffix, *options, size="64x48", pixels="yuv420p"):
        film = folder / f"{abs(hash((suffix, options, size, pixels)))}{suffix}"
        if not film.exists():
            pictures = f"testsrc2=s={size}:r=25:d=4,format={pixels}"
            inputs = ["-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", "sine=r=48000:d=4"]
            subprocess.run([ffmpeg, "-v", "error", *inputs, *options, film], check=True)
        return film

    return make


@pytest.fixture
def painted(monkeypatch):
    """How many frames the pieces have that were painted, in the order in which they were."""
    counts, painted = [], Films.painted

    def note(films, clip, piece, result):
        counts.append(result.frames)
        painted(films, clip, piece, result)

    monkeypatch.setattr(Films, "painted", note)
    return counts
