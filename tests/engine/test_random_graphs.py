"""Networks drawn by lot, run by the engine itself beside a plain session of TensorFlow."""

import numpy as np
import pytest
from engine.test_plan import HAS_VECTORS, MIN_PSNR, PRECISIONS, picture, plain_session, psnr
from helpers.random_graphs import Lot

from ffmpeg_style import Engine

HEIGHTS, WIDTHS = (16, 17, 33, 64, 90, 127, 180, 359), (16, 23, 48, 101, 160, 255, 321, 641)
SEEDS = range(300)
SHORT = 8
"""As many are tried in every run of the tests."""


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=[pytest.mark.graphs] * (n >= SHORT)) for n in SEEDS]
)
def test_a_graph_drawn_by_lot(seed, tmp_path):
    styles = Lot(seed).write(tmp_path / "lot.pb")
    random = np.random.default_rng(seed)
    frame = picture(*(int(random.choice(sizes)) for sizes in (HEIGHTS, WIDTHS)), seed)
    mix = np.eye(styles, dtype="float32")[-1] if styles > 1 else None
    expected = plain_session(tmp_path / "lot.pb")(frame, mix)
    paintings = []
    for requests in (1, 3):
        settings = {"style": styles - 1, "requests": requests, "steady": 0.0}
        with Engine(tmp_path / "lot.pb", precision="fp32", **settings) as engine:
            assert engine.runtime == ("own" if HAS_VECTORS else "tensorflow")
            paintings += engine([frame] * requests)
    assert np.abs(expected.astype(int) - paintings[0]).max() <= 1
    assert all(np.array_equal(painting, paintings[0]) for painting in paintings)
    if "int16" in PRECISIONS:
        with Engine(tmp_path / "lot.pb", precision="int16", **settings) as engine:
            assert psnr(expected, engine(frame)) >= MIN_PSNR["int16"]
