import { GateError } from '../../errors.js'
import { splitDocuments } from '../../document.js'
import { isJsonObject, type JsonObject } from '../../json.js'
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
  const text = decodeUtf8(await readFileBytes(path, MAX_BYTES), shown)
  for (const document of splitDocuments(text)) {
    try {
      const { value } = readYaml(document.text, document.line, LIMITS)
      if (value === null) continue
      if (isJsonObject(value)) return value
      throw new TextFault('MANIFEST_INVALID', 'the document is not a mapping', document.contentLine)
    } catch (thrown) {
      if (!(thrown instanceof TextFault)) throw thrown
      const position = { file: shown, line: thrown.line }
      throw new GateError(thrown.code, `${shown}:${thrown.line}: ${thrown.message}`, { position })
    }
  }
  throw new GateError('MANIFEST_INVALID', `${shown}: is empty`, { position: { file: shown } })
}
