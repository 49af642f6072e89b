import { Buffer } from 'node:buffer'
import { stringMembers, type JsonObject } from './json.js'

const REDACTED = '[redacted]'

/** Shorter values are words of every text: they would redact what they are not. */
const MIN_LENGTH = 4
const MAX_VALUES = 20_000

/** Texts that a tool quotes and that are likely to be secret, whoever wrote them. */
const LIKELY: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@]{1,512}@/gi, `$1${REDACTED}@`],
  [
    /\b([\w.-]{0,64}(?:password|passwd|secret|token|api[-_]?key|private[-_]?key|credentials?)[\w.-]{0,64}["']?\s{0,4}[:=]\s{0,4})("[^"\n]{0,4096}"?|'[^'\n]{0,4096}'?|[^\s,;"']{1,4096})/gi,
    `$1${REDACTED}`,
  ],
  [/\b(bearer\s+)[\w.~+/=-]{8,4096}/gi, `$1${REDACTED}`],
  // Longer than a digest of SHA-256 in hexadecimal and not one.
  [/(?<![\w+/=])(?![0-9a-f]{40,128}(?![\w+/=]))[A-Za-z0-9+/]{48,65536}={0,2}/g, REDACTED],
]

/** Takes out of a text what looks like a secret: private keys, credentials in addresses, values behind telling names, long base64. */
export function redactLikely(text: string): string {
  return LIKELY.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text)
}

/**
 * Makes a function that takes the values of the Secrets among `objects` out of a text, as they are written and decoded, and
 * line by line.
 */
export function secretRedaction(objects: Iterable<JsonObject>): (text: string) => string {
  const values = new Set<string>()
  for (const object of objects) {
    if (object.kind !== 'Secret' || object.apiVersion !== 'v1') continue
    for (const value of Object.values(stringMembers(object.stringData))) addTexts(value, values)
    for (const value of Object.values(stringMembers(object.data))) {
      addTexts(value, values)
      addTexts(Buffer.from(value, 'base64').toString('utf8'), values)
    }
  }
  // A value may be part of another one: the longest goes first.
  const longest = [...values].sort((a, b) => b.length - a.length)
  return text => longest.reduce((result, value) => result.replaceAll(value, REDACTED), text)
}

function addTexts(value: string, values: Set<string>): void {
  const forms = [value, value.trim(), ...value.split(/\r?\n/).map(line => line.trim())]
  for (const form of forms) {
    // What a message quotes is cut or escaped now and then.
    for (const text of [form, JSON.stringify(form).slice(1, -1)]) {
      if (text.length >= MIN_LENGTH && values.size < MAX_VALUES && !/^(true|false|null)$/i.test(text)) values.add(text)
    }
  }
}
