// The page: what is dropped goes to this machine's server, and comes back painted.

const MOST_BYTES = 4 * 2 ** 30;
const WAIT = 120; // milliseconds that a slider rests before a painting is asked for

const $ = (id) => document.getElementById(id);
let file = null;
let waiting = 0;
let shown = 0;

async function ask(path, options) {
  const answer = await fetch(path, options);
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

const take = guarded(async (dropped) => {
  if (!dropped) return;
  if (dropped.size > MOST_BYTES) {
    throw new Error(`${dropped.name} has ${(dropped.size / 1e9).toFixed(1)} GB, more than the page takes: paint it by ffmpeg-style FILE`);
  }
  $("model").textContent = `Reading ${dropped.name} …`;
  try {
    const answer = await ask(`files?name=${encodeURIComponent(dropped.name)}`, { method: "POST", body: dropped });
    file = await answer.json();
  } finally {
    $("model").textContent = "";
  }
  $("name").textContent = file.name;
  $("of-video").hidden = file.kind !== "video";
  $("second").max = Math.max((file.seconds || 0) - 0.1, 0).toFixed(1);
  $("second").value = 0;
  $("progress").textContent = "";
  $("desk").hidden = false;
  await show();
});

function options() {
  const chosen = { model: $("models").value, strength: $("strength").value };
  if (!$("style-row").hidden) chosen.style = $("style").value;
  if ($("colors").checked) chosen.colors = "content";
  if (file.kind === "video") chosen.steady = $("steady").value;
  return chosen;
}

async function show() {
  const number = ++shown;
  const what = $("source").checked ? "source" : "painted";
  const query = new URLSearchParams({ ...options(), second: file.kind === "video" ? $("second").value : 0 });
  const picture = await (await ask(`files/${file.id}/${what}?${query}`)).blob();
  if (number !== shown) return; // a later one was asked for
  URL.revokeObjectURL($("painted").src);
  $("painted").src = URL.createObjectURL(picture);
}

function soon() {
  for (const output of document.querySelectorAll("output")) {
    output.textContent = output.previousElementSibling.value;
  }
  clearTimeout(waiting);
  if (file) waiting = setTimeout(guarded(show), WAIT);
}

const save = guarded(async () => {
  $("save").disabled = true;
  try {
    const body = JSON.stringify(options());
    const { id } = await (await ask(`files/${file.id}/paintings`, { method: "POST", body })).json();
    let told;
    do {
      await new Promise((resolve) => setTimeout(resolve, 300));
      told = await (await ask(`paintings/${id}`)).json();
      $("progress").textContent = told.total ? `${told.frames} of ${told.total} frames` : "Painting …";
    } while (told.state === "painting");
    if (told.state === "failed") throw new Error(told.error);
    $("progress").textContent = `Saved as ${told.name}`;
    const link = document.createElement("a");
    link.href = `paintings/${id}/file`;
    link.download = told.name;
    link.click();
  } finally {
    $("save").disabled = false;
  }
});

function styles(models) {
  const { styles } = models.find((model) => model.name === $("models").value);
  $("style-row").hidden = styles.length < 2;
  $("style").replaceChildren(...styles.map((name) => new Option(name)));
}

guarded(async () => {
  const models = await (await ask("models")).json();
  $("models").replaceChildren(...models.map(({ name }) => new Option(name)));
  const first = models.find(({ name }) => name === "wave-fast");
  if (first) $("models").value = first.name;
  styles(models);
  $("models").addEventListener("change", () => styles(models));
})();

document.addEventListener("input", (event) => event.target.id !== "file" && soon());
$("file").addEventListener("change", () => take($("file").files[0]));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});
$("save").addEventListener("click", save);
