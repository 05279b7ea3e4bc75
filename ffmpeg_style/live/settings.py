"""How a live server is set up."""

import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path

from ffmpeg_style.errors import InputError
from ffmpeg_style.live.access import check_key
from ffmpeg_style.live.controls import Controls

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Settings:
    """What the operator chose, checked.

    Attributes:
        ffmpeg: path of the patched program.
        model: path of the frozen graph.
        styles: names of the model's styles.
        any_painting: whether the model is one for any painting.
        controls: what each stream starts with.
        state: folder of the server's own, as an absolute path.
        host: IP address to listen on.
        rtmp_port, http_port: to listen on.
        https: whether the page is encrypted, which browsers ask of a page that films.
        certificate, certificate_key: paths of PEM files for that; None: of the server's own.
        key: what publishing and controlling need; None: nothing, on loopback only.
        private: whether watching needs the key as well.
        max_streams: streams painted at a time.
        max_height: pixels; a larger picture is made smaller before it is painted.
        bitrate: of the painted video, in kbit/s.
        record: folder for a file of each painted stream, or None.
        virtual_camera: v4l2loopback device that shows the first of the streams, or None.
        filter_options: more options of the filter, as a dict of str.
    """

    ffmpeg: Path
    model: Path
    styles: tuple[str, ...]
    controls: Controls
    state: Path
    host: str = LOOPBACK
    rtmp_port: int = 1935
    http_port: int = 8080
    https: bool = False
    certificate: Path | None = None
    certificate_key: Path | None = None
    key: str | None = field(default=None, repr=False)
    private: bool = False
    max_streams: int = 4
    max_height: int = 720
    bitrate: int = 2500
    record: Path | None = None
    virtual_camera: Path | None = None
    filter_options: dict = field(default_factory=dict)
    any_painting: bool = False

    def __post_init__(self):
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError as error:
            raise InputError(f"expected an IP address to listen on, found {self.host!r}") from error
        if self.key is not None:
            check_key(self.key)
        elif not address.is_loopback:
            raise InputError(
                f"{self.host} can be reached from other machines: expected a key, "
                "by --key-file or FFMPEG_STYLE_KEY"
            )
        elif self.private:
            raise InputError(
                "a private server needs a key: give one by --key-file or FFMPEG_STYLE_KEY"
            )
        if self.certificate_key and not self.certificate:
            raise InputError("--certificate-key goes with --certificate")
        if self.rtmp_port == self.http_port:
            raise InputError(f"expected two ports, found {self.rtmp_port} for both RTMP and HTTP")

    @property
    def ffprobe(self):
        """Path of the program that lies beside ffmpeg."""
        return self.ffmpeg.with_name("ffprobe")

    @property
    def rtmp_addresses(self):
        """The addresses that nginx listens on: painters come in by loopback."""
        covered = self.host in (LOOPBACK, "0.0.0.0")
        return [self.host] if covered else [self.host, LOOPBACK]

    @property
    def addresses(self):
        """Where to publish and to watch, as a line of text."""
        address = ipaddress.ip_address(self.host)
        host = f"[{address}]" if address.version == 6 else str(address)
        host = "HOST" if address.is_unspecified else host
        rtmp = f"rtmp://{host}" + (f":{self.rtmp_port}" if self.rtmp_port != 1935 else "")
        key = "?key=KEY" if self.key else ""
        watching = key if self.private else ""
        scheme = "https" if self.https else "http"
        return (
            f"publish to {rtmp}/camera/NAME{key}, watch {rtmp}/painted/NAME{watching} or "
            f"{scheme}://{host}:{self.http_port}/; Ctrl-C ends it"
        )

    def check_ports(self):
        """Looks whether the ports can be had.

        Raises:
            InputError: one can't be.
        """
        for address in self.rtmp_addresses:
            _check_port(address, self.rtmp_port, "--rtmp-port")
        _check_port(self.host, self.http_port, "--http-port")


def _check_port(address, port, option):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except OSError as error:
            raise InputError(
                f"can't listen on port {port} of {address}: {error.strerror}; "
                f"choose another by {option}"
            ) from error
