// Writes what was clicked as a scenario file, which `harness lint` accepts and
// `harness run` judges: the faults, put where they struck.

// scenarioFile returns the file, or '' when nothing that was clicked is a fault.
export function scenarioFile(done) {
  const faults = []
  const lines = []
  for (const entry of done) {
    if (entry.failed) continue
    lines.push(`#   ${entry.title}`.replaceAll(/[\r\n]+/g, ' '))
    if (entry.verb === 'resume') resume(faults, entry)
    if (entry.clears) faults.splice(0, faults.length, ...faults.filter(f => f.from !== entry.clears))
    for (const fault of entry.faults || []) faults.push({...fault, id: entry.id, since: entry.at})
  }
  if (!faults.length) return ''
  return `# Written by the live page of harness, from what was clicked:
${lines.join('\n')}
# Try it: harness lint FILE; harness run FILE --config harness.yaml
scenario: page/clicked
title: What was clicked on the live page
why: A conversation was disturbed by hand, and the same is to be tried on every change.
role: server
level: should
faults:
${named(faults).map(line).join('\n')}
`
}

// named gives a name to each fault whose own one, TOXIC_DIRECTION, is taken: that of the
// toxic, or one with a number.
function named(faults) {
  const used = new Set()
  return faults.map(f => {
    const own = `${f.toxic}_${f.direction}`, base = used.has(own) ? (f.from || own).replaceAll(/[^\w-]/g, '_') : own
    let name = base
    for (let n = 2; used.has(name); n++) name = `${base}_${n}`
    used.add(name)
    return {...f, name: name === own ? undefined : name}
  })
}

// resume gives a stall the time that it lasted.
function resume(faults, entry) {
  for (const f of faults) {
    const same = f.toxic === 'stall' && f.id === entry.id && (!entry.options.stream || entry.options.stream === f.direction)
    if (same && f.duration === undefined) f.duration = Math.max(1, Math.round(entry.at - f.since))
  }
}

// A value of JSON is one of YAML too.
function line(fault) {
  const {id, since, from, ...said} = fault
  const fields = Object.entries(said).filter(([, v]) => v !== undefined && v !== null)
    .map(([name, value]) => `${name}: ${typeof value === 'string' && /^[a-z_]+$/.test(value) ? value : write(value)}`)
  return `  - {${fields.join(', ')}}`
}

const write = value => value && typeof value === 'object' && !Array.isArray(value)
  ? `{${Object.entries(value).map(([k, v]) => `${k}: ${write(v)}`).join(', ')}}` : JSON.stringify(value)
