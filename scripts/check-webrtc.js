// What the browsers of check-webrtc run: a camera that draws numbers, and a viewer that reads them.
const BITS = 16, ROWS = 2, PAIRS = BITS / ROWS, STRIP = 2 / 9, CHECK = 13;

/** Publishes a canvas: each frame has the milliseconds of its drawing, of the last 4096 that there
 *  are, and a check sum; with each full second it blinks, and a beep is heard. */
window.film = async (name, width, height, rate) => {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  const audio = new AudioContext();
  const sound = audio.createMediaStreamDestination(), gain = audio.createGain();
  const tone = new OscillatorNode(audio, { frequency: 880 });
  gain.gain.value = 0;
  tone.connect(gain).connect(sound);
  tone.start();
  let last = 0;
  const draw = () => {
    const now = Date.now(), step = Math.floor(now / 1000);
    context.fillStyle = `hsl(${now / 20 % 360} 40% 50%)`;
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#345";
    context.beginPath();
    context.arc(width / 2 + width / 4 * Math.sin(now / 700), height * 0.62, height / 5, 0, 7);
    context.fill();
    const value = now % 4096, bits = (value << 4 | value * 7 % CHECK) >>> 0;
    for (let bit = 0; bit < BITS; bit++) cell(bit, bits >> (BITS - 1 - bit) & 1);
    if (step !== last) {
      gain.gain.setValueAtTime(0.5, audio.currentTime);
      gain.gain.setValueAtTime(0, audio.currentTime + 0.1);
      context.fillStyle = "#fff";
      context.fillRect(0, height * 0.9, width, height * 0.1);
    } else {
      context.fillStyle = "#000";
      context.fillRect(0, height * 0.9, width, height * 0.1);
    }
    last = step;
  };
  const cell = (bit, value) => {
    const row = Math.floor(bit / PAIRS), pair = bit % PAIRS;
    const w = width / (2 * PAIRS), h = height * STRIP / ROWS;
    context.fillStyle = value ? "#fff" : "#000";
    context.fillRect(2 * pair * w, row * h, w, h);
    context.fillStyle = value ? "#000" : "#fff";
    context.fillRect((2 * pair + 1) * w, row * h, w, h);
  };
  draw();
  setInterval(draw, 1000 / rate);
  const stream = canvas.captureStream(rate);
  stream.addTrack(sound.stream.getAudioTracks()[0]);
  camera.connection = publish(`streams/${name}/whip`, stream, () => {});
};

/** Watches a stream: `seen` gets the delay of each frame, `heard` the time from blink to beep. */
window.look = (name) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  document.body.prepend(video);
  window.seen = [];
  window.heard = [];
  window.viewer = watch(`streams/${name}/whep`, video, () => {});
  let blinked = 0, lit = false;
  const frame = () => {
    context.drawImage(video, 0, 0, 320, 180);
    const now = Date.now(), pixels = context.getImageData(0, 0, 320, 180).data;
    const light = (x, y) => {
      let sum = 0;
      for (let v = -3; v < 4; v++) for (let u = -2; u < 3; u++) {
        const at = 4 * ((y + v) * 320 + x + u);
        sum += pixels[at] + pixels[at + 1] + pixels[at + 2];
      }
      return sum / 105;
    };
    let bits = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const y = Math.round(180 * STRIP / ROWS * (Math.floor(bit / PAIRS) + 0.5)), x = 20 * (bit % PAIRS);
      bits = bits << 1 | (light(2 * x + 10, y) > light(2 * x + 30, y));
    }
    const value = bits >> 4;
    if ((bits & 15) === value * 7 % CHECK) seen.push(((now % 4096) - value + 4096) % 4096);
    const isLit = light(160, 171) > 140;
    if (isLit && !lit) blinked = now;
    lit = isLit;
    video.requestVideoFrameCallback(frame);
  };
  video.requestVideoFrameCallback(frame);
  viewer.peer?.addEventListener("track", ({ track }) => {
    if (track.kind !== "audio") return;
    const audio = new AudioContext(), analyser = audio.createAnalyser();
    analyser.fftSize = 256;
    audio.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const data = new Float32Array(analyser.fftSize);
    let silent = true;
    setInterval(() => {
      analyser.getFloatTimeDomainData(data);
      const loud = data.some((value) => Math.abs(value) > 0.1), now = Date.now();
      if (loud && silent) setTimeout(() => {
        if (Math.abs(now - blinked) < 500) heard.push(now - blinked);
      }, 400);
      silent = !loud;
    }, 5);
  });
};
