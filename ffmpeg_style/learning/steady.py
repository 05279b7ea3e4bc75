"""How steady a model's video is: what flickers, swims or blurs, in figures.

A dull or blurred picture is always steady, so all of them belong in one table. The warp error is
e_stab of ReCoNet (Gao et al. 2018, section 4.2).
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from ffmpeg_style import Engine
from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.extras import require
from ffmpeg_style.files import atomic_write, make_folder
from ffmpeg_style.learning.photographs import find_images, read_image

PHOTOGRAPHS = 4
NOISE = 2
"""Standard deviation of the camera's noise, in levels of 255."""
SETTLING = 4
"""Noisy frames in front of those that count: the filter needs some to come to rest."""
SHIFTS = 7
"""Pixels, and frames, that a photograph is moved by."""
BORDER = 32
"""Pixels at a panned picture's edges that don't count: the network paints what has just come in."""
FRAMES = 24
"""The most that are read of a clip."""
SHEET_ROWS = 96
"""Height of a clip's strip in the sheet."""

Painter = Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]


class Pair(NamedTuple):
    """Where the pixels of a frame are in the next one.

    Attributes:
        index: of the frame.
        flow: float32 ``[H,W,2]``, pixels to the right and down.
        valid: bool ``[H,W]``, whether the pixel can be seen in both, and its flow be trusted.
    """

    index: int  # type: ignore[assignment] # a tuple has a method of that name
    flow: np.ndarray
    valid: np.ndarray


class Clip(NamedTuple):
    """Frames uint8 ``[H,W,3]``, and the pairs of them whose flow is known."""

    name: str
    frames: list[np.ndarray]
    pairs: list[Pair]


class Steadiness(NamedTuple):
    """The figures of one painter; colours are 0..1.

    Attributes:
        noise_gain: rms difference of consecutive paintings of a still photograph under noise,
            over that of the noisy photographs.
        pan: rms difference of a moved photograph's paintings from the first one, realigned.
        warp: rms difference of a painting and the next one looked up along the flow, by clip.
        sharpness: rms of the paintings' Laplacian.
        contrast: standard deviation of the paintings.
    """

    noise_gain: float
    pan: float
    warp: dict[str, float]
    sharpness: float
    contrast: float


def evaluate_steadiness(
    model, content, videos=(), *, styles=None, width=512, output=None, ports=None
):
    """Judge how steady an exported model is: alone, and with the engine's ``steady``.

    Args:
        model: path of a frozen graph.
        content: folder of photographs; the first `PHOTOGRAPHS` are moved and made noisy.
        videos: paths of clips, or of folders; see `read_clips`.
        styles: names of the model's styles; by default all.
        width: that the photographs and clips are scaled to; frames with true flow are not.
        output: folder for the report ``MODEL-steady.json`` and a sheet
            ``MODEL-STYLE-steady.png`` for each style, of one row of pixels over time.
        ports: arguments of `Engine` for graphs of others, a dict.

    Returns:
        The report, as JSON values.

    Raises:
        StyleError: the input is not what it should be; nothing was written.
    """
    photographs = [read_image(path, width=width) for path in find_images(content)[:PHOTOGRAPHS]]
    check_photographs(photographs)
    clips = [clip for video in videos for clip in read_clips(video, width)]
    output = make_folder(output) if output else None
    how = {name: value for name, value in (ports or {}).items() if value is not None}
    how["precision"] = "fp32"
    with Engine(model, **how) as engine:
        name, styles = engine.name, styles or engine.styles
    report = {
        "model": name,
        "photographs": len(photographs),
        "width": width,
        "clips": {clip.name: len(clip.frames) for clip in clips},
        "source": as_json(measure(iter, photographs, clips)),
        "styles": {},
    }
    for style in styles:
        painters = {"alone": {"steady": 0}, "steady": {}}
        figures, paintings = {}, {}
        for painter, options in painters.items():
            with Engine(model, style, **how, **options) as engine:
                figures[painter] = as_json(measure(engine, photographs, clips))
                paintings[painter] = [list(engine(iter(clip.frames))) for clip in clips]
        report["styles"][style] = figures
        if output and clips:
            with atomic_write(output / f"{Path(model).stem}-{style}-steady.png") as file:
                row_over_time(clips, paintings).save(file, "PNG")
    if output:
        with atomic_write(output / f"{Path(model).stem}-steady.json") as file:
            file.write(json.dumps(report, indent=2).encode())
    return report


def measure(paint, photographs, clips):
    """The `Steadiness` of a painter.

    Args:
        paint: takes an iterable of frames uint8 ``[H,W,3]``, gives an iterator of their paintings.
        photographs: uint8 ``[H,W,3]``.
        clips: `Clip` tuples; may be empty.
    """
    gains = [noise_gain(paint, photograph) for photograph in photographs]
    pans, looks = zip(*(pan(paint, photograph) for photograph in photographs), strict=True)
    warps = {}
    for clip in clips:
        paintings = list(paint(iter(clip.frames)))
        warps[clip.name] = warp_error(paintings, clip.pairs)
        looks += tuple(look_of(painting) for painting in paintings[1:])
    sharpness, contrast = np.mean(looks, axis=0)
    return Steadiness(float(np.mean(gains)), rms(pans), warps, float(sharpness), float(contrast))


def noise_gain(paint, photograph):
    """How much more a still photograph's paintings differ than its noisy frames."""
    random = np.random.default_rng(0)
    frames = [
        np.clip(np.rint(photograph + random.normal(0, NOISE, photograph.shape)), 0, 255).astype(
            "uint8"
        )
        for _ in range(SETTLING + 3)
    ]
    return rms(differences(paint(iter(frames)))) / rms(differences(frames))


def differences(frames):
    """What consecutive frames differ by, behind those that are there for settling."""
    frames = [frame.astype("float32") for frame in list(frames)[SETTLING:]]
    return np.diff(frames, axis=0)


def pan(paint, photograph):
    """How much the paintings of a photograph change as it moves, and how the last of them look.

    Returns:
        The pan figure, and `look_of` the last painting.
    """
    width = photograph.shape[1] - SHIFTS
    frames = [np.ascontiguousarray(photograph[:, x : x + width]) for x in range(SHIFTS + 1)]
    first, *moved = (painting.astype("float32") / 255 for painting in paint(iter(frames)))
    aligned = [
        painting[:, : width - shift] - first[:, shift:] for shift, painting in enumerate(moved, 1)
    ]
    inner = slice(BORDER, -BORDER)
    return rms([rms(one[inner, inner]) for one in aligned]), look_of(moved[-1] * 255)


def warp_error(paintings, pairs):
    """Rms of the paintings' differences along the flow, where pixels can be seen in both."""
    squares, count = 0.0, 0
    for index, flow, valid in pairs:
        following = look_up(paintings[index + 1].astype("float32"), flow)
        difference = (following - paintings[index])[valid] / 255
        squares += float(np.square(difference, dtype="float64").sum())
        count += difference.size
    return (squares / max(count, 1)) ** 0.5


def look_of(painting):
    """Sharpness and contrast of a painting ``[H,W,3]`` of levels 0..255."""
    cv2 = import_opencv()
    painting = np.asarray(painting, "float32") / 255
    return rms(cv2.Laplacian(painting, cv2.CV_32F)), float(painting.std())


def look_up(image, flow):
    """The image at the places that a flow ``[H,W,2]`` leads to, between its pixels as well."""
    cv2 = import_opencv()
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width].astype("float32")
    place = x + flow[..., 0], y + flow[..., 1]
    return cv2.remap(image, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def rms(values):
    """Root of the mean of squares."""
    return float(np.sqrt(np.mean(np.square(values, dtype="float64"))))


def read_clips(path, width):
    """The clips at a path.

    Args:
        path: a video's file; a folder of frames as images; or a folder of such folders. Where MPI
            Sintel's flow, occlusions and invalid pixels stand beside the frames, in the dataset's
            own folders or as ``flow_0002.flo``, ``occluded_0002.png`` and ``invalid_0002.png``,
            they are the truth. Elsewhere the flow is estimated (DIS).
        width: that frames without true flow are scaled to.

    Raises:
        InputNotFoundError: nothing is there.
        InputError: it holds no two frames of one size.
    """
    path = Path(path)
    if path.is_file():
        return [estimated(path.stem, read_frames(path, width))]
    if not path.is_dir():
        raise InputNotFoundError(f"expected a clip or a folder of frames, found nothing at {path}")
    folders = [folder for folder in sorted(path.iterdir()) if folder.is_dir()]
    return [read_folder(folder, width) for folder in folders or [path]]


def read_folder(folder, width):
    """The `Clip` of a folder of frames."""
    files = [
        path for path in find_images(folder) if not path.stem.startswith(("occluded", "invalid"))
    ]
    truths = {i: truth for i, path in enumerate(files[:FRAMES]) if (truth := find_truth(path))}
    frames = [read_image(path, width=None if truths else width) for path in files[:FRAMES]]
    check_frames(frames, folder)
    if not truths:
        return estimated(folder.name, frames)
    pairs = [read_truth(i, *truth, frames) for i, truth in truths.items() if i + 1 < len(frames)]
    return Clip(folder.name, frames, pairs)


def find_truth(frame):
    """Paths of the flow, the occluded and the invalid pixels of a frame's file; None: no flow."""
    number = frame.stem.rpartition("_")[2]
    beside = [frame.with_name(f"{kind}_{number}") for kind in ("flow", "occluded", "invalid")]
    dataset = (
        [
            frame.parents[2] / kind / frame.parent.name / frame.stem
            for kind in ("flow", "occlusions", "invalid")
        ]
        if len(frame.parents) > 2
        else beside
    )
    for flow, *masks in (beside, dataset):
        if flow.with_suffix(".flo").is_file():
            return [flow.with_suffix(".flo"), *(mask.with_suffix(".png") for mask in masks)]
    return None


def read_truth(index, flow_path, occluded_path, invalid_path, frames):
    """The `Pair` of MPI Sintel's files; a mask that is missing hides nothing."""
    flow = read_flow(flow_path)
    valid = np.ones(flow.shape[:2], bool)
    for path in (occluded_path, invalid_path):
        if path.is_file():
            valid &= read_image(path)[..., 0] == 0
    if flow.shape[:2] != frames[index].shape[:2]:
        raise InputError(
            f"expected flow of the frames' size, found {flow.shape[1]}x{flow.shape[0]} in "
            f"{flow_path}"
        )
    return Pair(index, flow, valid)


def read_flow(path):
    """A ``.flo`` file of the Middlebury benchmark as float32 ``[H,W,2]``."""
    data = path.read_bytes()
    size = np.frombuffer(data[4:12].ljust(8, b"\0"), "<i4").astype(int)
    width, height = size
    if data[:4] != b"PIEH" or min(size) < 1 or len(data) != 12 + 8 * width * height:
        raise InputError(f"expected a flow file (.flo) in {path}, found something else")
    return np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2)


def read_frames(path, width):
    """The first frames of a video's file."""
    cv2 = import_opencv()
    video, frames = cv2.VideoCapture(str(path)), []
    while len(frames) < FRAMES and (frame := video.read()[1]) is not None:
        height = round(frame.shape[0] * width / frame.shape[1])
        frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    video.release()
    check_frames(frames, path)
    return frames


def check_frames(frames, path):
    """Refuse what is no video."""
    if len(frames) < 2:
        raise InputError(f"expected two frames or more in {path}, found {len(frames)}")
    if len({frame.shape for frame in frames}) > 1:
        raise InputError(f"expected frames of one size in {path}, found several")


def check_photographs(photographs):
    """Refuse those of which nothing is left behind the border."""
    smallest = 2 * BORDER + SHIFTS + 1
    for height, width, _ in (photograph.shape for photograph in photographs):
        if min(height, width - SHIFTS) < smallest:
            raise InputError(
                f"expected photographs of {smallest} pixels or more on each side, found "
                f"{width}x{height}; try a larger --width"
            )


def estimated(name, frames):
    """The `Clip` of frames whose flow nobody knows."""
    pairs = [Pair(i, *estimate_flow(*frames[i : i + 2])) for i in range(len(frames) - 1)]
    return Clip(name, frames, pairs)


def estimate_flow(frame, following):
    """DIS flow (Kroeger et al. 2016), valid where that of the way back agrees.

    The check is that of Sundaram et al. (2010).

    Returns:
        float32 ``[H,W,2]``, and bool ``[H,W]``.
    """
    cv2 = import_opencv()
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grays = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (frame, following)]
    there, back = dis.calc(*grays, None), dis.calc(*grays[::-1], None)
    back = look_up(back, there)
    lengths = np.square(there).sum(-1) + np.square(back).sum(-1)
    agrees = np.square(there + back).sum(-1) < 0.01 * lengths + 0.5
    return there, agrees & stays(there)


def stays(flow):
    """Whether a flow ``[H,W,2]`` leads to a place in the picture, bool ``[H,W]``."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width] + flow.transpose(2, 0, 1)[::-1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def import_opencv():
    """OpenCV, which only this judge needs."""
    require("the judging of steadiness", "judge")
    import cv2

    return cv2


def as_json(steadiness):
    """A `Steadiness` as JSON values, with the mean of the warp errors."""
    values = {name: value for name, value in steadiness._asdict().items() if name != "warp"}
    values = {name: round(value, 4) for name, value in values.items()}
    values["warp"] = {name: round(value, 4) for name, value in steadiness.warp.items()}
    if steadiness.warp:
        values["mean_warp"] = round(float(np.mean(list(steadiness.warp.values()))), 4)
    return values


def table(report):
    """A report as text for a terminal."""
    warps = [f"warp {clip}" for clip in report["clips"]] + ["mean warp"] * bool(report["clips"])
    head = ["", "noise gain", "pan", *warps, "sharpness", "contrast"]
    lines = [head, line("source", report["source"])]
    for style, figures in report["styles"].items():
        lines += [line(f"{style}, {painter}", figures[painter]) for painter in figures]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])])
        for cells in lines
    )


def line(name, figures):
    """One line of the table."""
    warps = [*figures["warp"].values(), figures["mean_warp"]] if figures["warp"] else []
    values = [figures["pan"], *warps, figures["sharpness"], figures["contrast"]]
    return [name, f"{figures['noise_gain']:.2f}", *(f"{value:.4f}" for value in values)]


def row_over_time(clips, paintings):
    """The middle row of each clip over time, from the top down: what flickers has horizontal edges.

    Args:
        clips: `Clip` tuples.
        paintings: by the painters' names, lists of paintings for each clip.
    """
    columns = {"source": [clip.frames for clip in clips], **paintings}
    strips = {name: [strip(frames) for frames in parts] for name, parts in columns.items()}
    title, width = 20, max(clip.frames[0].shape[1] for clip in clips)
    sheet = Image.new("RGB", (width * len(strips), (title + SHEET_ROWS) * len(clips)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (name, parts) in enumerate(strips.items()):
        for row, (clip, part) in enumerate(zip(clips, parts, strict=True)):
            x, y = column * width, row * (title + SHEET_ROWS)
            draw.text((x + 6, y + 4), f"{clip.name}, {name}", fill="black")
            sheet.paste(Image.fromarray(part), (x, y + title))
    return sheet


def strip(frames):
    """The middle rows of frames below each other, each several pixels high."""
    rows = np.stack([frame[frame.shape[0] // 2] for frame in frames])
    return np.repeat(rows, max(SHEET_ROWS // len(rows), 1), axis=0)[:SHEET_ROWS]
