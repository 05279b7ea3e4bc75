"""What a thousand workers ask of a scheduler: a part of `make bench-cluster`.

Dask's real scheduler and the real client, each in a process of its own, and as many real workers as
are asked for, a hundred or so in a process: what they do with a clip and its pieces is replaced by
sleeping. The film is a long one: one task looks at it, one for each piece, one that joins.
"""

import argparse
import asyncio
import logging
import multiprocessing
import resource
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dask
from distributed import Client, Scheduler, Worker, secede

from ffmpeg_style.cluster import join, piece
from ffmpeg_style.cluster.client import paint_on_cluster
from ffmpeg_style.cluster.painted import Painted
from ffmpeg_style.cluster.piece import Clip
from ffmpeg_style.cluster.split import Piece
from ffmpeg_style.cluster.worker import reporter
from ffmpeg_style.ffmpeg.sources import Work

CREW = 125
"""Workers in a process."""
COMING = 300
"""Seconds that workers may take to come."""
LIGHT = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1 hour",
    "distributed.admin.tick.limit": "2 hours",
    "distributed.admin.system-monitor.interval": "1 minute",
}
"""What a worker does up to a hundred times a second to watch its machine: here they share one."""


def run_quietly(coroutine):
    """Without Dask's telling of each connection."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    asyncio.run(coroutine)


def schedule(pipe):
    """A scheduler, whose address is sent."""

    async def run():
        async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
            pipe.send(scheduler.address)
            await scheduler.finished()

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    run_quietly(run())


def crew(address, number, pieces, seconds, folder):
    """Workers that sleep."""
    film = [Piece(n, 1500, 60.0 * n, 60.0 * n, 60.0 * n, 60.0, 90000 * n) for n in range(pieces)]

    def sleep(clip, part):
        report = reporter(clip.order.target, part.number, clip.order.workers)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            report(int(part.frames * (1 - left / seconds)), None)
            time.sleep(min(left, 1))
        return piece.PaintedPiece(part.frames)

    def wait(clip):
        secede()
        Painted(clip.key).wait(len(clip.pieces))
        return ()

    async def run():
        staff = [
            Worker(address, nthreads=1, memory_limit=0, dashboard=False) for _ in range(number)
        ]
        await asyncio.gather(*staff)
        await asyncio.gather(*(worker.finished() for worker in staff))

    piece.check = lambda order, dask_worker=None: "ffmpeg version 7.1"
    piece.look = lambda order: Clip(order, "1" * 32, tuple(film), 1500 * pieces)
    piece.paint, join.join = sleep, wait
    dask.config.set(LIGHT | {"temporary-directory": folder})
    run_quietly(run())


@contextmanager
def started(workers, pieces, seconds, folder):
    """The address of a scheduler whose workers are on their way."""
    here, there = multiprocessing.Pipe()
    crews = [len(range(n, workers, -(-workers // CREW))) for n in range(-(-workers // CREW))]
    with ExitStack() as stack:

        def start(function, *arguments):
            process = multiprocessing.Process(target=function, args=arguments, daemon=True)
            process.start()
            stack.callback(process.kill)

        start(schedule, there)
        there.close()  # else the end of a scheduler that fails is not seen
        address = here.recv()
        for number in crews:
            start(crew, address, number, pieces, seconds, folder)
        yield address


def simulate(workers, pieces, seconds, folder):
    """What it takes.

    Returns:
        tuple[float, ...]: seconds until all workers are there, until the film is, and those of
            the scheduler's and the client's processor for it.
    """
    source = Path(folder, "film.mp4")
    source.touch()
    with started(workers, pieces, seconds, folder) as address:
        begin = time.monotonic()
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=COMING)
            came, begin = time.monotonic() - begin, time.monotonic()
            used = client.run_on_scheduler(time.process_time), time.process_time()
            works = [Work(str(source), str(Path(folder, "out.mp4")), is_named=True)]
            (outcome,) = paint_on_cluster(works, "wave-fast", address, progress=False)
            assert outcome.error is None, outcome.error
            total, own = time.monotonic() - begin, time.process_time() - used[1]
            return came, total, client.run_on_scheduler(time.process_time) - used[0], own


def main():
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--pieces", type=int, default=4, help="for each worker")
    parser.add_argument("--seconds", type=float, default=10.0, help="that a piece takes")
    options = parser.parse_args()
    multiprocessing.set_start_method("spawn")
    for workers in options.workers:
        pieces = workers * options.pieces
        with tempfile.TemporaryDirectory() as folder:
            try:
                figures = simulate(workers, pieces, options.seconds, folder)
            except TimeoutError:
                raise SystemExit(f"{workers} workers did not come within {COMING} s") from None
        came, total, scheduler, client = figures
        print(
            f"{workers} workers came in {came:.1f} s; {pieces} pieces of {options.seconds:g} s took"
            f" {total:.1f} s, at least {options.pieces * options.seconds:g}; processor of the"
            f" scheduler {scheduler:.1f} s, {1000 * scheduler / pieces:.2f} ms a piece, of the"
            f" client {client:.1f} s, {1000 * client / pieces:.2f} ms a piece",
            flush=True,
        )


if __name__ == "__main__":
    main()
