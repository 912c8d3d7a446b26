// Drives Chromium for a Go test: reads one command a line, as JSON, and answers each
// with one line. Usage: node drive.mjs NODE_MODULES CHROMIUM
import {createRequire} from 'node:module'
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {createInterface} from 'node:readline'

const [modules, chromium] = process.argv.slice(2)
const require = createRequire(join(modules, 'x.js'))
const playwright = require('playwright-core')
const browser = await playwright.chromium.launch({executablePath: chromium, args: ['--no-sandbox', '--disable-gpu']})
const pages = new Map()
const errors = []

const commands = {
  async open({page, url, options = {}}) {
    const context = await browser.newContext({reducedMotion: 'reduce', acceptDownloads: true, ...options})
    const p = await context.newPage()
    p.setDefaultTimeout(90_000)
    p.on('pageerror', e => errors.push(page + ': ' + e.message))
    p.on('request', r => { if (!/^(http:\/\/127\.0\.0\.1|data:|blob:)/.test(r.url())) errors.push(page + ' asks ' + r.url()) })
    p.on('console', m => { if (/Content.Security.Policy|TrustedHTML|TypeError/i.test(m.text())) errors.push(page + ': ' + m.text()) })
    pages.set(page, p)
    await p.goto(url)
  },
  async goto({page, url}) { await pages.get(page).goto(url) },
  async click({page, at}) { await pages.get(page).locator(at).first().click() },
  async fill({page, at, value}) { await pages.get(page).locator(at).first().fill(value) },
  async press({page, at, value}) { await pages.get(page).locator(at).first().press(value) },
  async pick({page, at, value}) { await pages.get(page).locator(at).first().selectOption(value) },
  async wait({page, at, value}) {
    await pages.get(page).waitForFunction(([at, value]) => [...document.querySelectorAll(at)].some(e => e.textContent.includes(value)), [at, value])
  },
  async text({page, at}) { return pages.get(page).locator(at).first().textContent() },
  async count({page, at}) { return pages.get(page).locator(at).count() },
  async evaluate({page, value}) { return pages.get(page).evaluate(value) },
  async download({page, at}) {
    const [file] = await Promise.all([pages.get(page).waitForEvent('download'), pages.get(page).locator(at).first().click()])
    return readFileSync(await file.path(), 'utf8')
  },
  async axe({page}) {
    const p = pages.get(page)
    await p.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'))
    const found = await p.evaluate(() => axe.run(document, {resultTypes: ['violations']}))
    return found.violations.filter(v => v.impact === 'serious' || v.impact === 'critical').map(v => `${v.id}: ${v.nodes[0].html.slice(0, 200)}`)
  },
  async close({page}) { await pages.get(page).context().close(); pages.delete(page) },
  async closeAll() { for (const [name, p] of pages) { pages.delete(name); await p.context().close() } },
  async errors() { return errors.splice(0) },
}

process.stdout.on('error', () => process.exit(1)) // the test is over
for await (const line of createInterface({input: process.stdin})) {
  const command = JSON.parse(line)
  let answer
  try { answer = {value: await commands[command.do](command) ?? null} } catch (e) { answer = {error: e.message} }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
await browser.close()
