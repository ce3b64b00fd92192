// A film of frames: all are decoded before the first is shown, so that playing never waits, and one clock moves them.

/** The frames with `state` and `predicted` as images that are ready to be drawn. */
export async function develop(frames) {
  const ready = async (url) => {
    if (url === null) return null;
    const image = new Image();
    image.src = url;
    await image.decode();
    return image;
  };
  return Promise.all(frames.map(async (frame) => ({ ...frame, state: await ready(frame.state), predicted: await ready(frame.predicted) })));
}

/** Moves over `length` frames. onFrame(i) shows one; onPlaying(on) tells when the clock starts and stops. */
export function film(length, { onFrame, onPlaying, rate = 10 }) {
  const last = length - 1;
  let at = 0;
  let clock = null;
  const show = (i) => {
    at = Math.min(last, Math.max(0, i));
    onFrame(at);
  };
  const pause = () => {
    if (clock === null) return;
    clearInterval(clock);
    clock = null;
    onPlaying(false);
  };
  const tick = () => {
    show(at + 1);
    if (at === last) pause();
  };
  const play = () => {
    if (clock !== null || last < 1) return;
    if (at === last) show(0); // played to the end: once more from the start
    clock = setInterval(tick, 1000 / rate);
    onPlaying(true);
  };
  return {
    get at() {
      return at;
    },
    get playing() {
      return clock !== null;
    },
    play,
    pause,
    toggle: () => (clock === null ? play() : pause()),
    stop() {
      pause();
      show(0);
    },
    step(by) {
      pause();
      show(at + by);
    },
    seek(i) {
      pause();
      show(i);
    },
    speed(next) {
      rate = next;
      if (clock === null) return;
      clearInterval(clock);
      clock = setInterval(tick, 1000 / rate);
    },
  };
}
