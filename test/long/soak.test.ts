import { join } from 'node:path'
import t from 'tap'
import { createGate, parseBundle } from '../../src/gate.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { buildRequest } from '../../src/request.js'
import { apiObjects } from '../helpers/api-objects.js'
import { ROOT } from '../helpers/repository.js'
import { contextOf } from '../helpers/requests.js'

const WARM_UP = 40_000
const REVIEWS = 200_000
const SAMPLES = 20

t.test('a gate that has judged much holds no more memory than one that has judged little', async t => {
  const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
  const gate = await createGate(bundle)
  const { userInfo } = bundle.config.prediction
  const requests = apiObjects(1, 500).map(object =>
    buildRequest({ object, base: null, userInfo, namespace: 'default' }),
  )
  const context = contextOf()
  const review = async (count: number) => {
    for (let i = 0; i < count; i += 1) await gate.review(requests[i % requests.length] as (typeof requests)[0], context)
  }
  // V8 gives its young generation more room once, long after the first reviews.
  await review(WARM_UP)
  const mebibytes: number[] = []
  for (let i = 0; i < SAMPLES; i += 1) {
    await review(REVIEWS / SAMPLES)
    mebibytes.push(process.memoryUsage.rss() / 2 ** 20)
  }
  t.comment(`MiB after each ${REVIEWS / SAMPLES} reviews: ${mebibytes.map(each => each.toFixed(0)).join(' ')}`)
  // It swings by a tenth between collections: halves are compared, not two moments.
  const half = SAMPLES / 2
  const mean = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length
  const growth = mean(mebibytes.slice(half)) / mean(mebibytes.slice(0, half)) - 1
  t.ok(growth < 0.05, `it grew by ${(growth * 100).toFixed(1)} %`)
})
