"""Losses of Gatys's optimisation, kept: what models are compared with."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
from keras import ops

from ffmpeg_style.files import atomic_write, make_folder
from ffmpeg_style.folders import cache_folder
from ffmpeg_style.learning.gatys import optimize
from ffmpeg_style.learning.losses import style_grams
from ffmpeg_style.learning.report import MARKS
from ffmpeg_style.progress import progress_bar

CACHE_FORMAT = "gatys/1"


class Yardstick:
    """Losses of Gatys's optimisation from noise, computed once for every photograph and painting.

    It takes minutes an image, so each result is a file of the cache, named by what it depends on
    and written at each of `MARKS`: a run that was stopped goes on with the next image, and models
    of one painting share the work.

    Args:
        loss_network: a `LossNetwork`.
        weights: `LossWeights`.
        cache: folder of the results; by default the user's own.
    """

    def __init__(self, loss_network, weights, cache=None):
        self.loss_network = loss_network
        self.weights = weights
        self.cache = make_folder(cache or default_cache())
        digest = hashlib.sha256(CACHE_FORMAT.encode())
        digest.update(json.dumps(asdict(weights), sort_keys=True).encode())
        for name, value in sorted(loss_network.weights.items()):
            digest.update(name.encode())
            digest.update(ops.convert_to_numpy(value).tobytes())
        self.digest = digest

    def measure(self, photograph, painting, iterations, progress=None):
        """Losses and images of one photograph.

        Args:
            photograph: uint8 ``[H,W,3]``.
            painting: uint8 ``[H,W,3]``.
            iterations: of the optimisation.
            progress: show a bar; None for when stderr is a terminal.

        Returns:
            float64 ``[iterations+1,4]``, the losses `TERMS` at the start and after each iteration,
            and uint8 images by iteration, at each of `MARKS`.
        """
        path = self.path(photograph, painting)
        found = read_measurement(path)
        if found is None or len(found[0]) <= iterations:
            self.compute(path, photograph, painting, iterations, progress)
            found = read_measurement(path)
        losses, images = found
        images = {mark: image for mark, image in images.items() if mark <= iterations}
        return losses[: iterations + 1], images

    def path(self, photograph, painting):
        """The file of a result."""
        digest = self.digest.copy()
        for image in (photograph, painting):
            digest.update(repr(image.shape).encode())
            digest.update(np.ascontiguousarray(image).tobytes())
        return self.cache / f"{digest.hexdigest()[:32]}.npz"

    def compute(self, path, photograph, painting, iterations, progress):
        """Optimise, and write the losses and images so far at each of `MARKS` and at the end."""
        grams = style_grams(self.loss_network, painting[None].astype("float32"))
        images = {}
        with progress_bar(
            total=iterations, desc="Gatys", unit="iteration", leave=False, progress=progress
        ) as bar:

            def watch(losses, image):
                step = len(losses) - 1
                bar.update(step - bar.n)
                if step in MARKS:
                    images[step] = image()
                    write_measurement(path, losses, images)

            image, losses = optimize(
                self.loss_network,
                photograph,
                grams,
                self.weights,
                iterations=iterations,
                watch=watch,
            )
        # It ends early where nothing can be improved any more: the rest would be the same.
        missing = iterations + 1 - len(losses)
        images = {mark: image for mark in MARKS if mark <= iterations} | images
        write_measurement(path, np.pad(losses, ((0, missing), (0, 0)), mode="edge"), images)


def default_cache():
    """The folder of results, of the user's own."""
    return cache_folder() / "gatys"


def write_measurement(path, losses, images):
    """Write a file of the cache."""
    with atomic_write(path) as file:
        np.savez_compressed(file, losses=losses, **{str(k): image for k, image in images.items()})


def read_measurement(path):
    """Losses and images of a file of the cache, or None when there is no good one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            images = {int(name): file[name] for name in file.files if name != "losses"}
            return file["losses"], images
    except Exception:  # NumPy and zipfile raise what comes, for a damaged file.
        return None
