"""Checkpoints: everything a training run needs to go on, in one file that is whole or not there."""

import json
from pathlib import Path

import numpy as np

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.files import atomic_write, remove_dead_drafts

PATTERN = "checkpoint-*.npz"
KEPT = 2
"""The newest ones that stay: one that a crash may have hurt, and the one before."""


def save_checkpoint(folder, step, settings, weights, optimizer):
    """Write a checkpoint and remove those older than the one before it.

    Args:
        folder: of the run.
        step: finished steps.
        settings: JSON values; among them ``network``, what builds the network again.
        weights: arrays by name.
        optimizer: arrays in the optimizer's order.
    """
    arrays = {f"weights/{name}": value for name, value in weights.items()}
    arrays |= {f"optimizer/{index:04d}": value for index, value in enumerate(optimizer)}
    header = json.dumps({"step": step, **settings})
    remove_dead_drafts(folder)
    with atomic_write(Path(folder) / f"checkpoint-{step:08d}.npz") as file:
        np.savez(file, header=np.frombuffer(header.encode(), dtype=np.uint8), **arrays)
    for path in sorted(Path(folder).glob(PATTERN))[:-KEPT]:
        path.unlink()


def load_checkpoint(path):
    """A checkpoint's header, weights by name and optimizer arrays.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is damaged or no checkpoint.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(file["header"].tobytes())
            weights = {name[8:]: file[name] for name in file.files if name.startswith("weights/")}
            optimizer = [file[name] for name in sorted(file.files) if name.startswith("optimizer/")]
            return header, weights, optimizer
    except FileNotFoundError:
        raise InputNotFoundError(f"expected a checkpoint, found no file at {path}") from None
    except Exception as error:  # zipfile and NumPy have a type of error for every kind of damage.
        raise InputError(
            f"expected a checkpoint in {path}, found a damaged file ({error})"
        ) from error


def has_checkpoint(folder):
    """Whether a run has saved anything."""
    return any(Path(folder).glob(PATTERN))


def newest_checkpoint(folder):
    """What `load_checkpoint` returns for the newest good checkpoint, or None when there is none.

    Raises:
        InputError: there are checkpoints and none can be read.
    """
    failure = None
    for path in sorted(Path(folder).glob(PATTERN), reverse=True):
        try:
            return load_checkpoint(path)
        except InputError as error:
            failure = failure or error
    if failure:
        raise failure
    return None
