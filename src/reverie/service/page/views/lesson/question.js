// One question with its choices; each choice has an answer that says why it is right or not.

import { h, clear, uid } from "../../lib/dom.js";

/** given: the number of the choice that was taken before, or null; onGive(choice) with each that is taken. */
export function question({ ask, choices }, given, onGive) {
  const name = uid("choice");
  const answer = h("div", { class: "lesson-answer", role: "status" });
  const show = (i) => {
    const { right = false, why } = choices[i];
    root.dataset.state = right ? "right" : "wrong";
    clear(answer, h("p", { class: "strong" }, right ? "Yes." : "No."), h("p", null, why));
  };
  const boxes = choices.map(({ words }, i) => {
    const take = () => {
      show(i);
      onGive(i);
    };
    return h("label", null, h("input", { type: "radio", name, value: i, checked: i === given, onchange: take }), h("span", null, words));
  });
  const root = h("fieldset", { class: "lesson-question" }, h("legend", null, ask), h("div", { class: "lesson-choices" }, boxes), answer);
  if (given !== null && choices[given]) show(given);
  return root;
}
