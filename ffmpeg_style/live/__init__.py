"""The live server: cameras come in over RTMP, are painted while they run, and are watched anywhere.

One process, this one, decides and supervises; nginx carries RTMP; one ffmpeg per stream paints::

    camera --rtmp--> nginx: camera/NAME --> painter (ffmpeg) --> nginx: painted/NAME --> players
                       |                        |
                 may NAME publish?          HLS segments
                       v                        v
                     hooks (loopback)         web --http--> browsers
"""
