"""Training of the base network: one that paints after any painting it is shown.

Sources: Ghiasi et al. (2017), "Exploring the structure of a real-time, arbitrary neural artistic
stylization network"; Dumoulin et al. (2017), "A Learned Representation for Artistic Style".
"""

import hashlib
from pathlib import Path

import keras
import numpy as np
from keras import ops

from ffmpeg_style.files import atomic_write
from ffmpeg_style.learning.loss_network import load_loss_network, vgg_from_keras
from ffmpeg_style.learning.losses import style_grams
from ffmpeg_style.learning.networks import StyleNetwork, set_weight_values, weight_values
from ffmpeg_style.learning.photographs import read_image
from ffmpeg_style.learning.run import prepare_base
from ffmpeg_style.learning.training import (
    StyleTrainer,
    compile_trainer,
    dtype_policy,
    go_on,
    read_start,
)
from ffmpeg_style.learning.yardstick import default_cache
from ffmpeg_style.progress import progress_bar

SHOWN = 320
"""Side of the square of a painting that the predictor is shown in training."""
EASE = 0.6
EASE_RANGE = (0.15, 2.0)
SAMPLES = 6
SPREAD = 3.0
"""Root mean square length of the principal styles."""
ANCHOR = 10.0
"""Of the distance of a painting's vector from its principal style, relative to these.

Without it the vectors of all paintings drifted together, to means of three times what they differ
by after 400 steps.
"""
FIT_PARTS = 2
FIT_RIDGE = 1e-3
"""Of the features' mean energy."""


def train_base(folder, paintings, content, *, progress=None, **options):
    """Train a network for any painting, or go on with the run in ``folder``.

    Args:
        folder: of the run; created if need be.
        paintings: folder of the paintings to learn from.
        content: folder of photographs.
        progress: show bars; None for a bar on a terminal and lines elsewhere.
        options: of `prepare_base`: ``left_out``, names of paintings that are not to be learned
            from, to judge the network by; ``per_photograph``, paintings of each photograph in a
            step; ``network``, arguments of `StyleNetwork`; ``settings``, `TrainSettings`, whose
            ``batch`` counts photographs; ``vgg_weights``, a file, see `find_vgg`; ``start``, a
            run's folder, checkpoint or frozen graph whose weights a new run begins with: of a
            network for any painting, or of one with styles, whose middle all paintings begin at;
            ``fork``, to go on with a run that was begun otherwise.

    Returns:
        The trained `StyleNetwork`.

    Raises:
        StyleError: the input is not what it should be; nothing was written.
        NotFiniteError: the loss or a weight became NaN; the checkpoints of before are untouched.
        StoppedError: SIGINT or SIGTERM came; the run is saved as it stood.
    """
    return train_base_run(prepare_base(folder, paintings, content, **options), progress)


def train_base_run(prepared, progress=None):
    """Train a `Run` for any painting; see `train_base`."""
    settings, photographs = prepared.settings, prepared.photographs
    keras.utils.set_random_seed(settings.seed)
    vgg = prepared.vgg or vgg_from_keras()
    made_of = {**prepared.made_of, "loss_network": vgg.identity}
    with dtype_policy(settings.policy):
        network = StyleNetwork(**prepared.network).build_weights()
    loss_network = load_loss_network(vgg, content_layer=settings.content_layer)
    trainer = BaseTrainer(network, loss_network, settings)
    compile_trainer(trainer, settings)
    first = read_start(prepared, made_of)
    paths = list(prepared.paintings.values())
    known = PaintingSet(paths, loss_network, settings.style_size, progress=progress)
    factors = style_factors(known, photograph_grams(photographs, loss_network))
    styles = principal_styles(known, network.vector)

    def begin():
        if first:
            set_weight_values(network, for_any_painting(first, network))
        if not (first and first.settings.get("vector")):
            fit_predictor(network.predictor, known, styles)

    batches = PaintingBatches(photographs, known, prepared.per_photograph, factors, styles)
    go_on(trainer, prepared, batches, made_of, begin, first, progress)
    return network


def for_any_painting(first, network):
    """The weights of a `StoredNetwork` for a network for any painting."""
    if first.settings.get("vector"):
        return first.weights
    weights = weight_values(network)
    for name, value in first.weights.items():
        if "/norm/" in name:
            value = np.pad(value.mean(axis=0, keepdims=True), [(0, network.vector), (0, 0)])
        weights[name] = value
    return weights


def photograph_grams(photographs, loss_network, count=20):
    """Gram matrices ``[count,C,C]`` of random crops, for each style layer."""
    random = np.random.default_rng([photographs.seed, 0, 3])
    crops = [photographs.random_crop(random)[None].astype("float32") for _ in range(count)]
    every = [style_grams(loss_network, crop) for crop in crops]
    return [ops.convert_to_numpy(ops.concatenate(layer)) for layer in zip(*every, strict=True)]


class PaintingSet:
    """Paintings and their Gram matrices, which are reckoned once and kept.

    Args:
        paths: of the paintings.
        loss_network: a `LossNetwork`, in float32.
        short_side: pixels that each painting is scaled to.
        cache: folder of the Gram matrices.
        progress: show a bar; None for when stderr is a terminal.
    """

    def __init__(self, paths, loss_network, short_side, cache=None, progress=None):
        self.paths = paths
        self.loss_network = loss_network
        self.short_side = short_side
        self.cache = Path(cache or default_cache().with_name("grams"))
        self.cache.mkdir(parents=True, exist_ok=True)
        self.files = []
        for path in progress_bar(self.paths, desc="Gram matrices", progress=progress):
            self.files.append(self.file(path))
            if not self.files[-1].is_file():
                self.reckon(path, self.files[-1])

    def __len__(self):
        return len(self.paths)

    def read(self, index):
        """A painting as uint8 ``[h,w,3]``."""
        return read_image(self.paths[index], short_side=self.short_side)

    def grams(self, index):
        """A painting's Gram matrices, float32 ``[C,C]`` for each style layer."""
        try:
            with np.load(self.files[index], allow_pickle=False) as file:
                halves = [file[name] for name in file.files]
        except Exception:  # NumPy and zipfile raise what comes, for a damaged file.
            halves = self.reckon(self.paths[index], self.files[index])
        return [unpacked(half) for half in halves]

    def file(self, path):
        """The file of a painting's Gram matrices."""
        key = hashlib.sha256(f"{self.loss_network.name} {self.short_side} ".encode())
        key.update(ops.convert_to_numpy(self.loss_network.weights["block1_conv1/kernel"]).tobytes())
        key.update(path.read_bytes())
        return self.cache / f"{key.hexdigest()[:32]}.npz"

    def reckon(self, path, target):
        """Write a painting's Gram matrices to a file; returns the halves that tell them."""
        image = read_image(path, short_side=self.short_side)
        grams = style_grams(self.loss_network, image[None].astype("float32"))
        halves = [packed(ops.convert_to_numpy(gram)[0]) for gram in grams]
        with atomic_write(target) as file:
            np.savez(file, *halves)
        return halves


def packed(gram):
    """The half of a symmetric matrix that tells the whole."""
    return gram[np.triu_indices(len(gram))]


def unpacked(half):
    """The reverse of `packed`."""
    side = round((np.sqrt(8 * len(half) + 1) - 1) / 2)
    gram = np.zeros((side, side), "float32")
    gram[np.triu_indices(side)] = half
    return gram + np.triu(gram, 1).T


class PaintingBatches:
    """Items of training: pairs of photographs, and several paintings for each.

    Item k is a dictionary that depends only on the seed and k: what `Photographs` gives of P
    photographs, and for K paintings of each, those of one photograph side by side, ``paintings``
    uint8 ``[P*K,SHOWN,SHOWN,3]``, ``grams`` and ``factors``, see `StyleTrainer.targets`, and their
    principal ``styles`` ``[P*K,V]``. All paintings are seen as often.
    """

    def __init__(self, photographs, paintings, per_photograph, factors, styles):
        self.photographs, self.paintings = photographs, paintings
        self.count = photographs.batch * per_photograph
        self.factors, self.styles = factors, styles
        self.paths, self.unreadable = photographs.paths, photographs.unreadable
        self.read = photographs.read

    def __getitem__(self, step):
        seed = self.photographs.seed
        random = np.random.default_rng([seed, step])
        pictures = self.photographs.pictures(random)
        indices = [self.turn(seed, step * self.count + k) for k in range(self.count)]
        shown = [part_of(self.paintings.read(index), random) for index in indices]
        grams = zip(*(self.paintings.grams(index) for index in indices), strict=True)
        return {
            **pictures,
            "paintings": np.stack(shown),
            "grams": [np.stack(layer) for layer in grams],
            "factors": self.factors[indices],
            "styles": self.styles[indices],
        }

    def turn(self, seed, place):
        """The painting whose turn it is: each once in a round, in an order of its own."""
        round_, place = divmod(place, len(self.paintings))
        # A seed of its own: the steps of `__getitem__` have the numbers of two.
        order = np.random.default_rng([seed, round_, 1]).permutation(len(self.paintings))
        return order[place]


def part_of(painting, random):
    """A random square of a painting, mirrored at random."""
    lacking = [(0, max(0, SHOWN - side)) for side in painting.shape[:2]]
    painting = np.pad(painting, [*lacking, (0, 0)], mode="symmetric")
    top, left = (random.integers(side - SHOWN + 1) for side in painting.shape[:2])
    part = painting[top : top + SHOWN, left : left + SHOWN]
    return part[:, ::-1] if random.random() < 0.5 else part


class BaseTrainer(StyleTrainer):
    """`StyleTrainer` of a network for any painting: its batches are `PaintingBatches`."""

    def __init__(self, network, loss_network, settings):
        super().__init__(network, loss_network, None, settings)
        self.terms["predictor"] = keras.metrics.Mean(name="predictor")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        distance = ops.sum(ops.square(y_pred["mixes"] - x["styles"]), axis=-1) / SPREAD**2
        self.terms["predictor"].update_state(distance)
        return loss + ANCHOR * ops.mean(distance)

    def mixes(self, batch):
        return self.network.predictor(batch["paintings"])

    def targets(self, batch):
        return batch["grams"], batch["factors"]

    def sample_mixes(self, batches):
        return [
            self.network.predictor(batches.paintings.read(index)[None])
            for index in range(0, len(batches.paintings), -(-len(batches.paintings) // SAMPLES))
        ]


def style_factors(paintings, photographs):
    """Factors ``[N]`` of the paintings' style losses, so that all pull alike.

    What a photograph's style loss is beside a painting lies between 4 and 600: with the same
    factor for all, a few pale or flat paintings would be all that is learned.

    Args:
        paintings: a `PaintingSet`.
        photographs: Gram matrices ``[P,C,C]`` of some photographs, for each style layer.
    """
    losses = np.array(
        [
            sum(
                np.mean(np.sum(np.square(others - gram), axis=(1, 2))) / np.sum(np.square(gram))
                for others, gram in zip(photographs, paintings.grams(index), strict=True)
            )
            for index in range(len(paintings))
        ]
    )
    low, high = EASE_RANGE
    # A painting that is itself one of the photographs has no loss: it gets the upper bound.
    eased = (np.median(losses) / losses.clip(np.median(losses) * high ** (-1 / EASE))) ** EASE
    return eased.clip(low, high).astype("float32")


def principal_styles(paintings, length):
    """What tells the paintings apart, in ``length`` numbers each: float32 ``[N,length]``.

    The principal components of the logarithm of each feature's root mean square, all layers
    weighing the same.
    """
    columns = []
    for layer in zip(*map(paintings.grams, range(len(paintings))), strict=True):
        energies = np.array([np.diagonal(gram) for gram in layer], "float64")
        levels = np.log(energies + 1e-3 * energies.mean())
        levels -= levels.mean(axis=0)
        columns.append(levels / np.sqrt(np.mean(np.sum(np.square(levels), axis=1))))
    left, singular, _ = np.linalg.svd(np.concatenate(columns, axis=1), full_matrices=False)
    components = (left * singular)[:, :length]
    spread = np.sqrt(np.mean(np.sum(np.square(components), axis=1)))
    missing = length - components.shape[1]
    return np.pad(SPREAD * components / spread, [(0, 0), (0, max(0, missing))]).astype("float32")


def fit_predictor(predictor, paintings, styles, seed=0, progress=None):
    """Set a predictor's last layers to come as near as they can to the `principal_styles`.

    A start in which paintings differ, and those that are alike do less: ridge regression on what
    the layers before, whatever their weights, make of parts of the paintings. The hidden layer sees
    that standardised, so that a step of training moves all of it alike.

    Returns:
        The squared error over the styles' own square.
    """
    random = np.random.default_rng([seed, 0, 2])
    pooled = []
    for index in progress_bar(range(len(paintings)), desc="predictor", progress=progress):
        painting = paintings.read(index)
        parts = np.stack([part_of(painting, random) for _ in range(FIT_PARTS)])
        pooled.append(ops.convert_to_numpy(predictor.pooled(parts)))
    pooled = np.concatenate(pooled)
    deviation = pooled.std(axis=0)
    kernel = ops.convert_to_numpy(predictor.hidden.kernel.value)
    kernel = kernel / (deviation + 0.1 * deviation.mean())[:, None]
    predictor.hidden.kernel.assign(kernel)
    predictor.hidden.bias.assign(-pooled.mean(axis=0) @ kernel)
    inputs = ops.convert_to_numpy(predictor.hidden(pooled)).astype("float64")
    targets = np.repeat(styles, FIT_PARTS, axis=0)
    mean = inputs.mean(axis=0)
    inputs -= mean
    ridge = FIT_RIDGE * np.square(inputs).sum() / inputs.shape[1]
    square = inputs.T @ inputs + ridge * np.eye(inputs.shape[1])
    kernel = np.linalg.solve(square, inputs.T @ targets)
    predictor.vector.kernel.assign(kernel)
    predictor.vector.bias.assign(-mean @ kernel)
    return float(np.mean(np.square(inputs @ kernel - targets)) / np.mean(np.square(styles)))
