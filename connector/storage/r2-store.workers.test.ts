import { env } from 'cloudflare:workers'
import { describeObjectStore } from '../../test/contract/object-store.ts'
import { r2Store } from './r2-store.ts'

const { MEDIA } = env as unknown as { MEDIA: R2Bucket }

describeObjectStore('R2', async () => ({ store: r2Store(MEDIA) }))
