"""Invented motion, and what is charged for paintings that do not follow it."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from ffmpeg_style.learning.consistency import consistency_loss, look_up, valid
from ffmpeg_style.learning.motion import REACH, disturbed, invent_pair, moved, smooth_flow

SIDE = 48


def region(seed=0, side=SIDE):
    """A smooth picture with its border, uint8."""
    random = np.random.default_rng(seed)
    whole = side + 2 * REACH
    coarse = random.uniform(0, 255, (1, whole // 8, whole // 8, 3)).astype("float32")
    return np.asarray(ops.image.resize(coarse, (whole, whole), "bicubic"))[0].clip(0, 255)


def batch(*arrays):
    return [np.asarray(array, "float32")[None] for array in arrays]


def test_whole_pixels_are_looked_up_as_they_are():
    picture = region()[None]
    flow = np.broadcast_to(np.array([3, -2], "float32"), (1, *picture.shape[1:3], 2))
    looked_up = np.asarray(look_up(picture, flow))
    np.testing.assert_allclose(looked_up[0, :-3, 2:], picture[0, 3:, :-2], atol=1e-3)
    mask = np.asarray(valid(flow))[0]
    assert mask[:-3, 2:].all() and not mask[-3:].any() and not mask[:, :2].any()


def test_the_flow_of_a_pair_is_its_true_motion():
    """And of every kind: a third still, a third by whole pixels, a third by anything."""
    kinds = []
    for seed in range(30):
        pair = invent_pair(region(seed).round().astype("uint8"), np.random.default_rng(seed))
        looked_up = np.asarray(look_up(*batch(pair.first, pair.flow)))[0]
        seen = np.asarray(valid(*batch(pair.flow)))[0] > 0
        # Noise of 8 levels at the most, light of 8 % and 6 levels; no two places are alike.
        assert np.abs(looked_up - pair.second)[seen].mean() < 30
        assert seen.mean() > 0.3
        still, whole = not pair.flow.any(), not (pair.flow % 1).any()
        kinds.append(2 * still + whole)
    assert {kinds.count(3) > 4, kinds.count(1) > 4, kinds.count(0) > 4} == {True}


def test_smooth_motion_is_looked_up_closely_and_stays_within_reach():
    for seed in range(5):
        flow = smooth_flow(SIDE, SIDE, np.random.default_rng(seed))
        assert np.abs(flow).max() <= REACH - 3
        picture = region(seed)
        second = moved(picture, flow)
        looked_up = np.asarray(look_up(*batch(picture[REACH:-REACH, REACH:-REACH], flow)))[0]
        seen = np.asarray(valid(*batch(flow)))[0] > 0
        assert np.abs(looked_up - second)[seen].mean() < 2


def test_a_disturbed_picture_is_the_same_picture():
    picture = region()
    changes = [
        np.abs(disturbed(picture, np.random.default_rng(seed)) - picture).mean()
        for seed in range(40)
    ]
    assert max(changes) < 30 and np.median(changes) > 1


def loss(paint, pair):
    first, second, flow = batch(*pair)
    return float(consistency_loss(paint(first), paint(second), first, second, flow)[0])


def test_a_painter_that_follows_pays_nothing_and_one_that_stays_pays():
    random = np.random.default_rng(0)
    veil = random.uniform(-40, 40, (1, SIDE, SIDE, 3)).astype("float32")
    picture = region()
    for shift in (0, 0), (5, -7):
        top, left = REACH + shift[0], REACH + shift[1]
        second = picture[top : top + SIDE, left : left + SIDE]
        flow = np.broadcast_to(np.array(shift, "float32"), (SIDE, SIDE, 2))
        pair = picture[REACH:-REACH, REACH:-REACH], second, flow
        assert loss(lambda images: 255 - images, pair) == pytest.approx(0, abs=1e-4)
        stays = loss(lambda images: images + veil, pair)
        assert stays == pytest.approx(0, abs=1e-4) if shift == (0, 0) else stays > 0.05


def test_light_is_excused_and_noise_is_not():
    picture, still = region()[REACH:-REACH, REACH:-REACH], np.zeros((SIDE, SIDE, 2))
    noise = np.random.default_rng(0).normal(0, 8, picture.shape)
    assert loss(lambda images: images, (picture, picture + 12, still)) == pytest.approx(0, abs=1e-3)
    # The mean absolute value of the noise, less a little of its own mean over the window.
    expected = 8 * np.sqrt(2 / np.pi) / 255
    assert loss(lambda images: images, (picture, picture + noise, still)) == pytest.approx(
        expected, rel=0.15
    )


def test_each_painting_of_a_source_is_judged_by_itself():
    first, second, flow = batch(*invent_pair(region().astype("uint8"), np.random.default_rng(2)))
    others = [1 - first, second * 0.5 + 99]
    paintings = np.concatenate([first, others[0]]), np.concatenate([second, others[1]])
    both = np.asarray(consistency_loss(*paintings, first, second, flow))
    alone = [
        float(consistency_loss(one[None], other[None], first, second, flow)[0])
        for one, other in zip(*paintings, strict=True)
    ]
    np.testing.assert_allclose(both, alone, rtol=1e-4)


def test_both_paintings_are_taught():
    first, second, flow = batch(*invent_pair(region().astype("uint8"), np.random.default_rng(4)))
    paintings = [tf.constant(255 - first), tf.constant(second * 0.9)]
    with tf.GradientTape() as tape:
        tape.watch(paintings)
        charged = consistency_loss(*paintings, first, second, flow)
    for gradient in tape.gradient(charged, paintings):
        assert np.abs(gradient).max() > 0
