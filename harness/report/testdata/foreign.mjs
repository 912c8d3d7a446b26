// Reads reports as other people's tools do, and prints what they made of them as JSON.
// Usage: node foreign.mjs NODE_MODULES FOLDER, with run.ctrf, run.tap and run.xml in it.
import {createRequire} from 'node:module'
import {readFileSync} from 'node:fs'
import {join} from 'node:path'

const [modules, folder] = process.argv.slice(2)
const require = createRequire(join(modules, 'x.js'))
const read = name => readFileSync(join(folder, name), 'utf8')

const {validate} = require('ctrf')
const {Parser} = require('tap-parser')
const {convertJUnitToCTRFReport} = require('junit-to-ctrf')

const ctrf = JSON.parse(read('run.ctrf'))
const checked = validate(ctrf)
const points = {pass: 0, fail: 0, skip: 0, todo: 0, junk: []}
const parser = new Parser()
parser.on('extra', line => line.startsWith('#') || line.trim() === '' || points.junk.push(line))
parser.on('assert', a => {
  if (a.skip) points.skip++
  else if (a.todo) points.todo++
  else if (a.ok) points.pass++
  else points.fail++
})
const ended = new Promise(resolve => parser.on('complete', resolve))
parser.end(read('run.tap'))
const tap = await ended
const junit = await convertJUnitToCTRFReport(join(folder, 'run.xml'))
process.stdout.write('\n' + JSON.stringify({
  ctrfErrors: checked.errors, ctrf: ctrf.results.summary,
  tapOK: tap.ok, tapPlan: tap.plan?.end, tapCount: tap.count, tapFailures: tap.failures.filter(f => f.tapError).map(f => f.tapError), tap: points,
  junit: junit?.results?.summary,
}) + '\n')
