"""Films painted in pieces by real workers, beside those of one machine."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers import films, graphs
from helpers.cluster import LOSSLESS, run
from helpers.live import wait_for
from PIL import Image

from ffmpeg_style import InputError, StyleError, stylize
from ffmpeg_style.cli import main
from ffmpeg_style.cluster import places
from ffmpeg_style.cluster.client import WORK, paint_on_cluster
from ffmpeg_style.cluster.crew import Crew
from ffmpeg_style.cluster.join import join
from ffmpeg_style.cluster.painted import Painted
from ffmpeg_style.cluster.piece import Order, look, paint
from ffmpeg_style.cluster.worker import model_address
from ffmpeg_style.errors import ClusterError
from ffmpeg_style.ffmpeg.execute import run_ffmpeg
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.ffmpeg.sources import Work
from ffmpeg_style.files import DRAFT
from ffmpeg_style.progress import progress_bar

SUBTITLES = "1\n00:00:00,500 --> 00:00:01,000\nHello\n\n2\n00:00:02,000 --> 00:00:03,500\nWorld\n"
CHAPTERS = ";FFMETADATA1\ntitle=Film\n" + "".join(
    f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={start + 2000}\ntitle=From {start}\n"
    for start in (0, 2000)
)


@pytest.fixture
def rich(ffmpeg, make, tmp_path):
    """A film with two languages, subtitles, chapters, tags, and late sound."""
    (tmp_path / "s.srt").write_text(SUBTITLES)
    (tmp_path / "c.txt").write_text(CHAPTERS)
    film, target = make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "rich.mkv"
    inputs = ["-i", film, "-itsoffset", "0.4", "-i", film, "-i", tmp_path / "s.srt"]
    streams = ["-map", "0:v", "-map", "1:a", "-map", "0:a", "-map", "2", "-c", "copy"]
    tags = ["-map_metadata", "3", "-map_chapters", "3", "-metadata:s:v", "title=Pictures"]
    tags += ["-metadata:s:a:0", "language=deu", "-metadata:s:a:1", "language=eng"]
    command = [ffmpeg, "-v", "error", *inputs, "-i", tmp_path / "c.txt", *streams, *tags, target]
    subprocess.run(command, check=True)
    return target


def pieces_in(folder):
    """The finished ones of all clips."""
    return sorted((folder / WORK / "pieces").glob("*/[!.]*"))


UNEVEN = ("-vf", "settb=1/90000,setpts='(N+N*N/70)/25/TB'", "-bf", "3")
CLOCKED = ("-enc_time_base", "1:90000", "-fps_mode", "vfr")
OPEN = ("-x264-params", "open-gop=1:keyint=20:bframes=3:b-pyramid=normal")
FIELDS = ("-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-vf", "setfield=tff")


@pytest.mark.parametrize("is_here", [True, False])
@pytest.mark.parametrize(
    ("suffix", "target", "piece", "pieces", "options"),
    [
        (".mp4", ".mp4", 1.3, 4, ("-bf", "3", "-g", "30")),
        (".mp4", ".mkv", 0.1, 40, ("-bf", "3", "-g", "50")),
        (".mkv", ".mp4", 1, 4, OPEN),
        (".mp4", ".mp4", 3, 4, (*UNEVEN, *CLOCKED)),
        (".mp4", ".mkv", 3, 4, (*UNEVEN, *CLOCKED)),
        (".ts", ".mp4", 1, 4, ("-r", "30000/1001", "-bf", "2")),
        (
            ".mkv",
            ".mp4",
            1.4,
            3,
            ("-r", "30000/1001", "-vf", "setsar=4/3,format=yuv420p10"),
        ),
        (".mkv", ".mov", 1, 4, FIELDS),
    ],
)
def test_the_film_is_that_of_one_machine(
    cluster,
    model,
    make,
    painted,
    tmp_path,
    monkeypatch,
    suffix,
    target,
    piece,
    pieces,
    options,
    is_here,
):
    """Whatever its times, its coding and its container are; as it is encoded at one go."""
    monkeypatch.setattr(Crew, "is_here", is_here)
    source = make(suffix, *options)
    single, joined = tmp_path / f"single{target}", tmp_path / f"joined{target}"
    stylize(source, single, model, steady=0)
    assert run(cluster, model, source, joined, piece, steady=0).error is None
    films.assert_equal(joined, single)
    assert len(painted) == pieces
    assert sorted(path.name for path in tmp_path.iterdir()) == [joined.name, single.name]


@pytest.mark.parametrize(
    ("suffix", "target", "piece", "pieces", "options"),
    [
        (".mp4", ".mkv", 0.1, 40, ("-bf", "3", "-g", "50")),
        (".mkv", ".mkv", 1, 4, OPEN),
        (".mp4", ".mp4", 3, 4, (*UNEVEN, *CLOCKED)),
        (".mkv", ".mov", 1, 4, FIELDS),
    ],
)
def test_pieces_that_lose_nothing_are_joined_as_they_are(
    cluster, model, make, painted, tmp_path, suffix, target, piece, pieces, options
):
    """Where each is encoded by itself."""
    source = make(suffix, *options)
    single, joined = tmp_path / f"single{target}", tmp_path / f"joined{target}"
    stylize(source, single, model, steady=0, encoder_options=LOSSLESS)
    how = dict(steady=0, options=LOSSLESS, encode="pieces")
    assert run(cluster, model, source, joined, piece, **how).error is None
    films.assert_same(joined, single)
    assert len(painted) == pieces


def test_workers_of_one_processor_join_as_one_process_does(model, make, tmp_path):
    """An encoder of fewer threads would make another film."""
    source = make(".mp4", "-bf", "3", "-g", "30", size="320x192")
    single, joined = tmp_path / "single.mp4", tmp_path / "joined.mp4"
    stylize(source, single, model, steady=0)
    assert run("local:2", model, source, joined, steady=0).error is None
    films.assert_equal(joined, single)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_what_goes_with_the_pictures_comes_from_the_source_once(
    cluster, model, rich, tmp_path, suffix
):
    single, joined = tmp_path / f"single{suffix}", tmp_path / f"joined{suffix}"
    stylize(rich, single, model, steady=0)
    assert run(cluster, model, rich, joined, steady=0).error is None
    films.assert_equal(joined, single)
    assert films.told(joined)["chapters"]


@pytest.mark.parametrize("encode", ["once", "pieces"])
def test_tags_of_the_user_come_before_those_of_the_source(
    cluster, model, rich, painted, tmp_path, encode
):
    single, joined = tmp_path / "single.mkv", tmp_path / "joined.mkv"
    options = (*LOSSLESS, "-metadata:s:v:0", "title=Mine", "-disposition:v:0", "forced")
    stylize(rich, single, model, steady=0, encoder_options=options)
    how = dict(steady=0, options=options, encode=encode)
    assert run(cluster, model, rich, joined, 2, **how).error is None
    films.assert_same(joined, single)
    told = films.told(joined)["streams"][0]
    assert told["tags"]["title"] == "Mine" and told["disposition"]["forced"]
    assert len(painted) == 2


@pytest.mark.parametrize("encoder", ["libx264", "libx264rgb", "ffv1", "mjpeg", "prores_ks"])
def test_odd_sides_and_encoders_of_several_kinds(cluster, model, make, painted, tmp_path, encoder):
    source = make(".mkv", "-g", "30", size="63x41", pixels="yuv444p")
    single, joined = tmp_path / "single.mkv", tmp_path / "joined.mkv"
    chosen = ("-c:v", encoder)
    stylize(source, single, model, steady=0, encoder_options=chosen)
    assert run(cluster, model, source, joined, 2, options=chosen, steady=0).error is None
    films.assert_same(joined, single)
    assert len(painted) == 2


@pytest.mark.parametrize(
    ("size", "options", "pieces"),
    [
        ("63x41", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), 0),
        ("64x48", ("-pix_fmt", "gray"), 0),
        ("64x48", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), 2),
    ],
)
def test_what_no_piece_can_hold_is_painted_whole(
    cluster, model, make, painted, tmp_path, size, options, pieces
):
    """H.264 halves the colours of even sides alone, and gives grey back as something else."""
    source = make(".mkv", "-c:v", "ffv1", size=size, pixels="yuv444p")
    single, joined = tmp_path / "single.mkv", tmp_path / "joined.mkv"
    stylize(source, single, model, steady=0, encoder_options=options)
    assert run(cluster, model, source, joined, 2, options=options, steady=0).error is None
    films.assert_same(joined, single)
    assert len(painted) == pieces


def test_steady_paintings_go_on_from_piece_to_piece(cluster, make, ffmpeg, tmp_path):
    """A piece forgets what was painted before its lead-in: every frame is at 45 dB or more."""
    film = make(".mp4", "-vf", "noise=alls=12:allf=t", "-g", "25", "-crf", "15", size="160x96")
    single, joined = tmp_path / "single.mkv", tmp_path / "joined.mkv"
    stylize(film, single, "starry-night-fast", encoder_options=LOSSLESS)
    assert run(cluster, "starry-night-fast", film, joined, options=LOSSLESS).error is None
    levels = films.psnr(joined, single)
    assert len(levels) == 100 and min(levels) >= 45
    assert min(levels) < 100  # else there was nothing to forget


def test_a_picture_as_a_style_is_sent_to_the_workers(cluster, make, tmp_path, monkeypatch):
    """Where they run, a relative path is none; another picture by its name is another style."""
    any_model = graphs.any_graph(tmp_path / "any.pb")
    source, style = make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "a+b.tif"
    monkeypatch.chdir(tmp_path)
    films_of = {}
    for name, colour in (("red", (200, 40, 30)), ("blue", (30, 40, 200))):
        Image.new("RGB", (64, 48), colour).save(style)
        options = dict(steady=0, style={Path(style.name): 1.0})
        single, joined = (tmp_path / name / f"{one}.mkv" for one in ("single", "joined"))
        single.parent.mkdir()
        stylize(source, single, any_model, **options)
        assert run(cluster, any_model, source, joined, 2, **options).error is None
        films_of[name] = films.frames(joined)
        assert films_of[name] == films.frames(single)
    assert films_of["red"] != films_of["blue"]
    Image.new("RGB", (64, 48), (90, 120, 200)).save(tmp_path / "in.png")
    assert (
        run(
            cluster, any_model, tmp_path / "in.png", tmp_path / "out.png", options=(), **options
        ).error
        is None
    )


def test_a_part_of_a_film(cluster, model, make, tmp_path):
    source, span = make(".mp4", "-bf", "3", "-g", "30"), dict(start=0.7, duration=2.5, steady=0)
    single, joined = tmp_path / "single.mp4", tmp_path / "joined.mp4"
    stylize(source, single, model, **span)
    assert run(cluster, model, source, joined, 0.8, **span).error is None
    films.assert_equal(joined, single)


def test_many_files_of_several_kinds_in_one_call(cluster, model, make, tmp_path, caplog):
    """Short ones are painted whole; one that can't be painted does not keep the others.

    Nothing stays of it that the next try would need.
    """
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    works = [
        Work(str(make(".mp4", "-bf", "3", "-g", "30")), str(tmp_path / "out" / "a.mp4")),
        Work(str(make(".ts", "-r", "30000/1001", "-bf", "2")), str(tmp_path / "out" / "b.gif")),
        Work(str(make(".mp4", "-bf", "3", "-g", "30")), str(tmp_path / "out" / "c.png")),
        Work(str(tmp_path / "bad.mp4"), str(tmp_path / "out" / "bad.mp4")),
    ]
    outcomes = {
        os.path.basename(outcome.work.target): outcome
        for outcome in paint_on_cluster(works, model, cluster, progress=False)
    }
    assert {name for name, outcome in outcomes.items() if outcome.error} == {"bad.mp4"}
    assert "bad.mp4 is no video" in str(outcomes["bad.mp4"].error)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.mp4", "b.gif", "c.png"}
    assert not [line for line in caplog.messages if "stays" in line]


def told(caplog):
    """What the user was told: the scheduler and its workers, which tell of their own, run here."""
    return [
        r.getMessage() for r in caplog.records if r.levelname == "WARNING" and "style" in r.name
    ]


def test_what_a_repeated_command_needs_stays_and_is_told(
    cluster, client, model, make, tmp_path, caplog
):
    """Behind the reasons of several; with that of a single one."""
    source = make(".mp4", "-bf", "3", "-g", "30")
    targets = [tmp_path / name for name in ("a.mp4", "b.mp4")]
    stays = f"{tmp_path / WORK} stays, so that the same command goes on from there"
    with no_ends(client):
        error = run(cluster, model, source, targets[0]).error
        assert str(error) == f"it was not to be; {stays}" and not told(caplog)
        assert all(map(str, paint_two(cluster, model, source, targets)))
    assert told(caplog) == [stays]
    assert paint_two(cluster, model, source, targets) == (None, None)
    assert not (tmp_path / WORK).exists()


def test_a_film_leaves_nothing_with_the_scheduler(cluster, client, model, make, tmp_path):
    """Neither one that is painted nor one that fails."""

    def names(dask_scheduler):
        variables, events = (dask_scheduler.extensions[name] for name in ("variables", "events"))
        return [name for name in (*variables.variables, *events._events) if "ffmpeg-style" in name]

    source, target = make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "film.mp4"
    with no_ends(client):
        assert run(cluster, model, source, target).error
    wait_for(lambda: not client.run_on_scheduler(names))
    assert run(cluster, model, source, target).error is None
    wait_for(lambda: not client.run_on_scheduler(names))


def test_a_source_that_was_cut_off_is_told_of(cluster, model, make, tmp_path, caplog):
    """In the words of one machine."""
    whole, cut = make(".mp4", "-g", "5", "-movflags", "+faststart"), tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    stylize(cut, tmp_path / "single.mp4", model, steady=0)
    (single,) = [line for line in caplog.messages if "is damaged or cut off" in line]
    caplog.clear()
    assert run(cluster, model, cut, tmp_path / "joined.mp4", 0.5, steady=0).error is None
    assert [line for line in caplog.messages if "is damaged or cut off" in line] == [single]
    assert films.frames(tmp_path / "joined.mp4") == films.frames(tmp_path / "single.mp4")


def test_files_travel_by_fsspec(cluster, model, make, tmp_path):
    """The same calls as for a store; its files are not opened in their place."""
    source, target = make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "out" / "film.mp4"
    assert run(cluster, model, f"local://{source}", f"local://{target}", steady=0).error is None
    single = tmp_path / "single.mp4"
    stylize(source, single, model, steady=0)
    films.assert_equal(target, single)
    assert [path.name for path in target.parent.iterdir()] == ["film.mp4"]


@contextmanager
def no_ends(client):
    """Joining a film fails when all is painted and encoded, for the time of a block."""

    def spoil():
        from ffmpeg_style import InputError
        from ffmpeg_style.cluster import join

        def fail(*_):
            raise InputError("it was not to be")

        join.whole, join.tell_cut_off = join.tell_cut_off, fail

    def mend():
        from ffmpeg_style.cluster import join

        join.tell_cut_off = join.whole

    client.run(spoil)
    try:
        yield
    finally:
        client.run(mend)


def test_it_goes_on_from_finished_pieces(cluster, client, model, make, tmp_path):
    """They are painted again only where they were lost."""
    source, target = make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "film.mp4"

    def fail():
        with no_ends(client):
            assert "not to be; " in str(run(cluster, model, source, target).error)
        assert [path.name for path in tmp_path.iterdir()] == [WORK]
        return {piece: piece.stat().st_mtime_ns for piece in pieces_in(tmp_path)}

    first = fail()
    assert len(first) == 4 and fail() == first
    lost = min(first)
    lost.unlink()
    assert {piece for piece, time in fail().items() if time != first[piece]} == {lost}


def on_a_worker(client, function, *arguments):
    """What a step returns, or raises, that a worker does."""
    return client.submit(function, *arguments, pure=False).result()


@pytest.fixture
def cut_in_four(client, model, make, tmp_path):
    """A clip that a worker has looked at; its target is there."""

    def look_at(encode="once", is_here=False, comment=""):
        coding = ("-bf", "3", "-g", "30", "-metadata", f"comment={comment}")
        source, target = make(".mp4", *coding), tmp_path / "film.mkv"
        work, name = str(tmp_path / WORK), places.digest(model.read_bytes())
        places.write(model_address(work, name), model.read_bytes())
        target.write_bytes(b"old")
        settings = dict(steady=0)
        given = (str(source), str(target), work, name, settings, {}, True, encode, 2, is_here, 1.0)
        order = Order(*given)
        return on_a_worker(client, look, order), target

    return look_at


def kept_as(client, clip):
    """How the first piece is coded."""
    on_a_worker(client, paint, clip, clip.pieces[0])
    return films.shown(clip.address(clip.pieces[0]), "-show_streams")["streams"][0]["codec_name"]


@pytest.mark.parametrize(
    ("is_here", "comment", "codec"),
    [(True, "", "rawvideo"), (True, "GA94", "h264"), (False, "", "h264")],
)
def test_pieces_are_coded_where_frames_carry_more_or_go_through_a_network(
    client, cut_in_four, is_here, comment, codec
):
    """The mark of captions is in the packets of a film that has some."""
    clip, _ = cut_in_four(is_here=is_here, comment=comment)
    assert kept_as(client, clip) == codec and clip.is_raw == (codec == "rawvideo")


def test_pieces_that_are_encoded_are_not_told_of_as_raw(cut_in_four):
    clip, _ = cut_in_four("pieces", is_here=True)
    assert clip.pieces and not clip.is_raw


def test_what_is_found_is_told_alike_by_every_process(make, tmp_path):
    """Dask knows by it what a worker still does for a command that ended."""
    source = tmp_path / "turned.mp4"
    turned = ["-display_rotation:v:0", "90", "-i", make(".mp4"), "-c", "copy", source]
    subprocess.run([ffmpeg_path(), "-v", "error", *turned], check=True)
    code = "import sys; from pathlib import Path; from ffmpeg_style.ffmpeg.probe import probe"
    code += "; print(probe(Path(sys.argv[1])))"
    told = set()
    for seed in "1234":
        command = [sys.executable, "-c", code, source]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        result = subprocess.run(command, env=environment, capture_output=True, check=True)
        told.add(result.stdout)
    assert len(told) == 1


def test_what_is_encoded_ends_with_what_gives_the_pieces(tmp_path):
    """As when nobody waits for the film any more."""
    draft, pictures = tmp_path / "film.mkv", tmp_path / "pictures"
    pictures.write_bytes(bytes(16 * 16 * 3 * 100))

    def files():
        with open(pictures, "rb") as file:
            yield file
            raise ClusterError("nobody wants it")

    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", "16x16", "-i", "pipe:0"]
    command = [str(ffmpeg_path()), "-y", *raw, f"file:{draft}"]
    with pytest.raises(ClusterError), progress_bar(progress=False) as bar:
        run_ffmpeg(command, draft, bar, {}, files())


def drafts_in(folder):
    """What is being written."""
    return list(folder.glob(f"{DRAFT}*.mkv"))


def test_a_film_is_encoded_while_it_is_painted(client, cut_in_four, tmp_path):
    """By a worker that does other tasks meanwhile."""
    clip, target = cut_in_four()
    painted, counts = Painted(clip.key, client), []
    painted.tell(counts)
    (one, _) = client.nthreads()
    joined = client.submit(join, clip, pure=False, workers=[one])
    for piece in clip.pieces:
        assert target.read_bytes() == b"old"
        counts.append(client.submit(paint, clip, piece, workers=[one]).result()[0])
        painted.tell(counts)
        wait_for(lambda: drafts_in(tmp_path) or joined.done())
    joined.result()
    assert films.count_frames(target) == 100 and not drafts_in(tmp_path)


def test_what_a_killed_worker_left_of_a_piece_is_in_no_film(client, cut_in_four, tmp_path):
    """It was read while it was written, and its like is painted by another."""
    clip, target = cut_in_four(is_here=True)
    painted = Painted(clip.key, client)
    painted.tell([])
    on_a_worker(client, paint, clip, clip.pieces[0])
    whole, left = Path(clip.address(clip.pieces[0])), Path(clip.folder, f"{DRAFT}left.0")
    left.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    whole.unlink()
    joined = client.submit(join, clip, pure=False)

    def reads(path):
        import os
        from contextlib import suppress

        for number in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                if os.readlink(f"/proc/self/fd/{number}") == path:
                    return True
        return False

    wait_for(lambda: any(client.run(reads, str(left)).values()))
    counts = [on_a_worker(client, paint, clip, piece)[0] for piece in clip.pieces]
    painted.tell(counts)
    joined.result()
    assert films.count_frames(target) == 100 and not drafts_in(tmp_path)


def test_a_film_that_nobody_waits_for_is_encoded_no_further(client, cut_in_four, tmp_path):
    """As that of a command which ended."""
    clip, target = cut_in_four()
    Painted(clip.key, client).tell([on_a_worker(client, paint, clip, clip.pieces[0])[0]])
    joined = client.submit(join, clip, pure=False)
    wait_for(lambda: drafts_in(tmp_path))
    del joined
    wait_for(lambda: not drafts_in(tmp_path))
    assert target.read_bytes() == b"old" and len(pieces_in(tmp_path)) == 1


HARMS = {
    "gone": None,
    "zeros": lambda content: bytes(len(content)),
    "half": lambda content: content[: len(content) // 2],
    "end cut off": lambda content: content[:-200],
    "zeros inside": lambda content: content[:-5000] + bytes(4096) + content[-904:],
}


@pytest.mark.parametrize("encode", ["once", "pieces"])
@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize(("number", "is_here"), [(0, True), (1, False), (3, True)])
def test_a_piece_that_is_damaged_makes_no_film(
    client, cut_in_four, tmp_path, number, is_here, harm, encode
):
    """ffmpeg may end well with it. It is named, and painted again by the next command."""
    clip, target = cut_in_four(encode, is_here)
    counts = [on_a_worker(client, paint, clip, piece)[0] for piece in clip.pieces]
    Painted(clip.key, client).tell(counts)
    broken = Path(clip.address(clip.pieces[number]))
    content = broken.read_bytes()
    if harm == "gone":
        broken.unlink()
    else:
        broken.write_bytes(HARMS[harm](content))
    with pytest.raises(StyleError, match=re.escape(f"{broken} is damaged")):
        on_a_worker(client, join, clip)
    assert target.read_bytes() == b"old"
    assert len(pieces_in(tmp_path)) == (3 if harm == "gone" else 4)
    assert [on_a_worker(client, paint, clip, piece)[0] for piece in clip.pieces] == counts
    assert broken.read_bytes() == content
    on_a_worker(client, join, clip)
    assert films.count_frames(target) == sum(counts) == 100


def paint_two(cluster, model, source, targets, piece=1.0):
    """Paints a film twice; returns both errors, in the order of the targets."""
    works = [Work(str(source), str(target), is_named=True) for target in targets]
    options = dict(piece=piece, steady=0, progress=False)
    found = paint_on_cluster(works, model, cluster, **options)
    errors = {outcome.work.target: outcome.error for outcome in found}
    return tuple(errors[work.target] for work in works)


def test_pieces_of_another_cut_are_not_taken(cluster, client, model, make, tmp_path):
    """A call that is repeated may have another length of pieces, or find more workers."""
    source, single = make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "single.mkv"
    stylize(source, single, model, steady=0)
    target = tmp_path / "film.mkv"
    with no_ends(client):
        assert run(cluster, model, source, target, steady=0).error
    assert len(pieces_in(tmp_path)) == 4
    assert run(cluster, model, source, target, 1.9, steady=0).error is None
    films.assert_equal(target, single)
    assert not (tmp_path / WORK).exists()


def test_the_work_of_other_commands_stays(cluster, client, model, make, tmp_path):
    """Clips of the same name in other folders, and what an ended command painted of another."""
    source = make(".mp4", "-bf", "3", "-g", "30")
    with no_ends(client):
        assert run(cluster, model, source, tmp_path / "a.mkv", steady=0).error
    kept = pieces_in(tmp_path)
    targets = [tmp_path / name / "x.mkv" for name in ("1", "2")]
    assert paint_two(cluster, model, source, targets) == (None, None)
    assert films.frames(targets[0]) == films.frames(targets[1])
    assert len(kept) == 4 and pieces_in(tmp_path) == kept
    assert run(cluster, model, source, tmp_path / "a.mkv", steady=0).error is None
    assert not (tmp_path / WORK).exists()


def test_a_target_that_is_there_is_kept(cluster, model, make, tmp_path):
    source, target = make(".mp4", "-bf", "3", "-g", "30"), tmp_path / "film.mp4"
    target.write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        run(cluster, model, source, target)
    assert target.read_bytes() == b"mine"
    with pytest.raises(InputError, match="is no file"):
        run(cluster, model, source, tmp_path, overwrite=True)


@pytest.mark.parametrize("option", ["--piece", "--encode"])
def test_options_of_a_cluster_are_refused_without_one(tmp_path, option):
    (tmp_path / "in.mp4").touch()
    words = ["stylize", str(tmp_path / "in.mp4"), option, {"--piece": "9"}.get(option, "pieces")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2 and f"{option} goes with --cluster alone" in result.output
