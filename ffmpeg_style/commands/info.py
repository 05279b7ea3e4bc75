"""``ffmpeg-style info``."""

import json
import shlex
import subprocess

import click


@click.command("info")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json):
    """Tell what there is: versions, the processor, models, ffmpeg, and what is missing for what."""
    from ffmpeg_style.information import information

    found = information() | {"ffmpeg": _ffmpeg()}
    print(json.dumps(found, indent=2) if as_json else "\n".join(_lines(found)))


def _ffmpeg():
    """The patched program and its version; None where there is none."""
    from ffmpeg_style.errors import InputNotFoundError
    from ffmpeg_style.ffmpeg.program import ffmpeg_path

    try:
        path = ffmpeg_path()
    except InputNotFoundError:
        return None
    told = subprocess.run([path, "-version"], capture_output=True, text=True).stdout
    return {"path": str(path), "version": told.split(" ")[2] if told.count(" ") > 2 else ""}


def _lines(found):
    processor, engine, ffmpeg = found["processor"], found["engine"], found["ffmpeg"]
    told = {
        "ffmpeg-style": f"{found['version']}, Python {found['python']}, {found['system']}",
        "processor": f"{processor['count']} of {processor['name']}",
        "instructions": ", ".join(processor["instructions"]) or "none that the engine knows",
        "engine": engine.get("error")
        or f"runs {engine['model']} by {_runtime(engine)} in {engine['precision']} on the "
        f"{engine['device']}, frames at a time: {engine['requests']}",
        "models": ", ".join(found["models"]) or "none",
        "videos": f"by the patched ffmpeg {ffmpeg['version']}, {ffmpeg['path']}"
        if ffmpeg
        else f"by PyAV {found['packages']['av']}, FFmpeg {found['libraries']}; no patched ffmpeg: "
        "`ffmpeg-style build` makes one",
        "packages": ", ".join(f"{k} {v}" for k, v in found["packages"].items() if v),
    }
    yield from (f"{name:<14}{text}" for name, text in told.items())
    for extra, absent in found["missing"].items():
        line = shlex.join(["pip", "install", f"ffmpeg-style[{extra}]"])
        yield f"{'missing':<14}{', '.join(absent)}: {line}"


def _runtime(engine):
    return "itself" if engine["runtime"] == "own" else "TensorFlow"
