import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { createAuthority, isIssuedBy, issueLeaf, LIFETIMES } from '../../../../../src/io/certificates/authority.js'
import {
  bundleOf,
  type CertificateState,
  type CompleteState,
  readState,
  writeState,
} from '../../../../../src/io/certificates/certificate-state.js'
import { certificatesIn, fingerprintsOf, isValidAt, notAfterOf } from '../../../../../src/io/certificates/pem.js'
import { rotate } from '../../../../../src/io/certificates/rotate.js'
import { planRotation, SETTLE_MS } from '../../../../../src/io/certificates/rotation.js'
import { publishedAuthorities } from '../../../../../webhook/registration/authorities.js'
import { buildConfiguration } from '../../../../../webhook/registration/configuration.js'
import { registrationOptions } from '../../../../helpers/registration.js'

const DAY_MS = 86_400_000
const NOW = Date.parse('2026-07-01T12:00:00Z')
const HOSTS = ['gate.lk.svc', '::1']
const NOBODY: ReadonlyMap<string, number> = new Map()

const fresh = rotate(null, { now: NOW, hosts: HOSTS, published: NOBODY }).state
const next = createAuthority(NOW + DAY_MS)
const introduced: CompleteState = { ...fresh, next }
const other = rotate(null, { now: NOW, hosts: HOSTS, published: NOBODY }).state
/** A bundle as it has been published since some time. */
const publishedSince = (pem: string, since: number) => new Map(fingerprintsOf(pem).map(each => [each, since]))

t.test('what is due', t => {
  const leafFor = (hosts: string[], now: number) => issueLeaf(fresh.signer, hosts, now)
  const cases: Record<
    string,
    {
      state?: CertificateState | null
      days?: number
      hosts?: string[]
      published?: ReadonlyMap<string, number>
      is: unknown
    }
  > = {
    'everything, where there is nothing': {
      state: null,
      is: { step: 'start over', reason: 'there is no authority' },
    },
    'nothing at first': { is: null },
    'nothing with 31 days left': { days: 58.9, is: null },
    'a leaf, before 30 days are left': {
      days: 59,
      is: { step: 'issue leaf', reason: 'the leaf ends soon', hosts: HOSTS },
    },
    'a leaf where there is none': {
      state: { ...fresh, leaf: null },
      is: { step: 'issue leaf', reason: 'there is no leaf', hosts: HOSTS },
    },
    'a leaf when it has ended': {
      days: 90,
      is: { step: 'issue leaf', reason: 'the leaf is not valid at this time', hosts: HOSTS },
    },
    'a leaf when it has not begun': {
      state: { ...fresh, leaf: leafFor(HOSTS, NOW + DAY_MS) },
      is: { step: 'issue leaf', reason: 'the leaf is not valid at this time', hosts: HOSTS },
    },
    'a leaf that keeps the names of the one before, for replicas that want those': {
      hosts: ['gate.lk.svc', 'new.example'],
      is: {
        step: 'issue leaf',
        reason: 'the leaf lacks a name',
        hosts: ['gate.lk.svc', 'new.example', '0:0:0:0:0:0:0:1'],
      },
    },
    'nothing where the leaf has more names': { hosts: ['::1'], is: null },
    'nothing with 91 days of the authority left': {
      state: { ...fresh, leaf: leafFor(HOSTS, NOW + 273 * DAY_MS) },
      days: 273.9,
      is: null,
    },
    'another authority, before 90 days are left': {
      days: 274,
      is: { step: 'introduce authority', reason: 'the authority ends soon' },
    },
    'nothing while the next authority is not published': { state: introduced, days: 2, is: null },
    'nothing while the next authority is published to some': {
      state: introduced,
      days: 2,
      published: publishedSince(next.cert, NOW + 2 * DAY_MS - SETTLE_MS + 1),
      is: null,
    },
    'the switch when the next authority is published': {
      state: introduced,
      days: 2,
      published: publishedSince(next.cert, NOW + 2 * DAY_MS - SETTLE_MS),
      is: { step: 'switch authority', reason: 'the next authority is published' },
    },
    'the switch when the authority has ended, published or not': {
      state: introduced,
      days: 365,
      is: { step: 'switch authority', reason: 'the authority is not valid at this time' },
    },
    'everything when all have ended': {
      state: introduced,
      days: 400,
      is: { step: 'start over', reason: 'the authority is not valid at this time' },
    },
    'everything when the clock went back': {
      days: -1,
      is: { step: 'start over', reason: 'the authority is not valid at this time' },
    },
    'another next authority when the clock went back before it': {
      state: introduced,
      is: { step: 'introduce authority', reason: 'the next authority is not valid at this time' },
    },
    'no other leaf when it would not end later': {
      state: { ...introduced, leaf: leafFor(HOSTS, NOW + 300 * DAY_MS) },
      days: 364,
      is: null,
    },
    'nothing while the last leaf by a previous authority holds': {
      state: { ...fresh, previous: [{ cert: other.signer.cert, until: NOW + 1 }] },
      is: null,
    },
    'that a previous authority goes': {
      state: { ...fresh, previous: [{ cert: other.signer.cert, until: NOW }] },
      is: { step: 'drop authorities', reason: 'the last leaf by a previous authority has ended' },
    },
    'that a previous authority goes that has ended itself': {
      state: { ...fresh, previous: [{ cert: createAuthority(NOW - 365 * DAY_MS).cert, until: NOW + DAY_MS }] },
      is: { step: 'drop authorities', reason: 'the last leaf by a previous authority has ended' },
    },
  }
  for (const [name, { state = fresh, days = 0, hosts = HOSTS, published = NOBODY, is }] of Object.entries(cases)) {
    t.strictSame(planRotation(state, { now: NOW + days * DAY_MS, hosts, published }), is, name)
  }
  t.end()
})

t.test('what the registration says is published is what a rotation waits for', async t => {
  const authorities = bundleOf(introduced)
  const said = publishedAuthorities(buildConfiguration(await registrationOptions({ authorities })))
  t.strictSame(said, [...fingerprintsOf(authorities)].sort())
  const published = new Map(said.map(each => [each, NOW + DAY_MS]))
  const step = planRotation(introduced, { now: NOW + DAY_MS + SETTLE_MS, hosts: HOSTS, published })
  t.strictSame(step, { step: 'switch authority', reason: 'the next authority is published' })
})

t.test('a whole rotation', t => {
  const at = (days: number, state: CompleteState, published = NOBODY) => {
    const { state: after, steps } = rotate(state, { now: NOW + days * DAY_MS, hosts: HOSTS, published })
    return { state: after, steps: steps.map(each => each.step), trusts: fingerprintsOf(bundleOf(after)) }
  }
  const [old] = fingerprintsOf(fresh.signer.cert)
  const a = at(275, fresh)
  const [young] = fingerprintsOf(a.state.next?.cert ?? '')
  t.strictSame(a.steps, ['introduce authority', 'issue leaf'])
  t.strictSame(a.trusts, [old, young])
  t.ok(isIssuedBy(new X509Certificate(a.state.leaf.cert), new X509Certificate(fresh.signer.cert)))
  const b = at(276, a.state, publishedSince(bundleOf(a.state), NOW + 275 * DAY_MS))
  t.strictSame(b.steps, ['switch authority'])
  t.strictSame(b.trusts, [young, old])
  t.equal(b.state.signer, a.state.next)
  t.ok(isIssuedBy(new X509Certificate(b.state.leaf.cert), new X509Certificate(b.state.signer.cert)))
  t.equal(b.state.previous[0]?.until, notAfterOf(new X509Certificate(a.state.leaf.cert)), 'as long as the last leaf')
  const c = at(275 + 91, b.state, publishedSince(bundleOf(b.state), NOW + 276 * DAY_MS))
  t.strictSame(c.steps, ['drop authorities', 'issue leaf'])
  t.strictSame(c.trusts, [young])
  t.end()
})

t.test('what is written can be read', t => {
  const until = Date.parse('2026-08-01T00:00:00Z')
  const states: Record<string, CompleteState> = {
    'at first': fresh,
    'with a next authority': introduced,
    'with a previous one': { ...introduced, previous: [{ cert: other.signer.cert, until }] },
  }
  for (const [name, state] of Object.entries(states))
    t.strictSame(readState(writeState(state)), { state, faults: [] }, name)
  t.end()
})

t.test('a Secret that is not as it was written', t => {
  const texts = writeState(introduced)
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rsaKey = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const noLeaf = (fault: string) => ({ state: { ...introduced, leaf: null }, faults: [fault] })
  const noNext = (fault: string) => ({
    state: { ...fresh, previous: [{ cert: next.cert, until: notAfterOf(new X509Certificate(next.cert)) }] },
    faults: [fault],
  })
  const nothing = (...faults: string[]) => ({ state: null, faults })
  const noBundle = nothing('ca.crt holds no authority made by lockkeeper', 'ca.key belongs to no authority in ca.crt')
  const cases: Record<string, { change: Record<string, string | undefined>; is: unknown }> = {
    'without the leaf': { change: { 'tls.crt': '' }, is: noLeaf('tls.crt is missing or no certificate') },
    'with half of the leaf': {
      change: { 'tls.crt': (texts['tls.crt'] ?? '').slice(0, 300) },
      is: noLeaf('tls.crt is missing or no certificate'),
    },
    'with a garbled leaf': {
      change: { 'tls.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
      is: noLeaf('tls.crt is missing or no certificate'),
    },
    'without the key of the leaf': {
      change: { 'tls.key': undefined },
      is: noLeaf('tls.key is missing or no private key'),
    },
    'with another key for the leaf': {
      change: { 'tls.key': other.leaf.key },
      is: noLeaf('tls.key does not belong to tls.crt'),
    },
    'with a leaf of another authority': {
      change: { 'tls.crt': other.leaf.cert, 'tls.key': other.leaf.key },
      is: noLeaf('tls.crt was not signed with ca.key'),
    },
    'without the key of the authority': {
      change: { 'ca.key': undefined },
      is: nothing('ca.key is missing or no private key'),
    },
    'with a garbled key of the authority': {
      change: { 'ca.key': 'garbage' },
      is: nothing('ca.key is missing or no private key'),
    },
    'with the key of another authority': {
      change: { 'ca.key': other.signer.key },
      is: nothing('ca.key belongs to no authority in ca.crt'),
    },
    'with an RSA key': { change: { 'ca.key': rsaKey }, is: nothing('ca.key belongs to no authority in ca.crt') },
    'without authorities': { change: { 'ca.crt': undefined }, is: noBundle },
    'with leaves for authorities': {
      change: { 'ca.crt': fresh.leaf.cert, 'ca.key': fresh.leaf.key },
      is: noBundle,
    },
    'with a garbled key of the next authority': {
      change: { 'next-ca.key': 'garbage' },
      is: noNext('next-ca.key is missing or no private key'),
    },
    'with the same authority as the next one': {
      change: { 'next-ca.key': fresh.signer.key },
      is: { ...noNext(''), faults: [] },
    },
    'with garbled times of previous authorities': {
      change: { 'next-ca.key': undefined, 'previous-ca.json': '{"' },
      is: { ...noNext(''), faults: [] },
    },
    'with times that are none': {
      change: { 'next-ca.key': undefined, 'previous-ca.json': '[null, {}]' },
      is: { ...noNext(''), faults: [] },
    },
    'with nothing': {
      change: Object.fromEntries(Object.keys(texts).map(key => [key, undefined])),
      is: nothing('ca.crt holds no authority made by lockkeeper', 'ca.key is missing or no private key'),
    },
  }
  for (const [name, { change, is }] of Object.entries(cases)) {
    const merged = Object.entries({ ...texts, ...change }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    const read = readState(Object.fromEntries(merged))
    t.strictSame(read, is, name)
    const { state } = rotate(read.state, { now: NOW + DAY_MS, hosts: HOSTS, published: NOBODY })
    t.strictSame(readState(writeState(state)), { state, faults: [] }, `${name}: a whole state is made of it`)
    t.equal(planRotation(state, { now: NOW + DAY_MS, hosts: HOSTS, published: NOBODY }), null)
  }
  t.end()
})

/** Whether a leaf is accepted by who trusts this bundle. */
function isAccepted(leaf: string, bundle: string, now: number): boolean {
  const certificate = new X509Certificate(leaf)
  return (
    isValidAt(certificate, now) &&
    certificatesIn(bundle).some(each => isValidAt(each, now) && isIssuedBy(certificate, each))
  )
}

t.test('whenever the registration lags, and however long, the leaf is accepted', t => {
  const steps = fc.array(
    fc.record({
      /** Mostly days, sometimes more than a lifetime. */
      waitDays: fc.oneof(
        { weight: 8, arbitrary: fc.double({ min: 0.01, max: 20, noNaN: true }) },
        { weight: 3, arbitrary: fc.double({ min: 20, max: 120, noNaN: true }) },
        { weight: 1, arbitrary: fc.double({ min: 300, max: 800, noNaN: true }) },
      ),
      /** How many of the bundles so far the registration catches up with. */
      catchUp: fc.nat(3),
    }),
    { minLength: 5, maxLength: 30 },
  )
  const seen = { steps: new Map<string, number>(), checked: 0, replicas: 0, untrusted: 0 }
  const run = (plan: { waitDays: number; catchUp: number }[]) => {
    let now = NOW
    let { state } = rotate(null, { now, hosts: HOSTS, published: NOBODY })
    const bundles = [bundleOf(state)]
    const leaves = [state.leaf.cert]
    let index = 0
    let published = publishedSince(bundleOf(state), now)
    for (const { waitDays, catchUp } of plan) {
      now += waitDays * DAY_MS
      const rotated = rotate(state, { now, hosts: HOSTS, published })
      state = rotated.state
      for (const { step } of rotated.steps) seen.steps.set(step, (seen.steps.get(step) ?? 0) + 1)
      if (bundleOf(state) !== bundles.at(-1)) bundles.push(bundleOf(state))
      leaves.push(state.leaf.cert)
      if (leaves.length > 5) leaves.shift()
      const live = bundles[index] ?? ''
      if (!certificatesIn(live).some(each => isValidAt(each, now))) seen.untrusted += 1
      else {
        seen.checked += 1
        if (!isAccepted(state.leaf.cert, live, now)) return false
      }
      // A replica that is cut off from the Secret serves what it has, to the end.
      const restarts = rotated.steps.some(each => each.step === 'start over')
      if (restarts) leaves.splice(0, leaves.length - 1)
      const holding = leaves.filter(each => isValidAt(new X509Certificate(each), now))
      seen.replicas += holding.length - 1
      if (holding.some(each => !isAccepted(each, bundleOf(state), now))) return false
      index = Math.min(bundles.length - 1, index + catchUp)
      const since = published
      published = new Map(fingerprintsOf(bundles[index] ?? '').map(each => [each, since.get(each) ?? now]))
    }
    return true
  }
  // Every step is taken at least here, whatever is drawn.
  const whole = [275, 1, 91, 800].map(waitDays => ({ waitDays, catchUp: 3 }))
  fc.assert(fc.property(steps, run), { numRuns: 25, examples: [[whole]] })
  t.comment(`${seen.checked} leaves and ${seen.replicas} late ones accepted, ${seen.untrusted} times nothing to trust`)
  t.strictSame([...seen.steps.keys()].sort(), [
    'drop authorities',
    'introduce authority',
    'issue leaf',
    'start over',
    'switch authority',
  ])
  t.end()
})

t.test('a leaf always has 30 days, an authority 90, when somebody looks every day', t => {
  let now = NOW
  let { state } = rotate(null, { now, hosts: HOSTS, published: NOBODY })
  let written = 0
  const left = { leaf: Infinity, authority: Infinity }
  for (let day = 0; day < 460; day += 1) {
    now += DAY_MS
    const { state: after, steps } = rotate(state, { now, hosts: HOSTS, published: publishedSince(bundleOf(state), 0) })
    if (steps.length > 0) written += 1
    state = after
    const leftOf = (pem: string) => Math.floor((notAfterOf(new X509Certificate(pem)) - now) / DAY_MS)
    left.leaf = Math.min(left.leaf, leftOf(state.leaf.cert))
    left.authority = Math.min(left.authority, leftOf(state.signer.cert))
  }
  t.strictSame({ ...left, written }, { leaf: 32, authority: 91, written: 10 })
  t.equal(LIFETIMES.leafMs, 90 * DAY_MS)
  t.equal(LIFETIMES.authorityMs, 365 * DAY_MS)
  t.end()
})
