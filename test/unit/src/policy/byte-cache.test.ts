import fc from 'fast-check'
import t from 'tap'
import { ByteCache } from '../../../../src/policy/byte-cache.js'

t.test('what was not used for the longest time goes first', t => {
  // Room for two entries with a key and a text of one character each: 256 + 2, 8 + 2.
  const cache = new ByteCache(2 * 268)
  cache.add('a', 0, '1')
  cache.add('b', 0, '2')
  t.equal(cache.bytes, 2 * 268)
  t.strictSame(cache.use('a')?.texts, ['1'])
  cache.add('c', 0, '3')
  t.equal(cache.use('b'), undefined)
  t.strictSame([cache.use('a')?.texts, cache.use('c')?.texts], [['1'], ['3']])
  t.equal(cache.entries, 2)
  t.end()
})

t.test('an entry grows by its places and texts, and one that is too large alone is not kept', t => {
  const cache = new ByteCache(400)
  cache.add('a', 1, '1')
  t.equal(cache.bytes, 258 + 16 + 2)
  cache.add('a', 0, '12')
  t.equal(cache.bytes, 258 + 16 + 2 + 4)
  cache.add('a', 0, '1')
  t.equal(cache.bytes, 258 + 16 + 2 + 2, 'a text takes the place of the one before it')
  cache.add('a', 2, 'x'.repeat(100))
  t.strictSame([cache.bytes, cache.entries, cache.use('a')], [0, 0, undefined])
  t.end()
})

t.test('it never holds more than its bytes, and only what was added', t => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    index: fc.nat(3),
    text: fc.string({ maxLength: 60 }),
    isUse: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.nat(1500), fc.array(step, { maxLength: 60 }), (maxBytes, steps) => {
      const cache = new ByteCache(maxBytes)
      const added = new Map<string, string>()
      for (const { key, index, text, isUse } of steps) {
        if (isUse) {
          const texts = cache.use(key)?.texts ?? []
          if (texts.some((each, i) => each !== undefined && each !== added.get(`${key}${i}`))) return false
        } else {
          cache.add(key, index, text)
          added.set(`${key}${index}`, text)
        }
        if (cache.bytes > maxBytes || (cache.entries === 0) !== (cache.bytes === 0)) return false
      }
      return true
    }),
  )
  t.end()
})
