import { parseArgs } from 'node:util'
import { createDemoWorld } from './demo-world.ts'
import { startSandbox } from './node/server.ts'

/** `npm run sandbox`: a MAX server on this machine, with the demo people in it. */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'tls-port': { type: 'string', default: '0' },
    'ca-file': { type: 'string' },
    empty: { type: 'boolean', default: false },
  },
})

const sandbox = await startSandbox({
  port: Number(values.port),
  tlsPort: Number(values['tls-port']),
  ...(values['ca-file'] !== undefined && { caFile: values['ca-file'] }),
})
console.log(`web socket  ${sandbox.url}   (binary: v10, text: v11; Origin https://web.max.ru)`)
console.log(`TLS TCP     ${sandbox.tlsUrl}`)
console.log(`CA file     ${sandbox.caFile}`)
console.log(`control     ${sandbox.controlUrl}`)
if (!values.empty) {
  const demo = createDemoWorld(sandbox.core)
  console.log(`log in as   ${demo.me.phone}, code ${sandbox.core.settings.code}`)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void sandbox.close().finally(() => process.exit(0)))
}
