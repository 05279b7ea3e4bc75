"""What a thousand workers ask of a scheduler: `make simulate-cluster`.

Dask's real scheduler, and as many real workers as are asked for, in one process; they sleep where
others paint. The film is a long one: one task looks at it, one for each piece, one that joins.
"""

import argparse
import asyncio
import logging
import time

import dask
from distributed import Client, Scheduler, Worker

from ffmpeg_style.cluster.piece import Clip, Order
from ffmpeg_style.cluster.split import Piece


def sleep(clip, piece, seconds):
    """In the place of a painting: the message is as large as a real one."""
    time.sleep(seconds)
    return piece.frames, ()


async def simulate(workers, pieces, seconds):
    """Returns the seconds of each piece that the scheduler took, and those of all of it."""
    order = Order(
        "/films/film.mp4", "/out/film.mp4", "/out/.work", "0" * 32, {}, {}, workers=workers
    )
    clip = Clip(order, "1" * 32, "ffmpeg version 7.1")
    film = [Piece(n, 1500, 60.0 * n, 60.0 * n, 60.0 * n, 60.0, 90000 * n) for n in range(pieces)]
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        begin = time.monotonic()
        staff = [
            Worker(scheduler.address, nthreads=1, memory_limit=0, dashboard=False)
            for _ in range(workers)
        ]
        await asyncio.gather(*staff)
        came = time.monotonic() - begin
        async with Client(scheduler.address, asynchronous=True) as client:
            begin, before = time.monotonic(), time.process_time()
            futures = [client.submit(sleep, clip, piece, seconds, pure=False) for piece in film]
            await client.gather(futures)
            total, processor = time.monotonic() - begin, time.process_time() - before
        await asyncio.gather(*(worker.close() for worker in staff))
    return came, total, processor


def main():
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--pieces", type=int, default=4000)
    parser.add_argument("--seconds", type=float, default=10.0, help="that a piece takes")
    options = parser.parse_args()
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    dask.config.set({"distributed.scheduler.work-stealing": True})
    came, total, processor = asyncio.run(simulate(options.workers, options.pieces, options.seconds))
    least = -(-options.pieces // options.workers) * options.seconds
    print(f"{options.workers} workers came in {came:.1f} s")
    print(f"{options.pieces} pieces of {options.seconds:g} s: {total:.1f} s, at least {least:g} s")
    print(
        f"processor of scheduler, workers and client together: {processor:.1f} s,"
        f" {1000 * processor / options.pieces:.2f} ms a piece"
    )


if __name__ == "__main__":
    main()
