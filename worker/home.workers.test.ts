import { env, exports } from 'cloudflare:workers'
import { type HomeBindings, homeOf } from '../connector/home.ts'
import type { HomeRpc } from '../schema/process-ports.ts'
import { describeObjectStore } from '../test/contract/object-store.ts'

const { Home } = exports as unknown as { Home: HomeRpc }

// What it does for strangers: test/e2e/processes.test.ts.
const home = homeOf({ ...(env as unknown as HomeBindings), HOME: Home }, () => {
  throw new Error('the courier is at home')
})

describeObjectStore('the bucket of the main process', async () => {
  // The first call loads the whole Worker.
  await home.bucket.head('nothing')
  return { store: home.bucket }
})
