import { readdirSync, readFileSync } from 'node:fs'

/** What a process and its descendants have used; Linux only. */
export interface Usage {
  cpuMs: number
  rssMb: number
}

interface ProcessStat {
  parent: number
  cpuMs: number
  rssMb: number
}

/** /proc counts CPU in ticks of 10 ms, memory in pages of 4 KiB, on every Linux we run on. */
const TICK_MS = 10
const PAGE_MB = 4096 / 1e6

const readStat = (pid: number): ProcessStat | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is a name in parentheses that may itself hold blanks: count from its end.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const [, parent = 0] = fields
    const [user = 0, system = 0] = fields.slice(11, 13)
    return { parent, cpuMs: (user + system) * TICK_MS, rssMb: (fields[21] ?? 0) * PAGE_MB }
  } catch {
    return undefined
  }
}

/** Sums a process and its descendants. */
export const usageOf = (root: number): Usage => {
  const stats = new Map<number, ProcessStat>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined
    if (stat) stats.set(pid, stat)
  }
  const belongs = (pid: number): boolean => {
    const stat = stats.get(pid)
    return pid === root || (stat !== undefined && belongs(stat.parent))
  }
  const total = { cpuMs: 0, rssMb: 0 }
  for (const [pid, stat] of stats) {
    if (!belongs(pid)) continue
    total.cpuMs += stat.cpuMs
    total.rssMb += stat.rssMb
  }
  return total
}
