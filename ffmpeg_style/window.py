"""A window that shows frames as they are painted, with keys to change how."""

import os
import time
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ffmpeg_style.catalog import find_model, list_models

STEP = 0.1
"""Of the strength, for each press of a key."""


def show_paintings(
    frames: Iterator[np.ndarray], model: str | PathLike[str], settings: dict[str, Any]
) -> int:
    """Show frames as paintings until they end, or the window is closed.

    Args:
        frames: uint8 ``[H,W,3]``.
        model: name or path of the first model.
        settings: of `Engine`.

    Returns:
        int: how many were shown.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    import pygame

    pygame.display.init()
    try:
        return _Window(pygame, model, settings).show(frames)
    finally:
        pygame.display.quit()


class _Window:
    def __init__(self, pygame, model, settings):
        self._pygame = pygame
        self._settings = settings
        self._models = [entry.path for entry in list_models() if entry.paints_alone]
        self._model = find_model(model)
        self._screen = None
        self._painting = None
        self._is_open = True

    def show(self, frames):
        """Paint and show; a new engine for each model that is chosen."""
        count = 0
        while self._is_open:
            chosen, shown = self._model, self._show_with(frames)
            count += shown
            if self._model == chosen:  # the frames have ended
                break
        return count

    def _show_with(self, frames):
        from ffmpeg_style._engine import Engine

        count, model = 0, self._model
        with Engine(model, **self._settings) as engine:
            for frame in frames:
                self._painting = engine.submit(frame)()
                self._draw(f"{Path(model).stem} - strength {engine.strength:.1f}")
                count += 1
                for event in self._pygame.event.get():
                    self._heed(event, engine)
                if not self._is_open or self._model != model:
                    break
        return count

    def _draw(self, title):
        height, width = self._painting.shape[:2]
        if self._screen is None or self._screen.get_size() != (width, height):
            self._screen = self._pygame.display.set_mode((width, height))
        picture = self._pygame.image.frombuffer(self._painting.tobytes(), (width, height), "RGB")
        self._screen.blit(picture, (0, 0))
        self._pygame.display.set_caption(f"ffmpeg-style - {title}")
        self._pygame.display.flip()

    def _heed(self, event, engine):
        pygame = self._pygame
        if event.type == pygame.QUIT:
            self._is_open = False
        if event.type != pygame.KEYDOWN:
            return
        if event.key in (pygame.K_ESCAPE, pygame.K_q):
            self._is_open = False
        elif event.key == pygame.K_SPACE and self._models:
            self._go_on()
        elif event.key in (pygame.K_PLUS, pygame.K_EQUALS, pygame.K_KP_PLUS):
            engine.strength = min(round(engine.strength + STEP, 1), 1)
        elif event.key in (pygame.K_MINUS, pygame.K_KP_MINUS):
            engine.strength = max(round(engine.strength - STEP, 1), 0)
        elif event.key == pygame.K_c:
            engine.colors = "style" if engine.colors == "content" else "content"
        elif event.key == pygame.K_s:
            self._save()
        kept = ("strength", "colors")
        self._settings |= {name: getattr(engine, name) for name in kept}

    def _go_on(self):
        """To the next model, which has styles of its own."""
        known = self._models.index(self._model) if self._model in self._models else -1
        chosen = self._models[(known + 1) % len(self._models)]
        if chosen != self._model:
            self._settings.pop("style", None)
        self._model = chosen

    def _save(self):
        from ffmpeg_style.files import atomic_write
        from ffmpeg_style.pictures import Picture

        name = time.strftime("painting-%Y%m%d-%H%M%S")
        path, count = Path(f"{name}.png"), 1
        while path.exists():
            count += 1
            path = Path(f"{name}-{count}.png")
        with atomic_write(path) as file:
            Picture(self._painting).write(file, path.suffix)
        print(path)
