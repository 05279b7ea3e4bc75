// The page: what is dropped goes to this machine's server, and comes back painted.

const MOST_BYTES = 4 * 2 ** 30;
const WAIT = 120; // milliseconds that a slider rests before a painting is asked for
const FIRST = "wave-fast";

const $ = (id) => document.getElementById(id);
let models = [];
let file = null;
let painting = null; // whose style a model for any painting takes
let isSaving = false;
let waiting = 0;
let shown = 0;

async function ask(path, options) {
  const answer = await fetch(path, options).catch(() => {
    throw new Error("the program behind this page doesn't answer; where it has ended, start ffmpeg-style app again");
  });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({ error: `the server said ${answer.status}` }));
    throw new Error(told.error);
  }
  return answer;
}

function tell(error) {
  $("error").textContent = error ? error.message : "";
  $("error").hidden = !error;
}

function guarded(work) {
  return async (...values) => {
    try {
      tell(null);
      await work(...values);
    } catch (error) {
      tell(error);
    }
  };
}

async function send(dropped) {
  if (dropped.size > MOST_BYTES) {
    throw new Error(`${dropped.name} has ${(dropped.size / 1e9).toFixed(1)} GB, more than the page takes: paint it by ffmpeg-style FILE`);
  }
  $("told").textContent = `Reading ${dropped.name} …`;
  try {
    const answer = await ask(`files?name=${encodeURIComponent(dropped.name)}`, { method: "POST", body: dropped });
    return await answer.json();
  } finally {
    $("told").textContent = "";
  }
}

const take = guarded(async (dropped) => {
  if (!dropped) return;
  file = await send(dropped);
  const isVideo = file.kind === "video";
  $("name").textContent = file.name;
  $("of-video").hidden = !isVideo;
  $("second").max = Math.max((file.seconds || 0) - 0.1, 0).toFixed(1);
  $("second").value = 0;
  $("save").textContent = isVideo ? "Paint the video" : "Save the painting";
  $("progress").textContent = "";
  for (const image of document.querySelectorAll("#picture img, #models img[src*=thumbnail]")) image.removeAttribute("src");
  $("desk").hidden = $("another").hidden = false;
  $("drop").hidden = true;
  tellValues();
  await show();
  await showModels(file.id);
});

const takePainting = guarded(async (dropped) => {
  if (!dropped) return;
  const image = document.querySelector("#models .any img");
  if (!image) throw new Error("expected a model for any painting, found none");
  const sent = await send(dropped);
  if (sent.kind !== "photograph") throw new Error(`${sent.name} is a video; expected a picture of a painting`);
  painting = sent;
  document.querySelector("#models .any input").checked = true;
  styles();
  $("painting").textContent = sent.name;
  image.src = `files/${sent.id}/source`;
  await show();
});

const chosen = () => models.find(({ name }) => name === document.querySelector("#models :checked").value);

function options() {
  const found = { model: chosen().name, strength: $("strength").value };
  if (chosen().any) {
    found.painting = painting.id;
  }
  if (!$("style-row").hidden) found.style = $("style").value;
  if ($("colors").checked) found.colors = "content";
  if (file.kind === "video") found.steady = $("steady").value;
  return found;
}

const lacksPainting = () => chosen().any && !painting;

/** Says what is to be chosen before a painting can be saved. */
function tellLack() {
  if (isSaving) return;
  const lacks = lacksPainting();
  if (lacks || $("save").disabled) {
    $("progress").textContent = lacks ? "Choose a picture of a painting, or drop one on the styles." : "";
  }
  $("save").disabled = lacks;
}

async function show() {
  const number = ++shown; // what is on its way is of another file or model
  tellLack();
  const second = file.kind === "video" ? $("second").value : 0;
  $("desk").classList.add("busy");
  try {
    if ($("compare").checked) $("before").src = `files/${file.id}/source?second=${second}`;
    const query = lacksPainting() ? `source?second=${second}` : `painted?${new URLSearchParams({ ...options(), second })}`;
    const picture = await (await ask(`files/${file.id}/${query}`)).blob();
    if (number !== shown) return; // a later one was asked for
    URL.revokeObjectURL($("painted").src);
    $("painted").src = URL.createObjectURL(picture);
  } finally {
    if (number === shown) $("desk").classList.remove("busy");
  }
}

// The file in each model's style, one after the other: sliders are answered in between.
async function showModels(id) {
  for (const { name, any } of models) {
    if (any) continue; // it shows the painting that was chosen
    const image = document.querySelector(`#models [value="${name}"] + img`);
    image.src = `files/${id}/thumbnail?model=${encodeURIComponent(name)}`;
    await image.decode().catch(() => {});
    if (file.id !== id) return;
  }
}

function tellValues() {
  for (const output of document.querySelectorAll("output")) {
    output.textContent = output.previousElementSibling.value;
  }
}

function soon() {
  tellValues();
  clearTimeout(waiting);
  if (file) waiting = setTimeout(guarded(show), WAIT);
}

function divide() {
  const at = $("split").value;
  $("before").style.clipPath = `inset(0 ${100 - at}% 0 0)`;
  $("split").style.setProperty("--at", at / 100);
}

function compare() {
  $("before").hidden = $("split").hidden = !$("compare").checked;
  divide();
  soon();
}

const save = guarded(async () => {
  isSaving = $("save").disabled = true;
  $("bar").removeAttribute("value");
  $("bar").hidden = false;
  $("progress").textContent = "Painting …";
  try {
    const body = JSON.stringify(options());
    const { id } = await (await ask(`files/${file.id}/paintings`, { method: "POST", body })).json();
    const told = await end(id);
    if (told.state === "failed") throw new Error(told.error);
    $("progress").textContent = `Saved as ${told.name}`;
    const link = document.createElement("a");
    link.href = `paintings/${id}/file`;
    link.download = told.name;
    link.click();
  } catch (error) {
    $("progress").textContent = "";
    throw error;
  } finally {
    isSaving = false;
    $("save").disabled = lacksPainting();
    $("bar").hidden = true;
  }
});

async function end(id) {
  for (;;) {
    const told = await (await ask(`paintings/${id}`)).json();
    if (told.state !== "painting") return told;
    if (told.total) {
      $("bar").max = told.total;
      $("bar").value = told.frames;
      $("progress").textContent = `Painting: ${told.frames} of ${told.total} frames`;
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function styles() {
  const { any, styles } = chosen();
  $("painting-row").hidden = !any;
  $("style-row").hidden = any || styles.length < 2;
  $("style").replaceChildren(...styles.map((name) => new Option(name)));
}

function tile({ name, any }) {
  const label = document.createElement("label");
  const radio = document.createElement("input");
  const image = document.createElement("img");
  Object.assign(radio, { type: "radio", name: "model", value: name, className: "hidden" });
  radio.checked = name === FIRST;
  image.alt = "";
  if (any) image.src = "painting.svg"; // a place for the painting that is chosen
  label.classList.toggle("any", any);
  label.append(radio, image, any ? `${name}: your picture` : name);
  return label;
}

guarded(async () => {
  models = await (await ask("models")).json();
  models.sort((one, other) => one.any - other.any || (other.name === FIRST) - (one.name === FIRST));
  $("models").replaceChildren(...models.map(tile));
  if (!document.querySelector("#models :checked")) document.querySelector("#models input").checked = true;
  styles();
})();

$("models").addEventListener("change", styles);
$("desk").addEventListener("input", ({ target }) => !["compare", "split", "style-file"].includes(target.id) && soon());
$("compare").addEventListener("change", compare);
$("split").addEventListener("input", divide);
$("save").addEventListener("click", save);
for (const input of document.querySelectorAll("[type=file]")) {
  input.addEventListener("change", () => {
    (input.id === "style-file" ? takePainting : take)(input.files[0]);
    input.value = ""; // the same file may be chosen again
  });
}
// What is dropped on the styles is a painting; anywhere else it is what is to be painted.
const isStyle = ({ target }) => Boolean(target.closest("aside"));
function mark(isOver, isOnStyles) {
  document.body.classList.toggle("dropping", isOver && !isOnStyles);
  document.querySelector("aside").classList.toggle("over", isOver && isOnStyles);
}
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  mark(true, isStyle(event));
});
document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || mark(false));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  mark(false);
  (isStyle(event) ? takePainting : take)(event.dataTransfer.files[0]);
});
