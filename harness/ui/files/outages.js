// Outages: a whole proxy is disturbed for a while, and healed.
import {do_} from './acts.js'
import {el} from './dom.js'
import {state} from './state.js'

const outages = [
  ['Partition, both ways', {outage: 'partition'}],
  ['Partition: nothing reaches the client', {outage: 'partition', stream: 'downstream'}],
  ['Partition: nothing reaches the server', {outage: 'partition', stream: 'upstream'}],
  ['Partition for 5 s', {outage: 'partition', for: '5s'}],
  ['Refuse new connections, open ones live on', {outage: 'refuse_new'}],
  ['Fail the next connection', {outage: 'fail', first: 1}],
  ['Fail the next 3 connections', {outage: 'fail', first: 3}],
  ['Fail new connections for 5 s', {outage: 'fail', for: '5s'}],
]

const path = proxy => `/proxies/${encodeURIComponent(proxy)}/outage`

const start = (proxy, title, body) => do_({title: `${title}: ${proxy}`, method: 'POST', path: path(proxy), body,
  words: ['outage', proxy, body.outage, ...['stream', 'first', 'for'].flatMap(name => body[name] === undefined ? [] : ['--' + name, String(body[name])])]})

const heal = proxy => do_({title: `Heal ${proxy}`, method: 'DELETE', path: path(proxy), words: ['outage', proxy, 'heal']})

// outageTools returns what starts an outage of a proxy, or ends the one that there is.
export function outageTools(p) {
  const now = state.outages[p.name]
  if (now) {
    const said = [now.outage, now.stream, now.first && `the next ${now.first}`, now.for && 'for a time'].filter(Boolean).join(', ')
    return [el('strong', {class: 'outage'}, 'Outage: ' + said), el('button', {type: 'button', class: 'heal', onclick: () => heal(p.name)}, 'Heal')]
  }
  const choice = el('select', {class: 'outage', disabled: !p.enabled, 'aria-label': `Outage of ${p.name}`}, el('option', {value: ''}, 'Outage…'), ...outages.map(([title], i) => el('option', {value: i}, title)))
  choice.addEventListener('change', () => start(p.name, ...outages[choice.value]).then(() => { choice.value = '' }))
  return [choice]
}
