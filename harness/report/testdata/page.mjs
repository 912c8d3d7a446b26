// Opens HTML reports in Chromium and prints what it found as JSON: what axe says in
// light, dark and narrow, how long the page took, whether links, keys and buttons work,
// and what it asked the network for.
// Usage: node page.mjs NODE_MODULES CHROMIUM FILE MODES [SCREENSHOTS]; modes: light,dark,narrow,4k
import {createRequire} from 'node:module'
import {readFileSync} from 'node:fs'
import {join, resolve} from 'node:path'
import {pathToFileURL} from 'node:url'

const [modules, chromium, file, modes, shots] = process.argv.slice(2)
const require = createRequire(join(modules, 'x.js'))
const playwright = require('playwright-core')
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const url = pathToFileURL(resolve(file)).href

const browser = await playwright.chromium.launch({executablePath: chromium, args: ['--no-sandbox', '--disable-gpu']})
const found = {axe: [], requests: [], errors: [], overflow: [], loadMillis: 0}

async function open(name, options, hash = '') {
  // What axe runs as must not be stopped by the page's own policy.
  const context = await browser.newContext({bypassCSP: true, reducedMotion: 'reduce', acceptDownloads: true, ...options})
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  page.on('request', r => { if (!r.url().startsWith('file:') && !r.url().startsWith('blob:') && !r.url().startsWith('data:')) found.requests.push(r.url()) })
  page.on('pageerror', e => found.errors.push(name + ': ' + e.message))
  page.on('console', m => { if (m.type() === 'error') found.errors.push(name + ': ' + m.text()) })
  page.on('dialog', d => { found.errors.push(name + ': dialog ' + d.message()); d.dismiss() })
  await page.goto(url + hash)
  const timing = await page.evaluate(() => performance.getEntriesByType('navigation')[0].domComplete)
  found.loadMillis = Math.max(found.loadMillis, timing)
  if (shots) await page.screenshot({path: join(shots, name + '.png'), fullPage: name !== '4k'})
  return page
}

for (const [name, options] of Object.entries({
  light: {viewport: {width: 1280, height: 900}, colorScheme: 'light'},
  dark: {viewport: {width: 1280, height: 900}, colorScheme: 'dark'},
  narrow: {viewport: {width: 360, height: 740}, colorScheme: 'light'},
  '4k': {viewport: {width: 3840, height: 2160}, colorScheme: 'dark'},
})) {
  if (!modes.split(',').includes(name)) continue
  const page = await open(name, options)
  if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) found.overflow.push(name)
  if (name !== '4k') {
    await page.evaluate(() => { for (const d of document.querySelectorAll('details')) d.open = true })
    await page.evaluate(axeSource)
    const result = await page.evaluate(() => axe.run(document, {resultTypes: ['violations']}))
    for (const v of result.violations) found.axe.push({page: name, id: v.id, impact: v.impact, nodes: v.nodes.length, example: v.nodes[0].html.slice(0, 200), why: v.nodes[0].failureSummary})
  }
  await page.context().close()
}

const page = await open('acts', {viewport: {width: 1280, height: 900}})
const acts = found.acts = {}
const first = page.locator('article.finding[id]').first()
if (await page.locator('.attention a').count()) {
  const id = await first.getAttribute('id')
  await page.locator('.attention a').first().click()
  acts.hash = await page.evaluate(() => location.hash) === '#' + await page.locator('.attention a').first().getAttribute('href').then(h => h.slice(1))
  acts.focused = await page.evaluate(() => document.activeElement.tagName)
  await page.evaluate(() => document.activeElement.blur())
  await page.keyboard.press('j')
  acts.j = await page.evaluate(() => document.activeElement.id) === id
  await page.keyboard.press('/')
  await page.keyboard.type('no such words anywhere')
  acts.searchHides = await page.locator('article.finding[id]:visible').count() === 0
  await page.locator('#search').fill('')
  const button = page.locator('[data-copy]').first()
  await button.click()
  acts.copied = await page.locator('[data-copy]', {hasText: 'Copied'}).first().waitFor({timeout: 30000}).then(() => true, () => false)
}
const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#download').click()])
acts.downloaded = JSON.parse(readFileSync(await download.path(), 'utf8')).results.length
await page.emulateMedia({media: 'print'})
acts.prints = (await page.pdf()).length > 1000
await browser.close()
process.stdout.write('\n' + JSON.stringify(found) + '\n')
