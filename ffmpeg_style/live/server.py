"""The live server as a whole: state, hooks, nginx, streams, page; down in the other order."""

import asyncio
import contextlib
import ipaddress
import logging
import signal
import sys

from aiohttp import web

from ffmpeg_style.errors import BuildError
from ffmpeg_style.live import nginx
from ffmpeg_style.live.access import Tickets
from ffmpeg_style.live.addresses import code, page_address
from ffmpeg_style.live.certificate import server_context
from ffmpeg_style.live.hooks import hooks_application
from ffmpeg_style.live.outputs import check_outputs
from ffmpeg_style.live.rehearsal import rehearse
from ffmpeg_style.live.state import state_folder
from ffmpeg_style.live.streams import Streams
from ffmpeg_style.live.web import web_application
from ffmpeg_style.live.webrtc.sessions import Sessions

NGINX_PAUSE = 1
"""Seconds before nginx is started again after an end of its own."""

log = logging.getLogger(__name__)


def serve(settings, companions=()):
    """Serves until SIGINT, SIGTERM or SIGHUP, and returns which of them came.

    Args:
        settings: `Settings`; its state folder is made, and deleted in the end.
        companions: functions of (settings, tickets) that return a coroutine to be run meanwhile.

    Raises:
        InputError, InputNotFoundError, BuildError: what it needs is not there.
    """
    settings.check_ports()
    check_outputs(settings)
    context = None
    if settings.https:
        context = server_context(settings.certificate, settings.certificate_key)
    rehearse(settings)
    program = nginx.find_nginx()
    with state_folder(settings.state):
        return asyncio.run(_serve(settings, program, context, companions))


async def _serve(settings, program, context, companions):
    stop, came = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def end(number):
        came.append(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end, number)
    addresses = settings.rtmp_addresses
    text = nginx.configuration(program.module, addresses, settings.rtmp_port, settings.state)
    (settings.state / nginx.CONFIGURATION).write_text(text)
    async with contextlib.AsyncExitStack() as stack:
        tickets = Tickets()
        streams = Streams(settings, tickets)
        hooks = hooks_application(streams)
        await stack.enter_async_context(_site(hooks, path=settings.state / nginx.HOOKS_SOCKET))
        stack.push_async_callback(streams.close)  # What came in while the others were closed.
        up = asyncio.Event()
        nginx_runs = asyncio.create_task(_keep_nginx(program.program, settings.state, streams, up))
        stack.push_async_callback(_cancel, nginx_runs)
        stack.push_async_callback(streams.close)
        await _first(up.wait(), nginx_runs)  # Whoever sees the page may publish.
        sessions = Sessions(settings, streams, tickets)
        stack.push_async_callback(sessions.close)
        page = web_application(settings, streams, sessions)
        await stack.enter_async_context(_site(page, settings.host, settings.http_port, context))
        for companion in companions:
            stack.push_async_callback(_cancel, asyncio.create_task(companion(settings, tickets)))
        log.info(settings.addresses)
        _draw_code(settings)
        await _first(stop.wait(), nginx_runs)
        log.info("ending")
    return came[0]


def _draw_code(settings):
    """Where someone looks, a QR code for phones; the key is in it, so that it need not be typed."""
    if sys.stdout.isatty() and not ipaddress.ip_address(settings.host).is_loopback:
        print(f"To film with a phone: {page_address(settings)}")
        code(settings, with_key=True).terminal(compact=True)


async def _first(event, task):
    """Waits for an event, or for a task to fail, whose error is raised then."""
    waiting = asyncio.ensure_future(event)
    await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()


async def _keep_nginx(program, folder, streams, up):
    """Runs nginx, again and again; fails when it does not start the first time.

    Args:
        program: path.
        folder: with its configuration.
        streams: a `Streams`, which is told what nginx sees.
        up: an `asyncio.Event`, set once nginx answers.
    """
    while True:
        try:
            running = await nginx.Nginx.start(program, folder)
        except (BuildError, asyncio.TimeoutError):
            if not up.is_set():
                raise
            await asyncio.sleep(NGINX_PAUSE)
            continue
        up.set()
        watch = asyncio.create_task(streams.watch(running))
        try:
            await running.ended()
            log.error("nginx ended; it starts again")
            await streams.close()
        finally:
            await _cancel(watch)
            await running.close()
        await asyncio.sleep(NGINX_PAUSE)


@contextlib.asynccontextmanager
async def _site(application, host=None, port=None, context=None, path=None):
    """Serves a web application on an address, by https with a context, or on a socket at `path`."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        if path:
            await web.UnixSite(runner, str(path)).start()
        else:
            await web.TCPSite(runner, host, port, ssl_context=context).start()
        yield
    finally:
        await runner.cleanup()


async def _cancel(task):
    task.cancel()
    await asyncio.wait([task])
