// What the package's ES module really exports; its own types lack the default export and call most members `any`.
declare module '@open-policy-agent/opa-wasm' {
  class LoadedPolicy {
    constructor(instance: WebAssembly.Instance, memory: WebAssembly.Memory, minorVersion: number)
    /** Ids by name. */
    readonly entrypoints: Readonly<Record<string, number>>
    setData(data: object | ArrayBuffer): void
    evaluate(input: unknown, entrypoint?: number | string): unknown
  }
  const opa: { readonly LoadedPolicy: typeof LoadedPolicy }
  export type { LoadedPolicy }
  export default opa
}
