import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { GateError } from '../../../src/errors.js'
import {
  emptyObject,
  isJsonObject,
  NumberText,
  parseJson,
  stringifyJson,
  type Json,
  type JsonObject,
} from '../../../src/json.js'
import { JsonReader } from '../../../src/json/reader.js'

/** A GateError as data. */
function errorOf(run: () => unknown): { code: string; message: string; line: number | undefined } | null {
  try {
    run()
    return null
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    return { code: error.code, message: error.message, line: error.position.line }
  }
}

/** Gives every object our prototype: none. */
function plain(value: unknown): Json {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof NumberText) return value as Json
  const object = emptyObject()
  for (const [key, member] of Object.entries(value)) object[key] = plain(member)
  return object
}

t.test('numbers keep their value', t => {
  const text = (digits: string): NumberText => new NumberText(digits)
  const cases: Record<string, Json> = {
    '0': 0,
    '-0': -0,
    '1.0': 1,
    '1e3': 1000,
    '1E+3': 1000,
    '0e999999999999': 0,
    '100000000000000000000000': 1e23,
    '9007199254740992': 9007199254740992,
    '9007199254740993': text('9007199254740993'),
    '-9007199254740993': text('-9007199254740993'),
    '9223372036854775807': text('9223372036854775807'),
    '18446744073709551616': text('18446744073709551616'),
    '0.1': 0.1,
    '0.10000000000000000000': 0.1,
    '0.1000000000000000055511151231257827': text('0.1000000000000000055511151231257827'),
    '1.7976931348623157e+308': Number.MAX_VALUE,
    '5e-324': Number.MIN_VALUE,
    '4.9406564584124654e-324': text('4.9406564584124654e-324'),
    [`0.${'0'.repeat(1000)}1e1001`]: 1,
  }
  for (const [written, expected] of Object.entries(cases)) {
    t.strictSame(parseJson(written), expected, written.slice(0, 50))
    const again = stringifyJson(parseJson(written))
    t.equal(
      again,
      expected instanceof NumberText ? written : JSON.stringify(expected),
      `${written.slice(0, 50)}, written`,
    )
  }
  t.strictSame(
    ['1e400', '-1e400', '1e-400', '1e99999999999999999999', '1e-99999999999999999999', '[1, 1e309]'].map(
      each => errorOf(() => parseJson(each))?.code,
    ),
    Array(6).fill('MANIFEST_NUMBER'),
  )
  t.end()
})

t.test('what is not a JSON value is refused with its line', t => {
  const cases: Record<string, [text: string, code: string, message: string]> = {
    nothing: ['', 'MANIFEST_SYNTAX', 'line 1: the text ends where JSON needs a value'],
    'only white space': [' \n ', 'MANIFEST_SYNTAX', 'line 2: the text ends where JSON needs a value'],
    'two values': ['{}\n{}', 'MANIFEST_SYNTAX', 'line 2: there is more behind the JSON value'],
    'something behind': ['{} x', 'MANIFEST_SYNTAX', 'line 1: there is "x" where JSON needs a value'],
    "white space that is not JSON's": [
      '{}\u00a0',
      'MANIFEST_SYNTAX',
      'line 1: there is "\u00a0" where JSON needs a value',
    ],
    'a trailing comma': ['[1,\n]', 'MANIFEST_SYNTAX', 'line 2: there is "]" where JSON needs a value'],
    'a trailing comma in an object': [
      '{"a":1,}',
      'MANIFEST_SYNTAX',
      'line 1: there is "}" where JSON needs a key in double quotes',
    ],
    'a key without quotes': [
      '{a:1}',
      'MANIFEST_SYNTAX',
      'line 1: there is "a" where JSON needs a key in double quotes',
    ],
    'no colon': ['{"a" 1}', 'MANIFEST_SYNTAX', 'line 1: there is "1" where JSON needs ":" after a key'],
    'no comma': ['[1 2]', 'MANIFEST_SYNTAX', 'line 1: there is "2" where JSON needs "," or "]"'],
    'an unknown word': ['nul', 'MANIFEST_SYNTAX', 'line 1: there is "n" where JSON needs a value'],
    'a leading zero': ['01', 'MANIFEST_SYNTAX', 'line 1: there is more behind the JSON value'],
    'a plus sign': ['+1', 'MANIFEST_SYNTAX', 'line 1: there is "+" where JSON needs a value'],
    'a point without digits': ['1.', 'MANIFEST_SYNTAX', 'line 1: the text ends where JSON needs a digit'],
    'an exponent without digits': ['1e+]', 'MANIFEST_SYNTAX', 'line 1: there is "]" where JSON needs a digit'],
    'a minus alone': ['-', 'MANIFEST_SYNTAX', 'line 1: the text ends where JSON needs a digit'],
    'an open string': ['"a', 'MANIFEST_SYNTAX', 'line 1: the text ends where JSON needs the closing quote of a string'],
    'a short escape': [
      '"\\u12"',
      'MANIFEST_SYNTAX',
      'line 1: there is "\\\\" where JSON needs four hexadecimal digits after \\u',
    ],
    'a key twice': [
      '{"a":1,\n"b":2,\n"\\u0061":3}',
      'MANIFEST_DUPLICATE_KEY',
      'line 3: the key "a" appears twice in one object',
    ],
    '__proto__ twice': [
      '{"__proto__":1,"__proto__":2}',
      'MANIFEST_DUPLICATE_KEY',
      'line 1: the key "__proto__" appears twice in one object',
    ],
    'half a surrogate pair, escaped': [
      '["a",\n"\\ud800"]',
      'MANIFEST_ENCODING',
      'line 2: a string has half of a surrogate pair, which is not a character',
    ],
    'half a surrogate pair, as it is': [
      '"\udc00"',
      'MANIFEST_ENCODING',
      'line 1: a string has half of a surrogate pair, which is not a character',
    ],
    'a surrogate pair the wrong way round': [
      '"\\udc00\\ud800"',
      'MANIFEST_ENCODING',
      'line 1: a string has half of a surrogate pair, which is not a character',
    ],
    'half a surrogate pair in a key': [
      '{"\\ud800":1}',
      'MANIFEST_ENCODING',
      'line 1: a string has half of a surrogate pair, which is not a character',
    ],
  }
  for (const [name, [text, code, message]] of Object.entries(cases)) {
    const line = Number(/^line (\d+)/.exec(message)?.[1])
    t.strictSame(
      errorOf(() => parseJson(text)),
      { code, message, line },
      name,
    )
  }
  for (const text of [
    '"a\nb"',
    '"\u0000"',
    '"\\x"',
    '"\\',
    '[',
    '{',
    '{"a"',
    '{"a":',
    '[1',
    '//',
    "'a'",
    'NaN',
    'undefined',
  ]) {
    t.equal(errorOf(() => parseJson(text))?.code, 'MANIFEST_SYNTAX', JSON.stringify(text))
  }
  t.end()
})

t.test('every key is a plain key', t => {
  const value = parseJson(
    '{"__proto__": {"polluted": true}, "constructor": 1, "toString": 2, "9": 3, "": 4}',
  ) as JsonObject
  t.equal('hasOwnProperty' in value, false)
  t.strictSame(Object.keys(value).sort(), ['', '9', '__proto__', 'constructor', 'toString'])
  t.strictSame(value.__proto__, plain({ polluted: true }))
  t.equal(({} as Record<string, unknown>).polluted, undefined)
  t.equal(parseJson('"\\ud83d\\ude00 \\"\\\\\\/\\b\\f\\n\\r\\t \\u00e9"'), '😀 "\\/\b\f\n\r\t é')
  t.end()
})

t.test('depth has a bound, and reaching it needs no stack', t => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  t.equal(stringifyJson(parseJson(nested(500))), nested(500))
  const code = (text: string, maxDepth?: number): string | undefined =>
    errorOf(() => parseJson(text, maxDepth === undefined ? {} : { maxDepth }))?.code
  t.equal(code(nested(501)), 'MANIFEST_TOO_DEEP')
  t.equal(code(nested(10_000)), 'MANIFEST_TOO_DEEP')
  t.equal(code(nested(1_000_000)), 'MANIFEST_TOO_DEEP')
  t.equal(code('{"a":'.repeat(1_000_000)), 'MANIFEST_TOO_DEEP')
  t.equal(code('[[[]]]', 3), undefined)
  t.equal(code('[[{}]]', 2), 'MANIFEST_TOO_DEEP')
  t.equal(code(nested(1_000_000), 2_000_000), 'MANIFEST_TOO_DEEP', 'a bound beyond the stack is still no crash')
  t.end()
})

t.test('a stream gives one value after another and goes on behind a faulty one', t => {
  const text = '{"a":1}{"b":2}\n\n[3] "x"null\n{"a":"}",\n"a":2}[1e400,"]"] {"c":4}'
  const reader = new JsonReader(text)
  const seen: unknown[] = []
  for (let value: Json | undefined = null; value !== undefined;) {
    try {
      value = reader.next()
      if (value !== undefined) seen.push([stringifyJson(value), text.slice(reader.start, reader.end)])
    } catch (error) {
      seen.push((error as { code: string; line: number }).code, (error as { line: number }).line)
    }
  }
  t.strictSame(seen, [
    ['{"a":1}', '{"a":1}'],
    ['{"b":2}', '{"b":2}'],
    ['[3]', '[3]'],
    ['"x"', '"x"'],
    ['null', 'null'],
    'MANIFEST_DUPLICATE_KEY',
    5,
    'MANIFEST_NUMBER',
    5,
    ['{"c":4}', '{"c":4}'],
  ])
  t.end()
})

t.test('JSON is written as JSON.stringify writes it, with the text of numbers', t => {
  const value = plain({ b: [1, new NumberText('9007199254740993'), []], a: {}, 9: null, c: 'é"\n', d: { e: true } })
  t.equal(stringifyJson(value), '{"9":null,"b":[1,9007199254740993,[]],"a":{},"c":"é\\"\\n","d":{"e":true}}')
  const small = plain({ b: [1, 7, []], a: {}, 9: null, c: 'é"\n', d: { e: true } })
  t.equal(stringifyJson(value, 2), JSON.stringify(small, null, 2).replace('7', '9007199254740993'))
  t.equal(stringifyJson({ a: new NumberText('1'), b: undefined as unknown as Json }), '{"a":1}')
  t.throws(() => stringifyJson([Number.NaN]), { code: 'MANIFEST_NUMBER' })
  t.throws(() => stringifyJson(Number.POSITIVE_INFINITY), { code: 'MANIFEST_NUMBER' })
  let deep: Json = 1
  for (let depth = 0; depth < 1_000_000; depth++) deep = [deep]
  t.equal(stringifyJson(deep).length, 2_000_001)
  t.ok(isJsonObject(value))
  t.notOk(isJsonObject(new NumberText('1')) || isJsonObject([]) || isJsonObject(null))
  t.end()
})

const LONG_NUMBER = fc
  .tuple(fc.boolean(), fc.stringMatching(/^[1-9][0-9]{17,40}$/), fc.option(fc.stringMatching(/^[0-9]{0,5}[1-9]$/)))
  .map(([negative, whole, fraction]) => `${negative ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}`)
const { json } = fc.letrec<{ json: unknown }>(tie => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.constantFrom(null, true, false),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(each => each + 0),
      fc.string({ unit: 'binary' }),
      LONG_NUMBER.map(text => parseJson(text)),
    ),
    fc.array(tie('json'), { maxLength: 5 }),
    fc.dictionary(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', '1', '01', 'constructor')),
      tie('json'),
      {
        maxKeys: 5,
      },
    ),
  ),
}))

t.test('what is written is read again, at any indentation', t => {
  fc.assert(
    fc.property(json, fc.integer({ min: 0, max: 4 }), (value, indent) => {
      const expected = plain(value)
      assert.deepEqual(parseJson(stringifyJson(expected, indent)), expected)
    }),
    { numRuns: 500 },
  )
  t.end()
})

t.test('texts are read as JSON.parse reads them, or both refuse', t => {
  const mutated = fc
    .tuple(
      fc.json({ stringUnit: 'binary' }),
      fc.nat(),
      fc.constantFrom('', ',', '"', '\\', '}', ']', '{', '[', ':', '0', '-', '.', 'e', ' ', '\n', '\u0001'),
      fc.nat(2),
    )
    .map(([text, at, insert, remove]) => {
      const place = at % (text.length + 1)
      return text.slice(0, place) + insert + text.slice(place + remove)
    })
  fc.assert(
    fc.property(fc.oneof(fc.json({ stringUnit: 'binary' }), mutated), text => {
      let native: unknown
      try {
        native = JSON.parse(text)
      } catch {
        assert.ok(errorOf(() => parseJson(text)))
        return
      }
      // JSON.parse takes what we refuse, or keep as text, for good reasons; nothing else may differ.
      const error = errorOf(() => parseJson(text))
      if (error !== null) {
        assert.notEqual(error.code, 'MANIFEST_SYNTAX')
      } else {
        assert.deepEqual(JSON.parse(stringifyJson(parseJson(text))), JSON.parse(JSON.stringify(native)))
      }
    }),
    { numRuns: 2000 },
  )
  t.end()
})
