"""HDR pictures as SDR ones: a table of colours for ffmpeg's lut3d, which every build has.

The light that an HDR picture asks for is kept up to its middle tones, with the reference white of
203 cd/m2 (ITU-R BT.2408) as the white of SDR, and what is brighter is rolled off (BT.2390, 5.4.1).
BT.2020's colours become BT.709's; one that BT.709 has not is mixed with grey of its luminance until
it has. Transfer functions are those of BT.2100 and, for SDR, BT.1886.
"""

from pathlib import Path

import numpy as np

from ffmpeg_style.files import atomic_write, make_folder
from ffmpeg_style.folders import cache_folder

SIZE = 33
"""Points of the table along each colour. PQ and HLG are even to the eye: more are not seen."""

WHITE = 203.0
HLG_PEAK = 1000.0
_PEAKS = (400, 600, 1000, 2000, 4000, 10000)
_VERSION = 1

_LUMINANCE_2020 = np.array([0.2627, 0.6780, 0.0593])
_LUMINANCE_709 = np.array([0.2126, 0.7152, 0.0722])
_709_FROM_2020 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)


def tone_map_file(hdr: str, peak: float) -> Path:
    """The table for a video, in the user's cache, where it is made when it is first needed.

    Args:
        hdr: "PQ" or "HLG".
        peak: brightest light in the video, in cd/m2; of PQ only.

    Raises:
        InputError: the cache can't be written.
    """
    peak = next((step for step in _PEAKS if step >= peak), _PEAKS[-1]) if hdr == "PQ" else HLG_PEAK
    folder = cache_folder() / "tone-maps"
    path = folder / f"{hdr.lower()}-{peak:.0f}-{_VERSION}.cube"
    if not path.is_file():
        make_folder(folder)
        with atomic_write(path) as file:
            file.write(_cube(hdr, peak).encode())
    return path


def sdr_of(colours: np.ndarray, hdr: str, peak: float) -> np.ndarray:
    """HDR colours as SDR ones.

    Args:
        colours: float64 ``[...,3]`` in 0..1, coded by PQ or HLG, BT.2020.
        hdr: "PQ" or "HLG".
        peak: brightest light in the picture, in cd/m2.

    Returns:
        float64 ``[...,3]`` in 0..1, coded by BT.1886, BT.709.
    """
    light = _light_of_pq(colours) if hdr == "PQ" else _light_of_hlg(colours)
    brightest = light.max(axis=-1, keepdims=True)
    rolled = _light_of_pq(_rolled_off(_pq_of_light(brightest), peak))
    light = light * np.divide(rolled, brightest, out=np.zeros_like(rolled), where=brightest > 0)
    linear = _inside(light / WHITE @ _709_FROM_2020.T)
    return linear ** (1 / 2.4)


def _cube(hdr, peak):
    axis = np.linspace(0, 1, SIZE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")  # red is the fastest
    table = sdr_of(np.stack([red, green, blue], axis=-1), hdr, peak).reshape(-1, 3)
    rows = "\n".join(f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in table.tolist())
    return f"LUT_3D_SIZE {SIZE}\n{rows}\n"


def _light_of_pq(code):
    """Light in cd/m2 of PQ (BT.2100, table 4)."""
    power = np.clip(code, 0, 1) ** (32 / 2523)
    return 10000 * (np.maximum(power - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * power)) ** (
        8192 / 1305
    )


def _pq_of_light(light):
    power = (np.clip(light, 0, 10000) / 10000) ** (1305 / 8192)
    return ((107 / 128 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def _light_of_hlg(code):
    """Light in cd/m2 of HLG on a display of 1000 cd/m2 (BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    luminance = (scene @ _LUMINANCE_2020)[..., None]
    return HLG_PEAK * luminance**0.2 * scene


def _rolled_off(code, peak):
    """PQ codes of up to ``peak`` as those of up to `WHITE`, the darker ones as they are."""
    most = float(_pq_of_light(np.float64(peak)))
    white = float(_pq_of_light(np.float64(WHITE))) / most
    knee = max(1.5 * white - 0.5, 0.0)
    code = np.clip(code / most, 0, 1)
    t = np.clip((code - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * white
    )
    return np.where(code < knee, code, spline) * most


def _inside(linear):
    """Colours of BT.709 with none below 0 or above 1, at the same luminance."""
    grey = np.clip(linear @ _LUMINANCE_709, 0, 1)[..., None]
    away = linear - grey
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(away > 0, (1 - grey) / away, np.where(away < 0, -grey / away, np.inf))
    return np.clip(grey + away * np.minimum(room.min(axis=-1, keepdims=True), 1), 0, 1)
