import { writeFile } from 'node:fs/promises'
import { GateError, thrownText } from '../errors.js'
import type { HtmlReport, HtmlReportOptions } from '../report/html/html-report.js'

/** A report for people in a file of its own, beside what is written to stdout. */
export interface HtmlPage {
  readonly add: HtmlReport['add']
  /** @throws GateError FILE_UNWRITABLE */
  write(...end: Parameters<HtmlReport['page']>): Promise<void>
}

/** @param path undefined: none was asked for */
export async function htmlPage(path: string | undefined, options: HtmlReportOptions): Promise<HtmlPage | null> {
  if (path === undefined) return null
  const { createHtmlReport } = await import('../report/html/html-report.js')
  const report = createHtmlReport(options)
  return {
    add: (...entry) => {
      report.add(...entry)
    },
    async write(...end) {
      try {
        await writeFile(path, report.page(...end))
      } catch (error) {
        throw new GateError('FILE_UNWRITABLE', `${path}: cannot be written: ${thrownText(error)}`, { cause: error })
      }
    },
  }
}
