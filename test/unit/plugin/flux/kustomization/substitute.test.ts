import fc from 'fast-check'
import t from 'tap'
import { matchesShellPattern } from '../../../../../plugin/flux/kustomization/shell-pattern.js'
import { substitute } from '../../../../../plugin/flux/kustomization/substitute.js'

const VARIABLES = new Map([
  ['NAME', 'shop'],
  ['EMPTY', ''],
  ['PATH_1', 'registry.io/team/shop:v1.2.3'],
  ['UMLAUT', 'Öl'],
  ['_x', 'under'],
  ['DOLLAR', '$& ${NAME} $$'],
  ['WORD', 'aXbXc'],
])

const cases: Record<string, { text: string; gives: string }> = {
  'a text without variables': { text: 'a: 1\nb: $5 $ {x}\n', gives: 'a: 1\nb: $5 $ {x}\n' },
  'a name': { text: '<${NAME}> <${_x}>', gives: '<shop> <under>' },
  'a name that nobody has set': { text: '<${NOBODY}> <${1}>', gives: '<> <>' },
  'a name without braces stays': { text: '$NAME $', gives: '$NAME $' },
  'a value is not read again': { text: '${DOLLAR}', gives: '$& ${NAME} $$' },
  'an escaped expression': { text: '$${NAME} $$$${NAME} $$${NAME}', gives: '${NAME} $${NAME} $shop' },
  'a doubled sign everywhere': { text: 'a$$b $$', gives: 'a$b $' },
  'a default': { text: '${EMPTY:=a} ${NOBODY:-b} ${NAME:=c} ${EMPTY=d}', gives: 'a b shop d' },
  'other operators give a default, too': { text: '${EMPTY:+a}${NAME:+b} ${EMPTY:?c}${NAME:?d}', gives: 'ashop cshop' },
  'an empty default': { text: '<${EMPTY:=}> <${EMPTY=}>', gives: '<> <>' },
  'a default that begins with its operator': { text: '${EMPTY==a}', gives: '=a' },
  'a default of several words': { text: '${EMPTY:=<${NAME}:${NOBODY:=x}>}', gives: '<shop:x>' },
  'a default with signs in it': { text: '${EMPTY:=$$5 $x}', gives: '$$5 $x' },
  'a default of several lines': { text: '${EMPTY:=a\n b}', gives: 'a\n b' },
  'a length': { text: '${#NAME} ${#UMLAUT} ${#NOBODY}', gives: '4 3 0' },
  'upper and lower case': {
    text: '${NAME^} ${NAME^^} ${WORD,} ${WORD,,} ${UMLAUT,,} ${EMPTY^}',
    gives: 'Shop SHOP aXbXc axbxc öl ',
  },
  'both cases at once': { text: '${NAME^,}', gives: 'shop' },
  'a part': { text: '${NAME:1} ${NAME:1:2} ${NAME:0:1} ${NAME:9} ${NAME:1:99}', gives: 'hop ho s  hop' },
  'a part from the end': { text: '${NAME:-2} ${NAME:0:-1} ${NAME:1:-3} ${NAME:2:-3}', gives: 'shop sho  ' },
  'a part by an offset that is no number': { text: '${NAME: -2} ${NAME:x} ${NAME:1:y}', gives: 'shop shop shop' },
  'a part by an offset that is counted': { text: '${NAME:${ONE:=1}:${TWO:=2}}', gives: 'ho' },
  'a part with colons in a row': { text: '${NAME:1:::2}', gives: 'ho' },
  'an offset beyond 64 bits': { text: '${NAME:99999999999999999999}', gives: 'shop' },
  'something removed at the beginning': { text: '${PATH_1#*/} ${PATH_1##*/}', gives: 'team/shop:v1.2.3 shop:v1.2.3' },
  'something removed at the end': { text: '${PATH_1%:*} ${PATH_1%%.*}', gives: 'registry.io/team/shop registry' },
  'something removed by a class': { text: '${WORD#[a-c]} ${WORD#[^a]} ${WORD#??}', gives: 'XbXc aXbXc bXc' },
  'nothing removed by what cannot be read': { text: '${WORD#[} ${WORD##a\\}', gives: 'aXbXc aXbXc' },
  'one thing replaced': { text: '${WORD/X/-} ${WORD/X/} ${WORD/y/-}', gives: 'a-bXc abXc aXbXc' },
  'all things replaced': { text: '${WORD//X/-} ${WORD//X/}', gives: 'a-b-c abc' },
  'a value with a sign in a replacement': { text: '${WORD/X/${DOLLAR}}', gives: 'a$& ${NAME} $$bXc' },
  'a beginning and an end replaced': {
    text: '${WORD/#a/-} ${WORD/%c/-} ${WORD/#X/-} ${WORD/%X/-} ${WORD/#a/}',
    gives: '-XbXc aXbX- aXbXc aXbXc aXbXc',
  },
  'an escaped slash in a replacement': {
    text: '${PATH_1/\\//-} ${WORD/X/\\/} ${WORD/X/\\\\}',
    gives: 'registry.io-team/shop:v1.2.3 a/bXc a\\bXc',
  },
  'nothing replaced by something': { text: '${WORD/${EMPTY}/-} ${WORD//${EMPTY}/-}', gives: '-aXbXc -a-X-b-X-c-' },
  'slashes in a row': { text: '${WORD/X///}', gives: 'abXc' },
  'a brace does not end what is to be replaced': { text: '${WORD/X} y/-}', gives: 'aXbXc' },
}

t.test('variables get their values', t => {
  for (const [name, { text, gives }] of Object.entries(cases)) t.equal(substitute(text, VARIABLES, false), gives, name)
  t.end()
})

const faults: Record<string, { text: string; says: string }> = {
  'no name': { text: 'a\n${}', says: 'an expression has no name of a variable (line 2 of what is rendered)' },
  'a name that is none': {
    text: '${ NAME}',
    says: 'an expression has no name of a variable (line 1 of what is rendered)',
  },
  'what a shell knows': { text: '${@}', says: 'an expression has no name of a variable (line 1 of what is rendered)' },
  'an expression without an end': {
    text: '${NAME',
    says: 'an expression is not closed where it ends (line 1 of what is rendered)',
  },
  'an operator that nobody knows': {
    text: '${NAME-x}',
    says: 'an expression is not closed where it ends (line 1 of what is rendered)',
  },
  'a default without an end': { text: '${NAME:=x', says: 'an expression lacks a word (line 1 of what is rendered)' },
  'no offset': { text: '${NAME:}', says: 'an expression lacks a word (line 1 of what is rendered)' },
  'an offset that begins with a letter beyond ASCII': {
    text: '${NAME:é}',
    says: 'an offset is no number (line 1 of what is rendered)',
  },
  'two words for one': {
    text: '${NAME:1${ONE}}',
    says: 'an expression is not closed where it ends (line 1 of what is rendered)',
  },
  'nothing to remove': { text: '${NAME#}', says: 'an expression lacks a word (line 1 of what is rendered)' },
  'nothing to replace': {
    text: '${NAME//}',
    says: 'there is no slash behind what is to be replaced (line 1 of what is rendered)',
  },
  'nothing behind what is to be replaced': {
    text: '${NAME/a}',
    says: 'there is no slash behind what is to be replaced (line 1 of what is rendered)',
  },
  'a length of an expression': {
    text: '${##NAME}',
    says: 'an expression has no name of a variable (line 1 of what is rendered)',
  },
  'a part of a character': { text: '${UMLAUT:1}', says: 'a character would be cut in the middle' },
  'a removal beyond ASCII': { text: '${UMLAUT#?}', says: 'a value to trim has characters beyond ASCII' },
  'a case that has two characters': {
    text: '${S:=x}${SHARP^^}',
    says: 'the case of "ß" cannot be changed for one character',
  },
  'nesting without an end': {
    text: '${A:='.repeat(101),
    says: 'expressions are nested too deeply (line 1 of what is rendered)',
  },
  'a bomb': { text: '${BIG//a/${BIG}}', says: 'substituting takes too much work' },
  'a removal that takes too long': { text: '${BIG##*a*a*a*b}', says: 'substituting takes too much work' },
  'many values in a default': { text: `\${A:=${'${BIG}'.repeat(250)}}`, says: 'substituting takes too much work' },
  'many values': { text: '${BIG}'.repeat(17), says: 'the text grows beyond 16777216 characters' },
}

t.test('what cannot be substituted is an error', t => {
  const variables = new Map([...VARIABLES, ['SHARP', 'ß'], ['BIG', 'a'.repeat(1_000_000)]])
  for (const [name, { text, says }] of Object.entries(faults)) {
    t.throws(() => substitute(text, variables, false), { name: 'SubstitutionFault', message: says }, name)
  }
  t.end()
})

t.test('what nobody has set is an error where there is no default', t => {
  const says = (text: string) => {
    try {
      return substitute(text, VARIABLES, true)
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }
  const defaults = ['=', ':=', ':-', ':?', ':+'].map(operator => `\${NOBODY${operator}x}`)
  t.strictSame(defaults.map(says), ['x', 'x', 'x', 'x', 'x'])
  const others = ['', '^', ',,', ':1', '#a', '%%a', '/a/b'].map(operator => `\${NOBODY${operator}}`)
  for (const text of [...others, '${#NOBODY}', '${NAME:=${NOBODY}}']) {
    t.equal(says(text), 'NOBODY is not set (line 1 of what is rendered)', text)
  }
  t.equal(says('<${EMPTY}>'), '<>')
  t.end()
})

t.test('shell patterns', t => {
  const patterns: [pattern: string, text: string, matches: boolean | null][] = [
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'a/b', true],
    ['a*', 'ab', true],
    ['a*c', 'abcbc', true],
    ['a*c', 'abcb', false],
    ['*b*', 'abc', true],
    ['*.*.*', 'a.b', false],
    ['a?c', 'abc', true],
    ['a?', 'a', false],
    ['[a-c]', 'b', true],
    ['[^a-c]', 'b', false],
    ['[]a]', ']', null],
    ['[-]', '-', null],
    ['[\\]]', ']', true],
    ['[a', 'a', null],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\', 'ab', null],
    ['b\\', 'a', false],
    ['*[', 'a', null],
    ['[a*]b', '*b', true],
  ]
  for (const [pattern, text, matches] of patterns)
    t.equal(matchesShellPattern(pattern, text), matches, `${pattern} ${text}`)
  t.end()
})

t.test('properties', t => {
  const anything = fc.string({ unit: 'grapheme', maxLength: 40 })
  const name = fc.stringMatching(/^[_a-zA-Z][_a-zA-Z0-9]{0,8}$/)
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(
        anything.filter(text => !text.includes('$')),
        text => substitute(text, VARIABLES, false) === text,
      ),
    )
  }, 'a text without a sign stays as it is')
  t.doesNotThrow(() => {
    fc.assert(fc.property(anything, text => substitute(text.replaceAll('$', '$$$$'), VARIABLES, true) === text))
  }, 'what is escaped comes out as it was')
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(anything, name, anything, (before, name, value) => {
        const escaped = before.replaceAll('$', '$$$$')
        return substitute(`${escaped}\${${name}}`, new Map([[name, value]]), true) === before + value
      }),
    )
  }, 'a value comes out as it is')
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-c$*?[\]{}\\/:#%=,^-]{0,30}$/), text => {
        try {
          substitute(`\${WORD${text}}`, VARIABLES, true)
        } catch (error) {
          return error instanceof Error && error.name === 'SubstitutionFault'
        }
        return true
      }),
      { numRuns: 2000 },
    )
  }, 'nothing else is ever thrown')
  const ascii = fc.stringMatching(/^[a-c/.]{0,12}$/)
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(ascii, fc.stringMatching(/^[a-c?*.]{1,6}$/), (value, pattern) => {
        const get = (operator: string) => substitute(`\${V${operator}${pattern}}`, new Map([['V', value]]), true)
        const isPrefix = (rest: string) =>
          rest === value ||
          (value.endsWith(rest) && matchesShellPattern(pattern, value.slice(0, value.length - rest.length)) === true)
        return isPrefix(get('#')) && isPrefix(get('##')) && get('##').length <= get('#').length
      }),
    )
  }, 'what is removed matches, and the longest is no shorter')
  t.end()
})
