import { type ChildProcess, spawn } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'

const SCRIPT = 'while read -r pid; do last=$pid; done; [ -n "$last" ] && kill -9 "$last"'

export interface Guard {
  /** Process id of the runtime, while there is one. */
  pid(): number | undefined
  end(): void
}

/**
 * The runtime outlives a parent that was killed, and would keep the port and the data. A shell
 * waits at the end of a pipe from this process and kills the runtime when the pipe breaks.
 * Must be called before the runtime starts; follows it through restarts.
 */
export const guardRuntime = (isRuntime: (command: string) => boolean): Guard => {
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
  const onProcess = (message: unknown) => {
    const { process: child } = message as { process: ChildProcess }
    child.once('spawn', () => {
      if (!isRuntime(child.spawnfile)) return
      tell(child.pid)
      child.once('exit', () => {
        if (pid === child.pid) tell(undefined)
      })
    })
  }
  subscribe('child_process', onProcess)
  return {
    pid: () => pid,
    end: () => {
      unsubscribe('child_process', onProcess)
      shell?.stdin?.end()
    },
  }
}
