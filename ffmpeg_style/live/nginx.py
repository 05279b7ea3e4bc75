"""nginx with its RTMP module: found or installed, configured, run, and asked what it sees."""

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import aiohttp

from ffmpeg_style.errors import BuildError, InputNotFoundError
from ffmpeg_style.live import children
from ffmpeg_style.packages import can_install, install, install_line

PACKAGES = ("nginx-light", "libnginx-mod-rtmp")
HOOKS_SOCKET = "hooks.sock"
CONTROL_SOCKET = "nginx.sock"
CONFIGURATION = "nginx.conf"

_MODULE = "ngx_rtmp_module.so"
_MODULE_FOLDERS = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules")
_START_TIME = 5

log = logging.getLogger(__name__)


# nginx asks before it lets anyone publish or play. Its own logs stay off but for errors, since they
# would show the arguments of addresses, and so the key. One process without a master: it can be
# killed as one, and streams are not shared between processes anyway. The notice that a camera has
# left is what ends its painter's reading: ffmpeg waits for the next packet even when told to end.
_TEMPLATE = """\
load_module {module};
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;

events {{
    worker_connections 1024;
}}

rtmp {{
    access_log off;

    server {{
        {listen}
        chunk_size 4096;
        max_message 8M;
        timeout 20s;
        ping 10s;
        ping_timeout 10s;
        notify_method post;

        application camera {{
            live on;
            wait_key off;
            sync 10ms;
            publish_notify on;
            drop_idle_publisher 20s;
            {hooks}
        }}

        application painted {{
            live on;
            wait_key on;
            sync 10ms;
            {hooks}
        }}
    }}
}}

http {{
    access_log off;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;

    server {{
        listen unix:{control};
        location /stat {{ rtmp_stat live; }}
        location /control {{ rtmp_control all; }}
    }}
}}
"""


@dataclass(frozen=True)
class NginxProgram:
    """Where nginx and its RTMP module are."""

    program: str
    module: Path


def find_nginx():
    """Nginx with its RTMP module; installs both when that is ours to do: as root on Debian.

    Returns:
        NginxProgram: what to run.

    Raises:
        InputNotFoundError: there is none; the message says what to install.
        BuildError: installing failed.
    """
    found = _look_for_nginx()
    if found is None and can_install():
        log.info("installing %s", " ".join(PACKAGES))
        with _services_kept_from_starting():
            install(PACKAGES)
        found = _look_for_nginx()
    if found is None:
        raise InputNotFoundError(
            f"no nginx with its RTMP module; on Debian: {install_line(PACKAGES)}"
        )
    return found


def _look_for_nginx():
    program = shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")
    modules = [Path(folder) / _MODULE for folder in _MODULE_FOLDERS]
    module = next((path for path in modules if path.is_file()), None)
    return NginxProgram(program, module) if program and module else None


@contextlib.contextmanager
def _services_kept_from_starting():
    """Debian starts a server when it installs one; nobody asked for a web server on port 80."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    try:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        yield
    finally:
        policy.unlink(missing_ok=True)


def configuration(module, addresses, port, folder):
    """The text of nginx's configuration.

    Args:
        module: path of the RTMP module.
        addresses: IP addresses to listen on for RTMP.
        port: for RTMP.
        folder: the state folder, with a path that nginx can read: see `state_folder`.
    """
    listen = [_listen(address, port) for address in addresses]
    hooks = f"http://unix:{folder / HOOKS_SOCKET}:"
    events = ("on_publish", "on_publish_done", "on_play")
    return _TEMPLATE.format(
        module=module,
        listen="\n        ".join(listen),
        hooks="\n            ".join(f"{event} {hooks}/{event};" for event in events),
        control=folder / CONTROL_SOCKET,
    )


def _listen(address, port):
    # "::" would take the loopback address of IPv4, too, which is listened on by itself.
    return (
        f"listen [{address}]:{port} ipv6only=on;" if ":" in address else f"listen {address}:{port};"
    )


@dataclass(frozen=True)
class Traffic:
    """What nginx sees of a stream.

    Attributes:
        is_published: whether it has a publisher.
        received: bytes from its publisher so far.
        players: connections that play it.
    """

    is_published: bool
    received: int
    players: int


class Nginx:
    """A running nginx."""

    def __init__(self, process, folder):
        self._process = process
        connector = aiohttp.UnixConnector(path=str(folder / CONTROL_SOCKET))
        timeout = aiohttp.ClientTimeout(total=5)
        self._client = aiohttp.ClientSession("http://nginx", connector=connector, timeout=timeout)
        self._log = asyncio.create_task(self._forward_log())

    @classmethod
    async def start(cls, program, folder):
        """Starts nginx with the configuration in its folder, and waits until it answers.

        Raises:
            BuildError: it does not start; the message has its own words.
        """
        (folder / CONTROL_SOCKET).unlink(missing_ok=True)
        command = [program, "-p", f"{folder}/", "-c", CONFIGURATION, "-e", "stderr"]
        process = await children.start(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        nginx = cls(process, folder)
        try:
            await asyncio.wait_for(nginx._answer(), _START_TIME)
        except BaseException:
            await nginx.close()
            raise
        return nginx

    async def _answer(self):
        while self._process.returncode is None:
            try:
                return await self.streams()
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
        raise BuildError("nginx did not start; its reason is in the lines above")

    async def _forward_log(self):
        async for line in children.lines(self._process.stderr):
            log.warning("%s", line)

    async def ended(self):
        """Waits until nginx has ended."""
        await self._process.wait()

    async def close(self):
        """Ends nginx."""
        await self._client.close()
        await children.end(self._process)
        await self._log

    async def streams(self):
        """What is being published and watched: {(application, name): `Traffic`}.

        Raises:
            aiohttp.ClientError: nginx does not answer.
        """
        async with self._client.get("/stat") as answer:
            answer.raise_for_status()
            return read_statistics(await answer.text())

    async def drop_publisher(self, name):
        """Disconnects the camera that publishes `name`."""
        query = {"app": "camera", "name": name}
        async with self._client.get("/control/drop/publisher", params=query) as answer:
            answer.raise_for_status()


def read_statistics(text):
    """The streams in the XML of nginx's ``rtmp_stat``, as `Nginx.streams` gives them."""
    found = {}
    for application in ElementTree.fromstring(text).iter("application"):
        for stream in application.iter("stream"):
            is_published = stream.find("publishing") is not None
            found[application.findtext("name"), stream.findtext("name")] = Traffic(
                is_published=is_published,
                received=int(stream.findtext("bytes_in", "0")),
                players=int(stream.findtext("nclients", "0")) - is_published,
            )
    return found
