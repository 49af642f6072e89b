import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import opa from '@open-policy-agent/opa-wasm'
import fc from 'fast-check'
import t from 'tap'
import { GateError } from '../../../../src/errors.js'
import { stringifyJson, type Json, type JsonObject } from '../../../../src/json.js'
import { NumberText } from '../../../../src/json/number-text.js'
import { estimateHeapBytes } from '../../../../src/policy/heap-estimate.js'
import { createPolicyHost, type PolicyHost, type PolicyHostOptions } from '../../../../src/policy/host.js'
import { PolicyInstance } from '../../../../src/policy/policy-instance.js'
import { ROOT } from '../../../helpers/repository.js'

const PAGE_BYTES = 65_536

function moduleOf(name: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(join(ROOT, 'test/fixtures/bundles', name, 'bundle/policy.wasm')))
}

const mixed = moduleOf('mixed')
const parameterized = moduleOf('parameters')
const REGISTRIES: JsonObject = { lockkeeper: { registries: ['registry.example', 'mirror.example'] } }

function hostOf(module: WebAssembly.Module, options: Partial<PolicyHostOptions> = {}): PolicyHost {
  return createPolicyHost({ module, data: {}, ...options })
}

function bytesOf(value: Json): Uint8Array {
  return Buffer.from(stringifyJson(value))
}

/** What an entrypoint gives for an input, or the error's code and text. */
function outcome(host: PolicyHost, entrypoint: string, parameters: number | null = null): unknown {
  try {
    return plain(host.evaluate(entrypoint, parameters))
  } catch (error) {
    if (!(error instanceof GateError)) throw error
    return `${error.code}: ${error.message}`
  }
}

/** Values as the SDK gives them: doubles, ordinary prototypes. */
function plain(value: Json): unknown {
  return JSON.parse(stringifyJson(value))
}

/** The SDK's own `evaluate`, on an instance with our built-ins. */
function referenceOf(
  module: WebAssembly.Module,
  data: JsonObject = {},
): (input: object, entrypoint: string) => unknown {
  const memory = new WebAssembly.Memory({ initial: 64 })
  const { instance } = new PolicyInstance(module, memory, () => undefined)
  const loaded = new opa.LoadedPolicy(instance, memory, 3)
  loaded.setData(data)
  return (input, entrypoint) => {
    try {
      const [first] = loaded.evaluate(input, entrypoint) as { result: unknown }[]
      return first === undefined ? 'POLICY_UNDEFINED: the entrypoint is undefined for this input' : first.result
    } catch (error) {
      return `POLICY_FAILED: ${(error as Error).message}`
    }
  }
}

const POD: JsonObject = {
  kind: 'Pod',
  metadata: { name: 'web', labels: { app: 'web', tier: 'front' }, annotations: { 'example/json': '{} x' } },
  spec: {
    containers: [
      {
        name: 'a "b"',
        image: 'elsewhere.example/web:1',
        securityContext: { privileged: true },
        resources: { limits: { memory: '1073741824' } },
      },
    ],
  },
}

t.test('each entrypoint of a bundle gives its whole result', t => {
  const host = hostOf(mixed)
  t.strictSame(host.entrypoints, [
    'lockkeeper/calls/deny',
    'lockkeeper/calls/warn',
    'lockkeeper/failing/deny',
    'lockkeeper/healthy/deny',
    'lockkeeper/healthy/warn',
    'lockkeeper/text/deny',
    'lockkeeper/values/deny',
  ])
  host.begin(
    bytesOf({
      review: { object: POD },
      calls: [
        { format: '%v %d', arguments: [[1, 'a'], 'x'] },
        { format: '%v', arguments: 'no list' },
      ],
    }),
  )
  const results = Object.fromEntries(host.entrypoints.map(entrypoint => [entrypoint, outcome(host, entrypoint)]))
  const [calls] = (results['lockkeeper/calls/deny'] as unknown[]).filter(each => typeof each !== 'string') as [
    { msg: string; details: { labels: string[]; memory: string[] } },
  ]
  t.equal(calls.msg, 'P0d web: {"app", "tier"} and 1 containers', 'a set prints as one, in order')
  t.strictSame(calls.details.labels.sort(), ['app', 'tier'], 'a set is an array in no particular order')
  t.strictSame(calls.details.memory, ['-1-0-7-3-7-4-1-8-2-4-'], 'an empty search string ends')
  t.strictSame((results['lockkeeper/calls/deny'] as unknown[]).filter(each => typeof each === 'string').sort(), [
    '"{} x" is not JSON',
    'an image from an unknown registry',
  ])
  t.strictSame(
    results['lockkeeper/calls/warn'],
    [{ msg: '[1, "a"] %!d(string=x)', details: 0 }],
    'a call with a wrong operand is undefined',
  )
  t.equal(results['lockkeeper/failing/deny'], 'POLICY_FAILED: failing.rego:14:1: var assignment conflict')
  t.strictSame(results['lockkeeper/healthy/deny'], [
    {
      msg: 'container "a \\"b\\"" of Pod must not be privileged',
      path: '/spec/containers/0/securityContext/privileged',
      details: { container: 'a "b"' },
    },
  ])
  t.strictSame(results['lockkeeper/healthy/warn'], [])
  t.equal(results['lockkeeper/text/deny'], 'this is not a set of violations', 'the shape is judged by others')
  t.end()
})

t.test('unusual values come out as they are written in the policy', t => {
  const host = hostOf(mixed)
  host.begin(bytesOf({ review: { object: { metadata: { annotations: { n: new NumberText('9007199254740993') } } } } }))
  const [{ details }] = host.evaluate('lockkeeper/values/deny', null) as unknown as [{ details: JsonObject }]
  t.strictSame(details.large, new NumberText('1152921504606846976'))
  t.strictSame(details.larger, new NumberText('1152921504606846977123456789'))
  t.equal(stringifyJson(details.input ?? null), '{"n":9007199254740993}', 'numbers of the input, too')
  t.equal(details.fraction, 0.1)
  t.equal(details.exponent, 1e-7)
  t.equal(details.text, 'Ångström ≤ 名前 🚢 "quoted" \\ \t\n\u0000\u001f\u2028')
  t.strictSame(plain(details.empty ?? null), { set: [], array: [], object: {} })
  t.strictSame(plain(details.nested ?? null), { a: [{ b: { c: [null, true, false, -0.5] } }] })
  t.strictSame(Object.keys(details.keys as JsonObject).sort(), ['', '1', '__proto__', 'constructor'])
  t.end()
})

t.test('recorded results of sprintf come out of Wasm the same', t => {
  const file = readFileSync(join(ROOT, 'test/fixtures/builtins/sprintf.json'), 'utf8')
  const cases = (JSON.parse(file) as { cases: { operands: [string, string]; result: string }[] }).cases
  // Sets and keys that are no strings have no JSON to come in by.
  const json = cases.filter(({ operands: [, values] }) => {
    try {
      JSON.parse(values)
      return true
    } catch {
      return false
    }
  })
  t.ok(json.length > 2000)
  const host = hostOf(mixed)
  const calls = json.map(({ operands: [format, values] }) => `{"format":${format},"arguments":${values}}`)
  host.begin(Buffer.from(`{"calls":[${calls.join(',')}]}`))
  const results = host.evaluate('lockkeeper/calls/warn', null) as unknown as { msg: string; details: number }[]
  const byIndex = new Map(results.map(({ msg, details }) => [details, msg]))
  t.strictSame(
    json
      .map(({ operands, result }, index) => ({ operands, result, ours: byIndex.get(index) }))
      .filter(({ result, ours }) => result !== ours),
    [],
  )
  t.end()
})

t.test('malformed input is an error, never the absence of violations', t => {
  const malformed = {
    'nothing at all': '',
    'an object that does not end': '{"review":{"object":{"kind":"Pod"}}',
    'a list that does not end': '[1,2',
    'a word that is none': 'nul',
    'a member without a value': '{"a":}',
    'a member without a colon': '{"a" 1}',
    'a string that does not end': '{"a":"b',
    'a control character in a string': '{"a":"\n"}',
  }
  const host = hostOf(mixed)
  for (const [name, text] of Object.entries(malformed)) {
    t.throws(
      () => {
        host.begin(Buffer.from(text))
      },
      { code: 'POLICY_FAILED', message: 'malformed input' },
      name,
    )
    t.throws(() => host.evaluate('lockkeeper/healthy/deny', null), { code: 'INTERNAL' }, 'there is no input then')
  }
  const refused = {
    'bytes that are not UTF-8': Buffer.from('{"a":"\xff"}', 'latin1'),
    'half of a surrogate pair': Buffer.from('"\\ud800x"'),
  }
  for (const [name, bytes] of Object.entries(refused)) {
    t.throws(
      () => {
        host.begin(bytes)
      },
      { code: 'POLICY_FAILED', message: /^the input could not be read: ill/ },
      name,
    )
  }
  host.begin(bytesOf({ review: { object: POD } }))
  t.equal((host.evaluate('lockkeeper/healthy/deny', null) as Json[]).length, 1, 'the next input is judged')
  host.begin(Buffer.from('[1]'))
  t.strictSame(host.evaluate('lockkeeper/healthy/deny', null), [], 'an input that is no object is one nevertheless')
  t.end()
})

t.test('input that is nested too deep for the stack is an error, and the host goes on', t => {
  const host = hostOf(mixed)
  const deep = (depth: number): Buffer =>
    Buffer.from(`{"review":{"object":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}}`)
  host.begin(deep(500))
  t.strictSame(host.evaluate('lockkeeper/healthy/deny', null), [])
  for (let times = 0; times < 3; times++) {
    t.throws(
      () => {
        host.begin(deep(100_000))
      },
      { code: 'POLICY_FAILED' },
    )
    host.begin(bytesOf({ review: { object: POD } }))
    t.equal((host.evaluate('lockkeeper/healthy/deny', null) as Json[]).length, 1)
  }
  t.end()
})

t.test("a result that is nested too deep is that entrypoint's error", t => {
  const host = hostOf(mixed)
  const deep = `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`
  host.begin(Buffer.from(`{"review":{"object":{"metadata":{"annotations":${deep}}}}}`))
  t.match(outcome(host, 'lockkeeper/values/deny'), /^POLICY_RESULT: returned a value that JSON cannot hold/)
  t.equal(outcome(host, 'lockkeeper/text/deny'), 'this is not a set of violations')
  t.end()
})

t.test('runtime errors never harm other entrypoints, however many there are', t => {
  // Each leaves a little of the Wasm stack used: after 585 of them the next call traps in that instance.
  const host = hostOf(mixed)
  host.begin(bytesOf({ review: { object: POD } }))
  const healthy = JSON.stringify(outcome(host, 'lockkeeper/healthy/deny'))
  let wrong = 0
  for (let i = 0; i < 2000; i++) {
    if (outcome(host, 'lockkeeper/failing/deny') !== 'POLICY_FAILED: failing.rego:14:1: var assignment conflict')
      wrong++
    if (JSON.stringify(outcome(host, 'lockkeeper/healthy/deny')) !== healthy) wrong++
  }
  t.equal(wrong, 0)
  t.end()
})

t.test('an undefined entrypoint is an error of its own', t => {
  const host = hostOf(moduleOf('undefined'))
  host.begin(bytesOf({ review: { object: POD } }))
  t.throws(() => host.evaluate('lockkeeper/undefined/deny', null), { code: 'POLICY_UNDEFINED' })
  host.begin(bytesOf({ review: { object: { kind: 'Never' } } }))
  t.equal(host.evaluate('lockkeeper/undefined/deny', null), 'denied')
  t.end()
})

t.test('wrong use of the host is told apart from failing policies', t => {
  const host = hostOf(parameterized, { data: REGISTRIES, parameters: [{}] })
  t.throws(() => host.evaluate('lockkeeper/echo/deny', null), { code: 'INTERNAL' }, 'no input')
  host.begin(bytesOf({ review: {} }))
  t.throws(() => host.evaluate('lockkeeper/echo/nothing', null), { code: 'INTERNAL' }, 'no such entrypoint')
  t.throws(() => host.evaluate('lockkeeper/echo/deny', 1), { code: 'INTERNAL' }, 'no such parameters')
  t.throws(() => host.prepareParameters({}), { code: 'INTERNAL' }, 'parameters in the middle of an input')
  host.end()
  t.throws(() => host.evaluate('lockkeeper/echo/deny', null), { code: 'INTERNAL' }, 'no input any more')
  host.begin(bytesOf([]))
  t.throws(() => host.evaluate('lockkeeper/echo/deny', 0), { code: 'POLICY_FAILED' }, 'no object for the parameters')
  t.end()
})

/** A module that only exports two globals: the version that OPA's interface would have. */
function moduleOfVersion(major: number, minor: number): WebAssembly.Module {
  const name = (text: string): number[] => [text.length, ...Buffer.from(text)]
  const section = (id: number, content: number[]): number[] => [id, content.length, ...content]
  const constant = (value: number): number[] => [0x7f, 0, 0x41, value, 0x0b]
  const exported = [...name('opa_wasm_abi_version'), 3, 0, ...name('opa_wasm_abi_minor_version'), 3, 1]
  const globals = section(6, [2, ...constant(major), ...constant(minor)])
  return new WebAssembly.Module(
    Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...globals, ...section(7, [2, ...exported])]),
  )
}

t.test('a module that cannot be used is refused when it is loaded', t => {
  const empty = new WebAssembly.Module(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))
  t.throws(() => hostOf(empty), { code: 'BUNDLE_INVALID', message: /was not compiled by OPA/ })
  t.throws(() => hostOf(moduleOfVersion(2, 0)), {
    code: 'BUNDLE_INVALID',
    message: /has version 2\.0 of OPA's interface/,
  })
  t.throws(() => hostOf(moduleOfVersion(1, 3)), {
    code: 'BUNDLE_INVALID',
    message: /lacks functions .*: opa_malloc, opa_free/,
  })
  // It imports a function that nobody has.
  const alien = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 0x61, 1, 0x62, 0, 0]
  t.throws(() => hostOf(new WebAssembly.Module(Uint8Array.from(alien))), {
    code: 'BUNDLE_INVALID',
    message: /^policy.wasm could not be instantiated/,
  })
  t.throws(() => hostOf(moduleOf('missing-builtin')), {
    code: 'BUNDLE_BUILTIN_MISSING',
    message: 'the policies need built-in functions that lockkeeper lacks: http.send, opa.runtime',
  })
  t.end()
})

const inputs = fc.record(
  {
    review: fc.record(
      {
        object: fc.record(
          {
            kind: fc.oneof(fc.constantFrom('Pod', 'Deployment', ''), fc.jsonValue()),
            metadata: fc.record(
              {
                name: fc.string({ unit: 'binary' }),
                labels: fc.dictionary(fc.string(), fc.string({ unit: 'binary' })),
                annotations: fc.oneof(fc.record({ 'example/json': fc.json() }), fc.jsonValue()),
              },
              { requiredKeys: [] },
            ),
            spec: fc.record({
              containers: fc.array(
                fc.record({
                  name: fc.string(),
                  image: fc.constantFrom('registry.example/a', 'b:pinned', 'c'),
                  securityContext: fc.record({ privileged: fc.boolean() }),
                  resources: fc.record({ limits: fc.record({ memory: fc.string({ unit: 'binary' }) }) }),
                }),
                { maxLength: 3 },
              ),
            }),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    ),
    calls: fc.array(
      fc.record({
        format: fc.string({ unit: fc.constantFrom('%', 'v', 'd', 's', 'x', '5', '*', '[1]', ' ') }),
        arguments: fc.array(fc.jsonValue()),
      }),
    ),
    other: fc.jsonValue(),
  },
  { requiredKeys: [] },
)

t.test('every entrypoint gives what the SDK gives for the same input', t => {
  const host = hostOf(mixed)
  const reference = referenceOf(mixed)
  fc.assert(
    fc.property(inputs, input => {
      host.begin(bytesOf(input as Json))
      for (const entrypoint of host.entrypoints) {
        assert.deepEqual(outcome(host, entrypoint), reference(input, entrypoint))
      }
    }),
    { numRuns: 150 },
  )
  t.end()
})

t.test('parameters are what input.parameters would be', t => {
  const host = hostOf(parameterized, { data: REGISTRIES })
  const reference = referenceOf(parameterized, REGISTRIES)
  fc.assert(
    fc.property(
      inputs,
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.option(fc.jsonValue()),
      (input, parameters, own) => {
        const handle = host.prepareParameters(parameters as JsonObject)
        const given = own === null ? input : { ...input, parameters: own }
        host.begin(bytesOf(given as Json))
        for (const entrypoint of host.entrypoints) {
          const withParameters = reference({ ...input, parameters }, entrypoint)
          assert.deepEqual(outcome(host, entrypoint, handle), withParameters)
          assert.deepEqual(outcome(host, entrypoint), reference(given, entrypoint))
          assert.deepEqual(outcome(host, entrypoint, handle), withParameters)
        }
        host.end()
      },
    ),
    { numRuns: 60 },
  )
  t.end()
})

t.test('thousands of evaluations in one instance equal those in fresh ones', t => {
  const parameters: JsonObject[] = [
    {},
    { names: [] },
    { names: ['app', 'tier', 'x'] },
    {
      names: ['long '.repeat(30)],
      more: { list: Array.from({ length: 100 }, (_, index) => index), text: 'é'.repeat(300) },
    },
    { names: ['app'], nested: { a: { b: { c: [null, { d: 'e' }] } } } },
  ]
  const objects: Json[] = [
    POD,
    {},
    { kind: 'ConfigMap', metadata: { labels: { app: 'x'.repeat(500), tier: '' } } },
    {
      kind: 'Pod',
      metadata: { labels: Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`label-${index}`, 'v'])) },
    },
    { kind: 'Pod', metadata: { labels: { app: 'é', 'long ': 'y' } } },
  ]
  const texts = objects.flatMap(object => [
    bytesOf({ review: { object }, now: '2026-01-01T00:00:00Z' }),
    bytesOf({ review: { object }, parameters: {}, related: [object, object] }),
  ])
  const options = { data: REGISTRIES, parameters }
  const expected = new Map<string, unknown>()
  const host = hostOf(parameterized, options)
  const handles = [null, ...parameters.keys()]
  texts.forEach((text, input) => {
    for (const handle of handles) {
      for (const entrypoint of host.entrypoints) {
        const fresh = hostOf(parameterized, options)
        fresh.begin(text)
        expected.set(`${input} ${handle} ${entrypoint}`, JSON.stringify(outcome(fresh, entrypoint, handle)))
      }
    }
  })
  const sequences = fc.tuple(
    fc.nat({ max: texts.length - 1 }),
    fc.array(fc.tuple(fc.constantFrom(...handles), fc.constantFrom(...host.entrypoints)), {
      minLength: 12,
      maxLength: 30,
    }),
  )
  let evaluations = 0
  fc.assert(
    fc.property(sequences, ([input, steps]) => {
      host.begin(texts[input] as Uint8Array)
      for (const [handle, entrypoint] of steps) {
        evaluations++
        assert.equal(
          JSON.stringify(outcome(host, entrypoint, handle)),
          expected.get(`${input} ${handle} ${entrypoint}`),
        )
      }
    }),
    { numRuns: 400 },
  )
  t.ok(evaluations > 3000)
  t.end()
})

/** A copy with a value at a path of keys. */
function amended(input: Json, [key, ...rest]: readonly string[], value: Json): Json {
  if (key === undefined) return value
  const object = input as JsonObject
  return { ...object, [key]: amended(object[key] ?? {}, rest, value) }
}

t.test('an amended input is what it would be if it had been given so', t => {
  const host = hostOf(mixed)
  const fresh = hostOf(mixed)
  const [review, object] = ['review', 'object']
  const annotations = fc.dictionary(fc.string(), fc.string(), { maxKeys: 4 })
  const metadata = annotations.map((each): JsonObject => ({ labels: { app: 'x' }, annotations: each }))
  const kinds = fc.constantFrom<Json>('Pod', 'ConfigMap', null, 3)
  const amendment = fc.oneof(
    fc.tuple(fc.constant([review, object, 'metadata']), metadata),
    fc.tuple(fc.constant([review, object, 'metadata', 'annotations']), annotations),
    fc.tuple(fc.constant([review, object, 'kind']), kinds),
    fc.tuple(
      fc.constant([review, object]),
      fc.tuple(metadata, kinds).map(([each, kind]): Json => ({ ...POD, metadata: each, kind })),
    ),
    fc.tuple(fc.constant(['calls']), fc.array(fc.record({ format: fc.constant('%v'), arguments: fc.jsonValue() }))),
    fc.tuple(fc.constant(['new']), fc.jsonValue()),
  )
  // Among the entrypoints is one that fails, after which the input is read again.
  const step = fc.tuple(amendment, fc.subarray([...host.entrypoints]))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), steps => {
      let input: Json = { review: { object: POD }, calls: [] }
      host.begin(bytesOf(input))
      for (const [[path, value], entrypoints] of steps) {
        input = amended(input, path, value as Json)
        host.amend(path, bytesOf(value as Json))
        fresh.begin(bytesOf(input))
        for (const entrypoint of entrypoints) {
          assert.deepEqual(outcome(host, entrypoint), outcome(fresh, entrypoint), entrypoint)
        }
      }
    }),
    { numRuns: 150 },
  )
  t.end()
})

t.test('an input that is amended again and again does not fill the memory', t => {
  const host = hostOf(mixed)
  host.begin(bytesOf({ review: { object: POD } }))
  host.amend(['review', 'object', 'kind'], bytesOf('Secret'))
  const text = 'x'.repeat(1_000_000)
  for (let i = 0; i < 100; i++) {
    const annotations = { text, number: String(i) }
    host.amend(['review', 'object', 'metadata'], bytesOf({ annotations }))
    if (i % 9 === 0) t.strictSame((outcome(host, 'lockkeeper/values/deny') as Quoted)[0]?.details.input, annotations)
  }
  t.ok(host.memoryBytes <= 64 * 1024 * 1024, `it takes ${host.memoryBytes} bytes`)
  t.end()
})

/** The part of a result that quotes the input. */
type Quoted = readonly { readonly details: { readonly input: unknown } }[]

t.test('memory does not grow over many evaluations', t => {
  const host = hostOf(mixed, { initialPages: 32 })
  const before = host.memoryBytes
  for (let i = 0; i < 3000; i++) {
    host.begin(
      bytesOf({ review: { object: { ...POD, metadata: { name: `web-${i}`, labels: { [`label-${i}`]: 'v' } } } } }),
    )
    for (const entrypoint of host.entrypoints) outcome(host, entrypoint)
    host.end()
  }
  t.equal(host.memoryBytes, before)
  t.end()
})

t.test('a policy that needs more memory than there may be fails alone', t => {
  const host = hostOf(parameterized, {
    data: REGISTRIES,
    initialPages: 8,
    maximumPages: 24,
    parameters: [{ names: ['n'.repeat(30_000)] }],
  })
  const input = bytesOf({ review: { object: { kind: 'Pod', metadata: { labels: { n: 'v' } } } } })
  for (let times = 0; times < 3; times++) {
    host.begin(input)
    t.equal(outcome(host, 'lockkeeper/limits/deny', 0), 'POLICY_FAILED: opa_malloc: failed')
    t.match(outcome(host, 'lockkeeper/echo/deny', 0), [{ msg: 'Pod' }])
  }
  t.ok(host.memoryBytes <= 24 * PAGE_BYTES, 'it stays within the maximum')
  const huge = bytesOf({ review: { object: { text: 'x'.repeat(2_000_000) } } })
  t.throws(
    () => {
      host.begin(huge)
    },
    { code: 'POLICY_FAILED', message: /opa_malloc: failed$/ },
  )
  host.begin(input)
  t.match(outcome(host, 'lockkeeper/echo/deny', 0), [{ msg: 'Pod' }])
  t.end()
})

t.test('five megabytes of data are loaded without growing memory once', t => {
  const owners = Object.fromEntries(
    Array.from({ length: 60_000 }, (_, index) => [
      `service-${index}`,
      { team: `team-${index % 97}`, tier: index % 5, labels: ['a', 'b'], note: 'a note of some length' },
    ]),
  )
  const data: JsonObject = { lockkeeper: { owners } }
  const bytes = stringifyJson(data).length
  t.ok(bytes > 5_000_000)
  const initialPages = 100
  const host = hostOf(moduleOf('huge-data'), { data, initialPages })
  t.equal(host.memoryBytes, (initialPages + Math.ceil(estimateHeapBytes(data) / PAGE_BYTES)) * PAGE_BYTES)
  host.begin(bytesOf({ review: { object: { metadata: { name: 'service-59999' } } } }))
  t.strictSame(host.evaluate('lockkeeper/lookup/deny', null), ['service-59999 belongs to team-53'])
  t.throws(() => hostOf(moduleOf('huge-data'), { data, maximumPages: 100 }), {
    code: 'BUNDLE_INVALID',
    message: "the bundle's data could not be loaded: opa_malloc: failed",
  })
  t.end()
})

t.test('the estimate of memory holds for all data, and is not wasteful', t => {
  const memory = new WebAssembly.Memory({ initial: 512 })
  const instance = new PolicyInstance(mixed, memory, () => undefined)
  const start = instance.abi.opa_heap_ptr_get()
  const used = (value: Json): number => {
    instance.abi.opa_heap_ptr_set(start)
    instance.parse(bytesOf(value))
    return instance.abi.opa_heap_ptr_get() - start
  }
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }),
      value => used(value as Json) <= estimateHeapBytes(value as Json),
    ),
  )
  const list = (length: number): Json => Array.from({ length }, (_, index) => index)
  const object = (size: number): Json =>
    Object.fromEntries(Array.from({ length: size }, (_, index) => [`key-${index}`, true]))
  for (const size of [0, 1, 6, 11, 23, 100, 1025, 20_000]) {
    for (const value of [list(size), object(size), 'x'.repeat(size), [list(size), object(size)]]) {
      const share = used(value) / estimateHeapBytes(value)
      t.ok(share > 0.1 && share <= 1, `${size} elements use ${share} of the estimate`)
    }
  }
  t.end()
})

t.test('who watches is told which entrypoint runs', t => {
  const seen: number[] = []
  const host = hostOf(mixed, { onEntrypoint: index => seen.push(index) })
  host.begin(bytesOf({ review: { object: POD } }))
  host.evaluate('lockkeeper/healthy/warn', null)
  outcome(host, 'lockkeeper/failing/deny')
  t.strictSame(
    seen.map(index => host.entrypoints[index] ?? index),
    ['lockkeeper/healthy/warn', -1, 'lockkeeper/failing/deny', -1],
  )
  t.end()
})

const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const running = new Int32Array(workerData.running)
  import(workerData.host).then(({ createPolicyHost }) => {
    const host = createPolicyHost({
      module: workerData.module,
      data: {},
      onEntrypoint: index => {
        Atomics.store(running, 0, index)
        if (host.entrypoints[index] === workerData.entrypoint) parentPort.postMessage('entered')
      },
    })
    host.begin(workerData.input)
    for (const entrypoint of host.entrypoints) host.evaluate(entrypoint, null)
    parentPort.postMessage('left')
  })
`

const endless = {
  "OPA's own replace with an empty search string": { bundle: 'native-replace', entrypoint: 'lockkeeper/memory/deny' },
  'a policy that counts for ever': { bundle: 'spinning', entrypoint: 'lockkeeper/spinning/deny' },
}
for (const [name, { bundle, entrypoint }] of Object.entries(endless)) {
  t.test(`${name} never returns, and ends with its thread`, async t => {
    const module = moduleOf(bundle)
    const running = new SharedArrayBuffer(4)
    const host = new URL('../../../../src/policy/host.js', import.meta.url).href
    const worker = new Worker(WORKER, {
      eval: true,
      workerData: { module, running, host, entrypoint, input: bytesOf({ review: { object: POD } }) },
    })
    const [message] = (await once(worker, 'message')) as [string]
    t.equal(message, 'entered')
    t.equal(await worker.terminate(), 1)
    const index = Atomics.load(new Int32Array(running), 0)
    t.equal(hostOf(module).entrypoints[index], entrypoint, 'shared memory says which one it was')
  })
}
