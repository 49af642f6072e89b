import t from 'tap'
import { startBalancer } from '../helpers/testbed/balancer.js'
import { startControlPlane } from '../helpers/testbed/control-plane.js'
import { waitFor } from '../helpers/testbed/processes.js'
import { createTestbed } from '../helpers/testbed/testbed.js'
import { installWebhookAccount, startWebhooks } from '../helpers/testbed/webhook.js'

// The webhook in front of a real API server, registered by itself and with the rights that the manifests give it.

const bed = createTestbed(t)
const plane = await startControlPlane(bed)
await installWebhookAccount(plane)
const balancer = await startBalancer(bed)
await startWebhooks(bed, plane, balancer, [{ name: 'webhook' }])
await plane.createNamespace('shop')

const takeover = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'takeover', namespace: 'shop' },
  spec: {
    hostPID: true,
    containers: [{ name: 'main', image: 'registry.example/x:1', securityContext: { privileged: true } }],
  },
}
const isDenied = async (): Promise<boolean> => {
  try {
    await plane.admin.create(takeover, { dryRun: true })
    return false
  } catch (error) {
    return /denied the request/.test((error as Error).message)
  }
}
await waitFor('the webhook is asked', isDenied)

t.test('kubectl shows why', async t => {
  const { status, stderr } = await plane.kubectl(['create', '-f', '-'], { input: JSON.stringify(takeover) })
  t.comment(stderr)
  t.equal(status, 1)
})
