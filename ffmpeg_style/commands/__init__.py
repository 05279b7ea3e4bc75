"""The subcommands of ``ffmpeg-style``: one module, one click command named `command`, for each."""
