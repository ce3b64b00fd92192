// The page of a run: settings, a sheet of pictures, and a worker that draws them. The address holds the settings.

import { bytesOf } from "./weights.js";

const GAP = 1; // pixels between pictures
const LARGEST = 560; // of the sheet on the screen, its longer side

const find = (id) => document.getElementById(id);
const about = JSON.parse(find("about").textContent);
const weights = bytesOf(find("weights").textContent).buffer;
const source = new Blob([find("worker").textContent], { type: "text/javascript" });
const [channels, height, width] = about.shape;
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const fields = Object.fromEntries(["class", "guidance", "count", "steps", "sampler", "seed"].map((name) => [name, find(name)]));
const [form, start, said, bar, left, sheet, save] = ["settings", "start", "said", "bar", "left", "sheet", "save"].map(find);
let worker = null;

// --- settings -----------------------------------------------------------------------------------------------------------

const option = (value, label = value) => Object.assign(document.createElement("option"), { value, textContent: label });
fields.class.append(option("", "any"), option("*", "each in turn"), ...about.classes.map((name, i) => option(String(i), name)));
fields.steps.append(...Object.keys(about.grids).map((steps) => option(steps)));
fields.sampler.append(...about.samplers.map(({ name }) => option(name)));
for (const each of document.querySelectorAll("[data-of=classes]")) each.hidden = about.classes.length === 0;

function read() {
  const asked = { class: "", guidance: 1, count: 16, steps: about.steps, sampler: about.sampler, seed: 0, ...Object.fromEntries(new URLSearchParams(location.hash.slice(1))) };
  for (const [name, field] of Object.entries(fields)) {
    const before = field.value;
    field.value = asked[name];
    if (field.value === "" && asked[name] !== "") field.value = before; // a link that says what there is not
  }
  follows();
}

/** What a sampler is; and guidance follows a class: without one there is nothing to be stronger. */
function follows() {
  find("what").textContent = about.samplers.find(({ name }) => name === fields.sampler.value).about;
  fields.guidance.disabled = fields.class.value === "";
}

function write() {
  const query = new URLSearchParams(Object.entries(fields).filter(([, field]) => field.value !== "").map(([name, field]) => [name, field.value]));
  history.replaceState(null, "", `#${query}`);
}

function asked() {
  const chosen = fields.class.value;
  const classes = chosen === "" ? [] : chosen === "*" ? about.classes.map((_, i) => i) : [Number(chosen)];
  return {
    count: Number(fields.count.value),
    seed: Number(fields.seed.value),
    steps: fields.steps.value,
    sampler: fields.sampler.value,
    classes,
    guidance: classes.length ? Number(fields.guidance.value) : 1,
  };
}

// --- drawing ------------------------------------------------------------------------------------------------------------

function draw() {
  stop();
  if (!form.reportValidity()) return;
  write();
  const order = asked();
  const began = performance.now();
  const address = URL.createObjectURL(source);
  worker = new Worker(address);
  busy(true);
  said.textContent = `Drawing ${order.count === 1 ? "a picture" : `${order.count} pictures`} …`;
  bar.removeAttribute("value");
  left.textContent = "";
  save.hidden = true;
  worker.onmessage = ({ data }) => {
    if (data.end) {
      URL.revokeObjectURL(address);
      paint(data.pictures, order);
      stop();
      const seconds = (performance.now() - began) / 1000;
      said.textContent = `${told(order)}: ${seconds < 1 ? "under a second" : `${Math.round(seconds)} s`} in this browser.`;
      save.hidden = false;
      return;
    }
    Object.assign(bar, { max: data.total, value: data.done });
    const rest = ((performance.now() - began) / 1000) * (data.total / data.done - 1);
    left.textContent = `${Math.round((100 * data.done) / data.total)} %, ${rest < 1 ? "under a second" : rest < 90 ? `${Math.round(rest)} s` : `${Math.round(rest / 60)} min`} left`;
    if (data.pictures && !still) paint(data.pictures, order);
  };
  worker.onerror = (event) => {
    stop();
    said.textContent = `The drawing did not work: ${event.message || "this browser does not let a file compute beside its page. Open it in another."}`;
  };
  worker.postMessage({ about, weights, asked: order });
}

function stop() {
  worker?.terminate();
  worker = null;
  busy(false);
}

function busy(on) {
  start.textContent = on ? "Stop" : "Draw";
  start.setAttribute("aria-busy", String(on));
  find("progress").hidden = !on;
}

function told({ count, steps, sampler, seed }) {
  const name = fields.class.value === "" ? "" : ` of ${fields.class.selectedOptions[0].textContent === "each in turn" ? "each class in turn" : `the class ${fields.class.selectedOptions[0].textContent}`}`;
  return `${count === 1 ? "1 picture" : `${count} pictures`}${name}, seed ${seed}, ${steps} steps of ${sampler}`;
}

/** Pictures on a sheet, one pixel for each pixel: the style enlarges it by a whole number. */
function paint(pictures, order) {
  const columns = Math.ceil(Math.sqrt(pictures.length));
  const rows = Math.ceil(pictures.length / columns);
  Object.assign(sheet, { width: columns * (width + GAP) - GAP, height: rows * (height + GAP) - GAP });
  const context = sheet.getContext("2d");
  pictures.forEach((pixels, i) => context.putImageData(new ImageData(pixels, width, height), (i % columns) * (width + GAP), Math.floor(i / columns) * (height + GAP)));
  const times = Math.max(1, Math.floor(LARGEST / Math.max(sheet.width, sheet.height)));
  sheet.style.width = `${times * sheet.width}px`;
  sheet.setAttribute("aria-label", told(order));
  sheet.hidden = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (worker) {
    stop();
    said.textContent = "Stopped. Nothing is computing any more.";
  } else draw();
});
form.addEventListener("change", follows);
save.addEventListener("click", () => {
  sheet.toBlob((blob) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: "pictures.png" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
});
addEventListener("hashchange", () => {
  read();
  draw();
});
read();
draw();
