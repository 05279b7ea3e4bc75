"""Workers that lack something, from the start or later, and schedulers that are none."""

import errno
import logging
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import dask
import pytest
from distributed import Client, versions
from helpers import films
from helpers.cluster import run
from helpers.live import free_port, wait_for
from helpers.plain import plain_python
from PIL import Image

from ffmpeg_style import ClusterError, InputError, __version__
from ffmpeg_style.cluster import crew, places
from ffmpeg_style.cluster.client import WORK, _own_words, paint_on_cluster
from ffmpeg_style.cluster.films import Films
from ffmpeg_style.cluster.finished import frames_of
from ffmpeg_style.cluster.join import join
from ffmpeg_style.cluster.painted import Painted
from ffmpeg_style.cluster.piece import Clip, Order, at_work, check, is_done, look, paint
from ffmpeg_style.cluster.worker import CALM, local_workers, model_address
from ffmpeg_style.ffmpeg.execute import run_ffmpeg
from ffmpeg_style.ffmpeg.program import VARIABLE
from ffmpeg_style.ffmpeg.sources import Work
from ffmpeg_style.progress import progress_bar


@contextmanager
def without_temporary_files(client, workers=None):
    """The system of some workers, or of all, can't make any, for the time of a block."""
    client.run(setattr, tempfile, "tempdir", "/no/such/folder", workers=workers)
    try:
        yield
    finally:
        client.run(setattr, tempfile, "tempdir", None)


@contextmanager
def room_for(source, client, worker):
    """A worker has room for a source, and not for a piece, which is not compressed."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        client.run(resource.setrlimit, resource.RLIMIT_FSIZE, (size, most), workers=[worker])

    limit(2 * source.stat().st_size)
    try:
        yield
    finally:
        limit(most)


RAW = ("-c:v", "rawvideo")


def test_a_machine_that_fails_keeps_no_clip(cluster, client, model, make, tmp_path, caplog):
    """It is passed over, and others paint what it could not."""
    (one, _) = client.nthreads()
    with without_temporary_files(client, [one]):
        source = make(".mp4", "-bf", "3", "-g", "30")
        assert run(cluster, model, source, tmp_path / "out.mp4", 0.4).error is None
    (told,) = told_of_workers(caplog)
    says = r"can't paint: No such file or directory in /no/such/folder; it is passed over"
    assert re.fullmatch(rf"the worker {re.escape(one)} on \S+ {says}", told)


def test_a_machine_without_room_for_its_own_files_is_passed_over(
    cluster, client, model, make, tmp_path, caplog
):
    """What comes from a store, or goes to one, is on its disk meanwhile."""
    source, target = make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "out.mov"
    (one, _) = client.nthreads()
    with room_for(source, client, one):
        pair = (f"local://{source}", f"local://{target}")
        assert run(cluster, model, *pair, options=RAW).error is None
    says = rf"the worker {re.escape(one)} on \S+ has no room in \S+; it is passed over"
    (told,) = told_of_workers(caplog)
    assert re.fullmatch(says, told)


def test_a_piece_that_there_is_no_room_for_is_not_taken_for_a_damaged_one(client, order, tmp_path):
    """Neither by who joins the film nor by who paints."""
    one, other = client.nthreads()
    source, target = Path(order.source), tmp_path / "out.mov"
    store = {name: f"local://{getattr(order, name)}" for name in ("source", "work")}
    store |= dict(target=f"local://{target}", options=dict(encoder_options=RAW), longest=1.0)

    def do(worker, step, *arguments):
        return client.submit(step, *arguments, workers=[worker], pure=False).result()

    clip = do(other, look, replace(order, **store))
    counts = [do(other, paint, clip, piece)[0] for piece in clip.pieces]
    Painted(clip.key, client).tell(counts)
    with room_for(source, client, one):
        for step, *arguments in ((paint, clip, clip.pieces[0]), (join, clip)):
            says = rf"the worker {re.escape(one)} on \S+ has no room in "
            with pytest.raises(ClusterError, match=says):
                do(one, step, *arguments)
    do(other, join, clip)
    assert films.count_frames(target) == sum(counts) == 100


def test_a_worker_whose_ffmpeg_is_killed_leaves_it_to_another(client, order):
    """As by a system that has run out of memory, or by somebody."""

    def is_killed(order):
        killed = ["sh", "-c", "kill -KILL $$"]
        with at_work(order), progress_bar(progress=False) as bar:
            run_ffmpeg(killed, Path("draft"), bar, {})

    says = "can't paint: ffmpeg was ended by SIGKILL; the system may have run out of memory"
    with pytest.raises(ClusterError, match=says) as caught:
        client.submit(is_killed, order, pure=False).result()
    assert caught.value.worker in client.nthreads() and caught.value.reason in says


def test_what_a_disk_can_not_tell_is_not_taken_for_missing(order, monkeypatch):
    """Else a target would be replaced, or painted again, that is there."""

    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(places, "read", fail)
    for ask in (lambda: frames_of(order.source), lambda: is_done(Clip(order, "key"))):
        with pytest.raises(OSError, match="Input/output error"):
            ask()
    monkeypatch.setattr(os, "stat", fail)
    with pytest.raises(OSError, match="Input/output error"):
        places.exists(order.target)


def test_a_name_that_the_system_refuses_is_a_sentence(cluster, model, make, tmp_path):
    target = tmp_path / ("x" * 300 + ".mp4")
    with pytest.raises(InputError, match=f"{target} can't be reached: File name too long"):
        run(cluster, model, make(".mp4", "-bf", "3", "-g", "30"), target)
    assert not list(tmp_path.iterdir())


def test_machines_that_all_fail_keep_no_other_clip(
    cluster, client, model, make, tmp_path, monkeypatch
):
    """What their system says is told in a sentence."""
    monkeypatch.setattr(crew, "SECONDS_TO_ASK_AGAIN", 0)
    Image.new("RGB", (64, 48), (90, 120, 200)).save(tmp_path / "in.png")
    film = make(".mp4", "-bf", "3", "-g", "30")
    pairs = ((film, tmp_path / "a.mp4"), (tmp_path / "in.png", tmp_path / "b.png"))
    works = [Work(str(source), str(target)) for source, target in pairs]
    with without_temporary_files(client):  # photographs need none
        found = list(paint_on_cluster(works, model, cluster, piece=1, progress=False))
    errors = {outcome.work.target: outcome.error for outcome in found}
    assert errors[works[1].target] is None and isinstance(errors[works[0].target], ClusterError)
    says = (
        r"\S+ is not painted: the worker \S+ on \S+ can't paint: No such file or directory in \S+"
    )
    assert re.fullmatch(says, str(errors[works[0].target]))


def test_a_clip_that_all_machines_refuse_holds_up_no_other(
    cluster, client, model, make, tmp_path, monkeypatch, caplog
):
    """What all say for long is the fault of the clip, which is on a disk that is damaged."""
    monkeypatch.setattr(crew, "SECONDS_TO_ASK_AGAIN", 0.1)

    def damage():
        from ffmpeg_style.cluster import piece

        def probe(path, name):
            if "bad" in name.name:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
            return piece.whole_probe(path, name)

        piece.whole_probe, piece.probe = piece.probe, probe

    def mend():
        from ffmpeg_style.cluster import piece

        piece.probe = piece.whole_probe

    works = [
        Work(str(tmp_path / name), str(tmp_path / "out" / name))
        for name in ("bad.mp4", "a.mp4", "b.mp4")
    ]
    for work in works:
        shutil.copy(make(".mp4", "-bf", "3", "-g", "30"), work.source)
    client.run(damage)
    try:
        found = list(paint_on_cluster(works, model, cluster, progress=False))
    finally:
        client.run(mend)
    errors = {outcome.work.target: outcome.error for outcome in found}
    says = (
        rf"{works[0].source} is not painted: the worker \S+ on \S+ can't paint: Input/output error"
    )
    assert re.match(says, str(errors[works[0].target]))
    assert [errors[work.target] for work in works[1:]] == [None, None]
    assert not told_of_workers(caplog)


def test_what_all_machines_refuse_for_a_while_is_done_later(
    cluster, client, model, make, tmp_path, monkeypatch, caplog
):
    """A folder was away: each of both refuses twice."""
    monkeypatch.setattr(crew, "SECONDS_TO_ASK_AGAIN", 0.1)

    def take_away():
        from ffmpeg_style.cluster import piece

        errors = [OSError(errno.EIO, os.strerror(errno.EIO), "/away")] * 2

        def probe(path, name):
            if errors:
                raise errors.pop()
            return piece.whole_probe(path, name)

        piece.whole_probe, piece.probe = piece.probe, probe

    def bring_back():
        from ffmpeg_style.cluster import piece

        piece.probe = piece.whole_probe

    client.run(take_away)
    try:
        source = make(".mp4", "-bf", "3", "-g", "30")
        assert run(cluster, model, source, tmp_path / "out.mp4", 9).error is None
    finally:
        client.run(bring_back)
    assert not told_of_workers(caplog)


def test_a_worker_that_hangs_is_passed_over(
    cluster, one_more, model, make, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(crew, "SECONDS_TO_ANSWER", 2)
    with one_more(sys.executable) as (worker, process):
        process.send_signal(signal.SIGSTOP)
        source = make(".mp4", "-bf", "3", "-g", "30")
        assert run(cluster, model, source, tmp_path / "out.mp4").error is None
    says = f"the worker {worker} did not say in 2 s whether it can paint: it hangs, "
    (told,) = [line for line in told_of_workers(caplog) if worker in line]
    assert told.startswith(says) and told.endswith("; it is passed over")


def test_versions_of_dask_that_differ_are_told_in_a_sentence(
    cluster, model, tmp_path, monkeypatch, caplog, recwarn
):
    real = versions.get_package_info
    monkeypatch.setattr(
        versions, "get_package_info", lambda names: real(names) | {"distributed": "1.0"}
    )
    Image.new("RGB", (64, 48)).save(tmp_path / "in.png")
    assert run(cluster, model, tmp_path / "in.png", tmp_path / "out.png").error is None
    (told,) = [line for line in caplog.messages if line.startswith("Dask's package distributed")]
    assert re.search(r"is 1\.0 here, 1\.0 in the scheduler, 20\S+ in the workers; where", told)
    assert not [warning for warning in recwarn if "Mismatched versions" in str(warning.message)]


def test_other_warnings_of_a_connection_and_tables_of_another_form_are_no_failure():
    table, told = "| distributed | 1.0 | {}2.0 |", []
    with pytest.warns(UserWarning, match="mine") as warned, _own_words(told.extend):
        warnings.warn("mine", UserWarning, stacklevel=1)
        for more in ("", "1.0 | "):
            warnings.warn(table.format(more), versions.VersionMismatchWarning, stacklevel=1)
    assert len(warned) == 1
    (line,) = told
    assert line.startswith("Dask's package distributed is 1.0 here, 1.0 in the scheduler, 2.0 in")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:1", "no Dask scheduler at 127.0.0.1:1: "),
        ("tcp://127.0.0.1:1", "no Dask scheduler at tcp://127.0.0.1:1: "),
        ("nonsense://x", "no Dask scheduler at nonsense://x: "),
        ("tcp://no.such.invalid:8786", ".*: nobody knows a host of this name; expected an address"),
        *((local, "expected local:N .*, such as local:2$") for local in ("local:0", "local")),
    ],
)
def test_no_scheduler_is_one_sentence(model, make, tmp_path, address, says):
    source = make(".mp4", "-bf", "3", "-g", "30")
    with pytest.raises((ClusterError, InputError), match=says):
        run(address, model, source, tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_not_be_is_told_before_anything_starts(model, make, tmp_path):
    """By the name that the user gave."""
    (tmp_path / "file").touch()
    says = f"expected a folder to write to at {tmp_path}/file/out, found a file at {tmp_path}/file"
    with pytest.raises(InputError, match=f"^{says}$"):
        run("tcp://127.0.0.1:1", model, make(".mp4"), tmp_path / "file" / "out" / "a.mp4")


def test_pieces_of_no_length_are_refused(cluster, model, make, tmp_path):
    with pytest.raises(InputError, match="piece is 0, expected"):
        run(cluster, model, make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "out.mp4", piece=0)


@pytest.mark.parametrize("address", ["nonsense", "http://127.0.0.1:1", "tls://127.0.0.1:1"])
def test_an_address_of_no_scheduler_is_one_sentence_of_the_command(model, tmp_path, address):
    """Nothing is told behind it by what was begun with the address."""
    Image.new("RGB", (64, 48)).save(tmp_path / "in.png")
    command = [sys.executable, "-m", "ffmpeg_style", "stylize", tmp_path / "in.png"]
    command += ["-o", tmp_path / "out.png", "--model", model, "--cluster", address]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == ClusterError.exit_code and not result.stdout
    says = rf"[^\n]*no Dask scheduler at {address}: [^\n]*; expected an address such as [^\n]*\n"
    assert re.fullmatch(says, result.stderr)


@pytest.fixture
def order(model, make, tmp_path):
    """An order whose model is in its place."""
    work = str(tmp_path / WORK)
    name = places.digest(model.read_bytes())
    places.write(model_address(work, name), model.read_bytes())
    source = str(make(".mp4", "-bf", "3", "-g", "30"))
    return Order(source, str(tmp_path / "out.mp4"), work, name, {}, {})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (dict(version="9.9"), rf"it has ffmpeg-style {re.escape(__version__)}, expected 9.9"),
        (dict(model="0" * 32), "it does not see the model at .*all machines must share"),
        (dict(work="/no/such/folder"), "it does not see the model at /no/such"),
        (dict(source="/no/such/film.mp4"), "does not see /no/such/film.mp4"),
    ],
)
def test_a_worker_says_what_it_lacks(client, order, change, says):
    answers = client.run(check, replace(order, **change), on_error="return")
    assert len(answers) == 2
    for worker, answer in answers.items():
        assert isinstance(answer, ClusterError)
        assert re.search(rf"the worker {worker} on \S+ (can't paint: )?{says}", str(answer))
        assert "\n" not in str(answer)


@pytest.fixture
def one_more(cluster, tmp_path):
    """Starts a further worker, for the time of a block: yields its address and its process."""

    @contextmanager
    def start(*python, scheduler=cluster, options=("--no-nanny",), **environment):
        command = [*python, "-m", "distributed.cli.dask_worker", scheduler, *options]
        command += ["--nthreads", "1", "--no-dashboard"]
        environment |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with Client(scheduler, set_as_default=False) as client:
            known, address = set(client.nthreads()), None
            process = subprocess.Popen(
                command, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL
            )
            try:
                client.wait_for_workers(len(known) + 1, timeout=60)
                (address,) = set(client.nthreads()) - known
                yield address, process
            finally:
                process.kill()
                process.wait()
                wait_for(lambda: address not in client.nthreads())

    return start


def test_a_worker_without_the_package_is_named(cluster, one_more, model, make, tmp_path):
    python = plain_python(tmp_path / "venv", ["distributed"])
    with one_more(python) as (worker, _), pytest.raises(ClusterError) as error:
        run(cluster, model, make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "out.mp4")
    assert str(error.value) == (
        f"the worker {worker} on {socket.gethostname()} can't paint: "
        f"No module named 'ffmpeg_style'; install ffmpeg-style {__version__} "
        "for the Python that runs it"
    )
    assert not (tmp_path / WORK).exists()


@pytest.fixture
def other_ffmpeg(ffmpeg, tmp_path):
    """The environment of a worker that has another version."""
    other = tmp_path / "ffmpeg"
    other.write_text(f"""#!/bin/sh
[ "$1" = -version ] && exec echo "ffmpeg version 9.9 Copyright"
exec {ffmpeg} "$@"
""")
    other.chmod(0o755)
    (tmp_path / "ffprobe").symlink_to(ffmpeg.with_name("ffprobe"))
    return dict(FFMPEG_STYLE_FFMPEG=str(other))


def test_a_worker_with_another_ffmpeg_is_named(
    cluster, one_more, other_ffmpeg, model, make, tmp_path
):
    late = one_more(sys.executable, **other_ffmpeg)
    with late as (worker, _), pytest.raises(ClusterError) as error:
        run(cluster, model, make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "out.mp4")
    own = r"the worker \S+ ffmpeg version \S+; expected the same on all"
    assert re.fullmatch(f"the worker {worker} has ffmpeg version 9.9, and {own}", str(error.value))


class Gate:
    """An ffmpeg that paints nothing until a file is there.

    Attributes:
        script: its path.
        is_reached: whether a painting waits.
    """

    def __init__(self, folder, ffmpeg):
        folder.mkdir()
        self.script, self._reached, self._open = (folder / n for n in ("ffmpeg", "reached", "open"))
        self.script.write_text(f"""#!/bin/sh
case "$*" in *styletransfer=*)
    touch {self._reached}; while [ ! -e {self._open} ]; do sleep 0.05; done
esac
exec {ffmpeg} "$@"
""")
        self.script.chmod(0o755)
        (folder / "ffprobe").symlink_to(ffmpeg.with_name("ffprobe"))

    @property
    def is_reached(self):
        return self._reached.exists()

    def open(self):
        self._open.touch()


@pytest.fixture
def gate(client, ffmpeg, tmp_path):
    """All workers have it."""
    gate = Gate(tmp_path / "gate", ffmpeg)

    def use(program):
        client.run(lambda: os.environ.update({VARIABLE: str(program)}))

    use(gate.script)
    yield gate
    use(ffmpeg)


@contextmanager
def in_the_middle(gate, *arguments, **options):
    """Yields the future errors of clips, when the first painting has begun; it waits meanwhile."""
    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        stack.callback(gate.open)
        found = pool.submit(lambda: list(paint_on_cluster(*arguments, progress=False, **options)))
        wait_for(lambda: gate.is_reached or found.done())
        yield found


def hidden(folder):
    """The begin of a command for which a folder is an empty one; () where none may be mounted."""
    command = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs none "{folder}" && exec "$@"', "-"]
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        return ()
    return command


def test_workers_that_come_late_and_lack_something_are_passed_over(
    cluster, gate, one_more, other_ffmpeg, model, make, tmp_path, caplog
):
    """One of them comes to the address of one that could paint, and ended."""
    (tmp_path / "out").mkdir()
    works = [
        Work(str(make(".mp4", "-bf", "3", "-g", "30")), str(tmp_path / "out" / f"{name}.mp4"))
        for name in "abc"
    ]
    python, port = sys.executable, str(free_port())
    there = dict(options=("--no-nanny", "--worker-port", port))
    able = one_more(python, **there, **{VARIABLE: str(gate.script)})
    has = r" on \S+ can't paint: it "
    with ExitStack() as stack:
        _, process = stack.enter_context(able)
        errors = stack.enter_context(in_the_middle(gate, works, model, cluster, piece=1))
        process.kill()
        process.wait()
        lacks = {
            f"{has}has ffmpeg version 9.9, expected ffmpeg version .* as on the others": one_more(
                python, **there, **other_ffmpeg
            ),
            r" on \S+ can't paint: No module named 'ffmpeg_style'; install ffmpeg-style .*": (
                one_more(plain_python(tmp_path / "venv", ["distributed"]))
            ),
        }
        if begin := hidden(tmp_path / "out"):
            lack = f"{has}does not see the model at .*: all machines must share the folder"
            lacks[lack] = one_more(*begin, python)
        says = {
            rf"the worker {re.escape(stack.enter_context(late)[0])}{lack}; it is passed over"
            for lack, late in lacks.items()
        }
        wait_for(lambda: len(told_of_workers(caplog)) >= len(says) or errors.done())
        gate.open()
        assert [outcome.error for outcome in errors.result()] == [None] * len(works)
    told = told_of_workers(caplog)
    assert len(told) == len(says)
    assert all(any(re.fullmatch(say, line) for line in told) for say in says)
    assert all(os.path.exists(work.target) for work in works)


def told_of_workers(caplog):
    """What the user was told of workers that are there."""
    return [line for line in caplog.messages if re.match("the worker .*passed over$", line)]


@pytest.fixture
def bare_scheduler(tmp_path):
    """The address of one that has no workers, and no package of ours."""
    address = f"tcp://127.0.0.1:{free_port()}"
    command = [plain_python(tmp_path / "bare", ["distributed"]), "-m"]
    command += ["distributed.cli.dask_scheduler", "--host", address, "--no-dashboard"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as scheduler:
        wait_for(lambda: answers(address))
        yield address
        scheduler.kill()


def answers(address):
    """Whether there is a scheduler."""
    host, port = address.removeprefix("tcp://").split(":")
    with socket.socket() as trial:
        return trial.connect_ex((host, int(port))) == 0


NO_FFMPEG = {VARIABLE: "/no/such/ffmpeg"}


def test_a_worker_that_comes_late_and_is_the_only_one_is_named(
    bare_scheduler, one_more, model, make, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(crew, "SECONDS_WITHOUT_WORKER", 0)
    source = make(".mp4", "-bf", "3", "-g", "30")
    with ThreadPoolExecutor(1) as pool:
        film = pool.submit(run, bare_scheduler, model, source, tmp_path / "out.mp4")
        wait_for(lambda: any("has no workers yet" in line for line in caplog.messages))
        late = one_more(sys.executable, scheduler=bare_scheduler, **NO_FFMPEG)
        with late as (worker, _), pytest.raises(ClusterError) as error:
            film.result()
    says = rf"the worker {re.escape(worker)} on \S+ can't paint: \S+ names /no/such/ffmpeg, .*"
    assert re.fullmatch(says, str(error.value))
    assert told_of_workers(caplog) == [f"{error.value}; it is passed over"]


def test_one_that_its_nanny_starts_again_goes_on_where_another_is_passed_over(
    bare_scheduler, one_more, ffmpeg, model, make, tmp_path, caplog
):
    """It has the same name, and another address."""
    gate = Gate(tmp_path / "gate", ffmpeg)
    works = [Work(str(make(".mp4", "-bf", "3", "-g", "30")), str(tmp_path / "out.mp4"))]
    here = dict(scheduler=bare_scheduler)
    named = dict(options=("--nanny", "--name", "painter"))
    able = one_more(sys.executable, **here, **named, **{VARIABLE: str(gate.script)})
    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        stack.callback(gate.open)
        film = pool.submit(lambda: list(paint_on_cluster(works, model, bare_scheduler, piece=1)))
        wait_for(lambda: any("has no workers yet" in line for line in caplog.messages))
        stack.enter_context(one_more(sys.executable, **here, **NO_FFMPEG))
        wait_for(lambda: told_of_workers(caplog))
        worker, _ = stack.enter_context(able)
        wait_for(lambda: gate.is_reached)
        with Client(bare_scheduler, set_as_default=False) as client:
            os.kill(client.run(os.getpid, workers=[worker])[worker], signal.SIGKILL)
            wait_for(lambda: worker not in client.nthreads() and len(client.nthreads()) == 2)
        gone = f"the worker {worker} is gone; its work waits for another"
        wait_for(lambda: gone in caplog.messages)
        gate.open()
        assert [outcome.error for outcome in film.result()] == [None]
    assert len(told_of_workers(caplog)) == 1


def test_a_source_that_is_removed_in_the_meantime_keeps_no_other(
    cluster, gate, model, make, tmp_path, caplog
):
    works = [
        Work(str(tmp_path / f"{name}.mp4"), str(tmp_path / "out" / f"{name}.mp4"))
        for name in "abcdefgh"
    ]
    for work in works:
        shutil.copy(make(".mp4", "-bf", "3", "-g", "30"), work.source)
    with in_the_middle(gate, works, model, cluster) as found:
        os.remove(works[-1].source)
        gate.open()
        errors = {outcome.work.target: outcome.error for outcome in found.result()}
    says = f"{works[-1].source} is not painted: no file at {works[-1].source}"
    assert [str(errors[work.target]) for work in works] == ["None"] * (len(works) - 1) + [says]
    assert not told_of_workers(caplog)


def test_a_source_that_is_removed_before_a_worker_came_keeps_no_other(
    bare_scheduler, one_more, model, make, tmp_path, caplog
):
    works = [
        Work(str(tmp_path / f"{name}.mp4"), str(tmp_path / "out" / f"{name}.mp4")) for name in "ab"
    ]
    for work in works:
        shutil.copy(make(".mp4", "-bf", "3", "-g", "30"), work.source)
    with ThreadPoolExecutor(1) as pool:
        films = pool.submit(lambda: list(paint_on_cluster(works, model, bare_scheduler)))
        wait_for(lambda: any("has no workers yet" in line for line in caplog.messages))
        os.remove(works[0].source)
        with one_more(sys.executable, scheduler=bare_scheduler):
            errors = {outcome.work.target: outcome.error for outcome in films.result()}
    assert f"no file at {works[0].source}" in str(errors[works[0].target])
    assert errors[works[1].target] is None
    assert not told_of_workers(caplog)


def test_a_model_that_somebody_changed_is_put_in_its_place_again(
    cluster, client, order, model, make, tmp_path
):
    place = Path(model_address(order.work, order.model))
    films_before = Films([order], {str(place): model.read_bytes()}, None)
    assert not any(isinstance(it, Exception) for it in client.run(check, order).values())
    place.write_bytes(b"another")
    for answer in client.run(check, order, on_error="return").values():
        assert f"the model at {place} is another one" in str(answer)
    films_before.put_files()
    assert not any(isinstance(it, Exception) for it in client.run(check, order).values())
    place.write_bytes(b"another")
    assert run(cluster, model, order.source, tmp_path / "out.mp4").error is None


def test_workers_here_leave_the_handlers_of_logs_alone():
    """Others may have put theirs there, as pytest does."""
    handler, logger = logging.StreamHandler(), logging.getLogger("distributed")
    logger.addHandler(handler)
    try:
        with local_workers(1) as address, Client(address, set_as_default=False) as client:
            assert handler.level == logging.NOTSET and len(client.nthreads()) == 1
    finally:
        logger.removeHandler(handler)


def test_workers_here_seldom_look_at_themselves():
    """What they do so is taken from the painting; others' have the settings that they had."""

    def watching(dask_worker=None, dask_scheduler=None):
        callbacks = (dask_worker or dask_scheduler).periodic_callbacks
        return [callbacks[name].callback_time for name in ("tick", "profile") if name in callbacks]

    often = dict.fromkeys(CALM, "20ms") | {"distributed.worker.profile.enabled": True}
    with (
        dask.config.set(often),
        local_workers(1) as address,
        Client(address, set_as_default=False) as client,
    ):
        assert [*client.run(watching).values()] == [[500]]
        assert client.run_on_scheduler(watching) == [500]
        assert {name: dask.config.get(name) for name in CALM} == often
