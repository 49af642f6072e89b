import { createInterface } from 'node:readline'

/**
 * Reads what tap prints.
 *
 * @param {NodeJS.ReadableStream} stream
 * @param {(line: string) => void} print gets the lines that somebody reads: passing assertions are thousands of others
 * @returns {Promise<{ passed: number, failed: number }>} one failed where the output has no end
 */
export async function readTap(stream, print) {
  let summary = null
  for await (const line of createInterface({ input: stream })) {
    if (!/^\s*ok \d+|^\s*1\.\.\d+$|^\s*$|^\s*# Subtest|^TAP version/.test(line)) print(line)
    summary = /^# \{ total: (\d+)(.*) \}$/.exec(line) ?? summary
  }
  const count = key => Number(new RegExp(`${key}: (\\d+)`).exec(summary?.[2] ?? '')?.[1] ?? 0)
  return { passed: count('pass'), failed: count('fail') + (summary === null ? 1 : 0) }
}
