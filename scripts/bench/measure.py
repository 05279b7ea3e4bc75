"""Measures one run of a contender: frames/s, processor time, memory, the first frame, the delay."""

import os
import statistics
import subprocess
import time
from pathlib import Path

import click

from bench.contenders import Job

WARM_UP = 3  # frames that are not measured: TensorFlow optimises the graph in the first
SAMPLE_EVERY = 0.05  # seconds between two looks at a process's memory and processor time
PAUSE = 0.005  # seconds between two looks at the marks: a contender shall not wake this process
LAST = 20  # frames that are noted without a pause: the first and the last bound the time
LOOKED_AT = 2  # of these, with a look at each: processor time and memory shall be the end's


class Process:
    """A running contender: its marks, and what it and its children take of the machine."""

    def __init__(self, command, pipes):
        self.start = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=pipes,
        )
        self.command = command
        self.cpu = 0.0
        self.memory = {}

    def look(self):
        """Updates `cpu`, seconds, and `memory`, the peak of each process in MB."""
        cpu, waiting = 0, [self.process.pid]
        while waiting:
            pid = waiting.pop()
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                status = Path(f"/proc/{pid}/status").read_text()
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            except OSError:
                continue
            cpu += sum(map(int, fields[11:15]))  # with the children that have ended
            if "VmHWM:" in status:
                self.memory[pid] = int(status.partition("VmHWM:")[2].split()[0]) / 1024
            waiting += map(int, children.split())
        self.cpu = max(self.cpu, cpu / os.sysconf("SC_CLK_TCK"))

    def end(self):
        _, errors = self.process.communicate()
        if self.process.returncode:
            text = errors.decode(errors="replace").strip()
            raise click.ClickException(f"{' '.join(self.command)} failed:\n{text}")


def measure(contender, case, tools, frames):
    """One run of a contender: a dict of figures."""
    reader, writer = os.pipe()
    process = Process(contender.command(Job(case, tools, frames, writer)), (writer,))
    os.close(writer)
    marks = Marks(process, frames)
    try:
        with open(reader, "rb", buffering=0) as pipe:
            marks.listen(pipe)
    finally:
        process.end()
    return marks.figures()


class Marks:
    """Listens to a contender's pipe: a line ``bench=taken`` or ``bench=painted`` for each frame."""

    def __init__(self, process, frames):
        self.process = process
        self.frames = frames
        self.looked = 0
        self.busy = 0
        self.taken = 0
        self.times = []  # of each painted frame
        self.usage = []  # at each painted frame: the contender's processor time, everybody's
        self.delays = []

    def listen(self, pipe):
        """Until the pipe is closed."""
        rest = b""
        while chunk := pipe.read(65536):
            now = time.perf_counter()
            count = len(self.times)
            if now - self.looked > SAMPLE_EVERY or not WARM_UP < count < self.frames - LOOKED_AT:
                self.process.look()
                self.busy = busy_time()
                self.looked = now
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self.note(line, now)
            if WARM_UP < count < self.frames - LAST:
                time.sleep(PAUSE)

    def note(self, line, now):
        """Counts a frame."""
        if line == b"bench=taken":
            self.taken += 1
        elif line == b"bench=painted":
            self.times.append(now)
            self.usage.append((self.process.cpu, self.busy, now))
            self.delays.append(self.taken - len(self.times))

    def figures(self):
        """Frames/s and the like, from the last frame of the warm-up to the last of all."""
        if len(self.times) != self.frames:
            raise click.ClickException(
                f"expected {self.frames} frames, found {len(self.times)}: "
                f"{' '.join(self.process.command)}"
            )
        times = self.times[WARM_UP - 1 :]
        # Not the first and the last alone: who sends frames two by two would have one for nothing.
        fps = statistics.linear_regression(times, range(len(times))).slope
        (own, busy, start), (own_end, busy_end, end) = self.usage[WARM_UP - 1], self.usage[-1]
        own, busy = own_end - own, busy_end - busy
        processors = len(os.sched_getaffinity(0))
        return {
            "frames": len(times) - 1,
            "fps": fps,
            "cpu_s": own / (end - start) / fps,
            "memory_mb": sum(self.process.memory.values()),
            "first_s": self.times[0] - self.process.start,
            "latency_frames": statistics.median(self.delays[WARM_UP:]),
            "others": max(0, busy - own) / max(end - start, 0.1) / processors,
        }


def busy_time():
    """Seconds that all processors together have worked since the machine started."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, interrupts, soft_interrupts, *_ = map(int, fields)
    ticks = user + nice + system + interrupts + soft_interrupts
    return ticks / os.sysconf("SC_CLK_TCK")
