import fc from 'fast-check'
import t from 'tap'
import { parseJson, stringifyJson, type Json } from '../../../../src/json.js'
import { yamlText } from '../../../../src/remedy/yaml-text.js'
import { readYaml } from '../../../../src/yaml/yaml.js'

const LIMITS = { maxDepth: 100, maxExpandedNodes: 0, maxExpandedCharacters: 0 }

t.test('values are written as people write them', t => {
  const value = parseJson(
    '{"port":8080,"big":9223372036854775807,"share":1.5,"on":"yes","none":null,"empty":{},"list":[{"a":1},"b"],"text":"a\\nb\\n"}',
  )
  t.equal(
    yamlText(value),
    `port: 8080
big: 9223372036854775807
share: 1.5
"on": "yes"
none: null
empty: {}
list:
  - a: 1
  - b
text: |
  a
  b
`,
  )
  t.end()
})

t.test('what is written is what is read', t => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), made => {
      const value = parseJson(JSON.stringify(made))
      const read: Json = readYaml(yamlText(value), 1, LIMITS).value
      if (stringifyJson(read) !== stringifyJson(value)) throw new Error(yamlText(value))
    }),
  )
  t.end()
})
