// Speaks to the daemon that the page came from, with the token of the link.
const kept = 'harness-token'

export let token = ''
const given = new URLSearchParams(location.hash.slice(1)).get('token')
if (given) {
  sessionStorage.setItem(kept, given)
  history.replaceState(null, '', location.pathname) // so that no copied address has it
}
token = given || sessionStorage.getItem(kept) || ''

export function setToken(text) {
  token = text
  sessionStorage.setItem(kept, text)
}

export class Refused extends Error {
  constructor(status, text) { super(text); this.status = status }
}

async function refusal(response) {
  const text = (await response.text()).trim()
  try { return new Refused(response.status, JSON.parse(text).error) } catch { return new Refused(response.status, text || response.statusText) }
}

// call sends one request and returns the JSON of the answer, or undefined.
export async function call(method, path, body) {
  const headers = {Authorization: 'Bearer ' + token}
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  const response = await fetch(path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store'})
  if (!response.ok) throw await refusal(response)
  const text = await response.text()
  return text ? JSON.parse(text) : undefined
}

// follow hands every frame of a live stream on until it is stopped, and connects again
// when the daemon goes away. state is told live, away and refused.
export function follow(path, frame, state) {
  const stop = new AbortController()
  run(path, frame, state, stop.signal)
  return () => stop.abort()
}

async function run(path, frame, state, signal) {
  let pause = 250
  while (!signal.aborted) {
    try {
      const response = await fetch(path, {headers: {Authorization: 'Bearer ' + token}, signal, cache: 'no-store'})
      if (!response.ok) throw await refusal(response)
      pause = 250
      await readFrames(response.body.getReader(), text => { state('live'); frame(JSON.parse(text)) })
    } catch (err) {
      if (signal.aborted) return
      if (err instanceof Refused && [400, 401, 403, 404].includes(err.status)) {
        state('refused', err)
        return
      }
    }
    state('away')
    await new Promise(done => setTimeout(done, pause))
    pause = Math.min(2 * pause, 2000)
  }
}

async function readFrames(reader, each) {
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const {done, value} = await reader.read()
    if (done) return
    text += decoder.decode(value, {stream: true})
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      if (text.startsWith('data: ')) each(text.slice(6, end))
    }
  }
}
