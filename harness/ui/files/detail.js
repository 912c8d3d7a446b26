// One connection: what can be done to it, its waterfall and its bytes.
import {call} from './api.js'
import {do_, onConnections} from './acts.js'
import {byID, bytes, duration, el, setText} from './dom.js'
import {findConnection, isDatagrams} from './state.js'
import {showStream} from './stream.js'
import {waterfall} from './waterfall.js'

let chosen = 0
let shownFor = 0
let busy = false
let asked = 0
let view = null

export const chosenID = () => chosen

export function choose(id) {
  chosen = id
  build()
  update(true)
  byID('h-detail').focus({preventScroll: true})
}

// The acts on one connection, as buttons.
const buttons = [
  ['FIN to the server', 'half_close', {stream: 'upstream'}],
  ['FIN to the client', 'half_close', {stream: 'downstream'}],
  ['End both by FIN', 'end', {}],
  ['Reset both', 'reset', {}],
  ['Stall', 'stall', {}],
  ['Resume', 'resume', {}],
]

// Those on one association of UDP.
const datagramButtons = [
  ['Forget it', 'end', {}],
  ['Port unreachable', 'reset', {}],
  ['Lose everything', 'stall', {}],
  ['Go on', 'resume', {}],
]

// actButtons makes them for targets, which are asked for at each click.
export function actButtons(target, reason, list = buttons) {
  return list.map(([title, verb, options]) => el('button', {type: 'button', class: verb === 'reset' ? 'danger' : '', 'data-verb': verb,
    onclick: async () => {
      for (const t of target()) await do_(onConnections(verb, t, {...options, reason: reason()}, t.id && findConnection(t.id)))
    }}, title))
}

function build() {
  const id = chosen
  const udp = isDatagrams(findConnection(id) || {upstream: {}})
  const reason = el('input', {id: 'reason', autocomplete: 'off', placeholder: 'kept in the log'})
  view = {
    head: el('dl', {class: 'facts'}),
    fall: el('div', {class: 'fall'}),
    stream: el('div', {class: 'stream'}),
    reason,
  }
  byID('one').replaceChildren(view.head,
    el('div', {class: 'tools', role: 'group', 'aria-label': 'Act on this connection'}, ...actButtons(() => [{id}], () => reason.value, udp ? datagramButtons : buttons)),
    el('div', {class: 'tools'}, el('label', {class: 'grow'}, 'Reason ', reason)),
    udp ? '' : laterForm(id, () => reason.value),
    el('h3', {}, 'Waterfall'), view.fall, ...(udp ? [] : [el('h3', {}, 'Stream'), view.stream]))
  shownFor = id
}

// laterForm is for the end at the next byte.
function laterForm(id, reason) {
  const field = (label, input) => el('label', {}, label + ' ', input)
  const verb = el('select', {id: 'later-verb'}, ...[['reset', 'Reset'], ['half_close', 'Half-close'], ['end', 'End by FIN'], ['stall', 'Stall']].map(([v, t]) => el('option', {value: v}, t)))
  const stream = el('select', {id: 'later-stream'}, el('option', {value: 'downstream'}, 'to the client'), el('option', {value: 'upstream'}, 'to the server'))
  const how = el('select', {id: 'later-how'}, el('option', {value: 'next'}, 'after so many more bytes'), el('option', {value: 'at'}, 'at the byte'))
  const n = el('input', {id: 'later-n', type: 'number', min: '0', value: '0', required: true})
  return el('form', {class: 'tools', 'aria-label': 'Act on this connection at a byte', onsubmit: e => {
    e.preventDefault()
    do_(onConnections(verb.value, {id}, {stream: stream.value, [how.value]: n.value, reason: reason()}, findConnection(id)))
  }}, field('Then', verb), field('what goes', stream), field('when', how), field('byte', n), el('button', {}, 'Set'))
}

// update shows what has changed; it asks the daemon for events and bytes at most once
// at a time.
export async function update(force) {
  if (!chosen) return
  if (shownFor !== chosen) build()
  const c = findConnection(chosen)
  setText(byID('h-detail'), `Connection ${chosen}${c ? c.ended ? ', over' : '' : ', forgotten'}`)
  if (!c) return
  facts(c)
  const mark = JSON.stringify([c.upstream, c.downstream, c.struck, c.ended, c.client.ending, c.server.ending, c.recorded])
  if (busy || !force && (view.mark === mark || performance.now() - asked < 500)) return
  asked = performance.now()
  view.mark = mark
  busy = true
  const here = view
  try {
    const events = await call('GET', `/events?format=json&since=0&conn=${c.id}`)
    const pieces = isDatagrams(c) ? [] : await showStream(here.stream, c, here)
    here.fall.replaceChildren(waterfall(c, events.events, pieces))
  } catch (err) {
    here.mark = ''
  } finally {
    busy = false
  }
}

const carried = f => f.received_datagrams === undefined ? `${bytes(f.sent_bytes)} sent, ${bytes(f.received_bytes)} received`
  : `${f.sent_datagrams} datagram${f.sent_datagrams === 1 ? '' : 's'}, ${bytes(f.sent_bytes)} sent; ${f.received_datagrams}, ${bytes(f.received_bytes)} received`

function facts(c) {
  const age = (c.ended ? Date.parse(c.ended) : Date.now()) - Date.parse(c.since)
  const end = c.ended_by ? `first by the ${c.ended_by}, ${c.ended_as === 'reset' ? 'RST' : 'FIN'}` : 'open'
  const list = [['Proxy', c.proxy], ['Client', c.client.address], ['Server', c.server.address || 'dialling'], ['Age', duration(age)],
    ['To the server', carried(c.upstream)],
    ['To the client', carried(c.downstream)],
    ['End', c.reason ? `${end}; ${c.reason}` : end]]
  if (view.head.childElementCount !== 2 * list.length) view.head.replaceChildren(...list.flatMap(([k]) => [el('dt', {}, k), el('dd')]))
  list.forEach(([, v], i) => setText(view.head.children[2 * i + 1], v))
}
