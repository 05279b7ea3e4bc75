"""Cards as text."""

import pytest

from ffmpeg_style.graphs.card import card_lines, training_lines

RUN = {
    "steps": 1500,
    "batch": 1,
    "size": 256,
    "style_size": 800,
    "weights": {"content": 5.0, "style": 8.0, "total_variation": 0.001},
    "data": "341 photographs",
}


def test_runs_are_told_from_the_first_to_the_last():
    last = {**RUN, "teacher": "wave", "steps": 600, "start": RUN}
    assert training_lines(last) == [
        "1,500 steps of 1 crop of 256x256 pixels; the painting's short side at 800; "
        "5 content + 8 style + 0.001 total variation",
        "600 steps of 1 crop of 256x256 pixels; the pictures of a larger network",
    ]


@pytest.mark.parametrize(
    ("trained", "text"),
    [
        ({}, []),
        ("by hand", ["by hand"]),
        ({"steps": "many"}, ["steps many"]),
        ({**RUN, "weights": None}, 1),
        ({"steps": 3, "start": "another"}, ["another", "steps 3"]),
    ],
)
def test_what_another_hand_wrote_is_told_as_it_stands(trained, text):
    assert training_lines(trained) == text or len(training_lines(trained)) == text


def test_lines_of_a_card():
    lines = card_lines({"name": "wave", "styles": ["a", "b"], "trained": RUN, "licence": "CC0-1.0"})
    assert lines[:2] == ["name            wave", "styles          a, b"]
    assert lines[2].startswith("trained         1,500 steps")
    assert lines[3:] == ["data            341 photographs", "licence         CC0-1.0"]
    assert card_lines({"trained": {}}) == []
