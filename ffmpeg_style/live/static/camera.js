"use strict";

const STILL = 500; // milliseconds between two frames of a still picture: so often a painter wants one

/** This device as a camera: its form, its buttons, and what becomes of them. */
const camera = {
  facing: "environment",
  stream: null,
  connection: null,

  /** Sets the buttons up; `start` and `stop` are for the page's own needs. */
  prepare() {
    const find = (id) => document.getElementById(id);
    Object.assign(this, { form: find("film"), filming: find("filming"), preview: find("preview") });
    Object.assign(this, { note: find("camera-note"), name: find("camera-name"), size: find("size") });
    Object.assign(this, { pauseButton: find("pause"), sound: find("sound"), flipButton: find("flip") });
    this.name.value = localStorage.getItem("camera") || `camera-${Math.random().toString(36).slice(2, 6)}`;
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.start(); });
    find("stop").addEventListener("click", () => this.stop());
    this.pauseButton.addEventListener("click", () => this.pause(!this.isPaused));
    this.flipButton.addEventListener("click", () => this.flip());
    this.size.addEventListener("change", () => this.change());
    this.sound.addEventListener("change", () => this.hear());
    document.addEventListener("visibilitychange", () => this.wake());
    screen.orientation?.addEventListener("change", () => this.change());
    if (!navigator.mediaDevices) this.explain();
  },

  explain() {
    const port = location.port ? `:${location.port}` : "";
    this.form.querySelector("button").disabled = true;
    this.say("Browsers give their camera to secure pages only: start the server with --https, or open "
      + `http://localhost${port}/ on the machine that it runs on.`);
  },

  say(text) {
    this.note.textContent = text;
  },

  /** Whether a stream is this device's own. */
  isFilming(name) {
    return this.connection !== null && name === this.name.value;
  },

  get isPaused() {
    return this.pauseButton.getAttribute("aria-pressed") === "true";
  },

  async start() {
    localStorage.setItem("camera", this.name.value);
    this.say("Allow the camera when the browser asks for it.");
    if (!await this.film()) return;
    this.form.hidden = true;
    this.filming.hidden = false;
    const address = `streams/${encodeURIComponent(this.name.value)}/whip`;
    this.connection = publish(address, this.stream, (state, error) => this.follow(state, error));
    this.keepAwake();
  },

  /** Opens the camera as it is to be now; a connection goes on with it. */
  async film() {
    const height = Number(this.size.value);
    const video = { facingMode: this.facing, height: { ideal: height }, width: { ideal: height * 16 / 9 }, frameRate: { ideal: 30, max: 30 } };
    const audio = { echoCancellation: false, noiseSuppression: false };
    // A phone opens one camera at a time; a still picture goes on until there is one.
    if (!this.isPaused) for (const track of this.stream?.getVideoTracks() || []) track.stop();
    const turn = this.turn = Symbol("the last time that the camera was asked for");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video, audio })
        .catch(() => navigator.mediaDevices.getUserMedia({ video })); // there may be no microphone
    } catch (error) {
      if (turn !== this.turn) return false;
      this.say(error.name === "NotAllowedError" ? "The browser was not allowed to use the camera."
        : `The camera can’t be used: ${error.message}`);
      return false;
    }
    if (turn !== this.turn) { // stopped meanwhile, or asked for once more
      for (const track of stream.getTracks()) track.stop();
      return false;
    }
    for (const track of this.stream?.getTracks() || []) track.stop();
    this.use(stream, false);
    return true;
  },

  /** Shows and sends a stream; one that is not paused is the camera's own. */
  use(stream, isPaused) {
    clearInterval(this.drawing);
    this.stream = this.preview.srcObject = stream;
    this.pauseButton.setAttribute("aria-pressed", isPaused);
    this.pauseButton.textContent = isPaused ? "Go on" : "Pause";
    this.hear();
    this.connection?.send(stream);
  },

  /** Films as it is chosen by now, once it is not paused. */
  change() {
    if (this.connection && !this.isPaused) this.film();
  },

  hear() {
    for (const track of this.stream.getAudioTracks()) track.enabled = !this.isPaused && this.sound.checked;
  },

  follow(state, error) {
    if (state === "connected") this.say("");
    if (state === "lost") this.say("The connection is lost; it is made again.");
    if (state === "refused") this.say(error.status === 401 ? "Filming needs the key: enter it above." : `${error.message}.`);
  },

  /** The camera is off while it is paused, and what it filmed last is sent in its place. */
  pause(paused) {
    if (!paused) return this.film();
    if (!this.preview.videoWidth) return; // nothing to show yet
    this.turn = null; // a camera that is being opened
    const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
    [canvas.width, canvas.height] = [this.preview.videoWidth, this.preview.videoHeight];
    context.drawImage(this.preview, 0, 0);
    const still = canvas.captureStream();
    for (const track of this.stream.getVideoTracks()) track.stop();
    for (const track of this.stream.getAudioTracks()) still.addTrack(track);
    this.use(still, true);
    this.drawing = setInterval(() => context.drawImage(canvas, 0, 0), STILL); // a frame each
  },

  flip() {
    this.facing = this.facing === "user" ? "environment" : "user";
    this.change();
  },

  /** A phone that slept may have lost its camera, and its wish to stay awake. */
  wake() {
    if (document.hidden || !this.connection) return;
    this.keepAwake();
    if (this.stream.getVideoTracks().some((track) => track.readyState === "ended")) this.change();
  },

  keepAwake() {
    navigator.wakeLock?.request("screen").then((lock) => { this.lock = lock; }).catch(() => {});
  },

  stop() {
    this.turn = null;
    clearInterval(this.drawing);
    this.connection?.close();
    this.connection = null;
    this.lock?.release();
    for (const track of this.stream.getTracks()) track.stop();
    this.stream = this.preview.srcObject = null;
    this.filming.hidden = true;
    this.form.hidden = false;
    this.say("");
  },
};

camera.prepare();
