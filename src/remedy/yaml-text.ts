import { isScalar, isSeq, isMap, parseDocument, visit } from 'yaml'
import { stringifyJson, type Json } from '../json.js'

/** A value as YAML in block style, as people write it; whole numbers keep all their digits. */
export function yamlText(value: Json): string {
  const document = parseDocument(stringifyJson(value), { compat: 'yaml-1.1', intAsBigInt: true, logLevel: 'silent' })
  visit(document, (_, node) => {
    if ((isMap(node) || isSeq(node)) && node.items.length > 0) node.flow = false
    // Quoted, as JSON has them, only where YAML would read something else.
    if (isScalar(node) && typeof node.value === 'string') delete node.type
  })
  return document.toString({ lineWidth: 0 })
}
