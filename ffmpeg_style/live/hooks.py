"""Answers to nginx, which asks before it lets anyone publish or play."""

import logging

from aiohttp import web

log = logging.getLogger(__name__)

_FIELDS = ("app", "name", "addr", "clientid")
_ARGUMENTS = ("key", "ticket")

YES, NO = 204, 403


def hooks_application(streams):
    """The web application that nginx's ``on_publish``, ``on_publish_done`` and ``on_play`` call.

    Args:
        streams: a `Streams`.
    """

    async def on_publish(request):
        form = await _form(request)
        return _answer(form and await streams.may_publish(*_fields(form), form))

    async def on_publish_done(request):
        form = await _form(request)
        if form and form["app"] == "camera":
            streams.left(form["name"], form["clientid"])
        return _answer(True)

    async def on_play(request):
        form = await _form(request)
        return _answer(form and await streams.may_play(*_fields(form)[:3], form))

    application = web.Application(client_max_size=16384)
    application.router.add_post("/on_publish", on_publish)
    application.router.add_post("/on_publish_done", on_publish_done)
    application.router.add_post("/on_play", on_play)
    return application


async def _form(request):
    """Nginx's form, or None for one that is not to be trusted.

    The client's own words stand in it unquoted (its version, the arguments of its address):
    it can add fields, but not without there being two of them then.
    """
    form = await request.post()
    complete = all(len(form.getall(field, [])) == 1 for field in _FIELDS)
    unambiguous = all(len(form.getall(field, [])) <= 1 for field in _ARGUMENTS)
    if complete and unambiguous:
        return form
    log.warning("a request to publish or play with doubled or missing fields was refused")
    return None


def _fields(form):
    return form["app"], form["name"], form["addr"], form["clientid"]


def _answer(allowed):
    return web.Response(status=YES if allowed else NO)
