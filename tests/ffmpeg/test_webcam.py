"""The camera in a window; a clip stands in for the camera, and SDL's dummy for the screen."""

import subprocess
import sys
import wave

import numpy as np
import pytest
from helpers import films, graphs

from ffmpeg_style import InputError, InputNotFoundError
from ffmpeg_style.catalog import list_models
from ffmpeg_style.ffmpeg.cameras import camera_of, newest_frames
from ffmpeg_style.window import show_paintings


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "camera.mp4"
    films.write_clip(path, [np.full((64, 96, 3), number * 20, np.uint8) for number in range(10)])
    return path


@pytest.fixture
def screen(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    return pytest.importorskip("pygame")


def test_newest_frames_come_at_the_cameras_pace(clip):
    with newest_frames(str(clip), 32) as frames:
        seen = list(frames)
    assert seen and all(frame.shape == (32, 48, 3) for frame in seen)
    assert seen[-1].mean() > 150


def test_a_camera_that_is_not_there_is_one_sentence(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(InputError, match="can't be opened"), newest_frames(str(text), None):
        pass
    song = tmp_path / "song.wav"
    with wave.open(str(song), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(16000))
    with pytest.raises(InputError, match="has no pictures"), newest_frames(str(song), None):
        pass
    if sys.platform == "linux":
        with pytest.raises(InputNotFoundError, match="no camera at /dev/video99"):
            camera_of("99")


def test_keys_change_the_painting(screen, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = graphs.contract_graph(tmp_path / "a.pb", ["a"])
    frame = np.full((32, 48, 3), 90, np.uint8)
    keys = [screen.K_MINUS, screen.K_c, screen.K_s, screen.K_SPACE, screen.K_ESCAPE]

    def frames():
        for number in range(20):
            if number < len(keys):
                screen.event.post(screen.event.Event(screen.KEYDOWN, key=keys[number]))
            yield frame

    settings = {}
    assert show_paintings(frames(), model, settings) == len(keys)
    assert settings == {"strength": 0.9, "colors": "content"}
    assert [path.suffix for path in tmp_path.glob("painting-*")] == [".png"]
    assert "painting-" in capsys.readouterr().out


def test_each_model_has_styles_of_its_own(screen, tmp_path, monkeypatch, capsys):
    """Two paintings of one second are two files, and models without a style are passed over."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda form: "painting-now")
    model = graphs.contract_graph(tmp_path / "two.pb", ["one", "other"])
    keys = [screen.K_s, screen.K_s, *[screen.K_SPACE] * len(list_models()), screen.K_ESCAPE]

    def frames():
        for key in keys:
            screen.event.post(screen.event.Event(screen.KEYDOWN, key=key))
            yield np.full((32, 48, 3), 90, np.uint8)

    settings = {"style": "other"}
    assert show_paintings(frames(), model, settings) == len(keys)
    assert "style" not in settings
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "painting-now.png",
        "painting-now-2.png",
    }


def test_command(clip, screen):
    command = [sys.executable, "-m", "ffmpeg_style", "webcam", "--camera", str(clip)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
