"""The live server: cameras come in over RTMP, are painted while they run, and are watched anywhere.

One process, this one, decides and supervises; nginx carries RTMP; one ffmpeg per camera reads it,
and one paints::

    camera --rtmp--> nginx: camera/NAME --> reader --> here --> painter --> nginx: painted/NAME
                       |                                           |                    |
                 may NAME publish?                            HLS segments           players
                       v                                           v
                     hooks (loopback)                            web --http--> browsers

What a camera sends passes through this process as it is. Here its clock is set right, and what a
painter needs to begin is kept, so that one can be replaced at any moment.

Browsers may publish and watch by WebRTC instead: see `ffmpeg_style.live.webrtc`.
"""
