import { GateError } from '../../errors.js'
import { splitDocuments } from '../../document.js'
import { isJsonObject, type Json, type JsonObject } from '../../json.js'
import { decodeUtf8 } from '../../manifest.js'
import { TextFault } from '../../text-fault.js'
import { readYaml, type YamlLimits } from '../../yaml/yaml.js'
import { readFileBytes } from '../files.js'

const LIMITS: YamlLimits = { maxDepth: 100, maxExpandedNodes: 100_000, maxExpandedCharacters: 4 * 1024 * 1024 }
const MAX_BYTES = 1024 * 1024

/**
 * Reads a file of a tool's own, whose first document is a mapping.
 *
 * @param shown what messages call it
 * @throws GateError FILE_UNREADABLE, MANIFEST_TOO_LARGE, or what is wrong with its text
 */
export async function readYamlFile(path: string, shown: string): Promise<JsonObject> {
  for (const { value, line } of yamlValues(await readText(path, shown), shown)) {
    if (isJsonObject(value)) return value
    throw faultAt(shown, new TextFault('MANIFEST_INVALID', 'the document is not a mapping', line))
  }
  throw new GateError('MANIFEST_INVALID', `${shown}: is empty`, { position: { file: shown } })
}

/** The text of a file of a tool's own. @throws GateError FILE_UNREADABLE, MANIFEST_TOO_LARGE, MANIFEST_ENCODING */
export async function readText(path: string, shown: string): Promise<string> {
  return decodeUtf8(await readFileBytes(path, MAX_BYTES), shown)
}

/** The values of a text's documents, whatever they are, but for empty ones, with their lines. @throws GateError what is wrong with the text */
export function* yamlValues(text: string, shown: string): Generator<{ readonly value: Json; readonly line: number }> {
  for (const document of splitDocuments(text)) {
    try {
      const { value } = readYaml(document.text, document.line, LIMITS)
      if (value !== null) yield { value, line: document.contentLine }
    } catch (thrown) {
      throw thrown instanceof TextFault ? faultAt(shown, thrown) : thrown
    }
  }
}

function faultAt(file: string, { code, line, message }: TextFault): GateError {
  return new GateError(code, `${file}:${line}: ${message}`, { position: { file, line } })
}
