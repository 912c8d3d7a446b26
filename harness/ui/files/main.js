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
const share = 80, rarest = 2000
const idlePeriod = 900 // ms until it draws although a frame has nothing new: ages

let stop = () => {}
let paused = false
let due = false
let rested = 0
let drawn = 0, fresh = false // when it was drawn, and whether there is something new since
let kinds = ''

const words = {live: 'live', away: 'the daemon does not answer; trying again', refused: 'the daemon refuses this page'}

// setLink is called for each frame, and changes nothing that is so already: that costs a
// style pass.
function setLink(now, err) {
  const badge = byID('link')
  const text = words[now] + (err ? ': ' + err.message : '')
  if (badge.dataset.state === now && badge.textContent === text) return
  badge.dataset.state = now
  badge.textContent = text
  byID('login').hidden = now !== 'refused'
  document.body.classList.toggle('stale', now !== 'live')
}

function connect() {
  stop()
  stop = follow('/live' + (kinds ? '?kind=' + encodeURIComponent(kinds) : ''), frame => {
    apply(frame)
    fresh = fresh || hasNews(frame)
    if (!due && !paused && (fresh || performance.now() - drawn > idlePeriod)) drawSoon()
  }, setLink)
}

const hasNews = frame => Boolean(frame.connections || frame.gone || frame.closed || frame.events || frame.proxies || frame.skipped)

function drawSoon() {
  due = true
  setTimeout(() => requestAnimationFrame(() => {
    const began = drawn = performance.now()
    fresh = false
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
