"""Parts of a cluster end in the middle of a film: the short form of `make check-cluster`."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_cluster.py"


def test_the_film_comes_though_a_worker_the_scheduler_and_the_command_end(ffmpeg, model):
    once = ["--workers", "1", "--clients", "1", "--schedulers", "1", "--limit", "300"]
    command = [sys.executable, SCRIPT, "--model", model, *once]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 kills" in result.stdout and "the same film" in result.stdout
