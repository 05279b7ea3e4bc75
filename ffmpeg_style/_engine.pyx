# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=False
"""The engine of csrc/ for numpy arrays."""

from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.errno cimport EAGAIN
from posix.unistd cimport getpid

import errno
import json
import logging
import os
import threading
from collections import deque
from pathlib import Path

import numpy as np

from ffmpeg_style import errors
from ffmpeg_style.catalog import find_model
from ffmpeg_style.ffmpeg.filter_graph import style_text
from ffmpeg_style.graphs.tensorflow_library import tensorflow_folder
from ffmpeg_style.pictures import read_painting

ERRORS = {
    errno.EACCES: errors.InputPermissionError,
    errno.EBADMSG: errors.ModelError,
    errno.EFBIG: errors.InputError,
    errno.EINVAL: errors.InputError,
    errno.ENODEV: errors.DeviceError,
    errno.ENOENT: errors.InputNotFoundError,
    errno.ENOMEM: errors.OutOfMemoryError,
    errno.ENOSYS: errors.LibraryError,
}
COLORS = {"style": FF_STYLE_COLORS_STYLE, "content": FF_STYLE_COLORS_CONTENT}
PRECISIONS = {
    "auto": FF_STYLE_PRECISION_AUTO,
    "fp32": FF_STYLE_PRECISION_FP32,
    "bf16": FF_STYLE_PRECISION_BF16,
    "int16": FF_STYLE_PRECISION_INT16,
}
RUNTIMES = {
    "auto": FF_STYLE_RUNTIME_AUTO,
    "own": FF_STYLE_RUNTIME_OWN,
    "tensorflow": FF_STYLE_RUNTIME_TENSORFLOW,
}
RANGES = {
    "auto": FF_STYLE_RANGE_AUTO,
    "255": FF_STYLE_RANGE_255,
    "1": FF_STYLE_RANGE_1,
    "signed": FF_STYLE_RANGE_SIGNED,
}
LOG_LEVELS = {
    FF_STYLE_LOG_WARNING: logging.WARNING,
    FF_STYLE_LOG_INFO: logging.INFO,
    FF_STYLE_LOG_DEBUG: logging.DEBUG,
}
ARRAY = "<array>"
"""The name of a painting that was given as an array."""
log = logging.getLogger("ffmpeg_style")


class _Messages(threading.local):
    """What the engine said during this thread's call, to be passed on when the call is over.

    The engine may hold a lock when it says something; a handler of `logging` might wait for a thread
    that waits for that lock. And what it asks for in that call: ``painting``, an array.
    """

    def __init__(self):
        self.lines = []
        self.painting = None


_messages = _Messages()
_has_loaded = False  # whether an engine has loaded TensorFlow, for good


cdef void _keep_message(void *opaque, StyleLogLevel level, const char *message) noexcept with gil:
    _messages.lines.append((level, message.decode("utf-8", "replace")))


cdef int _open_picture(void *opaque, const char *path, StylePicture *picture) noexcept with gil:
    """For the engine: a picture that is named as a style, read as all pictures are here."""
    cdef const unsigned char[:, :, ::1] view
    try:
        name = os.fsdecode(path)
        pixels = _messages.painting if name == ARRAY else read_painting(name)
        view = pixels
    except MemoryError:
        return -errno.ENOMEM
    except Exception as error:
        _messages.lines.append((FF_STYLE_LOG_ERROR, str(error)))
        return -errno.ENOENT if isinstance(error, FileNotFoundError) else -errno.EINVAL
    picture.pixels = &view[0, 0, 0]
    picture.stride = view.strides[0]
    picture.height, picture.width = view.shape[0], view.shape[1]
    picture.opaque = <void *>pixels
    Py_INCREF(pixels)
    return 0


cdef void _close_picture(void *opaque, StylePicture *picture) noexcept with gil:
    Py_DECREF(<object>picture.opaque)


def _style(style):
    """A style as text for C. An array is kept for `_open_picture`, which has it by the name `ARRAY`."""
    if not isinstance(style, np.ndarray):
        return style_text(style)
    _messages.painting = _checked(style, "painting")
    return ARRAY


def _exception_of(int code):
    """Passes on what the engine said; returns the exception for its return code, None for success."""
    lines, _messages.lines = _messages.lines, []
    reason = "the engine was closed before the frame was painted" if code == -errno.ECANCELED else ""
    for level, text in lines:
        if level == FF_STYLE_LOG_ERROR:
            reason = text
        else:
            log.log(LOG_LEVELS[level], "%s", text)
    if code >= 0:
        return None
    return ERRORS.get(-code, errors.EngineError)(reason or os.strerror(-code))


def _check(int code):
    exception = _exception_of(code)
    if exception is not None:
        raise exception


def _text(name, value):
    """A str or a path as bytes for C, None as it is."""
    if value is None:
        return None
    try:
        encoded = os.fsencode(value)
    except UnicodeEncodeError:
        raise errors.InputError(f"{name} is {value!r}, which can't be encoded") from None
    if b"\0" in encoded:
        raise errors.InputError(f"{name} is {value!r}; expected no NUL character")
    return encoded


cdef const char *_pointer(encoded) except? NULL:
    """The characters of what `_text` gave, which must outlive their use."""
    if encoded is None:
        return NULL
    return encoded


def _choice(name, choices, value):
    try:
        return choices[value]
    except (KeyError, TypeError):
        raise errors.InputError(f"{name} is {value!r}; expected {', '.join(choices)}") from None


def _count(name, value):
    """A number for C's int: 0, auto, for None."""
    if value is None:
        return 0
    if not isinstance(value, int) or not 1 <= value < 2**31:
        raise errors.InputError(f"{name} is {value!r}; expected a whole number, 1 or more, or None")
    return value


def _bytes(name, value):
    """A number of bytes, which may be beyond what a count can be."""
    if not isinstance(value, int) or not 1 <= value < 2**63:
        raise errors.InputError(f"{name} is {value!r}; expected a number of bytes, 1 or more, or None")
    return value


def _default_library():
    """The folder of this Python's TensorFlow, unless something else has a say already."""
    if _has_loaded or os.environ.get("FFMPEG_STYLE_TENSORFLOW"):
        return None
    return tensorflow_folder()


def _checked(frame, what="frame"):
    """The frame as a new array, to be painted in place: what the caller does to his own is harmless."""
    if not isinstance(frame, np.ndarray):
        raise errors.InputTypeError(
            f"expected a {what} as a uint8 array [H, W, 3], found {type(frame).__name__}"
        )
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        kind = errors.InputError if frame.dtype == np.uint8 else errors.InputTypeError
        raise kind(
            f"expected a {what} as a uint8 array [H, W, 3], RGB, "
            f"found {frame.dtype} {list(frame.shape)}"
        )
    return np.array(frame, order="C")


def read_card(path):
    """The model card in a frozen graph, read without TensorFlow.

    Args:
        path: of the file.

    Returns:
        dict: the card's JSON values; empty when the graph has no card.

    Raises:
        InputNotFoundError: there is no such file.
        ModelError: it is no style graph, or one that the engine refuses to run.
    """
    cdef _Graph graph = _Graph(path)
    return graph.card()


def read_nodes(path, frame=None, size=None):
    """The nodes of a frozen graph, and what of their results is known without running it.

    Args:
        path: of the file.
        frame: the name of the node that takes the frame, if that has a size.
        size: the frame's width and height.

    Returns:
        list: for each node its name, its operation, the places of its inputs in this list, the name of
        its first output's type, that output's shape (a list with None for what is not known, or None),
        and, of a constant of up to 64 floats, these.

    Raises:
        InputNotFoundError, ModelError: as `read_card`.
    """
    cdef _Graph graph = _Graph(path)
    return graph.nodes(frame, size)


def op_is_allowed(op):
    """Whether the engine runs operations of this name: arithmetic that has no side effect."""
    encoded = op.encode()
    return bool(ff_style_op_is_allowed(encoded, len(encoded)))


def group_memory():
    """Bytes that are left to the control groups of this process; 2^62 where those have no limit."""
    return ff_style_group_memory("")


cdef class _Graph:
    """A frozen graph that was read, and not run."""

    cdef StyleContext _context
    cdef StyleGraphDef _file
    cdef StyleNodes _nodes
    cdef StyleShapes _shapes
    cdef object _path  # which the messages name

    def __init__(self, path):
        self._path = _text("path", path)
        cdef const char *name = _pointer(self._path)
        cdef StyleSettings settings
        cdef int code
        ff_style_default_settings(&settings)
        self._context = StyleContext(NULL, _keep_message, settings.alloc, settings.free, 0)
        with nogil:
            code = ff_style_read_graphdef(
                &self._context, name, settings.max_model_bytes, &self._file
            )
        _check(code)

    def __dealloc__(self):
        if self._context.free is not NULL:
            ff_style_free(&self._context, self._shapes.nodes)
            ff_style_free_nodes(&self._context, &self._nodes)
            ff_style_free(&self._context, self._file.data)

    def card(self):
        return _card(self._file.card[:self._file.card_size]) if self._file.card else {}

    def nodes(self, frame, size):
        cdef StyleDims dims
        dims.rank = 4
        dims.sizes[0], dims.sizes[3] = 1, 3
        dims.sizes[2], dims.sizes[1] = size or (-1, -1)
        _check(ff_style_read_nodes(&self._context, &self._file, &self._nodes))
        names = [_span(self._nodes.nodes[i].name) for i in range(self._nodes.nb_nodes)]
        cdef int place = names.index(frame) if size and frame in names else -1
        _check(ff_style_find_shapes(&self._context, &self._nodes, place, &dims, &self._shapes))
        return [self._node(i, name) for i, name in enumerate(names)]

    cdef _node(self, int i, name):
        cdef const StyleNode *node = &self._nodes.nodes[i]
        cdef const StyleShape *shape = &self._shapes.nodes[i]
        sizes = [shape.dims.sizes[k] for k in range(shape.dims.rank)]
        return (
            name,
            _span(node.op),
            [node.inputs[k].node for k in range(node.nb_inputs)],
            ff_style_type_name(shape.type).decode(),
            None if shape.dims.rank < 0 else [None if size < 0 else size for size in sizes],
            _floats(node),
        )


cdef _span(StyleSpan span):
    return span.data[:span.size].decode("utf-8", "replace")


cdef _floats(const StyleNode *node):
    cdef StyleTensor tensor
    cdef double values[64]
    if not ff_style_attr_tensor(node, b"value", &tensor) or tensor.count > 64:
        return None
    if ff_style_tensor_numbers(&tensor, tensor.count, values) < 0:
        return None
    return [values[i] for i in range(tensor.count)]


def read_mix(style, styles, pictures=False):
    """A style or a mix, as the engine reads it.

    Args:
        style: as `Engine` takes it, but for an array.
        styles: the names of the model's styles.
        pictures: whether what is none of these is a picture, as with a model for any painting.

    Returns:
        list: a pair for each part, of its name, or a `pathlib.Path` for a picture, and its weight; these
        have a sum of 1.

    Raises:
        InputError: the model lacks the style, or the text can't be read.
    """
    cdef StyleSettings settings
    cdef StyleContext context
    cdef StyleMix mix
    cdef int code
    text = _text("style", style_text(style))
    names = [_text("styles", name) for name in styles]
    pointers = np.array([<size_t>_pointer(name) for name in names], dtype=np.uintp)
    cdef size_t[::1] addresses = pointers
    ff_style_default_settings(&settings)
    context = StyleContext(NULL, _keep_message, settings.alloc, settings.free, 0)
    code = ff_style_read_terms(
        &context,
        _pointer(text),
        <const char *const *>&addresses[0],
        <int>len(names),
        pictures,
        &mix,
    )
    try:
        _check(code)
        return [
            (Path(os.fsdecode(term.path)) if term.path else styles[term.style], term.weight)
            for term in mix.terms[: mix.nb_terms]
        ]
    finally:
        ff_style_free_mix(&context, &mix)


def _card(text):
    try:
        card = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.ModelError(f"the model card is no JSON: {error}") from None
    if not isinstance(card, dict):
        raise errors.ModelError(f"expected a model card of names and values, found {card!r:.60}")
    return card


cdef class _Frame:
    """A frame in flight. The engine holds a reference to it from submit to receive."""

    cdef object pixels  # uint8 [H, W, 3]: the source, and then the painting
    cdef bint is_back
    cdef object exception  # why it could not be painted


cdef class Engine:
    """A style model, ready to paint frames.

    Calling it with a frame returns the painted frame; calling it with an iterable of frames returns an
    iterator over the painted frames, in order. Before the first comes out, it takes frames in until the
    engine is full: with four times `requests` frames, or twice as many as `requests` when they have more
    pixels than 640x360. The arrays it is given stay as they are and may be reused at once. Painting
    releases the GIL. The frames of an iterable are taken for a video, and their paintings hold each other
    (`steady`); a frame by itself is a photograph. All methods may be called from several threads. An engine doesn't survive `os.fork`:
    open one in each process.

    Args:
        model: path of a frozen graph (``.pb``), or the name of a model, see `find_model`.
        style: name or index of a style, a mix such as ``"wave:0.7+scream:0.3"``, or a mapping of styles
            to weights; None for the model's first. With a model for any painting also a picture: a path,
            or a uint8 array [h, w, 3]. In a str a backslash takes the meaning of a ``+``, ``:`` or backslash
            behind it; a `pathlib.Path` is taken as it is.
        strength: from 0, the source, to 1, the painting.
        colors: "style", or "content" for the brushwork in the source's colours.
        steady: how much a video's paintings are held by the one before, moved along with the picture: from
            0, each frame by itself, to 1; None for 0.9. A photograph is painted as it is at 0.
        precision: "auto", "fp32", "bf16" or "int16"; auto takes bfloat16 or products of 16-bit integers where
            the processor has instructions for them.
        runtime: "auto", "own" or "tensorflow": what runs the model. auto takes the engine itself where it
            knows every operation of the model and the device is the processor, else TensorFlow.
        requests: frames painted at a time, 1 to 64; None for auto.
        threads: most threads that paint one frame, or TensorFlow's, 1 to 1024; None for auto, by the processors.
        device: "auto", "cpu", "gpu" or "gpu:N".
        input: name of the graph's image input, for graphs of others that have several.
        output: name of the graph's image output, likewise.
        range: values of a float32 graph's images: "auto", "255" for 0..255, "1" for 0..1, or "signed"
            for -1..1.
        input_range, output_range: the same for one of the two; "auto" is as `range` says.
        library: TensorFlow's library or its folder; None for ``$FFMPEG_STYLE_TENSORFLOW``, else this
            Python's TensorFlow, else the system's.
        max_pixels: largest frame accepted; None for 2**26.
        max_model_bytes: largest model file accepted; None for 2**29.
        max_memory: bytes that the frames being painted may take, by an estimate made before; None for
            three quarters of what the machine has.

    Attributes:
        name: of the model, by its card or its file.
        card: what the model tells of itself, a dict; empty when it has no card.
        styles: their names, a tuple.
        takes_pictures: whether the model is one for any painting.
        size: width and height that the model is made for; 0 where it takes any.
        runtime: "own" or "tensorflow".
        precision, device, requests, threads: what was chosen.
        library, version: TensorFlow's path and version; None where the engine itself runs the model.
        style: a str, the model's first when none was given, "<array>" for an array; with strength, colors and steady it may be
            changed while frames are painted.

    Raises:
        InputError: an argument can't be right (a ValueError).
        InputNotFoundError: there is no such model (a FileNotFoundError).
        ModelError: the file is no style graph, or one that the engine refuses to run (a ValueError).
        LibraryError: the model needs TensorFlow, and there is no usable one (an OSError).
        DeviceError: the machine lacks the GPU or the bfloat16 that was asked for, or the engine has no plan
            of its own for the model (a RuntimeError).
        OutOfMemoryError: (a MemoryError).
    """

    cdef StyleEngine *_engine
    cdef const StyleInfo *_info
    cdef int _process
    cdef int _calls  # into the engine at this moment, by any thread
    cdef bint _is_closing
    cdef object _idle  # threading.Condition: _calls or _engine became 0
    cdef object _receiving  # threading.Lock
    cdef object _style, _strength, _colors, _steady
    cdef int _sequence  # of the last iterable
    cdef readonly str name
    cdef readonly dict card
    cdef readonly tuple styles
    cdef readonly tuple size
    cdef readonly str runtime, precision, device, library, version
    cdef readonly int requests, threads
    cdef readonly bint takes_pictures

    def __cinit__(self):
        self._idle = threading.Condition()
        self._receiving = threading.Lock()

    def __init__(
        self,
        model,
        style=None,
        *,
        strength=1.0,
        colors="style",
        steady=None,
        precision="auto",
        runtime="auto",
        requests=None,
        threads=None,
        device="auto",
        input=None,
        output=None,
        range="auto",
        input_range="auto",
        output_range="auto",
        library=None,
        max_pixels=None,
        max_model_bytes=None,
        max_memory=None,
    ):
        if self._process:
            raise errors.EngineError("an engine is opened once: make another one")
        cdef StyleSettings settings
        ff_style_default_settings(&settings)
        # These keep what the settings point to alive.
        texts = {
            "model": _text("model", find_model(model)),
            "library": _text("library", _default_library() if library is None else library),
            "style": _text("style", _style(style)),
            "device": _text("device", device),
            "input": _text("input", input),
            "output": _text("output", output),
        }
        settings.model = _pointer(texts["model"])
        settings.library = _pointer(texts["library"])
        settings.style = _pointer(texts["style"])
        settings.device = _pointer(texts["device"])
        settings.input = _pointer(texts["input"])
        settings.output = _pointer(texts["output"])
        settings.strength = strength
        settings.colors = _choice("colors", COLORS, colors)
        if steady is not None:
            settings.steady = steady
        settings.precision = _choice("precision", PRECISIONS, precision)
        settings.runtime = _choice("runtime", RUNTIMES, runtime)
        settings.range = _choice("range", RANGES, range)
        settings.input_range = _choice("input_range", RANGES, input_range)
        settings.output_range = _choice("output_range", RANGES, output_range)
        settings.requests = _count("requests", requests)
        settings.threads = _count("threads", threads)
        if max_pixels is not None:
            settings.max_pixels = _count("max_pixels", max_pixels)
        if max_model_bytes is not None:
            settings.max_model_bytes = _count("max_model_bytes", max_model_bytes)
        if max_memory is not None:
            settings.max_memory = _bytes("max_memory", max_memory)
        settings.log = _keep_message
        settings.open_picture = _open_picture
        settings.close_picture = _close_picture
        self._open(&settings)
        self._style = self.styles[0] if style is None else _style(style)
        _messages.painting = None
        self._strength = float(strength)
        self._colors = colors
        self._steady = float(settings.steady)

    cdef _open(self, const StyleSettings *settings):
        global _has_loaded
        cdef int code
        self._process = getpid()
        with nogil:
            code = ff_style_open(&self._engine, settings)
        _check(code)
        self._copy_info(ff_style_info(self._engine))
        _has_loaded = _has_loaded or self.library is not None

    cdef _copy_info(self, const StyleInfo *info):
        """Keeps what the engine tells of itself, so that it can be read after `close` too."""
        self.name = info.name.decode("utf-8", "replace")
        self.card = _card(info.card) if info.card else {}
        self.styles = tuple(
            [info.styles[i].decode("utf-8", "replace") for i in range(info.nb_styles)]
        )
        self.size = (info.width, info.height)
        self.precision = next(name for name, value in PRECISIONS.items() if value == info.precision)
        self.device = info.device.decode()
        self.runtime = "own" if info.runtime == FF_STYLE_RUNTIME_OWN else "tensorflow"
        self.library = os.fsdecode(info.library) if info.library else None
        self.version = info.version.decode() if info.version else None
        self.requests = info.requests
        self.takes_pictures = info.takes_pictures
        self.threads = info.threads

    def __dealloc__(self):
        self._free()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __repr__(self):
        state = "closed" if self._engine is NULL else f"{self.device}, {self.precision}"
        return f"<Engine {self.name}: {state}>"

    def close(self):
        """Frees the model; twice is harmless. Frames in flight are cancelled, their waiters told so."""
        if self._engine is NULL or self._process != getpid():
            return
        with self._idle:
            self._idle.wait_for(self._is_left_alone)  # by another that closes it
            if self._engine is NULL:
                return
            self._is_closing = True
        try:
            with nogil:
                ff_style_flush(self._engine)
            with self._idle:
                self._idle.wait_for(self._is_unused)
                self._free()
        finally:  # After a Ctrl-C too: the next one that closes it frees it.
            with self._idle:
                self._is_closing = False
                self._idle.notify_all()

    def _is_unused(self):
        return self._calls == 0

    def _is_left_alone(self):
        return not self._is_closing

    cdef void _free(self) noexcept:
        """Takes the frames in flight back and closes the engine, which nothing else uses any more.

        In a process that was forked from the engine's, its threads are not there to end.
        """
        cdef StyleFrame frame
        cdef int code = 1
        if self._engine is NULL or self._process != getpid():
            return
        with nogil:
            ff_style_flush(self._engine)
        while True:
            with nogil:
                code = ff_style_receive(self._engine, &frame, 1)
            if code == 0:
                break
            Py_DECREF(<object>frame.opaque)
        with nogil:
            ff_style_close(&self._engine)

    cdef _begin(self):
        """Before a call into the engine: keeps it from being closed until `_end`."""
        if self._engine is NULL or self._is_closing:
            raise errors.EngineError("the engine is closed")
        if self._process != getpid():
            raise errors.EngineError(
                "the engine was opened before a fork; open one in each process"
            )
        self._calls += 1

    cdef _end(self):
        self._calls -= 1
        if self._is_closing and self._calls == 0:
            with self._idle:
                self._idle.notify_all()

    def __call__(self, frames):
        """Paints one frame, or any number of them.

        Args:
            frames: uint8 array [H, W, 3], RGB; or an iterable of such arrays, whose sizes may differ.

        Returns:
            uint8 array [H, W, 3]; or an iterator over such arrays, in the order of `frames`.

        Raises:
            InputTypeError: it is something else than uint8 arrays (a TypeError).
            InputError: an array has another shape, or a size that the model does not take (a ValueError).
            EngineError: painting failed, or the engine is closed (a RuntimeError).
            OutOfMemoryError: (a MemoryError).
        """
        if isinstance(frames, np.ndarray):
            return self._wait_for(self._submit(frames, 0))
        try:
            iterator = iter(frames)
        except TypeError:
            raise errors.InputTypeError(
                "expected a uint8 array [H, W, 3] or an iterable of them, "
                f"found {type(frames).__name__}"
            ) from None
        return self._paint_all(iterator)

    def submit(self, frame):
        """Gives the engine the next frame of a video, for those who can't wait for the ones to come.

        All frames that are submitted are one video. It waits only while the engine is full.

        Args:
            frame: uint8 array [H, W, 3], RGB.

        Returns:
            A function, to be called once, that waits for the painting and returns it.

        Raises:
            Errors as from calling the engine with a frame; EngineError comes from the function.
        """
        cdef _Frame submitted = self._submit(frame, -1)
        return lambda: self._wait_for(submitted)

    def _paint_all(self, frames):
        in_flight = deque()
        self._sequence = sequence = self._sequence % 0x7fffffff + 1
        for frame in frames:
            in_flight.append(self._submit(frame, sequence))
            while in_flight and (<_Frame>in_flight[0]).is_back:
                yield self._wait_for(in_flight.popleft())
        while in_flight:
            yield self._wait_for(in_flight.popleft())

    cdef _Frame _submit(self, pixels, int sequence):
        """Gives the engine a frame of a video, or 0: by itself; makes room for it by waiting for the oldest in flight."""
        cdef _Frame frame = _Frame()
        cdef unsigned char[:, :, ::1] view
        cdef StyleFrame request
        cdef int code = 0
        frame.pixels = view = _checked(pixels)
        request.src = request.dst = &view[0, 0, 0]
        request.src_stride = request.dst_stride = view.strides[0]
        request.height, request.width = view.shape[0], view.shape[1]
        request.sequence = sequence
        request.opaque = <void *>frame
        while True:
            self._begin()
            Py_INCREF(frame)
            with nogil:
                code = ff_style_submit(self._engine, &request)
            self._end()
            if code < 0:
                Py_DECREF(frame)
            if code != -EAGAIN:
                break
            self._receive(None)
        _check(code)
        return frame

    cdef _wait_for(self, _Frame frame):
        """The painted pixels of a frame that was submitted."""
        while not frame.is_back:
            self._receive(frame)
        if frame.exception is not None:
            raise frame.exception
        return frame.pixels

    cdef _receive(self, _Frame wanted):
        """Takes the oldest frame in flight back, whosever it is, unless `wanted` is back by then."""
        cdef StyleFrame request
        cdef _Frame frame
        cdef int code
        with self._receiving:
            if wanted is not None and wanted.is_back:
                return
            self._begin()
            with nogil:
                code = ff_style_receive(self._engine, &request, 1)
            self._end()
            if code:
                frame = <_Frame>request.opaque
                Py_DECREF(frame)
                frame.exception = _exception_of(code)
                frame.is_back = True

    @property
    def style(self):
        """The style or the mix for the frames to come, as `Engine` takes it; read as a str."""
        return self._style

    @style.setter
    def style(self, style):
        text = _style(style)
        encoded = _text("style", text)
        cdef const char *value = _pointer(encoded)
        cdef int code
        self._begin()
        with nogil:
            code = ff_style_set_style(self._engine, value)
        self._end()
        _messages.painting = None
        _check(code)
        self._style = text or self.styles[0]

    @property
    def strength(self):
        """How much of the painting the frames to come show: 0, the source, to 1, the painting."""
        return self._strength

    @strength.setter
    def strength(self, double strength):
        cdef int code
        self._begin()
        with nogil:
            code = ff_style_set_strength(self._engine, strength)
        self._end()
        _check(code)
        self._strength = strength

    @property
    def colors(self):
        """Whose colours the frames to come have: "style" or "content"."""
        return self._colors

    @colors.setter
    def colors(self, colors):
        cdef StyleColors value = _choice("colors", COLORS, colors)
        cdef int code
        self._begin()
        with nogil:
            code = ff_style_set_colors(self._engine, value)
        self._end()
        _check(code)
        self._colors = colors

    @property
    def steady(self):
        """How much the paintings of a video's frames to come are held by the one before: 0 to 1."""
        return self._steady

    @steady.setter
    def steady(self, double steady):
        cdef int code
        self._begin()
        with nogil:
            code = ff_style_set_steady(self._engine, steady)
        self._end()
        _check(code)
        self._steady = steady
