// Toxics of proxies: added, changed and removed, each as a request, a command and a
// fault of a scenario.
import {call} from './api.js'
import {do_} from './acts.js'
import {el, say} from './dom.js'

const catalogues = {} // by whether they are of datagrams

// types returns the types of toxics of streams or of datagrams, which the daemon tells once.
export async function types(datagrams = false) {
  catalogues[datagrams] ??= await call('GET', '/catalogue' + (datagrams ? '?datagrams' : ''))
  return catalogues[datagrams]
}

const path = (proxy, toxic) => `/proxies/${encodeURIComponent(proxy)}/toxics${toxic ? '/' + encodeURIComponent(toxic) : ''}`

// flags writes what is said of a toxic as flags of `harness toxic`.
function flags(t) {
  const words = []
  for (const [name, value] of Object.entries(t.attributes || {})) words.push('-a', `${name}=${Array.isArray(value) ? value.join(',') : value}`)
  for (const [name, value] of Object.entries(t.at || {})) words.push('--at', `${name}=${String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}`)
  if (t.toxicity !== undefined) words.push('--toxicity', String(t.toxicity))
  if (t.connections) words.push('--connection', String(t.connections))
  return words
}

function fault(t) {
  const first = /^(\d+)$/.exec(t.connections || '')
  return {toxic: t.type, direction: t.stream, at: t.at && Object.keys(t.at).length ? t.at : undefined, ...t.attributes,
    toxicity: t.toxicity !== undefined && t.toxicity < 1 ? t.toxicity : undefined, connection: first ? Number(first[1]) : undefined, from: t.name}
}

export const addToxic = (proxy, t) => do_({title: `Add ${t.name} (${t.type} ${t.stream}) to ${proxy}`, method: 'POST', path: path(proxy), body: t,
  words: ['toxic', 'add', proxy, '-t', t.type, '-n', t.name, t.stream === 'upstream' ? '-u' : '-d', ...flags(t)], faults: [fault(t)]})

export const removeToxic = (proxy, name) => do_({title: `Remove ${name} from ${proxy}`, method: 'DELETE', path: path(proxy, name),
  words: ['toxic', 'delete', proxy, '-n', name], clears: name})

export const updateToxic = (proxy, t) => do_({title: `Change ${t.name} of ${proxy}`, method: 'PATCH', path: path(proxy, t.name),
  body: {attributes: t.attributes, at: t.at, toxicity: t.toxicity}, words: ['toxic', 'update', proxy, '-n', t.name, ...flags({...t, connections: ''})], clears: t.name, faults: [fault(t)]})

const triggers = ['byte', 'pattern', 'opposite', 'segment', 'frame', 'event', 'time']
const places = {byte: '93', pattern: 'text', opposite: 'text of the other direction', segment: '3', frame: '3, or 3+2: two bytes into it', event: 'open, accept, answer, …', time: 'ms'}

// toxicForm asks for a toxic: a new one, or one that there is with its attributes.
export function toxicForm(proxy, was, close, datagrams = false) {
  const box = el('fieldset', {class: 'toxic-form'}, el('legend', {}, was ? `Change ${was.name}` : `Add a toxic to ${proxy}`))
  const type = el('select', {class: 'type'}), stream = el('select', {class: 'dir'}, el('option', {value: 'downstream'}, 'to the client'), el('option', {value: 'upstream'}, 'to the server'))
  const name = el('input', {class: 'name', autocomplete: 'off', placeholder: 'type_stream'}), toxicity = el('input', {class: 'toxicity', type: 'number', min: 0, max: 1, step: 'any', value: was ? was.toxicity : 1})
  const trigger = el('select', {class: 'trigger'}, el('option', {value: ''}, 'from the start'), ...triggers.filter(v => !datagrams || v !== 'frame').map(v => el('option', {value: v}, 'at ' + v)))
  const framing = el('input', {class: 'framing', autocomplete: 'off', placeholder: "the proxy's; line, length-prefix=4, http"})
  const place = el('input', {class: 'where', autocomplete: 'off'}), connections = el('input', {class: 'conns', autocomplete: 'off', placeholder: 'all; or 2, 1-3, 4-'})
  const attributes = el('div', {class: 'attributes'}), about = el('p', {class: 'note'})
  const field = (label, input) => el('label', {}, label + ' ', input)
  const framed = field('Framing', framing)
  const draw = () => drawAttributes(attributes, about, (catalogues[datagrams] || []).find(k => k.type === type.value), was)
  const drawPlace = () => {
    framed.hidden = trigger.value !== 'frame'
    place.placeholder = places[trigger.value] || ''
    place.disabled = !trigger.value
  }
  types(datagrams).then(list => {
    type.append(...list.map(k => el('option', {value: k.type}, k.type)))
    if (was) [type.value, stream.value, name.value, type.disabled, stream.disabled, name.disabled] = [was.type, was.stream, was.name, true, true, true]
    else type.value = 'latency'
    if (was?.at) {
      [[trigger.value, place.value]] = Object.entries(was.at).filter(([name]) => name !== 'framing')
      framing.value = was.at.framing || ''
    }
    draw()
    drawPlace()
  }, err => say(err.message))
  type.addEventListener('change', draw)
  trigger.addEventListener('change', drawPlace)
  const readAt = () => {
    if (trigger.value === 'frame') return {frame: place.value, ...(framing.value ? {framing: framing.value} : {})}
    return trigger.value ? {[trigger.value]: numberIf(place.value)} : was ? {} : undefined
  }
  const read = () => ({name: name.value || `${type.value}_${stream.value}`, type: type.value, stream: stream.value, attributes: readAttributes(attributes),
    toxicity: Number(toxicity.value), at: readAt(), connections: was ? undefined : connections.value || undefined})
  const form = el('form', {onsubmit: async e => {
    e.preventDefault()
    if (await (was ? updateToxic : addToxic)(proxy, read())) close()
  }}, box)
  box.append(el('div', {class: 'tools'}, field('Type', type), field('What goes', stream), field('Name', name)), about, attributes,
    el('div', {class: 'tools'}, field('Strikes', trigger), field('Place', place), framed, field('Toxicity', toxicity), was ? '' : field('Connections', connections)),
    el('div', {class: 'tools'}, el('button', {}, was ? 'Change' : 'Add'), el('button', {type: 'button', onclick: close}, 'Cancel')))
  return form
}

function drawAttributes(box, about, kind, was) {
  if (!kind) return
  about.textContent = kind.summary
  box.replaceChildren(...kind.attributes.map(a => {
    const value = was?.attributes?.[a.name] ?? a.default
    const text = value === null || value === undefined ? '' : String(value)
    const input = a.choices ? el('select', {}, ...a.choices.map(v => el('option', {value: v}, v))) : typeof a.default === 'boolean'
      ? el('select', {}, el('option', {value: 'false'}, 'false'), el('option', {value: 'true'}, 'true')) : el('input', {autocomplete: 'off'})
    input.value = text
    input.dataset.attribute = a.name
    input.dataset.was = was ? '\u0000' : text // all of one that there is, else what differs
    input.title = a.summary
    return el('label', {}, `${a.name}${a.unit ? ' (' + a.unit + ')' : ''} `, input)
  }))
}

const numberIf = text => /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text

function readAttributes(box) {
  const read = {}
  for (const input of box.querySelectorAll('[data-attribute]')) {
    if (input.value === input.dataset.was || input.value === '') continue
    read[input.dataset.attribute] = input.value === 'true' ? true : input.value === 'false' ? false : numberIf(input.value)
  }
  return read
}
