import t from 'tap'
import type { Json, JsonObject } from '../../../../src/json.js'
import { createHostInput } from '../../../../src/policy/host-input.js'
import type { PolicyHost } from '../../../../src/policy/host.js'

const decoder = new TextDecoder()

/** What a host was told, in its order: an input, or what was set at a path. */
function openInput(object: JsonObject | null) {
  const told: unknown[] = []
  const parsed = (value: Uint8Array): unknown => JSON.parse(decoder.decode(value))
  const host = {
    begin: (input: Uint8Array) => told.push(parsed(input)),
    amend: (path: readonly string[], value: Uint8Array) => told.push([path.join('/'), parsed(value)]),
  } as unknown as PolicyHost
  const input = createHostInput(host, () => JSON.stringify({ review: { object }, violations: [] }), object)
  return {
    input,
    toldNext: (): readonly unknown[] => {
      input.ready()
      return told.splice(0)
    },
    told,
  }
}

const metadata: JsonObject = { name: 'web' }
const spec: JsonObject = { hostPID: true }
const object: JsonObject = { kind: 'Pod', metadata, spec }
const better: JsonObject = { hostPID: false }
const nameless: JsonObject = {}
const found: Json = [{ policy: 'a' }]

t.test('an input is given to the host when it is needed, and once', t => {
  const { toldNext, told } = openInput(object)
  t.strictSame(told, [])
  t.strictSame(toldNext(), [{ review: { object }, violations: [] }])
  t.strictSame(toldNext(), [])
  t.end()
})

t.test('of another object that shares members with the one before, the others are set', t => {
  const { input, toldNext } = openInput(object)
  input.setObject({ ...object, spec: better })
  t.strictSame(toldNext(), [{ review: { object }, violations: [] }, ['review/object/spec', better]])
  input.setObject({ ...object, metadata: nameless })
  t.strictSame(toldNext(), [['review/object/metadata', nameless], ['review/object/spec', spec]]) // prettier-ignore
  input.setObject({ ...object, metadata: nameless, spec: null })
  t.strictSame(toldNext(), [['review/object/spec', null]])
  t.end()
})

t.test('an object with other members is set as a whole', t => {
  const cases: Record<string, readonly [JsonObject | null, JsonObject]> = {
    'one more': [object, { ...object, status: {} }],
    'one less': [object, { kind: 'Pod', metadata }],
    'another one': [object, { kind: 'Pod', metadata, data: spec }],
    'where there was no object': [null, object],
  }
  for (const [name, [before, after]] of Object.entries(cases)) {
    const { input, toldNext } = openInput(before)
    input.setObject(after)
    t.strictSame(toldNext().slice(1), [['review/object', after]], name)
  }
  t.end()
})

t.test('what is set last counts', t => {
  const { input, toldNext } = openInput(object)
  input.setObject({ ...object, spec: better })
  const whole = { ...object, status: {} }
  input.setObject(whole)
  input.setObject({ ...whole, spec: better })
  t.strictSame(toldNext().slice(1), [['review/object', whole], ['review/object/spec', better]]) // prettier-ignore
  t.end()
})

t.test('the violations of one object are none of the next', t => {
  const { input, toldNext } = openInput(object)
  toldNext()
  input.setViolations(found)
  t.strictSame(toldNext(), [['violations', found]])
  input.setObject({ ...object, spec: better })
  t.strictSame(toldNext(), [['violations', []], ['review/object/spec', better]]) // prettier-ignore
  input.setObject(object)
  t.strictSame(toldNext(), [['review/object/spec', spec]])
  t.end()
})
