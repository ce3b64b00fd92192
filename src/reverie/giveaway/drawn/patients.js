// Patients to look at: one after another, their visits as a table and their numbers as curves; the address holds which.

const SERIES = 12; // curves at most
const [WIDTH, HEIGHT, EDGE] = [220, 90, 6];

const find = (id) => document.getElementById(id);
const { columns, rows, patients } = JSON.parse(find("about").textContent);
const [which, before, after] = [find("which"), find("before"), find("after")];
const place = Object.fromEntries(columns.map(({ role }, i) => [role, i])); // of identifier and time; of others the last, unused
const statics = columns.map((column, i) => ({ ...column, i })).filter(({ role }) => role === "static");
const varying = columns.map((column, i) => ({ ...column, i })).filter(({ role }) => role !== "static" && role !== "identifier");
const curves = varying.filter(({ numeric, role }) => numeric && role === "varying").slice(0, SERIES);

function element(tag, text = "", attributes = {}) {
  const made = document.createElementNS(tag in { svg: 1, path: 1, circle: 1, text: 1 } ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml", tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const told = (value) => (value === null ? "–" : String(typeof value === "number" ? Number(value.toPrecision(6)) : value));

function show(number) {
  const [from, to] = patients[number - 1];
  const visits = rows.slice(from, to);
  which.value = number;
  before.disabled = number === 1;
  after.disabled = number === patients.length;
  find("who").textContent = `Patient ${number} of ${patients.length}: ${visits.length === 1 ? "1 visit" : `${visits.length} visits`}`;
  find("statics").replaceChildren(...statics.map(({ name, i }) => {
    const pair = element("div");
    pair.append(element("dt", name), element("dd", told(visits[0][i])));
    return pair;
  }));
  find("head").replaceChildren(...varying.map(({ name }) => element("th", name, { scope: "col" })));
  find("body").replaceChildren(...visits.map((visit) => {
    const row = element("tr");
    row.append(...varying.map(({ i, numeric }) => element("td", told(visit[i]), numeric ? { class: "number" } : {})));
    return row;
  }));
  find("curves").replaceChildren(...curves.map((column) => curve(column, visits)));
  history.replaceState(null, "", `#patient=${number}`);
}

/** A column's values over time, as far as there are any; the scale is that of all patients, so that one can be held against another. */
function curve({ name, i, range: [low, high] }, visits) {
  const at = (visit) => (typeof visit[place.time] === "number" ? visit[place.time] : Date.parse(visit[place.time]));
  const known = visits.filter((visit) => visit[i] !== null);
  const [first, last] = [at(visits[0]), at(visits.at(-1))];
  const x = (visit) => EDGE + ((WIDTH - 2 * EDGE) * (at(visit) - first)) / (last - first || 1);
  const y = (visit) => HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * (visit[i] - low)) / (high - low || 1);
  const figure = element("figure");
  const values = known.map((visit) => visit[i]);
  const words = known.length ? `${told(values[0])} to ${told(values.at(-1))}` : "not measured";
  const drawing = element("svg", "", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${name}: ${words}` });
  drawing.append(element("path", "", { d: known.map((visit, k) => `${k ? "L" : "M"}${x(visit).toFixed(1)} ${y(visit).toFixed(1)}`).join("") || "M0 0" }));
  drawing.append(...known.map((visit) => element("circle", "", { cx: x(visit).toFixed(1), cy: y(visit).toFixed(1), r: 2.5 })));
  const caption = element("figcaption", name);
  caption.append(element("span", ` ${words}`, { class: "hint" }));
  figure.append(caption, drawing);
  return figure;
}

function csv() {
  const cell = (value) => (/[",\n\r]/.test(value ?? "") ? `"${String(value).replaceAll('"', '""')}"` : (value ?? ""));
  return `${[columns.map(({ name }) => name), ...rows].map((row) => row.map(cell).join(",")).join("\n")}\n`;
}

const asked = () => Math.min(patients.length, Math.max(1, Math.round(Number(which.value)) || 1));
const fromAddress = () => {
  which.value = new URLSearchParams(location.hash.slice(1)).get("patient") ?? 1;
  show(asked());
};
which.addEventListener("change", () => show(asked()));
before.addEventListener("click", () => show(asked() - 1));
after.addEventListener("click", () => show(asked() + 1));
find("save").addEventListener("click", () => {
  const link = element("a", "", { download: "patients.csv" });
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
});
addEventListener("hashchange", fromAddress);
fromAddress();
