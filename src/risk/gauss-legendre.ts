/** Where between 0 and 1 to evaluate a function, and with which weights its values add up to the integral. */
export interface QuadratureRule {
  readonly places: Float64Array
  readonly weights: Float64Array
}

/** Newton's method doubles the right digits with each step; it starts with three. */
const NEWTON_STEPS = 8

/**
 * Gauss-Legendre quadrature from 0 to 1, exact for polynomials up to the degree `2 · count - 1`.
 *
 * @see Abramowitz and Stegun, "Handbook of Mathematical Functions", 25.4.30
 */
export function gaussLegendre(count: number): QuadratureRule {
  const [places, weights] = [new Float64Array(count), new Float64Array(count)]
  for (let root = 0; root < count; root++) {
    let x = Math.cos((Math.PI * (root + 0.75)) / (count + 0.5))
    let slope = 1
    for (let step = 0; step < NEWTON_STEPS; step++) {
      // The Legendre polynomials of this degree and of the one before, by their recurrence.
      let [before, now] = [0, 1]
      for (let k = 1; k <= count; k++) [before, now] = [now, ((2 * k - 1) * x * now - (k - 1) * before) / k]
      slope = (count * (x * now - before)) / (x * x - 1)
      x -= now / slope
    }
    places[root] = (1 + x) / 2
    weights[root] = 1 / ((1 - x * x) * slope * slope)
  }
  return { places, weights }
}
