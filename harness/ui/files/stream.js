// The bytes of a recorded connection: offsets, hex and text, both directions, search,
// and a fault on the byte that is chosen.
import {call} from './api.js'
import {do_, onConnections} from './acts.js'
import {el, say} from './dom.js'
import {addToxic} from './toxics.js'

const perLine = 16
const maxLines = 512 // that are in the page at once

// showStream shows what was recorded and returns the pieces of both directions.
export async function showStream(box, c, view) {
  if (!c.recorded && !view.wasRecorded) {
    if (!box.firstChild) box.append(el('p', {class: 'note'}, 'Bytes are kept for connections that are recorded, since that costs time.'),
      el('div', {class: 'tools'}, el('button', {type: 'button', class: 'record', onclick: () => do_(onConnections('record', {id: c.id}))}, 'Record from now on'),
        el('button', {type: 'button', onclick: () => do_(recordProxy(c.proxy, true))}, `Record new connections of ${c.proxy}`)))
    return [[], []]
  }
  view.wasRecorded = true
  if (!view.viewer) {
    view.viewer = new Viewer(c)
    box.replaceChildren(view.viewer.root)
  }
  view.viewer.c = c
  return Promise.all([view.viewer.load('upstream'), view.viewer.load('downstream')])
}

export const recordProxy = (proxy, on) => ({title: `${on ? 'Record' : 'Do not record'} new connections of ${proxy}`, method: on ? 'POST' : 'DELETE',
  path: `/proxies/${encodeURIComponent(proxy)}/record`, words: ['update', proxy, '--record=' + on]})

class Viewer {
  constructor(c) {
    this.c = c
    this.streams = {upstream: {from: 0, bytes: new Uint8Array(), pieces: [], starts: new Set()}, downstream: {from: 0, bytes: new Uint8Array(), pieces: [], starts: new Set()}}
    this.drawnLines = new Map() // by offset: the node, and what it was made of
    this.stream = 'downstream'
    this.page = -1 // the last lines
    this.chosen = -1
    this.build()
  }

  build() {
    this.lines = el('div', {class: 'hex', tabindex: 0, role: 'region', 'aria-label': 'Bytes of the stream'})
    this.lines.addEventListener('click', e => { const cell = e.target.closest('[data-at]'); if (cell) this.choose(Number(cell.dataset.at)) })
    this.note = el('p', {class: 'note'})
    this.find = el('input', {type: 'search', class: 'find', autocomplete: 'off', placeholder: 'text, or hex: 0d 0a'})
    this.find.addEventListener('keydown', e => { if (e.key === 'Enter') { e.preventDefault(); this.search() } })
    this.tabs = ['upstream', 'downstream'].map(d => el('button', {type: 'button', 'aria-pressed': String(d === this.stream), 'data-stream': d,
      onclick: () => { this.stream = d; this.chosen = -1; this.page = -1; this.draw() }}, d === 'upstream' ? 'Client to server' : 'Server to client'))
    this.at = el('input', {type: 'number', min: 0, class: 'place'})
    this.at.addEventListener('change', () => this.choose(Number(this.at.value)))
    this.faults = el('div', {class: 'tools faults-here', role: 'group', 'aria-label': 'Set a fault on this byte', hidden: true})
    this.root = el('div', {}, el('div', {class: 'tools'}, ...this.tabs, el('label', {class: 'grow'}, 'Find ', this.find), el('button', {type: 'button', onclick: () => this.search()}, 'Next')),
      this.note, this.lines, el('div', {class: 'tools'}, el('label', {}, 'Byte ', this.at), el('button', {type: 'button', onclick: () => this.turn(-1)}, 'Earlier'),
        el('button', {type: 'button', onclick: () => this.turn(1)}, 'Later')), this.faults)
  }

  // load asks for what is new of one direction.
  async load(direction) {
    const s = this.streams[direction]
    for (let more = true; more;) {
      const next = s.from + s.bytes.length
      const got = await call('GET', `/connections/${this.c.id}/stream?stream=${direction}&from=${next}`)
      const fresh = Uint8Array.from(atob(got.bytes), ch => ch.charCodeAt(0))
      if (got.from > next) [s.from, s.bytes] = [got.from, fresh]
      else if (fresh.length) {
        const all = new Uint8Array(s.bytes.length + fresh.length)
        all.set(s.bytes)
        all.set(fresh, s.bytes.length)
        s.bytes = all
      }
      if (got.first > s.from) [s.bytes, s.from] = [s.bytes.slice(got.first - s.from), got.first]
      s.pieces = got.pieces
      for (const p of got.pieces) s.starts.add(p.offset)
      more = fresh.length > 0 && got.from + fresh.length < got.next
      if (fresh.length && direction === this.stream) this.dirty = true
    }
    if (direction === this.stream && (this.dirty || !this.drawn)) this.draw()
    return s.pieces
  }

  turn(by) {
    const lines = this.lineCount()
    const last = Math.max(0, Math.ceil(lines / maxLines) - 1)
    const now = this.page < 0 ? last : this.page
    const to = Math.min(last, Math.max(0, now + by))
    this.page = to === last ? -1 : to
    this.draw()
  }

  lineCount() {
    const s = this.streams[this.stream]
    return Math.ceil((s.from % perLine + s.bytes.length) / perLine)
  }

  draw() {
    this.dirty = false
    this.drawn = true
    const s = this.streams[this.stream]
    const base = s.from - s.from % perLine, lines = this.lineCount()
    const pages = Math.max(1, Math.ceil(lines / maxLines))
    const page = this.page < 0 ? pages - 1 : Math.min(this.page, pages - 1)
    this.tabs.forEach(t => t.setAttribute('aria-pressed', String(t.dataset.stream === this.stream)))
    const end = s.from + s.bytes.length
    this.note.textContent = s.bytes.length ? `Bytes ${s.from} to ${end - 1} are kept${pages > 1 ? `, page ${page + 1} of ${pages}` : ''}. Choose a byte to set a fault there.` : 'No byte was recorded yet.'
    const follows = this.lines.scrollTop + this.lines.clientHeight >= this.lines.scrollHeight - 4
    this.drawLines(s, base, page * maxLines, Math.min(lines, (page + 1) * maxLines), end)
    if (follows && this.page < 0 && this.chosen < 0) this.lines.scrollTop = this.lines.scrollHeight
    this.showFaults()
  }

  // drawLines puts the lines in place, and leaves those alone that say the same: a click
  // on a byte must find it where it was.
  drawLines(s, base, first, last, end) {
    const kept = this.drawnLines
    this.drawnLines = new Map()
    for (const [at, {node}] of kept) {
      if (at >= base + first * perLine && at < base + last * perLine) continue
      node.remove()
      kept.delete(at)
    }
    let next = this.lines.firstChild
    for (let i = first; i < last; i++) {
      const at = base + i * perLine
      const marks = Array.from({length: perLine}, (_, k) => (s.starts.has(at + k) ? 'p' : '') + (this.chosen === at + k ? 'c' : '')).join()
      const key = `${this.stream} ${Math.max(at, s.from)} ${Math.min(at + perLine, end)} ${marks}`
      const was = kept.get(at)
      const node = was && was.key === key ? was.node : this.line(s, at, end, s.starts)
      if (was) kept.delete(at)
      if (was && was.node !== node) {
        if (next === was.node) next = next.nextSibling
        was.node.replaceWith(node)
      } else if (node === next) next = next.nextSibling
      else this.lines.insertBefore(node, next)
      this.drawnLines.set(at, {node, key})
    }
  }

  line(s, at, end, starts) {
    const hex = el('span', {class: 'h'}), text = el('span', {class: 't'})
    for (let i = at; i < at + perLine; i++) {
      const inside = i >= s.from && i < end
      const b = inside ? s.bytes[i - s.from] : 0
      const marks = (i === this.chosen ? 'here ' : '') + (starts.has(i) && inside ? 'piece' : '')
      hex.append(el('span', {'data-at': inside ? i : undefined, class: marks || undefined}, inside ? b.toString(16).padStart(2, '0') : '  '), ' ')
      text.append(el('span', {'data-at': inside ? i : undefined, class: i === this.chosen ? 'here' : undefined}, inside ? (b >= 32 && b < 127 ? String.fromCharCode(b) : '.') : ' '))
    }
    return el('div', {}, el('span', {class: 'o'}, String(at).padStart(6)), hex, text)
  }

  choose(at) {
    if (!Number.isSafeInteger(at) || at < 0) return
    this.chosen = at
    this.at.value = at
    const s = this.streams[this.stream]
    const line = Math.floor((at - (s.from - s.from % perLine)) / perLine)
    if (at >= s.from && at < s.from + s.bytes.length) this.page = Math.floor(line / maxLines)
    this.draw()
    this.lines.querySelector('.here')?.scrollIntoView({block: 'nearest'})
  }

  // showFaults offers what can be set on the chosen byte: on this connection, if the
  // byte is still to come, and on every new one.
  showFaults() {
    const at = this.chosen, stream = this.stream, c = this.c
    this.faults.hidden = at < 0
    if (at < 0) return
    const verbs = [['Reset', 'reset'], ['Half-close', 'half_close'], ['End', 'end'], ['Stall', 'stall']]
    const passed = c.ended || at < c[stream].received_bytes
    this.faults.replaceChildren(el('strong', {}, `Before byte ${at} ${stream}:`),
      ...(passed ? [] : verbs.map(([title, verb]) => el('button', {type: 'button', 'data-here': verb, onclick: () => do_(onConnections(verb, {id: c.id}, {stream, at}, c))}, `${title} here`))),
      ...verbs.map(([title, verb]) => el('button', {type: 'button', 'data-new': verb, onclick: () => addToxic(c.proxy, newToxic(verb, stream, at))}, `${title} here on new connections`)))
  }

  search() {
    const wanted = this.find.value
    if (!wanted) return
    const spaced = wanted.trim()
    const needle = /^([0-9a-f]{2}\s+)*[0-9a-f]{2}$/i.test(spaced) && spaced.includes(' ')
      ? Uint8Array.from(spaced.split(/\s+/), h => parseInt(h, 16)) : new TextEncoder().encode(wanted)
    const s = this.streams[this.stream]
    const from = this.chosen >= s.from ? this.chosen - s.from + 1 : 0
    for (let n = 0; n < s.bytes.length; n++) {
      const i = (from + n) % s.bytes.length
      if (needle.every((b, k) => s.bytes[i + k] === b)) { this.choose(s.from + i); return }
    }
    say('Not found in what is kept')
  }
}

const types = {reset: 'reset', half_close: 'half_close', end: 'limit_time', stall: 'stall'}
const newToxic = (verb, stream, at) => ({name: `${types[verb]}_${stream}_${at}`, type: types[verb], stream, at: {byte: at}})
