// Small helpers to build the page and to write numbers. Text is always text: nothing
// here parses HTML.
export const byID = id => document.getElementById(id)

// el makes an element: el('button', {class: 'x', onclick: f}, 'text', child).
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value)
    else made.setAttribute(name, value === true ? '' : value)
  }
  made.append(...children.filter(c => c !== null && c !== undefined && c !== false))
  return made
}

// svg makes an element of a drawing.
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

// setText changes a text only if it is another one, which costs nothing to lay out.
export function setText(node, text) { if (node.textContent !== text) node.textContent = text }

let hide = 0
export function say(text) {
  byID('said').textContent = text
  clearTimeout(hide)
  hide = setTimeout(() => { byID('said').textContent = '' }, 5000)
}

export function bytes(n) {
  if (n < 10000) return `${n} B`
  for (const unit of ['kB', 'MB', 'GB', 'TB']) {
    n /= 1000
    if (n < 1000 || unit === 'TB') return `${n < 10 ? n.toFixed(2) : n < 100 ? n.toFixed(1) : Math.round(n)} ${unit}`
  }
}

export function duration(ms) {
  if (ms < 10) return `${Math.max(0, ms).toFixed(ms > 0.05 ? 1 : 0)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  const s = ms / 1000
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`
  return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`
}

// clock writes a time of the day, as the clock of this machine has it.
export function clock(date, withMs) {
  const text = [date.getHours(), date.getMinutes(), date.getSeconds()].map(n => String(n).padStart(2, '0')).join(':')
  return withMs ? text + '.' + String(date.getMilliseconds()).padStart(3, '0') : text
}

export async function copy(text) {
  try { await navigator.clipboard.writeText(text) } catch {
    const area = el('textarea')
    area.value = text
    document.body.append(area)
    area.select()
    document.execCommand('copy')
    area.remove()
  }
  say('Copied')
}

// download saves a text as a file.
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], {type: 'text/plain'}))
  const link = el('a', {href: url, download: name})
  document.body.append(link)
  link.click()
  link.remove()
  setTimeout(() => URL.revokeObjectURL(url), 60000)
}
