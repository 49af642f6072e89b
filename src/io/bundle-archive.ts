import { gzipSync } from 'node:zlib'
import { Header } from 'tar'
import type { BundleFiles } from '../policy/bundle.js'

const BLOCK = 512

/** A bundle as OPA's `.tar.gz`; the same files give the same bytes. */
export function packBundle(files: BundleFiles): Buffer {
  const blocks: Buffer[] = []
  for (const [path, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const header = new Header({
      path,
      size: bytes.length,
      mode: 0o644,
      mtime: new Date(0),
      type: 'File',
      uid: 0,
      gid: 0,
    })
    const block = Buffer.alloc(BLOCK)
    // True where a name or a number does not fit into the fields of a plain header.
    if (header.encode(block)) throw new Error(`${path} has a name that is too long for an archive`)
    blocks.push(block, Buffer.from(bytes), Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK))
  }
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]))
}
