import t from 'tap'
import { ClusterError, type WatchEvent } from '../../../../src/io/cluster/cluster-client.js'
import type { EventFacts } from '../../../../src/io/cluster/event-recorder.js'
import type { Json, JsonObject } from '../../../../src/json.js'
import { createRegistrar, type RegistrarOptions } from '../../../../webhook/registration/registrar.js'

const PEM = `-----BEGIN CERTIFICATE-----\n${Buffer.from('ours').toString('base64')}\n-----END CERTIFICATE-----\n`
const KEY = Buffer.from('the key of all replicas')

function configuration(...resources: readonly string[]): JsonObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'lockkeeper', labels: { ours: 'yes' } },
    webhooks: [
      {
        name: 'one.lockkeeper.dev',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        matchPolicy: 'Equivalent',
        timeoutSeconds: 5,
        clientConfig: { url: 'https://gate/validate', caBundle: Buffer.from(PEM).toString('base64') },
        rules: [
          { apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE'], resources: [...resources], scope: '*' },
        ],
        matchConditions: [],
      },
    ],
  }
}

type Change = (object: JsonObject) => void

/** An API server with one object, and a clock that stands still. */
class World {
  object: JsonObject | null = null
  readonly writes: string[] = []
  readonly restored: string[] = []
  readonly events: EventFacts[] = []
  readonly published: (readonly string[])[] = []
  readonly log: string[] = []
  refusals = 0
  /** How the configuration stood, as told. */
  standing: 'unknown' | 'refused' | 'right' = 'unknown'
  isLeader = true
  /** How often the authorities were asked for anew. */
  refreshes = 0
  key: Uint8Array | null = KEY
  desired = configuration('pods')
  /** What a newer API server would add to each webhook. */
  filledIn: JsonObject = {}
  /** The next writes fail so. */
  readonly failures: ClusterError[] = []
  /** Events that are on their way; none arrives while it is null. */
  #events: ((event: WatchEvent | null) => void) | null = null
  #timers: { at: number; resolve: () => void }[] = []
  #now = 0
  #version = 0
  readonly #closing = new AbortController()
  readonly #running: Promise<void>
  readonly check: () => void

  constructor(change: (world: World) => void = () => undefined) {
    change(this)
    const registrar = createRegistrar(this.#options())
    this.#running = registrar.run()
    this.check = () => {
      registrar.check()
    }
  }

  #options(): RegistrarOptions {
    const note =
      (level: string) =>
      (message: string, fields: object = {}) => {
        this.log.push(`${level}: ${message} ${JSON.stringify(fields)}`)
      }
    return {
      client: {
        find: () => Promise.resolve(structuredClone(this.object)),
        list: () =>
          Promise.resolve({ items: [], resourceVersion: `${this.#version}`, continueToken: '', remainingItemCount: 0 }),
        create: (_collection, object) => this.#write('create', object),
        replace: (_collection, _name, object) => this.#write('replace', object),
        watch: (_collection, { signal }) => this.#watch(signal),
      },
      name: 'lockkeeper',
      refresh: () => {
        this.refreshes += 1
        return Promise.resolve()
      },
      desired: () => this.desired,
      knownAuthorities: () => [PEM],
      sealKey: () => this.key,
      isLeader: () => this.isLeader,
      log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
      recordEvent: event => this.events.push(event),
      onRestored: kind => this.restored.push(kind),
      onRefused: () => {
        this.refusals += 1
        this.standing = 'refused'
      },
      onRight: () => (this.standing = 'right'),
      onPublished: authorities => this.published.push(authorities),
      clock: {
        monotonicMs: () => this.#now,
        wait: (milliseconds, signal = new AbortController().signal) =>
          new Promise(resolve => {
            const timer = {
              at: this.#now + milliseconds,
              resolve: () => {
                signal.removeEventListener('abort', end)
                resolve()
              },
            }
            const end = () => {
              this.#timers = this.#timers.filter(each => each !== timer)
              timer.resolve()
            }
            if (signal.aborted) {
              resolve()
              return
            }
            this.#timers.push(timer)
            signal.addEventListener('abort', end)
          }),
      },
      signal: this.#closing.signal,
    }
  }

  async #write(verb: string, object: JsonObject): Promise<JsonObject> {
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    const expected = (object.metadata as JsonObject).resourceVersion
    if (verb === 'replace' && expected !== (this.object?.metadata as JsonObject).resourceVersion) {
      throw new ClusterError('the object has been modified', { status: 409 })
    }
    this.writes.push(verb)
    this.store(structuredClone(object))
    return Promise.resolve(structuredClone(this.object ?? {}))
  }

  store(object: JsonObject): void {
    this.#version += 1
    const webhooks = (object.webhooks as JsonObject[]).map(each => ({ ...each, ...this.filledIn }))
    const metadata = { ...(object.metadata as JsonObject), uid: 'u', resourceVersion: `${this.#version}` }
    this.object = { ...object, metadata, webhooks }
  }

  /** Somebody else writes. */
  change(change: Change): void {
    const copy = structuredClone(this.object ?? {})
    change(copy)
    this.store(copy)
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<WatchEvent, void> {
    signal.addEventListener('abort', () => this.#events?.(null))
    for (;;) {
      const event = await new Promise<WatchEvent | null>(resolve => (this.#events = resolve))
      if (event === null) return
      yield event
    }
  }

  /** An event of the watch arrives; null: the watch ends. */
  async tell(type: WatchEvent['type'] | null): Promise<void> {
    this.#events?.(type === null ? null : { type, object: {} })
    await this.settle()
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
  }

  /** Lets time pass in steps of a tenth of a second. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds
    while (this.#now < end) {
      this.#now += 100
      const due = this.#timers.filter(each => each.at <= this.#now)
      this.#timers = this.#timers.filter(each => !due.includes(each))
      for (const each of due) each.resolve()
      await this.settle()
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }
}

async function world(
  t: { teardown(close: () => Promise<void>): void },
  change?: (world: World) => void,
): Promise<World> {
  const one = new World(change)
  t.teardown(() => one.close())
  await one.settle()
  return one
}

const failOpen: Change = object => {
  Object.assign((object.webhooks as JsonObject[])[0] ?? {}, { failurePolicy: 'Ignore' })
}
const failClosed: Change = object => {
  Object.assign((object.webhooks as JsonObject[])[0] ?? {}, { failurePolicy: 'Fail' })
}
const policyOf = ({ object }: World): Json | undefined =>
  (object?.webhooks as JsonObject[] | undefined)?.[0]?.failurePolicy

t.test('it creates what is missing once, and tells which authorities are trusted', async t => {
  const one = await world(t)
  await one.pass(20_000)
  t.strictSame(one.writes, ['create'])
  t.strictSame([one.restored, one.events, one.refusals], [[], [], 0], 'that is no restoration')
  t.equal(one.published.length, 1)
  t.equal(one.published[0]?.length, 1)
  t.match(
    one.log,
    ['info: created the webhook configuration'].map(each => new RegExp(each)),
  )
})

t.test('it restores what is deleted as soon as the watch tells', async t => {
  const one = await world(t)
  one.object = null
  await one.tell('DELETED')
  t.strictSame(one.writes, ['create', 'create'])
  t.strictSame(one.restored, ['deleted'])
  t.strictSame(one.events, [
    {
      type: 'Warning',
      reason: 'AdmissionConfigurationRestored',
      action: 'RestoreDeleted',
      note: 'restored: it was deleted',
      regarding: {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        namespace: '',
        name: 'lockkeeper',
        uid: 'u',
      },
    },
  ])
})

t.test('it restores within ten seconds what the watch has missed', async t => {
  const one = await world(t)
  one.change(failOpen)
  await one.pass(4100)
  t.equal(policyOf(one), 'Fail')
  t.strictSame(one.restored, ['weakened'])
})

t.test('it keeps the notes of others, not their owners and finalizers, and names who wrote last', async t => {
  const one = await world(t)
  one.change(object => {
    failOpen(object)
    Object.assign(object.metadata as JsonObject, {
      labels: { theirs: 'yes' },
      annotations: { note: 'theirs' },
      finalizers: ['theirs'],
      ownerReferences: [{ uid: 'x' }],
      managedFields: [
        { manager: 'lockkeeper', time: '2026-01-03T00:00:00Z' },
        { manager: 'intruder', time: '2026-01-02T00:00:00Z' },
        { manager: 'kubectl', time: '2026-01-01T00:00:00Z' },
      ],
    })
  })
  await one.tell('MODIFIED')
  const { labels, annotations, finalizers, ownerReferences } = one.object?.metadata as JsonObject
  t.strictSame(labels, { theirs: 'yes', ours: 'yes' })
  t.match(annotations, { note: 'theirs', 'lockkeeper.dev/registration-seal': /^[0-9a-f]{64}$/ })
  t.strictSame([finalizers, ownerReferences], [undefined, undefined])
  t.match(one.log.at(-1), /^warn: restored the webhook configuration .*"managerHint":"intruder"/)
  t.match(one.log.at(-1), /failurePolicy Fail became Ignore/)
})

t.test('a replica that does not lead leaves a change to the leader', async t => {
  const one = await world(t)
  one.isLeader = false
  one.change(failOpen)
  await one.pass(30_000)
  t.strictSame(one.writes, ['create'])
  one.isLeader = true
  one.check()
  await one.settle()
  t.equal(policyOf(one), 'Fail', 'the new leader does it at once')
})

t.test('a replica that does not lead makes what no leader has made for a while', async t => {
  const one = await world(t, each => (each.isLeader = false))
  await one.pass(2900)
  t.strictSame(one.writes, [])
  await one.pass(200)
  t.strictSame(one.writes, ['create'])
})

t.test(
  'it tries again and again what is refused, more and more slowly, and is as quick as ever afterwards',
  async t => {
    const one = await world(t, each => {
      each.failures.push(...Array.from({ length: 7 }, () => new ClusterError('no rights', { status: 403 })))
    })
    const tries = [one.refusals]
    for (const milliseconds of [300, 500, 1000, 2000, 4000, 5000]) {
      await one.pass(milliseconds)
      tries.push(one.refusals)
    }
    t.strictSame(tries, [1, 2, 3, 4, 5, 6, 7])
    t.strictSame(one.writes, [])
    await one.pass(5000)
    t.strictSame(one.writes, ['create'])
    one.failures.push(new ClusterError('not now', { status: 429 }))
    one.change(failOpen)
    await one.tell('MODIFIED')
    await one.pass(300)
    t.equal(policyOf(one), 'Fail', 'the first pause is a short one again')
    t.match(one.log[6], /^warn: could not see to the webhook configuration {"error":"no rights","count":7}/)
    one.change(failOpen)
    await one.tell('MODIFIED')
    t.equal(policyOf(one), 'Fail')
  },
)

t.test('all is right again as soon as it is found so', async t => {
  const one = await world(t)
  t.equal(one.standing, 'right')
  one.failures.push(new ClusterError('no answer', { status: 0 }))
  one.change(failOpen)
  await one.tell('MODIFIED')
  t.equal(one.standing, 'refused')
  // Somebody else does it: nothing is written, and what is published is what it was.
  one.change(failClosed)
  await one.pass(300)
  t.strictSame([one.standing, one.writes], ['right', ['create']])
})

t.test('what is wrong is not called right by who may not change it', async t => {
  const one = await world(t, each => (each.isLeader = false))
  t.equal(one.standing, 'unknown')
  one.store(one.desired)
  one.change(failOpen)
  await one.pass(5000)
  t.strictSame([one.standing, one.writes], ['unknown', []])
})

t.test('it reads again when somebody was faster', async t => {
  const one = await world(t)
  one.failures.push(new ClusterError('the object has been modified', { status: 409 }))
  one.change(failOpen)
  await one.tell('MODIFIED')
  t.equal(policyOf(one), 'Ignore')
  await one.pass(300)
  t.equal(policyOf(one), 'Fail')
})

t.test('who insists is answered each time, at last after five seconds', async t => {
  const one = await world(t)
  const restored: number[] = []
  for (let turn = 0; turn < 12; turn += 1) {
    one.change(failOpen)
    await one.tell('MODIFIED')
    restored.push(one.restored.length)
  }
  t.strictSame(restored, [1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6], 'the sixth makes it wait')
  for (let turn = 0; turn < 8; turn += 1) {
    await one.pass(5100)
    t.equal(policyOf(one), 'Fail')
    one.change(failOpen)
    await one.tell('MODIFIED')
  }
})

t.test('what another version of the gate registered is brought up to date without an alarm', async t => {
  const before = await world(t, each => (each.desired = configuration('secrets')))
  const { object } = before
  const next = await world(t, each => {
    each.object = structuredClone(object)
    each.desired = configuration('pods', 'secrets')
  })
  t.strictSame([next.writes, next.restored, next.events], [['replace'], [], []])
  const stranger = await world(t, each => {
    each.object = structuredClone(object)
    each.desired = configuration('pods', 'secrets')
    each.key = Buffer.from('another key')
  })
  t.strictSame([stranger.writes, stranger.restored], [['replace'], ['weakened']])
})

t.test('other policies are no tampering where there is no key either', async t => {
  const one = await world(t, each => (each.key = null))
  one.desired = configuration('pods', 'secrets')
  one.check()
  await one.settle()
  t.strictSame([one.writes, one.restored], [['create', 'replace'], []])
  one.change(failOpen)
  await one.tell('MODIFIED')
  t.strictSame(one.restored, ['weakened'])
})

t.test('what an API server fills in is accepted, what somebody else adds is not', async t => {
  const one = await world(t, each => (each.filledIn = { mood: 'good' }))
  await one.pass(60_000)
  t.strictSame(one.writes, ['create'])
  one.filledIn = {}
  one.change(object => Object.assign((object.webhooks as JsonObject[])[0] ?? {}, { mood: 'bad' }))
  await one.tell('MODIFIED')
  t.strictSame(one.restored, ['weakened'])
})

t.test('it watches again when a watch has ended', async t => {
  const one = await world(t)
  await one.tell(null)
  await one.pass(1000)
  one.change(failOpen)
  await one.tell('MODIFIED')
  t.equal(policyOf(one), 'Fail')
})

t.test('it asks what other replicas know before it writes, and only then', async t => {
  const one = await world(t)
  await one.pass(10_000)
  t.strictSame([one.writes, one.refreshes], [['create'], 0])
  one.change(each => {
    for (const webhook of each.webhooks as JsonObject[]) webhook.failurePolicy = 'Ignore'
  })
  await one.tell('MODIFIED')
  t.strictSame([one.writes, one.refreshes], [['create', 'replace'], 1])
})
