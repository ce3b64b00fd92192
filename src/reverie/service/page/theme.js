// Runs before the first paint, so that a chosen theme never flashes in the other one. A classic script for that reason alone.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("reverie-theme");
  } catch {
    // storage may be forbidden: then the system's theme is used
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
