# make demo         a painted video, from nothing
# make test         every test
# make lint         style and warnings
# make test-matrix  the build and a clip with every series of FFmpeg that has a patch
# make bench        the benchmark
# make clean        deletes what was made here, except .venv
#
# Each sets up what it needs, once: packages of the system, .venv, the extension, ffmpeg.

PYTHON ?= python3
ASSETS ?= ../shared/assets

VENV := .venv
BIN := $(VENV)/bin
STAMPS := build/stamps
EXTENSION := $(STAMPS)/extension

all: $(EXTENSION)

$(STAMPS):
	mkdir -p $@

$(STAMPS)/packages-%: scripts/install-packages | $(STAMPS)
	PYTHON=$(PYTHON) scripts/install-packages $*
	touch $@

$(BIN)/python: | $(STAMPS)/packages-demo
	$(PYTHON) -m venv $(VENV)

# setup.py runs in .venv, again and again, rather than in an environment that pip makes for each build.
$(STAMPS)/python: pyproject.toml $(BIN)/python | $(STAMPS)
	$(BIN)/python -m pip install --quiet 'setuptools>=77,<85' 'cython>=3,<4' wheel
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[demo,lint,test]'
	touch $@

$(EXTENSION): setup.py $(wildcard csrc/style*.[ch]) $(wildcard ffmpeg_style/_engine.p*) $(STAMPS)/python
	$(BIN)/python setup.py --quiet build_ext --inplace
	touch $@

# What it has already built it does not build again.
ffmpeg: $(EXTENSION)
	$(BIN)/ffmpeg-style build --profile demo

demo: ffmpeg
	$(BIN)/python scripts/demo.py $(ASSETS)/video

test: $(STAMPS)/packages-test ffmpeg
	$(BIN)/python -m pytest

clean:
	rm -rf build dist *.egg-info ffmpeg_style/_engine.c ffmpeg_style/_engine.*.so

.PHONY: all ffmpeg demo test clean
