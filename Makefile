# make demo         a painted video, from nothing
# make test         every test
# make fuzz         what reads models, on broken ones, RUNS times each
# make test-arm     the engine for ARM of 64 bits: its tests in C and paintings, emulated
# make lint         style and warnings
# make test-matrix  the build and the filter's tests with every series of FFmpeg that has a patch; both profiles
# make check-cluster  a film on a cluster whose parts are killed; as root
# make bench-cluster  what a cluster costs: two workers beside one process, small clips, 1,000 workers
# make check-live   the live server: delays, restarts and refusals, measured
# make check-webrtc the same of WebRTC, between real browsers; as root
# make wheel        the wheel that paints, for this machine's Python
# make wheel-ffmpeg a wheel with the patched ffmpeg in it, of FFmpeg's licence
# make check-graphs 300 networks drawn by lot, and 500 broken ones, beside TensorFlow
# make bench        the benchmark of speed
# make bench-limits precision, memory and the first frame
# make clean        deletes what was made here, the built ffmpeg included, except .venv
#
# Each sets up what it needs, once: packages of the system, .venv, the extension, ffmpeg.

PYTHON ?= python3
ASSETS ?= ../shared/assets

BIN := .venv/bin
STAMPS := build/stamps
EXTENSION := $(STAMPS)/extension

# As in pyproject.toml's build-system, for .venv, where setup.py runs again after each change.
BUILD_REQUIREMENTS := 'setuptools>=77,<85' 'cython>=3,<4'
PIP_OPTIONS := --quiet --disable-pip-version-check --retries 10 --timeout 60

all: $(EXTENSION)

$(STAMPS):
	mkdir -p $@

$(STAMPS)/packages-%: scripts/install-packages | $(STAMPS)
	PYTHON=$(PYTHON) scripts/install-packages $*
	touch $@

# Python is there before pip is: the stamp says that all of it is.
.venv/made: | $(STAMPS)/packages-demo
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	touch $@

# The extension is left to the rule below.
.venv/installed: pyproject.toml | .venv/made
	$(BIN)/python -m pip install $(PIP_OPTIONS) $(BUILD_REQUIREMENTS)
	$(BIN)/python -m pip install $(PIP_OPTIONS) --no-build-isolation --editable .
	touch $@

# What painting needs is there; what tests and checks need besides takes gigabytes.
.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install $(PIP_OPTIONS) --no-build-isolation --editable '.[lint,test]'
	touch $@

# scikit-image for its photographs, without the packages that it computes with: those take 250 MB.
.venv/installed-demo: .venv/installed
	$(BIN)/python -m pip install $(PIP_OPTIONS) --no-deps 'scikit-image>=0.25,<1'
	touch $@

$(EXTENSION): setup.py $(wildcard csrc/*.h csrc/*/*.[ch] csrc/*/*/*.[ch] ffmpeg_style/_engine.p*) .venv/installed
	$(BIN)/python setup.py --quiet build_ext --inplace
	touch $@

# It does nothing by itself where nothing has changed.
ffmpeg: $(EXTENSION)
	$(BIN)/ffmpeg-style build --profile demo

# The photographs that stand in for a clip are scikit-image's.
demo: ffmpeg $(if $(wildcard $(ASSETS)/video/*.mp4),,.venv/installed-demo)
	$(BIN)/python scripts/demo.py $(ASSETS)/video

# Files side by side, for many tests wait: for cameras, browsers and processes. Each file's tests share what they made.
test: $(STAMPS)/packages-test .venv/installed-test ffmpeg
	FFMPEG_STYLE_ASSETS=$(abspath $(ASSETS)) $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 \
	    --dist loadfile --no-loadscope-reorder --durations 15

test-matrix: $(STAMPS)/packages-test .venv/installed-test ffmpeg
	FFMPEG_STYLE_ASSETS=$(abspath $(ASSETS)) $(BIN)/python -m pytest -m matrix

test-arm: $(STAMPS)/packages-arm .venv/installed-test $(EXTENSION)
	$(BIN)/python -m pytest -m arm tests/engine/test_arm.py

check-live: $(STAMPS)/packages-test .venv/installed-test ffmpeg
	$(BIN)/python -m pytest -m live tests/live

check-graphs: .venv/installed-test $(EXTENSION)
	$(BIN)/python -m pytest -m graphs tests/engine/test_random_graphs.py tests/engine/test_mutated_graphs.py

check-webrtc: $(STAMPS)/packages-test .venv/installed-test ffmpeg
	unshare --net $(BIN)/python scripts/check-webrtc

$(STAMPS)/wheel: .venv/installed
	$(BIN)/python -m pip install $(PIP_OPTIONS) --no-build-isolation --editable '.[wheel]'
	touch $@

wheel: $(STAMPS)/wheel
	$(BIN)/python -m build --wheel --outdir build/wheels/raw .
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/auditwheel repair --strip --wheel-dir build/wheels build/wheels/raw/*.whl

wheel-ffmpeg: ffmpeg $(STAMPS)/wheel
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python scripts/wheel_ffmpeg.py build/wheels

check-cluster: .venv/installed-test ffmpeg
	$(BIN)/python scripts/check_cluster.py

bench-cluster: .venv/installed-test ffmpeg
	$(BIN)/python scripts/cluster_speed.py
	$(BIN)/python scripts/simulate_cluster.py

$(STAMPS)/bench: .venv/installed-test
	$(BIN)/python -m pip install $(PIP_OPTIONS) --no-build-isolation --editable '.[bench]'
	touch $@

# BENCH has more arguments: make bench BENCH="--sizes 256x256 --repeats 1"
bench: ffmpeg $(STAMPS)/bench
	PYTHONPATH=scripts $(BIN)/python -m bench.run $(BENCH)

bench-limits: ffmpeg $(STAMPS)/bench
	PYTHONPATH=scripts $(BIN)/python -m bench.limits $(BENCH)

# The filter needs FFmpeg's headers: the tests compile it, with warnings as errors too.
lint: $(EXTENSION) .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror csrc/styletransfer.h csrc/*/*.[ch] csrc/*/*/*.[ch] tests/*/*.[ch]
	$(BIN)/clang-format --dry-run -Werror csrc/vf_*.[ch] \
	    --style='{BasedOnStyle: InheritParentConfig, ColumnLimit: 80}'
	$(MAKE) --silent -C csrc all

fuzz: $(STAMPS)/packages-fuzz .venv/installed-test
	$(MAKE) --silent -C tests/fuzz $(if $(RUNS),RUNS=$(RUNS))

clean:
	rm -rf build dist *.egg-info ffmpeg_style/_engine.c ffmpeg_style/_engine.*.so

.PHONY: all ffmpeg demo wheel wheel-ffmpeg test test-matrix test-arm check-cluster bench-cluster check-live check-graphs check-webrtc bench bench-limits lint fuzz clean
