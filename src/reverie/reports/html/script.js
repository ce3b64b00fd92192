"use strict";
// Light conveniences only: without this script the page says and shows all the same.
const root = document.documentElement, body = document.body, tip = document.getElementById("tip");

// What a shape stands for, beside the pointer; the browser's own bubble would be slow and would stay in the way.
for (const title of document.querySelectorAll("svg title")) {
  title.parentNode.dataset.tip = title.textContent;
  title.remove();
}
const show = (event) => {
  const text = event.target.dataset && event.target.dataset.tip;
  tip.classList.toggle("on", Boolean(text));
  if (!text) return;
  tip.textContent = text;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - box.width - 8))}px`;
  tip.style.top = `${event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18}px`;
};
addEventListener("pointermove", show);
addEventListener("pointerdown", show);
addEventListener("scroll", () => tip.classList.remove("on"), { passive: true });

for (const input of document.querySelectorAll(".tools input"))
  input.addEventListener("change", () => body.classList.toggle(`no-${input.value}`, !input.checked));

document.querySelector(".tools button").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

// A link to a measure that is folded away unfolds it; paper shows all.
const unfold = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let e = target; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", unfold);
unfold();
const wide = matchMedia("(min-width: 68rem)"), contents = document.querySelector("nav.contents details");
const fold = () => { contents.open = wide.matches; };
wide.addEventListener("change", fold);
fold();
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) {
    if (details.open) continue;
    details.open = true;
    details.dataset.closed = "";
  }
});
addEventListener("afterprint", () => {
  for (const details of document.querySelectorAll("details[data-closed]")) {
    details.open = false;
    delete details.dataset.closed;
  }
});
