"""The benchmark: `python -m bench.run` and `python -m bench.limits`, with PYTHONPATH=scripts."""
