#!/usr/bin/env node
import fs = require('node:fs')
import net = require('node:net')

// The thin side of `lockkeeper generate serve`, for plugin.yaml: node client.cjs <socket>. It imports nothing of lockkeeper,
// and is no ES module, whose loader is a fifth of what a Node with nothing to do costs. Whatever is not a whole answer of the
// same version is a failure.

const FAILED = 2
const MAX_ANSWER_BYTES = 512 * 1024 * 1024
const NAMES = /^(ARGOCD_APP_[A-Z0-9_]+|ARGOCD_ENV_.+|PARAM_.+|KUBE_VERSION|KUBE_API_VERSIONS)$/

const [, , socketPath = '', ...rest] = process.argv
const { version } = JSON.parse(fs.readFileSync(`${__dirname}/../../../package.json`, 'utf8')) as { version: string }

process.exitCode = FAILED
let isOver = false

function fail(reason: string): void {
  if (isOver) return
  isOver = true
  process.exitCode = FAILED
  process.stderr.write(`could not judge: ${reason}\n`)
}

for (const stream of [process.stdout, process.stderr]) {
  // Nobody takes what was written.
  stream.on('error', () => process.exit(FAILED))
}

if (socketPath === '' || rest.length > 0) fail('usage: client.cjs <socket of lockkeeper generate serve>')
else ask()

function ask(): void {
  const chunks: Buffer[] = []
  let size = 0
  const socket = net.connect(socketPath)
  process.once('SIGTERM', () => {
    socket.destroy()
    fail('it was cancelled before it was done')
  })
  socket.on('connect', () => {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => NAMES.test(name)))
    socket.write(`${JSON.stringify({ version, cwd: process.cwd(), env })}\n`)
  })
  socket.on('data', chunk => {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) socket.destroy(new Error('its answer is too large'))
    else chunks.push(chunk)
  })
  socket.on('error', error => {
    fail(`the scorer behind ${socketPath} cannot be asked: ${error.message}`)
  })
  socket.on('close', () => {
    if (!isOver) answer(Buffer.concat(chunks))
  })
}

function answer(bytes: Buffer): void {
  const end = bytes.indexOf(10)
  let head: Partial<Record<string, unknown>> = {}
  try {
    head = JSON.parse(bytes.toString('utf8', 0, Math.max(end, 0))) as typeof head
  } catch {
    fail(`the scorer behind ${socketPath} ended without an answer`)
    return
  }
  const { exitCode, stdoutBytes, stderrBytes } = head
  if (head.version !== version) {
    fail(
      `the scorer behind ${socketPath} is of version ${String(head.version)}, and this is ${version}: use one image for both`,
    )
    return
  }
  const from = end + 1
  if (
    typeof stdoutBytes !== 'number' ||
    typeof stderrBytes !== 'number' ||
    bytes.length !== from + stdoutBytes + stderrBytes
  ) {
    fail(`the scorer behind ${socketPath} ended before its answer did`)
    return
  }
  if (!(exitCode === 0 && stdoutBytes > 0) && exitCode !== 1 && exitCode !== FAILED) {
    fail(`the scorer behind ${socketPath} gave an answer that cannot be`)
    return
  }
  isOver = true
  process.stderr.write(bytes.subarray(from + stdoutBytes))
  if (exitCode === 0) process.stdout.write(bytes.subarray(from, from + stdoutBytes))
  process.exitCode = exitCode
}
