"use strict";

const RETRY = 1000; // milliseconds before another try
const PATIENCE = 5000; // milliseconds for which a connection that is cut may come back by itself

/** Exchanges an offer for the server's answer; returns the session's address. No address of this
 *  device is told: the server answers to where the first packets come from. */
async function negotiate(peer, address) {
  await peer.setLocalDescription();
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: peer.localDescription.sdp,
  });
  const text = await answer.text();
  if (!answer.ok) throw Object.assign(new Error(text), { status: answer.status });
  const session = answer.headers.get("Location");
  await peer.setRemoteDescription({ type: "answer", sdp: text });
  return session;
}

function endSession(session) {
  if (session) fetch(session, { method: "DELETE", keepalive: true }).catch(() => {});
}

/** A connection that is made by `open`, and again whenever it is lost, until `close`. */
class Connection {
  /** `prepare(peer)` adds what is sent or received; `tell(state, error)` hears of "connected",
   *  "lost" and "refused". */
  constructor(address, prepare, tell) {
    Object.assign(this, { address, prepare, tell });
    // A page that is closed says so, so that its name is free at once.
    this.leave = () => endSession(this.session);
    addEventListener("pagehide", this.leave);
  }

  async open() {
    const peer = this.peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    peer.addEventListener("connectionstatechange", () => this.follow(peer));
    try {
      await this.prepare(peer);
      const session = await negotiate(peer, this.address);
      if (this.closed || peer !== this.peer) return endSession(session);
      this.session = session;
    } catch (error) {
      if (peer !== this.peer) return;
      this.tell(error.status >= 400 && error.status < 500 ? "refused" : "lost", error);
      this.again();
    }
  }

  follow(peer) {
    if (peer !== this.peer) return;
    clearTimeout(this.patience);
    if (peer.connectionState === "connected") this.tell("connected");
    if (peer.connectionState === "disconnected") this.patience = setTimeout(() => this.again(), PATIENCE);
    if (["disconnected", "failed"].includes(peer.connectionState)) this.tell("lost");
    if (["failed", "closed"].includes(peer.connectionState)) this.again();
  }

  again() {
    this.drop();
    if (!this.closed) this.timer = setTimeout(() => this.open(), RETRY);
  }

  drop() {
    clearTimeout(this.patience);
    clearTimeout(this.timer);
    endSession(this.session);
    this.peer?.close();
    this.session = this.peer = null;
  }

  close() {
    this.closed = true;
    removeEventListener("pagehide", this.leave);
    this.drop();
  }
}

/** Sends a stream's tracks to the server; smooth motion matters more than sharpness. `send` goes on
 *  with another stream. */
function publish(address, stream, tell) {
  const prepare = (peer) => {
    for (const track of connection.stream.getTracks()) {
      if (track.kind === "video") track.contentHint = "motion";
      peer.addTransceiver(track, { direction: "sendonly", streams: [connection.stream] });
    }
  };
  const connection = new Connection(address, prepare, tell);
  connection.stream = stream;
  connection.send = (other) => {
    connection.stream = other;
    for (const { sender } of connection.peer?.getTransceivers() || []) {
      const track = other.getTracks().find((track) => track.kind === sender.track?.kind);
      if (track) sender.replaceTrack(track).catch(() => connection.again());
    }
  };
  connection.open();
  return connection;
}

/** Shows a stream in a video element, once it is connected. */
function watch(address, video, tell) {
  let shown;
  const prepare = (peer) => {
    shown = new MediaStream();
    for (const kind of ["video", "audio"]) peer.addTransceiver(kind, { direction: "recvonly" });
    peer.addEventListener("track", (event) => {
      if ("jitterBufferTarget" in event.receiver) event.receiver.jitterBufferTarget = 0;
      shown.addTrack(event.track);
    });
  };
  const connection = new Connection(address, prepare, (state, error) => {
    tell(state, error);
    if (state !== "connected" || video.srcObject === shown) return;
    video.srcObject = shown;
    video.play().catch(() => {}); // a browser may want a tap first
  });
  connection.open();
  return connection;
}
