"""A page of this machine, in its browser: drop a photograph or a clip, see it painted, save it."""
