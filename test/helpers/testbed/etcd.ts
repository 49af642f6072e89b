import { join } from 'node:path'
import { freePort } from './ports.js'
import { startProcess, type Process } from './processes.js'
import { program } from './programs.js'
import type { Testbed } from './testbed.js'

/** A running etcd. */
export interface Etcd {
  readonly url: string
  readonly process: Process
}

/** One member with an empty store that never waits for the disk: nothing has to outlive the test. */
export async function startEtcd(bed: Testbed): Promise<Etcd> {
  const url = `http://127.0.0.1:${await freePort()}`
  const peerUrl = `http://127.0.0.1:${await freePort()}`
  const process = await startProcess(bed, {
    name: 'etcd',
    command: program('etcd'),
    args: [
      `--data-dir=${join(bed.directory, 'etcd')}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
    ready: async () => {
      const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1000) })
      return (await response.text()).includes('"true"')
    },
  })
  return { url, process }
}
