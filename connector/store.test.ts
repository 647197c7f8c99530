import { storeContract } from '../test/contract/store.ts'
import { nodeSql } from '../test/support/node-sql.ts'

storeContract('node:sqlite', async (test) => test(nodeSql()))
