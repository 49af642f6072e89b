/** What is read of an ONNX model: enough to tell what it computes. Field numbers are those of onnx.proto (IR version 9). */
export interface OnnxModel {
  readonly irVersion: number
  /** Versions by domain; '' is ai.onnx. */
  readonly opsets: ReadonlyMap<string, number>
  readonly nodes: readonly OnnxNode[]
  readonly inputs: readonly OnnxTensor[]
  readonly outputs: readonly OnnxTensor[]
  readonly metadata: ReadonlyMap<string, string>
}

export interface OnnxNode {
  readonly opType: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: ReadonlyMap<string, OnnxAttribute>
}

export interface OnnxAttribute {
  readonly text: string
  readonly int: number
  readonly floats: readonly number[]
  readonly ints: readonly number[]
  readonly texts: readonly string[]
}

export interface OnnxTensor {
  readonly name: string
  /** 1: 32-bit float. */
  readonly elementType: number
  /** null: any. */
  readonly shape: readonly (number | null)[]
}

/** Reads an ONNX model's outer form. @throws Error saying what is wrong with the bytes */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  const model = new Message(bytes)
  const graph = new Message(model.bytes(7))
  return {
    irVersion: model.int(1),
    opsets: new Map(model.messages(8).map(each => [each.text(1), each.int(2)])),
    nodes: graph.messages(1).map(readNode),
    inputs: graph.messages(11).map(readTensor),
    outputs: graph.messages(12).map(readTensor),
    metadata: new Map(model.messages(14).map(each => [each.text(1), each.text(2)])),
  }
}

function readNode(node: Message): OnnxNode {
  return {
    inputs: node.texts(1),
    outputs: node.texts(2),
    opType: node.text(4),
    domain: node.text(7),
    attributes: new Map(
      node.messages(5).map(each => [
        each.text(1),
        {
          int: each.int(3),
          text: each.text(4),
          floats: each.floats(7),
          ints: each.ints(8),
          texts: each.texts(9),
        },
      ]),
    ),
  }
}

function readTensor(value: Message): OnnxTensor {
  const tensor = new Message(new Message(value.bytes(2)).bytes(1))
  const shape = new Message(tensor.bytes(2)).messages(1).map(each => (each.has(1) ? each.int(1) : null))
  return { name: value.text(1), elementType: tensor.int(1), shape }
}

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5
const EMPTY = new Uint8Array()

/** One message of protobuf's wire format. A field that is not there reads as empty or 0, as protobuf has it. */
class Message {
  readonly #fields = new Map<number, (number | Uint8Array)[]>()

  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at < bytes.length;) {
      const [tag, start] = readVarint(bytes, at)
      const [field, wire] = [Math.floor(tag / 8), tag % 8]
      let value: number | Uint8Array
      if (wire === VARINT) {
        ;[value, at] = readVarint(bytes, start)
      } else {
        let length = wire === FIXED64 ? 8 : 4
        let from = start
        if (wire === LENGTH) [length, from] = readVarint(bytes, start)
        else if (wire !== FIXED64 && wire !== FIXED32) throw new Error(`wire type ${wire} at byte ${at}`)
        at = from + length
        if (at > bytes.length) throw new Error(`a field is cut off at byte ${bytes.length}`)
        value = wire === FIXED32 ? view.getFloat32(from, true) : bytes.subarray(from, at)
      }
      const found = this.#fields.get(field)
      if (found === undefined) this.#fields.set(field, [value])
      else found.push(value)
    }
  }

  has(field: number): boolean {
    return this.#fields.has(field)
  }

  int(field: number): number {
    const value = this.#fields.get(field)?.at(-1)
    return typeof value === 'number' ? value : 0
  }

  bytes(field: number): Uint8Array {
    const value = this.#fields.get(field)?.at(-1)
    return value instanceof Uint8Array ? value : EMPTY
  }

  text(field: number): string {
    return decodeText(this.bytes(field))
  }

  texts(field: number): readonly string[] {
    return this.#parts(field).map(decodeText)
  }

  messages(field: number): readonly Message[] {
    return this.#parts(field).map(part => new Message(part))
  }

  /** Packed, or one by one. */
  ints(field: number): readonly number[] {
    const ints: number[] = []
    for (const value of this.#fields.get(field) ?? []) {
      if (typeof value === 'number') {
        ints.push(value)
        continue
      }
      for (let at = 0; at < value.length;) {
        const [int, next] = readVarint(value, at)
        ints.push(int)
        at = next
      }
    }
    return ints
  }

  floats(field: number): readonly number[] {
    const floats: number[] = []
    for (const value of this.#fields.get(field) ?? []) {
      if (typeof value === 'number') {
        floats.push(value)
        continue
      }
      if (value.length % 4 !== 0) throw new Error('a list of floats is cut off')
      const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
      for (let at = 0; at < value.length; at += 4) floats.push(view.getFloat32(at, true))
    }
    return floats
  }

  #parts(field: number): readonly Uint8Array[] {
    return (this.#fields.get(field) ?? []).filter(value => value instanceof Uint8Array)
  }
}

/** No number of a model is larger than 2^53 or negative: what is, is refused. */
function readVarint(bytes: Uint8Array, start: number): [value: number, next: number] {
  let value = 0
  for (let at = start, scale = 1; at < start + 8; at += 1, scale *= 128) {
    const byte = bytes[at]
    if (byte === undefined) throw new Error(`a number is cut off at byte ${at}`)
    value += (byte % 128) * scale
    if (byte < 128) {
      if (!Number.isSafeInteger(value)) break
      return [value, at + 1]
    }
  }
  throw new Error(`a number at byte ${start} is too large`)
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}
