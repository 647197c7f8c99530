import { afterAll, beforeAll } from 'vitest'
import { type RunningSandbox, startSandbox } from '../../sandbox/node/server.ts'
import type { Settings } from '../../sandbox/settings.ts'
import { type Gateway, maxEnv, type Protocol, startGateway, type Tenant } from './gateway.ts'
import { adopt, createPerson, type NewPerson, type Person } from './people.ts'
import { type Receiver, startReceiver } from './receiver.ts'

/** A tenant with what surrounds it: its receiver, its person at MAX, and the processes. */
export interface Stage {
  sandbox: RunningSandbox
  gateway: Gateway
  receiver: Receiver
  tenant: Tenant
  person: Person
}

export interface World {
  /** A new tenant that is not logged in. */
  enter(options?: NewPerson): Promise<Stage>
  /** A new tenant that is online. */
  enterOnline(options?: NewPerson): Promise<Stage>
}

/**
 * A gateway process and a MAX of its own for the tests of the present `describe`.
 * @param processes how many session processes the gateway has
 */
export const useWorld = (
  protocol: Protocol,
  { settings = {}, processes = 0 }: { settings?: Partial<Settings>; processes?: number } = {},
): World => {
  let sandbox: RunningSandbox
  let gateway: Gateway
  const receivers: Receiver[] = []
  beforeAll(async () => {
    sandbox = await startSandbox({ settings })
    gateway = await startGateway({
      ...maxEnv(sandbox, protocol),
      MAXAPI_PROCESSES: String(processes),
    })
  })
  afterAll(async () => {
    await gateway.remove()
    await Promise.all(receivers.map((receiver) => receiver.close()))
    await sandbox.close()
  })
  const enter = async (options?: NewPerson): Promise<Stage> => {
    const receiver = await startReceiver()
    receivers.push(receiver)
    const tenant = await gateway.createTenant({ receiver })
    return { sandbox, gateway, receiver, tenant, person: createPerson(sandbox, options) }
  }
  return {
    enter,
    enterOnline: async (options) => {
      const stage = await enter(options)
      await adopt(sandbox, stage.tenant, stage.person)
      await stage.receiver.event('Connected')
      return stage
    },
  }
}
