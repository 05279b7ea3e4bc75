"""A minimal RTMP client that says whatever it is told to, which no camera app would."""

import contextlib
import functools
import os
import socket
import struct

HANDSHAKE_SIZE = 1536
CHUNK_SIZE = 65536
COMMAND, SET_CHUNK_SIZE = 20, 1
EXTENDED = 0xFFFFFF
"""The timestamp that says that there is a longer one."""
PUBLISHING, PLAYING = b"NetStream.Publish.Start", b"NetStream.Play.Start"


def may_publish(port, application, name, timeout=10, **connection):
    """Whether the server at a port of 127.0.0.1 lets a client publish.

    Args:
        port: the server's.
        application: bytes.
        name: bytes of the stream's name, and of its arguments after a "?".
        timeout: seconds without an answer after which the client counts as refused.
        connection: more properties of the command "connect", as bytes.
    """
    command = _text(b"publish") + _number(0) + b"\x05" + _text(name) + _text(b"live")
    return _is_answered(port, application, command, PUBLISHING, timeout, connection)


@contextlib.contextmanager
def publishing(port, application, name):
    """Publishes meanwhile; yields a function of (kind, timestamp, body) that sends a message.

    Raises:
        ConnectionError: the server does not let it publish.
    """
    command = _text(b"publish") + _number(0) + b"\x05" + _text(name) + _text(b"live")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as server:
        _shake_hands(server)
        _connect(server, application, {})
        _send(server, COMMAND, command, stream=1)
        if not _receive_until(server, PUBLISHING):
            raise ConnectionError("publishing was refused")
        yield functools.partial(_send_media, server)


def _send_media(server, kind, timestamp, body):
    """Sends sound, a picture or metadata as one chunk, on a chunk stream of its own."""
    timestamp %= 2**32
    is_long = timestamp >= EXTENDED
    head = bytes([4 + kind % 4]) + struct.pack(">I", min(timestamp, EXTENDED))[1:]
    head += struct.pack(">I", len(body))[1:] + bytes([kind]) + struct.pack("<I", 1)
    server.sendall(head + (struct.pack(">I", timestamp) if is_long else b"") + body)


def may_play(port, application, name, timeout=10, **connection):
    """Whether the server lets a client play; the arguments are those of `may_publish`."""
    command = _text(b"play") + _number(0) + b"\x05" + _text(name) + _number(-2000)
    return _is_answered(port, application, command, PLAYING, timeout, connection)


def _is_answered(port, application, command, answer, timeout, connection):
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as server:
        try:
            _shake_hands(server)
            _connect(server, application, connection)
            _send(server, COMMAND, command, stream=1)
            return _receive_until(server, answer)
        except (TimeoutError, ConnectionError):
            return False


def _shake_hands(server):
    server.sendall(b"\x03" + bytes(8) + os.urandom(HANDSHAKE_SIZE - 8))
    answer = b""
    while len(answer) < 1 + 2 * HANDSHAKE_SIZE:
        data = server.recv(65536)
        if not data:
            raise ConnectionError
        answer += data
    server.sendall(answer[1 : 1 + HANDSHAKE_SIZE])


def _connect(server, application, connection):
    _send(server, SET_CHUNK_SIZE, struct.pack(">I", CHUNK_SIZE))
    properties = {"app": application, "tcUrl": b"rtmp://127.0.0.1/" + application, **connection}
    items = b"".join(
        struct.pack(">H", len(key)) + key.encode() + _text(value)
        for key, value in properties.items()
    )
    _send(server, COMMAND, _text(b"connect") + _number(1) + b"\x03" + items + b"\0\0\x09")
    _send(server, COMMAND, _text(b"createStream") + _number(2) + b"\x05")


def _receive_until(server, answer):
    """Whether a text comes before the server ends the connection."""
    received = b""
    while answer not in received:
        data = server.recv(65536)
        if not data:
            return False
        received += data
    return True


def _send(server, kind, body, stream=0):
    """Sends a message as one chunk, with a full header."""
    header = b"\x03" + bytes(3) + struct.pack(">I", len(body))[1:] + bytes([kind])
    server.sendall(header + struct.pack("<I", stream) + body)


def _text(value):
    return b"\x02" + struct.pack(">H", len(value)) + value


def _number(value):
    return b"\0" + struct.pack(">d", value)
