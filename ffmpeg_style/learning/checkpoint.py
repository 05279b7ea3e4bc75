"""Checkpoints: everything a training run needs to go on, in one file that is whole or not there."""

import contextlib
import fcntl
import json
import logging
import os
from pathlib import Path

import numpy as np

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.files import atomic_write, remove_dead_drafts

log = logging.getLogger(__name__)

PATTERN = "checkpoint-*.npz"
KEPT = 2
"""The newest ones that stay: one that a crash may have hurt, and the one before."""
LOCK = ".lock"


@contextlib.contextmanager
def lock_folder(folder):
    """Keep a run's folder for this process alone while the block lasts.

    Raises:
        InputError: another process has it.
    """
    descriptor = os.open(Path(folder) / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode() or "unknown"
            raise InputError(
                f"expected a run that nobody else trains in {folder}, found that process {holder} "
                "does; wait for it, or choose another folder with --output"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)  # which unlocks it


def save_checkpoint(folder, step, settings, weights, optimizer):
    """Write a checkpoint and remove those older than the one before it.

    Later ones are removed too: the run went on from an earlier one because they were damaged.

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
    newest = Path(folder) / f"checkpoint-{step:08d}.npz"
    with atomic_write(newest) as file:
        np.savez(file, header=np.frombuffer(header.encode(), dtype=np.uint8), **arrays)
    paths = sorted(Path(folder).glob(PATTERN))
    kept = paths[: paths.index(newest) + 1][-KEPT:]
    for path in set(paths) - set(kept):
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


def newest_checkpoint(folder):
    """What `load_checkpoint` returns for the newest good checkpoint, or None when there is none.

    Raises:
        InputError: there are checkpoints and none can be read.
    """
    failure = None
    for path in sorted(Path(folder).glob(PATTERN), reverse=True):
        try:
            found = load_checkpoint(path)
        except InputError as error:
            failure = failure or error
        else:
            if failure:
                log.warning("%s: taking %s in its place", failure, path.name)
            return found
    if failure:
        raise failure
    return None
