"""Style transfer by optimisation (Gatys, Ecker and Bethge 2015): slow, the yardstick of quality.

The pixels themselves are optimised by L-BFGS over the losses that the networks are trained with.
They are kept in 0..255, as in the comparison of Johnson et al. (2016, section 4.1), whose projected
L-BFGS is here SciPy's L-BFGS-B (Byrd et al. 1995).
"""

from pathlib import Path

import keras
import numpy as np
import scipy.optimize
import tensorflow as tf
from keras import ops

from ffmpeg_style.errors import InputError
from ffmpeg_style.files import atomic_write
from ffmpeg_style.learning.loss_network import load_loss_network
from ffmpeg_style.learning.losses import content_targets, losses_to_targets, style_grams
from ffmpeg_style.learning.photographs import check_pixels, read_image, read_painting
from ffmpeg_style.learning.settings import TERMS, LossWeights
from ffmpeg_style.pictures import Picture, check_picture_target
from ffmpeg_style.progress import progress_bar

FIRST_STEP = 10.0
"""Root mean square of the first step, in levels of 255: L-BFGS knows no scale before it."""


def optimize(
    loss_network,
    content,
    target_grams,
    weights,
    *,
    iterations=200,
    start="noise",
    seed=0,
    watch=None,
):
    """Paint one photograph by optimisation.

    Args:
        loss_network: a `LossNetwork`, in float32.
        content: the photograph, uint8 ``[H,W,3]``.
        target_grams: Gram matrices of the painting; see `style_grams`.
        weights: `LossWeights`.
        iterations: of L-BFGS; most evaluate the losses and their gradient once, a few more often.
        start: ``"noise"`` (white, as in the papers) or ``"content"``.
        seed: of the noise.
        watch: called at the start and after every iteration with the losses so far, a list of
            float64 ``[4]``, and a function that makes the image, uint8 ``[H,W,3]``.

    Returns:
        The image, and the losses `TERMS` at the start and after every iteration, float64
        ``[N+1,4]``; fewer than asked for when nothing could be improved any more.

    Raises:
        InputError: Keras runs on another backend than TensorFlow.
        ValueError: an unknown ``start``.
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"expected Keras to run on TensorFlow, found {keras.backend.backend()}; set "
            "KERAS_BACKEND=tensorflow"
        )
    objective = Objective(loss_network, content, target_grams, weights)
    pixels = first_pixels(content, start, seed)
    objective.scale_to(FIRST_STEP, pixels)
    losses = []

    def after_iteration(pixels):
        losses.append(objective.terms_at(pixels))
        if watch:
            watch(losses, lambda: objective.image(pixels))

    after_iteration(pixels)
    result = scipy.optimize.minimize(
        objective,
        pixels,
        jac=True,
        method="L-BFGS-B",
        bounds=scipy.optimize.Bounds(0.0, 255.0),
        callback=after_iteration,
        # Neither a small gain nor the number of evaluations ends it: only the iterations do.
        options={"maxiter": iterations, "maxfun": np.inf, "ftol": 0.0, "gtol": 0.0},
    )
    return objective.image(result.x), np.array(losses)


def first_pixels(content, start, seed):
    """The flat float64 pixels to start from."""
    if start == "content":
        return content.astype("float64").ravel()
    if start == "noise":
        return np.random.default_rng(seed).uniform(0.0, 255.0, content.size)
    raise ValueError(f"start must be 'noise' or 'content'. Received: {start!r}")


class Objective:
    """The total loss of flat pixels and its gradient, as SciPy wants them.

    Args:
        loss_network, content, target_grams, weights: as `optimize` takes them.
    """

    def __init__(self, loss_network, content, target_grams, weights):
        self.shape = (1, *content.shape)
        self.scale = 1.0
        photograph = content[None].astype("float32")
        targets = content_targets(loss_network, photograph)

        @tf.function
        def losses_and_gradient(images):
            with tf.GradientTape() as tape:
                tape.watch(images)
                terms = losses_to_targets(loss_network, images, targets, target_grams, weights)
            gradient = tape.gradient(terms["total"], images)
            return tf.stack([terms[name][0] for name in TERMS]), gradient

        self.losses_and_gradient = losses_and_gradient
        self.evaluated = None

    def scale_to(self, step, pixels):
        """Choose the factor of the loss by which the steepest descent of ``pixels`` has a size.

        Args:
            step: that size, the root mean square in levels of 255.
            pixels: where.
        """
        _, gradient = self(pixels)
        self.scale *= step / max(np.sqrt(np.mean(np.square(gradient))), 1e-30)

    def __call__(self, pixels):
        terms, gradient = self.losses_and_gradient(
            ops.convert_to_tensor(pixels.reshape(self.shape), "float32")
        )
        self.evaluated = pixels.copy(), terms.numpy().astype("float64")
        gradient = gradient.numpy().ravel().astype("float64")
        return self.evaluated[1][-1] * self.scale, gradient * self.scale

    def terms_at(self, pixels):
        """The `TERMS` of pixels, which most often are the ones evaluated last."""
        if not np.array_equal(self.evaluated[0], pixels):
            self(pixels)
        return self.evaluated[1]

    def image(self, pixels):
        """Pixels as a uint8 image ``[H,W,3]``."""
        return pixels.reshape(self.shape[1:]).round().clip(0, 255).astype("uint8")


def optimize_file(
    content,
    style,
    output,
    *,
    width=None,
    style_size=512,
    weights=None,
    vgg_weights=None,
    iterations=200,
    progress=None,
    overwrite=False,
    **options,
):
    """Paint an image file by optimisation.

    Args:
        content: path of the photograph.
        style: path of the painting.
        output: path of the image to write.
        width: to scale the photograph to; by default it stays.
        style_size: short side of the painting in pixels.
        weights: `LossWeights`.
        vgg_weights: file of VGG weights; see `load_loss_network`.
        iterations: of L-BFGS.
        progress: show a bar; None for when stderr is a terminal.
        overwrite: replace an image that exists.
        options: further ones of `optimize`.

    Returns:
        The last losses by name.

    Raises:
        StyleError: the input is not what it should be; nothing was written.
    """
    content, style, output = Path(content), Path(style), Path(output)
    check_picture_target(output, overwrite, content, style)
    loss_network = load_loss_network(vgg_weights)
    painting = read_painting(style, style_size)
    photograph = read_image(content, width=width)
    check_pixels(photograph.shape[1], photograph.shape[0], content)
    grams = style_grams(loss_network, painting[None].astype("float32"))
    with progress_bar(total=iterations, unit="iteration", progress=progress) as bar:

        def show(losses, image):
            bar.update(len(losses) - 1 - bar.n)
            terms = zip(TERMS, losses[-1], strict=True)
            bar.set_postfix({name: f"{value:.3g}" for name, value in terms}, refresh=False)

        image, losses = optimize(
            loss_network,
            photograph,
            grams,
            weights or LossWeights(),
            iterations=iterations,
            watch=show,
            **options,
        )
    with atomic_write(output) as file:
        Picture(image).write(file, output.suffix)
    return dict(zip(TERMS, losses[-1], strict=True))
