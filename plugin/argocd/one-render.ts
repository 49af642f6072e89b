import { setFlagsFromString } from 'node:v8'

/**
 * Tells V8 to compile less: a process that judges one application ends before most of its code has been worth a better
 * compilation, which is a third of what it costs. Large applications get there a moment later, and as fast.
 */
export function expectOneRender(): void {
  // Bytes of JavaScript, and of Wasm, that a function runs before it is compiled again.
  setFlagsFromString('--interrupt-budget=1000000')
  setFlagsFromString('--wasm-tiering-budget=50000000')
}
