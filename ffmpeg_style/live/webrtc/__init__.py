"""Cameras and viewers by WebRTC: WHIP (RFC 9725) comes in, WHEP goes out.

The server assembles and sends packets; it decodes and encodes nothing. A child process, the
worker, does that and paints, so that neither a stream nor the engine can take the server along::

    browser --WHIP--> camera --encoded frames--> worker --VP8, once--> broadcast --WHEP--> browsers
                                                   |
                                                   +--raw frames--> ffmpeg --> RTMP and HLS

A stream that came by RTMP is painted by its ffmpeg; while browsers watch it, a worker turns the
painted stream into VP8 for them.
"""
