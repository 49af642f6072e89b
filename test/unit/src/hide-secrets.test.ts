import fc from 'fast-check'
import t from 'tap'
import { hideSecrets, shownAt } from '../../../src/hide-secrets.js'
import { stringifyJson, type JsonObject } from '../../../src/json.js'

const HIDDEN = '(hidden)'
const KEY = '-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----'

/** What must not be seen, and what may be. */
const cases: Record<string, readonly [JsonObject, JsonObject]> = {
  'all of a Secret': [
    { kind: 'Secret', type: 'Opaque', data: { a: 'YQ==' }, stringData: { b: 'b' } },
    { kind: 'Secret', type: 'Opaque', data: { a: HIDDEN }, stringData: { b: HIDDEN } },
  ],
  'a Secret with no values, or none that are a map': [
    { kind: 'Secret', data: null, stringData: 'all of it' },
    { kind: 'Secret', data: null, stringData: HIDDEN },
  ],
  'a Secret as it was last applied': [
    { metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"a":"YQ=="}}' } } },
    { metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': HIDDEN } } },
  ],
  'variables by their names': [
    { env: [{ name: 'DB_PASSWORD', value: 'x' }, { name: 'apiKey', value: 'y' }, { name: 'MODE', value: 'z' }] }, // prettier-ignore
    { env: [{ name: 'DB_PASSWORD', value: HIDDEN }, { name: 'apiKey', value: HIDDEN }, { name: 'MODE', value: 'z' }] }, // prettier-ignore
  ],
  'members by their names, but not where a secret is': [
    { data: { password: 'x', 'db.token': 'y', secretName: 'a', tokenPath: '/b', password_file: '/c', monkey: 'd' } },
    { data: { password: HIDDEN, 'db.token': HIDDEN, secretName: 'a', tokenPath: '/b', password_file: '/c', monkey: 'd' } }, // prettier-ignore
  ],
  'private keys, wherever they are': [{ data: { 'tls.pem': KEY } }, { data: { 'tls.pem': HIDDEN } }],
  'passwords in addresses and arguments': [
    {
      args: ['--url=postgres://web:pa55@db/x', '--db-password=pa55', '--password-file=/a', 'https://x/?token=abc&a=1'],
    },
    {
      args: [
        `--url=postgres://web:${HIDDEN}@db/x`,
        `--db-password=${HIDDEN}`,
        '--password-file=/a',
        `https://x/?token=${HIDDEN}&a=1`,
      ],
    },
  ],
}

/** Every place in a value, as the segments of its pointer. */
function placesOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) => [[key], ...placesOf(member).map(below => [key, ...below])])
}

function at(value: unknown, segments: readonly string[]): unknown {
  return segments.reduce((each, key) => (each === HIDDEN ? HIDDEN : (each as Record<string, unknown>)[key]), value)
}

for (const [name, [object, shown]] of Object.entries(cases)) {
  t.test(name, t => {
    t.strictSame(JSON.parse(stringifyJson(hideSecrets(object))), shown)
    for (const segments of placesOf(object))
      t.strictSame(shownAt(object, segments), at(shown, segments), segments.join())
    t.end()
  })
}

t.test('no value of a Secret is seen, whatever its name', t => {
  const value = fc.uuid()
  const values = fc.dictionary(fc.string(), value, { minKeys: 1 })
  fc.assert(
    fc.property(values, values, (data, stringData) => {
      const text = stringifyJson(hideSecrets({ kind: 'Secret', data, stringData }))
      for (const each of [...Object.values(data), ...Object.values(stringData)]) {
        if (text.includes(each)) throw new Error(`${each} is seen`)
      }
    }),
  )
  t.pass()
  t.end()
})
