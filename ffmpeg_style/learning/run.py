"""A training run before it runs: all it is made of, checked and told apart from another's.

Nothing here needs Keras: a mistake is told before TensorFlow is loaded.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ffmpeg_style import __version__
from ffmpeg_style.errors import InputError
from ffmpeg_style.files import check_folder
from ffmpeg_style.learning.checkpoint import newest_checkpoint
from ffmpeg_style.learning.photographs import Photographs, check_painting, find_images
from ffmpeg_style.learning.settings import VECTOR, TrainSettings, check_size, network_settings
from ffmpeg_style.learning.vgg import VGGWeights, check_layer, find_vgg
from ffmpeg_style.learning.weights import StoredNetwork, read_network

INTERVALS = ("save_every", "sample_every", "log_every")
"""Settings that decide nothing of what is learned."""

OPTIONS = {
    "paintings": "--style",
    "photographs": "--content",
    "loss_network": "--vgg-weights",
    "weights content": "--content-weight",
    "weights style": "--style-weight",
    "weights total_variation": "--tv-weight",
    "consistency": "--consistency-weight",
    "teacher_sha256": "--teacher",
    "start_sha256": "--from",
    "version": "ffmpeg-style",
}
"""How a user gives what has another name in a checkpoint."""


@dataclass(frozen=True)
class Run:
    """What `training.train_run` trains: arguments of `training.train`, checked.

    Attributes:
        photographs: the crops.
        paintings: by the names of the styles; for any painting, those to learn from.
        vgg: weights of the loss network; None to have them from Keras, or for a teacher.
        made_of: what tells the run from another, as JSON values.
        per_photograph: paintings of each photograph in a step, of a run for any painting.
        left_out: names of paintings that are not learned from.
    """

    folder: Path
    paintings: Mapping[str, Path]
    photographs: Photographs
    network: dict[str, Any]
    settings: TrainSettings
    vgg: VGGWeights | None
    start: Path | None
    teacher: Path | None
    fork: bool
    made_of: dict[str, Any]
    per_photograph: int | None = None
    left_out: tuple[str, ...] = ()


def prepare_run(
    folder: str | Path,
    paintings: Mapping[str, str | Path],
    content: str | Path,
    *,
    network: Mapping[str, Any] | None = None,
    settings: TrainSettings | None = None,
    vgg_weights: str | Path | None = None,
    start: str | Path | None = None,
    teacher: str | Path | None = None,
    fork: bool = False,
) -> Run:
    """Check what `training.train` takes, and say what the run is made of.

    Raises:
        StyleError: the input is not what it should be; nothing was written.
    """
    chosen = network_settings(styles=tuple(paintings), **(network or {}))
    for path in paintings.values():
        check_painting(path)
    described = {name: describe_file(path) for name, path in paintings.items()}
    if teacher is not None:
        check_teacher(read_network(teacher, weights=False), chosen)
    run = _prepare(
        folder,
        {name: Path(path) for name, path in paintings.items()},
        content,
        chosen,
        settings or TrainSettings(),
        vgg_weights,
        start=None if start is None else Path(start),
        teacher=None if teacher is None else Path(teacher),
        fork=fork,
    )
    run.made_of["paintings"] = described
    check_run_in_folder(run)
    return run


def prepare_base(
    folder: str | Path,
    paintings: str | Path,
    content: str | Path,
    *,
    left_out: Iterable[str] = (),
    per_photograph: int = 4,
    network: Mapping[str, Any] | None = None,
    settings: TrainSettings | None = None,
    vgg_weights: str | Path | None = None,
    start: str | Path | None = None,
    fork: bool = False,
) -> Run:
    """Check what `base.train_base` takes, and say what the run is made of.

    Raises:
        StyleError: the input is not what it should be; nothing was written.
    """
    chosen = network_settings(vector=VECTOR, **(network or {}))
    left_out = set(left_out)
    found = find_images(paintings)
    missing = left_out - {path.stem for path in found}
    if missing:
        raise InputError(
            f"expected the paintings to leave out in {paintings}, found no {sorted(missing)[0]}"
        )
    kept = {str(path): path for path in found if path.stem not in left_out}
    for path in kept.values():
        check_painting(path)
    run = _prepare(
        folder,
        kept,
        content,
        chosen,
        settings or TrainSettings(),
        vgg_weights,
        start=None if start is None else Path(start),
        teacher=None,
        fork=fork,
        per_photograph=per_photograph,
        left_out=tuple(sorted(left_out)),
    )
    run.made_of["paintings"] = describe_list(kept.values())
    run.made_of["per_photograph"] = per_photograph
    check_run_in_folder(run)
    return run


def _prepare(folder, paintings, content, network, settings, vgg_weights, **others):
    """What is alike for all runs."""
    check_size(settings)
    check_layer(settings.content_layer)  # before weights are looked for, which may be a download
    folder = check_folder(folder)
    pairs = others["teacher"] is None and settings.consistency > 0
    styles = len(network["styles"]) or 1
    photographs = Photographs(content, settings.size, styles, settings.batch, settings.seed, pairs)
    photographs[0]  # Where none can be read it ends here.
    if others["start"] is not None:
        check_start(others["start"], read_network(others["start"], weights=False), network)
    vgg = find_vgg(vgg_weights) if others["teacher"] is None else None
    made_of = {"version": __version__, "photographs": describe_list(photographs.paths)}
    if vgg:
        check_layer(settings.content_layer, vgg.name)
        made_of["loss_network"] = vgg.identity
    return Run(folder, paintings, photographs, network, settings, vgg, made_of=made_of, **others)


def check_run_in_folder(run):
    """Raise InputError where the folder's run has another network, or is made of other things."""
    found = newest_checkpoint(run.folder)
    if found is None:
        return
    header = found[0]
    check_network_in_folder(run.folder, header["network"], run.network)
    told = run_settings(run.settings) | run.made_of
    if run.settings.precision == "auto":  # Only Keras knows the device that trains.
        del told["precision"]
    check_same(run.folder, header["training"], told, run.fork)
    if ("teacher" in header["training"]) != (run.teacher is not None):
        raise InputError(
            f"expected the run in {run.folder} to go on as it began, with or without --teacher; "
            "for another way to learn begin a run with --from"
        )


def check_network_in_folder(folder, found, wanted):
    """Raise InputError where a folder's run has another network."""
    if found != wanted:
        raise InputError(
            f"expected a run of {options_text(wanted)} in {folder}, found one of "
            f"{options_text(found)}; choose another folder with --output"
        )


def check_start(path, first: StoredNetwork, network):
    """Raise InputError where a network can't begin with another's weights."""
    keys = ("architecture", "width", "norm")
    wanted, found = (
        options_text({key: settings[key] for key in keys}) for settings in (first.settings, network)
    )
    if wanted != found:
        raise InputError(f"expected {wanted} to begin with {path}, found {found}")
    if network["norm"] == "batch" and Path(path).suffix == ".pb":
        raise InputError(
            "expected a run or a checkpoint to begin a network of batch norm with, found the graph "
            f"{path}, whose norms are folded into its convolutions"
        )


def check_teacher(teacher: StoredNetwork, network):
    """Raise InputError where a teacher has other styles."""
    if teacher.settings["styles"] != network["styles"]:
        raise InputError(
            f"expected a teacher of the styles {', '.join(network['styles'])}, found one of "
            f"{', '.join(teacher.settings['styles'])}"
        )


def options_text(settings):
    """A network's settings as one gives them to ``train``."""
    paintings = [f"--style {name}=..." for name in settings.get("styles", ())]
    if "vector" in settings:
        paintings = ["--paintings ..."]
    others = [f"--{key} {settings[key]}" for key in ("architecture", "width", "norm")]
    return " ".join([*others, *paintings])


def all_settings(settings: TrainSettings) -> dict[str, Any]:
    """The settings as JSON values: steps or minutes, whichever it is that counts."""
    passed_over = "steps" if settings.minutes else "minutes"
    return {key: value for key, value in asdict(settings).items() if key != passed_over}


def run_settings(settings: TrainSettings) -> dict[str, Any]:
    """The settings that decide what is learned, as JSON values."""
    return {key: value for key, value in all_settings(settings).items() if key not in INTERVALS}


def describe_file(path):
    """A file's name and the SHA-256 of its bytes."""
    path = Path(path)
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def describe_list(paths):
    """The number of files, and the SHA-256 of their names and sizes."""
    digest = hashlib.sha256()
    count = 0
    for count, path in enumerate(paths, 1):  # noqa: B007
        size = path.stat().st_size if path.exists() else -1
        digest.update(f"{path.name} {size}\n".encode())
    return {"count": count, "sha256": digest.hexdigest()}


def weights_digest(weights: Mapping[str, np.ndarray]) -> str:
    """The SHA-256 of a network's weights."""
    digest = hashlib.sha256()
    for name, values in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values, "<f4").tobytes())
    return digest.hexdigest()


def check_same(folder, stored: Mapping[str, Any], told: Mapping[str, Any], fork: bool) -> bool:
    """Whether a run goes on as it was begun; it does where ``stored`` does not tell.

    Raises:
        InputError: it does not, and nobody said ``fork``.
    """
    before, now = flat(stored), flat(told)
    names = [name for name in now if name in before and before[name] != now[name]]
    if names and not fork:
        texts = (
            " and ".join(f"{option(name)} {shown(values[name])}" for name in names)
            for values in (before, now)
        )
        raise InputError(
            f"expected the run in {folder} to go on as it was begun, with {next(texts)}, found "
            f"{next(texts)}; give what it was begun with, choose another folder with --output, or "
            "change it from here on with --fork"
        )
    return not names


def flat(values, prefix=""):
    """Nested JSON values by the keys on the way; what has a hash is not looked into."""
    found = {}
    for key, value in values.items():
        name = f"{prefix} {key}".strip()
        if isinstance(value, Mapping) and "sha256" not in value:
            found |= flat(value, name)
        else:
            found[name] = value
    return found


def option(name):
    """What a user calls a key of `flat`."""
    first, _, rest = name.partition(" ")
    if name in OPTIONS:
        return OPTIONS[name]
    return f"{OPTIONS.get(first) or '--' + first.replace('_', '-')} {rest}".strip()


def shown(value):
    """A value of `flat` for people: the first digits of a hash tell enough."""
    if not isinstance(value, Mapping):
        return value[:8] if isinstance(value, str) and len(value) == 64 else value
    others = ", ".join(str(value[key]) for key in value if key != "sha256")
    return f"({others}, SHA-256 {value['sha256'][:8]}...)"
