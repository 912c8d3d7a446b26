// The live page: follows the daemon's live stream and shows it.
import {follow, setToken} from './api.js'
import {startActs} from './acts.js'
import {draw, markChosen, readFilter, shown, startTable} from './connections.js'
import {actButtons, choose, chosenID, update} from './detail.js'
import {byID, bytes, el, say, setText} from './dom.js'
import {drawLog, startLog} from './log.js'
import {drawNew, drawProxies} from './proxies.js'
import {apply, forget, state} from './state.js'

// The page draws for at most one part of the time in so many, so that a busy daemon has
// the machine to itself, but every two seconds at least.
const share = 40, rarest = 2000

let stop = () => {}
let paused = false
let due = false
let rested = 0
let kinds = ''

const words = {live: 'live', away: 'the daemon does not answer; trying again', refused: 'the daemon refuses this page'}

function setLink(now, err) {
  const badge = byID('link')
  if (badge.dataset.state !== now) {
    badge.dataset.state = now
    setText(badge, words[now] + (err ? ': ' + err.message : ''))
  }
  byID('login').hidden = now !== 'refused'
  if (now !== 'live') document.body.classList.add('stale')
  else document.body.classList.remove('stale')
}

function connect() {
  stop()
  stop = follow('/live' + (kinds ? '?kind=' + encodeURIComponent(kinds) : ''), frame => {
    apply(frame)
    if (!due && !paused) drawSoon()
  }, setLink)
}

function drawSoon() {
  due = true
  setTimeout(() => requestAnimationFrame(() => {
    const began = performance.now()
    drawAll()
    setTimeout(() => { // when the browser has laid it out and painted it
      due = false
      rested = performance.now() + Math.min(share * (performance.now() - began), rarest)
    })
  }), rested - performance.now())
}

function drawAll() {
  const r = state.rate
  setText(byID('totals'), `${state.open} open · ${bytes(Math.round(r.up))}/s to servers · ${bytes(Math.round(r.down))}/s to clients · ${Math.round(r.events)} events/s`)
  draw()
  markChosen(chosenID())
  drawProxies()
  drawLog()
  update(false)
}

byID('pause').addEventListener('click', () => {
  paused = !paused
  byID('pause').setAttribute('aria-pressed', String(paused))
  setText(byID('pause'), paused ? 'Go on' : 'Pause the page')
  if (!paused) drawAll()
})
byID('login').addEventListener('submit', e => {
  e.preventDefault()
  setToken(byID('token').value.trim())
  byID('token').value = ''
  setLink('away')
  connect()
})

// bulkTargets are those that the filter shows: by the filter itself, or one by one when
// it has a text, which the API does not know.
function bulkTargets() {
  const {query, words} = readFilter()
  if (byID('which').value === 'closed') { say('Show the open ones first'); return [] }
  if (words.length) return shown.slice(0, 300).map(c => ({id: c.id}))
  return [{query: query.toString(), label: query.size ? 'all of ' + [...query].map(p => p.join('=')).join(' ') : 'all connections'}]
}

const bulkReason = el('input', {id: 'bulk-reason', autocomplete: 'off', placeholder: 'kept in the log'})
const bulk = actButtons(bulkTargets, () => bulkReason.value)
byID('bulk').append(el('span', {}, 'All that the filter shows:'), ...bulk, el('label', {}, 'Reason ', bulkReason))

startTable(id => { choose(id); markChosen(id) })
startActs()
startLog(value => { kinds = value; forget(); connect() })
drawNew()
connect()
