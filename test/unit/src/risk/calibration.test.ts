import fc from 'fast-check'
import t from 'tap'
import { calibrate, type Calibration } from '../../../../src/risk/calibration.js'

const group: Calibration = { slope: 2, intercept: -1, benign: [-5, -3, -3, 1], benignCount: 4, warn: 0, deny: 3 }

t.test('a logit becomes a score, a band and a p-value of its group', t => {
  const rounded = (raw: number) => {
    const { score, band, pValue, logit } = calibrate(raw, group)
    return [logit, score.toFixed(4), band, pValue]
  }
  t.strictSame(rounded(-3), [-7, '0.0009', 'low', 1])
  t.strictSame(rounded(-1), [-3, '0.0474', 'low', 0.8], 'as high as itself counts')
  t.strictSame(rounded(-0.5), [-2, '0.1192', 'low', 0.4])
  t.strictSame(rounded(0.5), [0, '0.5000', 'elevated', 0.4], 'the threshold belongs to the band above it')
  t.strictSame(rounded(2), [3, '0.9526', 'high', 0.2])
  t.equal(calibrate(0, group).threshold, 0.5)
  t.equal(calibrate(2, { ...group, benignCount: 9999 }).pValue, 1 / 10_000, 'quantiles stand for all')
  t.end()
})

t.test('a higher logit never means less, whatever the group', t => {
  const number = fc.double({ min: -30, max: 30, noNaN: true })
  const benign = fc.array(number, { minLength: 1 }).map(list => [...list].sort((a, b) => a - b))
  fc.assert(
    fc.property(number, number, benign, fc.double({ min: 0.01, max: 5, noNaN: true }), (one, other, benign, slope) => {
      const calibration = { ...group, slope, benign, benignCount: benign.length }
      const [low, high] = [calibrate(Math.min(one, other), calibration), calibrate(Math.max(one, other), calibration)]
      const bands = ['low', 'elevated', 'high']
      if (low.score > high.score || low.pValue < high.pValue) throw new Error('it falls')
      if (bands.indexOf(low.band) > bands.indexOf(high.band)) throw new Error('the band falls')
      if (!(high.pValue > 0 && low.pValue <= 1)) throw new Error(`${high.pValue} to ${low.pValue}`)
    }),
    { numRuns: 1000 },
  )
  t.end()
})
