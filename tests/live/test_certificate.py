"""Https, with a certificate of the server's own or the operator's."""

import os
import ssl
import subprocess
import sys
import urllib.request

import pytest
from cryptography import x509
from helpers import graphs
from helpers.live import KEY, free_port, listens, wait_for

from ffmpeg_style.errors import InputError
from ffmpeg_style.live.addresses import code
from ffmpeg_style.live.certificate import own_certificate, server_context
from ffmpeg_style.live.settings import Settings


def test_own_certificate_is_kept_and_made_anew_for_other_names(tmp_path, monkeypatch):
    path = own_certificate(tmp_path / "new" / "certificate.pem")
    made = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert own_certificate(path).read_bytes() == made
    monkeypatch.setattr("socket.gethostname", lambda: "renamed.example")
    renewed = x509.load_pem_x509_certificate(own_certificate(path).read_bytes())
    names = renewed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "renamed.local" in names.get_values_for_type(x509.DNSName)
    path.write_text("cut off")
    assert own_certificate(path).read_bytes().startswith(b"-----BEGIN PRIVATE KEY")
    assert list(path.parent.iterdir()) == [path] and path.stat().st_mode & 0o777 == 0o600


def test_certificate_that_cannot_be_kept_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"can't keep a certificate .*; give one by --certificate"):
        own_certificate(tmp_path / "file" / "certificate.pem")
    (tmp_path / "certificate.pem").mkdir()
    with pytest.raises(InputError, match="can't keep a certificate"):
        own_certificate(tmp_path / "certificate.pem")
    assert len(list(tmp_path.iterdir())) == 2, "nothing is left"


def test_files_that_are_no_certificate_are_refused(tmp_path):
    good = own_certificate(tmp_path / "good.pem")
    server_context(good)
    other = own_certificate(tmp_path / "other.pem")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    for certificate, key in ((text, None), (tmp_path / "none", None), (good, other)):
        with pytest.raises(InputError, match=f"expected a certificate .* at {certificate}"):
            server_context(certificate, key)


def test_page_by_https(tmp_path):
    """The certificate is good for the address: a client that knows it asks nothing."""
    model = graphs.contract_graph(tmp_path / "model.pb")
    port = free_port()
    command = [sys.executable, "-m", "ffmpeg_style", "live", "--model", model, "--https"]
    ports = ["--http-port", str(port), "--rtmp-port", str(free_port())]
    server = subprocess.Popen(
        [*command, *ports, "--state", tmp_path / "state"],
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
    )
    try:
        wait_for(lambda: listens(port))
        certificate = tmp_path / "ffmpeg-style" / "certificate.pem"
        context = ssl.create_default_context(cafile=certificate)
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/", context=context) as page:
            assert page.status == 200
    finally:
        server.terminate()
        assert server.wait(60) == 143


def test_code_has_the_key_only_for_those_who_know_it(tmp_path):
    settings = Settings(
        ffmpeg=tmp_path, model=tmp_path, styles=(), controls=None, state=tmp_path,
        host="192.0.2.7", key=KEY, https=True,
    )  # fmt: skip
    assert len(code(settings, True).matrix) > len(code(settings, False).matrix)
