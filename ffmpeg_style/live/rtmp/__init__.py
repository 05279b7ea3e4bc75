"""Cameras that publish by RTMP: what nginx has of them is read, and painted by an ffmpeg.

What a camera sends passes through this process as it is. Here its clock is set right, and what a
painter needs to begin is kept, so that one can be replaced at any moment.
"""
