// Draws what happened on a connection over time: connect, first bytes, gaps, strikes
// and endings, to scale. Where a gap is long, the time between pieces is written.
import {duration, el, svg} from './dom.js'

const width = 640, left = 74, lane = 26, right = 12
const lanes = ['client', 'to server', 'to client', 'server']

export function waterfall(c, events, pieces) {
  if (!events.length && !pieces.some(p => p.length)) return el('p', {class: 'note'}, 'The daemon does not remember the events of this connection any more.')
  const times = [...events.map(e => e.at_ms), ...pieces.flat().map(p => p.at_ms)]
  const start = Math.min(...times), span = Math.max(1, Math.max(...times) - start)
  const x = ms => left + (ms - start) / span * (width - left - right)
  const height = lanes.length * lane + 30
  const picture = svg('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': 'Waterfall of the connection; the table below says the same'})
  lanes.forEach((name, i) => {
    const y = i * lane + lane / 2
    picture.append(svg('text', {x: 0, y: y + 4}, name), svg('line', {x1: left, x2: width - right, y1: y, y2: y, class: 'axis'}))
  })
  pieces.forEach((list, d) => drawPieces(picture, list, d, x))
  for (const e of events) drawEvent(picture, e, x)
  for (let i = 0; i <= 4; i++) {
    const at = start + span * i / 4
    picture.append(svg('text', {x: x(at), y: height - 6, 'text-anchor': i === 0 ? 'start' : i === 4 ? 'end' : 'middle', class: 'tick'}, duration(at - start)))
  }
  return el('figure', {}, picture, summary(c, events, pieces, start))
}

function drawPieces(picture, list, d, x) {
  const y = (d + 1) * lane + lane / 2
  const most = Math.max(1, ...list.map(p => p.bytes))
  for (const p of list) {
    const h = 4 + 14 * Math.sqrt(p.bytes / most)
    const box = svg('rect', {x: x(p.at_ms) - 1.5, y: y - h / 2, width: 3, height: h, class: d ? 'down' : 'up'})
    box.append(svg('title', {}, `${p.bytes} bytes from ${p.offset}`))
    picture.append(box)
  }
}

const marks = {accept: 0, dial: 3, fin: -1, rst: -1, struck: -1, act: -1, 'dial-failed': 3, close: 0, panic: -1}

function drawEvent(picture, e, x) {
  if (!(e.kind in marks)) return
  const down = e.direction === 'downstream'
  let row = marks[e.kind]
  if (e.kind === 'fin' || e.kind === 'rst') row = e.side === 'client' ? 0 : e.side === 'server' ? 3 : down ? 2 : 1
  if (e.kind === 'struck' || e.kind === 'panic') row = down ? 2 : 1
  if (e.kind === 'act') row = 1.5
  const y = row * lane + lane / 2
  const mark = svg('path', {d: `M${x(e.at_ms)} ${y - 7}l5 7l-5 7l-5 -7z`, class: 'mark ' + e.kind})
  mark.append(svg('title', {}, sentence(e)))
  picture.append(mark)
}

export function sentence(e) {
  const who = {client: 'the client', server: 'the server', proxy: 'the proxy'}[e.side] || ''
  const place = e.offset !== undefined ? ` at byte ${e.offset}` : ['fin', 'rst', 'struck'].includes(e.kind) ? ' at byte 0' : ''
  const text = {
    accept: 'client accepted', dial: 'server connected', fin: `FIN by ${who}`, rst: `RST by ${who}`, struck: `${e.toxic} struck`,
    act: 'by request', close: 'over', 'dial-failed': 'the server could not be dialled',
  }[e.kind] || e.kind
  const stream = ['fin', 'rst', 'struck'].includes(e.kind) && e.direction ? ' ' + e.direction : ''
  return text + stream + place + (e.detail && e.kind !== 'accept' && e.kind !== 'dial' ? ': ' + e.detail : '') + (e.first ? ' (first)' : '')
}

// summary says the same in words: the phases, the longest gap, and who ended it how.
function summary(c, events, pieces, start) {
  const rows = events.filter(e => e.kind in marks).map(e => [e.at_ms, sentence(e)])
  pieces.forEach((list, d) => {
    if (!list.length) return
    rows.push([list[0].at_ms, `first byte ${d ? 'of the server' : 'of the client'} (since recording)`])
    let gap = 0, at = 0
    for (let i = 1; i < list.length; i++) {
      if (list[i].at_ms - list[i - 1].at_ms > gap) [gap, at] = [list[i].at_ms - list[i - 1].at_ms, i]
    }
    if (gap > 0) rows.push([list[at - 1].at_ms, `longest gap ${d ? 'of the server' : 'of the client'}: ${duration(gap)}, before byte ${list[at].offset}`])
  })
  rows.sort((a, b) => a[0] - b[0])
  return el('div', {class: 'scroll small', tabindex: 0, role: 'region', 'aria-label': 'Waterfall in words'},
    el('table', {}, el('tbody', {}, ...rows.slice(-60).map(([at, text]) => el('tr', {}, el('td', {class: 'n'}, '+' + (at - start).toFixed(1) + ' ms'), el('td', {}, text))))))
}
