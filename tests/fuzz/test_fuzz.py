"""The fuzz targets, for as long as a test may take: `make fuzz` runs them a million times."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RUNS = 2000


def test_every_target_runs_without_harm(fuzzer):
    """On one thread, from the same seeds and the same number on: it finds what it found before."""
    command = ["make", "--silent", "-C", HERE, f"PYTHON={sys.executable}", f"RUNS={RUNS}"]
    result = subprocess.run([*command, "SEED=1"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    targets = re.search(r"^TARGETS := (.*)$", (HERE / "Makefile").read_text(), re.MULTILINE)[1]
    done = re.findall(r"stat::number_of_executed_units: (\d+)", result.stderr)
    assert len(done) == len(targets.split()) and all(int(count) >= RUNS for count in done)
