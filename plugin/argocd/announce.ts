import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { GateError } from '../../src/errors.js'
import { readFileBytes } from '../../src/io/files.js'
import type { Rendered } from '../../src/io/render/rendering.js'
import { isJsonObject, NumberText, type Json } from '../../src/json.js'
import { decodeUtf8, readManifests } from '../../src/manifest.js'
import { workloadContainers, WORKLOADS } from '../../src/workload.js'
import { readYaml } from '../../src/yaml/yaml.js'
import { announce, PARAMETER_LIST, type Announcement, type ParameterName } from './parameter-table.js'

const MAX_VALUES_BYTES = 1024 * 1024
const LIMITS = { maxDepth: 100, maxExpandedNodes: 20_000, maxExpandedCharacters: MAX_VALUES_BYTES }
const MAX_SHOWN = 2_000
const VALUES_FILE = /values.*\.ya?ml$|\.values\.ya?ml$/i

/**
 * The announcements that Argo CD's UI shows for a directory: the parameters of its tool, and for some of them what stands in
 * the directory now.
 *
 * @param render renders the directory as it is, for the images of a kustomization
 * @throws GateError what is wrong with the directory
 */
export async function announcementsFor(
  directory: string,
  tool: 'helm' | 'kustomize' | 'directory',
  render: () => Promise<readonly Rendered[]>,
): Promise<readonly Announcement[]> {
  const read = new Map<ParameterName, Parameters<typeof announce>[1]>()
  if (tool === 'helm') {
    const files = (await readdir(directory)).filter(name => VALUES_FILE.test(name)).sort()
    const names = files.slice(0, 50).join(', ') || 'none'
    read.set('helm-value-files', {
      tooltip: `Values files beside the chart's own values.yaml. In the directory: ${names}`,
    })
    read.set('helm-parameters', {
      value: files.includes('values.yaml') ? await valuesOf(join(directory, 'values.yaml')) : {},
    })
  }
  if (tool === 'kustomize') read.set('kustomize-images', { value: imagesOf(await render()) })
  return PARAMETER_LIST.filter(([, parameter]) => parameter.tool === tool && parameter.isRead === true).map(([name]) =>
    announce(name, read.get(name)),
  )
}

/** The values of a chart as texts by their path, as `helm --set` takes them; empty ones cannot be set and are left out. */
async function valuesOf(path: string): Promise<Readonly<Record<string, string>>> {
  const text = decodeUtf8(await readFileBytes(path, MAX_VALUES_BYTES), path)
  const found: [string, string][] = []
  const stack: [string, Json][] = [['', readYaml(text, 1, LIMITS).value]]
  for (let next = stack.pop(); next !== undefined && found.length < MAX_SHOWN; next = stack.pop()) {
    const [at, value] = next
    if (Array.isArray(value)) for (const [index, item] of value.entries()) stack.push([`${at}[${index}]`, item])
    else if (isJsonObject(value)) {
      for (const [key, member] of Object.entries(value)) {
        const name = key.replaceAll(/[.,=[\]{}\\]/g, '\\$&')
        stack.push([at === '' ? name : `${at}.${name}`, member])
      }
    } else if (value !== null && at !== '') found.push([at, value instanceof NumberText ? value.text : String(value)])
  }
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function imagesOf(rendered: readonly Rendered[]): readonly string[] {
  const images = new Set<string>()
  for (const { file, text } of rendered) {
    for (const read of readManifests(text, file)) {
      if (read instanceof GateError) throw read
      for (const { container } of workloadContainers(read.object, WORKLOADS)) {
        const image = isJsonObject(container) ? container.image : undefined
        if (typeof image === 'string' && images.size < MAX_SHOWN) images.add(image)
      }
    }
  }
  return [...images].sort()
}
