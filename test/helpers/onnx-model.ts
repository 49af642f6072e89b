/** The smallest ONNX model there is, y = Identity(x) for one float, written byte by byte (protobuf, opset 13). */
export function identityModel(): Uint8Array {
  const text = (field: number, value: string) => bytes(field, new TextEncoder().encode(value))
  const tensor = (name: string) => [
    ...text(1, name),
    // TypeProto.tensor_type: elem_type FLOAT, shape [1]
    ...bytes(2, bytes(1, [...number(1, 1), ...bytes(2, bytes(1, number(1, 1)))])),
  ]
  const node = [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Identity')]
  const graph = [...bytes(1, node), ...text(2, 'g'), ...bytes(11, tensor('x')), ...bytes(12, tensor('y'))]
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, 13))])
}

function number(field: number, value: number): number[] {
  return [field << 3, value]
}

function bytes(field: number, content: ArrayLike<number>): number[] {
  return [(field << 3) | 2, content.length, ...Array.from(content)]
}
