// What can be done, each as a request, as a command, and as faults of a scenario file.
// do_ performs one and keeps it in the list of what was clicked.
import {call} from './api.js'
import {copy, byID, clock, download, el, say} from './dom.js'
import {scenarioFile} from './scenario.js'

export const done = [] // the oldest first
const maxDone = 200

// quote writes a word for a shell.
export const quote = word => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${String(word).replaceAll("'", `'\\''`)}'`

const isDefault = ['http://127.0.0.1:8474', 'http://localhost:8474'].includes(location.origin)
const host = isDefault ? [] : ['--host', location.origin]

// command writes a command for a shell.
export const command = words => ['harness', ...words, ...host].map(quote).join(' ')

// curl writes the request for a shell; the token stays a variable.
export function curl({method, path, body}) {
  const words = ['curl', '-X', method, quote(location.origin + path), '-H', '"Authorization: Bearer $HARNESS_TOKEN"']
  if (body !== undefined) words.push('-d', quote(JSON.stringify(body)))
  return words.join(' ')
}

// do_ performs an act: {title, method, path, body, words, faults}. It returns the
// answer, or undefined when the daemon has refused it.
export async function do_(act) {
  const entry = {...act, at: new Date(), failed: ''}
  done.push(entry)
  if (done.length > maxDone) done.shift()
  let answer
  try {
    answer = await call(act.method, act.path, act.body) ?? {}
    say(act.title + ': done')
  } catch (err) {
    entry.failed = err.message
    say(act.title + ': ' + err.message)
  }
  list()
  return answer
}

function row(entry) {
  const line = command(entry.words), request = curl(entry)
  return el('li', {class: entry.failed ? 'failed' : ''},
    el('p', {}, el('time', {}, clock(entry.at)), ' ', entry.title, entry.failed ? el('strong', {}, ' refused: ' + entry.failed) : ''),
    el('pre', {class: 'cli'}, line), el('button', {type: 'button', onclick: () => copy(line), 'aria-label': 'Copy the command'}, 'Copy'),
    el('pre', {class: 'api'}, request), el('button', {type: 'button', onclick: () => copy(request), 'aria-label': 'Copy the API call'}, 'Copy'))
}

function list() {
  byID('acts').replaceChildren(...done.map(row).reverse())
}

export function startActs() {
  byID('forget').addEventListener('click', () => { done.length = 0; list() })
  byID('save').addEventListener('click', () => {
    const text = scenarioFile(done)
    if (text) download('live-page.yaml', text)
    else say('Nothing was clicked yet that a scenario can hold: add a toxic, or act on a connection')
  })
  byID('reset-all').addEventListener('click', () => do_({title: 'Reset all', method: 'POST', path: '/reset', words: ['reset']}))
}

// onConnections is an act on some connections: one, by its number, or those of a filter.
// options: stream, at, next, reason. c is the connection, for the place of a fault.
export function onConnections(verb, target, options = {}, c = undefined) {
  const query = new URLSearchParams(target.query || '')
  const words = ['connections', verb.replace('_', '-')]
  if (target.id) words.push(String(target.id))
  for (const [name, value] of query) words.push('--' + name, value)
  if (!target.id && ![...query].length) words.push('--all')
  for (const name of ['stream', 'at', 'next', 'reason']) {
    if (options[name] === undefined || options[name] === '') continue
    query.set(name, options[name])
    words.push('--' + name, String(options[name]))
  }
  const text = query.toString()
  return {
    title: `${verb.replace('_', '-')} ${target.id ? 'connection ' + target.id : target.label || 'all connections'}${place(options)}`,
    method: 'POST', path: '/connections/' + (target.id ? target.id + '/' : '') + verb + (text ? '?' + text : ''),
    words, verb, id: target.id, options, faults: faultsOf(verb, options, c),
  }
}

function place(options) {
  const words = options.stream ? ' ' + options.stream : ''
  if (options.at !== undefined) return `${words} at byte ${options.at}`
  return options.next !== undefined ? `${words} after ${options.next} more bytes` : words
}

const toxicOf = {end: 'limit_time', reset: 'reset', half_close: 'half_close', stall: 'stall'}

// faultsOf says an act as faults of a scenario: where the stream was at the click.
function faultsOf(verb, options, c) {
  if (!toxicOf[verb]) return []
  const streams = options.stream ? [options.stream] : verb === 'stall' ? ['upstream', 'downstream'] : ['downstream']
  return streams.map(direction => {
    const received = c ? c[direction].received_bytes : 0
    const byte = options.at !== undefined ? Number(options.at) : options.next !== undefined ? received + Number(options.next) : received
    return {toxic: toxicOf[verb], direction, at: {byte}}
  })
}
