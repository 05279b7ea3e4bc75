"""Training of style networks (Johnson et al. 2016), and of small ones by large ones.

A run lives in one folder: checkpoints, samples and TensorBoard scalars. Whatever happened to it,
`train` on the same folder goes on from its newest good checkpoint, and ends with the weights that
an undisturbed run would have had.
"""

import contextlib
import functools
import itertools
import logging
import math
import os
import signal
import time

import keras
import numpy as np
from keras import ops
from PIL import Image
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.summary import scalar

from ffmpeg_style.errors import StoppedError, StyleError
from ffmpeg_style.files import atomic_write, make_folder
from ffmpeg_style.learning.checkpoint import lock_folder, newest_checkpoint, save_checkpoint
from ffmpeg_style.learning.consistency import consistency_loss
from ffmpeg_style.learning.loss_network import load_loss_network, vgg_from_keras
from ffmpeg_style.learning.losses import (
    content_targets,
    grid_loss,
    losses_to_targets,
    style_grams,
)
from ffmpeg_style.learning.networks import (
    StyleNetwork,
    set_weight_values,
    weight_name,
    weight_values,
    with_margin,
    with_styles,
    without_margin,
)
from ffmpeg_style.learning.photographs import prefetched, read_image, read_painting
from ffmpeg_style.learning.predictor import SHORT_SIDE
from ffmpeg_style.learning.run import (
    all_settings,
    check_network_in_folder,
    check_same,
    check_teacher,
    prepare_run,
    run_settings,
    weights_digest,
)
from ffmpeg_style.learning.weights import build_network, read_network, trained_so_far
from ffmpeg_style.progress import progress_bar

log = logging.getLogger(__name__)

GRADIENT_NORM = 10.0
"""Steps stay bounded when one crop is all sky and its content has hardly any energy."""

GRID_WEIGHT = 0.3
RIM_WEIGHT = 0.1
"""Of `grid_loss` and `StyleTrainer.rim_loss`, which no `LossWeights` tell: they judge the network
and not the painting."""
RIM_SQUARE = 8

WARMUP = 100
WARMUP_SHARE = 0.05
"""Of the time, where it is minutes that count."""
FINAL_RATE = 0.01
MOST_STEPS = 10**9
"""Where it is minutes that count: far more than they allow."""
SAMPLES = 4
SO_FAR = "so-far.jpg"
SO_FAR_SECONDS = 10.0
"""Between two pictures of how a run of some minutes looks so far, each in the other's place."""


class NotFiniteError(StyleError, ArithmeticError):
    """The loss or a weight is no longer a number."""


class StyleTrainer(keras.Model):
    """A style network with the perceptual losses of its paintings, for Keras's `train_on_batch`.

    The margin is painted and judged too. The loss network pads its own input with zeros, which is
    worth a frame of odd colours around what it is shown: that frame falls into the margin.

    A batch is a dictionary: what `Photographs` gives.
    """

    def __init__(self, network, loss_network, grams, settings):
        super().__init__()
        self.network = network
        self.loss_network = loss_network
        self.grams = grams
        self.settings = settings
        names = ("content", "style", "total_variation", "consistency", "total")
        self.terms = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def metrics(self):
        """Running means of the terms of the loss."""
        return list(self.terms.values())

    def mixes(self, batch):
        """What the network paints each picture with."""
        return batch["style_weights"]

    def targets(self, batch):
        """Gram matrices ``[B,C,C]`` of each style layer, and factors ``[B]`` of the style loss."""
        mixes = self.mixes(batch)
        return [ops.tensordot(mixes, gram, 1) for gram in self.grams], ops.ones_like(mixes[:, 0])

    def sample_mixes(self, photographs):
        """What the samples are painted with, ``[1,S]`` each: every style by itself."""
        return np.eye(len(self.network.styles), dtype="float32")[:, None]

    def call(self, batch, training=None):
        mixes = self.mixes(batch)
        paint = functools.partial(self.paint, mixes=mixes, training=training)
        names = [name for name in ("images", "moved") if name in batch]
        return {"mixes": mixes, **{name: paint(batch[name]) for name in names}}

    def paint(self, images, mixes, training=None):
        """Paintings of images ``[P,H,W,3]`` and their margin, as many of each as mixes go round."""
        return self.network.paint(repeat(with_margin(images), mixes), mixes, training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = sum(self.losses)  # The network's own: Keras shows them on the model it trains.
        painted, mixes = y_pred["images"], y_pred["mixes"]
        contents = with_margin(x["images"])
        features = repeat(content_targets(self.loss_network, contents), mixes)
        grams, factors = self.targets(x)
        terms = losses_to_targets(
            self.loss_network, painted, features, grams, self.settings.weights
        )
        pulls = terms["total"] + (factors - 1.0) * terms["style"]
        flaws = GRID_WEIGHT * grid_loss(painted)
        flaws += RIM_WEIGHT * self.rim_loss(repeat(contents, mixes), mixes, painted, training)
        terms["consistency"] = self.unsteadiness(x, y_pred)
        for name, term in terms.items():
            self.terms[name].update_state(term)
        return loss + ops.mean(pulls + flaws + terms["consistency"])

    def unsteadiness(self, batch, painted):
        """The weighted consistency loss ``[B]``, 0 for a batch without moved pictures."""
        if "moved" not in batch:
            return ops.zeros_like(painted["mixes"][:, 0])
        pictures = (without_margin(painted[name]) for name in ("images", "moved"))
        sources = (batch[name] for name in ("images", "moved", "flow"))
        return self.settings.consistency * consistency_loss(*pictures, *sources)

    def rim_loss(self, contents, mixes, painted, training=None):
        """Difference ``[B]`` from what the network paints when its zero padding is farther away.

        The zeros reach through `MARGIN` into the picture, as a soft rim. In levels of 255, of the
        colours of squares: it may lay its strokes as it likes.

        Args:
            contents: photographs with their margin.
            mixes: ``[B,S]``.
            painted: what the network made of the contents.
            training: of the norms.
        """
        aim = self.network.paint(with_margin(contents), mixes, training)
        aim = ops.stop_gradient(without_margin(aim))
        squares = ops.average_pool(without_margin(painted - aim), RIM_SQUARE, RIM_SQUARE)
        return ops.mean(ops.sqrt(ops.square(squares) + 1.0) - 1.0, axis=(1, 2, 3))


def repeat(images, mixes):
    """Images ``[P,...]`` repeated to the number of mixes, those of one image side by side."""
    return ops.repeat(images, mixes.shape[0] // images.shape[0], axis=0)


class DistillationTrainer(keras.Model):
    """A small network that learns another's pictures by their mean absolute difference."""

    def __init__(self, network, teacher):
        super().__init__()
        self.network = network
        self.teacher = teacher
        teacher.trainable = False
        self.terms = {"total": keras.metrics.Mean(name="total")}

    metrics = StyleTrainer.metrics
    sample_mixes = StyleTrainer.sample_mixes

    def call(self, batch, training=None):
        return self.network.paint(with_margin(batch["images"]), batch["style_weights"], training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = sum(self.losses)  # Before the teacher paints, and has some too.
        target = self.teacher.paint(with_margin(x["images"]), x["style_weights"])
        difference = ops.mean(ops.abs(y_pred - ops.stop_gradient(target))) / 255.0
        self.terms["total"].update_state(difference)
        return loss + difference


def train(folder, paintings, content, *, progress=None, **options):
    """Train a style network, or go on with the run in ``folder``.

    Args:
        folder: of the run; created if need be.
        paintings: style images by name, a path each, in the order of the styles.
        content: folder of photographs.
        progress: show a bar; None for a bar on a terminal and lines elsewhere.
        options: of `prepare_run`: ``network``, arguments of `StyleNetwork` but ``styles``;
            ``settings``, `TrainSettings`; ``vgg_weights``, a file, see `find_vgg`; ``start``, a
            run's folder, checkpoint or frozen graph whose weights a new run begins with, see
            `adapt_styles`; ``teacher``, such a thing whose pictures the network is to learn, in
            place of the losses; ``fork``, to go on with a run that was begun otherwise.

    Returns:
        The trained `StyleNetwork`.

    Raises:
        StyleError: the input is not what it should be; nothing was written.
        NotFiniteError: the loss or a weight became NaN; the checkpoints of before are untouched.
        StoppedError: SIGINT or SIGTERM came; the run is saved as it stood.
    """
    return train_run(prepare_run(folder, paintings, content, **options), progress)


def train_run(prepared, progress=None):
    """Train a `Run`; see `train`."""
    settings = prepared.settings
    keras.utils.set_random_seed(settings.seed)
    made_of = dict(prepared.made_of)
    with dtype_policy(settings.policy):
        network = StyleNetwork(**prepared.network).build_weights()
        trainer = make_trainer(network, prepared, made_of)
    compile_trainer(trainer, settings)
    first = read_start(prepared, made_of)

    def begin():
        if first:
            set_weight_values(network, adapt_styles(first, prepared.paintings))

    go_on(trainer, prepared, prepared.photographs, made_of, begin, first, progress)
    return network


def go_on(trainer, prepared, batches, made_of, begin, first, progress):
    """Begin a run in its folder, or go on with the one that is there.

    Args:
        trainer: a compiled Keras model.
        prepared: the `Run`.
        batches: items of training by the number of the step.
        made_of: what tells the run from another, with what only Keras knows.
        begin: called for a new run, to give the network its first weights.
        first: the `StoredNetwork` that these are of, or None.
        progress: as `train` takes it.
    """
    settings = prepared.settings
    folder = make_folder(prepared.folder)
    with lock_folder(folder):
        step, origin = restore(folder, trainer)
        told = {**run_settings(settings), "precision": settings.policy, **made_of}
        if origin is None:
            begin()
            history = {"start": first.trained, "licence": first.licence} if first else {}
            origin = {**inputs(prepared), **history}
        elif not check_same(folder, origin, told, prepared.fork):
            origin = forked(prepared, step, origin)
        pace = Pace(settings, origin.get("seconds", 0.0))
        if pace.is_over(step):
            log.warning(
                "the run in %s has its %s already: begin another with --from, or give more --%s "
                "and --fork",
                folder,
                pace.text(step),
                pace.option,
            )
        try:
            run(trainer, batches, folder, step, pace, {**origin, **made_of}, progress)
        finally:
            tell_unreadable(prepared.photographs)


def forked(prepared, step, origin):
    """Where a run comes from that is changed on its way: from itself, as it was until now."""
    log.warning("the run in %s goes on changed from step %d on", prepared.folder, step)
    before = {"start": trained_so_far(step, origin), "begun_at": step}
    licence = {"licence": origin["licence"]} if "licence" in origin else {}
    return {**inputs(prepared), **before, **licence}


def inputs(prepared):
    """What a run learns from, for its card."""
    data = f"{len(prepared.photographs.paths)} photographs"
    if prepared.per_photograph:
        data += f", {len(prepared.paintings)} paintings"
        return {"data": data, "left_out": sorted(prepared.left_out)}
    if prepared.teacher is not None:
        return {"data": data, "teacher": read_network(prepared.teacher, weights=False).trained}
    return {"data": data}


def tell_unreadable(photographs):
    """Log the photographs that were passed over."""
    for _, reason in sorted(photographs.unreadable.items()):
        log.warning("passed over: %s", reason)
    if photographs.unreadable:
        log.warning("%d unreadable images were passed over", len(photographs.unreadable))


@contextlib.contextmanager
def dtype_policy(name):
    """Keras's policy for the layers that are made in the block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_trainer(network, prepared, made_of):
    """A Keras model that trains the network: on the paintings, or on a teacher's pictures.

    What only Keras knows of the run is added to ``made_of``.
    """
    if prepared.teacher is not None:
        teacher = read_network(prepared.teacher)
        check_teacher(teacher, network.settings)
        made_of["teacher_sha256"] = weights_digest(teacher.weights)
        return DistillationTrainer(network, build_network(teacher))
    settings = prepared.settings
    vgg = prepared.vgg or vgg_from_keras()
    made_of["loss_network"] = vgg.identity
    compute = "bfloat16" if settings.policy == "mixed_bfloat16" else "float32"
    loss_network = load_loss_network(vgg, compute, settings.content_layer)
    paintings = [read_painting(path, settings.style_size) for path in prepared.paintings.values()]
    every = [style_grams(loss_network, image[None].astype("float32")) for image in paintings]
    grams = [ops.concatenate(layer) for layer in zip(*every, strict=True)]
    return StyleTrainer(network, loss_network, grams, settings)


def compile_trainer(trainer, settings):
    """Give a trainer its optimizer: Adam, its rate rising for a hundred steps, then by a cosine.

    Where it is minutes that count, the rate is set before each step: see `Pace`.
    """
    warmup = min(WARMUP, settings.steps // 10)
    rate = settings.rate
    if not settings.minutes:
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=settings.rate / 10,
            warmup_target=settings.rate,
            warmup_steps=warmup,
            decay_steps=max(1, settings.steps - warmup),
            alpha=FINAL_RATE,
        )
    average = dict(use_ema=True, ema_momentum=settings.average) if settings.average else {}
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=GRADIENT_NORM, **average)
    trainer.compile(optimizer=optimizer, jit_compile=False)
    trainer.optimizer.build(trainer.network.trainable_variables)


def read_start(prepared, made_of):
    """The `StoredNetwork` that a run begins with, or None; ``made_of`` is told of it.

    Raises:
        StyleError: it can't be read, or its weights are not those that it tells of.
    """
    if prepared.start is None:
        return None
    first = read_network(prepared.start)
    build_network(first)
    made_of["start_sha256"] = weights_digest(first.weights)
    return first


def adapt_styles(first, paintings):
    """The weights of a `StoredNetwork` for a network of other styles.

    A network for any painting looks at the paintings. From any other a style begins with the norms
    of its name; one that ``first`` does not know begins in the middle of all that it knows, which
    for a network of one style is that one.

    Args:
        first: the `StoredNetwork`.
        paintings: by the names of the styles, a path each.
    """
    if first.settings.get("vector"):
        return weight_values(with_paintings(build_network(first), paintings))
    known = {style: row for row, style in enumerate(first.settings["styles"])}

    def choose(norm):
        middle = norm.mean(axis=0)
        return np.stack([norm[known[style]] if style in known else middle for style in paintings])

    return {
        name: choose(value) if first.settings["norm"] == "instance" and "/norm/" in name else value
        for name, value in first.weights.items()
    }


def with_paintings(network, paintings):
    """The network of some paintings, by name a path each, that one for any painting is."""
    images = [read_image(path, short_side=SHORT_SIDE)[None] for path in paintings.values()]
    vectors = [ops.convert_to_numpy(network.predictor(image))[0] for image in images]
    return with_styles(network, dict(zip(paintings, vectors, strict=True)))


def restore(folder, trainer):
    """Load the newest good checkpoint of a run.

    Returns:
        Its number of finished steps and what it tells of the training; 0 and None for a new run.
    """
    newest = newest_checkpoint(folder)
    if newest is None:
        return 0, None
    header, weights, optimizer = newest
    check_network_in_folder(folder, header["network"], trainer.network.settings)
    set_weight_values(trainer.network, weights)
    for variable, value in zip(state(trainer), optimizer, strict=True):
        variable.assign(value)
    return header["step"], header["training"]


class Pace:
    """How far a run is: by its steps, or by the minutes that it may take.

    Args:
        settings: `TrainSettings`.
        seconds: that the run took before it was stopped.
    """

    def __init__(self, settings, seconds=0.0):
        self.settings = settings
        self.before = seconds
        self.began = None
        self.shown = None
        self.option = "minutes" if settings.minutes else "steps"

    @property
    def seconds(self):
        """That the run took so far."""
        return self.before + (0.0 if self.began is None else time.monotonic() - self.began)

    def begin(self):
        """Start the clock."""
        self.began = time.monotonic()

    def is_over(self, step):
        """Whether there is no step left to make."""
        if self.settings.minutes:
            return self.seconds >= 60 * self.settings.minutes
        return step >= self.settings.steps

    def text(self, step):
        """How long the run is, in words."""
        return f"{self.settings.minutes:g} minutes" if self.settings.minutes else f"{step} steps"

    def bar(self, step, progress):
        """A progress bar, of steps or of seconds."""
        if not self.settings.minutes:
            total = self.settings.steps
            return progress_bar(total=total, initial=step, unit="step", progress=progress)
        total = round(60 * self.settings.minutes)
        return progress_bar(
            total=total, initial=min(round(self.seconds), total), unit="second", progress=progress
        )

    def show(self, bar):
        """Move the bar to where the run is after a step."""
        bar.update(min(round(self.seconds), bar.total) - bar.n if self.settings.minutes else 1)

    def set_rate(self, optimizer):
        """Set the rate for the next step, where the time decides on it."""
        if not self.settings.minutes:
            return
        share = min(1.0, self.seconds / (60 * self.settings.minutes))
        warm = min(1.0, share / WARMUP_SHARE)
        fall = 0.5 + 0.5 * math.cos(math.pi * max(0.0, share - WARMUP_SHARE) / (1 - WARMUP_SHARE))
        factor = (0.1 + 0.9 * warm) * (FINAL_RATE + (1 - FINAL_RATE) * fall)
        optimizer.learning_rate = self.settings.rate * factor

    def wants_picture(self):
        """Whether it is time for a picture of how a run of some minutes looks so far."""
        if not self.settings.minutes:
            return False
        if self.shown is not None and self.seconds - self.shown < SO_FAR_SECONDS:
            return False
        self.shown = self.seconds
        return True

    def told(self):
        """What a checkpoint is told of it."""
        return {"seconds": round(self.seconds, 1)} if self.settings.minutes else {}


def save(folder, trainer, step, pace, origin):
    """Write a checkpoint of the run as it stands.

    Raises:
        NotFiniteError: a gradient was not finite, and the step has spoilt the weights.
    """
    weights = weight_values(trainer.network)
    optimizer = [ops.convert_to_numpy(variable.value) for variable in state(trainer)]
    if not all(np.isfinite(values).all() for values in (*weights.values(), *optimizer)):
        raise not_finite("weights", step, "others", folder)
    if trainer.optimizer.use_ema:
        weights = average_values(trainer)
    settings = pace.settings
    training = {**origin, **all_settings(settings), **pace.told(), "precision": settings.policy}
    if "teacher" in origin:  # Its pictures took the place of these.
        del training["weights"], training["style_size"]
    header = {"network": trainer.network.settings, "training": training}
    save_checkpoint(folder, step, header, weights, optimizer)


def state(trainer):
    """The variables, besides the weights to paint with, that a run needs to go on.

    These are the optimizer's; where it keeps the mean of the weights, which one paints with then,
    the weights that it works on come first.
    """
    optimizer = trainer.optimizer
    worked_on = trainer.network.trainable_variables if optimizer.use_ema else []
    return [*worked_on, *optimizer.variables]


def average_values(trainer):
    """The running mean of the network's weights, as `weight_values` gives the weights."""
    optimizer = trainer.optimizer
    # Keras has no public name for them, but to put them in the place of the weights for good.
    means = optimizer._model_variables_moving_average
    return {
        weight_name(trainer.network, variable): ops.convert_to_numpy(mean.value)
        for variable, mean in zip(trainer.network.trainable_variables, means, strict=True)
    }


def not_finite(what, step, found, folder):
    """A `NotFiniteError` that tells what to do."""
    return NotFiniteError(
        f"expected finite {what} at step {step}, found {found}; the checkpoints in {folder} are as "
        "before: try a lower --rate"
    )


def run(trainer, photographs, folder, step, pace, origin, progress):
    """The loop over the steps that are left."""
    saved, settings = step, pace.settings
    steps = range(step, MOST_STEPS if settings.minutes else settings.steps)
    with (
        stop_signals() as stop,
        pace.bar(step, progress) as bar,
        Scalars(folder / "scalars", step) as scalars,
        prefetched(photographs, steps) as batches,
    ):
        pace.begin()
        while not pace.is_over(step) and not stop:
            pace.set_rate(trainer.optimizer)
            values = trainer.train_on_batch(next(batches), return_dict=True)
            if not np.isfinite(values["total"]):
                raise not_finite("losses", step + 1, values["total"], folder)
            step += 1
            pace.show(bar)
            if step % settings.log_every == 0:
                terms = {name: f"{value:.3g}" for name, value in values.items()}
                bar.set_postfix(terms, refresh=False)
                scalars.write(step, values)
                trainer.reset_metrics()
            is_last = pace.is_over(step)
            if step % settings.save_every == 0 or is_last:
                save(folder, trainer, step, pace, origin)
                saved = step
            if pace.wants_picture() or (settings.minutes and is_last):
                write_samples(trainer, photographs, folder / SO_FAR)
            if not settings.minutes and (step % settings.sample_every == 0 or is_last):
                write_samples(trainer, photographs, folder / f"samples-{step:08d}.jpg")
        if step > saved:
            save(folder, trainer, step, pace, origin)
    if stop:
        raise StoppedError(f"stopped at step {step}; the same command goes on from there", stop[0])


class Scalars:
    """TensorBoard's scalars of a run.

    What a run that was killed wrote of steps after its last checkpoint is purged: these steps come
    again. It is written by the thread that trains, so that a full disk ends the run and does not
    hang it.

    Args:
        folder: of the event files.
        step: finished steps.
    """

    def __init__(self, folder, step):
        self.writer = EventsWriter(os.path.join(make_folder(folder), "events"))
        begin = SessionLog(status=SessionLog.START)
        self.writer.write_event(Event(step=step + 1, session_log=begin))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.writer.close()

    def write(self, step, values):
        """Write values by name."""
        for name, value in values.items():
            summary = scalar(name, value)
            self.writer.write_event(Event(step=step, wall_time=time.time(), summary=summary))
        self.writer.flush()


@contextlib.contextmanager
def stop_signals():
    """Yield a list that is no longer empty once SIGINT or SIGTERM has come."""
    received = []
    handlers = {
        number: signal.signal(number, lambda number, frame: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def write_samples(trainer, photographs, target):
    """A contact sheet: photographs in the first row, each style's paintings below.

    There is none when no photograph can be read any more: the next step tells that.
    """
    every = max(1, len(photographs.paths) // SAMPLES)
    spread = [path for first in range(every) for path in photographs.paths[first::every]]
    squares = photographs.read(spread, lambda path: read_image(path, short_side=256)[:256, :256])
    images = list(itertools.islice(squares, SAMPLES))
    if not images:
        return
    rows = [np.concatenate(images, axis=1)]
    for mix in trainer.sample_mixes(photographs):
        painted = [ops.convert_to_numpy(trainer.network((image[None], mix)))[0] for image in images]
        rows.append(np.concatenate(painted, axis=1).clip(0, 255).round().astype("uint8"))
    with atomic_write(target) as file:
        Image.fromarray(np.concatenate(rows)).save(file, "JPEG", quality=90)
