import { createGate, parseBundle } from '../../src/gate.js'
import { builtInBundlePath, loadBundleFiles } from '../../src/io/bundle-source.js'
import type { GenerateConfiguration } from './configuration.js'
import type { JudgeParts } from './judge.js'
import { enterPolicy, enterStep } from './judge-messages.js'
import { createOutsideParts } from './judge-parts.js'

/**
 * Loads the configuration's bundle and makes what judging needs.
 *
 * @param state the shared memory in which it says what is being done
 * @throws GateError when the bundle, or what else the configuration names, cannot be used
 */
export async function loadJudge(configuration: GenerateConfiguration, state: Int32Array): Promise<JudgeParts> {
  const { bundle: named } = configuration
  const files = await loadBundleFiles(named?.path ?? (await builtInBundlePath()))
  const bundle = parseBundle(files, { allowUnsigned: named === undefined || named.allowUnsigned })
  const gate = await createGate(bundle, {
    onPolicy: index => {
      enterPolicy(state, index)
    },
  })
  return {
    gate,
    step: step => {
      enterStep(state, step)
    },
    ...(await createOutsideParts(configuration)),
  }
}
