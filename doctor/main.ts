import { configuredCard } from '../src/config.js'
import { openConnection } from '../src/io/cluster/connection.js'
import type { Bundle } from '../src/policy/bundle.js'
import { WORKLOADS } from '../src/workload.js'
import { checkInstallation } from './checks/installation.js'
import { examineCluster } from './examine.js'
import { exitCodeOf, type Finding, summarize } from './finding.js'
import type { DoctorOptions, DoctorSurroundings } from './options.js'
import { readCluster } from './reading/cluster.js'
import { findMissingPrograms, readBundle } from './reading/installation.js'
import { doctorJson, doctorText } from './report.js'

const PROGRAMS = ['kustomize', 'helm']

/**
 * Looks, says what was found, and returns the exit code.
 *
 * @throws GateError when the cluster cannot be asked
 */
export async function runDoctor(options: DoctorOptions, surroundings: DoctorSurroundings): Promise<number> {
  const { write, paint, now, version, nodeVersion, searchPath } = surroundings
  const { installed, bundle } = await readBundle(options.bundle)
  const findings: Finding[] = [
    ...(options.cluster === undefined ? [] : await clusterFindings(options.cluster, bundle, surroundings)),
    ...checkInstallation({
      version,
      nodeVersion,
      nowMs: now.getTime(),
      bundle: installed,
      missingPrograms: await findMissingPrograms(PROGRAMS, searchPath),
    }),
  ]
  await write(options.format === 'json' ? doctorJson(findings, version) : doctorText(findings, paint))
  if (options.cluster === undefined && options.format === 'text') {
    await write('What the gate of a cluster covers, and what not: lockkeeper doctor --cluster\n')
  }
  return exitCodeOf(summarize(findings), options.failOnWarn)
}

async function clusterFindings(
  cluster: NonNullable<DoctorOptions['cluster']>,
  bundle: Bundle | null,
  { version, signal, inCluster, now }: DoctorSurroundings,
): Promise<readonly Finding[]> {
  const { kubeconfig, context, ...place } = cluster
  const connection = await openConnection({
    inCluster,
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(context !== undefined && { context }),
  })
  const facts = await readCluster(connection, {
    gate: {
      ...place,
      version,
      cards: bundle === null ? [] : bundle.cards.map(card => configuredCard(card, bundle.config)),
      workloads: bundle === null ? WORKLOADS : [...WORKLOADS, ...bundle.config.workloads],
    },
    userAgent: `lockkeeper-doctor/${version}`,
    signal,
    // From the one reading of the clock on, by one that never goes back.
    now: (
      began => () =>
        Math.round(now.getTime() + performance.now() - began)
    )(performance.now()),
  })
  return examineCluster(facts)
}
