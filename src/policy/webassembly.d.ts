// The part of the WebAssembly API that the policy host uses: TypeScript declares it only in its DOM library, whose
// other names (fetch, document, localStorage) must not look as if the core could use them.
declare namespace WebAssembly {
  // A name that no other type has keeps any object from passing for a module.
  class Module {
    constructor(bytes: ArrayBufferView | ArrayBuffer)
    readonly [Symbol.toStringTag]: 'WebAssembly.Module'
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>)
    readonly exports: Record<string, unknown>
  }
  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum?: number })
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  class Global {
    value: unknown
  }
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}
}
