import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { create } from 'tar'
import { listen } from './listen.js'
import type { Testbed } from './testbed.js'

/** An artifact as the status of a source names it, but for the time. */
export interface ServedArtifact {
  readonly url: string
  readonly path: string
  readonly revision: string
  readonly digest: string
  readonly size: number
}

/** Serves artifacts as a controller behind an ExternalArtifact does. */
export interface ArtifactServer {
  /** Packs files, by their paths, into an artifact. */
  add(name: string, files: Readonly<Record<string, string>>): Promise<ServedArtifact>
  /** How often an artifact was fetched. */
  fetches(artifact: ServedArtifact): number
}

/** Starts an artifact server on loopback; it closes with the test bed. */
export async function startArtifactServer(bed: Testbed): Promise<ArtifactServer> {
  const archives = new Map<string, Buffer>()
  const fetches = new Map<string, number>()
  const server = createServer(({ url = '' }, response) => {
    const archive = archives.get(url)
    fetches.set(url, (fetches.get(url) ?? 0) + 1)
    if (archive === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': 'application/gzip' }).end(archive)
  })
  const port = await listen(bed, 'artifact server', server)
  return {
    add: async (name, files) => {
      const archive = await pack(join(bed.directory, 'artifacts', `${archives.size}`), files)
      const hash = createHash('sha256').update(archive).digest('hex')
      const path = `${name}/${hash}.tar.gz`
      archives.set(`/${path}`, archive)
      return {
        url: `http://127.0.0.1:${port}/${path}`,
        path,
        revision: `main@sha1:${hash.slice(0, 40)}`,
        digest: `sha256:${hash}`,
        size: archive.length,
      }
    },
    fetches: ({ path }) => fetches.get(`/${path}`) ?? 0,
  }
}

async function pack(directory: string, files: Readonly<Record<string, string>>): Promise<Buffer> {
  mkdirSync(directory, { recursive: true })
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), content)
  }
  return buffer(create({ gzip: true, portable: true, cwd: directory, mtime: new Date(0) }, Object.keys(files)))
}
