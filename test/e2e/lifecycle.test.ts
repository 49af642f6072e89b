import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import t from 'tap'
import { startArgoCD } from '../helpers/testbed/argocd.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { startFlux } from '../helpers/testbed/flux.js'
import { startGitServer } from '../helpers/testbed/git-server.js'
import { added, traces } from '../helpers/testbed/leftovers.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { together } from '../helpers/testbed/together.js'

const STARTS = 10

t.test('ten starts and stops leave nothing behind', async t => {
  const seconds: string[] = []
  for (let i = 1; i <= STARTS; i += 1) {
    const before = traces('nothing of ours yet')
    const bed = createTestbed(t)
    const start = performance.now()
    const plane = await startControlPlane(bed)
    const ready = performance.now()
    await together([startArgoCD(bed, plane), startFlux(bed, plane), startGitServer(bed)])
    seconds.push([ready - start, performance.now() - start].map(ms => (ms / 1000).toFixed(1)).join('/'))
    const running = added(before, traces(bed.directory))
    t.ok(running.processes.length >= 8 && running.ports.length >= 8 && running.files.length > 0, `start ${i} is seen`)
    await bed.close()
    const { processes, mounts, files, ports } = added(before, traces(bed.directory))
    const left = { processes, mounts, files, ports: ports.filter(each => running.ports.includes(each)) }
    t.strictSame(left, { processes: [], mounts: [], files: [], ports: [] }, `stop ${i} leaves nothing`)
  }
  t.comment(`seconds until the control plane and everything was ready: ${seconds.join(' ')}`)
})

/** What a test does that is then killed: it says what it has started, and waits. */
const VICTIM = `
import { startControlPlane } from ${JSON.stringify(new URL('../helpers/testbed/control-plane.js', import.meta.url).href)}
import { createTestbed } from ${JSON.stringify(new URL('../helpers/testbed/testbed.js', import.meta.url).href)}
const bed = createTestbed({ teardown: () => undefined, passing: () => true, comment: () => undefined })
await startControlPlane(bed)
process.stdout.write(bed.directory)
`

t.test('everything ends with a test that is killed', async t => {
  const victim = spawn(process.execPath, ['--input-type=module', '-e', VICTIM], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output] = (await once(victim.stdout, 'data')) as [Buffer]
  const directory = output.toString()
  t.equal(traces(directory).processes.length, 3, 'etcd, kube-apiserver and kube-controller-manager run')
  victim.kill('SIGKILL')
  await waitFor('no process is left', () => Promise.resolve(traces(directory).processes.length === 0))
  t.ok(existsSync(directory), 'its files can still be looked at')
  rmSync(directory, { recursive: true, force: true })
})
