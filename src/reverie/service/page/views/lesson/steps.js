// What the lesson says, step by step. Every number in it is computed (numbers.js) and marked as such, or is a setting of what is shown.
//   {key, title, text, look: {view, params} or {figure}, more: [{words, view, params}], ask, choices: [{words, right, why}]}

import { h } from "../../lib/dom.js";
import { badge } from "../../lib/badge.js";
import { formula } from "../../lib/formula.js";
import { clipping, feeding, guidance, witnesses } from "./figures.js";

const f = (tex) => formula(tex);
const line = (tex) => h("div", { class: "formula", tabindex: "0", role: "group", "aria-label": "Formula" }, formula(tex, { display: true }));

/** A paragraph with elements in it. */
function say(words, ...between) {
  return h("p", null, words.flatMap((part, i) => [part, between[i] ?? null]));
}

/** The same without being a paragraph. */
function put(words, ...between) {
  return words.flatMap((part, i) => [part, between[i] ?? null]);
}

/** The steps, with the numbers {name: value} in them. */
export function stepsOf(numbers) {
  const number = (name, shown) => h("data", { value: numbers[name], dataset: { of: name } }, shown(numbers[name]));
  const digits = (name, many = 3) => number(name, (value) => String(Number(value.toPrecision(many))));
  const decimals = (name, many = 2) => number(name, (value) => value.toFixed(many));
  const percent = (name) => number(name, (value) => `${(100 * value).toFixed(1)} %`);
  return [
    {
      key: "forward",
      title: "A picture drowns",
      text: [
        say`A picture is a list of numbers, one for each point and colour: −1 is black, 1 is white. Diffusion damages it in small steps. Each step shrinks all numbers a little and adds a little noise: random numbers from the bell curve. After 1000 steps nothing but noise is left.`,
        say`Nobody has to walk all of them. Two shrinkings are one, and two independent noises add up to one whose variance is the sum. So the state at any step t is made at once, from the picture and one draw of noise:`,
        line("x_t = \\sqrt{\\bar\\alpha_t}\\, x_0 + \\sqrt{1 - \\bar\\alpha_t}\\, \\epsilon"),
        say`${f("\\bar\\alpha_t")}, “alpha-bar”, is the share of the picture's power (the mean square of its numbers) that is left. It falls from 1 at t = 0 to ${digits("power_last", 2)} at t = 1000. Press Play or move t, and watch “signal” and “noise”: their squares add up to 1 at every step.`,
      ],
      look: { view: "forward", params: { picture: "flower", play: 1 } },
      ask: "After 500 of the 1000 steps, how much of the picture's power is left?",
      choices: [
        { words: "Half of it", why: put`Half of the steps are not half of the noise, for on this schedule the steps grow: the first adds noise of variance ${digits("beta_first", 2)}, the last ${digits("beta_last", 2)}. Half of the power is gone at step ${digits("half_linear", 4)} already.` },
        { words: put`About ${percent("power_close")}`, right: true, why: put`Alpha-bar is ${digits("power_close")} there. Your eye still finds the picture, because it takes many points together, and noise averages out where a picture does not.` },
        { words: "Nothing", why: put`Not yet: alpha-bar is ${digits("power_close")} at step 500. It is as little as ${digits("power_last", 2)} only at the end.` },
      ],
    },
    {
      key: "schedule",
      title: "How fast it drowns",
      text: [
        say`How much noise each step adds is a choice: the schedule. Step t adds noise of variance ${f("\\beta_t")} and keeps the share ${f("\\alpha_t = 1 - \\beta_t")} of the power, so what is left after t steps is a product:`,
        line("\\bar\\alpha_t = \\alpha_1 \\cdot \\alpha_2 \\dots \\alpha_t"),
        say`The linear schedule lets ${f("\\beta_t")} grow evenly. The cosine schedule is chosen the other way round: ${f("\\bar\\alpha_t")} follows the square of a cosine, and each step is what leads from one value to the next. Point at the curves; the table has the numbers at that step.`,
      ],
      look: { view: "schedules", params: { curves: "linear;cosine", t: 500 } },
      ask: "What is gained by the cosine schedule?",
      choices: [
        { words: "It ends with less noise, so less has to be removed", why: put`Both end in noise, and must: samples start from noise alone, so a picture that still shone through at the end would be a fault.` },
        { words: "It spends more of its steps where the picture is half drowned", right: true, why: put`Half of the power is gone at step ${digits("half_cosine", 4)} instead of ${digits("half_linear", 4)}, and at step 500 it still keeps ${percent("cosine_close")}, the linear one ${percent("power_close")}. In most of its second half the linear schedule shows next to nothing, and a network learns little there.` },
        { words: "It needs no network to go back", why: put`A schedule says how noise comes in. To go back one must still guess what was under it.` },
      ],
    },
    {
      key: "denoiser",
      title: "What was under the noise?",
      text: [
        say`To go back, someone has to answer the same question at every step: this is the noisy state, what was the picture? Who answers is called the denoiser. A network learns to. But where the only pictures are six, as here (cut from two photographs), the best possible answer can be computed: the average of all six, each weighed by how likely it is the one behind this state.`,
        line("\\hat x_0 = \\sum_i w_i x_i, \\qquad w_i \\propto \\exp \\left( - \\frac{| x_t - \\sqrt{\\bar\\alpha_t}\\, x_i |^2}{2 (1 - \\bar\\alpha_t)} \\right)"),
        say`The hat on ${f("\\hat x_0")} says that it is a guess. On the left is the state, on the right the guess. Press Play.`,
      ],
      look: { view: "reverse", params: { sampler: "ddim", steps: 20, size: 64 } },
      ask: "What does the best denoiser answer at the very beginning, when there is only noise?",
      choices: [
        { words: "One of the six pictures, drawn by lot", why: put`The best guess does not gamble. A single picture would mostly be the wrong one; the average errs least on the whole.` },
        { words: "Grey noise, for there is nothing to see", why: put`It knows the six pictures even where it sees nothing. The best that can be said then is their average, and that is no noise.` },
        { words: "A blend of all six, a blur", right: true, why: put`Noise says nearly nothing, so none of them is ruled out, and of all answers the average has the smallest mean squared error. It sharpens as soon as the state leans towards one.` },
      ],
    },
    {
      key: "steps",
      title: "Why not in one jump?",
      text: [
        say`The denoiser always names a whole picture. Why not believe it at once? A sampler goes only part of the way. It takes the guess, and the noise that must then be in the state,`,
        line("\\hat\\epsilon = \\frac{x_t - \\sqrt{\\bar\\alpha_t}\\, \\hat x_0}{\\sqrt{1 - \\bar\\alpha_t}},"),
        say`mixes both anew at a lower noise level s, and asks again:`,
        line("x_s = \\sqrt{\\bar\\alpha_s}\\, \\hat x_0 + \\sqrt{1 - \\bar\\alpha_s}\\, \\hat\\epsilon"),
        say`This rule is called DDIM. Here it goes from t = 1000 to s = 0 in a single step. Press Step.`,
      ],
      look: { view: "reverse", params: { sampler: "ddim", steps: 1, size: 64 } },
      more: [{ words: "The same noise in many steps", view: "reverse", params: { sampler: "ddim", steps: 50, size: 64 } }],
      ask: "What does one jump from pure noise give?",
      choices: [
        { words: "The blur: an average of all that is possible", right: true, why: put`One jump believes the first guess. In many steps the state begins to lean towards one picture, so the next guess leans further, and the end is sharp.` },
        { words: "A sharp picture, only sooner", why: put`The first guess is a blend of all pictures. It becomes sharp by asking again, each time with a little less noise in the way.` },
        { words: "Noise, for one step cannot remove so much", why: put`It can: at s = 0 alpha-bar is 1, and the rule leaves the guess alone. What is wrong with the result is not noise but blur.` },
      ],
    },
    {
      key: "posterior",
      title: "One step back, if the picture were known",
      text: [
        say`Suppose someone told us ${f("x_0")}. Where was the state one step earlier? There are two witnesses, and both speak in bell curves. The picture says: near ${f("\\sqrt{\\bar\\alpha_{t-1}}\\, x_0")}, with the noise of all steps before. The state says: near ${f("x_t / \\sqrt{\\alpha_t}")}, with the noise of this one step. By Bayes' rule we multiply the curves, and the product is a bell curve again, narrower than either.`,
        say`Its mean is an average in which each witness weighs as much as it is sure (one over its variance). Worked out, mean and variance are`,
        line("\\mu = \\frac{\\sqrt{\\bar\\alpha_{t-1}}\\, \\beta_t}{1 - \\bar\\alpha_t} x_0 + \\frac{\\sqrt{\\alpha_t} (1 - \\bar\\alpha_{t-1})}{1 - \\bar\\alpha_t} x_t, \\qquad \\tilde\\beta_t = \\frac{1 - \\bar\\alpha_{t-1}}{1 - \\bar\\alpha_t} \\beta_t"),
      ],
      look: { figure: witnesses },
      more: [{ words: "Each line of this, checked", view: "derivations", params: {} }],
      ask: "At step 500, which witness weighs more?",
      choices: [
        { words: "The picture, for it is the truth", why: put`It is the truth about the beginning. Between it and the state we ask for lie nearly all the steps so far: its deviation is ${digits("witness_clean")}, that of the state ${digits("witness_state")}.` },
        { words: "Both alike", why: put`Only where both are equally sure. Move t to 2: there each of them is one step away, and the curves are nearly equally wide.` },
        { words: put`The state ${f("x_t")}`, right: true, why: put`It is one step away (deviation ${digits("witness_state")}), the picture is far (${digits("witness_clean")}). Their weights are ${digits("weight_state")} and ${digits("weight_clean", 2)}. Small as that of the picture is, it is what leads home, step by step.` },
      ],
    },
    {
      key: "mean",
      title: "The same, told the noise",
      text: [
        say`Nobody tells us ${f("x_0")}: a network guesses. Many networks guess the noise instead, which is the same in other words. Once the state is known, either fixes the other:`,
        line("\\hat x_0 = \\frac{1}{\\sqrt{\\bar\\alpha_t}} \\left( x_t - \\sqrt{1 - \\bar\\alpha_t}\\, \\hat\\epsilon \\right)"),
        say`Put this in the place of ${f("x_0")} in the mean of the last step, and collect. Almost everything cancels:`,
        line("\\mu = \\frac{1}{\\sqrt{\\alpha_t}} \\left( x_t - \\frac{\\beta_t}{\\sqrt{1 - \\bar\\alpha_t}}\\, \\hat\\epsilon \\right)"),
        say`Here is each line of that calculation, with both of its sides computed just now and compared. Around this mean the sampler draws with variance ${f("\\tilde\\beta_t")} (others take ${f("\\beta_t")}), at every step but the last.`,
      ],
      look: { view: "derivations", params: { part: "mean" } },
      ask: put`At step 500 only ${digits("noise_taken")} times the guessed noise is taken away. Why not all of it?`,
      choices: [
        { words: "The guess could be wrong, so one is careful", why: put`The formula is not careful. It would be the same if the guess were perfect.` },
        { words: "The state one step earlier still holds nearly all of the noise", right: true, why: put`Only what this one step brought is to go, and that is, on average, ${f("\\beta_t / \\sqrt{1 - \\bar\\alpha_t}")} times the whole noise. The rest was there before.` },
        { words: put`The rest goes when dividing by ${f("\\sqrt{\\alpha_t}")}`, why: put`This undoes the shrinking. It makes picture and noise larger alike, and removes neither.` },
      ],
    },
    {
      key: "guidance",
      title: "Asking for more of it",
      text: [
        say`A network can be told a class, “a three”, and be asked without one. Guidance takes both answers, and goes from the one without beyond the one with:`,
        line("\\hat\\epsilon = \\hat\\epsilon_{\\text{any}} + w \\left( \\hat\\epsilon_{\\text{class}} - \\hat\\epsilon_{\\text{any}} \\right)"),
        say`At w = 1 it is the answer for the class itself, at w = 0 the one for any. Above 1 it exaggerates what sets the class apart. Below, a “picture” is a single number. There are two classes, bell curves around −1 and 1, both answers are exact, and we ask for the class around 1.`,
      ],
      look: { figure: guidance },
      more: [{ words: "With a model of pictures", view: "pictures", params: {} }],
      ask: "What comes out at w = 3?",
      choices: [
        { words: "The same class, with fewer errors", why: put`It is not the class any more: the mean goes from ${decimals("guided_mean_1")} to ${decimals("guided_mean_3")}, and the deviation from ${decimals("guided_deviation_1")} to ${decimals("guided_deviation_3")}.` },
        { words: "Numbers farther from the other class, and more alike", right: true, why: put`The mean goes from ${decimals("guided_mean_1")} to ${decimals("guided_mean_3")}, the deviation from ${decimals("guided_deviation_1")} to ${decimals("guided_deviation_3")}. Of pictures one sees the same: clearer, and less varied. Good to look at; wrong as a sample of what is.` },
        { words: "A mixture of both classes", why: put`That is w = 0: the question without a class.` },
      ],
    },
    {
      key: "fed-back",
      title: "A mistake: noise upon noise",
      text: [
        say`The formula of the first step makes a state from the clean ${f("x_0")}. A program that shows twenty states on the way easily gets this wrong: it puts the last state in the place of the picture. What was shrunk is then shrunk again. Both programs run here, with the same noise.`,
      ],
      look: { figure: feeding },
      more: [{ words: "All known mistakes, and what they cost", view: "derivations", params: { part: "mistakes" } }],
      ask: put`At the tenth state, t = ${digits("fed_back_at", 4)}, the picture should have the factor ${decimals("fed_back_right", 3)}. Which does it have in the wrong program?`,
      choices: [
        { words: "The same, noise is noise", why: put`The noise is indeed as strong as can be. But each state shrinks what the one before had shrunk already, and the factors multiply: ${decimals("fed_back_wrong", 3)} is left.` },
        { words: "Half as much", why: put`Far less. The factors of all ten states multiply, and ${decimals("fed_back_wrong", 3)} is left.` },
        { words: decimals("fed_back_wrong", 3), right: true, why: put`The ten factors ${f("\\sqrt{\\bar\\alpha_t}")} multiply. One may go from state to state, but by what lies between the two: ${f("\\sqrt{\\bar\\alpha_t / \\bar\\alpha_s}")}.` },
      ],
    },
    {
      key: "clipped",
      title: "A mistake: clipped by habit",
      text: [
        say`Many programs clip every guess ${f("\\hat x_0")} to the range from −1 to 1. For pictures that is sound, for nothing is darker than black. Blood values know no such range. The data below is a bell curve of deviation 2, and the denoiser is the exact one: nothing else is wrong.`,
      ],
      look: { figure: clipping },
      ask: "What deviation do the samples have, with clipping?",
      choices: [
        { words: put`${decimals("wide_clipped")}`, right: true, why: put`Instead of ${decimals("wide_kept")} without it. What lies outside is pulled in at every step, and nothing warns you: the numbers look tidy.` },
        { words: "2, for the denoiser is exact", why: put`It is, but what it says is changed before it is used. ${decimals("wide_clipped")} comes out.` },
        { words: "None: the program stops with an error", why: put`It does not, which is why this mistake lives long. The samples look tidy, and have deviation ${decimals("wide_clipped")}.` },
      ],
    },
    {
      key: "evidence",
      title: "How does it know?",
      text: [
        say`A demonstration is no proof. Wherever this page shows what came out of a denoiser, a badge says how it knows: ${badge("exact")} computed for known data, ${badge("learned")} by a network, which may be wrong, or ${badge("oracle")}: it was told the picture. Here is an oracle at work.`,
      ],
      look: { view: "reverse", params: { denoiser: "oracle", picture: "china", sampler: "ddim", steps: 20, size: 96 } },
      ask: "The walk ends in a flawless picture. What does this show of a model?",
      choices: [
        { words: "That it has learned the picture", why: put`No model took part. The oracle would have named this picture whatever the state.` },
        { words: "Nothing, for the answer was told", right: true, why: put`It shows that the way back is right: schedule, formulas and sampler. What a model knows is shown by pictures that it was never told.` },
        { words: "That there was too little noise", why: put`The walk began at pure noise. But the oracle needs no state: it knows the answer.` },
      ],
    },
  ];
}
