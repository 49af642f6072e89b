import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium, type Page } from 'playwright-core'
import t from 'tap'
import { CLI, ROOT } from '../helpers/repository.js'
import { findProgram } from '../../src/io/render/find-tool.js'

// A report of the command itself in a real browser: that it loads nothing, hides nothing, and shows what it says.
t.setTimeout(180_000)

const MANIFEST = join(ROOT, 'manifests/examples/first-look')

const FITS = 'document.documentElement.scrollWidth <= window.innerWidth'

/** What a rendered page can be asked. */
function look(page: Page) {
  const box = async (selector: string) => {
    const found = await page.locator(selector).first().boundingBox()
    return found ?? { x: 0, y: 0, width: 0, height: 0 }
  }
  const color = (selector: string) =>
    page.evaluate<string>(`getComputedStyle(document.querySelector(${JSON.stringify(selector)})).color`)
  return { box, color }
}

t.test('a browser shows the report without a network and without a fault', async t => {
  const executablePath = await findProgram('chromium', process.env.PATH)
  if (executablePath === null) throw new Error('chromium is not on PATH: apt-get install chromium')
  const report = join(t.testdir(), 'report.html')
  try {
    execFileSync(process.execPath, [CLI, 'scan', '--quiet', '--report', report, MANIFEST], { stdio: 'pipe' })
  } catch (error) {
    t.equal((error as { status: number | null }).status, 1, 'the example is denied')
  }
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-sync']
  const browser = await chromium.launch({ executablePath, args })
  t.teardown(() => browser.close())
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ colorScheme, viewport: { width: 1100, height: 900 } })
    const asked: string[] = []
    const faults: string[] = []
    page.on('request', request => asked.push(request.url()))
    page.on('console', message => faults.push(message.text()))
    page.on('pageerror', error => faults.push(error.message))
    const address = pathToFileURL(report).href
    await page.goto(address)
    t.strictSame(asked, [address], `${colorScheme}: nothing but the page is loaded`)
    t.strictSame(faults, [], 'nothing is refused by its own policy')
    t.equal(await page.locator('h1').innerText(), 'DENIED')
    const { box, color } = look(page)
    const [section, verdict, manifest] = [await box('section.deny'), await box('section.deny .verdict'), await box('pre.manifest')] // prettier-ignore
    t.ok(section.width > 900 && section.x >= 0, 'the page is as wide as it should be')
    t.ok(section.x + section.width - (verdict.x + verdict.width) < 40, 'the verdict stands at the right')
    t.ok(manifest.height > 60 && manifest.width < section.width, 'the manifest is in its section')
    t.equal(
      await color('.line.deny i'),
      await color('section .verdict.deny'),
      'what is denied has the colour of a denial',
    )
    t.ok((await page.locator('.line.deny').count()) > 0, 'and lines are marked')
    t.equal(await page.evaluate<boolean>(FITS), true, 'nothing hangs over the edge')
    t.ok((await page.screenshot({ fullPage: true })).length > 20_000, 'there is something to see')
    await page.close()
  }
  const narrow = await browser.newPage({ viewport: { width: 420, height: 800 } })
  await narrow.goto(pathToFileURL(report).href)
  t.equal(await narrow.evaluate<boolean>(FITS), true, 'on a phone, too')
})
