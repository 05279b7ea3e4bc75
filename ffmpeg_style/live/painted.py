"""The painting as players and browsers get it: H.264 by RTMP, and as HLS segments."""

from ffmpeg_style.live.settings import LOOPBACK

KEYFRAME_INTERVAL = 0.5
"""Seconds: what a new player waits at most, and the length of an HLS segment."""

_ENCODER = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0"),
    *("-g", "1000", "-force_key_frames"),
    f"expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{KEYFRAME_INTERVAL}))",
)
HLS = (
    f"[f=hls:onfail=ignore:hls_time={KEYFRAME_INTERVAL}:hls_list_size=8:hls_delete_threshold=8:"
    "hls_flags=append_list+delete_segments+independent_segments+omit_endlist+temp_file:"
    "hls_segment_filename={name}-%d.ts]{name}.m3u8"
)
"""An output for `tee`, with the name of its files."""


def publishing(settings, name, ticket):
    """Options of ffmpeg for an output: the painting, for players and browsers."""
    painted = f"rtmp://{LOOPBACK}:{settings.rtmp_port}/painted/{name}?ticket={ticket}"
    escaped = painted.replace(":", "\\:")
    bitrate = settings.bitrate
    return [
        *_ENCODER,
        *("-b:v", f"{bitrate}k", "-maxrate", f"{bitrate}k", "-bufsize", f"{bitrate // 2}k"),
        *("-fps_mode", "passthrough", "-enc_time_base", "1:1000"),
        *tee(f"[f=flv:flvflags=no_duration_filesize]{escaped}", HLS.format(name="painted")),
    ]


def tee(*outputs):
    """Options of ffmpeg for several outputs of the same packets."""
    return [
        *("-protocol_whitelist", "rtmp,tcp,file"),
        # Without a limit, a camera that announces sound and sends none would hold the picture back.
        *("-max_interleave_delta", "200000", "-f", "tee", "|".join(outputs)),
    ]
