// Prints what dockerfile-utils and dockerfile-ast find in a Dockerfile, as JSON.
// Usage: node dockerfile.mjs NODE_MODULES FILE
import {createRequire} from 'node:module'
import {readFileSync} from 'node:fs'
import {join} from 'node:path'

const [modules, file] = process.argv.slice(2)
const require = createRequire(join(modules, 'x.js'))
const text = readFileSync(file, 'utf8')
const problems = require('dockerfile-utils').validate(text).map(p => ({line: p.range.start.line + 1, message: p.message}))
const parsed = require('dockerfile-ast').DockerfileParser.parse(text)
const instructions = parsed.getInstructions().map(i => ({name: i.getInstruction(), arguments: i.getRawArgumentsContent() ?? ''}))
console.log(JSON.stringify({problems, instructions}))
