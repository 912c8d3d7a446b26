// The table of connections: a row for each that is in sight, changed in place. Spacers
// stand for the others, so that a thousand cost no more than twenty.
import {byID, bytes, duration, el, setText} from './dom.js'
import {nowMs, state} from './state.js'

const beyond = 8 // rows above and below those in sight, for the keyboard and quick hands
const agePeriod = 900 // ms between two looks at the ages; each costs a layout of the table
const rows = new Map()
let choose = () => {}
let aged = 0
let pressed = 0
let isSeen = true // the table is in the window
let rowHeight = 24, inSight = 40, first = 0 // until they are measured
export let shown = []

export function startTable(onChoose) {
  choose = onChoose
  const box = byID('table')
  byID('filter').addEventListener('input', draw)
  byID('which').addEventListener('change', draw)
  box.addEventListener('scroll', () => { if (measure(box)) draw() }, {passive: true})
  new ResizeObserver(() => { if (measure(box)) draw() }).observe(box)
  new IntersectionObserver(changes => { isSeen = changes.at(-1).isIntersecting }).observe(box)
}

// measure looks which rows are in sight, and reports whether that has changed.
function measure(box) {
  rowHeight = rows.values().next().value?.tr.offsetHeight || rowHeight
  const was = [first, inSight]
  first = Math.floor(box.scrollTop / rowHeight)
  inSight = Math.ceil(box.clientHeight / rowHeight) + 1
  return first !== was[0] || inSight !== was[1]
}

// readFilter splits what is typed into the filter of the API and a text.
export function readFilter() {
  const query = new URLSearchParams()
  const words = []
  for (const word of byID('filter').value.trim().split(/\s+/)) {
    const [, name, value] = word.match(/^(proxy|client|server|toxic)=(.+)$/) || []
    if (name) query.set(name, value)
    else if (word) words.push(word.toLowerCase())
  }
  return {query, words}
}

const hostOf = address => address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
const at = (want, address) => !want || want === address || want === hostOf(address)

// toxicsOf lists every toxic of a connection: at work, or that has struck.
export const toxicsOf = c => [...new Set([...c.upstream.toxics, ...c.downstream.toxics, ...(c.struck || [])])]

function admits({query, words}, c) {
  if (query.get('proxy') && query.get('proxy') !== c.proxy) return false
  if (!at(query.get('client'), c.client.address) || !at(query.get('server'), c.server.address)) return false
  if (query.get('toxic') && !toxicsOf(c).includes(query.get('toxic'))) return false
  if (!words.length) return true
  const text = [c.id, c.proxy, c.client.address, c.server.address, ...toxicsOf(c)].join(' ').toLowerCase()
  return words.every(w => text.includes(w))
}

export function draw() {
  const closed = byID('which').value === 'closed'
  const filter = readFilter()
  shown = (closed ? state.closed : [...state.connections.values()]).filter(c => admits(filter, c))
  if (!closed) shown.sort((a, b) => b.id - a.id)
  const from = Math.max(0, Math.min(first, shown.length - inSight) - beyond)
  const visible = shown.slice(from, from + inSight + 2 * beyond)
  const kept = new Set(visible.map(c => c.id))
  for (const [id, row] of rows) {
    if (!kept.has(id)) { row.tr.remove(); rows.delete(id) }
  }
  const body = byID('rows')
  let next = body.firstChild
  for (const c of visible) {
    const row = rows.get(c.id) || addRow(c.id)
    if (row.c !== c) fill(row, c)
    if (row.tr === next) next = next.nextSibling
    else body.insertBefore(row.tr, next)
  }
  setHeight(byID('above'), from)
  setHeight(byID('below'), shown.length - from - visible.length)
  if (isSeen && performance.now() - aged > agePeriod) {
    aged = performance.now()
    for (const row of rows.values()) fillAges(row)
  }
  const omitted = closed ? 0 : state.omitted
  setText(byID('more'), omitted ? `${omitted} more connections are open than the page gets; harness connections lists them all.` : shown.length ? '' : closed ? 'None has closed yet.' : 'No connection is open.')
}

// setHeight gives a spacer the height of the rows that it stands for.
function setHeight(spacer, n) {
  const height = n * rowHeight + 'px'
  if (spacer.style.height !== height) spacer.style.height = height
}

function addRow(id) {
  const cell = name => el('td', {class: name})
  const button = el('button', {type: 'button', class: 'pick', 'aria-pressed': 'false', onclick: () => choose(id)}, String(id))
  const row = {lights: new Map()}
  row.cells = {proxy: cell(), faults: cell('faults'), client: cell('peer'), server: cell('peer'), up: cell('n'), down: cell('n'), age: cell('n'), quiet: cell('n')}
  row.button = button
  row.tr = el('tr', {'data-id': id}, el('th', {scope: 'row'}, button), ...Object.values(row.cells))
  rows.set(id, row)
  if (id === pressed) button.setAttribute('aria-pressed', 'true')
  return row
}

function fill(row, c) {
  const cells = row.cells
  const isNew = !row.c
  row.c = c
  setText(cells.proxy, c.proxy)
  setText(cells.client, peer(c.client, c, 'client'))
  setText(cells.server, peer(c.server, c, 'server'))
  setText(cells.up, flow(c.upstream))
  setText(cells.down, flow(c.downstream))
  fillAges(row)
  lightUp(row, c, isNew)
  row.tr.className = c.ended ? 'over' : c.ended_by ? 'ending' : ''
}

function fillAges({cells, c}) {
  const age = (c.ended ? Date.parse(c.ended) : Date.now()) - Date.parse(c.since)
  setText(cells.age, duration(age))
  setText(cells.quiet, c.ended ? '' : (c.atLeast ? '≥ ' : '') + duration(nowMs() - (c.moved || nowMs())))
}

// peer says who it is and how it has ended its side.
function peer(p, c, side) {
  const words = [p.address || 'dialling']
  if (p.ending === 'eof') words.push('· sent FIN')
  else if (p.ending) words.push('· sent ' + (p.ending === 'reset' ? 'RST' : p.ending))
  if (c.ended_by === side) words.push('(first)')
  return words.join(' ')
}

const flow = f => f.received_bytes === f.sent_bytes ? bytes(f.sent_bytes) : `${bytes(f.sent_bytes)} of ${bytes(f.received_bytes)}`

// lightUp shows a light for each toxic, and makes it blink at a hit.
function lightUp(row, c, isNew) {
  const names = toxicsOf(c)
  for (const [name, light] of row.lights) {
    if (!names.includes(name)) { light.remove(); row.lights.delete(name) }
  }
  for (const name of names) {
    let light = row.lights.get(name)
    if (!light) {
      light = el('span', {class: 'light'}, name)
      if (isNew) light.dataset.hits = (c.blink || {})[name] || 0 // it has blinked before it came into sight
      row.lights.set(name, light)
      row.cells.faults.append(light, ' ')
    }
    const struck = (c.struck || []).includes(name)
    const hits = (c.blink || {})[name] || 0
    light.classList.toggle('struck', struck)
    light.title = struck ? name + ': has struck' : name + ': has not struck yet'
    if (hits && light.dataset.hits !== String(hits)) {
      light.classList.remove('hit')
      void light.offsetWidth // so that the animation begins again
      light.classList.add('hit')
    }
    light.dataset.hits = hits
  }
}

export function markChosen(id) {
  if (id === pressed) return
  for (const n of [pressed, id]) rows.get(n)?.button.setAttribute('aria-pressed', String(n === id))
  pressed = id
}
