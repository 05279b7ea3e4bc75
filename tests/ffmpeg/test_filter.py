"""The filter, in a real ffmpeg over the real TensorFlow."""

import os
import re
import subprocess
import threading
import time
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from helpers import graphs
from PIL import Image

from ffmpeg_style import Engine
from ffmpeg_style.ffmpeg import filter_graph
from ffmpeg_style.ffmpeg.filter_graph import escape
from ffmpeg_style.ffmpeg.source import DEFAULT_SERIES

ROOT = Path(__file__).parents[2]
TIMEOUT = 300  # seconds after which a run counts as hanging
RAW = ("-f", "rawvideo", "-pix_fmt", "rgb24")
AS_THEY_COME = ("-fps_mode", "passthrough")
PIXEL_FORMATS = ("yuv420p", "yuv444p", "nv12", "rgb24")
PACES = {"constant": "N", "variable": "N*(N+1)/2"}  # timestamps of the frames, in ticks
OURS = re.compile(
    r"^\[(?:Parsed_)?styletransfer\S* @ \w+\] (?!Failed to configure)(.*)$", re.MULTILINE
)


def filter_text(model, steady=0, **options):
    """The filter, whose paintings don't depend on each other unless a test is about that."""
    return filter_graph.filter_text(model, steady=steady, **options)


@pytest.fixture(scope="module")
def wave(tmp_path_factory):
    """A graph of one style."""
    return graphs.contract_graph(tmp_path_factory.mktemp("wave") / "wave.pb")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A graph of two styles."""
    return graphs.contract_graph(tmp_path_factory.mktemp("both") / "both.pb", ["wave", "scream"])


@pytest.fixture(scope="module")
def run(ffmpeg):
    """Runs ffmpeg with some arguments; returns the finished process."""

    def run(*arguments, stdin=b"", check=True, level="error", **environment):
        result = subprocess.run(
            [ffmpeg, "-hide_banner", "-nostats", "-y", "-v", level, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT,
            env=os.environ | environment,
        )
        assert not check or result.returncode == 0, result.stderr.decode()
        return result

    return run


def is_old(run):
    """Whether it is FFmpeg 5.1, in which one thread decodes, filters and encodes."""
    return b"ffmpeg version 5.1" in run("-version").stdout


@pytest.fixture(scope="module")
def paint(run):
    """Runs frames [N, H, W, 3] at 25 a second through a filter graph; returns what comes out."""

    def paint(frames, graph, *arguments):
        height, width = frames.shape[1:3]
        source = (*RAW, "-r", 25, "-s", f"{width}x{height}", "-i", "-")
        target = (*AS_THEY_COME, *RAW, "-")
        result = run(*source, *arguments, "-vf", graph, *target, stdin=frames.tobytes())
        return np.frombuffer(result.stdout, np.uint8).reshape(-1, height, width, 3)

    return paint


def noise(count, height=48, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def engine_paints(model, frames, steady=0, **settings):
    with Engine(model, steady=steady, **settings) as engine:
        return np.stack(list(engine(iter(frames))))


def packets(path):
    """What a framecrc file tells of each packet: pts, duration and size in bytes."""
    rows = [line.split(",") for line in path.read_text().splitlines() if line[0] != "#"]
    return [(int(row[2]), int(row[3]), int(row[4])) for row in rows]


def bytes_of(size, pixels):
    """How large a frame is."""
    width, height = map(int, size.split("x"))
    halved = pixels in ("yuv420p", "nv12")
    chroma = ((width + 1) // 2) * ((height + 1) // 2) if halved else width * height
    return width * height + 2 * chroma


def lines_of(process):
    """What the filter said."""
    return OURS.findall(process.stderr.decode())


@pytest.mark.parametrize("size", ["16x16", "321x239", "640x338", "1920x1080"])
def test_every_frame_keeps_its_time_and_size(run, wave, tmp_path, size):
    chains, outputs = [], []
    count = 3 if size == "1920x1080" else 12
    for pixels in PIXEL_FORMATS:
        for pace, ticks in PACES.items():
            key = f"{pixels}_{pace}"
            chains.append(
                # testsrc2 rounds odd sizes where the chroma is subsampled.
                f"testsrc2=s={size}:r=25,trim=end_frame={count},format=yuv444p,format={pixels},"
                f"setpts={ticks},split[i_{key}][s_{key}];"
                f"[s_{key}]{filter_text(wave, threads=1)},format={pixels}[o_{key}]"
            )
            for end in "io":
                target = (*AS_THEY_COME, "-f", "framecrc", tmp_path / f"{end}_{key}")
                outputs += ["-map", f"[{end}_{key}]", *target]
    run("-filter_complex", ";".join(chains), *outputs)
    for pixels in PIXEL_FORMATS:
        for pace in PACES:
            source, target = (packets(tmp_path / f"{end}_{pixels}_{pace}") for end in "io")
            assert [length for _, _, length in source] == [bytes_of(size, pixels)] * count
            assert target == source, (pixels, pace)
            steps = set(np.diff([pts for pts, _, _ in source]))
            assert len(steps) == (1 if pace == "constant" else count - 1)


def test_every_frame_of_a_file_with_b_frames(run, wave, tmp_path):
    source = tmp_path / "in.mp4"
    x264 = ("-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p")
    run("-f", "lavfi", "-i", "testsrc2=s=96x64:d=2:r=30000/1001", *x264, source)
    run("-i", source, *AS_THEY_COME, "-f", "framecrc", tmp_path / "plain")
    run("-i", source, "-vf", filter_text(wave), *AS_THEY_COME, "-pix_fmt", "yuv420p", "-f",
        "framecrc", tmp_path / "painted")  # fmt: skip
    assert packets(tmp_path / "painted") == packets(tmp_path / "plain")


def test_frame_properties_are_kept(run, wave):
    # Within one graph: between two, 5.1 loses some of them by itself.
    before = (
        "setsar=4/3,format=rgb24,metadata=add:key=who:value=me,"
        "setparams=color_primaries=bt709:color_trc=iec61966-2-1:field_mode=tff"
    )
    graph = f"{before},{filter_text(wave)},showinfo,metadata=print:key=who"
    result = run("-f", "lavfi", "-i", "testsrc2=s=64x48", "-vf", graph, "-frames:v", "2",
                 "-f", "null", "-", level="info")  # fmt: skip
    log = result.stderr.decode()
    for expected in ("sar:4/3", "i:T", "color_primaries:bt709", "color_trc:iec61966-2-1", "who=me"):
        assert log.count(expected) >= 2, expected


@pytest.mark.parametrize(
    "kind",
    [
        "format=yuv420p,setparams=colorspace=bt709:range=tv",
        "format=yuv444p,setparams=colorspace=smpte170m:range=pc",
        "format=yuv420p10,setparams=colorspace=bt2020nc:color_trc=smpte2084:range=tv",
        "format=rgb24",
    ],
)
def test_colours_survive(run, ffmpeg, wave, kind):
    """Where nothing is painted, a frame is what ffmpeg makes of it on the way to RGB and back."""

    def result(through):
        graph = f"testsrc2=s=64x48,trim=end_frame=3,{kind},{through},format=yuv420p"
        pixels = run("-f", "lavfi", "-i", graph, "-f", "framecrc", "-").stdout
        colours = "frame=color_range,color_space,color_primaries,color_transfer"
        probe = [ffmpeg.with_name("ffprobe"), "-v", "error", "-show_entries", colours]
        frames = subprocess.run([*probe, "-f", "lavfi", graph], capture_output=True, check=True)
        return pixels, frames.stdout

    assert result(filter_text(wave, strength=0)) == result("format=rgb24")


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67", "bt709"])
def test_hdr_is_warned_of_once(run, wave, transfer):
    """The manual has the filters that make SDR of it."""
    graph = f"testsrc2=s=64x48,setparams=color_trc={transfer},{filter_text(wave)}"
    lines = lines_of(run("-f", "lavfi", "-i", graph, "-frames:v", "3", "-f", "null", "-",
                         level="warning"))  # fmt: skip
    assert len(lines) == (transfer != "bt709")
    assert not lines or f"HDR ({transfer})" in lines[0]


@pytest.mark.parametrize("size", [(48, 64), (239, 321)])
def test_pixels_are_those_of_the_binding_and_of_tensorflow(paint, both, size):
    frames = noise(5, *size)
    painted = paint(frames, filter_text(both, precision="fp32", style="wave:1+scream:3"))
    binding = engine_paints(both, frames, precision="fp32", style="wave:1+scream:3")
    assert np.array_equal(painted, binding)
    for frame, result in zip(frames, painted, strict=True):
        session = graphs.run_graph(both, frame, [0.25, 0.75])
        assert np.abs(result.astype(int) - session).max() <= 2
    assert np.abs(painted.astype(int) - frames).max() > 50


@pytest.mark.parametrize("value_range", graphs.RANGES)
@pytest.mark.parametrize("named", [False, True])
def test_graphs_of_others(paint, tmp_path, value_range, named):
    model = graphs.float_graph(tmp_path / "other.pb", value_range, distractors=named)
    contract = graphs.contract_graph(tmp_path / "contract.pb")
    names = dict(input="image", output="painted", range=value_range) if named else {}
    frames = noise(3)
    painted = paint(frames, filter_text(model, precision="fp32", **names)).astype(int)
    assert np.abs(painted - engine_paints(contract, frames, precision="fp32")).max() <= 1


def test_frames_outside_of_enable_are_untouched(paint, wave):
    frames = noise(75)
    painted = paint(frames, f"{filter_text(wave)}:enable='between(t,1,2)'")
    expected = frames.copy()
    expected[25:51] = engine_paints(wave, frames[25:51])
    assert np.array_equal(painted, expected)


def test_enable_that_changes_with_every_frame(paint, wave):
    frames = noise(40)
    painted = paint(frames, f"{filter_text(wave, requests=4)}:enable='mod(n,3)'")
    expected = engine_paints(wave, frames)
    expected[::3] = frames[::3]
    assert np.array_equal(painted, expected)


@pytest.mark.parametrize(
    "command, setting",
    [
        ("strength 0", {"strength": 0}),
        ("strength 0.25", {"strength": 0.25}),
        ("colors content", {"colors": "content"}),
        ("style scream", {"style": "scream"}),
        ("style 1", {"style": "scream"}),
        ("style wave:1+scream:1", {"style": "wave:1+scream:1"}),
        ("strength 7", {}),
        ("strength much", {}),
        ("colors blue", {}),
        ("style nobody", {}),
        ("model other.pb", {}),
    ],
)
def test_commands_change_the_frames_from_their_time_on(paint, both, command, setting):
    frames = noise(30)
    graph = f"sendcmd=c={escape(f'0.4 styletransfer {command}')},{filter_text(both)}"
    painted = paint(frames, graph)
    assert np.array_equal(painted[:10], engine_paints(both, frames[:10]))
    assert np.array_equal(painted[10:], engine_paints(both, frames[10:], **setting))


def test_a_refused_command_says_why_and_the_job_goes_on(run, both):
    source = "testsrc2=s=64x48,trim=end_frame=9,sendcmd=c='0.1 styletransfer style nobody'"
    result = run("-f", "lavfi", "-i", f"{source},{filter_text(both)}", "-f", "null", "-")
    (line,) = lines_of(result)
    assert "nobody" in line and "wave" in line


def moving(count, seed=0):
    """A texture that goes to the left by two pixels a frame, under a camera's noise."""
    random = np.random.default_rng(seed)
    texture = random.integers(30, 226, (8, 40, 3), dtype=np.uint8)
    wide = np.asarray(Image.fromarray(texture).resize((320, 64), Image.BICUBIC)).astype(int)
    frames = [
        wide[:, 2 * i : 2 * i + 96] + random.integers(-3, 4, (64, 96, 3)) for i in range(count)
    ]
    return np.stack(frames).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("requests", [1, 4])
def test_a_video_is_steady_unless_asked(paint, wave, requests):
    frames = moving(20)
    text = filter_graph.filter_text(wave, requests=requests)
    painted = paint(frames, text)
    assert np.array_equal(painted, engine_paints(wave, frames, steady=None))
    by_themselves = engine_paints(wave, frames)
    assert np.array_equal(painted[0], by_themselves[0])
    assert not (painted[1:] == by_themselves[1:]).all(axis=(1, 2, 3)).any()


def test_it_starts_anew_at_a_cut_and_behind_frames_that_passed(paint, wave):
    frames = np.concatenate([moving(6), moving(6, seed=1)])
    painted = paint(frames, f"{filter_text(wave, steady=0.9)}:enable='not(eq(n,9))'")
    alone = engine_paints(wave, frames)
    alone[9] = frames[9]
    same = (painted == alone).all(axis=(1, 2, 3))
    assert list(np.flatnonzero(same)) == [0, 6, 9, 10]


def test_steady_changes_at_run_time(paint, wave):
    frames = moving(20)
    graph = f"sendcmd=c='0.4 styletransfer steady 0',{filter_text(wave, steady=0.9)}"
    same = (paint(frames, graph) == engine_paints(wave, frames)).all(axis=(1, 2, 3))
    assert same[0] and not same[1:10].any() and same[10:].all()


def write_frames(folder, sizes):
    """Makes frames of these sizes; returns them, and the pattern of the files that hold them."""
    frames = [noise(1, *size, seed)[0] for seed, size in enumerate(sizes)]
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"in{index:02}.ppm")
    return frames, folder / "in%02d.ppm"


@pytest.mark.parametrize("options", ["", ":enable='mod(n,3)'"])
def test_size_that_changes_in_mid_stream(run, tmp_path, options):
    """Also while the engine is full: it holds up to twelve small frames, or six large ones."""
    model = graphs.wide_graph(tmp_path / "wide.pb", 16)
    told = tmp_path / "told"
    small, large = (352, 640), (362, 642)
    frames, pattern = write_frames(tmp_path, [small] * 40 + [large] * 18 + [small] * 14)
    paint = filter_text(model, requests=3, metadata=1)
    graph = f"{paint}{options},metadata=print:file={escape(str(told))}"
    painted = run("-reinit_filter", 0, "-i", pattern, "-vf", graph, *AS_THEY_COME, *RAW, "-").stdout
    with Engine(model, requests=3) as engine:
        expected = [
            frame if options and index % 3 == 0 else engine(frame)
            for index, frame in enumerate(frames)
        ]
    assert painted == b"".join(frame.tobytes() for frame in expected)
    held = held_of(told.read_text())
    # How much of that it holds depends on how far the source is ahead, and so on the machine:
    # that it takes no fewer is tested in C (takes_half_as_many_large_frames).
    assert options or (max(held[:40]) <= 12 and max(held[40:52]) <= 6)


def held_of(told):
    """How many frames the filter still had when each one left."""
    taken, painted = (re.findall(rf"{count}=(\d+)", told) for count in ("in", "painted"))
    return [int(a) - int(b) for a, b in zip(taken, painted, strict=True)]


def test_format_that_changes_in_mid_stream(run, wave, tmp_path):
    """Without a new graph the filter gets frames of another format: refused, or scaled before."""
    for index, kind in enumerate(["RGB", "RGB", "L", "RGBA"]):
        image = Image.fromarray(noise(1)[0]).convert(kind)
        image.save(tmp_path / f"in{index}.png")
    source = ("-reinit_filter", 0, "-i", tmp_path / "in%d.png")
    target = (*AS_THEY_COME, *RAW, "-")
    refused = run(*source, "-vf", filter_text(wave), *target, check=False)
    (line,) = lines_of(refused)
    assert refused.returncode > 0 and "rgb24" in line and "gray" in line
    painted = run(*source, "-vf", f"scale,{filter_text(wave)}", *target).stdout
    assert len(painted) == 4 * 64 * 48 * 3


def test_size_that_changes_with_a_new_graph(run, wave, tmp_path):
    """By default ffmpeg builds a new graph, and drops what the old one's filters still hold."""
    frames, pattern = write_frames(tmp_path, [(48, 64)] * 6 + [(66, 98)] * 6)
    painted = run("-i", pattern, "-vf", filter_text(wave, requests=1), *AS_THEY_COME,
                  "-noautoscale", *RAW, "-").stdout  # fmt: skip
    with Engine(wave) as engine:
        expected = [engine(frame).tobytes() for frame in frames]
    # Of the first size there are six; one frame is painted at a time, and three wait.
    assert painted in [b"".join(expected[:kept] + expected[6:]) for kept in range(2, 7)]


def test_two_filters_in_one_graph(paint, wave, both):
    frames = noise(10)
    painted = paint(frames, f"{filter_text(wave)},{filter_text(both, style='scream')}")
    once = engine_paints(wave, frames)
    assert np.array_equal(painted, engine_paints(both, once, style="scream"))


def test_split_and_hstack(run, wave):
    frames = noise(20)
    graph = f"[0:v]split[a][b];[a]{filter_text(wave)}[c];[b][c]hstack[v]"
    result = run(*RAW, "-s", "64x48", "-i", "-", "-filter_complex", graph, "-map", "[v]", *RAW,
                 "-", stdin=frames.tobytes())  # fmt: skip
    side_by_side = np.frombuffer(result.stdout, np.uint8).reshape(20, 48, 128, 3)
    expected = np.concatenate([frames, engine_paints(wave, frames)], axis=2)
    assert np.array_equal(side_by_side, expected)


def test_still_image(run, wave, tmp_path):
    frame = noise(1, 77, 101)[0]
    Image.fromarray(frame).save(tmp_path / "in.png")
    run("-i", tmp_path / "in.png", "-vf", filter_text(wave), tmp_path / "out.png")
    with Engine(wave) as engine:
        assert np.array_equal(np.array(Image.open(tmp_path / "out.png")), engine(frame))


def test_threads_and_requests_are_as_asked(run, wave):
    paint = filter_text(wave, runtime="tensorflow", threads=3, requests=5)
    graph = f"testsrc2=d=0.1,{paint}"
    result = run("-f", "lavfi", "-i", graph, "-f", "null", "-", level="info")
    assert "5 frames at a time, 3 threads" in lines_of(result)[0]


def examples_of_the_readme():
    """The commands for pipelines."""
    text = (ROOT / "README.md").read_text()
    block = re.search(r"## In a pipeline\n\n```sh\n(.*?)```", text, re.DOTALL)[1]
    return [line for line in block.splitlines() if "styletransfer=" in line]


def examples_of_the_manual():
    """Its commands, and its filter graphs in a command, less those with others' parts."""
    patch = (ROOT / "patches" / f"ffmpeg-{DEFAULT_SERIES}.patch").read_text()
    text = re.sub(r"^\+", "", patch, flags=re.MULTILINE)
    found = re.findall(r"^@example\n(.*?)\n@end example$", text, re.DOTALL | re.MULTILINE)
    others = ("candy.pb", "zscale")
    ours = [
        text
        for text in found
        if "styletransfer=" in text and not any(other in text for other in others)
    ]
    return [
        text
        if text.startswith(("ffmpeg ", "producer "))
        else f'ffmpeg -i input.mp4 -vf "{text}" output.mp4'
        for text in ours
    ]


@pytest.mark.parametrize("example", examples_of_the_readme() + examples_of_the_manual())
def test_examples(run, ffmpeg, tmp_path, example):
    """Each runs as it is written, given the files that it names."""
    clip = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=5:d=6", "-f", "lavfi", "-i", "sine=d=6")
    for name in ("in.mp4", "input.mp4", "in.mkv"):
        run(*clip, "-c:a", "aac", tmp_path / name)
    graphs.contract_graph(tmp_path / "wave.pb")
    graphs.contract_graph(tmp_path / "museum.pb", ["wave", "scream"])
    graphs.any_graph(tmp_path / "any.pb")
    for name in ("painting.jpg", "monet.jpg", "klee.png"):
        Image.new("RGB", (40, 30), "teal").save(tmp_path / name)
    (tmp_path / "models").symlink_to(tmp_path)
    is_raw = "-f rawvideo" in example
    raw = (*RAW, "-s", "640x360")
    made_by = f"ffmpeg -v error -i in.mkv {' '.join(raw)} -" if is_raw else "cat in.mkv"
    here = f"producer() {{ {made_by}; }}; consumer() {{ cat > consumed; }}; "
    here += example.replace("rtmp://localhost/live/in", "in.mkv")
    result = subprocess.run(
        ["sh", "-c", here.replace("rtmp://localhost/live/out", "output.flv")],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{ffmpeg.parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
    )
    assert result.returncode == 0, result.stderr.decode()
    (made,) = (path for path in tmp_path.iterdir() if path.name.startswith(("out", "consumed")))
    run(*(raw if is_raw else ()), "-i", made, "-f", "null", "-")


def test_a_job_that_stops_early(run, wave):
    graph = f"testsrc2=s=64x48,{filter_text(wave, requests=8)}"
    result = run("-f", "lavfi", "-i", graph, "-frames:v", 3, *RAW, "-")
    assert len(result.stdout) == 3 * 48 * 64 * 3


def test_memory_is_constant_over_10000_frames(ffmpeg, wave):
    frame = noise(1, 16, 16)[0].tobytes()
    source = (*RAW, "-s", "16x16", "-i", "-")
    command = [ffmpeg, "-v", "error", *source, "-vf", filter_text(wave), *RAW, "-"]
    # Unbuffered: communicate() would not find what a buffer of Python's holds.
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    with subprocess.Popen(command, **pipes) as process:
        resident = []
        for _ in range(100):
            process.stdin.write(frame * 100)
            # What ffmpeg's own queues hold is not back yet; it is less than 60 frames.
            expected = len(frame) * (100 if resident else 40)
            assert len(read_exactly(process.stdout, expected)) == expected
            resident.append(memory_of(process.pid))
        rest = process.communicate(timeout=TIMEOUT)[0]
    assert process.returncode == 0
    assert len(rest) == len(frame) * 60
    assert max(resident[10:]) - resident[10] < 16 << 20


def memory_of(pid):
    """VmRSS, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) << 10


@contextmanager
def painting_as_they_come(ffmpeg, graph, *output):
    """An ffmpeg that takes frames of 64x48 by its standard input; killed after `TIMEOUT`."""
    source = ("-probesize", "32", "-analyzeduration", "0", *RAW, "-s", "64x48", "-i", "-")
    command = [ffmpeg, "-v", "error", *source, "-vf", graph, *AS_THEY_COME, *output]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    with subprocess.Popen(command, **pipes) as process:
        watchdog = threading.Timer(TIMEOUT, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


# With several threads, ffmpeg's encoder for raw video keeps a frame that it has not done at once
# until the next one comes.
AT_ONCE = ("-threads", "1", "-flush_packets", "1", *RAW, "-")


def test_sparse_live_frames_come_out_as_soon_as_painted(ffmpeg, wave):
    """Each frame of a pipe comes back before the next one is written."""
    frames = noise(6)
    expected = engine_paints(wave, frames)
    with painting_as_they_come(ffmpeg, filter_text(wave, requests=3), *AT_ONCE) as process:
        for frame, painting in zip(frames, expected, strict=True):
            process.stdin.write(frame.tobytes())
            assert read_exactly(process.stdout, frame.nbytes) == painting.tobytes()
            time.sleep(0.05)


AROUND = {
    "nothing": ("{}", 1),
    # ffmpeg's 'scale' before and behind the filter, in several threads, sleeps once a frame.
    "conversions": ("format=yuv444p,{},format=yuv444p", 1),
    # Who has the painting answers while ffmpeg makes a frame for the other end.
    "another end": ("{},split[a],scale=1024:768,nullsink;[a]null", 1),
    # It takes the memory for its frame before it has all that it makes it of.
    "tiles": ("tile=1x2,{},crop=64:48:0:0", 2),
}


@pytest.mark.parametrize("window", [1, 2, 3])
@pytest.mark.parametrize("around", AROUND)
def test_who_waits_for_each_painting_is_never_left_waiting(ffmpeg, wave, window, around):
    """It has so many frames on their way, and answers each painting at once with another frame."""
    frame = noise(1)[0].tobytes()
    graph, answers = AROUND[around]
    graph = graph.format(filter_text(wave, requests=3))
    with painting_as_they_come(ffmpeg, graph, *AT_ONCE) as process:
        process.stdin.write(frame * (window * answers + answers - 1))
        for _ in range(200):
            assert len(read_exactly(process.stdout, len(frame))) == len(frame)
            process.stdin.write(frame * answers)
        process.stdin.close()
        rest = window + (answers > 1)
        assert len(read_exactly(process.stdout, 2**30)) == len(frame) * rest


def test_frames_behind_a_burst_come_out_as_soon_as_painted(ffmpeg, wave):
    """A burst, as a connection that was held up sends it, is not taken for the source's pace."""
    frames = [frame.tobytes() for frame in noise(8)]
    graph = rf"{filter_text(wave, requests=3, metadata=1)},metadata=print:direct=1:file=pipe\\:1"
    with painting_as_they_come(ffmpeg, graph, "-f", "null", "-") as process:
        told = iter(process.stdout.readline, b"")
        process.stdin.write(b"".join(frames[:4]))
        # Until then it loads TensorFlow, and a frame that came meanwhile would be one of the burst.
        assert any(line.startswith(b"frame:0 ") for line in told)
        for index, frame in enumerate(frames[4:], 4):
            time.sleep(0.5)  # sparse: painting takes less, also on a busy machine
            process.stdin.write(frame)
            assert any(line.startswith(b"frame:%d " % index) for line in told)


def read_exactly(pipe, size):
    content = b""
    while len(content) < size and (part := pipe.read(size - len(content))):
        content += part
    return content


@contextmanager
def told_to_end(ffmpeg, *arguments):
    """An ffmpeg that gets a SIGTERM when the block is done; then its log."""
    command = [ffmpeg, "-hide_banner", "-nostats", "-v", "verbose", *arguments]
    end = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        watchdog = threading.Timer(TIMEOUT, process.kill)
        watchdog.start()
        try:
            yield process, end
            process.terminate()
            _, end["log"] = process.communicate()
        finally:
            watchdog.cancel()
            process.kill()
    assert process.returncode == 255, end["log"].decode()


def others_in_flight(told):
    """How many more frames the filter has when one leaves it, by the lines of 'metadata'."""
    for line in told:
        key, _, count = line.strip().rpartition(b"=")
        if key == b"lavfi.styletransfer.in":
            taken = int(count)
        elif key == b"lavfi.styletransfer.painted":
            yield taken - int(count)


@pytest.mark.parametrize(
    ("around", "is_proof"),
    [
        ("{},format=yuv420p", True),
        ("{},split[a],nullsink;[a]null", False),
        ("{},separatefields", False),
    ],
)
def test_several_frames_of_a_file_are_painted_at_a_time(ffmpeg, run, wave, around, is_proof):
    """It proves to be ahead though the filters around this one sleep while their threads work.

    How long that takes depends on what else the machine does: the file has no end. With another
    end of the graph, with several frames made of a painting, and in FFmpeg 5.1, which does all in
    one thread, nothing proves it: who waits for paintings may have answered one by the time that
    the next frame is asked for.
    """
    source = ("-f", "lavfi", "-i", "testsrc2=s=64x48,format=yuv420p")
    graph = around.format(f"{filter_text(wave, requests=2, metadata=1)},metadata=print:file=-")
    with told_to_end(ffmpeg, *source, "-vf", graph, "-f", "null", "-") as (process, _):
        others = others_in_flight(process.stdout)
        if is_proof and not is_old(run):
            assert any(count > 1 for count in others), f"painted one at a time for {TIMEOUT} s"
        else:
            assert list(islice(others, 500)) == [0] * 500


def wait_until_it_paints(process, index):
    """Waits until it has this frame from 'showinfo': only painting takes so much of a processor."""
    assert any(re.search(rb"showinfo.* n: +%d " % index, line) for line in process.stderr)
    begun = processor_seconds(process.pid)
    while processor_seconds(process.pid) < begun + 0.1:
        time.sleep(0.01)


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("index", [0, 1])
def test_told_to_end_it_gives_up_what_it_paints(ffmpeg, tmp_path, index):
    """ffmpeg itself would have all frames on their way painted, and filters hear nothing of it."""
    model = graphs.wide_graph(tmp_path / "wide.pb", 256)
    graph = f"showinfo,{filter_text(model, requests=2, threads=1, precision='fp32')}"
    source = ("-f", "lavfi", "-i", "color=s=320x240,format=rgb24")
    with told_to_end(ffmpeg, *source, "-vf", graph, "-f", "null", "-") as (process, end):
        wait_until_it_paints(process, index)
    counts = re.search(rb"in (\d+), painted (\d+), .* in flight (\d+),", end["log"]).groups()
    total, painted, in_flight = map(int, counts)
    assert total == painted + in_flight and painted >= index and in_flight > 0
    assert b"Error" not in end["log"]


@pytest.mark.parametrize("runtime", ["own", "tensorflow"])
def test_told_to_end_while_the_model_is_loaded(ffmpeg, wave, runtime):
    source = ("-f", "lavfi", "-i", "testsrc2=s=64x48")
    graph = ("-vf", filter_text(wave, runtime=runtime))
    with told_to_end(ffmpeg, *source, *graph, *RAW, "-") as (process, _):
        maps = Path(f"/proc/{process.pid}/maps")
        while runtime == "tensorflow" and b"libtensorflow" not in maps.read_bytes():
            time.sleep(0.01)
        if runtime == "own":
            read_exactly(process.stdout, 1)


def test_late_drop_counts_every_frame(run, tmp_path):
    model = graphs.wide_graph(tmp_path / "wide.pb", 32)
    paint = filter_text(model, late="drop", requests=2, metadata=1)
    graph = f"testsrc2=s=320x240:r=25,trim=end_frame=200,{paint},metadata=print:file=-"
    result = run("-f", "lavfi", "-i", graph, *AS_THEY_COME, "-f", "null", "-", level="info")
    counts = re.search(
        r"in (\d+), painted (\d+), dropped (\d+), passed 0, in flight 0, delay [\d.]+ s",
        lines_of(result)[-1],
    )
    total, painted, dropped = map(int, counts.groups())
    assert total == 200 == painted + dropped
    assert painted >= 2 and dropped >= 1
    told = re.findall(r"lavfi\.styletransfer\.(\w+)=([\d.]+)", result.stdout.decode())
    assert len(told) == 4 * painted
    assert dict(told[-4:-1]) == {key: str(value) for key, value in
                                 zip(("in", "painted", "dropped"), (total, painted, dropped),
                                     strict=True)}  # fmt: skip
    assert told[-1][0] == "delay" and 0 < float(told[-1][1]) < TIMEOUT


def refusal(run, graph, *, at_frame=False, **environment):
    """The one line with which the filter ends a job.

    About an option, 5.1 adds lines. A filter that fails with a frame ends the video there, and
    ffmpeg 5.1 with code 0 all the same.
    """
    source = "testsrc2=s=64x48,trim=end_frame=20"
    result = run("-f", "lavfi", "-i", source, "-vf", graph, "-f", "null", "-", check=False,
                 **environment)  # fmt: skip
    assert result.returncode > 0 or (at_frame and is_old(run)), result.stderr.decode()
    line, *rest = lines_of(result)
    assert not rest or (is_old(run) and all(more.startswith("Error ") for more in rest))
    return line


@pytest.mark.parametrize("runtime", ["own", "tensorflow"])
def test_a_frame_beyond_the_memory_is_told_in_a_sentence(ffmpeg, runtime):
    """TensorFlow ends the process in mid-frame where the system gives it no more."""
    model = filter_text(ROOT / "models" / "wave.pb", runtime=runtime, device="cpu")
    frame = ("-f", "lavfi", "-i", "color=s=7680x4320", "-vf", model, "-frames:v", "1")
    limit = ("prlimit", f"--as={4 << 30}")
    result = subprocess.run(
        [*limit, ffmpeg, "-hide_banner", "-v", "error", *frame, "-f", "null", "-"],
        capture_output=True,
        timeout=TIMEOUT,
    )
    assert result.returncode > 0
    assert re.search(r"7680x4320 pixels takes about 4\.. GB .*fewer requests", lines_of(result)[0])


@pytest.mark.parametrize("kind", graphs.BAD)
def test_bad_model(run, tmp_path, kind):
    path = tmp_path / "bad.pb"
    graphs.BAD[kind].write(path)
    line = refusal(run, f"styletransfer=model={path}")
    for word in graphs.BAD[kind].words:
        assert word in line


def test_truncated_models(run, wave, tmp_path):
    for path in graphs.truncations(wave, tmp_path, 20):
        assert refusal(run, f"styletransfer=model={path}")


def test_model_with_another_output_size(run, tmp_path):
    line = refusal(run, filter_text(graphs.WRONG_SIZE.write(tmp_path / "bad.pb")), at_frame=True)
    for word in graphs.WRONG_SIZE.words:
        assert word in line


def test_model_of_fixed_size(run, tmp_path):
    line = refusal(run, filter_text(graphs.float_graph(tmp_path / "fixed.pb", size=(32, 40))))
    assert "64x48" in line and "40x32" in line


@pytest.mark.parametrize(
    "options, words",
    [
        ("style=nobody", ["nobody", "wave"]),
        ("style=9", ["9"]),
        ("strength=7", ["7", "strength", "[0 - 1]"]),
        ("requests=65", ["65", "requests"]),
        ("device=gpu", ["GPU"]),
        ("device=toaster", ["toaster"]),
        ("input=nothing", ["nothing"]),
        ("library=/nowhere", ["/nowhere", "TensorFlow"]),
    ],
)
def test_bad_option(run, both, options, words):
    line = refusal(run, f"{filter_text(both)}:{options}")
    for word in words:
        assert word in line


def test_what_is_wrong_already_costs_no_file(run, wave, tmp_path):
    """In FFmpeg 5.1 the output is opened before any filter is made."""
    if is_old(run):
        return
    target = tmp_path / "good.mp4"
    target.write_bytes(b"good")
    for graph in ("styletransfer=no-such.pb", f"{filter_text(wave)}:style=nobody"):
        source = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.1")
        assert run(*source, "-vf", graph, target, check=False).returncode
        assert target.read_bytes() == b"good"


def test_no_model(run):
    assert "model" in refusal(run, "styletransfer")


def test_bfloat16_without_the_hardware(run, both):
    painting = filter_text(both, precision="bf16")
    if "bf16" in Path("/proc/cpuinfo").read_text():
        source = ("-f", "lavfi", "-i", f"testsrc2=d=0.1,{painting}")
        assert "bfloat16" in lines_of(run(*source, "-f", "null", "-", level="info"))[0]
    else:
        assert "precision=bf16 needs a processor" in refusal(run, painting)


def test_without_tensorflow_it_says_what_to_install(run, wave):
    graph = filter_text(wave, runtime="tensorflow")
    line = refusal(run, graph, FFMPEG_STYLE_TENSORFLOW="/nowhere/libtensorflow.so.2")
    assert "pip install tensorflow" in line
    assert "/nowhere/libtensorflow.so.2" in line


@pytest.mark.parametrize("runtime", [None, "auto", "tensorflow"])
def test_tensorflow_is_mapped_only_when_it_is_used(run, wave, runtime):
    """Not without the filter, and not for a model that the engine runs by itself."""
    painting = filter_text(wave, runtime=runtime) if runtime else "null"
    source = ("-f", "lavfi", "-i", "testsrc2=d=0.2", "-vf", painting, "-f", "null", "-")
    loaded = run(*source, LD_DEBUG="files").stderr
    assert (b"libtensorflow" in loaded) == (runtime == "tensorflow")


def test_tensorflow_is_not_mapped_for_the_version(run):
    loaded = run("-version", LD_DEBUG="files").stderr
    assert b"libc.so" in loaded and b"libtensorflow" not in loaded
