// The event log: bounded, narrowed by kinds at the daemon and by a text here.
import {byID, el, setText} from './dom.js'
import {keptEvents, state} from './state.js'
import {sentence} from './waterfall.js'

const maxLines = 150
let drawnID = -1, drawnText = ''

const lineText = e => `${e.proxy || ''} ${e.conn ? '#' + e.conn : ''} ${e.kind === 'close' ? 'close: ' + (e.detail || '') : sentence(e)}`

export function drawLog() {
  const text = byID('log-text').value.trim().toLowerCase()
  const newest = state.events.length ? state.events[0].id : 0
  if (newest !== drawnID || text !== drawnText) {
    [drawnID, drawnText] = [newest, text]
    const rows = []
    for (const e of state.events) {
      const line = lineText(e)
      if (text && !line.toLowerCase().includes(text)) continue
      rows.push(el('li', {class: e.kind}, el('time', {}, new Date(e.time).toISOString().slice(11, 23)), ' ', line))
      if (rows.length === maxLines) break
    }
    byID('events').replaceChildren(...rows)
  }
  setText(byID('skipped'), `${state.skipped ? `${state.skipped} events came too fast, or before, and are not here. ` : ''}The page keeps the last ${keptEvents}; harness events has the rest.`)
}

export function startLog(onKinds) {
  byID('log-text').addEventListener('input', drawLog)
  byID('kinds').addEventListener('change', () => { drawnID = -1; onKinds(byID('kinds').value) })
}
