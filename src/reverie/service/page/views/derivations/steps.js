// The derivations, told step by step. Each step names the check of `reverie prove` that compares its two sides.
// docs/mathematics.md tells the same at more length, by the same names.

/** What a part shows: chapters of checks, and for the two derivations their steps in order. */
export const PARTS = [
  {
    key: "kernel",
    label: "The reverse step",
    title: "The reverse step: its variance and its mean",
    intro:
      "If the data were known, one step back would be exactly Gaussian. Take the exponent of Bayes' rule as a function of the step before, complete the square, and read off both its variance and its mean.",
    chapters: ["variance", "reverse"],
    start: {
      tex: "\\frac{1}{2} \\left[ \\frac{(x_t - \\sqrt{\\alpha_t}\\, x)^2}{\\beta_t} + \\frac{(x - \\sqrt{\\bar\\alpha_{t-1}}\\, x_0)^2}{1 - \\bar\\alpha_{t-1}} \\right]",
      text: "The exponent of the posterior, with its sign turned: a quadratic in x, the state one step before t.",
    },
    steps: [
      ["variance/square", "\\tilde\\beta_t^{-1} = \\frac{\\alpha_t}{\\beta_t} + \\frac{1}{1 - \\bar\\alpha_{t-1}}", "The second derivative of the exponent is the precision, one over the variance."],
      ["variance/one-fraction", "\\tilde\\beta_t^{-1} = \\frac{\\alpha_t (1 - \\bar\\alpha_{t-1}) + \\beta_t}{\\beta_t (1 - \\bar\\alpha_{t-1})}", "Bring both terms over a common denominator."],
      ["variance/expand", "\\alpha_t (1 - \\bar\\alpha_{t-1}) + \\beta_t = \\alpha_t - \\alpha_t \\bar\\alpha_{t-1} + 1 - \\alpha_t", "In the numerator, beta is 1 minus alpha."],
      ["variance/collapse", "\\alpha_t - \\alpha_t \\bar\\alpha_{t-1} + 1 - \\alpha_t = 1 - \\bar\\alpha_t", "Alpha cancels, and alpha times alpha-bar of the step before is alpha-bar."],
      ["variance/precision", "\\tilde\\beta_t^{-1} = \\frac{1 - \\bar\\alpha_t}{\\beta_t (1 - \\bar\\alpha_{t-1})}", "So the precision is one fraction."],
      ["variance/inverse", "\\tilde\\beta_t = \\frac{\\beta_t (1 - \\bar\\alpha_{t-1})}{1 - \\bar\\alpha_t}", "Its inverse is the posterior variance, and it is what the schedule's table holds."],
      ["variance/first-step", "\\tilde\\beta_1 = 0", "At the first step nothing is uncertain: the step before is the data."],
      ["variance/bounds", "\\tilde\\beta_t \\le \\exp(u \\log \\beta_t + (1 - u) \\log \\tilde\\beta_t) \\le \\beta_t", "A learned variance lies between the posterior variance and beta."],
      ["variance/learned-ends", "u = 0 \\;\\to\\; \\tilde\\beta_t, \\quad u = 1 \\;\\to\\; \\beta_t", "At its two ends it is the two bounds."],
      ["variance/point-and-unit-data", "\\Var(x_{t-1} \\mid x_t) = \\tilde\\beta_t \\;\\text{or}\\; \\beta_t", "The bounds are true variances: the lower one if the data is a single point, the upper if it is standard normal."],
      ["reverse/vertex", "\\frac{\\text{d}}{\\text{d}x} = 0 \\;\\text{at}\\; x = \\tilde\\mu_t", "The mean is where the quadratic is lowest, so its slope is zero there."],
      ["reverse/posterior-mean", "\\tilde\\mu_t = \\tilde\\beta_t \\left( \\frac{\\sqrt{\\alpha_t}}{\\beta_t} x_t + \\frac{\\sqrt{\\bar\\alpha_{t-1}}}{1 - \\bar\\alpha_{t-1}} x_0 \\right)", "Solved for x, the mean weighs the noisy state and the data by how sure each is."],
      ["reverse/clean-form", "\\mu = \\frac{\\sqrt{\\bar\\alpha_{t-1}} \\beta_t}{1 - \\bar\\alpha_t} \\hat x_0 + \\frac{\\sqrt{\\alpha_t} (1 - \\bar\\alpha_{t-1})}{1 - \\bar\\alpha_t} x_t", "A network does not know the data; its estimate takes the place of the data."],
      ["reverse/noise-form", "\\mu = \\frac{1}{\\sqrt{\\alpha_t}} \\left( x_t - \\frac{\\beta_t}{\\sqrt{1 - \\bar\\alpha_t}} \\hat\\epsilon \\right)", "The same mean, told the noise instead (Ho et al. 2020, equation 11)."],
      ["reverse/equivalence", "\\mu(\\hat x_0) = \\mu(\\hat\\epsilon)", "The two forms agree when estimate and noise make up the same noisy state."],
      ["reverse/velocity-noise", "\\epsilon = \\sqrt{\\bar\\alpha_t}\\, v + \\sqrt{1 - \\bar\\alpha_t}\\, x_t", "The velocity is a rotation of data and noise, so turning back to the noise needs no division."],
      ["reverse/velocity-clean", "x_0 = \\sqrt{\\bar\\alpha_t}\\, x_t - \\sqrt{1 - \\bar\\alpha_t}\\, v", "Nor does turning back to the data."],
      ["reverse/velocity-form", "\\mu = \\sqrt{\\alpha_t}\\, x_t - \\frac{\\beta_t \\sqrt{\\bar\\alpha_{t-1}}}{\\sqrt{1 - \\bar\\alpha_t}} \\hat v", "Put into the first form, it gives the mean from the velocity."],
      ["reverse/means-agree", "\\mu(\\hat\\epsilon) = \\mu(\\hat x_0) = \\mu(\\hat v) = \\mu(\\nabla \\log q)", "The library gives one mean, whichever of noise, data, velocity and score it is told."],
      ["reverse/bayes-unknown", "p(x_{t-1} \\mid x_t) = \\frac{q(x_t \\mid x_{t-1})\\, q(x_{t-1})}{q(x_t)}", "Without the data, Bayes' rule needs the marginals, which are unknown in practice; for Gaussian data they can be written down."],
      ["reverse/gaussian-for-small-beta", "\\text{skewness of}\\; p(x_{t-1} \\mid x_t) \\propto \\beta_t^{3/2}", "For small beta a step back is nearly Gaussian whatever the data: its skewness vanishes."],
      ["reverse/algorithm", "x_{t-1} = \\mu + \\sigma_t z, \\quad z = 0 \\;\\text{at}\\; t = 1", "The sampling loop written out, with noise on all steps but the last, is the ancestral sampler."],
    ],
  },
  {
    key: "mean",
    label: "The reverse mean",
    title: "The reverse mean from the noise, line by line",
    intro: "From the posterior told the data to the formula told the noise: nothing but substitution and collecting terms, each line compared with the one before it.",
    chapters: ["mean"],
    start: {
      tex: "x_t = \\sqrt{\\bar\\alpha_t}\\, x_0 + \\sqrt{1 - \\bar\\alpha_t}\\, \\epsilon",
      text: "The forward process in one step: where everything starts.",
    },
    steps: [
      ["mean/clean-estimate", "\\hat x_0 = \\frac{1}{\\sqrt{\\bar\\alpha_t}} \\left( x_t - \\sqrt{1 - \\bar\\alpha_t}\\, \\hat\\epsilon \\right)", "Solve it for the data."],
      ["mean/product-of-gaussians", "q(x_{t-1} \\mid x_t, x_0) \\propto \\mathcal N \\left( \\sqrt{\\bar\\alpha_{t-1}}\\, x_0, \\; 1 - \\bar\\alpha_{t-1} \\right) \\cdot \\mathcal N \\left( \\frac{x_t}{\\sqrt{\\alpha_t}}, \\; \\frac{\\beta_t}{\\alpha_t} \\right)", "The posterior is a product of two bell curves; means weighted by precision give its two weights."],
      ["mean/posterior-weights", "\\mu = \\frac{\\sqrt{\\bar\\alpha_{t-1}} \\beta_t}{1 - \\bar\\alpha_t} x_0 + \\frac{\\sqrt{\\alpha_t} (1 - \\bar\\alpha_{t-1})}{1 - \\bar\\alpha_t} x_t", "These are the weights that the library's posterior uses."],
      ["mean/substitution", "\\mu = \\frac{\\sqrt{\\bar\\alpha_{t-1}} \\beta_t}{1 - \\bar\\alpha_t} \\cdot \\frac{x_t - \\sqrt{1 - \\bar\\alpha_t}\\, \\hat\\epsilon}{\\sqrt{\\bar\\alpha_t}} + \\frac{\\sqrt{\\alpha_t} (1 - \\bar\\alpha_{t-1})}{1 - \\bar\\alpha_t} x_t", "Put the estimate in the place of the data: nothing changes when the noise is right."],
      ["mean/ratio-of-signals", "\\frac{\\sqrt{\\bar\\alpha_{t-1}}}{\\sqrt{\\bar\\alpha_t}} = \\frac{1}{\\sqrt{\\alpha_t}}", "One step divides what is left of the signal by the root of alpha."],
      ["mean/after-the-ratio", "\\mu = \\frac{\\beta_t}{(1 - \\bar\\alpha_t) \\sqrt{\\alpha_t}} \\left( x_t - \\sqrt{1 - \\bar\\alpha_t}\\, \\hat\\epsilon \\right) + \\frac{\\sqrt{\\alpha_t} (1 - \\bar\\alpha_{t-1})}{1 - \\bar\\alpha_t} x_t", "So the first factor becomes simpler."],
      ["mean/state-coefficient-sum", "\\frac{1 - \\alpha_t + \\alpha_t (1 - \\bar\\alpha_{t-1})}{(1 - \\bar\\alpha_t) \\sqrt{\\alpha_t}} \\; x_t", "Collect the two terms of the noisy state over one denominator."],
      ["mean/state-coefficient", "\\frac{1 - \\bar\\alpha_t}{(1 - \\bar\\alpha_t) \\sqrt{\\alpha_t}} = \\frac{1}{\\sqrt{\\alpha_t}}", "The numerator is 1 minus alpha-bar, so it cancels."],
      ["mean/noise-coefficient", "\\frac{\\beta_t \\sqrt{1 - \\bar\\alpha_t}}{(1 - \\bar\\alpha_t) \\sqrt{\\alpha_t}} = \\frac{1 - \\alpha_t}{\\sqrt{1 - \\bar\\alpha_t} \\sqrt{\\alpha_t}}", "The coefficient of the noise, taken with a minus sign."],
      ["mean/result", "\\mu = \\frac{1}{\\sqrt{\\alpha_t}} \\left( x_t - \\frac{1 - \\alpha_t}{\\sqrt{1 - \\bar\\alpha_t}}\\, \\hat\\epsilon \\right)", "Together: the mean from the noise."],
      ["mean/from-clean", "\\mu = \\frac{\\sqrt{\\bar\\alpha_{t-1}} \\beta_t}{1 - \\bar\\alpha_t} \\hat x_0 + \\frac{\\sqrt{\\alpha_t} (1 - \\bar\\alpha_{t-1})}{1 - \\bar\\alpha_t} x_t", "The same mean from an estimate of the data."],
      ["mean/from-velocity", "\\mu = \\sqrt{\\alpha_t}\\, x_t - \\frac{\\beta_t \\sqrt{\\bar\\alpha_{t-1}}}{\\sqrt{1 - \\bar\\alpha_t}}\\, \\hat v", "And from the velocity."],
      ["mean/any-rank", "x_t : B \\times n_1 \\times n_2 \\times \\dots", "A batch may have any number of axes, and each of its samples its own step."],
    ],
  },
  {
    key: "others",
    label: "All other checks",
    title: "Everything else that the library rests on",
    intro: "The forward process, the four views of one prediction, the schedules, the samplers, the bound and the losses. In the words of the checks, abar is alpha-bar, and abar' that of the step before.",
    chapters: ["forward", "conversion", "schedule", "sampler", "bound", "loss", "posterior"],
    steps: [],
  },
];

export const CHAPTERS = {
  variance: "Variance of the reverse step",
  reverse: "Mean of the reverse step",
  mean: "The mean, line by line",
  forward: "The forward process",
  conversion: "One prediction, four views",
  schedule: "Schedules",
  sampler: "Samplers",
  bound: "The variational bound",
  loss: "Losses",
};
