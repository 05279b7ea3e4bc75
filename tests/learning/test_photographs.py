"""Images as arrays and the stream of crops."""

import numpy as np
import pytest
from PIL import Image

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.learning.photographs import (
    CROP_SHARE,
    Photographs,
    crop_at_random,
    find_images,
    read_image,
)


def test_items_depend_only_on_seed_and_step(photographs):
    first, second = (Photographs(photographs, 32, styles=3, batch=2, seed=5) for _ in range(2))
    for step in (0, 7, 100_000):
        for name, value in first[step].items():
            np.testing.assert_array_equal(value, second[step][name])
    images, other = first[0]["images"], Photographs(photographs, 32, batch=2, seed=6)[0]["images"]
    assert not np.array_equal(images, first[1]["images"])
    assert not np.array_equal(images, other)


def test_items_are_crops_and_styles(photographs):
    item = Photographs(photographs, 48, styles=3, batch=4)[0]
    images, style_weights = item["images"], item["style_weights"]
    assert images.shape == (4, 48, 48, 3) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() > 100
    assert style_weights.shape == (4, 3)
    np.testing.assert_array_equal(style_weights.sum(axis=1), 1)


def test_photographs_smaller_than_the_crop_are_enlarged(photographs):
    assert Photographs(photographs, 256)[0]["images"].shape == (1, 256, 256, 3)


def test_all_styles_and_photographs_take_part(photographs):
    data = Photographs(photographs, 16, styles=4)
    assert {int(data[step]["style_weights"].argmax()) for step in range(60)} == {0, 1, 2, 3}


def test_crops_are_mirrored_and_scaled(tmp_path):
    """In a ramp that rises to the right a crop's slope tells both."""
    ramp = np.broadcast_to(np.arange(0, 240, 2, dtype="uint8")[None, :, None], (96, 120, 3))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    data = Photographs(tmp_path, 32)
    slopes = [np.diff(data[step]["images"][0, 16, 8:24, 0]).mean() for step in range(40)]
    assert 10 < sum(slope > 0 for slope in slopes) < 30
    # 2 levels a pixel as it is: 6 when all of the short side's 96 pixels have become 32.
    assert min(np.abs(slopes)) == pytest.approx(6 * CROP_SHARE, rel=0.1)
    assert max(np.abs(slopes)) == pytest.approx(6, rel=0.1)


def test_a_border_goes_on_with_the_photograph_and_its_reflection(tmp_path):
    ramp = np.broadcast_to(np.arange(40, 200, dtype="uint8")[None, :, None], (96, 160, 3))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    for seed in range(6):
        crop = crop_at_random(tmp_path / "ramp.png", 32, np.random.default_rng(seed))
        wide = crop_at_random(tmp_path / "ramp.png", 32, np.random.default_rng(seed), border=32)
        assert wide.shape == (96, 96, 3)
        assert np.abs(wide[32:-32, 32:-32].astype(int) - crop).max() <= 2
        assert wide.min() >= 40 and wide.max() < 200


def test_pairs_are_two_pictures_and_the_way_between(photographs):
    item = Photographs(photographs, 48, styles=2, batch=3, pairs=True)[1]
    shapes = {name: value.shape for name, value in item.items()}
    picture = (3, 48, 48, 3)
    expected = dict(images=picture, moved=picture, flow=(3, 48, 48, 2), style_weights=(3, 2))
    assert shapes == expected
    assert {value.dtype for value in item.values()} == {np.dtype("float32")}


def test_photographs_that_are_gone_are_passed_over_and_named(photographs, tmp_path):
    (tmp_path / "a.jpg").write_bytes((photographs / "0.jpg").read_bytes())
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nowhere.jpg")
    data = Photographs(tmp_path, 16)
    for step in range(20):
        assert data[step]["images"].shape == (1, 16, 16, 3)
    assert [path.name for path in data.unreadable] == ["dangling.jpg"]


def test_a_folder_of_damaged_images_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(InputError, match="none readable"):
        Photographs(tmp_path, 16)[0]


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(InputNotFoundError):
        find_images(tmp_path / "none")
    with pytest.raises(InputError, match="no image"):
        find_images(tmp_path)


def test_find_images_looks_below(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "deep" / "er" / "a.PNG")
    assert [path.name for path in find_images(tmp_path)] == ["a.PNG"]


def test_read_image_scales_and_converts(tmp_path):
    Image.new("RGBA", (40, 20), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    np.testing.assert_array_equal(read_image(tmp_path / "clear.png"), np.full((20, 40, 3), 255))
    assert read_image(tmp_path / "clear.png", short_side=10).shape == (10, 20, 3)
    assert read_image(tmp_path / "clear.png", width=80).shape == (40, 80, 3)
    Image.new("L", (5, 7)).save(tmp_path / "grey.png")
    assert read_image(tmp_path / "grey.png").shape == (7, 5, 3)


def test_read_image_turns_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").shape == (40, 20, 3)
