import { type ChildProcess, spawn } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'

const SCRIPT = 'while read -r pid; do last=$pid; done; [ -n "$last" ] && kill -9 "$last"'

export interface Guard {
  /** Process id of the runtime, while there is one. */
  pid(): number | undefined
  /** Guards a process instead of the last one. */
  follow(child: ChildProcess): void
  end(): void
}

/**
 * The runtime outlives a parent that was killed, and would keep the port and the data. A shell
 * waits at the end of a pipe from this process and kills the runtime when the pipe breaks.
 */
export const createGuard = (): Guard => {
  let pid: number | undefined
  const shell =
    process.platform === 'win32'
      ? undefined
      : // In a group of its own, so that a ^C in the terminal does not end it first.
        spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  shell?.on('error', () => {})
  shell?.stdin?.on('error', () => {})
  shell?.unref()

  const tell = (current: number | undefined) => {
    pid = current
    shell?.stdin?.write(`${current ?? ''}\n`)
  }
  return {
    pid: () => pid,
    follow: (child) => {
      tell(child.pid)
      child.once('exit', () => {
        if (pid === child.pid) tell(undefined)
      })
    },
    end: () => shell?.stdin?.end(),
  }
}

/**
 * Guards a runtime that somebody else starts, through its restarts. Must be called before it starts.
 * @param isRuntime tells it by its command line
 */
export const guardRuntime = (isRuntime: (command: readonly string[]) => boolean): Guard => {
  const guard = createGuard()
  const onProcess = (message: unknown) => {
    const { process: child } = message as { process: ChildProcess }
    child.once('spawn', () => {
      if (isRuntime([child.spawnfile, ...child.spawnargs])) guard.follow(child)
    })
  }
  subscribe('child_process', onProcess)
  return {
    ...guard,
    end: () => {
      unsubscribe('child_process', onProcess)
      guard.end()
    },
  }
}
