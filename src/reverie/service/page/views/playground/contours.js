// Lines of equal height of numbers on a square of places, by marching squares.

/**
 * The pieces of the line at `height`: [x, y, x, y] each, in places from 0 to side - 1. values: side x side, row by row.
 * Along an edge the line stands where the height lies between those of its ends; a saddle is cut into two corners.
 */
export function contour(values, side, height) {
  const pieces = [];
  for (let row = 0; row + 1 < side; row += 1) {
    for (let column = 0; column + 1 < side; column += 1) {
      const i = row * side + column;
      const [a, b, c, d] = [values[i], values[i + 1], values[i + side + 1], values[i + side]]; // clockwise from the upper left
      const cuts = [];
      const between = (from, to) => (height - from) / (to - from);
      if (a > height !== b > height) cuts.push([column + between(a, b), row]);
      if (b > height !== c > height) cuts.push([column + 1, row + between(b, c)]);
      if (d > height !== c > height) cuts.push([column + between(d, c), row + 1]);
      if (a > height !== d > height) cuts.push([column, row + between(a, d)]);
      for (let k = 0; k + 1 < cuts.length; k += 2) pieces.push([...cuts[k], ...cuts[k + 1]]);
    }
  }
  return pieces;
}
