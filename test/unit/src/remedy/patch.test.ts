import fc from 'fast-check'
import t from 'tap'
import type { PatchOperation } from '../../../../src/decision-types.js'
import type { JsonObject } from '../../../../src/json.js'
import { applyPatch, pointerSegments } from '../../../../src/remedy/patch.js'

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

t.test('a patch of one operation', t => {
  const cases: Record<string, { from: JsonObject; patch: PatchOperation[]; to: unknown }> = {
    'adds a member': { from: { a: {} }, patch: [{ op: 'add', path: '/a/b', value: 1 }], to: { a: { b: 1 } } },
    'adds over an existing member': { from: { a: 1 }, patch: [{ op: 'add', path: '/a', value: 2 }], to: { a: 2 } },
    'inserts into a list': {
      from: { a: [1, 3] },
      patch: [{ op: 'add', path: '/a/1', value: 2 }],
      to: { a: [1, 2, 3] },
    },
    'appends to a list': { from: { a: [1] }, patch: [{ op: 'add', path: '/a/-', value: 2 }], to: { a: [1, 2] } },
    'replaces in a list': {
      from: { a: [{ b: 1 }] },
      patch: [{ op: 'replace', path: '/a/0/b', value: 2 }],
      to: { a: [{ b: 2 }] },
    },
    'removes a member': { from: { a: 1, b: 2 }, patch: [{ op: 'remove', path: '/a' }], to: { b: 2 } },
    'removes from a list': { from: { a: [1, 2] }, patch: [{ op: 'remove', path: '/a/0' }], to: { a: [2] } },
    'unescapes the pointer': {
      from: { 'x/y': 1, 'p~q': 2 },
      patch: [{ op: 'remove', path: '/x~1y' }],
      to: { 'p~q': 2 },
    },
    'sees ~01 as ~1': { from: { '~1': 1 }, patch: [{ op: 'remove', path: '/~01' }], to: {} },
    'fails where the parent is missing': { from: {}, patch: [{ op: 'add', path: '/a/b', value: 1 }], to: null },
    'fails to replace what is not there': { from: {}, patch: [{ op: 'replace', path: '/a', value: 1 }], to: null },
    'fails to remove what is not there': { from: {}, patch: [{ op: 'remove', path: '/a' }], to: null },
    'fails beyond the end of a list': { from: { a: [] }, patch: [{ op: 'add', path: '/a/1', value: 1 }], to: null },
    'fails at an index with a leading zero': {
      from: { a: [1, 2] },
      patch: [{ op: 'remove', path: '/a/01' }],
      to: null,
    },
    'fails to remove past the end': { from: { a: [1] }, patch: [{ op: 'remove', path: '/a/-' }], to: null },
    'does not reach into scalars': { from: { a: 'x' }, patch: [{ op: 'add', path: '/a/b', value: 1 }], to: null },
    'does not find inherited members': { from: {}, patch: [{ op: 'remove', path: '/constructor' }], to: null },
  }
  for (const [name, { from, patch, to }] of Object.entries(cases)) {
    const before = JSON.stringify(from)
    t.strictSame(plain(applyPatch(from, patch)), to, name)
    t.equal(JSON.stringify(from), before, `${name}: the original is untouched`)
  }
  const polluted = applyPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }])
  t.equal(Object.hasOwn(polluted ?? {}, '__proto__'), true)
  t.equal(({} as JsonObject).polluted, undefined)
  t.end()
})

t.test('adding and then removing gives the object back', t => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), fc.jsonValue(), (from, key, value) => {
      fc.pre(!Object.hasOwn(from, key))
      const path = `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
      const object = from as JsonObject
      const there = applyPatch(object, [{ op: 'add', path, value: value as null }])
      const back = applyPatch(there ?? {}, [{ op: 'remove', path }])
      return JSON.stringify(back) === JSON.stringify(object) && pointerSegments(path)[0] === key
    }),
  )
  t.end()
})
