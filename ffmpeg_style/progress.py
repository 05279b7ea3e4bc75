"""Progress: a bar on a terminal, and elsewhere a plain line now and then."""

import re
import sys

from tqdm import tqdm

LINE_SECONDS = 60.0
"""Between two lines where there is no terminal."""

LINE = "{desc}{n_fmt} of {total_fmt} {unit}s, {elapsed} gone, {remaining} left{postfix}"


def progress_bar(*iterable, progress=None, **options):
    """A `tqdm` on stderr.

    Args:
        iterable: what it goes over, or nothing.
        progress: whether to show it; None for a bar where stderr is a terminal, and a line each
            `LINE_SECONDS` where it is not; or a function of (count, total) that is told instead.
        options: further ones of tqdm.
    """
    if callable(progress):
        return _Reported(progress, options.get("total"))
    if progress is None and not sys.stderr.isatty():
        seconds = dict(mininterval=LINE_SECONDS, maxinterval=LINE_SECONDS, delay=LINE_SECONDS)
        options |= dict(file=_Lines(), bar_format=LINE, miniters=1, **seconds)
        if "desc" in options:
            options["desc"] += ": "
        options.setdefault("unit", "image")
        return tqdm(*iterable, **options)
    return tqdm(*iterable, disable=progress is False, **options)


def print_line(line, file=None):
    """Print a line, above the bars that are shown; to stdout where no file is given."""
    tqdm.write(line, file=file)


class _Reported:
    """As much of a tqdm as `stylize` needs, for a caller who shows the progress himself."""

    def __init__(self, report, total):
        self.n = 0
        self._report = report
        self._total = total

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def update(self, count):
        self.n += count
        self._report(self.n, self._total)


class _Lines:
    """Stderr for a tqdm that is to write lines and not to go back over them."""

    def write(self, text):
        plain = re.sub(r"\r|\n|\x1b\[A", "", text).strip()
        # Where nobody knows how many there are, tqdm says that no time is left.
        plain = re.sub(r" of \?( .*), \S+ left", r"\1", plain)
        if plain:
            print(plain, file=sys.stderr, flush=True)

    def flush(self):
        pass
