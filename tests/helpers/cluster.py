"""Films painted on a cluster."""

from ffmpeg_style.cluster.client import paint_on_cluster
from ffmpeg_style.ffmpeg.sources import Work

LOSSLESS = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-bf", "2")


def run(cluster, model, source, target, piece=1.0, options=(), **settings):
    """Paints a film on the cluster; returns the outcome."""
    settings = dict(piece=piece, encoder_options=options, progress=False) | settings
    works = [Work(str(source), str(target), is_named=True)]
    (outcome,) = paint_on_cluster(works, model, cluster, **settings)
    return outcome
