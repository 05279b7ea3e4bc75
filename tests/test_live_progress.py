"""What the server makes of the lines that a painter writes."""

from ffmpeg_style.live.progress import Progress


def test_frames_are_counted_each_in_a_place_of_its_own():
    progress = Progress()
    for timestamp in range(0, 500, 100):
        progress.read_arrival(f"0, {timestamp:10}, {timestamp:10},      100,     1234, 0x12345678")
    progress.read_painting("frame:0    pts:0       pts_time:0")
    for kind, count in (("in", 70), ("painted", 80), ("dropped", 2), ("delay", 0.1)):
        progress.read_painting(f"lavfi.styletransfer.{kind}={count}")
    assert progress.frames == {"in": 5, "painted": 1, "dropped": 2}


def test_last_line_of_the_filter_counts_what_was_dropped_since_the_last_painting():
    progress = Progress()
    last = "in 70, painted 80, dropped {}, passed 0, in flight 0, delay 0.1 s"
    for dropped in (3, 2):
        progress.read_log(f"[Parsed_styletransfer_1 @ 0x1] [info] {last.format(dropped)}")
    assert progress.frames == {"in": 0, "painted": 0, "dropped": 3}


def test_lines_of_others_count_nothing():
    progress = Progress()
    for take in (progress.read_arrival, progress.read_painting, progress.read_log):
        take("#codec_id 0: h264")
        take("")
    assert progress.frames == {"in": 0, "painted": 0, "dropped": 0}
