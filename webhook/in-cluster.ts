import { setMaxListeners } from 'node:events'
import { configuredCard } from '../src/config.js'
import { createClusterClient } from '../src/io/cluster/client.js'
import { SYSTEM_CLOCK } from '../src/io/cluster/clock.js'
import type { ClusterClient } from '../src/io/cluster/cluster-client.js'
import { openConnection, type InCluster } from '../src/io/cluster/connection.js'
import { createEventRecorder } from '../src/io/cluster/event-recorder.js'
import { startLeaderElection, type LeaderElection } from '../src/io/cluster/lease.js'
import type { Logger } from '../src/io/log.js'
import { isJsonObject, type JsonObject } from '../src/json.js'
import type { Bundle } from '../src/policy/bundle.js'
import { WORKLOADS } from '../src/workload.js'
import { createCertificateFiles } from '../src/io/certificates/certificate-files.js'
import { createCertificates } from '../src/io/certificates/certificates.js'
import { servedHosts } from '../src/io/certificates/hosts.js'
import { createSecretWatch } from '../src/io/certificates/secret-watch.js'
import type { Certificates } from '../src/io/certificates/material.js'
import type { WebhookMetrics } from './metrics.js'
import { watchNamespaces } from './namespaces.js'
import type { WebhookOptions } from './options.js'
import { SERVICE_ACCOUNTS } from './registration/conditions.js'
import { buildConfiguration, type ConfigurationOwner } from './registration/configuration.js'
import { createRegistrar } from './registration/registrar.js'
import type { Surroundings } from './surroundings.js'

export interface ClusterSurroundingsOptions {
  readonly options: WebhookOptions
  /** null: not in a Pod */
  readonly inCluster: InCluster | null
  /** Different in every replica. */
  readonly identity: string
  readonly version: string
  readonly metrics: WebhookMetrics
  readonly logger: (component: string) => Logger
}

const LEASE = 'lockkeeper-webhook'
/** Shorter than client-go's: with a leader that dies in the same moment, a registration is still restored within ten seconds. */
const LEASE_TIMES = { leaseDurationMs: 6_000, renewDeadlineMs: 4_000, retryPeriodMs: 1_000 }
const OWNER = 'lockkeeper-webhook'
const CLUSTER_ROLES = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles' } as const
const SERVICE_PORT = 443

/**
 * Surroundings in a cluster: certificates, namespaces, and the registration, which one replica keeps right.
 *
 * @throws GateError when there is no cluster to talk to, or its certificates can be neither read nor made
 */
export async function joinCluster(
  parts: ClusterSurroundingsOptions,
): Promise<Surroundings & { readonly client: ClusterClient }> {
  const { options, inCluster, identity, version, metrics, logger } = parts
  const { kubeconfig } = options
  const ending = new AbortController()
  const { signal } = ending
  // Every watch and every call listens to them.
  setMaxListeners(0, signal)
  const connection = await openConnection({ inCluster, ...(kubeconfig === undefined ? {} : { kubeconfig }) })
  const client = createClusterClient(connection, { userAgent: `lockkeeper-webhook/${version}`, signal })
  const log = logger('registration')
  const events = createEventRecorder(client, {
    reportingController: 'lockkeeper.dev/webhook',
    reportingInstance: identity,
    log: logger('events'),
  })
  const listeners: (() => void)[] = []
  const onChange = (): void => {
    for (const each of listeners) each()
    registrar?.check()
  }
  const certificates = await certificatesFor(client, { options, log: logger('certificates'), signal, onChange })
  const namespaces = watchNamespaces(client, { signal, log: logger('namespaces') })

  const leaving = new AbortController()
  setMaxListeners(0, leaving.signal)
  let election: LeaderElection | null = null
  let registrar: ReturnType<typeof createRegistrar> | null = null
  let registering: Promise<void> = Promise.resolve()

  function register(bundle: () => Bundle): void {
    const ownerOf = ownerFinder(client)
    election = startLeaderElection(client, {
      namespace: options.namespace,
      name: LEASE,
      identity,
      ...LEASE_TIMES,
      onStarted: () => registrar?.check(),
      onStopped: () => undefined,
      signal: leaving.signal,
      log,
    })
    registrar = createRegistrar({
      client,
      name: options.configurationName,
      desired: async () => desiredConfiguration(options, bundle(), certificates, await ownerOf()),
      refresh: () => certificates.refresh(),
      knownAuthorities: () => [certificates.caBundle()],
      sealKey: () => certificates.sealKey(),
      isLeader: () => election?.isLeader ?? false,
      log,
      recordEvent: event => {
        events.record(event)
      },
      onRestored: kind => {
        metrics.restored(kind)
      },
      onRefused: () => {
        metrics.registrationState('restoring')
      },
      onRight: () => {
        metrics.registrationState('right')
      },
      onPublished: fingerprints => {
        certificates.published(fingerprints)
      },
      clock: SYSTEM_CLOCK,
      signal: leaving.signal,
    })
    registering = registrar.run()
  }

  return {
    client,
    certificates,
    onCertificate: listener => {
      listeners.push(listener)
    },
    namespaces,
    known: namespaces.synced,
    begin: bundle => {
      if (options.registration) register(bundle)
      else metrics.registrationState('off')
    },
    bundleChanged: () => registrar?.check(),
    async leave() {
      leaving.abort()
      await registering
      await election?.done
    },
    async close() {
      certificates.close()
      await events.close()
      ending.abort()
      client.close()
    },
  }
}

interface CertificateParts {
  readonly options: WebhookOptions
  readonly log: Logger
  readonly signal: AbortSignal
  readonly onChange: () => void
}

/** From files that somebody else renews, where they are named; else from the Secret that all replicas share. */
function certificatesFor(client: ClusterClient, parts: CertificateParts): Promise<Certificates> {
  const { options, log, signal, onChange } = parts
  const { tlsCert, tlsKey, tlsCa, namespace, certificateSecret: name } = options
  const clock = SYSTEM_CLOCK
  if (tlsCert !== undefined && tlsKey !== undefined) {
    const files = { certFile: tlsCert, keyFile: tlsKey, ...(tlsCa === undefined ? {} : { caFile: tlsCa }) }
    return createCertificateFiles({ ...files, clock, log, signal, onChange })
  }
  return createCertificates({
    client,
    namespace,
    name,
    hosts: servedHosts(options),
    clock,
    log,
    signal,
    watchSecret: createSecretWatch({ client, namespace, name, clock, log, signal }),
    onChange,
  })
}

/**
 * Finds the installation's own ClusterRole: when that is deleted, nobody is left to answer, and the configuration goes with
 * it. Where it cannot be read, it is what it was last.
 */
function ownerFinder(client: ClusterClient): () => Promise<ConfigurationOwner | null> {
  let last: ConfigurationOwner | null = null
  return async () => {
    const role = await client.find(CLUSTER_ROLES, OWNER).catch(() => undefined)
    if (role === undefined) return last
    const metadata = role?.metadata
    const uid = isJsonObject(metadata) ? metadata.uid : undefined
    last = typeof uid === 'string' ? { kind: 'ClusterRole', name: OWNER, uid } : null
    return last
  }
}

function desiredConfiguration(
  options: WebhookOptions,
  bundle: Bundle,
  certificates: Certificates,
  owner: ConfigurationOwner | null,
): JsonObject {
  const { url, service: name, namespace } = options
  return buildConfiguration({
    name: options.configurationName,
    cards: bundle.cards.map(card => configuredCard(card, bundle.config)),
    workloads: [...WORKLOADS, ...bundle.config.workloads],
    authorities: certificates.caBundle(),
    target: url === undefined ? { service: { namespace, name, port: SERVICE_PORT } } : { url },
    failurePolicy: options.failurePolicy,
    exemptNamespaces: options.exemptNamespaces,
    owner,
    namespace,
    bootstrapNamespaces: options.bootstrapNamespaces,
    serviceAccounts: SERVICE_ACCOUNTS,
  })
}
