"""Programs that this process starts, and that end with it, however it ends."""

import asyncio
import contextlib
import fcntl
import os
import signal

from ffmpeg_style.processes import ending_with_parent

MAX_LINE = 4096
"""Bytes of a line of a program's output; a longer one is cut."""
PIPE_SIZE = 16384
"""Bytes that lie between this process and a program that does not read."""
MAX_READ = 65536
"""Bytes that are read of a program's output at a time: all that there is in a pipe."""


async def start(command, **options):
    """Starts a program without a shell; the kernel kills it when this process dies.

    It gets a session of its own, so that Ctrl-C at a terminal reaches this process alone, which
    then ends its children in order.

    Args:
        command: a list of str.
        options: of `asyncio.create_subprocess_exec`.

    Raises:
        InputNotFoundError: setpriv, which asks the kernel for that, is not installed.
    """
    process = await asyncio.create_subprocess_exec(
        *ending_with_parent(command), start_new_session=True, **options
    )
    for descriptor in (1, 2):
        if pipe := process._transport.get_pipe_transport(descriptor):
            # asyncio asks for 256 KiB, for which there is room at the end of the heap alone: what
            # lives a little longer stays there, with a hole before it, and the heap grows.
            pipe.max_size = MAX_READ
    return process


async def end(process, grace=2):
    """Asks a program to end, makes it end after `grace` seconds, and waits until it has."""
    if process.returncode is not None:
        return
    _signal(process, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), grace)
    except asyncio.TimeoutError:
        await kill(process)


async def kill(process):
    """Ends a program at once, even a stopped one."""
    if process.returncode is None:
        _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process, number):
    # asyncio's own way asks for the exit code first, and so takes it from who waits for it.
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


async def lines(reader):
    """The lines of a program's output as str, without their ends, each cut at `MAX_LINE` bytes."""
    rest = b""
    while data := await reader.read(65536):
        *complete, rest = (rest + data).replace(b"\r", b"\n").split(b"\n")
        rest = rest[:MAX_LINE]
        for line in complete:
            yield line[:MAX_LINE].decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


async def open_pipe():
    """A pipe to a program: (an `asyncio.StreamWriter`, the file descriptor for the program).

    The writer's ``drain`` waits until the program, or the little that fits in between, has it all.
    The caller closes the descriptor once the program has it.
    """
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(write_end, "wb", 0)
    )
    transport.set_write_buffer_limits(0)
    return asyncio.StreamWriter(transport, protocol, None, loop), read_end
