"""The page, its streams and its controls, over HTTP."""

import io
import ipaddress
import re
import secrets
import time
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from ffmpeg_style.errors import InputError
from ffmpeg_style.ffmpeg.filter_graph import style_text
from ffmpeg_style.live.addresses import code, page_address
from ffmpeg_style.live.paintings import MAX_SIZE, keep_painting
from ffmpeg_style.live.webrtc import offer
from ffmpeg_style.live.webrtc.sessions import RefusedError

COOKIE = "ffmpeg-style-live-{port}"
"""Browsers do not keep the cookies of a host's ports apart."""
MAX_COOKIES = 1000
COOKIE_TIME = 12 * 3600
"""Seconds without a request after which a browser needs the key again."""
STATIC = Path(__file__).with_name("static")

_SEGMENT = re.compile(r"(painted|source)(\.m3u8|-\d{1,9}\.ts)")
_TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t"}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; media-src 'self' blob:; "
    "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def web_application(settings, streams, sessions):
    """The web application for browsers.

    Args:
        settings: the server's `Settings`.
        streams: a `Streams`.
        sessions: `Sessions`.

    ======================================  ====================================================
    ``GET /``                               the page
    ``GET /status``                         the server and every stream, as JSON
    ``GET /qr.svg``                         a QR code of the page's address
    ``POST /session``                       ``{"key": ...}``: the key once, a cookie from then on
    ``DELETE /session``                     ends what the cookie is for; so do hours without use
    ``POST /streams/NAME/controls``         JSON as `Controls.changed` takes it; needs the key
    ``POST /streams/NAME/painting``         a picture's file, for a model for any painting; needs
                                            the key
    ``GET /streams/NAME/painted.m3u8``      HLS of the painting, and of the camera: ``source.m3u8``
    ``POST /streams/NAME/whip``             WHIP: an SDP offer of a camera; needs the key
    ``POST /streams/NAME/whep``             WHEP: an SDP offer of a viewer; of what a camera films,
                                            when it came by WHIP: ``whep/source``
    ``DELETE /sessions/ID``                 ends what the ``Location`` of these two named
    ======================================  ====================================================

    A program may send ``Authorization: Bearer KEY`` where a browser has its cookie.
    """
    site = _Site(settings, streams, sessions)
    application = web.Application(middlewares=[site.guard], client_max_size=offer.MAX_SIZE)
    application.router.add_get("/", site.page)
    application.router.add_get("/qr.svg", site.code)
    application.router.add_get("/status", site.status)
    application.router.add_post("/session", site.open_session)
    application.router.add_delete("/session", site.close_session)
    application.router.add_post("/streams/{name}/controls", site.change)
    application.router.add_post("/streams/{name}/painting", site.take_painting)
    application.router.add_post("/streams/{name}/whip", site.publish)
    application.router.add_post("/streams/{name}/whep", site.watch)
    application.router.add_post("/streams/{name}/whep/source", site.watch_source)
    application.router.add_delete("/sessions/{id}", site.end_session)
    application.router.add_get("/streams/{name}/{file}", site.segment)
    application.router.add_static("/static", STATIC)
    application.on_response_prepare.append(_add_headers)
    return application


async def _add_headers(request, response):
    response.headers.update(_HEADERS)


class _Site:
    def __init__(self, settings, streams, sessions):
        self._settings = settings
        self._streams = streams
        self._sessions = sessions
        self._cookies = {}
        self._cookie = COOKIE.format(port=settings.http_port)

    @web.middleware
    async def guard(self, request, handler):
        """Keeps other sites' pages out, which could reach a loopback server through a browser."""
        if not self._is_own_host(request):
            raise web.HTTPMisdirectedRequest(
                text="expected this server's address in the Host header"
            )
        # No such type can be sent by another site's page without the browser asking here first.
        is_offer = request.path.endswith(("/whip", "/whep", "/whep/source"))
        expected = "application/sdp" if is_offer else "application/json"
        if request.path.endswith("/painting"):
            expected = "image/*"
        is_expected = request.content_type == expected or (
            expected == "image/*" and request.content_type.startswith("image/")
        )
        if request.method == "POST" and not is_expected:
            raise web.HTTPUnsupportedMediaType(text=f"expected {expected}")
        return await handler(request)

    def _is_own_host(self, request):
        # With a key nothing can be done on another's behalf; without one, the address is the fence.
        if self._settings.key is not None:
            return True
        host = request.url.host or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    async def _knows_key(self, request):
        if self._settings.key is None or self._is_open(request.cookies.get(self._cookie, "")):
            return True
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and await self._streams.guard.knows(given, request.remote)

    def _is_open(self, token):
        """Whether a browser's session is open; that it is used keeps it so."""
        used = self._cookies.pop(token, 0)
        if not used or time.monotonic() - used > COOKIE_TIME:
            return False
        self._cookies[token] = time.monotonic()
        return True

    async def _require_key(self, request):
        if not await self._knows_key(request):
            raise web.HTTPUnauthorized(text="this needs the key")

    async def _require_viewer(self, request):
        if self._settings.private:
            await self._require_key(request)

    async def page(self, request):
        return web.FileResponse(STATIC / "index.html")

    async def code(self, request):
        drawing = io.BytesIO()
        code(self._settings, await self._knows_key(request)).save(
            drawing, "svg", scale=4, light="#fff"
        )
        return web.Response(body=drawing.getvalue(), content_type="image/svg+xml")

    async def status(self, request):
        await self._require_viewer(request)
        return web.json_response(
            {
                "model": self._settings.model.stem,
                "styles": self._settings.styles,
                "any_painting": self._settings.any_painting,
                "page": page_address(self._settings),
                "rtmp_port": self._settings.rtmp_port,
                "max_streams": self._settings.max_streams,
                "has_key": self._settings.key is not None,
                "may_control": await self._knows_key(request),
                "streams": self._sessions.status(),
            }
        )

    async def open_session(self, request):
        given = (await _json(request)).get("key")
        is_text = isinstance(given, str) and self._settings.key is not None
        if not is_text or not await self._streams.guard.knows(given, request.remote):
            raise web.HTTPUnauthorized(text="wrong key")
        token = secrets.token_urlsafe(32)
        self._cookies[token] = time.monotonic()
        if len(self._cookies) > MAX_COOKIES:
            del self._cookies[next(iter(self._cookies))]
        response = web.Response(status=204)
        secure = self._settings.https
        response.set_cookie(self._cookie, token, httponly=True, samesite="Strict", secure=secure)
        return response

    async def close_session(self, request):
        self._cookies.pop(request.cookies.get(self._cookie, ""), None)
        response = web.Response(status=204)
        response.del_cookie(self._cookie)
        return response

    async def change(self, request):
        await self._require_key(request)
        stream = self._stream(request)
        wanted = await _json(request)  # Others may change the controls while it comes in.
        try:
            stream.controls = stream.controls.changed(wanted, self._settings.styles)
        except InputError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return web.json_response(stream.controls.as_json(self._settings.styles))

    async def take_painting(self, request):
        await self._require_key(request)
        stream = self._stream(request)
        if not self._settings.any_painting:
            raise web.HTTPConflict(
                text="the model has styles of its own: paintings are for a model for any painting"
            )
        content = await _bytes(request, MAX_SIZE)
        try:
            path = await keep_painting(self._settings.state / "paintings", content)
        except InputError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        stream.controls = replace(stream.controls, pictures=style_text(path))
        return web.json_response(stream.controls.as_json(self._settings.styles))

    async def publish(self, request):
        await self._require_key(request)
        return await _answer(self._sessions.publish, request)

    async def watch(self, request):
        await self._require_viewer(request)
        return await _answer(self._sessions.watch, request)

    async def watch_source(self, request):
        await self._require_viewer(request)
        return await _answer(self._sessions.watch_source, request)

    async def end_session(self, request):
        if not self._sessions.end(request.match_info["id"]):
            raise web.HTTPNotFound(text="no such session")
        return web.Response()

    async def segment(self, request):
        await self._require_viewer(request)
        stream = self._stream(request)
        name = request.match_info["file"]
        path = stream.folder / name
        if not _SEGMENT.fullmatch(name) or not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Content-Type": _TYPES[path.suffix]})

    def _stream(self, request):
        stream = self._streams.get(request.match_info["name"])
        if stream is None:
            raise web.HTTPNotFound(text="no such stream")
        return stream


async def _answer(negotiate, request):
    """The response to an offer, as WHIP and WHEP have it."""
    try:
        session, answer = await negotiate(request.match_info["name"], await request.read())
    except InputError as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    except RefusedError as error:
        raise web.HTTPConflict(text=str(error)) from error
    headers = {"Location": f"/sessions/{session}"}
    return web.Response(status=201, text=answer, content_type="application/sdp", headers=headers)


async def _bytes(request, most):
    """What is sent, of no more than so many bytes."""
    content = bytearray()
    async for part in request.content.iter_any():
        content += part
        if len(content) > most:
            raise web.HTTPRequestEntityTooLarge(
                most, len(content), text=f"expected a picture of at most {most / 1e6:.0f} MB"
            )
    return bytes(content)


async def _json(request):
    try:
        value = await request.json()
    except ValueError as error:
        raise web.HTTPBadRequest(text="expected JSON") from error
    if not isinstance(value, dict):
        raise web.HTTPBadRequest(text="expected a JSON object")
    return value
