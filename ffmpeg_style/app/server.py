"""The page's server: for this machine alone, on an address that no other reaches."""

import asyncio
import json
import logging
import math
import tempfile
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from ffmpeg_style.app.desk import Desk
from ffmpeg_style.errors import InputError, StyleError
from ffmpeg_style.files import FULL, full_disk

LOOPBACK = "127.0.0.1"
MOST_BYTES = 4 << 30
"""Of a file that is dropped: larger ones are for the command line, which copies nothing."""

_STATIC = Path(__file__).with_name("static")
_LIVE = Path(__file__).parents[1] / "live" / "static"
"""The page of `live` has the style sheet and the icon."""
_PAGES = {
    "/": _STATIC / "index.html",
    "/app.js": _STATIC / "app.js",
    "/app.css": _STATIC / "app.css",
    "/painting.svg": _STATIC / "painting.svg",
    "/style.css": _LIVE / "style.css",
    "/icon.svg": _LIVE / "icon.svg",
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
}
logger = logging.getLogger(__name__)


def serve(port: int = 0, open_browser: bool = True) -> None:
    """Serve the page until a signal ends it.

    Args:
        port: of the loopback address; 0 for any that is free.
        open_browser: whether to show the page in the user's browser.

    Raises:
        InputError: the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="ffmpeg-style-app-") as folder:
        asyncio.run(_serve(Path(folder), port, open_browser))


async def _serve(folder, port, open_browser):
    runner = web.AppRunner(application(Desk(folder)))
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, port)
        try:
            await site.start()
        except OSError as error:
            raise InputError(
                f"port {port} can't be used: {error.strerror}; choose another"
            ) from error
        address = f"http://{LOOPBACK}:{runner.addresses[0][1]}/"
        print(f"{address}  (Ctrl-C ends it)", flush=True)
        if open_browser:
            webbrowser.open(address)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def application(desk: Desk) -> web.Application:
    """The web application.

    ==================================  ========================================================
    ``GET /``                           the page
    ``GET /models``                     the models and their styles, as JSON
    ``POST /files?name=NAME``           a photograph or a video, as the body
    ``GET /files/ID/source``            a still of it, JPEG; of a video at ``?second=``
    ``GET /files/ID/painted``           the same painted, with the options of `stylize`
    ``GET /files/ID/thumbnail``         a small still, painted by ``?model=``
    ``POST /files/ID/paintings``        paints all of it; JSON of options
    ``GET /paintings/ID``               how far that is, as JSON
    ``GET /paintings/ID/file``          the painting, to be saved
    ==================================  ========================================================
    """
    site = _Site(desk)
    app = web.Application(middlewares=[_guarded], client_max_size=1 << 20)
    for path in _PAGES:
        app.router.add_get(path, _page)
    app.router.add_get("/models", site.models)
    app.router.add_post("/files", site.add)
    app.router.add_get("/files/{id}/source", site.still)
    app.router.add_get("/files/{id}/painted", site.painted)
    app.router.add_get("/files/{id}/thumbnail", site.thumbnail)
    app.router.add_post("/files/{id}/paintings", site.paint)
    app.router.add_get("/paintings/{id}", site.progress)
    app.router.add_get("/paintings/{id}/file", site.file)
    return app


@web.middleware
async def _guarded(request, handler):
    """Other sites' pages reach this address too: what they ask is refused. Errors are sentences."""
    origin = request.headers.get("Origin")
    host = urlsplit(f"//{request.host}").hostname
    site = request.headers.get("Sec-Fetch-Site", "none")  # of a picture in a page, without origin
    is_own = (
        host in (LOOPBACK, "localhost")
        and site in ("same-origin", "none")
        and (origin is None or urlsplit(origin).netloc == request.host)
    )
    if not is_own:
        return web.json_response({"error": "only this machine's own page may ask"}, status=403)
    try:
        answer = await handler(request)
    except StyleError as error:
        answer = web.json_response({"error": str(error)}, status=400)
    answer.headers.update(_HEADERS)
    return answer


async def _page(request):
    return web.FileResponse(_PAGES[request.path])


class _Site:
    """The answers; what takes long is done beside the loop."""

    def __init__(self, desk):
        self._desk = desk

    async def models(self, request):
        return web.json_response(self._desk.models())

    async def add(self, request):
        size = request.content_length
        if size is not None and size > MOST_BYTES:
            raise InputError(
                f"the file has {size / 1e9:.1f} GB, more than the page takes "
                f"({MOST_BYTES / 1e9:.1f} GB): paint it by ffmpeg-style FILE"
            )
        path = self._desk.new_path(request.query.get("name", ""))
        try:
            await _write(request.content, path)
            return web.json_response(await asyncio.to_thread(self._desk.add, path))
        except BaseException as error:  # the page may leave in the middle of a file
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in FULL:
                raise full_disk(path.name, error.strerror) from error
            raise

    async def still(self, request):
        second = _second(request.query.get("second", "0"))
        picture = await asyncio.to_thread(self._desk.still, request.match_info["id"], second)
        return web.Response(body=picture, content_type="image/jpeg")

    async def painted(self, request):
        options = dict(request.query)
        second = _second(options.pop("second", "0"))
        paint = self._desk.painted_still
        picture = await asyncio.to_thread(paint, request.match_info["id"], second, options)
        return web.Response(body=picture, content_type="image/jpeg")

    async def thumbnail(self, request):
        of, model = request.match_info["id"], request.query.get("model", "")
        picture = await asyncio.to_thread(self._desk.thumbnail, of, model)
        return web.Response(body=picture, content_type="image/jpeg")

    async def paint(self, request):
        options = _options(await request.read())
        number = await asyncio.to_thread(self._desk.begin, request.match_info["id"], options)
        return web.json_response({"id": number})

    async def progress(self, request):
        return web.json_response(self._desk.progress(request.match_info["id"]))

    async def file(self, request):
        path = self._desk.painting(request.match_info["id"])
        names = {"Content-Disposition": f'attachment; filename="{path.name}"'}
        return web.FileResponse(path, headers=names)


async def _write(content, path):
    taken = 0
    with path.open("wb") as file:
        async for chunk in content.iter_chunked(1 << 20):
            taken += len(chunk)
            if taken > MOST_BYTES:
                raise InputError("the file is larger than the page takes")
            await asyncio.to_thread(file.write, chunk)


def _second(text):
    try:
        second = float(text)
    except ValueError:
        second = math.nan
    if not 0 <= second < math.inf:
        raise InputError(f"second is {text!r}; expected a number of seconds")
    return second


def _options(body):
    try:
        options = json.loads(body)
    except (ValueError, RecursionError):
        options = None
    if not isinstance(options, dict):
        raise InputError("expected a JSON object of options")
    return options
