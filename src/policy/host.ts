import { Buffer } from 'node:buffer'
import { GateError, thrownText, toGateError } from '../errors.js'
import { isJsonObject, parseJson, stringifyJson, type Json, type JsonObject } from '../json.js'
import { estimateHeapBytes } from './heap-estimate.js'
import { PolicyAbort, PolicyInstance } from './policy-instance.js'

const PAGE_BYTES = 64 * 1024
/** For inputs and evaluations, beside what data and parameters take: enough for nearly all objects. */
const DEFAULT_PAGES = 512
/** 512 MiB: a policy that allocates endlessly fails instead of taking the machine. */
const DEFAULT_MAXIMUM_PAGES = 8192
/** No value contains so many arrays and objects inside each other by honest means. */
const MAX_RESULT_DEPTH = 500
const NO_VIOLATIONS = '[{"result":[]}]'
/** Of a large object that is amended again and again the values before would fill the memory. */
const MAX_REPLACED_BYTES = 8 * 1024 * 1024

/** All policies of a bundle in one Wasm instance: an input is parsed once, then each entrypoint runs on it. */
export interface PolicyHost {
  /** Names such as `lockkeeper/privileged/deny`; the index of one is what `onEntrypoint` gets. */
  readonly entrypoints: readonly string[]
  /**
   * Parses an input (UTF-8 JSON), on which entrypoints are evaluated until `end`. A text that begins with a JSON value
   * and goes on with something else is not noticed: the text must come from a JSON writer.
   *
   * @throws GateError POLICY_FAILED for malformed JSON, and when the input does not fit into memory
   */
  begin(input: Uint8Array): void
  /**
   * Runs one entrypoint.
   *
   * @param parameters a handle: these become `input.parameters`, in place of what the input has there; null: the input
   *   as it was given
   * @returns the entrypoint's value; sets are arrays, in no particular order
   * @throws GateError POLICY_UNDEFINED, POLICY_FAILED for a runtime error, POLICY_RESULT for a value that JSON cannot
   *   hold; other entrypoints can be evaluated after it as if nothing had happened
   */
  evaluate(entrypoint: string, parameters: number | null): Json
  /**
   * Sets what stands at a path of the input, in place of what the input has there, for the evaluations that follow.
   *
   * @param path the keys that lead to it through objects
   * @throws GateError POLICY_FAILED for malformed JSON, and when there is no object on the way or it does not fit into memory
   */
  amend(path: readonly string[], value: Uint8Array): void
  end(): void
  /** Parses a policy's parameters once, for all inputs. Not between `begin` and `end`. */
  prepareParameters(value: JsonObject): number
  /** How large the Wasm memory is; it never shrinks, so who cares makes a new host. */
  readonly memoryBytes: number
}

/** What a host is made of. */
export interface PolicyHostOptions {
  readonly module: WebAssembly.Module
  readonly data: JsonObject
  /** Prepared when the host is made: the handle of each is its index. */
  readonly parameters?: readonly JsonObject[]
  /** Told the index of an entrypoint before it runs, and -1 afterwards: a watcher knows whom to blame. */
  readonly onEntrypoint?: (index: number) => void
  /** Told what policies print; by default it is dropped. */
  readonly onPrint?: (text: string) => void
  /** Memory at the start, in pages of 64 KiB, beside what data and parameters take. */
  readonly initialPages?: number
  readonly maximumPages?: number
}

/**
 * Makes a host for a compiled module.
 *
 * @throws GateError BUNDLE_INVALID when the module or the data cannot be used, BUNDLE_BUILTIN_MISSING naming every
 *   built-in function that is not supplied here
 */
export function createPolicyHost(options: PolicyHostOptions): PolicyHost {
  return new WasmPolicyHost(options)
}

/** An instance with everything that outlives an input, at addresses below `base`. */
interface Loaded {
  readonly instance: PolicyInstance
  readonly data: number
  readonly parametersPath: number
  readonly parameters: number[]
  /** Where the heap of an input begins. */
  base: number
  /** Whether a policy gave up in it, which leaves a little of the Wasm stack (64 KiB) used for good. */
  aborted: boolean
}

/** A parsed input, at addresses between the loaded base and its own `base`, where the heap of an evaluation begins. */
interface Parsed {
  readonly value: number
  readonly context: number
  /** Where its own heap ended before it was amended. */
  readonly end: number
  base: number
  /** The handle of what stands at `input.parameters`; null: what the input brought. */
  parameters: number | null
}

/** What was set in the input after it was parsed; both as JSON. */
interface Amendment {
  readonly path: Uint8Array
  readonly value: Uint8Array
}

class WasmPolicyHost implements PolicyHost {
  readonly entrypoints: readonly string[]
  readonly #module: WebAssembly.Module
  readonly #memory: WebAssembly.Memory
  readonly #onEntrypoint: (index: number) => void
  readonly #onPrint: (text: string) => void
  readonly #data: Uint8Array
  readonly #parameters: Uint8Array[]
  readonly #ids: ReadonlyMap<string, { readonly id: number; readonly index: number }>
  /** null: the next use makes a new instance. */
  #loaded: Loaded | null
  #input: Uint8Array | null = null
  /** By path, what the input was amended with: done again whenever it is parsed again. */
  readonly #amendments = new Map<string, Amendment>()
  /** null: the next evaluation parses the input again. */
  #parsed: Parsed | null = null

  constructor(options: PolicyHostOptions) {
    const {
      module,
      data,
      parameters = [],
      initialPages = DEFAULT_PAGES,
      maximumPages = DEFAULT_MAXIMUM_PAGES,
    } = options
    this.#module = module
    this.#onEntrypoint = options.onEntrypoint ?? ignore
    this.#onPrint = options.onPrint ?? ignore
    this.#data = toBytes(data)
    this.#parameters = parameters.map(toBytes)
    // OPA's allocator learns the size of memory when the instance is made; it would grow page by page from there.
    const heapBytes = [data, ...parameters].reduce((sum, value) => sum + estimateHeapBytes(value), 0)
    const pages = Math.min(initialPages + Math.ceil(heapBytes / PAGE_BYTES), maximumPages)
    try {
      this.#memory = new WebAssembly.Memory({ initial: pages, maximum: maximumPages })
    } catch (error) {
      throw toGateError(error, 'INTERNAL', 'no memory for the policies')
    }
    this.#loaded = this.#load()
    const names = Object.entries(this.#loaded.instance.entrypoints).sort(([, a], [, b]) => a - b)
    this.entrypoints = names.map(([name]) => name)
    this.#ids = new Map(names.map(([name, id], index) => [name, { id, index }]))
  }

  get memoryBytes(): number {
    return this.#memory.buffer.byteLength
  }

  begin(input: Uint8Array): void {
    this.end()
    try {
      this.#parsed = this.#withStack(() => this.#parse(input))
      this.#input = input
    } catch (error) {
      throw toGateError(error, 'POLICY_FAILED', 'the input could not be read')
    }
  }

  evaluate(entrypoint: string, parameters: number | null): Json {
    const input = this.#input
    const entry = this.#ids.get(entrypoint)
    if (entry === undefined) throw new GateError('INTERNAL', `there is no entrypoint ${entrypoint}`)
    if (input === null) throw new GateError('INTERNAL', 'an entrypoint was to be evaluated without an input')
    if (parameters !== null && this.#parameters[parameters] === undefined) {
      throw new GateError('INTERNAL', `there are no parameters ${parameters}`)
    }
    this.#onEntrypoint(entry.index)
    try {
      return readResult(this.#withStack(() => this.#run(entry.id, parameters, input)))
    } catch (error) {
      throw toGateError(error, 'POLICY_FAILED')
    } finally {
      this.#onEntrypoint(-1)
    }
  }

  amend(path: readonly string[], value: Uint8Array): void {
    const input = this.#input
    if (input === null) throw new GateError('INTERNAL', 'an input was to be amended before it was given')
    const amendment = { path: toBytes([...path]), value }
    const key = path.join('\0')
    // What was set inside of it before is not to be set again after it.
    for (const known of this.#amendments.keys()) if (`${known}\0`.startsWith(`${key}\0`)) this.#amendments.delete(known)
    this.#amendments.set(key, amendment)
    try {
      this.#withStack(() => {
        const parsed = this.#parsed
        // After a failure the input is parsed again, with all its amendments.
        if (parsed === null || this.#loaded === null) {
          this.#parsed = this.#parse(input)
          return
        }
        const { instance } = this.#loaded
        instance.abi.opa_heap_ptr_set(parsed.base)
        setMember(instance, parsed.value, amendment)
        parsed.base = heapEnd(instance)
        // What the amendments replaced stays in the heap.
        if (parsed.base - parsed.end > MAX_REPLACED_BYTES) this.#parsed = null
      })
    } catch (error) {
      throw toGateError(error, 'POLICY_FAILED', 'the input could not be amended')
    }
  }

  end(): void {
    this.#input = null
    this.#parsed = null
    this.#amendments.clear()
  }

  prepareParameters(value: JsonObject): number {
    if (this.#input !== null)
      throw new GateError('INTERNAL', 'parameters were prepared while an input was being judged')
    const text = toBytes(value)
    try {
      const loaded = (this.#loaded ??= this.#load())
      loaded.instance.abi.opa_heap_ptr_set(loaded.base)
      loaded.parameters.push(parsedValue(loaded.instance, text))
      loaded.base = heapEnd(loaded.instance)
    } catch (error) {
      this.#loaded = null
      throw toGateError(error, 'BUNDLE_INVALID', 'the parameters could not be loaded')
    }
    return this.#parameters.push(text) - 1
  }

  /** Makes an instance, which sets memory back to its start, and parses what outlives inputs. */
  #load(): Loaded {
    const instance = new PolicyInstance(this.#module, this.#memory, this.#onPrint)
    try {
      const data = parsedValue(instance, this.#data)
      const parametersPath = parsedValue(instance, Buffer.from('["parameters"]'))
      const parameters = this.#parameters.map(text => parsedValue(instance, text))
      return { instance, data, parametersPath, parameters, base: heapEnd(instance), aborted: false }
    } catch (error) {
      throw toGateError(error, 'BUNDLE_INVALID', "the bundle's data could not be loaded")
    }
  }

  #parse(input: Uint8Array): Parsed {
    const { instance, data, base } = (this.#loaded ??= this.#load())
    const { abi } = instance
    abi.opa_heap_ptr_set(base)
    const value = parsedValue(instance, input)
    const end = heapEnd(instance)
    for (const amendment of this.#amendments.values()) setMember(instance, value, amendment)
    const context = abi.opa_eval_ctx_new()
    abi.opa_eval_ctx_set_input(context, value)
    abi.opa_eval_ctx_set_data(context, data)
    return { value, context, end, base: heapEnd(instance), parameters: null }
  }

  /** Evaluates to the JSON text of the result set. */
  #run(id: number, parameters: number | null, input: Uint8Array): string {
    // The input as it was given is gone once parameters were put into it.
    if (parameters === null && this.#parsed?.parameters !== null) this.#parsed = null
    const parsed = (this.#parsed ??= this.#parse(input))
    const { instance, ...loaded } = (this.#loaded ??= this.#load())
    const { abi } = instance
    if (parameters !== null && parameters !== parsed.parameters) {
      // The parameters that stood there are freed, which only lists their memory as free: nothing is allocated between
      // here and the next opa_heap_ptr_set, and that forgets the list. So each value can be put there again and again.
      abi.opa_heap_ptr_set(parsed.base)
      const code = abi.opa_value_add_path(parsed.value, loaded.parametersPath, loaded.parameters[parameters] ?? 0)
      if (code !== 0) throw new GateError('POLICY_FAILED', 'the input is not an object, so it cannot have parameters')
      // The first ones may have brought a new member, which belongs to the input now.
      if (parsed.parameters === null) parsed.base = heapEnd(instance)
      parsed.parameters = parameters
    }
    abi.opa_heap_ptr_set(parsed.base)
    abi.opa_eval_ctx_set_entrypoint(parsed.context, id)
    abi.eval(parsed.context)
    return instance.readText(abi.opa_json_dump(abi.opa_eval_ctx_get_result(parsed.context)))
  }

  /**
   * Calls into Wasm. After a failure the input is parsed again, and after a trap in a new instance.
   *
   * Nothing outside can set the stack back that an abort left used: after hundreds of them it is gone, and the next call
   * traps, whatever it is. So a trap in an instance with aborts says nothing yet, and the call gets a whole stack.
   */
  #withStack<T>(call: () => T): T {
    const aborted = this.#loaded?.aborted ?? false
    try {
      return call()
    } catch (error) {
      this.#parsed = null
      if (error instanceof GateError) throw error
      if (error instanceof PolicyAbort) {
        if (this.#loaded !== null) this.#loaded.aborted = true
        throw error
      }
      this.#loaded = null
      if (!aborted) throw error
      return this.#withStack(call)
    }
  }
}

function ignore(): void {
  // Nobody asked to be told.
}

function toBytes(value: Json): Uint8Array {
  return Buffer.from(stringifyJson(value))
}

function parsedValue(instance: PolicyInstance, text: Uint8Array): number {
  const value = instance.parse(text)
  if (value === 0) throw new GateError('POLICY_FAILED', 'malformed input')
  return value
}

function setMember(instance: PolicyInstance, object: number, { path, value }: Amendment): void {
  const code = instance.abi.opa_value_add_path(object, parsedValue(instance, path), parsedValue(instance, value))
  if (code !== 0) throw new GateError('POLICY_FAILED', 'the input is not an object, so it cannot have members')
}

/** Where the next allocation goes at the earliest, for reads of eight bytes at once. */
function heapEnd({ abi }: PolicyInstance): number {
  return (abi.opa_heap_ptr_get() + 7) & ~7
}

function readResult(text: string): Json {
  if (text === NO_VIOLATIONS) return []
  let results: Json
  try {
    results = parseJson(text, { maxDepth: MAX_RESULT_DEPTH })
  } catch (error) {
    throw new GateError('POLICY_RESULT', `returned a value that JSON cannot hold: ${thrownText(error)}`, {
      cause: error,
    })
  }
  const first = Array.isArray(results) ? results[0] : undefined
  if (first === undefined) throw new GateError('POLICY_UNDEFINED', 'the entrypoint is undefined for this input')
  return isJsonObject(first) && first.result !== undefined ? first.result : null
}
