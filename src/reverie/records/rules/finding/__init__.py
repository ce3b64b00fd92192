"""Rules found in a table: states and pairs what goes with what, cuts which levels a number decides, orders what comes before
what, courses how columns go on from visit to visit, sums and formulas what follows from others; evidence: no chance."""
