import { Buffer } from 'node:buffer'
import { GateError, thrownText } from '../errors.js'
import { HOST_BUILTINS, type HostBuiltin } from './builtins/builtins.js'
import { parseRegoValue } from './builtins/rego-value.js'

/** The functions of OPA's Wasm ABI that are used here; values, texts and contexts are addresses. */
export interface Abi {
  opa_malloc(bytes: number): number
  opa_free(address: number): void
  opa_heap_ptr_get(): number
  opa_heap_ptr_set(address: number): void
  opa_json_parse(text: number, bytes: number): number
  opa_json_dump(value: number): number
  opa_value_dump(value: number): number
  /** @returns 0, or an error number */
  opa_value_add_path(object: number, path: number, value: number): number
  opa_eval_ctx_new(): number
  opa_eval_ctx_set_input(context: number, value: number): void
  opa_eval_ctx_set_data(context: number, value: number): void
  opa_eval_ctx_set_entrypoint(context: number, id: number): void
  opa_eval_ctx_get_result(context: number): number
  eval(context: number): number
  builtins(): number
  entrypoints(): number
}

const ABI_FUNCTIONS = [
  'opa_malloc',
  'opa_free',
  'opa_heap_ptr_get',
  'opa_heap_ptr_set',
  'opa_json_parse',
  'opa_json_dump',
  'opa_value_dump',
  'opa_value_add_path',
  'opa_eval_ctx_new',
  'opa_eval_ctx_set_input',
  'opa_eval_ctx_set_data',
  'opa_eval_ctx_set_entrypoint',
  'opa_eval_ctx_get_result',
  'eval',
  'builtins',
  'entrypoints',
] as const satisfies readonly (keyof Abi)[]

/** A policy gave up by itself, through opa_abort or a failing built-in: the stack was unwound, the memory is sound. */
export class PolicyAbort extends Error {
  override readonly name = 'PolicyAbort'
}

/**
 * One instance of a policy module, with our own imports. OPA's SDK for JavaScript is not used: its built-ins take precedence
 * over a caller's and see JSON only, so that sets reach them as arrays, and loading it takes longer than a policy does.
 */
export class PolicyInstance {
  readonly instance: WebAssembly.Instance
  readonly abi: Abi
  /** The ids of the entrypoints by their names. */
  readonly entrypoints: Readonly<Record<string, number>>
  readonly #memory: WebAssembly.Memory
  #bytes: Buffer<ArrayBuffer>

  /** @throws GateError BUNDLE_INVALID or BUNDLE_BUILTIN_MISSING */
  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, onPrint: (text: string) => void) {
    this.#memory = memory
    this.#bytes = Buffer.from(memory.buffer)
    const builtins = new Map<number, readonly [string, HostBuiltin]>()
    const call = (id: number, _context: number, ...operands: number[]): number => this.#call(builtins.get(id), operands)
    const imports = {
      memory,
      opa_abort: (text: number): never => {
        throw new PolicyAbort(this.readText(text))
      },
      opa_println: (text: number): void => {
        onPrint(this.readText(text))
      },
      opa_builtin0: call,
      opa_builtin1: call,
      opa_builtin2: call,
      opa_builtin3: call,
      opa_builtin4: call,
    }
    let instance: WebAssembly.Instance
    try {
      instance = new WebAssembly.Instance(module, { env: imports })
    } catch (error) {
      throw new GateError('BUNDLE_INVALID', `policy.wasm could not be instantiated: ${thrownText(error)}`, {
        cause: error,
      })
    }
    checkAbi(instance.exports)
    this.instance = instance
    this.abi = instance.exports as unknown as Abi

    const required = JSON.parse(this.readText(this.abi.opa_json_dump(this.abi.builtins()))) as Record<string, number>
    const missing: string[] = []
    for (const [name, id] of Object.entries(required)) {
      const builtin = HOST_BUILTINS.get(name)
      if (builtin === undefined) missing.push(name)
      else builtins.set(id, [name, builtin])
    }
    if (missing.length > 0) {
      const names = missing.sort().join(', ')
      throw new GateError(
        'BUNDLE_BUILTIN_MISSING',
        `the policies need built-in functions that lockkeeper lacks: ${names}`,
      )
    }
    this.entrypoints = JSON.parse(this.readText(this.abi.opa_json_dump(this.abi.entrypoints()))) as Record<
      string,
      number
    >
  }

  /** The text at an address, up to its final zero. */
  readText(address: number): string {
    const bytes = this.#view()
    return bytes.toString('utf8', address, bytes.indexOf(0, address))
  }

  /** Reads a JSON text into a value; 0 when it is malformed. */
  parse(text: Uint8Array): number {
    const address = this.abi.opa_malloc(text.length)
    this.#view().set(text, address)
    return this.abi.opa_json_parse(address, text.length)
  }

  #call(builtin: readonly [string, HostBuiltin] | undefined, operands: readonly number[]): number {
    if (builtin === undefined) throw new PolicyAbort('a built-in function was called by an unknown id')
    const [name, implementation] = builtin
    let result: string | boolean | undefined
    try {
      result = implementation(...operands.map(operand => this.#readOperand(operand)))
    } catch (error) {
      if (error instanceof PolicyAbort) throw error
      throw new PolicyAbort(`${name}: ${thrownText(error)}`, { cause: error })
    }
    if (result === undefined) return 0
    const text = Buffer.from(JSON.stringify(result))
    const address = this.abi.opa_malloc(text.length)
    this.#view().set(text, address)
    const value = this.abi.opa_json_parse(address, text.length)
    this.abi.opa_free(address)
    return value
  }

  #readOperand(address: number): ReturnType<typeof parseRegoValue> {
    const dumped = this.abi.opa_value_dump(address)
    const text = this.readText(dumped)
    this.abi.opa_free(dumped)
    return parseRegoValue(text)
  }

  /** Growing memory detaches the buffer that was there before. */
  #view(): Buffer<ArrayBuffer> {
    const { buffer } = this.#memory
    if (this.#bytes.buffer !== buffer) this.#bytes = Buffer.from(buffer)
    return this.#bytes
  }
}

function checkAbi(exports: Record<string, unknown>): void {
  const version = globalValue(exports.opa_wasm_abi_version)
  const minor = globalValue(exports.opa_wasm_abi_minor_version)
  if (version === undefined || minor === undefined) {
    throw new GateError('BUNDLE_INVALID', 'policy.wasm was not compiled by OPA: it names no version of its interface')
  }
  if (version !== 1) {
    throw new GateError(
      'BUNDLE_INVALID',
      `policy.wasm has version ${version}.${minor} of OPA's interface; only 1.x can be used`,
    )
  }
  const missing = ABI_FUNCTIONS.filter(name => typeof exports[name] !== 'function')
  if (missing.length > 0)
    throw new GateError('BUNDLE_INVALID', `policy.wasm lacks functions of OPA's interface: ${missing.join(', ')}`)
}

function globalValue(exported: unknown): number | undefined {
  const value = exported instanceof WebAssembly.Global ? exported.value : undefined
  return typeof value === 'number' ? value : undefined
}
