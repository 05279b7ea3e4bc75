"""The configuration in docs/live.md, in a plain nginx."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from helpers import graphs
from helpers.live import command_line, end, free_port, listens, wait_for

from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.live.nginx import find_nginx

DOCUMENT = Path(__file__).parents[2] / "docs" / "live.md"


@pytest.fixture
def port(tmp_path):
    """The RTMP port of an nginx with the documented configuration."""
    model = graphs.contract_graph(tmp_path / "wave.pb")
    port = free_port()
    (documented,) = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    program = find_nginx()
    text = documented.replace(":1935", f":{port}").replace("/path/to/ffmpeg", str(ffmpeg_path()))
    head = (
        f"load_module {program.module}; daemon off; pid nginx.pid; error_log stderr;\nevents {{}}\n"
    )
    (tmp_path / "nginx.conf").write_text(head + text.replace("/path/to/wave-fast.pb", str(model)))
    tmp_path.chmod(0o755)
    command = [program.program, "-p", tmp_path, "-c", "nginx.conf", "-e", "stderr"]
    process = subprocess.Popen([*command, "-g", "user root;"])
    try:
        wait_for(lambda: listens(port))  # A camera that comes before would not come again.
        yield port
    finally:
        process.terminate()
        process.wait()


def painters(address):
    """The programs that read from the cameras of a server."""
    source = f"-i\0{address}/camera/cam\0".encode()
    processes = [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in processes if source in command_line(pid)]


def test_documented_configuration_paints(port, tmp_path):
    sources = ["-re", "-f", "lavfi", "-i", "testsrc2=size=160x96:rate=10"]
    sources += ["-re", "-f", "lavfi", "-i", "sine"]
    # More than a second of sound comes before a key frame does.
    options = "-c:v libx264 -preset ultrafast -tune zerolatency -g 40 -pix_fmt yuv420p -c:a aac"
    address = f"rtmp://127.0.0.1:{port}"
    command = [ffmpeg_path(), "-nostdin", "-v", "error", *sources, *options.split(), "-f", "flv"]
    camera = subprocess.Popen([*command, f"{address}/camera/cam"])
    path = tmp_path / "painted.flv"
    # Without a limit, a player that comes before the painter would wait for it in its own time.
    player = [ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-rw_timeout", "8000000"]
    play = [*player, "-i", f"{address}/painted/cam", "-t", "1", "-map", "0:v", "-map", "0:a"]
    play += ["-c", "copy", path]
    try:
        wait_for(lambda: not subprocess.run(play, timeout=60).returncode)
        (painter,) = painters(address)
        os.kill(int(painter), signal.SIGKILL)
        wait_for(lambda: painters(address) not in ([], [painter]))
        wait_for(lambda: not subprocess.run(play, timeout=60).returncode)
        assert path.stat().st_size > 1000
    finally:
        end(camera)
    wait_for(lambda: not painters(address))
