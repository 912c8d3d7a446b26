// What the page knows of the daemon, from the frames of its live stream. All of it is
// bounded: the connections by the daemon, the rest here.
const keptClosed = 200
export const keptEvents = 500

export const state = {
  connections: new Map(), // open ones, by number
  closed: [],             // the last one first
  proxies: [],
  recorded: new Set(),    // proxies whose new connections are recorded
  outages: {},            // by the name of the proxy
  events: [],             // the newest first
  skipped: 0,             // events that were not shown
  open: 0, omitted: 0, lastID: 0,
  daemon: 0, atMs: 0, atHere: 0,
  rate: {up: 0, down: 0, events: 0}, // a second, over the last seconds
}

const rateMs = 3000
let moved = [] // what each of the last frames has brought

// forget drops everything, for a stream that begins anew.
export function forget() {
  state.connections.clear()
  state.events = []
  state.skipped = 0
}

// nowMs is the time of the daemon's clock, as far as the page can tell.
export const nowMs = () => state.atMs + performance.now() - state.atHere

export function apply(frame) {
  if (state.daemon && state.daemon !== frame.daemon) {
    forget()
    state.closed = []
    state.restarts = (state.restarts || 0) + 1
  }
  const passed = state.daemon === frame.daemon && frame.at_ms > state.atMs ? (frame.at_ms - state.atMs) / 1000 : 0
  const events = frame.last_id - state.lastID
  state.daemon = frame.daemon
  state.atMs = frame.at_ms
  state.atHere = performance.now()
  if (frame.proxies) {
    state.proxies = frame.proxies
    state.recorded = new Set(frame.recorded || [])
    state.outages = frame.outages || {}
  }
  let up = 0, down = 0
  for (const c of frame.connections || []) {
    const was = state.connections.get(c.id)
    c.moved = was ? was.moved : 0
    c.atLeast = was ? was.atLeast : !passed // nothing is known of the time before the page
    c.blink = was ? was.blink : {}
    const moved = noteActivity(was, c)
    up += moved[0]
    down += moved[1]
    state.connections.set(c.id, c)
  }
  for (const id of frame.gone || []) state.connections.delete(id)
  if (frame.closed) state.closed = [...frame.closed, ...state.closed].slice(0, keptClosed)
  if (frame.events) state.events = [...frame.events.reverse(), ...state.events].slice(0, keptEvents)
  state.skipped += frame.skipped || 0
  state.open = frame.open
  state.omitted = frame.omitted || 0
  state.lastID = frame.last_id
  if (passed) noteRate({atMs: frame.at_ms, ms: passed * 1000, up, down, events})
  else moved = []
}

// noteRate adds what one frame has brought. One frame alone says little: traffic comes in
// bursts.
function noteRate(last) {
  moved = [...moved.filter(m => last.atMs - m.atMs < rateMs), last]
  const seconds = moved.reduce((sum, m) => sum + m.ms, 0) / 1000
  for (const what of ['up', 'down', 'events']) state.rate[what] = moved.reduce((sum, m) => sum + m[what], 0) / seconds
}

// noteActivity keeps when bytes moved last, and lights what has struck: once when it
// strikes, and again while bytes pass a toxic that has struck.
function noteActivity(was, c) {
  const moved = ['upstream', 'downstream'].map(d => was ? c[d].received_bytes - was[d].received_bytes : 0)
  const sent = ['upstream', 'downstream'].map(d => was ? c[d].sent_bytes - was[d].sent_bytes : 0)
  const carried = moved[0] || moved[1] || sent[0] || sent[1]
  if (!was || carried) c.moved = state.atMs
  if (carried) c.atLeast = false
  for (const name of c.struck || []) {
    const fresh = was && !(was.struck || []).includes(name)
    const passes = ['upstream', 'downstream'].some((d, i) => c[d].toxics.includes(name) && (moved[i] || sent[i]))
    if (fresh || passes) c.blink[name] = (c.blink[name] || 0) + 1
  }
  return sent
}

// isDatagrams tells an association of UDP from a connection of a stream.
export const isDatagrams = c => c.upstream.received_datagrams !== undefined

// newest is a connection, open or not, by its number.
export const findConnection = id => state.connections.get(id) || state.closed.find(c => c.id === id)
