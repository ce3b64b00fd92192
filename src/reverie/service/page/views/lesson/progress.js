// Which step of the lesson one is at and what was answered, kept in this browser.

const NAME = "reverie-lesson";

/** {step, of(key): the choice that was taken or null, give(key, choice)}; without storage it lasts as long as the page. */
export function progress() {
  const kept = read();
  const write = () => {
    try {
      localStorage.setItem(NAME, JSON.stringify(kept));
    } catch {
      // storage may be forbidden
    }
  };
  return {
    get step() {
      return kept.step;
    },
    set step(key) {
      kept.step = key;
      write();
    },
    of: (key) => kept.answers[key] ?? null,
    give(key, choice) {
      kept.answers[key] = choice;
      write();
    },
  };
}

let held = null; // where nothing is kept

function read() {
  try {
    const { step, answers } = JSON.parse(localStorage.getItem(NAME));
    const whole = Object.entries(answers).filter(([, choice]) => Number.isInteger(choice));
    return { step: String(step), answers: Object.fromEntries(whole) };
  } catch {
    return (held ??= { step: null, answers: {} });
  }
}
