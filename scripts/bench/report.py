"""The benchmark's results as tables and as a chart, on a page for each kind of processor."""

import json
import statistics
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

KINDS = {
    "amx": ("amx_bf16", "A matrix unit for bfloat16 (AMX)"),
    "avx512_vnni": ("avx512_vnni", "AVX-512 with dot products of 16-bit integers, no matrix unit"),
    "avx512": ("avx512f", "AVX-512 without those"),
    "avx2": ("avx2", "AVX2"),
    "neon": ("asimd", "ARM of 64 bits (NEON)"),
}
"""Of processors: the instructions of each, the best first, as Linux calls them; and its title."""

OURS, OURS_FP32 = "styletransfer auto", "styletransfer fp32"
OURS_UNSTEADY, OURS_DECODED = "styletransfer steady=0", "styletransfer in memory"
RATIOS = (
    ("dnn_processing", OURS, "dnn_processing"),
    ("its best settings", OURS, "dnn_processing best"),
    ("fp32 : dnn_processing", OURS_FP32, "dnn_processing"),
    ("pipe to Python", OURS, "pipe to Python"),
    ("OpenVINO bf16", OURS, "OpenVINO bf16"),
    ("fp32 : OpenVINO fp32", OURS_FP32, "OpenVINO fp32"),
    ("ONNX Runtime", OURS, "ONNX Runtime"),
    ("fp32 : ONNX Runtime", OURS_FP32, "ONNX Runtime"),
    ("itself, steady=0", OURS, OURS_UNSTEADY),
    ("the engine alone, both from memory", OURS_DECODED, "engine alone"),
)
LIBRARIES = {"tensorflow": "TensorFlow", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
COLUMNS = (
    ("frames/s", "fps", "{:.1f}"),
    ("spread", None, None),
    ("processor s/frame", "cpu_s", "{:.3f}"),
    ("peak memory, MB", "memory_mb", "{:.0f}"),
    ("first frame, s", "first_s", "{:.2f}"),
    ("frames held", "latency_frames", "{:.0f}"),
)
COLORS = {"styletransfer": "#b3393f", "dnn_processing": "#4a6fa5", "pipe": "#8a8a8a"}
COLORS |= {"OpenVINO": "#6a9f58", "ONNX Runtime": "#8e6bb0", "engine": "#e0a33e"}


def share_of_peak(case, name):
    """A contender's multiply-adds over a large matrix product's: both medians of the case.

    It is left out for integers, of which TensorFlow has no such product to measure.
    """
    figures = case["contenders"][name]
    if figures["precision"] not in case["peak_gflops"]:
        return ""
    peak = case["peak_gflops"][figures["precision"]]["median"]
    return f"{100 * 2 * case['gigamacs'] * figures['fps']['median'] / peak:.0f} %"


def kind_of(instructions):
    """The kind of a processor with these instructions; one of `KINDS`."""
    return next(kind for kind, (flag, _) in KINDS.items() if flag in instructions)


@dataclass(frozen=True)
class Pages:
    """Where the figures of one kind of processor are: all of them, and beside others' ratios."""

    folder: Path
    kind: str

    results = property(lambda self: self.folder / f"benchmarks-{self.kind}.json")
    page = property(lambda self: self.folder / f"benchmarks-{self.kind}.md")
    chart = property(lambda self: self.folder / f"benchmarks-{self.kind}.svg")
    overview = property(lambda self: self.folder / "benchmarks.md")


def update_pages(pages):
    """Write the figures into the kind's page, the ratios of all kinds into the other.

    Returns what was written for the kind, as it reads on a terminal.
    """
    results = json.loads(pages.results.read_text())
    chart = f"![Frames/s of every contender by size]({pages.chart.name})"
    tables = [machine_text(results), ratio_table(results), *case_tables(results)]
    write_between(pages.page, "figures", "\n\n".join([chart, *tables]))
    write_between(pages.overview, "figures", "\n\n".join(overview(pages.folder)))
    return "\n\n".join(tables)


def overview(folder):
    """What was last seen of each kind: the machine, the day, the ratios."""
    missing = []
    for kind, (_, title) in KINDS.items():
        pages = Pages(folder, kind)
        if not pages.results.exists():
            missing.append(title)
            continue
        results = json.loads(pages.results.read_text())
        link = f"All its figures are in [{pages.page.stem}]({pages.page.name})."
        yield f"### {title}\n\n{machine_text(results)} {link}\n\n{ratio_table(results)}"
    if missing:
        yield f"Not measured yet: {'; '.join(missing)}."


def write_between(path, name, text):
    """Put a text between a page's two marks of that name; both are added where there are none."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = path.read_text() if path.exists() else "# Benchmarks\n\n"
    before, _, rest = page.partition(begin)
    after = rest.partition(end)[2] or "\n"
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def machine_text(results):
    """The machine, and how much others disturbed it."""
    machine = results["machine"]
    disturbed = max(
        (
            figures["others"]["max"]
            for case in results["cases"]
            for figures in case["contenders"].values()
        ),
        default=0,
    )
    peaks = [case["peak_gflops"] for case in results["cases"]]
    peak_text = ", ".join(
        f"{min(p[precision]['min'] for p in peaks):.0f} to "
        f"{max(p[precision]['max'] for p in peaks):.0f} GFLOP/s in {precision}"
        for precision in peaks[0]
    )
    versions = [
        f"{title} {machine[name]}" for name, title in LIBRARIES.items() if machine.get(name)
    ]
    models = sorted({case["model"] for case in results["cases"]})
    return (
        f"Measured on {results['date']}: {machine['processor']}, {machine['processors']} processors"
        f" ({', '.join(machine['instructions'])}), {machine['memory_gb']} GB, {machine['system']}; "
        f"{', '.join(versions)}. Large matrix "
        f"products reach {peak_text}. Models: {', '.join(models)}. Other processes took at most "
        f"{100 * disturbed:.0f} % of the processors during a measurement."
    )


def ratio_table(results):
    """Frames/s of the filter over those of each other contender."""
    rows = []
    for case in results["cases"]:
        speeds = {name: value["fps"] for name, value in case["contenders"].items()}
        row = [case["architecture"], f"{case['width']}x{case['height']}", case["sink"]]
        for _, ours, other in RATIOS:
            # Of two hints the faster one counts.
            others = [speed for name, speed in speeds.items() if is_kind(name, other)]
            fastest = max(others, key=lambda speed: speed["median"], default=None)
            row.append(f"{ratio(speeds[ours], fastest):.2f}" if ours in speeds and fastest else "")
        rows.append([*row, share_of_peak(case, OURS) if OURS in speeds else ""])
    titles = [title for title, *_ in RATIOS]
    header, *rows = filled([["network", "size", "into", *titles, "share of the peak"], *rows])
    intro = "Frames/s of the filter as it comes (`precision=auto`), as a multiple of:"
    return f"{intro}\n\n{table(header, rows)}"


def filled(rows):
    """The rows without the columns that are empty below the first one."""
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    return list(zip(*columns, strict=True))


def ratio(ours, other):
    """The median ratio of what ran one after the other: a slower minute of the machine hits both.

    Of one that ran more often than the other in a round, its median of the round counts.
    """
    ours, other = (speed.get("samples") or [speed["median"]] for speed in (ours, other))
    pairs = min(len(ours), len(other))
    both = zip(medians(ours, pairs), medians(other, pairs), strict=True)
    return statistics.median(mine / theirs for mine, theirs in both)


def medians(samples, count):
    """The medians of so many parts of the samples, one after the other."""
    ends = [len(samples) * index // count for index in range(count + 1)]
    return [statistics.median(samples[start:end]) for start, end in pairwise(ends)]


def is_kind(name, other):
    """Whether a contender is `other`, with whatever hint or precision."""
    return name == other or (name.startswith(other + " ") and not name.endswith(" best"))


def case_tables(results):
    """One table for each case, with every contender's figures."""
    for case in results["cases"]:
        rows = []
        for name, figures in case["contenders"].items():
            row = [name]
            for _, key, form in COLUMNS:
                if key:
                    row.append(form.format(figures[key]["median"]))
                else:
                    fps = figures["fps"]
                    row.append(f"{fps['min']:.1f} to {fps['max']:.1f}")
            rows.append([*row, share_of_peak(case, name)])
        title = f"### {case['architecture']}, {case['width']}x{case['height']}, {case['sink']}"
        header = ["contender", *(title for title, *_ in COLUMNS), "of the peak"]
        yield f"{title}\n\n{case['gigamacs']:.2f} G multiply-adds.\n\n{table(header, rows)}"


def table(header, rows):
    """A table of Markdown that reads on a terminal too."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells):
        aligned = [
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(aligned)} |"

    rule = [
        f"{'-' * (width - 1)}{'-' if index == 0 else ':'}" for index, width in enumerate(widths)
    ]
    return "\n".join(map(line, [header, rule, *rows]))


def write_chart(results, path):
    """Frames/s into a null output, a panel for each network."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "benchmarks", "font.size": 8}
    import matplotlib.pyplot as plt

    cases = [case for case in results["cases"] if case["sink"] == "null"]
    panels = {
        architecture: list(group)
        for architecture, group in groupby(cases, key=lambda case: case["architecture"])
    }
    if not panels:
        return
    figure, axes = plt.subplots(
        1, len(panels), figsize=(5 * len(panels), 4.5), squeeze=False, layout="constrained"
    )
    for axis, (architecture, group) in zip(axes[0], panels.items(), strict=True):
        draw_panel(axis, architecture, group)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def draw_panel(axis, architecture, cases):
    """Bars of one network: a group for each size, a bar for each contender."""
    names = list(dict.fromkeys(name for case in cases for name in case["contenders"]))
    height = 0.85 / len(names)
    for index, name in enumerate(names):
        found = [
            (place, case["contenders"][name]["fps"]["median"])
            for place, case in enumerate(cases)
            if name in case["contenders"]
        ]
        places = [place + index * height for place, _ in found]
        speeds = [speed for _, speed in found]
        color = next((c for start, c in COLORS.items() if name.startswith(start)), "#444444")
        bars = axis.barh(places, speeds, 0.9 * height, color=color)
        axis.bar_label(bars, [f"{name}  {speed:.1f}" for speed in speeds], padding=2, fontsize=5)
    axis.set_yticks(
        [place + 0.4 for place in range(len(cases))],
        [f"{case['width']}x{case['height']}" for case in cases],
    )
    axis.set(title=architecture, xlabel="frames/s, null output", xscale="log")
    axis.margins(x=0.3)
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
