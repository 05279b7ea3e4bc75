"""Cameras and viewers in real browsers: the page's functions, without the page around them."""

from helpers.live import KEY, wait_for

LOAD = """
const [key, done] = arguments;
const script = document.createElement("script");
script.src = "/static/webrtc.js";
script.onload = () => fetch("/session", {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key }),
}).then(() => done());
document.head.append(script);
"""
PUBLISH = """
const [name, size, done] = arguments;
navigator.mediaDevices.getUserMedia({ video: size, audio: true }).then((stream) => {
  window.states = [];
  window.camera = publish(`streams/${name}/whip`, stream, (state) => states.push(state));
  done();
});
"""
WATCH = """
const video = document.createElement("video");
Object.assign(video, { muted: true, autoplay: true, playsInline: true, id: "watched" });
document.body.prepend(video);
window.viewer = watch(arguments[0], video, () => {});
"""
STATISTICS = """
const done = arguments[arguments.length - 1];
viewer.peer.getStats().then((all) => {
  const of = (kind) => [...all.values()].find((s) => s.type === "inbound-rtp" && s.kind === kind);
  const video = document.querySelector("#watched");
  done({ frames: of("video")?.framesDecoded ?? 0, sound: of("audio")?.packetsReceived ?? 0,
    size: [video.videoWidth, video.videoHeight] });
});
"""
COLORS = """
const canvas = document.createElement("canvas");
canvas.width = canvas.height = 1;
const context = canvas.getContext("2d");
context.drawImage(document.querySelector("#watched"), 0, 0, 1, 1);
return Array.from(context.getImageData(0, 0, 1, 1).data).slice(0, 3);
"""


def open_page(browser, server):
    """Opens a page that the server hasn't, and so shows nothing, and gives it the key."""
    browser.get(f"http://127.0.0.1:{server.http_port}/nothing")
    browser.execute_async_script(LOAD, KEY)


def publish(browser, name, width=320, height=180, rate=15):
    """Publishes the browser's camera by WHIP."""
    size = {"width": width, "height": height, "frameRate": rate}
    browser.execute_async_script(PUBLISH, name, size)


def watch(browser, name, what="whep"):
    """Watches a stream by WHEP in an element of its own."""
    browser.execute_script(WATCH, f"streams/{name}/{what}")


def statistics(browser):
    """What the viewer has received: "frames", packets of "sound", and the picture's "size"."""
    return browser.execute_async_script(STATISTICS)


def wait_for_frames(browser, count=5):
    """Waits until so many more frames were shown; returns the picture's (width, height)."""
    before = statistics(browser)["frames"]
    wait_for(lambda: statistics(browser)["frames"] >= before + count)
    return tuple(statistics(browser)["size"])


def mutated(offer, source):
    """An offer that lacks lines, or has them twice, cut, swapped, or with other numbers."""
    lines = offer.split("\r\n")
    for _ in range(source.randrange(1, 8)):
        index = source.randrange(len(lines))
        line = lines[index]
        lines[index : index + 1] = source.choice(
            (
                [],
                [line, line],
                [line[: source.randrange(len(line) + 1)]],
                ["".join(source.sample(line, len(line)))],
                [line.replace("1", "99999999999999999999")],
                [line + "\x00" * 50],
                [f"a=candidate:1 1 udp 1 203.0.113.{n} 9 typ host" for n in range(200)],
            )
        )
    return "\r\n".join(lines)
