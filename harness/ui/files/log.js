// The event log: bounded, narrowed by kinds at the daemon and by a text here.
import {byID, clock, el, setText} from './dom.js'
import {keptEvents, state} from './state.js'
import {sentence} from './waterfall.js'

const maxLines = 150, topLines = 40 // while nobody has scrolled down
const lines = new Map() // by their events
let drawnID = -1, drawnText = ''
let scrolled = false

const lineText = e => `${e.proxy || ''} ${e.conn ? '#' + e.conn : ''} ${e.kind === 'close' ? 'close: ' + (e.detail || '') : sentence(e)}`

export function drawLog() {
  const text = byID('log-text').value.trim().toLowerCase()
  const newest = state.events.length ? state.events[0].id : 0
  if (newest !== drawnID || text !== drawnText) {
    [drawnID, drawnText] = [newest, text]
    drawLines(text)
  }
  setText(byID('skipped'), `${state.skipped ? `${state.skipped} events came too fast, or before, and are not here. ` : ''}The page keeps the last ${keptEvents}; harness events has the rest.`)
}

// drawLines puts the lines of the events in place, and leaves those alone that are there.
function drawLines(text) {
  const wanted = new Map()
  for (const e of state.events) {
    const line = lineText(e)
    if (!text || line.toLowerCase().includes(text)) wanted.set(e, line)
    if (wanted.size === (scrolled ? maxLines : topLines)) break
  }
  for (const [e, li] of lines) {
    if (!wanted.has(e)) { li.remove(); lines.delete(e) }
  }
  const list = byID('events')
  let next = list.firstChild
  for (const [e, line] of wanted) {
    const was = lines.get(e)
    if (was && was === next) next = next.nextSibling
    else list.insertBefore(was || addLine(e, line), next)
  }
}

function addLine(e, line) {
  const li = el('li', {class: e.kind}, el('time', {}, clock(new Date(e.time), true)), ' ', line)
  lines.set(e, li)
  return li
}

export function startLog(onKinds) {
  byID('log-text').addEventListener('input', drawLog)
  byID('events').addEventListener('scroll', () => {
    if (scrolled === (scrolled = byID('events').scrollTop > 0)) return
    drawnID = -1
    drawLog()
  }, {passive: true})
  byID('kinds').addEventListener('change', () => { drawnID = -1; onKinds(byID('kinds').value) })
}
