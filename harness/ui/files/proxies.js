// The proxies, each with its switch, addresses, mode, toxics and presets.
import {do_} from './acts.js'
import {byID, el, say} from './dom.js'
import {outageTools} from './outages.js'
import {presets} from './presets.js'
import {state} from './state.js'
import {recordProxy} from './stream.js'
import {addToxic, removeToxic, toxicForm} from './toxics.js'

let drawn = null
const open = new Map() // forms that are open, by proxy

const update = (name, change, words) => do_({title: `Change ${name}: ${Object.entries(change).map(p => p.join(' ')).join(', ')}`, method: 'PATCH',
  path: '/proxies/' + encodeURIComponent(name), body: change, words})

export function drawProxies() {
  if (drawn === state.proxies) return
  drawn = state.proxies
  byID('proxy-list').replaceChildren(...state.proxies.map(card))
  if (!state.proxies.length) byID('proxy-list').append(el('p', {class: 'note'}, 'There is no proxy yet.'))
}

function redraw() {
  drawn = null
  drawProxies()
}

function card(p) {
  const mode = el('select', {onchange: () => update(p.name, {mode: mode.value}, ['update', p.name, '--mode', mode.value])},
    ...['accept', 'refuse', 'blackhole'].map(m => el('option', {value: m}, m)))
  mode.value = p.mode || 'accept'
  const preset = el('select', {class: 'preset', 'aria-label': `Preset for ${p.name}`}, el('option', {value: ''}, 'Preset…'), ...presets.map((s, i) => el('option', {value: i}, `${s.name}: ${s.about}`)))
  preset.addEventListener('change', () => applyPreset(p, presets[preset.value]))
  const recorded = state.recorded.has(p.name)
  const udp = p.listen.startsWith('udp:')
  const box = el('article', {class: 'proxy' + (p.enabled ? '' : ' off'), 'data-proxy': p.name},
    el('h3', {}, p.name, ' ', el('code', {}, `${p.listen} → ${p.upstreams?.length > 1 ? p.upstreams.join(', ') : p.upstream}`)),
    el('div', {class: 'tools'},
      el('button', {type: 'button', 'aria-pressed': String(p.enabled), onclick: () => update(p.name, {enabled: !p.enabled}, ['toggle', p.name])}, p.enabled ? 'Enabled' : 'Disabled'),
      el('label', {}, 'New connections ', mode),
      !udp && el('button', {type: 'button', 'aria-pressed': String(recorded), onclick: () => do_(recordProxy(p.name, !recorded))}, recorded ? 'New ones are recorded' : 'Record new ones'),
      el('button', {type: 'button', class: 'add', onclick: () => show(p.name, toxicForm(p.name, null, () => close(p.name), udp))}, 'Add a toxic'),
      !udp && preset,
      ...(udp ? [] : outageTools(p)),
      el('button', {type: 'button', onclick: () => show(p.name, addressForm(p))}, 'Edit'),
      el('button', {type: 'button', class: 'danger', onclick: () => do_({title: 'Delete ' + p.name, method: 'DELETE', path: '/proxies/' + encodeURIComponent(p.name), words: ['delete', p.name]})}, 'Delete')),
    el('ul', {class: 'toxics'}, ...p.toxics.map(t => toxicRow(p, t))))
  if (open.has(p.name)) box.append(open.get(p.name))
  return box
}

function toxicRow(p, t) {
  const said = Object.entries(t.attributes).map(([k, v]) => `${k}=${v}`)
  if (t.at) said.push(...Object.entries(t.at).map(([k, v]) => `at.${k}=${JSON.stringify(v)}`))
  if (t.toxicity < 1) said.push('toxicity=' + t.toxicity)
  if (t.connections || t.connection) said.push('connections=' + (t.connections || t.connection))
  return el('li', {}, el('span', {}, el('strong', {}, t.name), ` ${t.type} ${t.stream} `, el('code', {}, said.join(' '))),
    el('span', {class: 'tools'}, el('button', {type: 'button', 'aria-label': `Change ${t.name}`, onclick: () => show(p.name, toxicForm(p.name, t, () => close(p.name), p.listen.startsWith('udp:')))}, 'Change'),
      el('button', {type: 'button', 'aria-label': `Remove ${t.name}`, onclick: () => removeToxic(p.name, t.name)}, 'Remove')))
}

function show(name, form) {
  open.set(name, form)
  redraw()
  form.querySelector('input:not([disabled]),select:not([disabled])')?.focus()
}

function close(name) {
  open.delete(name)
  redraw()
}

async function applyPreset(p, preset) {
  if (!preset) return
  for (const t of preset.toxics) {
    if (!p.toxics.some(was => was.name === t.name)) await addToxic(p.name, t)
  }
  say(`${preset.name} is on ${p.name}`)
}

function addressForm(p) {
  const listen = el('input', {class: 'listen', value: p ? p.listen : '127.0.0.1:0', required: true}), upstream = el('input', {class: 'upstream', value: p ? p.upstream : '', required: true, placeholder: '127.0.0.1:7000'})
  const name = el('input', {class: 'proxy-name', required: true, autocomplete: 'off'})
  const end = () => p ? close(p.name) : drawNew()
  return el('form', {class: 'address', onsubmit: async e => {
    e.preventDefault()
    const body = {listen: listen.value, upstream: upstream.value}
    const made = p ? await update(p.name, body, ['update', p.name, '--listen', body.listen, '--upstream', body.upstream])
      : await do_({title: 'Create ' + name.value, method: 'POST', path: '/proxies', body: {name: name.value, ...body, enabled: true}, words: ['create', name.value, '-l', body.listen, '-u', body.upstream]})
    if (made) end()
  }}, el('div', {class: 'tools'}, p ? '' : el('label', {}, 'Name ', name), el('label', {}, 'Listen ', listen), el('label', {}, 'Upstream ', upstream),
    el('button', {}, p ? 'Change' : 'Create'), el('button', {type: 'button', onclick: end}, 'Cancel')))
}

// drawNew shows the button, or the form, for another proxy.
export function drawNew() {
  byID('proxy-new').replaceChildren(el('button', {type: 'button', id: 'new-proxy', onclick: () => {
    const form = addressForm(null)
    byID('proxy-new').replaceChildren(form)
    form.querySelector('input').focus()
  }}, 'New proxy'))
}
