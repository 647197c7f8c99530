import { describeObjectStore } from '../../test/contract/object-store.ts'
import { MemoryBucket } from '../../test/support/memory-bucket.ts'
import { r2Store } from './r2-store.ts'

// The bucket of the tests in Node is held to what R2 does.
describeObjectStore('R2 in memory', async () => ({ store: r2Store(new MemoryBucket().r2) }))
