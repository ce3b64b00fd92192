// Asks for the modules of the views that people come to first, all at once: found one by one, each waits for the one before it.
(() => {
  const first = {
    home: "views/home views/home/workspace views/queue/words lib/drop lib/download lib/pictures lib/uploads",
    forward: `views/forward views/forward/filmstrip views/forward/given views/forward/histogram views/forward/patients views/forward/readings
      views/forward/scenes lib/call lib/canvas lib/download lib/drop lib/formula lib/noising lib/palette lib/pictures lib/randomness lib/scales
      lib/schedules`,
  };
  const [view] = location.hash.replace(/^#\/?/, "").split("?");
  for (const name of first[view || "home"]?.split(/\s+/) ?? []) {
    document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href: `static/${name}.js` }));
  }
})();
