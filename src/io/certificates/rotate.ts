import { X509Certificate } from 'node:crypto'
import { createAuthority, issueLeaf, LIFETIMES } from './authority.js'
import type { CertificateState, CompleteState, PreviousAuthority } from './certificate-state.js'
import { notAfterOf } from './pem.js'
import { isStillTrusted, planRotation, type RotationContext, type RotationStep } from './rotation.js'

/** Twice as many as there are kinds of steps; each makes the next one rarer. */
const MAX_STEPS = 10

/** A state that nothing has to be done with now, and what was done. */
export interface Rotated {
  readonly state: CompleteState
  readonly steps: readonly RotationStep[]
}

/** Takes the steps that are due, with new keys and certificates where they say so. */
export function rotate(state: CertificateState | null, context: RotationContext): Rotated {
  const steps: RotationStep[] = []
  let current = state
  for (let i = 0; i < MAX_STEPS; i += 1) {
    const step = planRotation(current, context)
    if (step === null) break
    current = takeStep(step, current, context)
    steps.push(step)
  }
  // A plan that ends has left a leaf.
  return { state: current !== null && isComplete(current) ? current : startOver(context), steps }
}

function isComplete(state: CertificateState): state is CompleteState {
  return state.leaf !== null
}

function takeStep(step: RotationStep, state: CertificateState | null, context: RotationContext): CertificateState {
  const { now, lifetimes = LIFETIMES } = context
  if (state === null || step.step === 'start over') return startOver(context)
  switch (step.step) {
    case 'introduce authority':
      return { ...state, next: createAuthority(now, lifetimes) }
    case 'switch authority':
      return switchAuthority(state, context)
    case 'issue leaf':
      return { ...state, leaf: issueLeaf(state.signer, step.hosts, now, lifetimes) }
    case 'drop authorities':
      return { ...state, previous: state.previous.filter(each => isStillTrusted(each, now)) }
  }
}

function startOver({ now, hosts, lifetimes = LIFETIMES }: RotationContext): CompleteState {
  const signer = createAuthority(now, lifetimes)
  return { signer, next: null, previous: [], leaf: issueLeaf(signer, hosts, now, lifetimes) }
}

function switchAuthority(state: CertificateState, context: RotationContext): CertificateState {
  const { now, hosts, lifetimes = LIFETIMES } = context
  // No step switches without a next one.
  if (state.next === null) return startOver(context)
  // A replica that is cut off serves its leaf to the end.
  const until = state.leaf === null ? now + lifetimes.leafMs : notAfterOf(new X509Certificate(state.leaf.cert))
  const retired: PreviousAuthority = { cert: state.signer.cert, until }
  return {
    signer: state.next,
    next: null,
    previous: [retired, ...state.previous],
    leaf: issueLeaf(state.next, hosts, now, lifetimes),
  }
}
