"use strict";

const POLL = 1000; // milliseconds between two looks at /status
const TARGET = 1.2, LATEST = 3; // seconds behind the live edge: aimed at, and put up with
const LINGER = 20000; // milliseconds for which a stream is shown whose camera is gone
const MAX_PAINTING = 20e6; // bytes of a picture's file that the server takes
const TOLD = 15000; // milliseconds for which it is told why a picture was refused
const WEBRTC_TIME = 4000; // milliseconds after which HLS is shown until WebRTC comes
const cards = new Map();
const $ = (selector, root = document) => root.querySelector(selector);

function post(path, body) {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Plays a live playlist in a video element; returns a function that ends it. */
function play(video, address) {
  const start = () => video.play().catch(() => {}); // a browser may want a tap first
  if (!window.Hls || !Hls.isSupported()) { // phones that play HLS by themselves
    video.src = address;
    start();
    return () => { video.removeAttribute("src"); video.load(); };
  }
  let hls, again;
  const open = () => {
    hls = new Hls({
      liveSyncDuration: TARGET,
      liveMaxLatencyDuration: LATEST,
      maxLiveSyncPlaybackRate: 1.3,
      maxBufferLength: 4,
      backBufferLength: 5,
      manifestLoadPolicy: { default: {
        maxTimeToFirstByteMs: 5000, maxLoadTimeMs: 5000, timeoutRetry: null, errorRetry: null } },
    });
    hls.on(Hls.Events.MANIFEST_PARSED, start);
    hls.on(Hls.Events.ERROR, (_, error) => {
      if (!error.fatal) return;
      hls.destroy();
      again = setTimeout(open, 500);
    });
    hls.loadSource(address);
    hls.attachMedia(video);
    video.hls = hls;
  };
  open();
  return () => { clearTimeout(again); hls.destroy(); };
}

/** Shows a stream by WebRTC, and by HLS as long as that is not to be had; returns a function that
 *  ends it. */
function show(video, whep, playlist) {
  if (!window.RTCPeerConnection) return play(video, playlist);
  let isConnected = false, endHls = null;
  const fallBack = () => {
    clearTimeout(patience);
    if (!isConnected) endHls ??= play(video, playlist); // one that has been there comes back
  };
  const connection = watch(whep, video, (state) => {
    if (state === "refused") fallBack();
    if (state !== "connected") return;
    isConnected = true;
    clearTimeout(patience);
    endHls?.();
    endHls = null;
  });
  const patience = setTimeout(fallBack, WEBRTC_TIME);
  return () => {
    clearTimeout(patience);
    connection.close();
    endHls?.();
    video.srcObject = null;
  };
}

/** Saves what a video shows as a picture. */
function save(video, name) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((picture) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(picture);
    link.download = `${name}-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

class Card {
  constructor({ name, by }, styles) {
    this.name = name;
    this.by = by;
    this.address = `streams/${encodeURIComponent(name)}`;
    this.root = $("#stream").content.cloneNode(true).firstElementChild;
    this.root.dataset.name = name;
    $("h2", this.root).textContent = name;
    this.painted = $(".painted", this.root);
    this.source = $(".source", this.root);
    this.split = $(".split", this.root);
    this.painted.setAttribute("aria-label", `${name}, painted`);
    this.source.setAttribute("aria-label", `${name}, as it was filmed`);
    this.end = this.showPainting();
    this.split.addEventListener("input", () => this.divide());
    $(".compare", this.root).addEventListener("change", (event) => this.compare(event.target.checked));
    $(".still", this.root).addEventListener("click", () => save(this.painted, name));
    $(".full", this.root).addEventListener("click", () => this.fill());
    this.strength = this.slider($(".slider", this.root), (value) => ({ strength: value }));
    this.steady = this.slider($(".steadiness", this.root), (value) => ({ steady: value }));
    this.styles = new Map();
    if (styles.length > 1) for (const style of styles) this.addStyle(style);
    this.takePaintings($(".painting input", this.root));
    this.colors = $(".colors", this.root);
    this.colors.addEventListener("change", () =>
      this.send({ colors: this.colors.checked ? "content" : "style" }));
    this.painted.addEventListener("playing", () => $(".pictures", this.root).classList.add("shown"));
    $("#streams")[camera.isFilming(name) ? "prepend" : "append"](this.root);
  }

  /** Takes a painting from a file that is chosen, or dropped onto the stream. */
  takePaintings(input) {
    input.addEventListener("change", async () => {
      if (input.files.length) await this.sendPainting(input.files[0]);
      input.value = ""; // so that the same one can be chosen again
    });
    const mark = (isOver) => this.root.classList.toggle("over", isOver);
    this.root.addEventListener("dragover", () => mark(true));
    this.root.addEventListener("dragleave", () => mark(false));
    this.root.addEventListener("drop", (event) => {
      mark(false);
      this.sendPainting(event.dataTransfer.files[0]);
    });
    $(".unpaint", this.root).addEventListener("click", () => this.send({ painting: false }));
  }

  /** Why a file is not sent, or "". */
  objection(file) {
    if ($(".painting", this.root).hidden) {
      return "this model has styles of its own: a picture is for a model for any painting";
    }
    if ($(".controls", this.root).disabled) return "this needs the key: enter it above";
    if (!file) return "expected a picture’s file: save the picture, and drop that";
    return file.size > MAX_PAINTING ? `expected a picture of at most ${MAX_PAINTING / 1e6} MB` : "";
  }

  async sendPainting(file) {
    this.refuse(this.objection(file));
    if (this.refused) return;
    const chooser = $(".painting", this.root);
    chooser.classList.add("busy");
    const answer = await fetch(`${this.address}/painting`, {
      method: "POST",
      headers: { "Content-Type": file.type.startsWith("image/") ? file.type : "image/unknown" },
      body: file,
    }).catch(() => null);
    chooser.classList.remove("busy");
    this.refuse(!answer ? "the server does not answer" : answer.ok ? "" : await answer.text());
  }

  /** Tells for a while why a picture was refused; "": it was not. */
  refuse(reason) {
    clearTimeout(this.forgetting);
    this.refused = reason;
    this.note(null);
    if (reason) this.forgetting = setTimeout(() => this.refuse(""), TOLD);
  }

  /** What the server has to say of the stream, or of the last painting that was sent. */
  note(text) {
    this.told = text ?? this.told;
    const shown = this.refused || this.told || "";
    $(".note", this.root).textContent = shown;
    $(".note", this.root).hidden = !shown;
  }

  addStyle(style) {
    const label = $(".slider", this.root).cloneNode(true);
    label.firstChild.textContent = style;
    $(".styles", this.root).append(label);
    this.styles.set(style, this.slider(label, () => ({
      style: Object.fromEntries([...this.styles].map(([name, input]) => [name, Number(input.value)])),
    })));
  }

  slider(label, request) {
    const input = $("input", label);
    input.addEventListener("input", () => {
      $("output", label).textContent = Number(input.value).toFixed(2);
      this.send(request(Number(input.value)));
    });
    return input;
  }

  /** Sends what was asked for last, one request at a time. */
  async send(change) {
    this.wanted = { ...this.wanted, ...change };
    this.touched = Date.now();
    if (this.sending) return;
    this.sending = true;
    while (this.wanted) {
      const body = this.wanted;
      this.wanted = null;
      await post(`${this.address}/controls`, body).catch(() => {});
    }
    this.sending = false;
  }

  showPainting() {
    return show(this.painted, `${this.address}/whep`, `${this.address}/painted.m3u8`);
  }

  /** The source over the painting, up to where the slider is. Both come the same way, so that they
   *  are in step. */
  compare(shown) {
    this.source.hidden = this.split.hidden = !shown;
    this.painted.controls = !shown;
    this.endSource?.();
    this.endSource = null;
    if (this.by === "rtmp") {
      this.end();
      this.end = shown ? play(this.painted, `${this.address}/painted.m3u8`) : this.showPainting();
      if (shown) this.endSource = play(this.source, `${this.address}/source.m3u8`);
    } else if (shown) {
      const connection = watch(`${this.address}/whep/source`, this.source, () => {});
      this.endSource = () => connection.close();
    }
    this.divide();
  }

  divide() {
    this.source.style.clipPath = `inset(0 ${100 - this.split.value}% 0 0)`;
    this.split.style.setProperty("--at", this.split.value / 100);
  }

  fill() {
    const pictures = $(".pictures", this.root);
    if (document.fullscreenElement) document.exitFullscreen();
    else if (pictures.requestFullscreen) pictures.requestFullscreen().catch(() => {});
    else this.painted.webkitEnterFullscreen?.(); // iPhones show a video alone
  }

  /** The milliseconds for which the stream has been gone; its camera may come back. */
  miss() {
    $(".state", this.root).textContent = "the camera is gone";
    return Date.now() - (this.missed ??= Date.now());
  }

  update(stream, mayControl) {
    this.missed = null;
    this.by = stream.by;
    $(".state", this.root).textContent = stream.state;
    $(".delay", this.root).textContent = stream.delay === null ? "–" : `${stream.delay.toFixed(2)} s`;
    $(".in", this.root).textContent = stream.frames.in;
    $(".done", this.root).textContent = stream.frames.painted;
    $(".dropped", this.root).textContent = stream.frames.dropped;
    $(".viewers", this.root).textContent = stream.viewers;
    this.note(stream.note || "");
    $(".controls", this.root).disabled = !mayControl;
    if (Date.now() - (this.touched || 0) < 2 * POLL) return;
    const show = (input, value) => {
      input.value = value;
      input.nextElementSibling.textContent = value.toFixed(2);
    };
    show(this.strength, stream.controls.strength);
    show(this.steady, stream.controls.steady);
    for (const [name, input] of this.styles) show(input, stream.controls.style[name]);
    this.colors.checked = stream.controls.colors === "content";
    $(".unpaint", this.root).hidden = !stream.controls.painting;
  }

  remove() {
    this.end();
    this.endSource?.();
    this.root.remove();
  }
}

function update(status, linger = 0) {
  const names = new Set(status.streams.map((stream) => stream.name));
  for (const [name, card] of cards) {
    if (names.has(name) || card.miss() < linger) continue;
    card.remove();
    cards.delete(name);
  }
  for (const stream of status.streams) {
    if (!cards.has(stream.name)) cards.set(stream.name, new Card(stream, status.styles));
    cards.get(stream.name).update(stream, status.may_control);
    $(".painting", cards.get(stream.name).root).hidden = !status.any_painting;
  }
  $("#model").textContent = status.model;
  const port = status.rtmp_port === 1935 ? "" : `:${status.rtmp_port}`;
  const key = status.has_key ? "?key=KEY" : "";
  $("#publish code").textContent = `rtmp://${location.hostname}${port}/camera/NAME${key}`;
  $("#publish h2").hidden = names.size > 0;
  $("#publish").hidden = names.size >= status.max_streams;
  $("#login").hidden = status.may_control;
  $("#lock").hidden = !(status.has_key && status.may_control);
  $("#camera").hidden = !status.may_control;
  const isReached = status.page && !/\/(127\.|localhost|\[::1)/.test(status.page);
  $("#phone").hidden = !isReached || names.size > 0;
  const code = `qr.svg?${status.may_control}`; // with the key in it for those who have it
  if (isReached && $("#qr").getAttribute("src") !== code) $("#qr").src = code;
}

async function poll() {
  try {
    const answer = await fetch("status", { cache: "no-store" });
    $("#purpose").textContent = answer.status === 401 ? "watch" : "change the painting";
    if (answer.status === 401) update({ streams: [], styles: [], model: "", max_streams: 0, may_control: false });
    else update(await answer.json(), LINGER);
  } catch {
    $("#model").textContent = "the server does not answer";
  }
  setTimeout(poll, POLL);
}

$("#login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await post("session", { key: $("#key").value }).catch(() => null);
  $("#login-error").textContent = !answer ? "the server does not answer" : answer.ok ? "" : "wrong key";
  if (answer?.ok) $("#key").value = "";
});

$("#lock").addEventListener("click", () => fetch("session", { method: "DELETE" }).catch(() => {}));

/** A key that came with the address, by a QR code, is used and no longer shown. */
async function unlock() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  history.replaceState(null, "", location.pathname);
  await post("session", { key }).catch(() => {});
}

// What is dropped beside a stream is not opened in place of the page, which may be filming.
for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
unlock().then(poll);
