import { join } from 'node:path'
import { configuredCard } from '../../src/config.js'
import { loadBundleFiles } from '../../src/io/bundle-source.js'
import { parseBundle } from '../../src/policy/bundle.js'
import { WORKLOADS } from '../../src/workload.js'
import type { ConfigurationOptions } from '../../webhook/registration/configuration.js'
import { ROOT } from './repository.js'

/** What the gate registers with the built-in bundle, installed as the manifests do it. */
export async function registrationOptions(
  change: Partial<ConfigurationOptions> & Pick<ConfigurationOptions, 'authorities'>,
): Promise<ConfigurationOptions> {
  const bundle = parseBundle(await loadBundleFiles(join(ROOT, 'policies/bundle')), { allowUnsigned: true })
  return {
    cards: bundle.cards.map(card => configuredCard(card, bundle.config)),
    workloads: [...WORKLOADS, ...bundle.config.workloads],
    target: { service: { namespace: 'lockkeeper-system', name: 'lockkeeper-webhook', port: 443 } },
    failurePolicy: 'Fail',
    namespace: 'lockkeeper-system',
    serviceAccounts: ['lockkeeper-webhook', 'lockkeeper-controller'],
    bootstrapNamespaces: ['kube-system'],
    exemptNamespaces: [],
    owner: null,
    ...change,
  }
}
