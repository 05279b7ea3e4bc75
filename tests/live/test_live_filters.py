"""The filters of a painter, for cameras of all kinds."""

from pathlib import Path

import pytest
from helpers import graphs

from ffmpeg_style.ffmpeg.probe import Video
from ffmpeg_style.live.controls import Controls
from ffmpeg_style.live.rtmp.painter import Job, filters, painted_size
from ffmpeg_style.live.settings import Settings


@pytest.mark.parametrize(
    "size, max_height, painted",
    [
        ((640, 360), 720, (640, 360)),
        ((1920, 1080), 720, (1280, 720)),
        ((1080, 1920), 720, (404, 720)),
        ((161, 91), 720, (160, 90)),
        ((16, 3840), 720, (2, 720)),
    ],
)
def test_size_of_the_painting(size, max_height, painted):
    assert painted_size(Video(0, "h264", *size), max_height) == painted


@pytest.fixture
def chain(tmp_path):
    """The text of the filters for a `Video`'s properties."""
    model = graphs.contract_graph(tmp_path / "wave.pb")
    settings = Settings(Path("ffmpeg"), model, ("wave",), Controls(), tmp_path)

    def chain(start=None, **properties):
        video = Video(0, "h264", 1920, 1080, "yuv420p", **properties)
        return filters(settings, Job("cam", tmp_path, "", Controls(), video, "AAC", start))

    return chain


def test_colours_are_said_and_read_as_players_do(chain):
    before, _, after = chain().partition("styletransfer=")
    assert before.startswith("scale=1280:720:")
    assert "setparams=colorspace=bt709," in before
    assert "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv" in after


def test_cameras_that_are_not_as_players_want_them(chain):
    assert "yadif=deint=interlaced," in chain(interlaced=True)
    assert "lut3d=" in chain(transfer="arib-std-b67", matrix="bt2020nc")
    assert chain(start=1234).startswith("trim=start=1.234,")
