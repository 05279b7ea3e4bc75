"""The live server where two things happen at once."""

import json
import socket
from urllib.parse import urlencode

import pytest
from helpers import graphs
from helpers.live import KEY, LiveServer, end, wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server without cameras."""
    folder = tmp_path_factory.mktemp("races")
    server = LiveServer(folder, graphs.contract_graph(folder / "wave.pb"))
    yield server
    assert server.stop() == 130, server.log()


def post(connection, head, body, pause=lambda: None):
    """(status, rest) of the answer to a request whose body is sent after a pause."""
    lines = [*head, "Host: 127.0.0.1", f"Content-Length: {len(body)}", "Connection: close", "", ""]
    with connection:
        connection.sendall("\r\n".join(lines).encode())
        pause()
        connection.sendall(body.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split()[1]), answer.split(b"\r\n\r\n", 1)[1]


def test_two_who_change_the_controls_at_once(server):
    camera = server.publish("both")
    try:
        wait_for(lambda: server.is_painting("both", 1))
        path = "/streams/both/controls"

        def other():
            assert server.request(path, {"colors": "content"}, KEY)[0] == 200

        head = [f"POST {path} HTTP/1.1", "Content-Type: application/json"]
        head.append(f"Authorization: Bearer {KEY}")
        connection = socket.create_connection(("127.0.0.1", server.http_port))
        status, controls = post(connection, head, '{"strength": 0.5}', other)
        assert status == 200
        assert json.loads(controls)["colors"] == "content"
        assert json.loads(controls)["strength"] == 0.5
    finally:
        end(camera)
    wait_for(lambda: not server.streams())


def test_camera_that_left_before_it_was_admitted_leaves_nothing(server):
    # Nginx tells of a camera's leaving even while the question whether it may publish is open.
    form = {"app": "camera", "name": "gone", "addr": "192.0.2.1", "clientid": "7", "key": KEY}
    head = ["POST /on_publish HTTP/1.1", "Content-Type: application/x-www-form-urlencoded"]
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(server.state / "hooks.sock"))
    assert post(connection, head, urlencode(form))[0] == 204
    assert "gone" in server.streams()
    wait_for(lambda: not server.streams())
    wait_for(lambda: not server.painters() and not list(server.state.glob("stream-*")))
