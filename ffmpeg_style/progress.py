"""The progress bar."""

from tqdm import tqdm


def progress_bar(*iterable, progress=None, **options):
    """A `tqdm` on stderr.

    Args:
        iterable: what it goes over, or nothing.
        progress: whether to show it; None for when stderr is a terminal.
        options: further ones of tqdm.
    """
    return tqdm(*iterable, disable=None if progress is None else not progress, **options)
